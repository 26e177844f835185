/* The world's descriptors, mappings, paths and events; and that a world built again knows nothing of what was built before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>

#include "naive.h"
#include "paper.h"

enum { PAGE = 4096, FILE_INODE = 1, OTHER_INODE = 2 };

/* ---- events ---- */

static void how_an_event_ended_tells_what_it_may_have_done(void **state)
{
    static const struct {
        int err, signo;
        bool ended, ok, acted, part;
    } cases[] = {
        {0, 0, true, true, true, true},
        {0, 0, false, false, true, true},
        {EIO, 0, true, false, true, true},
        {ENOSPC, 0, true, false, false, true},
        {EDQUOT, 0, true, false, false, true},
        {EINVAL, 0, true, false, false, false},
        {0, SIGBUS, true, false, true, true},
        {EINVAL, SIGBUS, false, false, true, true},
        {EINVAL, SIGBUS, true, false, false, false},
    };
    struct paper p;

    (void)state;
    paper_new(&p, "sync\n");
    const struct world *w = paper_build(&p);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct event *e = paper_event(&p, 1);

        e->end_seq = cases[i].ended ? 2 : HISTORY_NEVER;
        e->err = cases[i].err;
        e->signo = cases[i].signo;
        assert_int_equal(event_ok(e), cases[i].ok);
        assert_int_equal(event_may_have_acted(e), cases[i].acted);
        assert_int_equal(event_may_have_part(e), cases[i].part);
        assert_int_equal(span_of(w, e, true).certain, cases[i].ended);
        assert_false(span_of(w, e, false).certain);
    }
    paper_free(&p);
}

/* ---- descriptors and mappings ---- */

static void closing_one_descriptor_leaves_the_others(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, "A: open -f f\nA: open -f g\nB: open f\nB: open @h g\nA.1: open @i f\nA: close @f\nB: close\n");
    struct world *w = paper_build(&p);
    const struct step *s = p.plan->steps;

    /* A's current file is g still; B has none, but f under its name. */
    assert_ptr_equal(world_file(w, &s[5]), NULL);
    assert_int_equal(w->current_file[s[0].lane], s[1].handle);
    assert_true(w->files[world_actor(w, &s[1])][s[1].handle].valid);
    assert_int_equal(w->current_file[s[2].lane], -1);
    assert_ptr_equal(world_file(w, &s[6]), NULL);
    assert_int_equal(w->current_file[s[4].lane], s[4].handle);
    assert_true(w->files[world_actor(w, &s[2])][s[2].handle].valid);
    assert_false(w->files[world_actor(w, &s[3])][s[3].handle].valid);
    paper_free(&p);
}

static void unmapping_one_mapping_leaves_the_others(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, "A: open -f f\nA: truncate 4k\nA: mmap @m -p 0 4k\nA: mwrite 0 8\nA: mmap @n 0 4k\nB: open f\nB: mmap @m 0 4k\n"
                  "B: mmap @n 0 4k\nA.1: open @i f\nA.1: mmap @o 0 4k\nA: munmap @m\nB: munmap\n");
    struct world *w = paper_build(&p);
    const struct step *s = p.plan->steps;

    assert_ptr_equal(world_map(w, &s[10]), NULL);
    assert_int_equal(w->current_map[s[9].lane], s[9].handle);
    assert_int_equal(w->maps[world_actor(w, &s[2])][s[2].handle].n_own, 0);
    assert_int_equal(w->current_map[s[0].lane], s[4].handle);
    assert_true(w->maps[world_actor(w, &s[4])][s[4].handle].valid);
    assert_int_equal(w->current_map[s[5].lane], -1);
    assert_true(w->maps[world_actor(w, &s[6])][s[6].handle].valid);
    assert_false(w->maps[world_actor(w, &s[7])][s[7].handle].valid);
    paper_free(&p);
}

/* The mapping f bears the name of its descriptor, and so the first of all handles. */
static void the_first_mapping_may_be_named(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, "open -f f\ntruncate 4k\nmmap 0 4k\nmmap @n 0 4k\nmunmap @f\n");
    struct world *w = paper_build(&p);
    const struct step *s = p.plan->steps;

    assert_int_equal(s[4].handle, 0);
    assert_false(w->maps[0][0].valid);
    assert_true(w->maps[0][s[3].handle].valid);
    paper_free(&p);
}

