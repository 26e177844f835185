/* What the verifier says of bytes and sizes: whole reports, of what is not legal and of what is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "found.h"

static void zeros_of_64(struct survivors *s)
{
    found_file(s, "f", 64, NULL);
}

static void written_zeros_of_64(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64}));
}

static void step_2_of_64(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 2}));
}

static void step_3_of_64(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 3}));
}

static void what_a_sync_covered_may_not_be_lost(void **state)
{
    (void)state;
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, zeros_of_64,
          "lost f 0+64 C1 step 3: Seen: zeros (new space). Legal: the bytes of step 2 `pwrite 0 64` (line 5). Promised by step 3 "
          "`fsync` (line 6).\n");
    finds("open -f f\npwrite 0 64\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, zeros_of_64,
          "zeroed f 0+64 C1 step 4: Seen: zeros (new space). Legal: the bytes of step 3 `pwrite 0 64` (line 6). Promised by step "
          "4 `fsync` (line 7).\n");
    finds("open -f f\npwrite 0 64\nfpunch 0 64\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, zeros_of_64,
          "lost f 0+64 C1 step 5: Seen: the zeros of step 3 `fpunch 0 64` (line 6). Legal: the bytes of step 4 `pwrite 0 64` "
          "(line 7). Promised by step 5 `fsync` (line 8).\n");
    finds("open -f f\npwrite 0 64\nfpunch 0 64\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, written_zeros_of_64,
          "lost f 0+64 C1 step 5: Seen: the zeros of step 3 `fpunch 0 64` (line 6). Legal: the bytes of step 4 `pwrite 0 64` "
          "(line 7). Promised by step 5 `fsync` (line 8).\n");
    finds("open -f f\npwrite 0 64\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, step_2_of_64,
          "lost f 0+64 C1 step 4: Seen: the bytes of step 2 `pwrite 0 64` (line 5). Legal: the bytes of step 3 `pwrite 0 64` "
          "(line 6). Promised by step 4 `fsync` (line 7).\n");
    finds("open -f f\npwrite 0 64\npwrite 0 64\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, step_2_of_64,
          "stale f 0+64 C1 step 5: Seen: the bytes of step 2 `pwrite 0 64` (line 5). Legal: the bytes of step 4 `pwrite 0 64` "
          "(line 7). Promised by step 5 `fsync` (line 8).\n");
    finds("open -f f\npwrite 0 64\npwrite 0 64\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, step_3_of_64,
          "lost f 0+64 C1 step 5: Seen: the bytes of step 3 `pwrite 0 64` (line 6). Legal: the bytes of step 4 `pwrite 0 64` "
          "(line 7). Promised by step 5 `fsync` (line 8).\n");
    finds("open -f f\npwrite 0 64\nfpunch 0 64\nfsync\n", LOSS_UNSYNCED, step_2_of_64,
          "stale f 0+64 C1 step 4: Seen: the bytes of step 2 `pwrite 0 64` (line 5). Legal: the zeros of step 3 `fpunch 0 64` "
          "(line 6). Promised by step 4 `fsync` (line 7).\n");
}

static void without_a_power_cut_nothing_may_be_lost(void **state)
{
    (void)state;
    finds("open -f f\npwrite 0 64\n", LOSS_NOTHING, zeros_of_64,
          "lost f 0+64 A1 step 2: Seen: zeros (new space). Legal: the bytes of step 2 `pwrite 0 64` (line 5).\n");
    finds("open -f f\npwrite 0 64\npwrite 0 64\n", LOSS_NOTHING, step_2_of_64,
          "lost f 0+64 A1 step 3: Seen: the bytes of step 2 `pwrite 0 64` (line 5). Legal: the bytes of step 3 `pwrite 0 64` "
          "(line 6).\n");
}

static void zeros_from_16_to_32(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 16, .step = 2}, {.off = 32, .end = 64, .step = 2}));
}

static void written_zeros_from_16_to_24(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 16, .step = 2}, {.off = 16, .end = 24}, {.off = 24, .end = 64, .step = 2}));
}

static void zeros_from_20_on(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 20, .step = 2}));
}

static void zeros_up_to_12(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.off = 12, .end = 64, .step = 2}));
}

static void zeros_in_the_middle(struct survivors *s)
{
    found_file(s, "f", 128, SHOWN({.end = 40, .step = 2}, {.off = 100, .end = 128, .step = 3}));
}

/* From the first wrong byte up to the next word that is legal again, or the end. */
static void a_defect_is_as_long_as_nothing_legal_is_seen(void **state)
{
    (void)state;
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, zeros_from_16_to_32,
          "lost f 16+16 C1 step 3: Seen: zeros (new space). Legal: the bytes of step 2 `pwrite 0 64` (line 5). Promised by step "
          "3 `fsync` (line 6).\n");
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, written_zeros_from_16_to_24,
          "lost f 16+8 C1 step 3: Seen: zeros (new space). Legal: the bytes of step 2 `pwrite 0 64` (line 5). Promised by step 3 "
          "`fsync` (line 6).\n");
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, zeros_from_20_on,
          "lost f 20+44 C1 step 3: Seen: zeros (new space). Legal: the bytes of step 2 `pwrite 0 64` (line 5). Promised by step "
          "3 `fsync` (line 6).\n");
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, zeros_up_to_12,
          "lost f 0+12 C1 step 3: Seen: zeros (new space). Legal: the bytes of step 2 `pwrite 0 64` (line 5). Promised by step 3 "
          "`fsync` (line 6).\n");
    finds("open -f f\npwrite 0 64\npwrite 64 64\nfsync\n", LOSS_UNSYNCED, zeros_in_the_middle,
          "lost f 40+24 C1 step 4: Seen: zeros (new space). Legal: the bytes of step 2 `pwrite 0 64` (line 5). Promised by step "
          "4 `fsync` (line 7).\n"
          "lost f 64+36 C1 step 4: Seen: zeros (new space). Legal: the bytes of step 3 `pwrite 64 64` (line 6). Promised by step "
          "4 `fsync` (line 7).\n");
}

