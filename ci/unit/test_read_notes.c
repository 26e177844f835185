/* Notes of what was read before it was written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "states/read_notes.h"

enum { BLOCK = 4096 };

/* The sectors of a block that were noted as read. */
static unsigned read_of(const struct read_notes *n, uint32_t block)
{
    size_t n_notes;
    const struct read_note *notes = read_notes_list(n, &n_notes);
    unsigned sectors = 0;

    for (size_t i = 0; i < n_notes; i++) {
        if (notes[i].block != block)
            continue;
        assert_int_equal(sectors & notes[i].sectors, 0);
        sectors |= notes[i].sectors;
    }
    return sectors;
}

static void sectors_read_are_those_read_before_they_were_written(void **state)
{
    struct read_notes *n = read_notes_new(16);
    size_t n_notes;

    (void)state;
    read_notes_written(n, 5 * BLOCK, BLOCK);
    read_notes_read(n, 5 * BLOCK, BLOCK);
    read_notes_written(n, 6 * BLOCK + 512, 1024);
    read_notes_read(n, 6 * BLOCK, BLOCK);
    read_notes_read(n, 9 * BLOCK + 1024, 512);
    read_notes_read(n, 9 * BLOCK, BLOCK);
    assert_int_equal(read_of(n, 5), 0);
    assert_int_equal(read_of(n, 6), 0xf9);
    assert_int_equal(read_of(n, 8), 0);
    assert_int_equal(read_of(n, 9), 0xff);
    assert_int_equal(read_notes_list(n, &n_notes)[1].sectors, 4); /* in the order of the reads */
    read_notes_clear(n);
    assert_int_equal(read_of(n, 6) | read_of(n, 9), 0);
    read_notes_read(n, 5 * BLOCK, BLOCK); /* what was written before is no longer */
    assert_int_equal(read_of(n, 5), 0xff);
    read_notes_free(n);
}

static void a_range_ends_where_it_ends(void **state)
{
    struct read_notes *n = read_notes_new(16);
    size_t n_notes;

    (void)state;
    read_notes_read(n, 3 * BLOCK - 512, 2 * BLOCK + 512);
    read_notes_read(n, 15 * BLOCK, BLOCK);
    read_notes_read(n, 0, 0);
    assert_int_equal(read_of(n, 2), 0x80);
    assert_int_equal(read_of(n, 3), 0xff);
    assert_int_equal(read_of(n, 4), 0xff);
    assert_int_equal(read_of(n, 5), 0);
    assert_int_equal(read_of(n, 15), 0xff);
    read_notes_list(n, &n_notes);
    assert_int_equal(n_notes, 4);
    read_notes_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sectors_read_are_those_read_before_they_were_written),
        cmocka_unit_test(a_range_ends_where_it_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
