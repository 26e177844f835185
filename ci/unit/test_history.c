/* The history: order, what a kill leaves of it, copies. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "evidence/history.h"

static struct history *shared_history(uint32_t events, uint64_t data)
{
    void *block = mmap(NULL, history_bytes(events, data), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(block, MAP_FAILED);
    return history_init(block, events, data, 42);
}

static void events_tell_what_ended_before_what(void **state)
{
    struct history *h = shared_history(4, 0);
    struct event *a = history_begin(h, 0, 0, NULL), *b = history_begin(h, 1, 1, NULL);

    (void)state;
    history_end(h, a, NULL);
    struct event *c = history_begin(h, 2, 0, NULL);

    assert_true(a->end_seq < c->begin_seq);
    assert_true(b->begin_seq < a->end_seq);
    assert_true(b->end_seq == HISTORY_NEVER);
}

static void positions_are_the_write_logs(void **state)
{
    struct history *h = shared_history(4, 0);
    _Atomic uint64_t pos = 5;
    struct event *e = history_begin(h, 0, 0, &pos);

    (void)state;
    pos = 9;
    history_end(h, e, &pos);
    assert_int_equal(e->begin_pos, 5);
    assert_int_equal(e->end_pos, 9);
}

static void a_full_history_begins_nothing(void **state)
{
    struct history *h = shared_history(1, 0);

    (void)state;
    assert_non_null(history_begin(h, 0, 0, NULL));
    assert_null(history_begin(h, 1, 0, NULL));
    assert_int_equal(h->n_events, 1);
}

static void data_beyond_the_room_is_refused(void **state)
{
    struct history *h = shared_history(2, 100);
    struct event *e = history_begin(h, 0, 0, NULL);

    (void)state;
    assert_non_null(history_data_new(h, e, 60));
    assert_null(history_data_new(h, e, 60));
    assert_int_equal(e->data_len, 60);
}

static void data_may_fill_the_room(void **state)
{
    struct history *h = shared_history(4, 100);
    struct event *a = history_begin(h, 0, 0, NULL), *b = history_begin(h, 1, 0, NULL), *c = history_begin(h, 2, 0, NULL);

    (void)state;
    memset(history_data_new(h, a, 40), 'a', 40);
    void *rest = history_data_new(h, b, 60);

    assert_non_null(rest);
    memset(rest, 'b', 60);
    assert_non_null(history_data_new(h, c, 0)); /* a read of nothing */
    assert_null(history_data_new(h, c, 1));
    assert_int_equal(*(const char *)history_data(h, a), 'a');
    assert_int_equal(*(const char *)history_data(h, b), 'b');
}

static void a_block_need_not_be_zeroed(void **state)
{
    void *block = malloc(history_bytes(4, 0));

    (void)state;
    memset(block, 0x5a, history_bytes(4, 0));
    const struct history *h = history_init(block, 4, 0, 42);

    for (int i = 0; i < 4; i++) {
        assert_int_equal(h->events[i].begin_seq, 0);
        assert_int_equal(h->events[i].step, 0);
    }
    free(block);
}

/* What was asked for in vain is not copied. */
static void a_copy_of_a_full_history_holds_what_there_is(void **state)
{
    struct history *h = shared_history(4, 100);
    struct event *e = history_begin(h, 0, 0, NULL);

    (void)state;
    memset(history_data_new(h, e, 90), 'a', 90);
    for (int i = 0; i < 2; i++) {
        struct history *copy = history_copy(h);

        assert_int_equal(copy->n_data, i ? 100 : 90);
        assert_int_equal(copy->cap_data, i ? 100 : 90);
        assert_int_equal(copy->next_seq, h->next_seq);
        assert_int_equal(copy->size_bytes, history_bytes(1, copy->n_data));
        assert_int_equal(((const char *)history_data(copy, &copy->events[0]))[89], 'a');
        free(copy);
        history_data_new(h, e, 1000);
        e->data_off = 0;
    }
}

static void what_a_killed_process_recorded_survives(void **state)
{
    struct history *h = shared_history(4, 0);
    pid_t pid = fork();
    int status;

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) {
        history_end(h, history_begin(h, 0, 0, NULL), NULL);
        history_begin(h, 1, 0, NULL);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(h->n_events, 2);
    assert_true(h->events[0].end_seq != HISTORY_NEVER);
    assert_true(h->events[1].begin_seq != 0);
    assert_true(h->events[1].end_seq == HISTORY_NEVER);
}

static void a_copy_holds_events_and_data(void **state)
{
    struct history *h = shared_history(8, 100);
    struct event *e = history_begin(h, 3, 0, NULL);

    (void)state;
    memcpy(history_data_new(h, e, 5), "hello", 5);
    history_end(h, e, NULL);
    struct history *copy = history_copy(h);

    assert_int_equal(copy->n_events, 1);
    assert_int_equal(copy->key, 42);
    assert_int_equal(copy->events[0].step, 3);
    assert_memory_equal(history_data(copy, &copy->events[0]), "hello", 5);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_tell_what_ended_before_what),
        cmocka_unit_test(positions_are_the_write_logs),
        cmocka_unit_test(a_full_history_begins_nothing),
        cmocka_unit_test(data_beyond_the_room_is_refused),
        cmocka_unit_test(data_may_fill_the_room),
        cmocka_unit_test(a_block_need_not_be_zeroed),
        cmocka_unit_test(a_copy_of_a_full_history_holds_what_there_is),
        cmocka_unit_test(what_a_killed_process_recorded_survives),
        cmocka_unit_test(a_copy_holds_events_and_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
