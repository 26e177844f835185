/*
 * The matrix: a row for each scenario, a group of columns for each backend, with a column for each strike that was tried.
 *
 * A strike that a backend skipped everywhere gets no column, unless it skipped every strike (the summary below has the reason).
 * If the terminal is too narrow, each backend has one column, which shows the worst verdict of its strikes; if it is still too
 * narrow, the backends are split into several blocks, one below the other. Many random scenarios share one row.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "random/random.h"
#include "report/report.h"

enum {
    MAX_CELL = 64,
    MANY_RANDOM = 8,
    HEADER_LINES = 8,
    GROUP_GAP = 3,          /* " | " */
    WORST_COLUMN = STRIKES, /* the only column of a backend in a narrow matrix */
    N_COLUMNS,
};

static const char absent[] = "-", row_title[] = "scenario";

struct cell {
    size_t n[VERDICT_KINDS], known; /* known: how many of the violated ones */
    uint64_t covered, lossy, violated;
    uint64_t surprises;
};

struct row {
    const char *name;   /* "random/": all of them */
    struct cell *cells; /* by group and strike */
};

struct column {
    bool shown;
    unsigned width;
};

struct group {
    bool tried[STRIKES];
    struct column column[N_COLUMNS];
    unsigned width;
    const char *piece[HEADER_LINES]; /* the spec, cut at commas */
    int piece_len[HEADER_LINES];
    size_t n_pieces;
};

struct matrix {
    struct row *rows;
    size_t n_rows, cap_rows, n_random;
    struct group *groups;
    size_t n_groups;
    unsigned label_width;
    bool narrow; /* one column a backend */
};

static int severity(enum verdict v)
{
    static const int of[VERDICT_KINDS] = {
        [VERDICT_SKIPPED] = 0, [VERDICT_KEPT] = 1, [VERDICT_LOSSY] = 2, [VERDICT_BROKEN] = 3, [VERDICT_VIOLATED] = 4};

    return of[v];
}

static enum verdict worst(const struct cell *c)
{
    enum verdict most = VERDICT_KINDS;

    for (unsigned v = 0; v < VERDICT_KINDS; v++)
        if (c->n[v] && (most == VERDICT_KINDS || severity(v) > severity(most)))
            most = v;
    return most;
}

/*
 * "lossy 37/120": the verdict, and in how many of how many states (or runs). "kept" has a number only if the strike may lose
 * something, because then the number of states without a loss means something. '*' marks surprises, which the summary lists;
 * brackets mark a violation that the scenario's header lists as known for this backend.
 */
static enum verdict cell_text(const struct cell *c, enum strike strike, char *buf)
{
    enum verdict v = worst(c);
    const char *star = c->surprises ? "*" : "";

    if (v == VERDICT_KINDS)
        snprintf(buf, MAX_CELL, "%s", absent);
    else if (v == VERDICT_VIOLATED && !(c->violated && c->covered)) /* by a step of the run itself, not by a state */
        snprintf(buf, MAX_CELL, c->known == c->n[v] ? "(%s)%s" : "%s%s", verdict_word(v), star);
    else if (v == VERDICT_VIOLATED && c->known == c->n[v])
        snprintf(buf, MAX_CELL, "(%s %s/%s)%s", verdict_word(v), text_short(c->violated), text_short(c->covered), star);
    else if (v == VERDICT_VIOLATED)
        snprintf(buf, MAX_CELL, "%s %s/%s%s", verdict_word(v), text_short(c->violated), text_short(c->covered), star);
    else if (v == VERDICT_LOSSY && c->covered)
        snprintf(buf, MAX_CELL, "%s %s/%s%s", verdict_word(v), text_short(c->lossy), text_short(c->covered), star);
    else if (v == VERDICT_KEPT && strike_table[strike].loss[VIEW_LOCAL] != LOSS_NOTHING && c->covered)
        snprintf(buf, MAX_CELL, "%s %s%s", verdict_word(v), text_short(c->covered), star);
    else
        snprintf(buf, MAX_CELL, "%s%s", verdict_word(v), star);
    return v;
}

static struct cell *cell_at(const struct matrix *m, const struct row *row, size_t group, size_t strike)
{
    assert(group < m->n_groups && strike < STRIKES);
    return &row->cells[group * STRIKES + strike];
}

static struct row *row_of(struct matrix *m, const char *name, bool join_random)
{
    const char *label = join_random && is_random_name(name) ? RANDOM_PREFIX : name;

    if (m->n_rows && strcmp(m->rows[m->n_rows - 1].name, label) == 0)
        return &m->rows[m->n_rows - 1];
    m->rows = grow(m->rows, &m->cap_rows, m->n_rows, sizeof *m->rows);
    m->rows[m->n_rows] = (struct row){label, xcalloc(m->n_groups * STRIKES, sizeof(struct cell))};
    return &m->rows[m->n_rows++];
}

