/* Crash images against a plain array. */
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

#include "base/error.h"
#include "base/rng.h"
#include "states/crash_image.h"

enum { BLOCKS = 64, SIZE = BLOCKS * 4096, SECTORS = SIZE / 512, MAX_SECTORS = 40 };

struct fixture {
    int fd;
    struct crash_image *image;
    struct writelog *log;
    uint8_t base[SIZE];
};

static int set_up(void **state)
{
    static struct fixture f;
    struct rng r;

    rng_seed(&r, 1);
    for (size_t i = 0; i < SIZE; i++)
        f.base[i] = i / 4096 % 3 == 0 ? 0 : (uint8_t)rng_next(&r);
    f.fd = memfd_create("test", MFD_CLOEXEC);
    if (f.fd < 0 || write(f.fd, f.base, SIZE) != SIZE || crash_image_new(f.fd, 512, &f.image, NULL) < 0)
        return -1;
    f.log = writelog_new(10000, 1 << 26);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    crash_image_free(f->image);
    writelog_free(f->log);
    close(f->fd);
    return 0;
}

static void random_log(struct writelog *l, struct rng *r, int n)
{
    uint8_t data[MAX_SECTORS * 512];

    for (int i = 0; i < n; i++) {
        const uint64_t first = rng_one_in(r, 2) ? 8 * rng_below(r, BLOCKS) : rng_below(r, SECTORS), room = SECTORS - first,
                       len = 512 * (1 + rng_below(r, room < MAX_SECTORS ? room : MAX_SECTORS));
        for (uint64_t k = 0; k < len; k++)
            data[k] = (uint8_t)rng_next(r);
        if (rng_one_in(r, 6))
            writelog_append(l, LOG_FLUSH, 0, 0, NULL, 0);
        else if (rng_one_in(r, 5))
            writelog_append(l, LOG_DISCARD, 0, first * 512, NULL, len);
        else if (rng_one_in(r, 9))
            writelog_append(l, LOG_MARK, 0, 0, "mark", 4); /* data behind it is not aligned to sectors */
        else
            writelog_append(l, LOG_WRITE, rng_one_in(r, 9) ? LOG_LOST : 0, first * 512, data, len);
    }
}

/* What a crash state must hold, by the words of crash_states.h. */
static void make_state(const struct fixture *f, const struct crash_state *s, uint8_t *want)
{
    memcpy(want, f->base, SIZE);
    for (uint64_t i = 0; i < s->durable + s->n_kept; i++) {
        const struct kept_write whole = {.entry = i}, *k = i < s->durable ? &whole : &s->kept[i - s->durable];
        const struct log_entry *e = writelog_entry(f->log, k->entry);
        const uint64_t skip = k->first * 512U, len = k->count ? k->count * 512U : e->len;

        if (e->op == LOG_WRITE && !(e->flags & LOG_LOST))
            memcpy(want + e->off + skip, writelog_data(f->log, e) + skip, len);
        else if (e->op == LOG_DISCARD)
            memset(want + e->off + skip, 0, len);
    }
}

static void assert_image_is(const struct crash_image *c, const uint8_t *want)
{
    for (uint64_t b = 0; b < BLOCKS; b++)
        assert_memory_equal(crash_image_block(c, b), want + b * 4096, 4096);
}

static void assert_holds(struct fixture *f, const struct crash_state *s)
{
    static uint8_t want[SIZE];

    assert_int_equal(crash_image_load(f->image, f->log, s), 0);
    make_state(f, s, want);
    assert_image_is(f->image, want);
}

/* In the source's order, and out of it. */
static void loaded_states_hold_what_they_say(void **state)
{
    struct fixture *f = *state;
    const struct state_limits lim = {.samples = 10, .sector = 512, .torn = true};
    static uint8_t want[SIZE], got[SIZE];
    const struct crash_state *s;
    struct rng r;
    int n = 0;

    rng_seed(&r, 3);
    random_log(f->log, &r, 80);
    struct state_source *src = states_new(f->log, 0, writelog_length(f->log), &lim, 1);
    for (; states_next(src, &s); n++) {
        const struct crash_state early = {.durable = rng_below(&r, s->cut + 1), .cut = s->cut};

        if (n % 7 == 0)
            assert_holds(f, &early);
        assert_holds(f, s);
        if (n % 50 == 0) {
            const int snapshot = crash_image_snapshot(f->image);
            make_state(f, s, want);
            assert_int_equal(pread(snapshot, got, SIZE, 0), SIZE);
            assert_memory_equal(got, want, SIZE);
            close(snapshot);
        }
    }
    assert_true(n > 200);
    states_free(src);
}

