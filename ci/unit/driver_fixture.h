/* What tests of the driver and of actors share: a plan from text, run in a fresh directory, and what its history says. */
#ifndef TORNPAGE_UNIT_DRIVER_FIXTURE_H
#define TORNPAGE_UNIT_DRIVER_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "actor/driver.h"
#include "base/buf.h"
#include "base/error.h"
#include "evidence/stamp.h"
#include "host/run_directory.h"
#include "language/verb.h"
#include "parser/parser.h"

enum { CAP_EVENTS = 64, CAP_DATA = 1 << 16, KEY = 77, FILE_BYTES = 16384, LONG_MS = 20000 };

struct fixture {
    char root[64], dir[256];
    uint64_t n;
    struct history *history;
    struct plan *plan;
    struct driver_job job;
    int32_t hung;
    struct error err;
};

static inline int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);

    strcpy(f->root, "/var/tmp/test-driver-XXXXXX");
    if (!mkdtemp(f->root))
        return -1;
    f->history = driver_history_new(CAP_EVENTS, CAP_DATA, &f->err);
    *state = f;
    return f->history ? 0 : -1;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;

    plan_free(f->plan);
    driver_history_free(f->history);
    int rc = run_directory_remove(f->root, NULL);
    free(f);
    return rc;
}

/* The steps behind a header that every plan needs. */
static inline void take_plan(struct fixture *f, const char *steps)
{
    struct buf text = {0};

    buf_printf(&text, "test: The driver.\norigin: driver test\ncrash: none kill\n%s", steps);
    plan_free(f->plan);
    f->plan = NULL;
    if (plan_parse("plan", "plan", text.data, text.len_bytes, &f->plan, &f->err) != 0)
        fail_msg("%s", f->err.msg);
    buf_free(&text);
    f->job = (struct driver_job){.plan = f->plan, .deadline_ms = LONG_MS, .kill = {.kind = KILL_NEVER}};
}

/* Runs the job in a fresh directory with an empty history. */
static inline int run(struct fixture *f)
{
    f->job.dir_fd = run_directory_make(f->root, f->n++, f->dir, sizeof f->dir, &f->err);
    assert_true(f->job.dir_fd >= 0);
    f->job.dir = f->dir;
    f->job.history = history_init(f->history, CAP_EVENTS, CAP_DATA, KEY);
    int rc = driver_run(&f->job, &f->hung, &f->err);

    close(f->job.dir_fd);
    return rc;
}

static inline void run_well(struct fixture *f)
{
    if (run(f) != 0)
        fail_msg("%s: %s", f->err.op, f->err.msg);
    assert_int_equal(f->hung, -1);
}

static inline bool find_event(const struct fixture *f, uint32_t step, struct event *ret)
{
    for (uint32_t i = 0; i < f->history->n_events; i++)
        if (f->history->events[i].step == step && f->history->events[i].begin_seq) {
            *ret = f->history->events[i];
            return true;
        }
    return false;
}

static inline bool begun(const struct fixture *f, uint32_t step)
{
    struct event e;

    return find_event(f, step, &e);
}

/* The first event of that step, which must have begun. */
static inline struct event event_of(const struct fixture *f, uint32_t step)
{
    struct event e = {0};

    if (!find_event(f, step, &e))
        fail_msg("step %u never began", step);
    return e;
}

static inline bool ended(const struct fixture *f, uint32_t step)
{
    struct event e;

    return find_event(f, step, &e) && e.end_seq != HISTORY_NEVER;
}

static inline void content(const struct fixture *f, const char *name, uint8_t *ret, size_t len_bytes)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, ret, len_bytes), len_bytes);
    close(fd);
}

/* Bytes [off, off+len) of file `f` (path 0) are those of step `step`. */
static inline void assert_stored(const uint8_t *file, uint32_t step, uint64_t off, uint64_t len_bytes)
{
    assert_int_equal(stamp_match(KEY, 0, step + 1, off, file + off, len_bytes), len_bytes);
}

static inline void assert_zero(const uint8_t *file, uint64_t off, uint64_t end)
{
    for (; off < end; off++)
        if (file[off])
            fail_msg("byte %llu is not zero", (unsigned long long)off);
}

#endif