static void misplaced(struct survivors *s)
{
    found_file(s, "f", 128, SHOWN({.end = 64, .step = 2}, {.off = 64, .end = 128, .step = 2, .moved = 64}));
}

static void bytes_of_g(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .path = 1, .step = 4}));
    found_file(s, "g", 64, SHOWN({.end = 64, .path = 1, .step = 4}));
}

static void beyond_the_end_of_its_store(struct survivors *s)
{
    found_file(s, "f", 128, SHOWN({.end = 128, .step = 2}));
}

static void before_the_begin_of_its_store(struct survivors *s)
{
    found_file(s, "f", 128, SHOWN({.end = 56, .step = 2}, {.off = 56, .end = 128, .step = 3}));
}

static void never_there(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 3}));
}

static void of_the_first_step(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 1}));
}

static void of_no_step(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 4}));
}

static void of_no_path(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .path = 1, .step = 2}));
}

static void bytes_of_elsewhere_are_named(void **state)
{
    (void)state;
    finds("open -f f\npwrite 0 128\nfsync\n", LOSS_UNSYNCED, misplaced,
          "misdirected f 64+64 B5 step 3: Seen: the bytes of step 2 `pwrite 0 128` (line 5), which belong at offset 0 of this "
          "file. Legal: the bytes of step 2 `pwrite 0 128` (line 5). Promised by step 3 `fsync` (line 6).\n");
    finds("open -f f\npwrite 0 64\nopen -f g\npwrite 0 64\nfsync @f\n", LOSS_UNSYNCED, bytes_of_g,
          "foreign f 0+64 B5 step 5: Seen: the bytes of step 4 `pwrite 0 64` (line 7), which belong at offset 0 of g. Legal: the "
          "bytes of step 2 `pwrite 0 64` (line 5). Promised by step 5 `fsync @f` (line 8).\n"
          "kept\n");
    finds("open -f f\npwrite 0 64\npwrite 64 64\nfsync\n", LOSS_UNSYNCED, beyond_the_end_of_its_store,
          "foreign f 64+64 B5 step 4: Seen: what step 2 `pwrite 0 64` put at offset 64 of f, which never was in the file. Legal: "
          "the bytes of step 3 `pwrite 64 64` (line 6). Promised by step 4 `fsync` (line 7).\n");
    finds("open -f f\npwrite 0 64\npwrite 64 64\nfsync\n", LOSS_UNSYNCED, before_the_begin_of_its_store,
          "foreign f 56+8 B5 step 4: Seen: what step 3 `pwrite 64 64` put at offset 56 of f, which never was in the file. Legal: "
          "the bytes of step 2 `pwrite 0 64` (line 5). Promised by step 4 `fsync` (line 7).\n");
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, never_there,
          "foreign f 0+64 B5 step 3: Seen: what step 3 `fsync` put at offset 0 of f, which never was in the file. Legal: the "
          "bytes of step 2 `pwrite 0 64` (line 5). Promised by step 3 `fsync` (line 6).\n");
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, of_the_first_step,
          "foreign f 0+64 B5 step 3: Seen: what step 1 `open -f f` put at offset 0 of f, which never was in the file. Legal: the "
          "bytes of step 2 `pwrite 0 64` (line 5). Promised by step 3 `fsync` (line 6).\n");
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, of_no_step,
          "nobody's f 0+64 B5 step 3: Seen: bytes nobody wrote (0xf1 ...). Legal: the bytes of step 2 `pwrite 0 64` (line 5). "
          "Promised by step 3 `fsync` (line 6).\n");
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, of_no_path,
          "nobody's f 0+64 B5 step 3: Seen: bytes nobody wrote (0x92 ...). Legal: the bytes of step 2 `pwrite 0 64` (line 5). "
          "Promised by step 3 `fsync` (line 6).\n");
    finds("open -f f\npwrite 0 64\n", LOSS_NOTHING, of_no_path,
          "nobody's f 0+64 A1 step 2: Seen: bytes nobody wrote (0x92 ...). Legal: the bytes of step 2 `pwrite 0 64` (line 5).\n");
    finds("open -f f\npwrite 0 64\n", LOSS_NOTHING, of_the_first_step,
          "foreign f 0+64 A1 step 2: Seen: what step 1 `open -f f` put at offset 0 of f, which never was in the file. Legal: the "
          "bytes of step 2 `pwrite 0 64` (line 5).\n");
}

