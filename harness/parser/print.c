/*
 * Plans as text, in one canonical form that parses back to an equal plan: headers in a fixed order, flags joined in the order of
 * the verb's syntax, names only where they differ from what the step would take anyway.
 */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/size.h"
#include "base/utf8.h"
#include "language/outcome.h"
#include "language/verb.h"
#include "parser/parse.h"
#include "parser/parser.h"

static bool is_utf8(const char *text, size_t len)
{
    for (const char *p = text; p < text + len;) {
        const size_t n = utf8_length(p, text + len);
        if (!n)
            return false;
        p += n;
    }
    return true;
}

/* A path or name, quoted where it must be. */
static void print_text(const char *text, struct buf *out)
{
    const size_t len = strlen(text);
    const bool utf8 = is_utf8(text, len);

    if (word_is_plain(text, len)) {
        buf_add(out, text, len);
        return;
    }
    buf_puts(out, "\"");
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];

        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < ' ' || c == 0x7f || (c >= 0x80 && !utf8))
            buf_printf(out, "\\x%02x", c);
        else
            buf_add(out, text + i, 1);
    }
    buf_puts(out, "\"");
}

static void print_value(const struct plan *p, enum arg_type type, uint64_t num, struct buf *out)
{
    char size[24];

    switch (type) {
    case ARG_BYTE:
        buf_printf(out, "0x%02x", (unsigned)num);
        break;
    case ARG_MODE:
        buf_printf(out, "%04o", (unsigned)num);
        break;
    case ARG_COUNT:
        buf_printf(out, "%u", (unsigned)num);
        break;
    case ARG_PATH:
    case ARG_NEWPATH:
        print_text(p->paths[num], out);
        break;
    case ARG_MAP:
    case ARG_FILE:
        print_text(p->handles[num], out);
        break;
    default:
        buf_puts(out, size_print(num, size));
    }
}

/* The name that the step's new descriptor or mapping would have anyway; NULL when that cannot be told. */
static const char *default_name(const struct plan *p, const struct step *s, const struct syntax *syn)
{
    if (s->verb->target == TARGET_NEW_FILE) {
        for (size_t i = 0; i < syn->n_args; i++) {
            if (syn->args[i].type == ARG_PATH && s->arg[i].given)
                return p->paths[s->arg[i].num];
        }
        return s->verb->name;
    }
    for (size_t i = 0; i < syn->n_flags; i++) {
        if (syn->flags[i].type == ARG_FILE && s->flag_arg[i].given)
            return p->handles[s->flag_arg[i].num];
    }
    const char *current = NULL;
    for (const struct step *before = p->steps; before < p->steps + p->n_steps; before++) {
        if (before == s)
            return current;
        if (before->verb->target == TARGET_NEW_FILE && before->lane == s->lane && step_may_succeed(before))
            current = p->handles[before->handle];
    }
    return NULL; /* a step that stands in no plan */
}

static void print_lane(const struct plan *p, size_t lane, struct buf *out)
{
    buf_puts(out, p->actors[p->lanes[lane].actor]);
    if (p->lanes[lane].thread)
        buf_printf(out, ".%u", p->lanes[lane].thread);
}

static void print_handle(const struct plan *p, const struct step *s, const struct syntax *syn, struct buf *out)
{
    if (s->handle < 0)
        return;
    const char *name = p->handles[s->handle];
    if (s->verb->target == TARGET_NEW_FILE || s->verb->target == TARGET_NEW_MAP) {
        const char *otherwise = default_name(p, s, syn);
        if (otherwise && !strcmp(otherwise, name))
            return;
    }
    buf_puts(out, " @");
    print_text(name, out);
}

static void print_flags(const struct plan *p, const struct step *s, const struct syntax *syn, struct buf *out)
{
    bool open = false;

    for (size_t i = 0; i < syn->n_flags; i++) {
        if (syn->flags[i].type || !(s->flags & 1U << i))
            continue;
        if (!open)
            buf_puts(out, " -");
        buf_add(out, &syn->flags[i].letter, 1);
        open = true;
    }
    for (size_t i = 0; i < syn->n_flags; i++) {
        if (!syn->flags[i].type || !(s->flags & 1U << i))
            continue;
        const char flag[] = {' ', '-', syn->flags[i].letter, ' ', '\0'};
        buf_puts(out, flag);
        print_value(p, syn->flags[i].type, s->flag_arg[i].num, out);
    }
}

