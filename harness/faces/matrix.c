/*
 * The matrix: a row for each scenario, a group of columns for each backend with a column for each crash kind that was tried.
 *
 * A kind that a backend skipped everywhere gets no column (the reason stands below the matrix). Where the groups do not fit the
 * width, they go into several blocks one below the other. Random scenarios, when many, share one row.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "faces/report.h"

enum { MAX_CELL = 40, MANY_RANDOM = 8, HEADER_LINES = 8 };

static const char random_prefix[] = "random/", absent[] = "-", row_title[] = "scenario";

struct cell {
    size_t n[VERDICT_KINDS];
    uint64_t covered, lossy, violated;
    uint64_t surprises;
};

struct row {
    const char *name;   /* "random/": all of them */
    struct cell *cells; /* by group and crash kind */
};

struct column {
    bool shown;
    unsigned width;
};

struct group {
    struct column column[CRASH_KINDS];
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
};

const char *verdict_word(enum verdict v)
{
    return v == VERDICT_VIOLATED ? "VIOLATED" : verdict_names[v];
}

const char *verdict_colour(enum verdict v, struct term term)
{
    static const char *const colour[VERDICT_KINDS] = {[VERDICT_KEPT] = "\033[32m",
                                                      [VERDICT_LOSSY] = "\033[33m",
                                                      [VERDICT_VIOLATED] = "\033[1;31m",
                                                      [VERDICT_BROKEN] = "\033[1;35m",
                                                      [VERDICT_SKIPPED] = "\033[2m"};

    return term.colour ? colour[v] : "";
}

const char *colour_end(struct term term)
{
    return term.colour ? "\033[0m" : "";
}

static enum verdict worst(const struct cell *c)
{
    static const enum verdict order[] = {VERDICT_VIOLATED, VERDICT_BROKEN, VERDICT_LOSSY, VERDICT_KEPT, VERDICT_SKIPPED};

    for (size_t i = 0; i < VERDICT_KINDS; i++)
        if (c->n[order[i]])
            return order[i];
    return VERDICT_KINDS;
}

/* "lossy 37/120": the verdict, in how many of how many states (or runs). '*' marks surprises, told below. */
static enum verdict cell_text(const struct cell *c, char *buf)
{
    enum verdict v = worst(c);
    const char *star = c->surprises ? "*" : "";

    if (v == VERDICT_KINDS)
        snprintf(buf, MAX_CELL, "%s", absent);
    else if (v == VERDICT_VIOLATED && c->covered)
        snprintf(buf, MAX_CELL, "%s %llu/%llu%s", verdict_word(v), (unsigned long long)c->violated,
                 (unsigned long long)c->covered, star);
    else if (v == VERDICT_LOSSY && c->covered)
        snprintf(buf, MAX_CELL, "%s %llu/%llu%s", verdict_word(v), (unsigned long long)c->lossy, (unsigned long long)c->covered,
                 star);
    else if (v == VERDICT_KEPT && c->covered)
        snprintf(buf, MAX_CELL, "%s %llu%s", verdict_word(v), (unsigned long long)c->covered, star);
    else
        snprintf(buf, MAX_CELL, "%s%s", verdict_word(v), star);
    return v;
}

static struct cell *cell_at(const struct matrix *m, const struct row *row, size_t group, size_t kind)
{
    assert(group < m->n_groups && kind < CRASH_KINDS);
    return &row->cells[group * CRASH_KINDS + kind];
}

static bool is_random(const char *name)
{
    return strncmp(name, random_prefix, strlen(random_prefix)) == 0;
}

static struct row *row_of(struct matrix *m, const char *name, bool join_random)
{
    const char *label = join_random && is_random(name) ? random_prefix : name;

    if (m->n_rows && strcmp(m->rows[m->n_rows - 1].name, label) == 0)
        return &m->rows[m->n_rows - 1];
    m->rows = grow(m->rows, &m->cap_rows, m->n_rows, sizeof *m->rows);
    m->rows[m->n_rows] = (struct row){label, xcalloc(m->n_groups * CRASH_KINDS, sizeof(struct cell))};
    return &m->rows[m->n_rows++];
}

static void fill(struct matrix *m, const struct report *r)
{
    const char *last = "";

    for (size_t i = 0; i < r->n_results; i++)
        if (strcmp(last, r->results[i].scenario) != 0) {
            last = r->results[i].scenario;
            m->n_random += is_random(last);
        }
    for (size_t i = 0; i < r->n_results; i++) {
        const struct result *one = &r->results[i];
        struct row *row = row_of(m, one->scenario, m->n_random > MANY_RANDOM);
        for (size_t g = 0; g < m->n_groups; g++)
            if (strcmp(r->configs[g].spec, one->backend) == 0) {
                struct cell *c = cell_at(m, row, g, one->crash);
                c->n[one->verdict]++;
                c->covered += one->states_covered;
                c->lossy += one->states_lossy;
                c->violated += one->states_violated;
                c->surprises += one->surprises;
            }
    }
}