static void torn_words(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 2, .step = 2}, {.off = 2, .end = 8, .step = 3}, {.off = 8, .end = 64, .step = 4}));
}

static void a_torn_word_and_one_of_nobody(struct survivors *s)
{
    found_file(s, "f", 64,
               SHOWN({.end = 2, .step = 2}, {.off = 2, .end = 8, .step = 3}, {.off = 8, .end = 16, .byte = 0x5a},
                     {.off = 16, .end = 64, .step = 4}));
}

static void half_a_word_of_nobody(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 2, .step = 2}, {.off = 2, .end = 8, .byte = 0x5a}, {.off = 8, .end = 64, .step = 4}));
}

static void the_end_of_a_word(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 4, .step = 2}, {.off = 4, .end = 64}));
}

static void three_bytes_of_nobody(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 8, .step = 2}, {.off = 8, .end = 11, .byte = 0x5a}));
}

static void nobodys_end(struct survivors *s)
{
    found_file(s, "f", 60, SHOWN({.end = 56, .step = 2}, {.off = 56, .end = 60, .byte = 0xa5}));
}

static void nobodys_begin(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.off = 4, .end = 8, .byte = 0xa5}, {.off = 8, .end = 64, .step = 2}));
}

static void words_may_be_torn_between_versions_of_their_place(void **state)
{
    (void)state;
    finds("open -f f\npwrite 0 64\npwrite 0 64\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, torn_words,
          "torn f 0+8 C1 step 5: Seen: a word torn between versions of this place. Legal: the bytes of step 4 `pwrite 0 64` "
          "(line 7). Promised by step 5 `fsync` (line 8).\n");
    finds("open -f f\npwrite 0 64\npwrite 0 64\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, a_torn_word_and_one_of_nobody,
          "torn f 0+16 C1 step 5: Seen: a word torn between versions of this place. Legal: the bytes of step 4 `pwrite 0 64` "
          "(line 7). Promised by step 5 `fsync` (line 8).\n");
    finds("open -f f\npwrite 0 64\npwrite 0 64\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, half_a_word_of_nobody,
          "nobody's f 0+8 B5 step 5: Seen: bytes nobody wrote (0xc3 ...). Legal: the bytes of step 4 `pwrite 0 64` (line 7). "
          "Promised by step 5 `fsync` (line 8).\n");
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, the_end_of_a_word,
          "lost f 4+60 C1 step 3: Seen: zeros (new space). Legal: the bytes of step 2 `pwrite 0 64` (line 5). Promised by step 3 "
          "`fsync` (line 6).\n");
    finds("open -f f\npwrite 0 64\n", LOSS_UNSYNCED, three_bytes_of_nobody,
          "nobody's f 8+3 B5 step 2: Seen: bytes nobody wrote (0x5a ...). Legal: the bytes of step 2 `pwrite 0 64` (line 5); or "
          "zeros (new space).\n"
          "lost\n"
          "kept\n"
          "torn\n"
          "lossy\n");
    finds("open -f f\npwrite 0 60\nfsync\n", LOSS_UNSYNCED, nobodys_end,
          "nobody's f 56+4 B5 step 3: Seen: bytes nobody wrote (0xa5 ...). Legal: the bytes of step 2 `pwrite 0 60` (line 5). "
          "Promised by step 3 `fsync` (line 6).\n");
    finds("open -f f\npwrite 4 60\nfsync\n", LOSS_UNSYNCED, nobodys_begin,
          "nobody's f 4+4 B5 step 3: Seen: bytes nobody wrote (0xa5 ...). Legal: the bytes of step 2 `pwrite 4 60` (line 5). "
          "Promised by step 3 `fsync` (line 6).\n");
}

