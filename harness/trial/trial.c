/* The tally of one job: see tally.h. */
#include "trial/trial.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "language/verb.h"
#include "parser/parser.h"

enum { DETAILS_BYTES = 16 << 10, SURPRISE_SHIFT = 32 };

/* A step is one event, a barrier one of each lane; and some acts of the harness. */
static uint32_t count_events(const struct plan *p)
{
    uint32_t n = 8;

    for (size_t i = 0; i < p->n_steps; i++)
        n += 1 + (uint32_t)__builtin_popcount(p->steps[i].barrier_lanes);
    return n;
}

int trial_open(struct trial *g, const struct job *j, struct result *ret, struct error *err)
{
    *ret = (struct result){.scenario = xstrdup(j->plan->name), .backend = xstrdup(j->config->spec), .strike = j->strike};
    *g = (struct trial){.job = j, .result = ret, .cap_events = count_events(j->plan)};
    rng_seed(&g->rng, j->seed);
    backend_guarantees(j->config, &g->guarantees);
    g->history = driver_history_new(g->cap_events, JOB_DATA_BYTES, err);
    if (!g->history)
        return -ENOMEM;
    g->world = world_new();
    if (!backend_is_model(j->config->backend))
        g->survey = readback_new();
    return 0;
}

/* A legal loss that the scenario's header says a run must show, and that none showed. */
static void note_unobserved(struct trial *g)
{
    const struct plan *p = g->job->plan;

    for (size_t i = 0; i < p->n_sometimes; i++) {
        size_t n = strlen(g->reason);
        if (p->sometimes[i].strike == g->job->strike && !(g->sights & 1U << p->sometimes[i].sight))
            snprintf(g->reason + n, sizeof g->reason - n, "%s%s",
                     n ? ", " : "not observed: ", sight_names[p->sometimes[i].sight]);
    }
}

/* Is the spec `backend`, or does it begin with it and a comma? */
static bool spec_begins(const char *spec, const char *backend)
{
    size_t n = strlen(backend);

    return strncmp(spec, backend, n) == 0 && (spec[n] == '\0' || spec[n] == ',');
}

