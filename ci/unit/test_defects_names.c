/* What the verifier says of names: whole reports of what is missing, there or not possible, and of what is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "found.h"

static void nothing(struct survivors *s)
{
    (void)s;
}

static void only_f(struct survivors *s)
{
    survivors_add(s, "f");
}

static void only_g(struct survivors *s)
{
    survivors_add(s, "g");
}

static void f_as_a_directory(struct survivors *s)
{
    survivors_add(s, "f")->kind = SURVIVOR_DIR;
}

static void f_as_a_pipe(struct survivors *s)
{
    survivors_add(s, "f")->kind = SURVIVOR_OTHER;
}

static void names_that_are_missing_or_there_are_named(void **state)
{
    (void)state;
    finds("open -f f\n", LOSS_NOTHING, nothing,
          "missing f 0+0 H1 step 1: The name is missing; the last to set it was step 1 `open -f f` (line 4).\n");
    finds("open -f f\nfsyncdir .\n", LOSS_UNSYNCED, nothing,
          "missing f 0+0 H1 step 2: The name is missing; the last to set it was step 1 `open -f f` (line 4); promised by step 2 "
          "`fsyncdir .` (line 5).\n");
    finds("open -f f\nsync\nunlink f\nsync\n", LOSS_UNSYNCED, only_f,
          "extra f 0+0 H1 step 4: The name is there; the last to set it was step 3 `unlink f` (line 6); promised by step 4 "
          "`sync` (line 7).\n");
    finds("open -f f\nunlink f\n", LOSS_NOTHING, only_f,
          "extra f 0+0 H1 step 2: The name is there; the last to set it was step 2 `unlink f` (line 5).\n");
    finds("open -f f\nopen -f g\nsync\nunlink g\n", LOSS_UNSYNCED, only_g,
          "missing f 0+0 H1 step 3: The name is missing; the last to set it was step 1 `open -f f` (line 4); promised by step 3 "
          "`sync` (line 6).\n");
    finds("open -f g\nrename g f\nopen -f g\n", LOSS_NOTHING, only_f,
          "missing g 0+0 H1 step 3: The name is missing; the last to set it was step 3 `open -f g` (line 6).\n");
    finds("open -f f\nsync\n", LOSS_UNSYNCED, f_as_a_directory,
          "missing . 0+0 H2 step 0: Each name alone is legal, all of them together are not: no choice of whole operations leaves "
          "just these: f/.\n");
    finds("mkdir f\nsync\n", LOSS_UNSYNCED, only_f,
          "missing . 0+0 H2 step 0: Each name alone is legal, all of them together are not: no choice of whole operations leaves "
          "just these: f.\n");
    finds("mkdir f\nsync\n", LOSS_UNSYNCED, f_as_a_directory, "");
    finds("mkfifo f\nsync\n", LOSS_UNSYNCED, f_as_a_directory,
          "missing . 0+0 H2 step 0: Each name alone is legal, all of them together are not: no choice of whole operations leaves "
          "just these: f/.\n");
    finds("mkfifo f\nsync\n", LOSS_UNSYNCED, f_as_a_pipe, "");
    finds("open -f f\nsync\n", LOSS_UNSYNCED, f_as_a_pipe,
          "missing . 0+0 H2 step 0: Each name alone is legal, all of them together are not: no choice of whole operations leaves "
          "just these: f.\n");
}

static void all_of_the_tree(struct survivors *s)
{
    survivors_add(s, "d")->kind = SURVIVOR_DIR;
    survivors_add(s, "d/e")->kind = SURVIVOR_DIR;
    survivors_add(s, "d/e/g");
    survivors_add(s, "d/f");
}

static void the_tree_without_g(struct survivors *s)
{
    survivors_add(s, "d")->kind = SURVIVOR_DIR;
    survivors_add(s, "d/e")->kind = SURVIVOR_DIR;
    survivors_add(s, "d/f");
}

static void the_tree_without_e(struct survivors *s)
{
    survivors_add(s, "d")->kind = SURVIVOR_DIR;
    survivors_add(s, "d/f");
}

static void the_tree_renamed(struct survivors *s)
{
    survivors_add(s, "c")->kind = SURVIVOR_DIR;
    survivors_add(s, "c/e")->kind = SURVIVOR_DIR;
    survivors_add(s, "c/e/g");
    survivors_add(s, "c/f");
}

static void names_in_directories_have_whole_paths(void **state)
{
    (void)state;
    finds("mkdir d\nopen -f d/f\nmkdir d/e\nopen -f d/e/g\n", LOSS_NOTHING, all_of_the_tree, "");
    finds("mkdir d\nopen -f d/f\nmkdir d/e\nopen -f d/e/g\n", LOSS_NOTHING, the_tree_without_g,
          "missing d/e/g 0+0 H1 step 4: The name is missing; the last to set it was step 4 `open -f d/e/g` (line 7).\n");
    finds("mkdir d\nopen -f d/f\nmkdir d/e\nopen -f d/e/g\n", LOSS_NOTHING, the_tree_without_e,
          "missing d/e 0+0 H1 step 3: The name is missing; the last to set it was step 3 `mkdir d/e` (line 6).\n"
          "missing d/e/g 0+0 H1 step 4: The name is missing; the last to set it was step 4 `open -f d/e/g` (line 7).\n");
    finds("mkdir d\nopen -f d/f\nmkdir d/e\nopen -f d/e/g\nsync\nrename d c\n", LOSS_UNSYNCED, all_of_the_tree,
          "absent\n"
          "lossy\n");
    finds("mkdir d\nopen -f d/f\nmkdir d/e\nopen -f d/e/g\nrename d c\n", LOSS_NOTHING, all_of_the_tree,
          "extra d 0+0 H1 step 5: The name is there; the last to set it was step 5 `rename d c` (line 8).\n"
          "missing c/f 0+0 H1 step 2: The name is missing; the last to set it was step 2 `open -f d/f` (line 5).\n"
          "missing c/e 0+0 H1 step 3: The name is missing; the last to set it was step 3 `mkdir d/e` (line 6).\n"
          "missing c/e/g 0+0 H1 step 4: The name is missing; the last to set it was step 4 `open -f d/e/g` (line 7).\n"
          "missing c 0+0 H1 step 5: The name is missing; the last to set it was step 5 `rename d c` (line 8).\n");
    finds("mkdir d\nopen -f d/f\nmkdir d/e\nopen -f d/e/g\nrename d c\n", LOSS_NOTHING, the_tree_renamed, "");
    finds("open -f f\nmkdir d\nopen -f d/f\n", LOSS_NOTHING, only_f,
          "missing d 0+0 H1 step 2: The name is missing; the last to set it was step 2 `mkdir d` (line 5).\n"
          "missing d/f 0+0 H1 step 3: The name is missing; the last to set it was step 3 `open -f d/f` (line 6).\n");
}

static void names_in_directories_that_are_gone_have_no_path(void **state)
{
    (void)state;
    finds("mkdir d\nopen -f g\nunlink d/x -> ENOENT\nrmdir d\nopen -f h\n", LOSS_NOTHING, only_g,
          "missing h 0+0 H1 step 5: The name is missing; the last to set it was step 5 `open -f h` (line 8).\n");
}

static void f_and_of(struct survivors *s)
{
    survivors_add(s, "f");
    survivors_add(s, "of");
}

static void f_and_d_of(struct survivors *s)
{
    survivors_add(s, "f");
    survivors_add(s, "d")->kind = SURVIVOR_DIR;
    survivors_add(s, "d/of");
}

static void a_pipe_and_names(struct survivors *s)
{
    survivors_add(s, "f");
    survivors_add(s, "d")->kind = SURVIVOR_DIR;
    survivors_add(s, "d/g");
    survivors_add(s, "fg")->kind = SURVIVOR_OTHER;
}

/* Also those that end like a name, or whose directory holds no such name. */
static void strays_are_named(void **state)
{
    (void)state;
    finds("open -f f\n", LOSS_NOTHING, f_and_of, "extra of 0+0 H1 step 0: No step ever made this name.\n");
    finds("open -f f\nmkdir d\n", LOSS_NOTHING, f_and_d_of, "extra d/of 0+0 H1 step 0: No step ever made this name.\n");
    finds("open -f f\nmkdir d\nopen -f d/g\n", LOSS_NOTHING, a_pipe_and_names,
          "extra fg 0+0 H1 step 0: No step ever made this name.\n");
}