static void truncation_drops_private_stores_of_the_file_from_there_on(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, "open -f f\ntruncate 12k\nmmap @m -p 0 12k\nmwrite 0 4k\nmwrite 4k 4k\nmwrite 8k 4k\nopen -f g\ntruncate 12k\n"
                  "mmap @n -p 0 12k\nmwrite 8k 4k\ntruncate @f 12k\ntruncate @f 4k\n");
    const struct world *w = paper_build(&p);
    const struct step *s = p.plan->steps;
    const struct mapping *m = &w->maps[0][s[2].handle], *n = &w->maps[0][s[8].handle];

    assert_int_equal(m->n_own, 3);
    assert_true(m->own[0].when.certain);
    assert_false(m->own[1].when.certain);
    assert_false(m->own[2].when.certain);
    assert_int_equal(n->n_own, 1);
    assert_true(n->own[0].when.certain);
    paper_free(&p);
}

/* ---- paths ---- */

static struct world *with_path(struct paper *p, char *text)
{
    p->plan->paths[0] = text;
    return p->world;
}

static void paths_are_walked(void **state)
{
    static const struct {
        char *text;
        int inode, err;
    } cases[] = {
        {"f", 3, 0},
        {"./f", 3, 0},
        {"/f", NO_INODE, 0},
        {"d/f", 2, 0},
        {"d//f", 2, 0},
        {"d/./f", 2, 0},
        {"d", 1, 0},
        {"d/", 1, 0},
        {".", 0, 0},
        {"./", 0, 0},
        {"d/.", 1, 0},
        {"x", NO_INODE, ENOENT},
        {"d/x", NO_INODE, ENOENT},
        {"x/f", NO_INODE, ENOENT},
        {"f/x", NO_INODE, ENOTDIR},
        {"d/f/x", NO_INODE, ENOTDIR},
    };
    struct paper p;

    (void)state;
    paper_new(&p, "mkdir d\nopen -f d/f\nopen -f f\n");
    paper_build(&p);
    char *const path = p.plan->paths[0];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *w = with_path(&p, cases[i].text);

        assert_int_equal(world_lookup(w, 0), cases[i].inode);
        if (cases[i].err)
            assert_int_equal(world_missing(w, 0), cases[i].err);
    }
    p.plan->paths[0] = path;
    paper_free(&p);
}

static void names_are_made_on_first_use_where_their_directory_is(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, "mkdir d\nopen -f d/f\n");
    paper_build(&p);
    char *const path = p.plan->paths[0];

    assert_int_equal(world_name(with_path(&p, "d/f"), 0), 1);
    assert_int_equal(world_name(with_path(&p, "./d/f"), 0), 1);
    assert_int_equal(world_name(with_path(&p, "f"), 0), 2);
    assert_int_equal(world_name(with_path(&p, "d/g"), 0), 3);
    assert_int_equal(world_name(with_path(&p, "d/f"), 0), 1);
    assert_int_equal(p.world->names[3].dir, 1);
    assert_int_equal(p.world->names[3].now, NO_INODE);
    assert_int_equal(world_name(with_path(&p, "x/f"), 0), -1);
    assert_int_equal(world_name(with_path(&p, "d/f/x"), 0), -1);
    assert_int_equal(world_name(with_path(&p, "."), 0), -1);
    assert_int_equal(world_name(with_path(&p, "/f"), 0), -1);
    p.plan->paths[0] = path;
    paper_free(&p);
}

/* Only with several lanes, and only while an event is applied. */
static void uses_of_names_are_noted(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, "open -f f\nunlink f\n");
    assert_int_equal(paper_build(&p)->n_uses, 0);
    paper_free(&p);
    paper_new(&p, "A: open -f f\nB: unlink f\n");
    struct world *w = paper_build(&p);
    const size_t n = w->n_uses;

    assert_true(n >= 2);
    assert_int_equal(w->uses[0].event, 0);
    assert_int_equal(w->uses[n - 1].event, 1);
    world_lookup(w, 0);
    assert_int_equal(w->n_uses, n);
    paper_free(&p);
}

/* ---- syncs ---- */

