/* The driver: kills strike where they are told, lanes wait for each other, nobody is left hanging or alive. */
#include "driver_fixture.h"

static const char four_stores[] = "open -f f\n"    /* 0 */
                                  "truncate 16k\n" /* 1 */
                                  "mmap\n"         /* 2 */
                                  "---\n"
                                  "mwrite 0 4k\n"  /* 3 */
                                  "mwrite 4k 4k\n" /* 4 */
                                  "pwrite 8k 4k\n" /* 5 */
                                  "mwrite 12k 4k\n" /* 6 */;

static void kill_at_a_boundary_leaves_what_was_stored(void **state)
{
    struct fixture *f = *state;
    uint8_t file[FILE_BYTES];

    take_plan(f, four_stores);
    for (uint32_t step = 3; step <= 6; step++)
        for (int after = 0; after <= 1; after++) {
            f->job.kill = (struct kill_point){.kind = after ? KILL_AFTER : KILL_BEFORE, .step = step};
            run_well(f);
            uint32_t n = step + (uint32_t)after; /* steps that ran */
            assert_int_equal(f->history->n_events, n);
            content(f, "f", file, sizeof file);
            for (uint32_t i = 3; i < n; i++) {
                assert_true(ended(f, i));
                const struct event *e = &f->history->events[i];
                assert_int_equal(i == 5 ? (uint64_t)e->ret : e->done_bytes, 4096);
                assert_stored(file, i, (i - 3) * UINT64_C(4096), 4096);
            }
            assert_zero(file, (n - 3) * UINT64_C(4096), sizeof file);
        }
}

static void asynchronous_kill_strikes_once_the_step_has_begun(void **state)
{
    struct fixture *f = *state;

    take_plan(f, four_stores);
    for (uint32_t i = 0; i < 40; i++) {
        f->job.kill = (struct kill_point){.kind = KILL_ASYNC, .step = 4, .spins = i * 200};
        run_well(f);
        assert_true(ended(f, 3));
        assert_true(begun(f, 4));
    }
}

static void two_actors_die_together(void **state)
{
    struct fixture *f = *state;

    take_plan(f, "A: open -f f\nB: open -f g\n---\nA: pwrite 0 4k\nA: pwrite 4k 4k\nbarrier\nB: pwrite 0 4k\n");
    f->job.kill = (struct kill_point){.kind = KILL_AFTER, .step = 2};
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    run_well(f);
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_true(to.tv_sec - from.tv_sec < LONG_MS / 2000); /* not only when the deadline passes */
    assert_true(ended(f, 2));
    assert_false(begun(f, 3));
    assert_false(begun(f, 5));
}

static void barrier_orders_two_actors(void **state)
{
    struct fixture *f = *state;

    take_plan(f, "A: open -f f\nB: open -f g\n---\n"
                 "A: pwrite 0 16k\nA: fsync\nbarrier\nB: pwrite 0 4k\nbarrier\nA: pwrite 0 4k\n");
    for (int i = 0; i < 20; i++) {
        run_well(f);
        assert_true(event_of(f, 3).end_seq < event_of(f, 5).begin_seq);
        assert_true(event_of(f, 5).end_seq < event_of(f, 7).begin_seq);
    }
}

static void an_actor_that_exited_is_not_waited_for(void **state)
{
    struct fixture *f = *state;

    take_plan(f, "A: open -f f\nB: open -f g\n---\nB: exit\nbarrier\nA: pwrite 0 4k\n");
    run_well(f);
    assert_true(ended(f, 2));
    assert_int_equal(event_of(f, 4).ret, 4096);
}

static void exit_in_the_set_up_opens_the_gate(void **state)
{
    struct fixture *f = *state;

    take_plan(f, "A: open -f f\nB: exit\n---\nA: pwrite 0 4k\n");
    run_well(f);
    assert_int_equal(event_of(f, 2).ret, 4096);
}

static int note_events(void *arg, struct error *err)
{
    struct fixture *f = arg;

    (void)err;
    for (uint32_t i = 0; i < 2; i++)
        assert_true(ended(f, i));
    assert_int_equal(f->history->n_events, 2);
    return 0;
}