static void f_and_g(struct survivors *s)
{
    survivors_add(s, "f");
    survivors_add(s, "g");
}

static void names_that_are_legal_alone_only(void **state)
{
    (void)state;
    finds("open -f g\nsync\nrename g f\n", LOSS_UNSYNCED, f_and_g,
          "missing . 0+0 H2 step 0: Each name alone is legal, all of them together are not: no choice of whole operations leaves "
          "just these: f g.\n");
    finds("open -f g\nsync\nrename g f\n", LOSS_UNSYNCED, nothing,
          "missing . 0+0 H2 step 0: Each name alone is legal, all of them together are not: no choice of whole operations leaves "
          "just these:.\n");
    finds("open -f g\nsync\nrename g f\n", LOSS_UNSYNCED, only_f, "");
    finds("open -f g\nsync\nrename g f\n", LOSS_UNSYNCED, only_g,
          "absent\n"
          "lossy\n");
}

static void f_and_g_of_one_inode(struct survivors *s)
{
    survivors_add(s, "f")->ino = 7;
    survivors_add(s, "g")->ino = 7;
}

static void f_and_g_of_two_inodes(struct survivors *s)
{
    survivors_add(s, "f")->ino = 7;
    survivors_add(s, "g")->ino = 8;
}

static void two_names_of_one_file_are_one_inode(void **state)
{
    (void)state;
    finds("open -f f\nlink f g\n", LOSS_NOTHING, f_and_g_of_one_inode, "");
    finds("open -f f\nlink f g\n", LOSS_NOTHING, f_and_g_of_two_inodes,
          "missing . 0+0 H2 step 0: Each name alone is legal, all of them together are not: no choice of whole operations leaves "
          "just these: f g.\n");
    finds("open -f f\nopen -f g\n", LOSS_NOTHING, f_and_g_of_one_inode,
          "missing . 0+0 H2 step 0: Each name alone is legal, all of them together are not: no choice of whole operations leaves "
          "just these: f g.\n");
    finds("open -f f\nopen -f g\n", LOSS_NOTHING, f_and_g_of_two_inodes, "");
    finds("open -f f\nlink f g\n", LOSS_NOTHING, f_and_g, "");
}

