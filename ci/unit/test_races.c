/* What lanes did at the same time: which calls contend for a size, and what the world makes of sizes and bytes that were raced
 * for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "naive.h"
#include "paper.h"

enum { PAGE = 4096, FILE_INODE = 1, OTHER_INODE = 2 };

static struct content fill(uint8_t byte)
{
    return (struct content){.kind = CONTENT_FILL, .fill = byte};
}

/* After a kill at the end: may byte `off` be of this kind, and of this fill byte? */
static bool may_be(const struct world *w, int inode, uint64_t off, enum content_kind kind, uint8_t byte)
{
    const struct moment kill = {.from = HISTORY_NEVER, .to = HISTORY_NEVER};
    struct legal_map map = {.segs = NULL};
    bool found = false;

    oracle_bytes(w, inode, &kill, off + 1, NULL, 0, &map);
    const struct segment *s = &map.segs[map.n_segs - 1];

    for (size_t k = 0; k < s->n; k++) {
        const struct version *v = map.legal[s->first + k];

        found |= v ? v->content.kind == kind && v->content.fill == byte : kind == CONTENT_ZERO;
    }
    legal_map_free(&map);
    return found;
}

static bool size_may_be(const struct world *w, uint64_t size)
{
    const struct moment kill = {.from = HISTORY_NEVER, .to = HISTORY_NEVER};
    int32_t promise;

    return oracle_size(w, FILE_INODE, &kill, size, &promise);
}

/* ---- which calls contend ---- */

/* Step 4 writes f in lane A; the steps from 5 on are of others. */
static bool write_contends(const char *others, uint32_t from, void (*change)(struct paper *), int inode)
{
    struct paper p;
    char steps[512];

    snprintf(steps, sizeof steps, "A: open -f f\nB: open -f g\nA: pwrite 0 4k\nA: pwrite 0 4k\n%s", others);
    paper_new(&p, steps);
    struct event *e = paper_event(&p, 4);

    e->end_seq = 100; /* everything from step `from` on overlaps it */
    if (from > 5) {
        e->begin_seq = paper_event(&p, from - 1)->end_seq;
        paper_event(&p, from - 1)->end_seq--;
        paper_event(&p, from - 1)->begin_seq--;
    }
    if (change)
        change(&p);
    const bool contends = world_contended(paper_build(&p), e, inode);

    paper_free(&p);
    return contends;
}

static void step_6_never_began(struct paper *p)
{
    paper_event(p, 5)->begin_seq = 0;
    paper_event(p, 5)->end_seq = HISTORY_NEVER;
}

static void the_harness_syncs_meanwhile(struct paper *p)
{
    paper_harness(p, 6, HISTORY_STEP_START);
    paper_event(p, 4)->end_seq = 100;
}

static void a_size_is_contended_by_what_changes_that_file(void **state)
{
    (void)state;
    assert_true(write_contends("B: truncate 0\n", 5, NULL, OTHER_INODE));
    assert_false(write_contends("B: truncate 0\n", 5, NULL, FILE_INODE));
    assert_false(write_contends("B: fsync\n", 5, NULL, OTHER_INODE));
    assert_false(write_contends("A: truncate 0\n", 5, NULL, FILE_INODE)); /* the same lane */
    assert_true(write_contends("A.1: truncate @f 0\n", 5, NULL, FILE_INODE));
    assert_false(write_contends("A.1: truncate @f 0\n", 5, NULL, OTHER_INODE));
    assert_false(write_contends("B: truncate 0\n", 5, the_harness_syncs_meanwhile, FILE_INODE));
    assert_true(write_contends("B: truncate 0\n", 5, the_harness_syncs_meanwhile, OTHER_INODE));
}

