/* What the world makes of races, loose sizes, copies, bytes behind the end, shutdowns and many names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "paper.h"
#include "truth/loss.h"

enum { PAGE = 4096, FILE_INODE = 1, OTHER_INODE = 2 };

static struct span span(uint64_t begin, uint64_t end)
{
    return (struct span){
        .event = NO_EVENT, .certain = true, .begin_seq = begin, .end_seq = end, .begin_pos = begin, .end_pos = end};
}

static struct content fill(uint8_t byte)
{
    return (struct content){.kind = CONTENT_FILL, .fill = byte};
}

/* A world of one lane with two files, f and g, whose contents the test makes by hand. */
static struct world *by_hand(struct paper *p)
{
    paper_new(p, "open -f f\nclose\nopen -f g\nclose\n");
    struct world *w = paper_build(p);

    assert_int_equal(w->n_inodes, OTHER_INODE + 1);
    return w;
}

static const struct inode *file(const struct world *w)
{
    return &w->inodes[FILE_INODE];
}

static struct moment strike_after_all(enum loss loss)
{
    return (struct moment){.loss = loss, .pos = 10000, .from = HISTORY_NEVER, .to = HISTORY_NEVER};
}

/* Is the fill byte legal at `off`? */
static bool legal_at(const struct world *w, const struct moment *m, uint64_t off, uint8_t byte)
{
    struct legal_map map = {.segs = NULL};
    bool found = false;

    oracle_bytes(w, FILE_INODE, m, OFF_MAX, NULL, 0, &map);
    for (size_t i = 0; i < map.n_segs; i++)
        for (size_t k = 0; k < map.segs[i].n && map.segs[i].off <= off && off < map.segs[i].end; k++) {
            const struct version *v = map.legal[map.segs[i].first + k];

            found |= v && v->content.kind == CONTENT_FILL && v->content.fill == byte;
        }
    legal_map_free(&map);
    return found;
}

/* ---- bytes behind the end ---- */

static void bytes_behind_the_end_count_for_readers_until_they_are_overwritten(void **state)
{
    struct paper p;
    struct world *w = by_hand(&p);
    const struct moment kill = strike_after_all(LOSS_NOTHING);
    const struct moment before = {.live = true, .from = 130, .to = 131}, after = {.live = true, .from = 150, .to = 151};

    (void)state;
    world_tail_store(w, FILE_INODE, span(110, 111), 100, 200, fill(7));
    assert_true(legal_at(w, &before, 150, 7));
    assert_false(legal_at(w, &kill, 150, 7));
    world_write(w, FILE_INODE, span(140, 141), 0, PAGE, fill(8));
    assert_false(legal_at(w, &after, 150, 7));
    assert_true(legal_at(w, &after, 150, 8));
    paper_free(&p);
}

static void growth_zeroes_to_the_end_of_the_old_last_page(void **state)
{
    struct paper p;
    struct world *w = by_hand(&p);
    const struct moment kill = strike_after_all(LOSS_NOTHING);

    (void)state;
    world_resize(w, FILE_INODE, span(100, 101), 100);
    world_write(w, FILE_INODE, span(110, 111), 120, 4000, fill(7));
    world_resize(w, FILE_INODE, span(120, 121), 150);
    assert_false(legal_at(w, &kill, 130, 7));
    assert_false(legal_at(w, &kill, 3999, 7));
    paper_free(&p);
}

/* ---- loose sizes ---- */

static void make_loose(struct world *w, struct span when, uint64_t lo, uint64_t hi)
{
    world_shift_size(w, FILE_INODE, when, hi);
    struct size_version *v = &w->inodes[FILE_INODE].sizes[file(w)->n_sizes - 1];

    v->lo = lo;
    v->loose = true;
}

static bool size_is_legal(const struct world *w, enum loss loss, uint64_t size)
{
    const struct moment m = strike_after_all(loss);
    int32_t promise;

    return oracle_size(w, FILE_INODE, &m, size, &promise);
}

static void a_loose_size_is_any_of_its_range(void **state)
{
    struct paper p;
    struct world *w = by_hand(&p);
    const struct event reader = {.begin_seq = 120, .end_seq = 121};
    uint64_t min, max;

    (void)state;
    make_loose(w, span(100, 101), 100, 200);
    world_size_bounds(w, FILE_INODE, &reader, &min, &max);
    assert_int_equal(min, 100);
    assert_int_equal(max, 200);
    assert_false(size_is_legal(w, LOSS_NOTHING, 99));
    assert_true(size_is_legal(w, LOSS_NOTHING, 100));
    assert_true(size_is_legal(w, LOSS_NOTHING, 150));
    assert_true(size_is_legal(w, LOSS_NOTHING, 200));
    assert_false(size_is_legal(w, LOSS_NOTHING, 201));
    paper_free(&p);
}