static void the_sync_of_a_directory_is_one_of_its_names(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, "mkdir d\nopen -f d/f\n");
    struct world *w = paper_build(&p);
    const struct span certain = span_at(100);
    struct span uncertain = span_at(100);

    uncertain.certain = false;
    world_sync_inode(w, 1, uncertain);
    world_sync_dir(w, 1, uncertain);
    world_sync_all(w, uncertain);
    world_sync_data(w, 2, uncertain);
    assert_int_equal(w->n_name_syncs, 0);
    assert_int_equal(w->inodes[2].n_syncs, 0);
    world_sync_inode(w, 1, certain);
    assert_int_equal(w->n_name_syncs, 1);
    assert_int_equal(w->name_syncs[0].dir, 1);
    assert_int_equal(w->name_syncs[0].file_inode, NO_INODE);
    world_sync_inode(w, 2, certain);
    assert_int_equal(w->n_name_syncs, 2);
    assert_int_equal(w->name_syncs[1].dir, NO_INODE);
    assert_int_equal(w->name_syncs[1].file_inode, 2);
    assert_int_equal(w->inodes[1].n_syncs, 1);
    assert_int_equal(w->inodes[2].n_syncs, 1);
    world_sync_all(w, certain);
    for (size_t i = 0; i < w->n_inodes; i++)
        assert_int_equal(w->inodes[i].n_syncs, i ? 2 : 1);
    paper_free(&p);
}

static void where_syncs_are_not_durable_none_is_noted(void **state)
{
    struct guarantees g = guarantees_default;
    struct hand_made h;

    (void)state;
    g.sync_durable = false;
    hand_made_new(&h);
    world_sync_data(hand_made_again(&h, &g), 1, span_at(10));
    assert_int_equal(h.world->inodes[1].n_syncs, 0);
    hand_made_free(&h);
}

/* ---- again ---- */

static void a_world_built_again_knows_nothing_of_before(void **state)
{
    struct paper p;

    (void)state;
    paper_new(&p, "A: open -f f\nA: pwrite 0 4k\nA: mmap -p 0 4k\nA: mwrite 0 8\nB: open -f g\nB: unlink f\nA: shutdown\n");
    struct world *w = paper_build(&p);

    assert_true(w->n_uses > 0);
    assert_true(w->shutdown_seq != HISTORY_NEVER);
    p.history->n_events = 0;
    w = paper_build(&p);
    assert_int_equal(w->n_inodes, 1); /* the root */
    assert_int_equal(w->n_names, 0);
    assert_int_equal(w->n_ops, 0);
    assert_int_equal(w->n_uses, 0);
    assert_int_equal(w->n_accesses, 0);
    assert_true(w->shutdown_seq == HISTORY_NEVER);
    assert_true(w->raced_seq == HISTORY_NEVER);
    for (size_t a = 0; a < p.plan->n_actors; a++)
        for (size_t h = 0; h < p.plan->n_handles; h++) {
            assert_false(w->files[a][h].valid);
            assert_false(w->maps[a][h].valid);
            assert_int_equal(w->maps[a][h].n_own, 0);
        }
    for (size_t l = 0; l < PLAN_MAX_LANES; l++) {
        assert_int_equal(w->current_file[l], -1);
        assert_int_equal(w->current_map[l], -1);
    }
    paper_free(&p);
}

static void an_inode_made_again_is_empty(void **state)
{
    struct hand_made h;

    (void)state;
    hand_made_new(&h);
    struct world *w = hand_made_again(&h, &guarantees_default);

    world_resize(w, 1, span_at(10), 100);
    world_sync_data(w, 1, span_at(20));
    w = hand_made_again(&h, &guarantees_default);
    const int other = world_new_inode(w, INODE_DIR, span_at(30));

    assert_int_equal(w->inodes[1].n_sizes, 0);
    assert_int_equal(w->inodes[1].n_versions, 0);
    assert_int_equal(w->inodes[1].n_syncs, 0);
    assert_int_equal(w->inodes[other].born.begin_seq, 30);
    assert_int_equal(w->inodes[other].kind, INODE_DIR);
    world_free(NULL);
    hand_made_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_an_event_ended_tells_what_it_may_have_done),
        cmocka_unit_test(closing_one_descriptor_leaves_the_others),
        cmocka_unit_test(unmapping_one_mapping_leaves_the_others),
        cmocka_unit_test(the_first_mapping_may_be_named),
        cmocka_unit_test(truncation_drops_private_stores_of_the_file_from_there_on),
        cmocka_unit_test(paths_are_walked),
        cmocka_unit_test(names_are_made_on_first_use_where_their_directory_is),
        cmocka_unit_test(uses_of_names_are_noted),
        cmocka_unit_test(the_sync_of_a_directory_is_one_of_its_names),
        cmocka_unit_test(where_syncs_are_not_durable_none_is_noted),
        cmocka_unit_test(a_world_built_again_knows_nothing_of_before),
        cmocka_unit_test(an_inode_made_again_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