static void ready_is_called_between_set_up_and_the_rest(void **state)
{
    struct fixture *f = *state;

    take_plan(f, "A: open -f f\nB: open -f g\n---\nA: pwrite 0 4k\nB: pwrite 0 4k\n");
    f->job.ready = note_events;
    f->job.arg = f;
    for (int i = 0; i < 20; i++) {
        run_well(f);
        assert_int_equal(f->history->n_events, 4);
    }
}

static int refuse(void *arg, struct error *err)
{
    (void)arg;
    return error_set(err, ETIMEDOUT, "ready", NULL, "no");
}

static void a_failing_ready_ends_the_run(void **state)
{
    struct fixture *f = *state;

    take_plan(f, four_stores);
    f->job.ready = refuse;
    assert_int_equal(run(f), -ETIMEDOUT);
    assert_string_equal(f->err.op, "ready");
    assert_false(begun(f, 3));
}

/* What `ready` saw in an actor's process; in shared memory. */
struct seen {
    struct history *history;
    _Atomic uint32_t calls, n_ended, n_events;
    _Atomic pid_t pid;
};

static int note_seen(void *arg, struct error *err)
{
    struct seen *s = arg;

    (void)err;
    for (uint32_t i = 0; i < s->history->n_events; i++)
        s->n_ended += s->history->events[i].end_seq != HISTORY_NEVER;
    s->n_events = s->history->n_events;
    s->pid = getpid();
    s->calls++;
    return 0;
}

static void the_last_actor_at_the_gate_calls_ready_if_it_may(void **state)
{
    struct fixture *f = *state;
    struct seen *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(s, MAP_FAILED);
    take_plan(f, "A: open -f f\nB: open -f g\n---\nA: pwrite 0 4k\nB: pwrite 0 4k\n");
    f->job.ready = note_seen;
    f->job.ready_in_actor = true;
    f->job.arg = s;
    for (int i = 0; i < 20; i++) {
        *s = (struct seen){.history = f->history};
        run_well(f);
        assert_int_equal(s->calls, 1);
        assert_int_not_equal(s->pid, getpid());
        assert_int_equal(s->n_events, 2);
        assert_int_equal(s->n_ended, 2);
        assert_int_equal(f->history->n_events, 4);
    }
    munmap(s, sizeof *s);
}

static void a_ready_that_fails_in_an_actor_ends_the_run(void **state)
{
    struct fixture *f = *state;

    take_plan(f, four_stores);
    f->job.ready = refuse;
    f->job.ready_in_actor = true;
    assert_int_equal(run(f), -ETIMEDOUT);
    assert_string_equal(f->err.op, "ready");
    assert_false(begun(f, 3));
}

/* B waits for a lock that A, waiting for B, never gives back. */
static const char deadlock[] = "A: open -f f\nA: lockf 0 1\nbarrier\nB: open f\n---\nbarrier\nB: lockf -w 0 1\nbarrier\n";

static void a_step_that_hangs_is_named(void **state)
{
    struct fixture *f = *state;

    take_plan(f, deadlock);
    f->job.deadline_ms = 300;
    assert_int_equal(run(f), 0);
    assert_int_equal(f->hung, 5);
    assert_false(ended(f, 5));
}

static void a_kill_point_in_the_set_up_is_refused(void **state)
{
    struct fixture *f = *state;

    take_plan(f, four_stores);
    f->job.kill = (struct kill_point){.kind = KILL_AFTER, .step = 1};
    assert_int_equal(run(f), -EINVAL);
}

/* Waits, as the reaper of orphans, for n of the process group to die. */
static void reap_orphans(int n, pid_t group)
{
    struct timespec end, t;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += 10;
    while (n > 0) {
        int status;
        sigset_t child;
        pid_t pid = waitpid(-1, &status, WNOHANG);

        if (pid > 0) {
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
            n--;
            continue;
        }
        clock_gettime(CLOCK_MONOTONIC, &t);
        if (t.tv_sec >= end.tv_sec) {
            kill(-group, SIGKILL); /* or they would outlive the test, too */
            fail_msg("%d actors outlive their driver", n);
        }
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigtimedwait(&child, NULL, &(struct timespec){.tv_sec = 1});
    }
}

