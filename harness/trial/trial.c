/* A trial: opening and closing it, admitting and judging its runs, and what their defects make of its result. See trial.h. */
#include "trial/trial.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actor/driver.h"
#include "backend/volume.h"
#include "base/clock.h"
#include "known/known.h"
#include "language/verb.h"
#include "parser/parser.h"
#include "truth/world_model.h"

enum {
    DETAILS_BYTES = 16 << 10,
    SURPRISE_SHIFT = 32,
    BYTES_PER_MS = 4 << 10,      /* the slowest that a run may move them: 4 MiB/s */
    MOVED_BYTES_MAX = 256 << 20, /* that count: a deadline that is much later than the pool's would never be met */
};

/* A step is one event, a barrier one of each lane; and some acts of the harness. */
static uint32_t count_events(const struct plan *p)
{
    uint32_t n = 8;

    for (size_t i = 0; i < p->n_steps; i++)
        n += 1 + (uint32_t)__builtin_popcount(p->steps[i].barrier_lanes);
    return n;
}

int trial_open(struct trial *t, const struct job *j, struct result *ret, struct error *err)
{
    *ret = (struct result){.scenario = xstrdup(j->plan->name), .backend = xstrdup(j->config->spec), .strike = j->strike};
    *t = (struct trial){.job = j, .result = ret, .cap_events = count_events(j->plan), .hung = -1, .hung_before = -1};
    rng_seed(&t->rng, j->seed);
    backend_guarantees(j->config, &t->guarantees);
    t->history = driver_history_new(t->cap_events, HISTORY_MOST_DATA_BYTES, err);
    if (!t->history)
        return -ENOMEM;
    t->world = world_new();
    t->known = known_open(j->plan, j->config, j->strike);
    if (!backend_is_model(j->config->backend))
        t->readback = readback_new();
    return 0;
}