static void a_ranged_sync_binds_the_least_of_a_loose_size(void **state)
{
    struct paper p;
    struct world *w = by_hand(&p);

    (void)state;
    make_loose(w, span(100, 101), 100, PAGE);
    world_write(w, FILE_INODE, span(110, 111), 0, PAGE, fill(7));
    world_sync_range(w, FILE_INODE, span(120, 121), 0, PAGE);
    assert_true(size_is_legal(w, LOSS_UNSYNCED, 100));
    assert_false(size_is_legal(w, LOSS_UNSYNCED, 99));
    paper_free(&p);
}

/* ---- races ---- */

/* Steps 1 and 2 make f with a size, step 3 changes it in lane A, step 4 in lane B. */
#define TWO_WRITERS "A: open -f f\nA: pwrite 0 4k\nB: open f\nA: pwrite 0 8k\nB: truncate 0\n"

static bool last_size_is_loose(const struct world *w)
{
    const struct inode *ino = file(w);
    bool loose = false;

    for (size_t i = 0; i < ino->n_sizes; i++)
        loose |= ino->sizes[i].loose;
    return loose;
}

static void sizes_are_contended_only_by_what_overlaps(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, TWO_WRITERS);
    struct world *w = paper_build(&p);

    assert_false(last_size_is_loose(w));
    for (uint32_t a = 1; a <= 5; a++)
        assert_false(world_contended(w, paper_event(&p, a), FILE_INODE));
    paper_overlap(&p, 4, 5);
    w = paper_build(&p);
    assert_true(last_size_is_loose(w));
    assert_true(world_contended(w, paper_event(&p, 4), FILE_INODE));
    assert_false(world_contended(w, paper_event(&p, 4), OTHER_INODE));
    assert_false(world_contended(w, paper_event(&p, 2), FILE_INODE));
    paper_free(&p);
}

static void an_open_that_empties_contends_with_every_file(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, "A: open -f f\nA: pwrite 0 4k\nB: open -f -t g\n");
    assert_false(world_contended(paper_build(&p), paper_event(&p, 2), FILE_INODE));
    paper_overlap(&p, 2, 3);
    assert_true(world_contended(paper_build(&p), paper_event(&p, 2), FILE_INODE));
    paper_free(&p);
}

static void names_are_contended_only_by_what_overlaps(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, "A: open -f f\nA: rename f g\nB: open -f g\n");
    assert_true(paper_build(&p)->raced_seq == HISTORY_NEVER);
    paper_overlap(&p, 2, 3);
    assert_int_equal(paper_build(&p)->raced_seq, paper_event(&p, 2)->begin_seq);
    paper_free(&p);
    /* The first name of the rename as well as the second. */
    paper_new(&p, "A: open -f f\nA: rename f g\nB: open -f f\n");
    paper_overlap(&p, 2, 3);
    assert_int_equal(paper_build(&p)->raced_seq, paper_event(&p, 2)->begin_seq);
    paper_free(&p);
    paper_new(&p, "A: open -f f\nA: rename f g\nB: open -f h\n");
    paper_overlap(&p, 2, 3);
    assert_true(paper_build(&p)->raced_seq == HISTORY_NEVER);
    paper_free(&p);
}

/* ---- copies ---- */

static size_t copied(const struct world *w, uint8_t byte, bool *ret_certain)
{
    const struct inode *ino = &w->inodes[OTHER_INODE];
    size_t n = 0;

    for (size_t i = 0; i < ino->n_versions; i++)
        if (ino->versions[i].content.kind == CONTENT_FILL && ino->versions[i].content.fill == byte) {
            n++;
            *ret_certain = ino->versions[i].when.certain;
        }
    return n;
}

static void a_copy_may_have_either_of_two_writes_that_overlapped(void **state)
{
    struct paper p;
    struct world *w = by_hand(&p);
    bool certain = false;

    (void)state;
    world_write(w, FILE_INODE, span(100, 110), 0, PAGE, fill(7));
    world_write(w, FILE_INODE, span(105, 115), 0, PAGE, fill(8));
    world_tail_store(w, FILE_INODE, span(116, 117), 0, PAGE, fill(9));
    world_copy(w, FILE_INODE, 0, OTHER_INODE, 0, PAGE, span(120, 121));
    assert_int_equal(copied(w, 7, &certain), 1);
    assert_false(certain);
    assert_int_equal(copied(w, 8, &certain), 1);
    assert_false(certain);
    assert_int_equal(copied(w, 9, &certain), 0);
    paper_free(&p);
}

static void a_copy_has_the_newest_of_two_writes_in_order(void **state)
{
    struct paper p;
    struct world *w = by_hand(&p);
    bool certain = false;

    (void)state;
    world_write(w, FILE_INODE, span(100, 104), 0, PAGE, fill(7));
    world_write(w, FILE_INODE, span(105, 115), 0, PAGE, fill(8));
    world_copy(w, FILE_INODE, 0, OTHER_INODE, 0, PAGE, span(120, 121));
    assert_int_equal(copied(w, 7, &certain), 0);
    assert_int_equal(copied(w, 8, &certain), 1);
    assert_true(certain);
    paper_free(&p);
}