static void fill(struct matrix *m, const struct report *r)
{
    const char *last = "";

    for (size_t i = 0; i < r->n_results; i++)
        if (strcmp(last, r->results[i].scenario) != 0) {
            last = r->results[i].scenario;
            m->n_random += is_random_name(last);
        }
    for (size_t i = 0; i < r->n_results; i++) {
        const struct result *one = &r->results[i];
        struct row *row = row_of(m, one->scenario, m->n_random > MANY_RANDOM);
        for (size_t g = 0; g < m->n_groups; g++)
            if (strcmp(r->configs[g].spec, one->backend) == 0) {
                struct cell *c = cell_at(m, row, g, one->strike);
                c->n[one->verdict]++;
                c->covered += one->states_covered;
                c->lossy += one->states_lossy;
                c->violated += one->states_violated;
                c->surprises += one->surprises;
                c->known += one->known;
            }
    }
}

/* A row shows the name behind its last '/'; the directory stands on a line above. */
static size_t directory_length(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash ? (size_t)(slash - name) + 1 : 0;
}

static void row_label(const struct matrix *m, const struct row *row, char *buf, size_t size)
{
    size_t dir = directory_length(row->name);

    if (row->name[dir])
        snprintf(buf, size, "%s%s", dir ? "  " : "", row->name + dir);
    else
        snprintf(buf, size, "  (%s scenarios)", text_count(m->n_random));
}

static void cut_header(struct group *g, const char *spec)
{
    for (const char *p = spec; *p && g->n_pieces < HEADER_LINES;) {
        size_t len = g->n_pieces + 1 < HEADER_LINES ? strcspn(p, ",") : strlen(p);
        len += p[len] == ',';
        g->piece[g->n_pieces] = p;
        g->piece_len[g->n_pieces++] = (int)len;
        p += len;
    }
}

/* The text of column k in a row: one strike's cell, or in WORST_COLUMN the worst cell of all strikes. Returns its verdict. */
static enum verdict column_text(const struct matrix *m, const struct row *row, size_t group, size_t k, char *buf)
{
    enum verdict worst_so_far = VERDICT_KINDS;
    char text[MAX_CELL];

    if (k < STRIKES)
        return cell_text(cell_at(m, row, group, k), (enum strike)k, buf);
    snprintf(buf, MAX_CELL, "%s", absent);
    for (unsigned s = STRIKES; s-- > 0;) { /* of equally bad ones, the table's last wins */
        enum verdict v = m->groups[group].tried[s] ? cell_text(cell_at(m, row, group, s), (enum strike)s, text) : VERDICT_KINDS;
        if (v == VERDICT_KINDS || (worst_so_far != VERDICT_KINDS && severity(v) <= severity(worst_so_far)))
            continue;
        /* Without a name the cell is of the table's last strike; another is named if its verdict is worse than kept. */
        bool named = s != STRIKES - 1 && v != VERDICT_KEPT && v != VERDICT_SKIPPED;
        snprintf(buf, MAX_CELL, "%s%s%.*s", named ? strike_table[s].name : "", named ? " " : "", MAX_CELL / 2, text);
        worst_so_far = v;
    }
    return worst_so_far;
}

static void lay_out_group(struct matrix *m, size_t g)
{
    struct group *group = &m->groups[g];
    char text[MAX_CELL];

    group->width = 0;
    for (size_t k = 0; k < N_COLUMNS; k++) {
        struct column *col = &group->column[k];
        col->shown = m->narrow ? k == WORST_COLUMN : k < STRIKES && group->tried[k];
        col->width = k < STRIKES ? (unsigned)strlen(strike_table[k].name) : 0;
        for (size_t i = 0; i < m->n_rows; i++) {
            column_text(m, &m->rows[i], g, k, text);
            if (strlen(text) > col->width)
                col->width = (unsigned)strlen(text);
        }
        if (col->shown)
            group->width += col->width + (group->width ? 1 : 0);
    }
    for (size_t i = 0; i < group->n_pieces; i++)
        if ((unsigned)group->piece_len[i] > group->width)
            group->width = (unsigned)group->piece_len[i];
}

/* Finds the strikes that get a column: those not skipped for every scenario; if there are none, all that were skipped. */
static void find_tried(struct matrix *m, size_t g)
{
    struct group *group = &m->groups[g];
    size_t n_tried = 0;
    bool skipped[STRIKES] = {false};

    for (size_t k = 0; k < STRIKES; k++) {
        for (size_t i = 0; i < m->n_rows; i++) {
            enum verdict v = worst(cell_at(m, &m->rows[i], g, k));
            if (v == VERDICT_SKIPPED)
                skipped[k] = true;
            else if (v != VERDICT_KINDS)
                group->tried[k] = true;
        }
        n_tried += group->tried[k];
    }
    if (!n_tried)
        memcpy(group->tried, skipped, sizeof skipped);
}

static void lay_out(struct matrix *m, const struct report *r, unsigned width)
{
    char label[256];
    unsigned total;

    m->label_width = (unsigned)strlen(row_title);
    for (size_t i = 0; i < m->n_rows; i++) {
        row_label(m, &m->rows[i], label, sizeof label);
        if (strlen(label) > m->label_width)
            m->label_width = (unsigned)strlen(label);
    }
    total = m->label_width;
    for (size_t g = 0; g < m->n_groups; g++) {
        cut_header(&m->groups[g], r->configs[g].spec);
        find_tried(m, g);
        lay_out_group(m, g);
        total += GROUP_GAP + m->groups[g].width;
    }
    m->narrow = total > width;
    for (size_t g = 0; m->narrow && g < m->n_groups; g++)
        lay_out_group(m, g);
}