static void f_renamed(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .path = 1, .step = 4}));
}

static void f_and_g_as_before(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 2}));
    found_file(s, "g", 64, SHOWN({.end = 64, .path = 1, .step = 4}));
}

static void f_of_both(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 32, .step = 2}, {.off = 32, .end = 64, .path = 1, .step = 4}));
}

static void zeros_in_f_and_g(struct survivors *s)
{
    found_file(s, "f", 64, NULL);
    found_file(s, "g", 64, NULL);
}

static void f_of_step_2(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 2}));
}

static void f_of_step_6(struct survivors *s)
{
    found_file(s, "f", 64, SHOWN({.end = 64, .step = 6}));
}

static void f_of_step_2_and_g_of_zeros(struct survivors *s)
{
    f_of_step_2(s);
    found_file(s, "g", 64, NULL);
}

static void f_is_empty(struct survivors *s)
{
    found_file(s, "f", 0, NULL);
}

/* After the rename f may be either file; its bytes tell which. The choice with the fewest wrong files is reported. */
static void contents_decide_between_choices_of_names(void **state)
{
    (void)state;
    finds("open -f f\npwrite 0 64\nopen -f g\npwrite 0 64\nsync\nrename g f\n", LOSS_UNSYNCED, f_renamed, "");
    finds("open -f f\npwrite 0 64\nopen -f g\npwrite 0 64\nsync\nrename g f\n", LOSS_UNSYNCED, f_and_g_as_before,
          "absent\n"
          "lossy\n");
    finds("open -f f\npwrite 0 64\nopen -f g\npwrite 0 64\nsync\nrename g f\n", LOSS_UNSYNCED, f_of_both,
          "foreign f 0+32 B5 step 5: Seen: the bytes of step 2 `pwrite 0 64` (line 5), which belong at offset 0 of f. Legal: the "
          "bytes of step 4 `pwrite 0 64` (line 7). Promised by step 5 `sync` (line 8).\n");
    finds("open -f f\npwrite 0 64\nopen -f g\npwrite 0 64\nsync\nrename g f\nrename f g\n", LOSS_UNSYNCED, zeros_in_f_and_g,
          "lost f 0+64 C1 step 5: Seen: zeros (new space). Legal: the bytes of step 2 `pwrite 0 64` (line 5). Promised by step 5 "
          "`sync` (line 8).\n"
          "lost g 0+64 C1 step 5: Seen: zeros (new space). Legal: the bytes of step 4 `pwrite 0 64` (line 7). Promised by step 5 "
          "`sync` (line 8).\n"
          "absent\n"
          "lossy\n");
    finds("open -f f\npwrite 0 64\nsync\nunlink f\nopen -f f\npwrite 0 64\n", LOSS_UNSYNCED, f_of_step_2,
          "absent\n"
          "lossy\n");
    finds("open -f f\npwrite 0 64\nsync\nunlink f\nopen -f f\npwrite 0 64\n", LOSS_UNSYNCED, f_of_step_6, "kept\n");
    finds("open -f f\npwrite 0 64\nopen -f g\npwrite 0 64\nsync\nunlink f\nopen -f f\npwrite 0 64\n", LOSS_UNSYNCED,
          f_of_step_2_and_g_of_zeros,
          "lost g 0+64 C1 step 5: Seen: zeros (new space). Legal: the bytes of step 4 `pwrite 0 64` (line 7). Promised by step 5 "
          "`sync` (line 8).\n"
          "absent\n"
          "lossy\n");
    finds("open -f f\nopen -f g\npwrite 0 64\nsync\nunlink f\nrename g f\n", LOSS_UNSYNCED, f_is_empty,
          "wrong size f 0+0 D1 step 4: The size is 0. Legal: 64; promised by step 4 `sync` (line 7).\n");
}