/* Step 6 copies f to g in lane A, step 7 writes f in lane B. */
#define COPY_AND_WRITE "A: open -f f\nA: pwrite 0 4k\nB: open f\nA: open -f g\nA: pwrite 0 4k\nA: pwrite 0 4k\nB: pwrite 0 4k\n"

static void a_copy_beside_a_write_may_be_anything(void **state)
{
    struct paper p;

    (void)state;
    for (int overlap = 0; overlap < 2; overlap++) {
        bool anything = false;

        paper_new(&p, COPY_AND_WRITE);
        if (overlap)
            paper_overlap(&p, 6, 7);
        struct world *w = paper_build(&p);

        world_copy(w, FILE_INODE, 0, OTHER_INODE, 0, PAGE, span_of(w, paper_event(&p, 6), true));
        for (size_t i = 0; i < w->inodes[OTHER_INODE].n_versions; i++)
            anything |= w->inodes[OTHER_INODE].versions[i].content.kind == CONTENT_ANY;
        assert_int_equal(anything, overlap);
        paper_free(&p);
    }
}

/* ---- shutdown ---- */

static void a_shutdown_is_a_moment_of_loss(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, "open -f f\npwrite 0 4k\n");
    assert_int_equal(world_moment(paper_build(&p), LOSS_NOTHING, 0).loss, LOSS_NOTHING);
    paper_free(&p);
    paper_new(&p, "open -f f\npwrite 0 4k\nshutdown\n");
    const struct moment m = world_moment(paper_build(&p), LOSS_NOTHING, 0);

    assert_int_equal(m.loss, LOSS_UNSYNCED);
    assert_true(began_by(&file(p.world)->versions[0].when, &m)); /* what had begun may be there */
    assert_true(ended_by(&file(p.world)->versions[0].when, &m));
    paper_free(&p);
}

static void the_unmount_after_a_shutdown_syncs_nothing(void **state)
{
    struct paper p;

    (void)state;
    for (int shutdown = 0; shutdown < 2; shutdown++) {
        paper_new(&p, shutdown ? "open -f f\nshutdown\n" : "open -f f\n");
        history_end(p.history, history_begin(p.history, HISTORY_STEP_UNMOUNT, HISTORY_LANE_HARNESS, NULL), NULL);
        assert_int_equal(paper_build(&p)->n_name_syncs, !shutdown);
        assert_int_equal(file(p.world)->n_syncs, !shutdown);
        paper_free(&p);
    }
}

/* ---- many names ---- */

static bool count(void *arg, const struct name_choice *c)
{
    size_t *n = arg;

    (void)c;
    ++*n;
    return false;
}

static size_t choices_of(size_t n_names)
{
    struct paper p;
    char steps[1024];
    size_t at = 0, n = 0;
    const struct moment cut = strike_after_all(LOSS_UNSYNCED);

    for (size_t i = 0; i < n_names; i++)
        at += (size_t)snprintf(steps + at, sizeof steps - at, "mkdir d%zu\n", i);
    paper_new(&p, steps);
    oracle_names(paper_build(&p), &cut, count, &n);
    paper_free(&p);
    return n;
}

static void of_many_name_operations_prefixes_and_one_hole_are_tried(void **state)
{
    const size_t many = MAX_LOOSE_OPS + 1;

    (void)state;
    assert_int_equal(choices_of(3), 8);
    assert_int_equal(choices_of(MAX_LOOSE_OPS), 1 << MAX_LOOSE_OPS);
    /* `many` + 1 prefixes; of each prefix of k > 1 operations, one of all but the last left out. */
    assert_int_equal(choices_of(many), many + 1 + many * (many - 1) / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_behind_the_end_count_for_readers_until_they_are_overwritten),
        cmocka_unit_test(growth_zeroes_to_the_end_of_the_old_last_page),
        cmocka_unit_test(a_loose_size_is_any_of_its_range),
        cmocka_unit_test(a_ranged_sync_binds_the_least_of_a_loose_size),
        cmocka_unit_test(sizes_are_contended_only_by_what_overlaps),
        cmocka_unit_test(an_open_that_empties_contends_with_every_file),
        cmocka_unit_test(names_are_contended_only_by_what_overlaps),
        cmocka_unit_test(a_copy_may_have_either_of_two_writes_that_overlapped),
        cmocka_unit_test(a_copy_has_the_newest_of_two_writes_in_order),
        cmocka_unit_test(a_copy_beside_a_write_may_be_anything),
        cmocka_unit_test(a_shutdown_is_a_moment_of_loss),
        cmocka_unit_test(the_unmount_after_a_shutdown_syncs_nothing),
        cmocka_unit_test(of_many_name_operations_prefixes_and_one_hole_are_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
