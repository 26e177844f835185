/* The write log: what is appended is read back, by every process, and never with a gap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk/writelog.h"

static const uint8_t sector[512] = "some bytes";

static void entries_come_back_as_appended(void **state)
{
    struct writelog *l = writelog_new(10, 1 << 16);

    (void)state;
    assert_non_null(l);
    assert_int_equal(writelog_append(l, LOG_WRITE, LOG_FUA, 4096, sector, sizeof sector), 0);
    assert_int_equal(writelog_append(l, LOG_FLUSH, LOG_IGNORED, 0, NULL, 0), 0);
    assert_int_equal(writelog_append(l, LOG_MARK, 0, 0, "odd", 3), 0);
    assert_int_equal(writelog_append(l, LOG_DISCARD, 0, 512, NULL, 1024), 0);
    assert_int_equal(writelog_append(l, LOG_WRITE, 0, 0, sector, sizeof sector), 0);
    assert_int_equal(writelog_length(l), 5);
    assert_int_equal(*writelog_position(l), 5);

    const struct log_entry *w = writelog_entry(l, 0), *f = writelog_entry(l, 1), *m = writelog_entry(l, 2),
                           *d = writelog_entry(l, 3);
    assert_true(w->op == LOG_WRITE && w->flags == LOG_FUA && w->off == 4096 && w->len == sizeof sector);
    assert_memory_equal(writelog_data(l, w), sector, sizeof sector);
    assert_true(f->op == LOG_FLUSH && f->flags == LOG_IGNORED && f->len == 0);
    assert_memory_equal(writelog_data(l, m), "odd", 3);
    assert_true(d->op == LOG_DISCARD && d->off == 512 && d->len == 1024);
    assert_memory_equal(writelog_data(l, writelog_entry(l, 4)), sector, sizeof sector);
    writelog_free(l);
}

/* A small write would still fit after a large one did not; it must not be taken. */
static void after_the_first_lost_entry_none_follows(void **state)
{
    struct writelog *l = writelog_new(10, 1024);
    static const uint8_t large[2048];

    (void)state;
    assert_int_equal(writelog_append(l, LOG_WRITE, 0, 0, sector, sizeof sector), 0);
    assert_false(writelog_overflowed(l));
    assert_int_equal(writelog_append(l, LOG_WRITE, 0, 0, large, sizeof large), -ENOSPC);
    assert_true(writelog_overflowed(l));
    assert_int_equal(writelog_append(l, LOG_WRITE, 0, 0, sector, sizeof sector), -ENOSPC);
    assert_int_equal(writelog_length(l), 1);
    writelog_clear(l);
    assert_false(writelog_overflowed(l));
    assert_int_equal(writelog_length(l), 0);
    assert_int_equal(writelog_append(l, LOG_WRITE, 0, 0, sector, sizeof sector), 0);
    writelog_free(l);
}

static void full_of_entries_is_an_overflow_too(void **state)
{
    struct writelog *l = writelog_new(2, 1024);

    (void)state;
    assert_int_equal(writelog_append(l, LOG_FLUSH, 0, 0, NULL, 0), 0);
    assert_int_equal(writelog_append(l, LOG_FLUSH, 0, 0, NULL, 0), 0);
    assert_int_equal(writelog_append(l, LOG_FLUSH, 0, 0, NULL, 0), -ENOSPC);
    assert_true(writelog_overflowed(l));
    writelog_free(l);
}

static void data_may_fill_the_log(void **state)
{
    static const uint8_t data[8192];
    struct writelog *l = writelog_new(10, sizeof data);

    (void)state;
    assert_int_equal(writelog_append(l, LOG_WRITE, 0, 0, data, sizeof data), 0);
    assert_int_equal(writelog_append(l, LOG_FLUSH, 0, 0, NULL, 0), 0);
    assert_int_equal(writelog_append(l, LOG_WRITE, 0, 0, data, 512), -ENOSPC);
    writelog_free(l);
    writelog_free(NULL);
}

static void clear_changes_the_identity(void **state)
{
    struct writelog *a = writelog_new(2, 1024), *b = writelog_new(2, 1024);
    const uint64_t before = writelog_identity(a);

    (void)state;
    assert_int_not_equal(before, writelog_identity(b));
    writelog_clear(a);
    assert_int_not_equal(before, writelog_identity(a));
    assert_int_not_equal(writelog_identity(a), writelog_identity(b));
    writelog_free(a);
    writelog_free(b);
}

/* One process appends through an attached handle, as a disk's server does; the other reads. */
static void attached_handle_shares_the_log(void **state)
{
    struct writelog *l = writelog_new(10, 1 << 16);
    int status = 0;
    pid_t pid;

    (void)state;
    pid = fork();
    if (pid == 0) {
        struct writelog *same = writelog_attach(dup(writelog_fd(l)));
        _exit(same && writelog_append(same, LOG_WRITE, 0, 8192, sector, sizeof sector) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(writelog_length(l), 1);
    assert_int_equal(writelog_entry(l, 0)->off, 8192);
    assert_memory_equal(writelog_data(l, writelog_entry(l, 0)), sector, sizeof sector);
    writelog_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_back_as_appended),      cmocka_unit_test(after_the_first_lost_entry_none_follows),
        cmocka_unit_test(full_of_entries_is_an_overflow_too), cmocka_unit_test(data_may_fill_the_log),
        cmocka_unit_test(clear_changes_the_identity),         cmocka_unit_test(attached_handle_shares_the_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