static void names_lost_legally_are_absent(void **state)
{
    (void)state;
    finds("open -f f\n", LOSS_UNSYNCED, nothing,
          "absent\n"
          "lossy\n");
    finds("open -f f\nopen -f g\n", LOSS_UNSYNCED, only_g,
          "surprise: missing . 0+0 H6 step 1: The names are as if step 1 `open -f f` (line 4) had not happened, although its "
          "file was synced or a later operation on names is there: journalled file systems keep it in practice.\n"
          "absent\n"
          "lossy\n");
    finds("open -f f\nopen -f g\n", LOSS_UNSYNCED, only_f,
          "absent\n"
          "lossy\n");
    finds("open -f f\nfsync\nopen -f g\n", LOSS_UNSYNCED, only_g,
          "surprise: missing . 0+0 H6 step 1: The names are as if step 1 `open -f f` (line 4) had not happened, although its "
          "file was synced or a later operation on names is there: journalled file systems keep it in practice.\n"
          "absent\n"
          "lossy\n");
    finds("open -f f\n", LOSS_UNSYNCED, only_f, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are_missing_or_there_are_named),
        cmocka_unit_test(names_in_directories_have_whole_paths),
        cmocka_unit_test(names_in_directories_that_are_gone_have_no_path),
        cmocka_unit_test(strays_are_named),
        cmocka_unit_test(names_that_are_legal_alone_only),
        cmocka_unit_test(two_names_of_one_file_are_one_inode),
        cmocka_unit_test(contents_decide_between_choices_of_names),
        cmocka_unit_test(names_lost_legally_are_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