static int tell(void *arg, struct error *err)
{
    (void)err;
    return write(*(int *)arg, "", 1) == 1 ? 0 : -EPIPE;
}

static void actors_die_with_their_driver(void **state)
{
    struct fixture *f = *state;
    int ready[2];
    char byte;
    sigset_t child, old;

    take_plan(f, deadlock);
    assert_int_equal(pipe(ready), 0);
    f->job.ready = tell;
    f->job.arg = &ready[1];
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &old);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setpgid(0, 0);
        _exit(run(f) != 0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    kill(pid, SIGKILL);
    reap_orphans(3, pid); /* the driver and two actors */
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    sigprocmask(SIG_SETMASK, &old, NULL);
    close(ready[0]);
    close(ready[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

enum { SHORT_MS = 300, STOPPED_MS = 1000 };

/* Stops this process and its actors for longer than their deadline, and then opens the FIFO that the actor waits for. */
static int stop_for_a_while(void *arg, struct error *err)
{
    const struct fixture *f = arg;
    const pid_t group = getpgrp(), pid = fork();

    (void)err;
    if (pid)
        return pid < 0 ? -errno : 0;
    setpgid(0, 0);
    kill(-group, SIGSTOP);
    usleep(1000 * STOPPED_MS);
    kill(-group, SIGCONT);
    usleep(1000 * SHORT_MS / 2); /* a driver that counts the time in which it was stopped gives up now */
    char path[sizeof f->dir + 4];

    snprintf(path, sizeof path, "%s/p", f->dir);
    _exit(open(path, O_WRONLY | O_CLOEXEC) < 0);
}

static void time_in_which_all_were_stopped_does_not_count(void **state)
{
    struct fixture *f = *state;
    int status = -1;

    setpgid(0, 0); /* whoever started this test goes on */
    take_plan(f, "mkfifo p\n---\nopen -r p\n");
    f->job.deadline_ms = SHORT_MS;
    f->job.ready = stop_for_a_while;
    f->job.arg = f;
    run_well(f);
    assert_true(ended(f, 1));
    assert_true(waitpid(-1, &status, 0) > 0);
    assert_int_equal(status, 0);
}

/* Stops the actor, which waits at the gate. */
static int stop_the_actor(void *arg, struct error *err)
{
    char path[64], text[32] = "";

    (void)arg, (void)err;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    close(fd);
    return n > 0 && kill((pid_t)strtol(text, NULL, 10), SIGSTOP) == 0 ? 0 : -ESRCH;
}

static void a_stopped_actor_does_not_hang(void **state)
{
    struct fixture *f = *state;

    take_plan(f, four_stores);
    f->job.deadline_ms = SHORT_MS;
    f->job.ready = stop_the_actor;
    assert_int_equal(run(f), -ETIMEDOUT);
    assert_non_null(strstr(f->err.msg, "stopped by signal"));
    assert_int_equal(f->hung, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(kill_at_a_boundary_leaves_what_was_stored),
        TEST(asynchronous_kill_strikes_once_the_step_has_begun),
        TEST(two_actors_die_together),
        TEST(barrier_orders_two_actors),
        TEST(an_actor_that_exited_is_not_waited_for),
        TEST(exit_in_the_set_up_opens_the_gate),
        TEST(ready_is_called_between_set_up_and_the_rest),
        TEST(a_failing_ready_ends_the_run),
        TEST(the_last_actor_at_the_gate_calls_ready_if_it_may),
        TEST(a_ready_that_fails_in_an_actor_ends_the_run),
        TEST(a_step_that_hangs_is_named),
        TEST(time_in_which_all_were_stopped_does_not_count),
        TEST(a_stopped_actor_does_not_hang),
        TEST(a_kill_point_in_the_set_up_is_refused),
        TEST(actors_die_with_their_driver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
