/*
 * Judging the steps themselves: what each returned or raised, and what the reads among them saw.
 *
 * A scenario may state a step's outcome (`-> EACCES`); then exactly that is right. That overrules which errno or signal ends a
 * step, and nothing else: not where a signal strikes (F1), nor what a step reads (I1). Otherwise the rules decide: a call fails
 * with the errno that its effect predicts, or succeeds; an access through a mapping raises SIGBUS exactly when it touches
 * a page that lies wholly beyond end of file (F1) or finds the volume full (F2), and nothing else raises anything. Where another
 * lane may have changed the size or the names meanwhile, both outcomes are right. Errors of the machine, and missing features,
 * are no defects: the trial is then broken or skipped. After a shutdown of the volume any step may fail, and once lanes raced for
 * a name nothing is judged.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/size.h"
#include "language/verb.h"
#include "verifier/judge.h"

/* ENOMEM means that the machine is out of memory, or, from calls on mappings, that pages are unmapped (rule C4). */
static bool takes_a_mapping(const struct verb *v)
{
    return v->target == TARGET_MAP;
}

enum fault fault_of(const struct step *s, const struct event *e)
{
    const int err = e->err;

    if (err == ENOSPC || err == EDQUOT || (e->signo == SIGBUS && e->no_space))
        return FAULT_SPACE;
    if (err == EOPNOTSUPP || err == ENOSYS || err == ENOTTY)
        return FAULT_FEATURE;
    if (err == EMFILE || err == ENFILE || (err == ENOMEM && !takes_a_mapping(s->verb)))
        return FAULT_MACHINE;
    return FAULT_STEP;
}

bool scenario_allows(const struct step *s, const struct event *e)
{
    /* A write that found less space than it wanted is short, where one that found none fails with ENOSPC. */
    const bool cut_short = s->verb->properties & VERB_NOTES_PLACE && event_ok(e) && (uint64_t)e->ret < s->arg[1].num;

    for (size_t i = 0; i < s->expect.n; i++)
        if (s->expect.code[i] == (e->signo ? -e->signo : e->err) || (cut_short && s->expect.code[i] == ENOSPC))
            return true;
    return false;
}

const struct event *verify_failed_disk(const struct plan *p, const struct history *h)
{
    const uint32_t n = atomic_load(&h->n_events);

    for (uint32_t i = 0; i < n && i < h->cap_events; i++) {
        const struct event *e = &h->events[i];
        if (e->step < p->n_steps && e->begin_seq && !event_running(e) && (e->err == EIO || e->err == EROFS) &&
            !scenario_allows(&p->steps[e->step], e))
            return e;
    }
    return NULL;
}

/* Did another lane's operation on names overlap the event? */
static bool names_contended(const struct world *w, const struct event *e)
{
    for (size_t i = 0; i < w->n_ops; i++) {
        const struct span *s = &w->ops[i].when;

        if (s->begin_seq != e->begin_seq && s->begin_seq < e->end_seq && s->end_seq > e->begin_seq)
            return true;
    }
    return false;
}

static const char *outcome_words(const struct event *e, char buf[static 64])
{
    if (e->signo)
        snprintf(buf, 64, "raised SIG%s at file offset %llu", sigabbrev_np(e->signo), (unsigned long long)e->fault_off);
    else if (e->err)
        snprintf(buf, 64, "failed with %s", strerrorname_np(e->err));
    else if (e->data_len)
        snprintf(buf, 64, "read %llu bytes", (unsigned long long)e->data_len);
    else
        snprintf(buf, 64, "succeeded");
    return buf;
}

static void report_outcome(struct judge *j, const struct event *e, enum rule rule, const char *want)
{
    struct defect_report *d =
        defect_new(j, e->signo ? DEFECT_SIGNAL : DEFECT_RESULT, rule, "", rule_table[rule].breach == BREACH_SURPRISE);
    char words[160], outcome[64];
    int32_t event = (int32_t)(e - j->w->history->events);

    if (!d)
        return;
    d->step = event_step(j->w, event);
    defect_say(d, "%s %s; it must %s.", event_words(j->w, event, words), outcome_words(e, outcome), want);
}

/* Was a file that is synced written with O_DIRECT, and mapped as well? Linux then makes a sync of it fail with EIO, on purpose.
 */
static bool direct_beside_mapping(const struct world *w, int synced)
{
    for (size_t i = 0; i < w->n_inodes; i++)
        if ((synced == (int)i || synced == ALL_INODES) && w->inodes[i].mapped && w->inodes[i].written_directly)
            return true;
    return false;
}

static void judge_err(struct judge *j, const struct event *e, const struct expectation *x)
{
    char want[64] = "succeed";

    if (x->err == EXPECT_ANY || e->err == x->err || (x->names && names_contended(j->w, e)))
        return;
    if (fault_of(&j->w->plan->steps[e->step], e) != FAULT_STEP)
        return;
    if (e->err == EIO && direct_beside_mapping(j->w, x->synced)) {
        report_outcome(j, e, RULE_I6, want);
        return;
    }
    if (x->err)
        snprintf(want, sizeof want, "fail with %s", strerrorname_np(x->err));
    report_outcome(j, e, x->names ? RULE_H1 : RULE_I3, want);
}