static void print_barrier(const struct plan *p, const struct step *s, struct buf *out)
{
    buf_puts(out, s->verb->name);
    if (s->barrier_lanes == (1U << p->n_lanes) - 1)
        return;
    for (size_t i = 0; i < p->n_lanes; i++) {
        if (s->barrier_lanes & 1U << i) {
            buf_puts(out, " ");
            print_lane(p, i, out);
        }
    }
}

void step_print(const struct plan *p, const struct step *s, struct buf *out)
{
    struct syntax syn;

    assert(p && s && s->verb && out);
    if (s->barrier_lanes) {
        print_barrier(p, s, out);
        return;
    }
    if (p->n_lanes > 1 || strcmp(p->actors[0], "A") || p->lanes[0].thread) {
        print_lane(p, s->lane, out);
        buf_puts(out, ": ");
    }
    buf_puts(out, s->verb->name);
    const bool sound = syntax_read(s->verb, &syn);
    assert(sound);
    (void)sound;
    print_handle(p, s, &syn, out);
    print_flags(p, s, &syn, out);
    for (size_t i = 0; i < syn.n_args && s->arg[i].given; i++) {
        buf_puts(out, " ");
        print_value(p, syn.args[i].type, s->arg[i].num, out);
    }
    for (size_t i = 0; i < s->expect.n; i++) {
        const char *name = outcome_name(s->expect.code[i]);

        assert(name);
        buf_puts(out, i ? "|" : " -> ");
        buf_puts(out, name);
    }
}

/* "kernel>=6.2 kernel<6.7 ": the bounds that there are. */
static void print_kernels(const struct kernel_range *r, struct buf *out)
{
    const struct {
        const char *word;
        uint32_t version;
    } bounds[] = {{"kernel>=", r->from}, {"kernel<", r->before}};

    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (bounds[i].version) {
            buf_puts(out, bounds[i].word);
            kernel_print(bounds[i].version, out);
            buf_puts(out, " ");
        }
}

static void print_headers(const struct plan *p, struct buf *out)
{
    buf_puts(out, "test: ");
    buf_puts(out, p->test);
    buf_puts(out, "\norigin: ");
    buf_puts(out, p->origin);
    for (size_t i = 0; i < p->n_requires; i++) {
        buf_puts(out, i ? " " : "\nrequires: ");
        buf_puts(out, p->requires_[i]);
    }
    buf_puts(out, "\ncrash:");
    for (int strike = 0; strike < STRIKES; strike++) {
        if (p->strikes & 1U << strike) {
            buf_puts(out, " ");
            buf_puts(out, strike_table[strike].name);
        }
    }
    for (size_t i = 0; i < p->n_sometimes; i++) {
        buf_puts(out, i ? ", " : "\nsometimes: ");
        buf_puts(out, strike_table[p->sometimes[i].strike].name);
        buf_puts(out, " ");
        buf_puts(out, sight_names[p->sometimes[i].sight]);
    }
    for (size_t i = 0; i < p->n_known; i++) {
        const struct known *k = &p->known[i];

        buf_printf(out, "%s%s %s ", i ? ", " : "\nknown: ", strike_table[k->strike].name, k->backend);
        print_kernels(&k->kernels, out);
        for (const char *c = defect_names[k->defect]; *c; c++)
            buf_printf(out, "%c", *c == ' ' ? '-' : *c);
        buf_printf(out, " %s", k->rule);
    }
    if (p->repeat > 1)
        buf_printf(out, "\nrepeat: %u", p->repeat);
    buf_puts(out, "\n\n");
}

void plan_print(const struct plan *p, struct buf *out)
{
    assert(p && p->test && p->origin && out);
    print_headers(p, out);
    for (size_t i = 0; i < p->n_steps; i++) {
        if (i && p->steps[i - 1].setup && !p->steps[i].setup)
            buf_puts(out, "---\n");
        step_print(p, &p->steps[i], out);
        buf_puts(out, "\n");
    }
}