/* The same positions of a cleared log are other entries. */
static void a_cleared_log_is_another_log(void **state)
{
    struct fixture *f = *state;
    uint8_t data[4096];

    for (int i = 0; i < 2; i++) {
        writelog_clear(f->log);
        memset(data, 'a' + i, sizeof data);
        writelog_append(f->log, LOG_WRITE, 0, 0, data, sizeof data);
        assert_holds(f, &(struct crash_state){.durable = 1, .cut = 1});
    }
}

/* Also where only a sector was written, or the write is in flight. */
static void of_a_cleared_log_nothing_stays(void **state)
{
    struct fixture *f = *state;
    uint8_t data[512];
    struct kept_write kept = {.entry = 0};

    for (int in_flight = 0; in_flight < 2; in_flight++)
        for (int i = 0; i < 2; i++) {
            writelog_clear(f->log);
            memset(data, 'a' + i, sizeof data);
            writelog_append(f->log, LOG_WRITE, 0, 4096, data, sizeof data);
            if (in_flight)
                assert_holds(f, &(struct crash_state){.cut = 1, .kept = &kept, .n_kept = 1});
            else
                assert_holds(f, &(struct crash_state){.durable = 1, .cut = 1});
        }
}

/* The same write in flight over more durable ones, and over fewer again. */
static void a_write_in_flight_lies_over_what_is_durable(void **state)
{
    struct fixture *f = *state;
    struct kept_write kept = {.entry = 3};
    uint8_t data[4096];

    for (uint8_t i = 0; i < 4; i++) {
        memset(data, 'a' + i, sizeof data);
        writelog_append(f->log, LOG_WRITE, 0, i == 2 ? 8192 : 4096, data, i == 3 ? 512 : sizeof data);
    }
    for (uint64_t durable = 0; durable <= 3; durable++)
        assert_holds(f, &(struct crash_state){.durable = durable, .cut = 4, .kept = &kept, .n_kept = 1});
    for (uint64_t durable = 4; durable-- > 0;) {
        assert_holds(f, &(struct crash_state){.durable = durable, .cut = durable});
        assert_holds(f, &(struct crash_state){.durable = durable, .cut = 4, .kept = &kept, .n_kept = 1});
    }
}

static void a_disk_is_whole_blocks_and_not_empty(void **state)
{
    static const off_t impossible[] = {0, 512, 4095, 4097};
    struct crash_image *c;
    struct error err;
    const int fd = memfd_create("test", MFD_CLOEXEC);

    (void)state;
    for (size_t i = 0; i < sizeof impossible / sizeof *impossible; i++) {
        assert_int_equal(ftruncate(fd, impossible[i]), 0);
        assert_int_equal(crash_image_new(fd, 512, &c, &err), -EINVAL);
    }
    assert_int_equal(ftruncate(fd, 4096), 0);
    assert_int_equal(crash_image_new(fd, 512, &c, &err), 0);
    crash_image_free(c);
    crash_image_free(NULL);
    close(fd);
}

/* Parts and wholes of one block in turn: it must not take a new block of memory each time. */
static void a_block_written_in_parts_for_ever_takes_no_more_memory(void **state)
{
    struct fixture *f = *state;
    static const uint8_t data[4096] = {1};

    for (int i = 0; i < 9000; i++)
        writelog_append(f->log, LOG_WRITE, 0, 4096, data, i % 2 ? 4096 : 512);
    assert_holds(f, &(struct crash_state){.durable = 9000, .cut = 9000});
}

static void hashes_tell_contents(void **state)
{
    struct fixture *f = *state;
    static uint8_t data[4096];
    const struct read_note whole = {.block = 1, .sectors = 0xff}, part = {.block = 1, .sectors = 0x81};
    const uint64_t h = crash_image_hash(f->image, whole), h_part = crash_image_hash(f->image, part);
    const unsigned flip[] = {600, 600, 4095};

    memcpy(data, f->base + 4096, 4096);
    for (uint64_t i = 0; i < 3; i++) {
        data[flip[i]] ^= 1;
        writelog_append(f->log, LOG_WRITE, 0, 4096, data, 4096);
        assert_holds(f, &(struct crash_state){.durable = i + 1, .cut = i + 1});
        assert_int_equal(crash_image_hash(f->image, whole) == h, i == 1);
        assert_int_equal(crash_image_hash(f->image, part) == h_part, i < 2);
    }
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(loaded_states_hold_what_they_say),
        TEST(a_cleared_log_is_another_log),
        TEST(of_a_cleared_log_nothing_stays),
        TEST(a_write_in_flight_lies_over_what_is_durable),
        TEST(a_disk_is_whole_blocks_and_not_empty),
        TEST(a_block_written_in_parts_for_ever_takes_no_more_memory),
        TEST(hashes_tell_contents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