/* Judges rule F1 for one access through a mapping; returns whether that settles a SIGBUS. */
static bool judge_sigbus(struct judge *j, const struct event *e, const struct access *a)
{
    uint64_t min, max, end = a->off + a->len;

    world_size_bounds(j->w, a->inode, e, &min, &max);
    if (e->signo == SIGBUS) {
        if (e->no_space) /* rule F2 */
            return true;
        if (end > page_up(min) && e->fault_off >= page_up(min) && e->fault_off < page_up(end))
            return true;
        report_outcome(j, e, RULE_F1, "raise nothing there: the page is not wholly beyond end of file");
        return true;
    }
    if (e->signo == 0 && e->err == 0 && end > page_up(max))
        report_outcome(j, e, RULE_F1, "raise SIGBUS: it touches a page wholly beyond end of file");
    return false;
}

static void judge_read_length(struct judge *j, const struct event *e, const struct access *a)
{
    uint64_t min, max, got = e->data_len;

    world_size_bounds(j->w, a->inode, e, &min, &max);
    uint64_t least = min > a->off ? min - a->off : 0, most = max > a->off ? max - a->off : 0;

    if (got < (least < a->len ? least : a->len) || got > (most < a->len ? most : a->len))
        report_outcome(j, e, RULE_I1, "read up to the end of the file, and no further");
}

static void judge_read(struct judge *j, const struct event *e, const struct access *a)
{
    struct extent data = {.off = a->off, .len = e->data_len, .data = history_data(j->w->history, e)};
    struct seen_bytes seen = {.path = "",
                              .extents = &data,
                              .n_extents = 1,
                              .off = a->off,
                              .end = a->off + e->data_len,
                              .live_read = true,
                              .is_private = a->is_private,
                              .reader = a->event};
    struct file_judgement fj = {.ok = true};

    j->m =
        (struct moment){.loss = LOSS_NOTHING, .live = true, .from = a->is_private ? a->made_seq : e->begin_seq, .to = e->end_seq};
    oracle_bytes(j->w, a->inode, &j->m, seen.end, j->w->own_pool + a->own_first, a->own_n, &j->map);
    judge_bytes(j, a->inode, &seen, &fj);
}

static bool judge_access(struct judge *j, const struct event *e, const struct access *a)
{
    bool explained = a->through_map && judge_sigbus(j, e, a);

    if (!a->store && e->data_len > 0)
        judge_read(j, e, a);
    if (!a->through_map && e->err == 0)
        judge_read_length(j, e, a);
    return explained;
}

static void judge_stat(struct judge *j, const struct event *e, int inode)
{
    int32_t promise;
    struct buf legal = {0};

    j->m = (struct moment){.loss = LOSS_NOTHING, .live = true, .from = e->begin_seq, .to = e->end_seq};
    if (oracle_size(j->w, inode, &j->m, (uint64_t)e->ret, &promise))
        return;
    struct defect_report *d = defect_new(j, DEFECT_SIZE, RULE_I1, "", false);
    char words[160];

    if (!d)
        return;
    oracle_sizes_print(j->w, inode, &j->m, &legal);
    d->step = event_step(j->w, (int32_t)(e - j->w->history->events));
    defect_say(d, "%s returned %lld. Legal: %s.", event_words(j->w, (int32_t)(e - j->w->history->events), words),
               (long long)e->ret, buf_text(&legal));
    buf_free(&legal);
}

static void judge_event(struct judge *j, const struct event *e, const struct access *a)
{
    const struct step *s = &j->w->plan->steps[e->step];
    const struct expectation *x = &j->w->expected[e - j->w->history->events];
    bool signal_explained = a && judge_access(j, e, a);

    if (x->size_inode != NO_INODE && event_ok(e))
        judge_stat(j, e, x->size_inode);
    if (s->expect.n) {
        if (!scenario_allows(s, e) && fault_of(s, e) == FAULT_STEP)
            report_outcome(j, e, RULE_SCENARIO, "end as the scenario says");
        return;
    }
    judge_err(j, e, x);
    if (x->signo != EXPECT_ANY && e->signo != x->signo && !signal_explained)
        report_outcome(j, e, RULE_F5, x->signo ? "raise SIGSEGV: the mapping is not writable" : "raise nothing");
}

void verify_steps(const struct world *w, struct verify_result *ret)
{
    struct judge j = {.w = w, .ret = ret};
    uint32_t n = atomic_load(&w->history->n_events);
    size_t a = 0;

    for (uint32_t i = 0; i < n; i++) {
        const struct event *e = &w->history->events[i];

        while (a < w->n_accesses && w->accesses[a].event < (int32_t)i)
            a++;
        if (e->lane == HISTORY_LANE_HARNESS || e->begin_seq == 0 || event_running(e) || e->end_seq > w->shutdown_seq ||
            e->end_seq > w->raced_seq)
            continue;
        judge_event(&j, e, a < w->n_accesses && w->accesses[a].event == (int32_t)i ? &w->accesses[a] : NULL);
    }
    form_note(w, ret);
    judge_free(&j);
}
