/* What the oracle says of sizes, copies and loss models, in cases made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "naive.h"

static bool size_legal(const struct world *w, uint64_t pos, uint64_t size)
{
    struct moment m = {.loss = LOSS_UNSYNCED, .pos = pos, .from = HISTORY_NEVER, .to = HISTORY_NEVER};
    int32_t promise;

    return oracle_size(w, 1, &m, size, &promise);
}

static void a_ranged_sync_promises_the_size_its_range_needs(void **state)
{
    struct hand_made h;

    (void)state;
    hand_made_new(&h);
    struct world *w = hand_made_again(&h, &guarantees_default);

    world_resize(w, 1, span_at(1), 4096);
    world_sync_data(w, 1, span_at(3));
    world_resize(w, 1, span_at(5), 65536);
    world_write(w, 1, span_at(6), 61440, 61448, (struct content){.kind = CONTENT_FILL, .fill = 1});
    world_sync_range(w, 1, span_at(8), 61440, 65536);
    assert_true(size_legal(w, 6, 4096));
    assert_true(size_legal(w, 6, 65536));
    assert_true(size_legal(w, 6, 8192)); /* on its way */
    assert_false(size_legal(w, 6, 65537));
    assert_false(size_legal(w, 9, 4096));
    assert_true(size_legal(w, 9, 65536));
    hand_made_free(&h);
}

static void a_ranged_sync_promises_no_size_for_zeros_alone(void **state)
{
    struct hand_made h;

    (void)state;
    hand_made_new(&h);
    struct world *w = hand_made_again(&h, &guarantees_default);

    world_extend(w, 1, span_at(1), 0, 3000);
    world_write(w, 1, span_at(1), 0, 3000, (struct content){.kind = CONTENT_FILL, .fill = 1});
    world_sync_data(w, 1, span_at(3));
    world_extend(w, 1, span_at(5), 7000, 8000);
    world_write(w, 1, span_at(5), 7000, 8000, (struct content){.kind = CONTENT_FILL, .fill = 2});
    world_sync_range(w, 1, span_at(7), 0, 4096);
    assert_true(size_legal(w, 8, 3000));
    world_sync_range(w, 1, span_at(9), 4096, 8192);
    assert_false(size_legal(w, 10, 7999));
    assert_true(size_legal(w, 10, 8000));
    hand_made_free(&h);
}

static void a_ranged_sync_promises_no_size_beyond_its_range(void **state)
{
    struct hand_made h;

    (void)state;
    hand_made_new(&h);
    struct world *w = hand_made_again(&h, &guarantees_default);

    world_resize(w, 1, span_at(1), 8192);
    world_sync_data(w, 1, span_at(3));
    world_resize(w, 1, span_at(5), 65536);
    world_write(w, 1, span_at(6), 0, 65536, (struct content){.kind = CONTENT_FILL, .fill = 1});
    world_sync_range(w, 1, span_at(8), 0, 4096);
    assert_true(size_legal(w, 9, 8192));
    assert_true(size_legal(w, 9, 65536));
    assert_false(size_legal(w, 9, 0));
    hand_made_free(&h);
}

static void an_extending_write_may_leave_any_size_on_its_way(void **state)
{
    struct hand_made h;

    (void)state;
    hand_made_new(&h);
    struct world *w = hand_made_again(&h, &guarantees_default);

    world_extend(w, 1, span_at(1), 0, 10000);
    assert_true(size_legal(w, 2, 0));
    assert_true(size_legal(w, 2, 4096));
    assert_true(size_legal(w, 2, 10000));
    assert_false(size_legal(w, 2, 10001));
    world_sync_data(w, 1, span_at(3));
    assert_false(size_legal(w, 4, 4096));
    assert_true(size_legal(w, 4, 10000));
    hand_made_free(&h);
}

static void a_copy_moves_what_the_source_held(void **state)
{
    struct hand_made h;
    struct content stamp = {.kind = CONTENT_STAMP, .file = 3, .store = 9};

    (void)state;
    hand_made_new(&h);
    struct world *w = hand_made_again(&h, &guarantees_default);
    int dst = world_new_inode(w, INODE_FILE, span_at(0));

    world_write(w, 1, span_at(1), 4096, 8192, stamp);
    world_copy(w, 1, 0, dst, 65536, 8192, span_at(3));
    assert_int_equal(w->inodes[dst].n_versions, 2);
    assert_int_equal(w->inodes[dst].versions[0].content.kind, CONTENT_ZERO);
    assert_int_equal(w->inodes[dst].versions[0].end, 65536 + 4096);
    assert_int_equal(w->inodes[dst].versions[1].content.kind, CONTENT_STAMP);
    assert_int_equal(w->inodes[dst].versions[1].content.shift, 65536);
    hand_made_free(&h);
}

/* An entry that the table lacks is all zero: it would cite the rule of scenarios, and lose nothing. */
static void each_strikes_loss_model_has_its_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < LOSS_MODELS; i++) {
        assert_int_not_equal(loss_models[i].rule_missing, RULE_SCENARIO);
        assert_int_not_equal(loss_models[i].rule_alien, RULE_SCENARIO);
        assert_int_equal(loss_models[i].unsynced, i == LOSS_UNSYNCED);
    }
}

static void rules_are_known_by_their_id_in_either_case(void **state)
{
    (void)state;
    for (unsigned r = 0; r < RULES; r++)
        assert_int_equal(rule_parse(rule_table[r].id), r);
    assert_int_equal(rule_parse("c1"), RULE_C1);
    assert_int_equal(rule_parse("Z9"), RULES);
    assert_int_equal(rule_parse(""), RULES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ranged_sync_promises_the_size_its_range_needs),
        cmocka_unit_test(a_ranged_sync_promises_no_size_for_zeros_alone),
        cmocka_unit_test(a_ranged_sync_promises_no_size_beyond_its_range),
        cmocka_unit_test(an_extending_write_may_leave_any_size_on_its_way),
        cmocka_unit_test(a_copy_moves_what_the_source_held),
        cmocka_unit_test(each_strikes_loss_model_has_its_rules),
        cmocka_unit_test(rules_are_known_by_their_id_in_either_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