/* Does the scenario's header know every kind of violation that was seen? */
static bool all_known(const struct trial *g)
{
    uint64_t known = 0;

    for (size_t i = 0; i < g->job->plan->n_known; i++) {
        const struct known *k = &g->job->plan->known[i];
        if (k->strike == g->job->strike && spec_begins(g->job->config->spec, k->backend))
            known |= UINT64_C(1) << k->defect;
    }
    return (g->kinds & ~known) == 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void trial_close(struct trial *g)
{
    struct result *r = g->result;

    r->known = g->violated && all_known(g);
    if (g->violated)
        r->verdict = VERDICT_VIOLATED;
    else if (g->broken)
        r->verdict = VERDICT_BROKEN;
    else if (g->skipped)
        r->verdict = VERDICT_SKIPPED;
    else
        r->verdict = g->lossy ? VERDICT_LOSSY : VERDICT_KEPT;
    if (r->verdict == VERDICT_KEPT || r->verdict == VERDICT_LOSSY)
        note_unobserved(g);
    if (r->n_findings > 1)
        qsort(r->findings, r->n_findings, sizeof *r->findings, by_text);
    r->reason = xstrdup(g->reason);
    r->details = xstrdup(buf_text(&g->details));
    if (g->job->pulse)
        atomic_store(&g->job->pulse->states_left, 0);
    buf_free(&g->details);
    survivors_free(&g->survivors);
    readback_free(g->survey);
    world_free(g->world);
    driver_history_free(g->history);
    *g = (struct trial){0};
}

struct history *trial_history(struct trial *g, uint64_t seed)
{
    return history_init(g->history, g->cap_events, JOB_DATA_BYTES, rng_mix(seed));
}

void trial_end(struct trial *g, bool skip, const char *text)
{
    if (g->violated) /* what was seen stands; the reason stays its first line */
        buf_printf(&g->details, "the run then %s: %s\n", skip ? "was skipped" : "broke", text);
    else
        snprintf(g->reason, sizeof g->reason, "%s", text);
    *(skip ? &g->skipped : &g->broken) = true;
}

void trial_fail(struct trial *g, const struct error *err)
{
    char text[900];

    trial_end(g, err->skip, error_text(err, text, sizeof text));
}

bool trial_time_up(struct trial *g)
{
    if (g->job->end_s > 0 && clock_s() >= g->job->end_s)
        g->result->cut_short = true;
    return g->result->cut_short;
}

static bool expected(const struct step *s, int err)
{
    for (size_t i = 0; i < s->expect.n; i++)
        if (s->expect.code[i] == err)
            return true;
    return false;
}

bool trial_admits(struct trial *g)
{
    const struct plan *p = g->job->plan;
    const struct history *h = g->history;
    uint32_t n = atomic_load(&h->n_events);
    char text[256];

    for (uint32_t i = 0; i < n && i < h->cap_events; i++) {
        const struct event *e = &h->events[i];
        if (e->step >= p->n_steps || e->err == 0 || expected(&p->steps[e->step], e->err))
            continue;
        const struct step *s = &p->steps[e->step];
        const enum fault fault = fault_of(s->verb, e->err);
        if (fault == FAULT_FEATURE) {
            snprintf(text, sizeof text, "the file system does not support %s", s->verb->name);
            trial_end(g, true, text);
            return false;
        }
        if (fault == FAULT_MACHINE) {
            snprintf(text, sizeof text, "line %u: %s failed: %s", s->line, s->verb->name, strerror(e->err));
            trial_end(g, false, text);
            return false;
        }
    }
    world_build(g->world, p, h, &g->guarantees);
    return true;
}

bool trial_shut_down(const struct trial *g)
{
    const struct history *h = g->history;
    uint32_t n = atomic_load(&h->n_events);

    for (uint32_t i = 0; i < n && i < h->cap_events; i++) {
        const struct event *e = &h->events[i];
        /* One that was still running may have done it. */
        if (e->step < g->job->plan->n_steps && e->begin_seq && e->err == 0 &&
            g->job->plan->steps[e->step].verb->properties & VERB_SHUTS_DOWN)
            return true;
    }
    return false;
}

static void defect_print(const struct trial *g, const struct defect_report *d, struct buf *out)
{
    const struct plan *p = g->job->plan;

    buf_printf(out, "%s%s", d->surprise ? "surprise: " : "", defect_names[d->kind]);
    if (d->path[0])
        buf_printf(out, " %s", d->path);
    if (d->len)
        buf_printf(out, ", %llu byte%s at %llu", (unsigned long long)d->len, d->len == 1 ? "" : "s", (unsigned long long)d->off);
    if (d->rule[0])
        buf_printf(out, " (rule %s)", d->rule);
    if (d->step >= 0 && (size_t)d->step < p->n_steps) {
        buf_printf(out, ", line %u: ", p->steps[d->step].line);
        step_print(p, &p->steps[d->step], out);
    }
    buf_printf(out, ": %s\n", d->text);
}

static void print_scene(const struct trial *g, const struct strike_point *scene, struct buf *out)
{
    kill_point_print(g->job->plan, &scene->kill, out);
    if (scene->describe)
        scene->describe(scene->arg, out);
}

static void save_finding(struct trial *g, const struct strike_point *scene, const char *where)
{
    struct finding f = {.plan = g->job->plan,
                        .config = g->job->config,
                        .strike = g->job->strike,
                        .seed = scene->seed,
                        .history = g->history,
                        .pos = scene->pos,
                        .kill = scene->kill,
                        .state_text = where,
                        .image_fd = scene->image ? scene->image(scene->arg) : -1,
                        .verdict = &g->verdict};
    struct error err;
    char *path = NULL;

    if (finding_save(&f, g->job->findings_dir, &path, &err) == 0) {
        struct result *r = g->result;
        r->findings = realloc(r->findings, (r->n_findings + 1) * sizeof *r->findings);
        assert(r->findings);
        r->findings[r->n_findings++] = path;
        buf_printf(&g->details, "  finding: %s\n", path);
    } else {
        char text[900];
        buf_printf(&g->details, "  the finding could not be saved: %s\n", error_text(&err, text, sizeof text));
    }
    if (f.image_fd >= 0)
        close(f.image_fd);
}

/* Takes g->verdict into the result: first of each kind told in details, the first few kinds of violations saved. */
static void trial_take(struct trial *g, const struct strike_point *scene)
{
    const struct verify_result *v = &g->verdict;
    struct buf where = {0};
    bool fresh = false, save = false;

    g->sights |= v->sights;
    g->lossy |= v->lossy;
    g->kinds |= v->kinds;
    g->result->surprises += v->n_surprises;
    if (!v->n_violations && !v->n_surprises)
        return;
    for (size_t i = 0; i < v->n_defects; i++) {
        const struct defect_report *d = &v->defects[i];
        uint64_t bit = UINT64_C(1) << ((unsigned)d->kind + (d->surprise ? SURPRISE_SHIFT : 0));

        if (!d->surprise && !g->violated) {
            struct buf line = {0};
            g->violated = true;
            if (g->job->progress)
                atomic_fetch_add(&g->job->progress->violated, 1);
            defect_print(g, d, &line);
            snprintf(g->reason, sizeof g->reason, "%.*s", (int)strcspn(line.data, "\n"), line.data);
            buf_free(&line);
        }
        if ((g->noted & bit) || g->details.len_bytes > DETAILS_BYTES)
            continue;
        g->noted |= bit;
        fresh = true;
        save |= !d->surprise;
        defect_print(g, d, &g->details);
    }
    assert(!v->n_violations || g->violated);
    if (fresh) {
        print_scene(g, scene, &where);
        if (where.len_bytes)
            buf_printf(&g->details, "  %s\n", buf_text(&where));
        if (save && g->job->findings_dir && g->result->n_findings < JOB_FINDINGS)
            save_finding(g, scene, buf_text(&where));
        buf_free(&where);
    }
}

static void verdict_clear(struct verify_result *v)
{
    v->n_defects = v->n_violations = v->n_surprises = 0;
    v->kinds = 0;
    v->sights = 0;
    v->lossy = false;
}

void trial_steps(struct trial *g, const struct strike_point *scene)
{
    verdict_clear(&g->verdict);
    verify_steps(g->world, &g->verdict);
    trial_take(g, scene);
}

bool trial_survivors(struct trial *g, const struct strike_point *scene, bool *ret_lossy)
{
    verdict_clear(&g->verdict);
    verify_survivors(g->world, strike_table[g->job->strike].loss[VIEW_LOCAL], scene->pos, &g->survivors, &g->verdict);
    if (ret_lossy)
        *ret_lossy |= g->verdict.lossy;
    trial_take(g, scene);
    return g->verdict.n_violations > 0;
}

void trial_hang(struct trial *g, int32_t step, const struct strike_point *scene)
{
    verdict_clear(&g->verdict);
    struct defect_report *d = &g->verdict.defects[0];

    *d = (struct defect_report){.kind = DEFECT_HANG, .rule = "F4", .step = step};
    snprintf(d->text, sizeof d->text, "the step did not end within %d s", JOB_DEADLINE_MS / 1000);
    g->verdict.n_defects = g->verdict.n_violations = 1;
    g->verdict.kinds = UINT64_C(1) << DEFECT_HANG;
    trial_take(g, scene);
}

static void beat(const struct job *j, uint64_t states_left)
{
    if (j->pulse) {
        atomic_fetch_add(&j->pulse->beats, 1);
        atomic_store(&j->pulse->states_left, states_left);
    }
}

void trial_mounted(struct trial *g, uint64_t states_left)
{
    g->result->states_mounted++;
    if (g->job->progress)
        atomic_fetch_add(&g->job->progress->states_done, 1);
    beat(g->job, states_left);
}

void trial_count(struct trial *g, bool lossy, bool violated, uint64_t states_left)
{
    const struct job *j = g->job;
    bool model = backend_is_model(j->config->backend), kill = j->strike == STRIKE_KILL;

    g->result->states_lossy += lossy;
    g->result->states_violated += violated;
    if (model || j->strike == STRIKE_POWER) {
        g->result->states_covered++;
        if (j->progress)
            atomic_fetch_add(&j->progress->states_done, 1);
    }
    if (kill) {
        g->result->kills++;
        if (j->progress)
            atomic_fetch_add(&j->progress->kills_done, 1);
    }
    beat(j, states_left);
}
