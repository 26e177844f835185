/* What FUA, ignored requests and failed loads mean for crash states, each in the smallest log that shows it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "states/crash_image.h"
#include "states/crash_states.h"

enum { SECTOR = 512, BLOCK = 4096, LARGE_EPOCH = STATES_SMALL_EPOCH + 4, SAMPLES = 200 };

static const struct state_limits every_state = {.sector = SECTOR, .torn = true, .samples = SAMPLES};

static struct writelog *new_log(void)
{
    struct writelog *l = writelog_new(64, 1 << 20);

    assert_non_null(l);
    return l;
}

static void log_write(struct writelog *l, unsigned flags, uint64_t block)
{
    uint8_t data[BLOCK];

    memset(data, (int)writelog_length(l) + 1, sizeof data);
    assert_int_equal(writelog_append(l, LOG_WRITE, flags, block * BLOCK, data, sizeof data), 0);
}

static uint32_t epochs_of(const struct writelog *l)
{
    struct state_source *s = states_new(l, 0, writelog_length(l), &every_state, 1);
    const uint32_t n = states_epochs(s);

    states_free(s);
    return n;
}

static void the_flush_before_an_ignored_write_does_nothing(void **state)
{
    struct writelog *obeyed = new_log(), *ignored = new_log();

    (void)state;
    log_write(obeyed, 0, 1);
    log_write(obeyed, LOG_FLUSH_FIRST, 2);
    log_write(ignored, 0, 1);
    log_write(ignored, LOG_FLUSH_FIRST | LOG_IGNORED, 2);
    assert_int_equal(epochs_of(obeyed), 2);
    assert_int_equal(epochs_of(ignored), 1);
    writelog_free(obeyed);
    writelog_free(ignored);
}

/* The first epoch of a log of a write, a write with these flags, and a write. */
static struct epoch_writes epoch_with(unsigned flags)
{
    struct writelog *l = new_log();
    struct epoch_writes e;

    log_write(l, 0, 1);
    log_write(l, flags, 2);
    log_write(l, 0, 3);
    struct state_source *s = states_new(l, 0, writelog_length(l), &every_state, 1);

    states_epoch(s, 0, &e);
    free(e.entries);
    states_free(s);
    writelog_free(l);
    return e;
}

static void fua_counts_when_states_are_counted(void **state)
{
    const struct epoch_writes plain = epoch_with(0), fua = epoch_with(LOG_FUA), ignored = epoch_with(LOG_FUA | LOG_IGNORED);

    (void)state;
    assert_false(plain.forced);
    assert_true(plain.n_states == 8); /* each of three writes kept or not */
    assert_true(fua.forced);
    assert_true(fua.n_states == 6); /* nothing; A; FUA, A FUA; FUA C, A FUA C */
    assert_false(ignored.forced);
    assert_true(ignored.n_states == 8);
}

static bool keeps_whole(const struct crash_state *s, uint64_t entry)
{
    for (size_t i = 0; i < s->n_kept; i++)
        if (s->kept[i].entry == entry)
            return s->kept[i].count == 0;
    return false;
}

/* Visits the samples of one large epoch whose write `forced` has these flags, and counts those that leave that write out. */
static void visit_samples(uint64_t forced, unsigned flags, size_t *ret_samples, size_t *ret_without, size_t *ret_gaps)
{
    struct writelog *l = new_log();
    const struct crash_state *s;

    for (uint64_t i = 0; i < LARGE_EPOCH; i++)
        log_write(l, i == forced ? flags : 0, i);
    struct state_source *src = states_new(l, 0, writelog_length(l), &every_state, 7);

    *ret_samples = *ret_without = *ret_gaps = 0;
    while (states_next(src, &s)) {
        if (s->kind != STATE_SAMPLE || s->cut <= forced)
            continue;
        ++*ret_samples;
        *ret_without += !keeps_whole(s, forced);
        for (uint64_t i = 0; i < forced; i++)
            if (!keeps_whole(s, i)) {
                ++*ret_gaps;
                break;
            }
    }
    states_free(src);
    writelog_free(l);
}

static void a_sample_keeps_every_fua_write_before_its_cut_whole(void **state)
{
    size_t samples, without, gaps;

    (void)state;
    visit_samples(4, LOG_FUA, &samples, &without, &gaps);
    assert_true(samples > SAMPLES / 4);
    assert_int_equal(without, 0);
    assert_true(gaps > samples / 2); /* FUA says nothing of the writes before it */
    visit_samples(4, LOG_FUA | LOG_IGNORED, &samples, &without, &gaps);
    assert_true(without > samples / 4);
}

static void at_the_end_at_least_one_state_is_still_said_to_come(void **state)
{
    struct writelog *l = new_log();
    const struct crash_state *s;
    uint64_t done, left, given = 0;

    (void)state;
    log_write(l, 0, 1);
    struct state_source *src = states_new(l, 0, writelog_length(l), &every_state, 1);

    while (states_next(src, &s))
        given++;
    states_progress(src, &done, &left);
    assert_int_equal(done, given);
    assert_int_equal(left, 1);
    states_free(src);
    writelog_free(l);
}

/* Loads the state after `upto` entries; `seen` becomes the first bytes of its two blocks. */
static void show(struct crash_image *c, const struct writelog *l, uint64_t upto, uint8_t seen[2])
{
    const struct crash_state s = {.durable = upto, .cut = upto, .until = upto};

    assert_int_equal(crash_image_load(c, l, &s), 0);
    seen[0] = crash_image_block(c, 0)[0];
    seen[1] = crash_image_block(c, 1)[0];
}

static void another_log_begins_at_the_base(void **state)
{
    struct writelog *a = new_log(), *b = new_log();
    struct crash_image *c;
    uint8_t seen[2];
    const int fd = memfd_create("test", MFD_CLOEXEC);

    (void)state;
    assert_int_equal(ftruncate(fd, 2 * BLOCK), 0);
    assert_int_equal(crash_image_new(fd, SECTOR, &c, NULL), 0);
    log_write(a, 0, 0);
    log_write(b, 0, 1);
    show(c, a, 1, seen);
    assert_int_equal(seen[0], 1);
    assert_int_equal(seen[1], 0);
    show(c, b, 1, seen);
    assert_int_equal(seen[0], 0);
    assert_int_equal(seen[1], 1);
    show(c, b, 0, seen);
    assert_int_equal(seen[1], 0);
    crash_image_free(c);
    writelog_free(a);
    writelog_free(b);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_flush_before_an_ignored_write_does_nothing),
        cmocka_unit_test(fua_counts_when_states_are_counted),
        cmocka_unit_test(a_sample_keeps_every_fua_write_before_its_cut_whole),
        cmocka_unit_test(at_the_end_at_least_one_state_is_still_said_to_come),
        cmocka_unit_test(another_log_begins_at_the_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
