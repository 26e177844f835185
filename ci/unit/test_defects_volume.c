/* What the verifier says of the volume and of new mappings: whole reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>

#include "found.h"

static void no_mount(struct survivors *s)
{
    s->mount_err = EIO;
    survivors_add(s, "stray");
}

static void no_mount_with_a_message(struct survivors *s)
{
    no_mount(s);
    snprintf(s->mount_msg, sizeof s->mount_msg, "superblock");
}

static void no_write(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 2}));
    s->write_checked = true;
    s->write_err = EROFS;
}

static void not_checked(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 2}));
    s->write_err = EROFS;
}

static void checked(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 2}));
    s->write_checked = true;
}

static void fsck_objects(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 2}));
    snprintf(s->fsck, sizeof s->fsck, "inode 12");
}

/* What was found on a volume that does not mount is not judged. */
static void a_volume_must_mount_and_take_writes(void **state)
{
    (void)state;
    finds("open -f f\npwrite 0 64\n", LOSS_UNSYNCED, no_mount,
          "cannot mount - 0+0 B7 step 0: The volume does not mount: Input/output error.\n");
    finds("open -f f\npwrite 0 64\n", LOSS_UNSYNCED, no_mount_with_a_message,
          "cannot mount - 0+0 B7 step 0: The volume does not mount: Input/output error: superblock.\n");
    finds("open -f f\npwrite 0 64\n", LOSS_UNSYNCED, no_write,
          "not writable - 0+0 B7 step 0: The volume is not writable after the crash: Read-only file system.\n"
          "kept\n");
    finds("open -f f\npwrite 0 64\n", LOSS_UNSYNCED, not_checked, "kept\n");
    finds("open -f f\npwrite 0 64\n", LOSS_UNSYNCED, checked, "kept\n");
    finds("open -f f\npwrite 0 64\n", LOSS_UNSYNCED, fsck_objects,
          "surprise: fsck - 0+0 B7 step 0: fsck objects: inode 12\n"
          "kept\n");
}

static void incoherent(struct survivors *s)
{
    struct survivor *v = found_file(s, "f", 64, SHOWN({.end = 64, .step = 2}));

    v->incoherent = true;
    v->incoherent_off = 8;
}

static void bus(struct survivors *s)
{
    struct survivor *v = found_file(s, "f", 64, SHOWN({.end = 64, .step = 2}));

    v->map_signo = SIGBUS;
}

static void fine(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 2}));
}

static void a_new_mapping_shows_what_is_read(void **state)
{
    (void)state;
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, incoherent,
          "incoherent f 8+0 I1 step 0: A new mapping shows other bytes than read.\n");
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, bus,
          "wrong signal f 0+0 F1 step 0: Reading the file through a new mapping raised SIGBUS.\n");
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, fine, "");
}

static void tail_of_nobody(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 2}));
    memset(survivors_tail(s, 64, 8), 0x5a, 8);
}

static void tail_of_step_4(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 2}));
    stamp_fill(PAPER_KEY, 0, 4, 64, survivors_tail(s, 64, 8), 8);
}

/* Or, after a kill, what was stored there; after a power cut, as a surprise, the bytes of a write whose new size was lost. */
static void a_new_mapping_shows_zeros_behind_the_end(void **state)
{
    (void)state;
    finds("open -f f\npwrite 0 64\nfsync\n", LOSS_UNSYNCED, tail_of_nobody,
          "incoherent f 64+8 D3 step 0: A new mapping shows bytes other than 0 between end of file and end of page: not even "
          "those of a write whose new size was lost.\n");
    finds("open -f f\npwrite 0 64\nfsync\npwrite 64 64\n", LOSS_UNSYNCED, tail_of_nobody,
          "incoherent f 64+8 D3 step 0: A new mapping shows bytes other than 0 between end of file and end of page: not even "
          "those of a write whose new size was lost.\n"
          "lost\n"
          "lossy\n");
    finds("open -f f\npwrite 0 64\nfsync\npwrite 64 64\n", LOSS_UNSYNCED, tail_of_step_4,
          "surprise: incoherent f 64+8 D3 step 0: A new mapping shows bytes other than 0 between end of file and end of page: "
          "those of a write whose new size was lost.\n"
          "lost\n"
          "lossy\n");
    finds("open -f f\npwrite 0 64\n", LOSS_NOTHING, tail_of_nobody,
          "incoherent f 64+8 D3 step 0: A new mapping shows bytes other than 0 between end of file and end of page: not even "
          "those of a write whose new size was lost.\n");
    finds("open -f f\npwrite 0 64\nmmap 0 4k\nmwrite 64 8\n", LOSS_NOTHING, tail_of_nobody, "");
    finds("open -f f\npwrite 0 64\nfsync\nmmap 0 4k\nmwrite 64 8\n", LOSS_UNSYNCED, tail_of_nobody,
          "incoherent f 64+8 D3 step 0: A new mapping shows bytes other than 0 between end of file and end of page: not even "
          "those of a write whose new size was lost.\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_volume_must_mount_and_take_writes),
        cmocka_unit_test(a_new_mapping_shows_what_is_read),
        cmocka_unit_test(a_new_mapping_shows_zeros_behind_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
