/* The worked timelines of oracle.c and names.c, event by event: what the comments there say is what the oracle says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "language/plan.h"
#include "truth/oracle.h"

enum { OLD_F = 1, NEW, G };
enum { NAME_T, NAME_F, NAME_G, NAMES };

struct fixture {
    struct plan plan;
    struct history *history;
    struct world *world;
    int name[NAMES];
    struct buf choices;
};

static int set_up(void **state)
{
    static char paths[NAMES][2] = {"t", "f", "g"};
    struct fixture *f = calloc(1, sizeof *f);

    f->plan.n_lanes = 1;
    for (size_t i = 0; i < NAMES; i++)
        f->plan.paths[i] = paths[i];
    f->history = history_init(malloc(history_bytes(1, 1)), 1, 1, 7);
    f->world = world_new();
    world_build(f->world, &f->plan, f->history, &guarantees_default);
    for (uint32_t i = 0; i < NAMES; i++) {
        world_new_inode(f->world, INODE_FILE, (struct span){.event = NO_EVENT, .certain = true});
        f->name[i] = world_name(f->world, i);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    buf_free(&f->choices);
    world_free(f->world);
    free(f->history);
    free(f);
    return 0;
}

/* From `begin` to `end` on both clocks; HISTORY_NEVER: it never ended. */
static struct span span(uint64_t begin, uint64_t end)
{
    return (struct span){.certain = end != HISTORY_NEVER, .begin_seq = begin, .end_seq = end, .begin_pos = begin, .end_pos = end};
}

static struct moment cut_at(uint64_t pos)
{
    return (struct moment){.loss = LOSS_UNSYNCED, .pos = pos, .from = HISTORY_NEVER, .to = HISTORY_NEVER};
}

/* The numbers of the stores that are legal at the cut, newest first; 0 stands for the initial zeros. */
static void assert_legal(struct fixture *f, uint64_t pos, const char *want)
{
    const struct moment m = cut_at(pos);
    struct legal_map map = {0};
    char got[8] = "";

    oracle_bytes(f->world, OLD_F, &m, 1, NULL, 0, &map);
    for (size_t i = 0; i < map.segs[0].n; i++) {
        const struct version *v = map.legal[map.segs[0].first + i];
        got[i] = (char)('0' + (v ? v->content.fill : 0));
    }
    legal_map_free(&map);
    assert_string_equal(got, want);
}

static void three_stores_two_syncs_and_a_cut(void **state)
{
    struct fixture *f = *state;
    static const struct {
        uint64_t begin, end;
    } stores[] = {{1, 2}, {5, 6}, {8, HISTORY_NEVER}};

    world_set_name(f->world, span(0, 0), f->name[NAME_F], OLD_F);
    for (size_t i = 0; i < 3; i++)
        world_write(f->world, OLD_F, span(stores[i].begin, stores[i].end), 0, 1,
                    (struct content){.kind = CONTENT_FILL, .fill = (uint8_t)(i + 1)});
    world_sync_range(f->world, OLD_F, span(3, 4), 0, 1);
    world_sync_range(f->world, OLD_F, span(7, 10), 0, 1);
    assert_legal(f, 9, "321");
    assert_legal(f, 11, "32");
}

/* Collects the choices as text: which of t, the old f or the new f, and g are there; '!' marks a surprise. */
static bool note_choice(void *arg, const struct name_choice *c)
{
    struct fixture *f = arg;
    const int *v = c->value, at_f = v[f->name[NAME_F]];

    assert_true(at_f == OLD_F || at_f == NEW);
    buf_printf(&f->choices, "%s%s%s%s; ", v[f->name[NAME_T]] == NEW ? "t " : "", at_f == NEW ? "new" : "old",
               v[f->name[NAME_G]] == G ? " g" : "", c->surprise ? "!" : "");
    return false;
}

static void a_create_a_rename_and_an_unlink(void **state)
{
    struct fixture *f = *state;
    struct world *w = f->world;
    const struct moment m = cut_at(11);

    world_set_name(w, span(1, 2), f->name[NAME_F], OLD_F);
    world_set_name(w, span(1, 2), f->name[NAME_G], G);
    world_set_name(w, span(1, 2), f->name[NAME_T], NEW);
    world_sync_dir(w, ROOT_INODE, span(3, 4));
    world_set_names(w, span(5, 6), f->name[NAME_T], NO_INODE, f->name[NAME_F], NEW);
    world_set_name(w, span(7, 8), f->name[NAME_G], NO_INODE);
    world_sync_dir(w, ROOT_INODE, span(9, 12));
    assert_false(oracle_names(w, &m, note_choice, f));
    assert_string_equal(buf_text(&f->choices), "new; new g; t old g; t old!; ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(three_stores_two_syncs_and_a_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_create_a_rename_and_an_unlink, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
