/* Deadlines: they stand on a machine with time to spare, and move on where it is short of processors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/patience.h"

enum { ALLOWED_MS = 1000, MAX_HOGS = 256 };

/* How long it takes for the time to be up, in multiples of what was allowed. */
static double waited(void)
{
    const double from_s = clock_s();
    struct patience p;

    patience_begin(&p, ALLOWED_MS);
    while (patience_left_ns(&p) > 0)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    return (clock_s() - from_s) * 1000 / ALLOWED_MS;
}

static void it_is_at_most_so_many_times_what_was_allowed(void **state)
{
    const double times = waited();

    (void)state;
    assert_true(times >= 1);
    assert_true(times < PATIENCE_FACTOR + 1); /* the look itself may come late */
}

static void it_is_longer_where_processes_wait_for_processors(void **state)
{
    pid_t hogs[MAX_HOGS];
    const long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);
    const int n = n_cpus * 3 < MAX_HOGS ? (int)n_cpus * 3 : MAX_HOGS;

    (void)state;
    if (access("/proc/pressure/cpu", R_OK))
        skip(); /* the load average is slower than this test */
    for (int i = 0; i < n; i++) {
        hogs[i] = fork();
        if (hogs[i] == 0)
            for (volatile unsigned turns = 0;; turns++)
                continue;
    }
    const double times = waited();

    for (int i = 0; i < n; i++) {
        kill(hogs[i], SIGKILL);
        waitpid(hogs[i], NULL, 0);
    }
    assert_true(times > 1.5);
}

static void time_that_is_left_out_does_not_count(void **state)
{
    struct patience p;

    (void)state;
    patience_begin(&p, ALLOWED_MS);
    const int64_t before = patience_left_ns(&p);
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    patience_leave_out(&p);
    assert_true(patience_left_ns(&p) > before - 100000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_at_most_so_many_times_what_was_allowed),
        cmocka_unit_test(it_is_longer_where_processes_wait_for_processors),
        cmocka_unit_test(time_that_is_left_out_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