/* Where the other actor opens or closes descriptors meanwhile, it cannot be told which file it means. */
static void descriptors_that_change_meanwhile_may_mean_any_file(void **state)
{
    (void)state;
    assert_true(write_contends("B: open @h g\nB: truncate @g 0\n", 5, NULL, FILE_INODE));
    assert_true(write_contends("B: open @h g\nB: close @h\nB: truncate @g 0\n", 6, NULL, FILE_INODE));
    assert_false(write_contends("B: fsync\nB: truncate @g 0\n", 5, NULL, FILE_INODE));
    assert_false(write_contends("C: open f\nB: truncate @g 0\n", 5, NULL, FILE_INODE));    /* another actor */
    assert_false(write_contends("B: truncate @g 0\nB: open @h g\n", 5, NULL, FILE_INODE)); /* later */
    assert_false(write_contends("B: open @h g\nB: truncate @g 0\n", 5, step_6_never_began, FILE_INODE));
    assert_true(write_contends("C: open f\nC: close\nC: truncate 0\n", 5, NULL, FILE_INODE)); /* of nothing that is known */
    assert_true(write_contends("C: open f\nC: close\nC: truncate 0\n", 7, NULL, FILE_INODE));
}

static void bytes_are_contended_by_what_writes_any_file(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, "A: open -f f\nB: open -f g\nA: pwrite 0 8\nB: pwrite 0 8\nB: fsync\n");
    assert_false(world_bytes_contended(paper_build(&p), paper_event(&p, 3)));
    paper_overlap(&p, 3, 4);
    assert_true(world_bytes_contended(paper_build(&p), paper_event(&p, 3)));
    assert_true(world_bytes_contended(paper_build(&p), paper_event(&p, 4)));
    assert_false(world_bytes_contended(paper_build(&p), paper_event(&p, 5)));
    assert_false(world_bytes_contended(paper_build(&p), paper_event(&p, 2)));
    paper_free(&p);
}

/* ---- what is made of it ---- */

/* Sizes from 100 to `hi` are possible from now on, and all bytes are 7. */
static struct world *raced(struct hand_made *h, uint64_t hi)
{
    hand_made_new(h);
    struct world *w = hand_made_again(h, &guarantees_default);

    world_shift_size(w, FILE_INODE, span_at(10), hi);
    w->inodes[FILE_INODE].sizes[0].lo = 100;
    w->inodes[FILE_INODE].sizes[0].loose = true;
    world_write(w, FILE_INODE, span_at(10), 0, hi, fill(7));
    return w;
}

static void a_gap_behind_a_size_that_cannot_be_told_may_read_zero(void **state)
{
    struct hand_made h;
    struct world *w = raced(&h, 200);

    (void)state;
    world_extend(w, FILE_INODE, span_at(20), 300, 400);
    assert_false(may_be(w, FILE_INODE, 99, CONTENT_ZERO, 0));
    assert_true(may_be(w, FILE_INODE, 100, CONTENT_ZERO, 0));
    assert_true(may_be(w, FILE_INODE, 150, CONTENT_FILL, 7));
    assert_true(may_be(w, FILE_INODE, 250, CONTENT_ZERO, 0));
    assert_true(size_may_be(w, 400));
    assert_false(size_may_be(w, 399));
    hand_made_free(&h);
}

static void a_write_that_reaches_the_largest_size_settles_it(void **state)
{
    struct hand_made h;
    struct world *w = raced(&h, 200);

    (void)state;
    world_extend(w, FILE_INODE, span_at(20), 150, 200);
    assert_true(size_may_be(w, 200));
    assert_false(size_may_be(w, 199));
    hand_made_free(&h);
    w = raced(&h, 200);
    world_extend(w, FILE_INODE, span_at(20), 120, 160);
    assert_true(size_may_be(w, 200));
    assert_true(size_may_be(w, 160));
    assert_false(size_may_be(w, 201));
    hand_made_free(&h);
}

