/* Survivors keep what they are given, also when their memory moves; packed and unpacked they are the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "evidence/survivors.h"

static void fill(struct survivors *s)
{
    struct survivor *v = survivors_add(s, "z/file");

    v->kind = SURVIVOR_FILE;
    v->ino = 7;
    v->size_bytes = 9000;
    v->nlink = 2;
    v->incoherent = true;
    v->incoherent_off = 11;
    memset(survivors_extent(s, 0, 4096), 'a', 4096);
    memset(survivors_extent(s, 8192, 808), 'b', 808);
    memset(survivors_tail(s, 9000, 3288), 'c', 3288);
    survivors_add(s, "a")->kind = SURVIVOR_DIR;
    survivors_add(s, "z")->read_err = 5;
    s->mount_err = 12;
    strcpy(s->mount_msg, "superblock");
    s->write_checked = true;
    s->write_err = 30;
    strcpy(s->fsck, "it objects");
    survivors_finish(s);
}

static void same_extent(const struct extent *a, const struct extent *b)
{
    assert_int_equal(a->off, b->off);
    assert_int_equal(a->len, b->len);
    if (a->len)
        assert_memory_equal(a->data, b->data, a->len);
}

static void packed_and_unpacked_they_are_the_same(void **state)
{
    struct survivors a = {.v = NULL}, b = {.v = NULL};
    struct buf packed = {.data = NULL};

    (void)state;
    fill(&a);
    survivors_pack(&a, &packed);
    survivors_add(&b, "from before")->kind = SURVIVOR_OTHER;
    assert_ptr_equal(survivors_unpack(&b, packed.data), packed.data + packed.len_bytes);
    assert_int_equal(b.n, a.n);
    assert_int_equal(b.mount_err, a.mount_err);
    assert_string_equal(b.mount_msg, a.mount_msg);
    assert_int_equal(b.write_err, a.write_err);
    assert_true(b.write_checked);
    assert_string_equal(b.fsck, a.fsck);
    for (size_t i = 0; i < a.n; i++) {
        const struct survivor *x = &a.v[i], *y = &b.v[i];

        assert_string_equal(x->path, y->path);
        assert_int_equal(x->kind, y->kind);
        assert_int_equal(x->ino, y->ino);
        assert_int_equal(x->size_bytes, y->size_bytes);
        assert_int_equal(x->nlink, y->nlink);
        assert_int_equal(x->read_err, y->read_err);
        assert_int_equal(x->incoherent, y->incoherent);
        assert_int_equal(x->incoherent_off, y->incoherent_off);
        assert_int_equal(x->n_extents, y->n_extents);
        for (size_t k = 0; k < x->n_extents; k++)
            same_extent(&x->extents[k], &y->extents[k]);
        same_extent(&x->tail, &y->tail);
    }
    survivors_free(&a);
    survivors_free(&b);
    buf_free(&packed);
}

/* The arena grows from a few bytes to pages of its own, and is used again. */
static void what_was_added_stays_as_it_is(void **state)
{
    enum { FILES = 40, FIRST_BYTES = 100 };
    struct survivors s = {.v = NULL};

    (void)state;
    for (int again = 0; again < 2; again++) {
        for (unsigned i = 0; i < FILES; i++) {
            char path[8] = {'a', (char)('A' + i), '\0'};
            const size_t len = i < 20 ? FIRST_BYTES + i : (size_t)1 << (i / 2);

            survivors_add(&s, path)->size_bytes = i;
            memset(survivors_extent(&s, 0, len), (int)i + 1, len);
            memset(survivors_extent(&s, 1 << 22, FIRST_BYTES), (int)i + 101, FIRST_BYTES);
            if (i % 2)
                survivors_cut(&s, i % 4 == 1 ? 0 : FIRST_BYTES - 1);
        }
        survivors_finish(&s);
        assert_int_equal(s.n, FILES);
        for (unsigned i = 0; i < FILES; i++) {
            const struct survivor *v = &s.v[i];
            const size_t len = i < 20 ? FIRST_BYTES + i : (size_t)1 << (i / 2);

            assert_int_equal(v->path[1], 'A' + i);
            assert_int_equal(v->size_bytes, i);
            assert_int_equal(v->n_extents, i % 4 == 1 ? 1 : 2);
            assert_int_equal(v->extents[0].len, len);
            for (size_t k = 0; k < len; k++)
                assert_true(v->extents[0].data[k] == i + 1);
            if (v->n_extents == 2)
                assert_int_equal(v->extents[1].data[FIRST_BYTES - 2], i + 101);
        }
        survivors_clear(&s);
        assert_int_equal(s.n, 0);
    }
    survivors_free(&s);
    assert_null(s.v);
    survivors_add(&s, "anew");
    survivors_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_and_unpacked_they_are_the_same),
        cmocka_unit_test(what_was_added_stays_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