/* Rows show the part of the name behind the last '/', below a line with the part before it. */
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
        if (len > g->width)
            g->width = (unsigned)len;
        p += len;
    }
}

static void lay_out(struct matrix *m, const struct report *r)
{
    char text[MAX_CELL], label[256];

    m->label_width = (unsigned)strlen(row_title);
    for (size_t i = 0; i < m->n_rows; i++) {
        row_label(m, &m->rows[i], label, sizeof label);
        if (strlen(label) > m->label_width)
            m->label_width = (unsigned)strlen(label);
    }
    for (size_t g = 0; g < m->n_groups; g++) {
        struct group *group = &m->groups[g];
        size_t n_shown = 0, any = CRASH_KINDS;

        for (size_t k = 0; k < CRASH_KINDS; k++) {
            struct column *col = &group->column[k];
            col->width = (unsigned)strlen(crash_names[k]);
            for (size_t i = 0; i < m->n_rows; i++) {
                enum verdict v = cell_text(cell_at(m, &m->rows[i], g, k), text);
                if (strlen(text) > col->width)
                    col->width = (unsigned)strlen(text);
                if (v != VERDICT_KINDS)
                    any = k;
                if (v != VERDICT_KINDS && v != VERDICT_SKIPPED)
                    col->shown = true;
            }
            n_shown += col->shown;
        }
        if (!n_shown && any < CRASH_KINDS)
            group->column[any].shown = true;
        for (size_t k = 0; k < CRASH_KINDS; k++)
            if (group->column[k].shown)
                group->width += group->column[k].width + (group->width ? 2 : 0);
        cut_header(group, r->configs[g].spec);
    }
}

/* One line of a group's part of the table; `line` counts header lines from the top, the crash kinds are the last. */
static void print_header(const struct matrix *m, size_t from, size_t to, FILE *out)
{
    size_t n_lines = 0;

    for (size_t g = from; g < to; g++)
        if (m->groups[g].n_pieces > n_lines)
            n_lines = m->groups[g].n_pieces;
    for (size_t line = 0; line <= n_lines; line++) {
        fprintf(out, "%-*s", (int)m->label_width, line == n_lines ? row_title : "");
        for (size_t g = from; g < to; g++) {
            const struct group *group = &m->groups[g];
            unsigned at = 0;
            fputs(" | ", out);
            if (line < n_lines && line < group->n_pieces) {
                fprintf(out, "%.*s", group->piece_len[line], group->piece[line]);
                at = (unsigned)group->piece_len[line];
            }
            for (size_t k = 0; line == n_lines && k < CRASH_KINDS; k++)
                if (group->column[k].shown) {
                    fprintf(out, "%s%-*s", at ? "  " : "", (int)group->column[k].width, crash_names[k]);
                    at += group->column[k].width + (at ? 2 : 0);
                }
            if (g + 1 < to)
                fprintf(out, "%*s", (int)(group->width - at), "");
        }
        fputc('\n', out);
    }
    for (unsigned i = 0; i < m->label_width; i++)
        fputc('-', out);
    for (size_t g = from; g < to; g++) {
        fputs("-+-", out);
        for (unsigned i = 0; i < m->groups[g].width; i++)
            fputc('-', out);
    }
    fputc('\n', out);
}

static void print_row(const struct matrix *m, const struct row *row, size_t from, size_t to, FILE *out, struct term term)
{
    char text[MAX_CELL], label[256];

    row_label(m, row, label, sizeof label);
    fprintf(out, "%-*s", (int)m->label_width, label);
    for (size_t g = from; g < to; g++) {
        const struct group *group = &m->groups[g];
        unsigned at = 0;
        fputs(" | ", out);
        for (size_t k = 0; k < CRASH_KINDS; k++) {
            if (!group->column[k].shown)
                continue;
            enum verdict v = cell_text(cell_at(m, row, g, k), text);
            fprintf(out, "%s%s%s%s", at ? "  " : "", v == VERDICT_KINDS ? "" : verdict_colour(v, term), text,
                    v == VERDICT_KINDS ? "" : colour_end(term));
            at += group->column[k].width + (at ? 2 : 0);
            if (g + 1 < to || at < group->width)
                fprintf(out, "%*s", (int)(group->column[k].width - strlen(text)), "");
        }
        if (g + 1 < to)
            fprintf(out, "%*s", (int)(group->width - at), "");
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
    lay_out(&m, r);
    for (size_t from = 0, to; m.n_rows && from < m.n_groups; from = to) {
        unsigned width = m.label_width;
        for (to = from; to < m.n_groups && (to == from || width + 3 + m.groups[to].width <= term.width); to++)
            width += 3 + m.groups[to].width;
        print_block(&m, from, to, out, term);
    }
    for (size_t i = 0; i < m.n_rows; i++)
        free(m.rows[i].cells);
    free(m.rows);
    free(m.groups);
}