static void what_changes_nothing_adds_nothing(void **state)
{
    struct hand_made h;

    (void)state;
    hand_made_new(&h);
    struct world *w = hand_made_again(&h, &guarantees_default);
    const struct inode *f = &w->inodes[FILE_INODE];

    world_resize(w, FILE_INODE, span_at(10), 100);
    const size_t n_versions = f->n_versions, n_sizes = f->n_sizes;

    world_resize(w, FILE_INODE, span_at(20), 100);
    assert_int_equal(f->n_versions, n_versions);
    world_extend(w, FILE_INODE, span_at(30), 50, 100);
    world_extend(w, FILE_INODE, span_at(40), 200, 200);
    world_write(w, FILE_INODE, span_at(50), 10, 10, fill(1));
    assert_int_equal(f->n_versions, n_versions);
    assert_int_equal(f->n_sizes, n_sizes + 1);
    hand_made_free(&h);
}

static void an_append_to_a_size_that_cannot_be_told_may_be_anywhere(void **state)
{
    struct hand_made h;
    struct world *w = raced(&h, 200);

    (void)state;
    assert_true(world_append(w, FILE_INODE, span_at(20), 8, fill(9)) == UINT64_MAX);
    assert_true(may_be(w, FILE_INODE, 150, CONTENT_ANY, 0));
    assert_true(size_may_be(w, 208));
    assert_true(size_may_be(w, 108));
    assert_false(size_may_be(w, 99));
    assert_false(size_may_be(w, 209));
    hand_made_free(&h);
}

static void an_append_beside_a_truncate_may_be_anywhere(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, "A: open -f f\nA: pwrite 0 100\nB: open f\nA: open @a -a f\nA: pwrite @a 0 8\nB: truncate 0\n");
    assert_false(may_be(paper_build(&p), FILE_INODE, 0, CONTENT_ANY, 0));
    paper_overlap(&p, 5, 6);
    struct world *w = paper_build(&p);

    assert_true(may_be(w, FILE_INODE, 0, CONTENT_ANY, 0));
    assert_true(size_may_be(w, 0));
    assert_true(size_may_be(w, 8));
    assert_false(size_may_be(w, 109));
    paper_free(&p);
}

/* What the source may have had as well comes along to its new place. */
static void a_copy_moves_what_its_source_may_have_had(void **state)
{
    struct hand_made h;

    (void)state;
    hand_made_new(&h);
    struct world *w = hand_made_again(&h, &guarantees_default);
    const int dst = world_new_inode(w, INODE_FILE, span_at(1));
    struct span a = span_at(10), b = span_at(11);

    a.end_seq = 20;
    b.end_seq = 21;
    world_write(w, FILE_INODE, a, 0, PAGE, (struct content){.kind = CONTENT_STAMP, .store = 3});
    world_write(w, FILE_INODE, b, 0, PAGE, (struct content){.kind = CONTENT_STAMP, .store = 4});
    world_copy(w, FILE_INODE, 0, dst, 2 * PAGE, PAGE, span_at(30));
    assert_int_equal(w->inodes[dst].n_versions, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct version *v = &w->inodes[dst].versions[i];

        assert_int_equal(v->content.shift, 2 * PAGE);
        assert_int_equal(v->off, 2 * PAGE);
        assert_int_equal(v->end, 3 * PAGE);
        assert_false(v->when.certain);
    }
    hand_made_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_size_is_contended_by_what_changes_that_file),
        cmocka_unit_test(descriptors_that_change_meanwhile_may_mean_any_file),
        cmocka_unit_test(bytes_are_contended_by_what_writes_any_file),
        cmocka_unit_test(a_gap_behind_a_size_that_cannot_be_told_may_read_zero),
        cmocka_unit_test(a_write_that_reaches_the_largest_size_settles_it),
        cmocka_unit_test(what_changes_nothing_adds_nothing),
        cmocka_unit_test(an_append_to_a_size_that_cannot_be_told_may_be_anywhere),
        cmocka_unit_test(an_append_beside_a_truncate_may_be_anywhere),
        cmocka_unit_test(a_copy_moves_what_its_source_may_have_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