/* A legal loss that the scenario's header says a run must show, and that none showed. */
static void note_unobserved(struct trial *t)
{
    const struct plan *p = t->job->plan;

    for (size_t i = 0; i < p->n_sometimes; i++) {
        size_t n = strlen(t->reason);
        if (p->sometimes[i].strike == t->job->strike && !(t->sights & 1U << p->sometimes[i].sight))
            snprintf(t->reason + n, sizeof t->reason - n, "%s%s",
                     n ? ", " : "not observed: ", sight_names[p->sometimes[i].sight]);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A trial that did not end well does not show that anything is mended. */
static void settle_known(struct trial *t)
{
    struct result *r = t->result;
    const bool whole = !t->unknown && !t->broken && !t->skipped && !r->cut_short;

    r->known = r->verdict == VERDICT_VIOLATED && !t->unknown;
    r->known_why = known_why(t->known);
    r->mended = known_mended(whole ? t->known : NULL);
    known_free(t->known);
}

void trial_close(struct trial *t)
{
    struct result *r = t->result;

    if (t->violated && (t->unknown || !t->broken)) /* what is known does not hide that the rest could not be judged */
        r->verdict = VERDICT_VIOLATED;
    else if (t->broken)
        r->verdict = VERDICT_BROKEN;
    else if (t->skipped)
        r->verdict = VERDICT_SKIPPED;
    else
        r->verdict = t->lossy ? VERDICT_LOSSY : VERDICT_KEPT;
    settle_known(t);
    if (r->verdict == VERDICT_KEPT || r->verdict == VERDICT_LOSSY)
        note_unobserved(t);
    if (r->n_findings > 1)
        qsort(r->findings, r->n_findings, sizeof *r->findings, by_text);
    r->reason = xstrdup(t->reason);
    r->details = xstrdup(buf_text(&t->details));
    if (t->job->pulse)
        atomic_store(&t->job->pulse->states_left, 0);
    buf_free(&t->details);
    survivors_free(&t->survivors);
    readback_free(t->readback);
    world_free(t->world);
    log_numbers_free(&t->numbers);
    driver_history_free(t->history);
    *t = (struct trial){0};
}

struct history *trial_new_history(struct trial *t, uint64_t seed)
{
    return history_init(t->history, t->cap_events, HISTORY_MOST_DATA_BYTES, rng_mix(seed));
}

/* The trial ends; what was seen so far stands. */
static void stop(struct trial *t, bool skip, const char *text)
{
    if (t->unknown) /* what was seen stands; the reason stays its first line */
        buf_printf(&t->details, "the run then %s: %s\n", skip ? "was skipped" : "broke", text);
    else
        snprintf(t->reason, sizeof t->reason, "%s", text);
    *(skip ? &t->skipped : &t->broken) = true;
}

/* " The disk lied, as it was told to: corrupt:3." Empty: it was told none. */
static void print_lies(const struct trial *t, struct buf *out)
{
    struct buf lies = {0};

    disk_faults_print(&t->job->faults.disk, &lies);
    if (lies.len_bytes)
        buf_printf(out, " The disk lied, as it was told to: %s.", buf_text(&lies));
    buf_free(&lies);
}

void trial_fail(struct trial *t, const struct error *err)
{
    char text[900];
    struct buf why = {0};

    buf_printf(&why, "%s%s", error_text(err, text, sizeof text), err->skip || !disk_faults_any(&t->job->faults.disk) ? "" : ".");
    if (!err->skip)
        print_lies(t, &why);
    stop(t, err->skip, buf_text(&why));
    buf_free(&why);
}

bool trial_time_up(struct trial *t)
{
    if (t->job->end_s > 0 && clock_s() >= t->job->end_s)
        t->result->cut_short = true;
    return t->result->cut_short;
}

/* Does the scenario want the step to run out of space, and it did not? Then the volume is too large for the scenario. */
static bool found_space(const struct step *s, const struct event *e)
{
    bool wants_full = false;

    for (size_t i = 0; i < s->expect.n; i++)
        wants_full |= s->expect.code[i] == ENOSPC || s->expect.code[i] == EDQUOT;
    return wants_full && event_ok(e) && !scenario_allows(s, e);
}

/* May the step's outcome be judged? If not, fills `text` with the reason, and *ret_skip: the trial is skipped, else broken. */
static bool may_judge(const struct trial *t, const struct step *s, const struct event *e, char text[static 256], bool *ret_skip)
{
    const enum fault fault = fault_of(s, e);
    /* A directory of the machine may be full for its own reasons. A scenario that wants success needs a volume with room. */
    const bool full = fault == FAULT_SPACE && !e->signo && (s->expect.n || !volumes_are_own(t->job->config->backend));

    *ret_skip = fault != FAULT_MACHINE && !full;
    if (found_space(s, e)) {
        snprintf(text, 256, "line %u: the volume has room for the %s", s->line, s->verb->name);
        return false;
    }
    if (scenario_allows(s, e) || fault == FAULT_STEP || (fault == FAULT_SPACE && !full))
        return true;
    if (fault == FAULT_FEATURE)
        snprintf(text, 256, "the file system does not support %s", s->verb->name);
    else
        snprintf(text, 256, "line %u: %s failed: %s", s->line, s->verb->name, strerror(e->err));
    return false;
}

bool trial_admits(struct trial *t)
{
    const struct plan *p = t->job->plan;
    const struct history *h = t->history;
    uint32_t n = atomic_load(&h->n_events);
    char text[256];
    bool skip;

    for (uint32_t i = 0; i < n && i < h->cap_events; i++) {
        const struct event *e = &h->events[i];
        if (e->step < p->n_steps && e->begin_seq && !event_running(e) && !may_judge(t, &p->steps[e->step], e, text, &skip)) {
            stop(t, skip, text);
            return false;
        }
    }
    world_build(t->world, p, h, &t->guarantees);
    return true;
}

bool trial_shut_down(const struct trial *t)
{
    const struct history *h = t->history;
    uint32_t n = atomic_load(&h->n_events);

    for (uint32_t i = 0; i < n && i < h->cap_events; i++) {
        const struct event *e = &h->events[i];
        /* One that was still running may have done it. */
        if (e->step < t->job->plan->n_steps && e->begin_seq && e->err == 0 &&
            t->job->plan->steps[e->step].verb->properties & VERB_SHUTS_DOWN)
            return true;
    }
    return false;
}

/* Did the disk below a directory of the machine fail, as far as the run shows? Then *err says so, and nobody knows who is to
 * blame. */
static bool target_failed(const struct trial *t, struct error *err)
{
    const struct event *e = verify_failed_disk(t->job->plan, t->history);

    if (volumes_are_own(t->job->config->backend) || (!e && !verify_found(&t->verdict, DEFECT_UNREADABLE)))
        return false;
    error_set(err, e ? e->err : EIO, "target", NULL, "line %u: %s: %s", e ? t->job->plan->steps[e->step].line : 0,
              e ? t->job->plan->steps[e->step].verb->name : "reading back", strerror(e ? e->err : EIO));
    return true;
}

/* Nothing is held against a file system whose disk failed below it: the trial is broken then. */
static bool may_accuse(struct trial *t)
{
    struct error err = {0};

    if (!t->volume || (volume_check(t->volume, &err) == 0 && !(t->verdict.n_violations && target_failed(t, &err))))
        return true;
    trial_fail(t, &err);
    return false;
}

/* Is this violation the first, or the first that is not known? Then it is the result's reason. */
static void note_violation(struct trial *t, const struct defect_report *d, bool known)
{
    struct buf line = {0};

    if (t->violated && (known || t->unknown))
        return;
    if (!t->violated && t->job->progress)
        atomic_fetch_add(&t->job->progress->violated, 1);
    t->violated = true;
    t->unknown |= !known;
    trial_print_defect(t, d, &line);
    snprintf(t->reason, sizeof t->reason, "%.*s", (int)strcspn(line.data, "\n"), line.data);
    buf_free(&line);
}

/* Takes t->verdict into the result: first of each kind told in details, the first few kinds of violations saved. What is known
 * does not take the place of what is not. */
static void take_verdict(struct trial *t, const struct strike_point *at)
{
    const struct verify_result *v = &t->verdict;
    const size_t first = t->result->n_defects;
    struct buf where = {0};
    bool fresh = false, save = false;

    if ((v->n_violations || v->n_surprises) && !may_accuse(t)) {
        verify_clear(&t->verdict);
        return;
    }
    t->sights |= v->sights;
    t->lossy |= v->lossy;
    t->result->surprises += v->n_surprises;
    if (!v->n_violations && !v->n_surprises)
        return;
    for (size_t i = 0; i < v->n_defects; i++) {
        const struct defect_report *d = &v->defects[i];
        const bool known = known_has_defect(t->known, d);
        const uint64_t bit = UINT64_C(1) << ((unsigned)d->kind + (d->surprise ? SURPRISE_SHIFT : 0));
        uint64_t *noted = known ? &t->noted_known : &t->noted;

        if (!d->surprise)
            note_violation(t, d, known);
        if ((*noted & bit) || t->details.len_bytes > DETAILS_BYTES)
            continue;
        *noted |= bit;
        fresh = true;
        save |= !d->surprise && (!known || t->result->n_findings + 1 < JOB_FINDINGS);
        result_add_defect(t->result, t->job->plan, d);
        trial_print_defect(t, d, &t->details);
        buf_printf(&t->details, "  rule %s: %s (%s)\n", rule_table[d->rule].id, rule_table[d->rule].sentence,
                   rule_table[d->rule].source);
        if (d->kind == DEFECT_MOUNT)
            trial_explain_refusal(t, at);
    }
    for (size_t i = 0; i < v->n_forms; i++)
        t->unknown |= !known_has(t->known, v->forms[i].rule, v->forms[i].kind, v->forms[i].verb);
    t->unknown |= v->more_forms;
    assert(!v->n_violations || t->violated);
    if (fresh) {
        trial_print_point(t, at, &where);
        if (where.len_bytes)
            buf_printf(&t->details, "  %s\n", buf_text(&where));
        const bool saved = save && t->job->findings_dir && t->result->n_findings < JOB_FINDINGS;
        result_place_defects(t->result, first, buf_text(&where), saved ? trial_save_finding(t, at, buf_text(&where)) : NULL);
        buf_free(&where);
    }
}

/* What a lying disk's file system does wrong under its own mount, or the one after it, need not be its fault. */
static void name_lies(struct trial *t)
{
    struct buf lies = {0};

    print_lies(t, &lies);
    for (size_t i = 0; i < t->verdict.n_defects; i++) {
        char *text = t->verdict.defects[i].text;
        const size_t len = strlen(text);

        snprintf(text + len, sizeof t->verdict.defects[i].text - len, "%s", buf_text(&lies));
    }
    buf_free(&lies);
}

void trial_judge_steps(struct trial *t, const struct strike_point *at)
{
    verify_clear(&t->verdict);
    verify_steps(t->world, &t->verdict);
    name_lies(t);
    take_verdict(t, at);
}

bool trial_judge_survivors(struct trial *t, const struct survivors *s, const struct strike_point *at, bool *ret_lossy)
{
    verify_clear(&t->verdict);
    verify_survivors(t->world, strike_table[t->job->strike].loss[VIEW_LOCAL], at->pos, s, &t->verdict);
    if (!at->image)
        name_lies(t);
    if (ret_lossy)
        *ret_lossy |= t->verdict.lossy;
    take_verdict(t, at);
    return t->verdict.n_violations > 0;
}

uint32_t trial_deadline_ms(const struct trial *t)
{
    const struct plan *p = t->job->plan;
    uint64_t bytes = 0;

    for (size_t i = 0; i < p->n_steps; i++) /* the second number of a step is the length of a range, or small */
        bytes += p->steps[i].arg[1].given ? p->steps[i].arg[1].num : 0;
    if (bytes > MOVED_BYTES_MAX)
        bytes = MOVED_BYTES_MAX;
    return (t->job->deadline_ms ? t->job->deadline_ms : JOB_DEADLINE_MS) + (uint32_t)(bytes / BYTES_PER_MS);
}

void trial_report_hang(struct trial *t, int32_t step, const struct strike_point *at)
{
    const struct step *s = &t->job->plan->steps[step];
    const double deadline_s = trial_deadline_ms(t) / 1000.0;
    char text[256];

    t->hung = step;
    if (step != t->hung_before) {
        snprintf(text, sizeof text, "line %u: %s did not end within %.3g s", s->line, s->verb->name, deadline_s);
        stop(t, false, text);
        return;
    }
    verify_clear(&t->verdict);
    struct defect_report *d = &t->verdict.defects[0];

    *d = (struct defect_report){.kind = DEFECT_HANG, .rule = RULE_F5, .step = step};
    snprintf(d->text, sizeof d->text, "in two runs the step did not end within %.3g s", deadline_s);
    t->verdict.n_defects = t->verdict.n_violations = 1;
    t->verdict.forms[t->verdict.n_forms++] = (struct form){.rule = RULE_F5, .kind = DEFECT_HANG};
    take_verdict(t, at);
}

static void beat(const struct job *j, uint64_t states_left)
{
    if (j->pulse) {
        atomic_fetch_add(&j->pulse->beats, 1);
        atomic_store(&j->pulse->states_left, states_left);
    }
}

void trial_mounted(struct trial *t, uint64_t states_left)
{
    t->result->states_mounted++;
    if (t->job->progress)
        atomic_fetch_add(&t->job->progress->states_done, 1);
    beat(t->job, states_left);
}

void trial_count(struct trial *t, unsigned counts_as, bool lossy, bool violated, uint64_t states_left)
{
    const struct job *j = t->job;

    t->result->states_lossy += lossy;
    t->result->states_violated += violated;
    if (counts_as & COUNT_STATE) {
        t->result->states_covered++;
        if (j->progress)
            atomic_fetch_add(&j->progress->states_done, 1);
    }
    if (counts_as & COUNT_KILL) {
        t->result->kills++;
        if (j->progress)
            atomic_fetch_add(&j->progress->kills_done, 1);
    }
    beat(j, states_left);
}