static void print_rule(const struct matrix *m, size_t from, size_t to, FILE *out)
{
    for (unsigned i = 0; i < m->label_width; i++)
        fputc('-', out);
    for (size_t g = from; g < to; g++) {
        fputs("-+-", out);
        for (unsigned i = 0; i < m->groups[g].width; i++)
            fputc('-', out);
    }
    fputc('\n', out);
}

/* The backends' specs, split into lines at commas; below them the strikes. */
static void print_header(const struct matrix *m, size_t from, size_t to, FILE *out)
{
    size_t n_lines = 1;

    for (size_t g = from; g < to; g++)
        if (m->groups[g].n_pieces > n_lines)
            n_lines = m->groups[g].n_pieces;
    for (size_t line = 0; line < n_lines; line++) {
        bool title = m->narrow && line + 1 == n_lines;
        fprintf(out, "%-*s", (int)m->label_width, title ? row_title : "");
        for (size_t g = from; g < to; g++) {
            const struct group *group = &m->groups[g];
            int len = line < group->n_pieces ? group->piece_len[line] : 0;
            fprintf(out, " | %.*s%*s", len, len ? group->piece[line] : "", g + 1 < to ? (int)group->width - len : 0, "");
        }
        fputc('\n', out);
    }
    if (!m->narrow) {
        fprintf(out, "%-*s", (int)m->label_width, row_title);
        for (size_t g = from; g < to; g++) {
            unsigned at = 0;
            fputs(" | ", out);
            for (size_t k = 0; k < STRIKES; k++)
                if (m->groups[g].column[k].shown) {
                    unsigned width = m->groups[g].column[k].width + (at ? 1 : 0);
                    fprintf(out, "%s%-*s", at ? " " : "", (int)(width - (at ? 1 : 0)), strike_table[k].name);
                    at += width;
                }
            fprintf(out, "%*s", g + 1 < to ? (int)(m->groups[g].width - at) : 0, "");
        }
        fputc('\n', out);
    }
    print_rule(m, from, to, out);
}

static void print_row(const struct matrix *m, const struct row *row, size_t from, size_t to, FILE *out, struct term term)
{
    char text[MAX_CELL], label[256];

    row_label(m, row, label, sizeof label);
    fprintf(out, "%-*s", (int)m->label_width, label);
    for (size_t g = from; g < to; g++) {
        const struct group *group = &m->groups[g];
        unsigned at = 0, blanks = 0; /* blanks: printed only if something follows on the line */
        fputs(" | ", out);
        for (size_t k = 0; k < N_COLUMNS; k++) {
            if (!group->column[k].shown)
                continue;
            enum verdict v = column_text(m, row, g, k, text);
            blanks += at ? 1 : 0;
            at += (at ? 1 : 0) + group->column[k].width;
            fprintf(out, "%*s%s%s%s", (int)blanks, "", v == VERDICT_KINDS ? "" : verdict_colour(v, term), text,
                    v == VERDICT_KINDS ? "" : colour_end(term));
            blanks = group->column[k].width - (unsigned)strlen(text);
        }
        if (g + 1 < to)
            fprintf(out, "%*s", (int)(blanks + group->width - at), "");
    }
    fputc('\n', out);
}

static void print_block(const struct matrix *m, size_t from, size_t to, FILE *out, struct term term)
{
    const char *dir = "";
    size_t dir_len = 0;

    print_header(m, from, to, out);
    for (size_t i = 0; i < m->n_rows; i++) {
        const char *name = m->rows[i].name;
        size_t len = directory_length(name);
        if (len != dir_len || strncmp(dir, name, len) != 0) {
            dir = name;
            dir_len = len;
            if (len)
                fprintf(out, "%.*s\n", (int)len, name);
        }
        print_row(m, &m->rows[i], from, to, out, term);
    }
    fputc('\n', out);
}

void matrix_print(const struct report *r, FILE *out, struct term term)
{
    struct matrix m = {.n_groups = r->n_configs, .groups = xcalloc(r->n_configs, sizeof(struct group))};

    fill(&m, r);
    lay_out(&m, r, term.width);
    for (size_t from = 0, to; m.n_rows && from < m.n_groups; from = to) {
        unsigned width = m.label_width;
        for (to = from; to < m.n_groups && (to == from || width + GROUP_GAP + m.groups[to].width <= term.width); to++)
            width += GROUP_GAP + m.groups[to].width;
        print_block(&m, from, to, out, term);
    }
    if (m.narrow && m.n_rows)
        fprintf(out, "(One column a backend: the worst of its crash kinds. A count without a crash kind is of '%s'.)\n\n",
                strike_table[STRIKES - 1].name);
    for (size_t i = 0; i < m.n_rows; i++)
        free(m.rows[i].cells);
    free(m.rows);
    free(m.groups);
}
