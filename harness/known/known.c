/* Known behaviour: see known.h. */
#include "known/known.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "backend/config.h"
#include "base/buf.h"
#include "language/verb.h"
#include "random/random.h"
#include "verifier/verify.h"

/* An entry that applies: of the table, or of the scenario's header. */
struct entry {
    const struct known_behaviour *behaviour;
    const struct known *header;
    bool seen;
};

struct known_set {
    const struct plan *plan;
    struct entry *v;
    size_t n;
};

/* Is `word` one of `words`, which have '|' between and end at a blank? */
static bool among(const char *words, const char *word)
{
    const size_t len_bytes = strlen(word);

    for (const char *w = words; *w && *w != ' '; w += *w == '|') {
        const size_t n = strcspn(w, "| ");

        if (n == len_bytes && memcmp(w, word, n) == 0)
            return true;
        w += n;
    }
    return false;
}

static bool plan_fits(const struct plan *p, const struct known_behaviour *b)
{
    const char *w = b->needs ? b->needs : "";

    for (size_t i = 0; i < p->n_steps && *w; i++)
        if (among(w, p->steps[i].verb->name)) {
            w += strcspn(w, " ");
            w += strspn(w, " ");
        }
    return !*w && p->n_lanes >= b->least_lanes && (!b->random_only || is_random_name(p->name));
}

static bool backend_fits(const struct backend_config *c, const char *spec)
{
    struct backend_config want;
    const bool fits = backend_config_parse(spec, &want, NULL) == 0 && backend_config_includes(c, &want);

    backend_config_free(&want);
    return fits;
}

static uint32_t running_kernel(void)
{
    struct utsname u;

    return uname(&u) == 0 ? kernel_of(u.release, u.version) : 0;
}

struct known_set *known_open(const struct plan *p, const struct backend_config *c, enum strike strike)
{
    const uint32_t kernel = running_kernel();
    struct known_set *s = xcalloc(1, sizeof *s);
    size_t most = p->n_known;

    for (const struct known_behaviour *b = known_behaviours; b->name; b++)
        most++;
    s->plan = p;
    s->v = xcalloc(most, sizeof *s->v);
    for (const struct known_behaviour *b = known_behaviours; b->name; b++)
        if (b->strikes & 1U << strike && kernel_in(kernel, &b->kernels) && plan_fits(p, b) && backend_fits(c, b->backend) &&
            !(b->cured_by && backend_fits(c, b->cured_by)))
            s->v[s->n++].behaviour = b;
    for (size_t i = 0; i < p->n_known; i++)
        if (p->known[i].strike == strike && kernel_in(kernel, &p->known[i].kernels) && backend_fits(c, p->known[i].backend))
            s->v[s->n++].header = &p->known[i];
    return s;
}

void known_free(struct known_set *s)
{
    if (!s)
        return;
    free(s->v);
    free(s);
}

static bool behaviour_has(const struct known_behaviour *b, enum rule rule, enum defect defect, const struct verb *verb)
{
    if (b->step && (!verb || !among(b->step, verb->name)))
        return false;
    for (size_t i = 0; i < b->n_forms; i++)
        if (b->forms[i].rule == rule && b->forms[i].defect == defect)
            return true;
    return false;
}

bool known_has(struct known_set *s, enum rule rule, enum defect defect, const struct verb *verb)
{
    bool has = false;

    for (size_t i = 0; i < s->n; i++) {
        struct entry *e = &s->v[i];
        const bool fits = e->header ? e->header->defect == defect && rule_parse(e->header->rule) == rule
                                    : behaviour_has(e->behaviour, rule, defect, verb);

        e->seen |= fits;
        has |= fits;
    }
    return has;
}

bool known_has_defect(struct known_set *s, const struct defect_report *d)
{
    const bool names_step = d->step >= 0 && (size_t)d->step < s->plan->n_steps;

    return !d->surprise && known_has(s, d->rule, d->kind, names_step ? s->plan->steps[d->step].verb : NULL);
}

static void say(struct buf *out, const struct known_behaviour *b)
{
    buf_printf(out, "%s%s (%s)", out->len_bytes ? "; " : "", b->sentence, b->source);
}

static char *text_of(struct buf *b)
{
    char *text = xstrdup(buf_text(b));

    buf_free(b);
    return text;
}

char *known_why(const struct known_set *s)
{
    struct buf out = {0};
    bool header = false;

    for (size_t i = 0; s && i < s->n; i++) {
        if (s->v[i].seen && s->v[i].behaviour)
            say(&out, s->v[i].behaviour);
        header |= s->v[i].seen && s->v[i].header;
    }
    if (header)
        buf_printf(&out, "%ssee the scenario's header", out.len_bytes ? "; " : "");
    return text_of(&out);
}

char *known_mended(const struct known_set *s)
{
    struct buf out = {0};
    size_t n_headers = 0;
    bool header_seen = false;

    for (size_t i = 0; s && i < s->n; i++) {
        const struct known_behaviour *b = s->v[i].behaviour;

        if (b && !s->v[i].seen && b->shown_by && strcmp(b->shown_by, s->plan->name) == 0)
            say(&out, b);
        n_headers += !b;
        header_seen |= !b && s->v[i].seen;
    }
    /* The entries of a header are forms of one behaviour, and a run may show some of them only. */
    if (n_headers && !header_seen)
        buf_printf(&out, "%swhat the scenario's header says", out.len_bytes ? "; " : "");
    return text_of(&out);
}