static void nobodys_word(struct survivors *s)
{
    found_file(s, "f", 8, SHOWN({.end = 8, .byte = 0x5a}));
}

static void old_versions_are_counted_when_many_are_legal(void **state)
{
    (void)state;
    finds("open -f f\npwrite 0 8\npwrite 0 8\npwrite 0 8\npwrite 0 8\n", LOSS_UNSYNCED, nobodys_word,
          "nobody's f 0+8 B5 step 5: Seen: bytes nobody wrote (0x5a ...). Legal: the bytes of step 5 `pwrite 0 8` (line 8); or "
          "the bytes of step 4 `pwrite 0 8` (line 7); or the bytes of step 3 `pwrite 0 8` (line 6); or the bytes of step 2 "
          "`pwrite 0 8` (line 5); or 1 older.\n");
    finds("open -f f\npwrite 0 8\npwrite 0 8\npwrite 0 8\n", LOSS_UNSYNCED, nobodys_word,
          "nobody's f 0+8 B5 step 4: Seen: bytes nobody wrote (0x5a ...). Legal: the bytes of step 4 `pwrite 0 8` (line 7); or "
          "the bytes of step 3 `pwrite 0 8` (line 6); or the bytes of step 2 `pwrite 0 8` (line 5); or zeros (new space).\n");
}

static void stale_bytes_are_legal_where_they_are_documented(void **state)
{
    struct guarantees g = guarantees_default;

    g.no_stale_blocks = false;
    (void)state;
    finds_under(&g, "open -f f\npwrite 0 8\n", LOSS_UNSYNCED, nobodys_word, "");
    finds_under(&g, "open -f f\npwrite 0 8\nfsync\n", LOSS_UNSYNCED, nobodys_word,
                "nobody's f 0+8 B5 step 3: Seen: bytes nobody wrote (0x5a ...). Legal: the bytes of step 2 `pwrite 0 8` (line "
                "5). Promised by step 3 `fsync` (line 6).\n");
}

static void half_of_2_and_3(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 32, .step = 2}, {.off = 32, .end = 64, .step = 4}));
}

static void step_5_of_64(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 5}));
}

static void what_is_legal_is_told_in_sights(void **state)
{
    (void)state;
    finds("open -f f\npwrite 0 64\n", LOSS_UNSYNCED, step_2_of_64, "kept\n");
    finds("open -f f\npwrite 0 64\n", LOSS_NOTHING, step_2_of_64, "");
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, step_2_of_64, "");
    finds("open -f f\npwrite 0 64\n", LOSS_UNSYNCED, zeros_from_16_to_32,
          "lost\n"
          "kept\n"
          "torn\n"
          "lossy\n");
    finds("open -f f\npwrite 0 64\nfsync\npwrite 0 64\n", LOSS_UNSYNCED, half_of_2_and_3,
          "lost\n"
          "kept\n"
          "torn\n"
          "mixed\n"
          "lossy\n");
    finds("open -f f\npwrite 0 64\nfsync\nfpunch 0 64\n", LOSS_UNSYNCED, step_2_of_64,
          "lost\n"
          "lossy\n");
    finds("open -f f\npwrite 0 64\nfsync\nfpunch 0 64\n", LOSS_UNSYNCED, zeros_of_64, "");
    finds("open -f f\npwrite 0 64\nfsync\nmmap 0 4k\nmwrite 0 64\npwrite 0 64\n", LOSS_UNSYNCED, step_5_of_64,
          "lost\n"
          "kept\n"
          "lossy\n");
}

static void sevens(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .byte = 0x7}));
}

static void of_equal_bytes_the_newest_is_seen(void **state)
{
    (void)state;
    finds("open -f f\npwrite -S 7 0 64\nfsync\npwrite -S 7 0 64\n", LOSS_UNSYNCED, sevens, "kept\n");
    finds("open -f f\npwrite -S 7 0 64\nfsync\npwrite -S 8 0 64\nfsync\n", LOSS_UNSYNCED, sevens,
          "lost f 0+64 C1 step 5: Seen: the bytes of step 2 `pwrite -S 0x07 0 64` (line 5). Legal: the bytes of step 4 `pwrite "
          "-S 0x08 0 64` (line 7). Promised by step 5 `fsync` (line 8).\n");
}

