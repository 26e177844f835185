/* The progress line: work done, speed, time left. It only reads the counters that the campaign publishes. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "report/report.h"

void progress_begin(struct progress_line *l, FILE *out, double limit_s)
{
    *l = (struct progress_line){.out = out, .term = term_of(out), .limit_s = limit_s};
    l->begin_s = l->rate_at_s = clock_s();
}

/* Exponential smoothing over some seconds: file systems differ widely in speed, and the estimate should follow. */
static void measure(struct progress_line *l, double now_s, uint64_t count)
{
    double span_s = now_s - l->rate_at_s;

    if (span_s < 1 || count < l->rate_at)
        return;
    double newest = (double)(count - l->rate_at) / span_s;
    l->rate = l->rate > 0 ? 0.7 * l->rate + 0.3 * newest : newest;
    l->rate_at_s = now_s;
    l->rate_at = count;
}

/* An estimate of the seconds left, -1 while there is none: the larger of what jobs and what running jobs' states suggest. */
static double time_left(const struct progress_line *l, double now_s, const struct progress *p)
{
    double elapsed_s = now_s - l->begin_s, left_s = -1;
    uint64_t done = p->jobs_done, total = p->jobs_total;

    if (done > 0 && total >= done)
        left_s = elapsed_s * (double)(total - done) / (double)done;
    if (l->rate > 0 && left_s < (double)p->states_left / l->rate)
        left_s = (double)p->states_left / l->rate;
    if (l->limit_s > 0 && (left_s < 0 || left_s > l->limit_s - elapsed_s))
        left_s = l->limit_s > elapsed_s ? l->limit_s - elapsed_s : 0;
    return left_s;
}

void progress_watch(void *arg, const struct result *r, const struct progress *p)
{
    struct progress_line *l = arg;
    double now_s = clock_s();
    struct buf line = {0};

    if (!l->term.terminal)
        return;
    if (r)
        snprintf(l->newest, sizeof l->newest, "%s", r->scenario);
    measure(l, now_s, p->states_done + p->kills_done);
    if (now_s - l->last_s < 0.1)
        return;
    l->last_s = now_s;

    double left_s = time_left(l, now_s, p);
    buf_printf(&line, "%s/%s jobs | %s states, %s kills | %s/s", text_count(p->jobs_done), text_count(p->jobs_total),
               text_count(p->states_done), text_count(p->kills_done), text_count((uint64_t)(l->rate + 0.5)));
    if (left_s >= 0)
        buf_printf(&line, " | %s left", text_duration(left_s));
    if (p->violated)
        buf_printf(&line, " | %s VIOLATED", text_count(p->violated));
    if (l->newest[0])
        buf_printf(&line, " | %s", l->newest);
    fprintf(l->out, "\r%.*s\033[K", (int)l->term.width - 1, line.data);
    fflush(l->out);
    buf_free(&line);
}

void progress_end(struct progress_line *l)
{
    if (l->term.terminal && l->last_s > 0)
        fputs("\r\033[K", l->out);
    fflush(l->out);
}