static void size_32(struct survivors *s)
{
    found_file(s, "f", 32, SHOWN({.end = 32, .step = 2}));
}

static void size_0(struct survivors *s)
{
    found_file(s, "f", 0, NULL);
}

static void sizes_are_judged(void **state)
{
    (void)state;
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, size_32,
          "wrong size f 32+0 D1 step 3: The size is 32. Legal: 64; promised by step 3 `fsync` (line 6).\n");
    finds("open -f f\npwrite 0 64\n", LOSS_UNSYNCED, size_32,
          "lost\n"
          "kept\n"
          "lossy\n");
    finds("open -f f\npwrite 0 64\n", LOSS_NOTHING, size_32, "wrong size f 32+0 D1 step 0: The size is 32. Legal: 64.\n");
    finds("open -f f\npwrite 0 64\n", LOSS_NOTHING, size_0, "wrong size f 0+0 D1 step 0: The size is 0. Legal: 64.\n");
    finds("open -f f\npwrite 0 64\n", LOSS_UNSYNCED, size_0,
          "lost\n"
          "lossy\n");
    finds("open -f f\npwrite 0 64\nfsync\ntruncate 32\n", LOSS_UNSYNCED, size_32, "");
    finds("open -f f\npwrite 0 64\nfsync\ntruncate 32\n", LOSS_UNSYNCED, step_2_of_64,
          "lost\n"
          "lossy\n");
}

static void unreadable(struct survivors *s)
{
    struct survivor *v = found_file(s, "f", 64, NULL);

    v->read_err = EIO;
    v->read_err_off = 32;
}

static void a_read_that_failed_is_named(void **state)
{
    (void)state;
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, unreadable,
          "unreadable f 32+0 B7 step 0: read failed: Input/output error.\n");
}

static void a_sync_of_a_file_without_a_name_binds_by_practice(void **state)
{
    (void)state;
    finds("open -f f\npwrite 0 64\nunlink f\nfsync\n", LOSS_UNSYNCED, zeros_of_64,
          "surprise: lost f 0+0 C2 step 0: Bytes are not there that were synced while the file had no name; after the power cut "
          "it has one again.\n"
          "surprise: missing . 0+0 H6 step 3: The names are as if step 3 `unlink f` (line 6) had not happened, although its file "
          "was synced or a later operation on names is there: journalled file systems keep it in practice.\n"
          "lost\n"
          "absent\n"
          "lossy\n");
    finds("open -f f\npwrite 0 64\nunlink f\nfsync\n", LOSS_UNSYNCED, step_2_of_64,
          "surprise: missing . 0+0 H6 step 3: The names are as if step 3 `unlink f` (line 6) had not happened, although its file "
          "was synced or a later operation on names is there: journalled file systems keep it in practice.\n"
          "kept\n"
          "absent\n"
          "lossy\n");
    finds("open -f f\npwrite 0 64\nunlink f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, step_2_of_64,
          "surprise: lost f 0+0 C2 step 0: Bytes are not there that were synced while the file had no name; after the power cut "
          "it has one again.\n"
          "surprise: missing . 0+0 H6 step 3: The names are as if step 3 `unlink f` (line 6) had not happened, although its file "
          "was synced or a later operation on names is there: journalled file systems keep it in practice.\n"
          "lost\n"
          "kept\n"
          "absent\n"
          "lossy\n");
    finds("open -f f\npwrite 0 64\nunlink f\nfsync\npwrite 0 64\n", LOSS_UNSYNCED, step_5_of_64,
          "surprise: missing . 0+0 H6 step 3: The names are as if step 3 `unlink f` (line 6) had not happened, although its file "
          "was synced or a later operation on names is there: journalled file systems keep it in practice.\n"
          "kept\n"
          "absent\n"
          "lossy\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_sync_covered_may_not_be_lost),
        cmocka_unit_test(without_a_power_cut_nothing_may_be_lost),
        cmocka_unit_test(a_defect_is_as_long_as_nothing_legal_is_seen),
        cmocka_unit_test(bytes_of_elsewhere_are_named),
        cmocka_unit_test(words_may_be_torn_between_versions_of_their_place),
        cmocka_unit_test(old_versions_are_counted_when_many_are_legal),
        cmocka_unit_test(stale_bytes_are_legal_where_they_are_documented),
        cmocka_unit_test(what_is_legal_is_told_in_sights),
        cmocka_unit_test(of_equal_bytes_the_newest_is_seen),
        cmocka_unit_test(sizes_are_judged),
        cmocka_unit_test(a_read_that_failed_is_named),
        cmocka_unit_test(a_sync_of_a_file_without_a_name_binds_by_practice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
