/* Verbs on names: rename, link, unlink, mkdir, rmdir, mkfifo, chmod. Names become durable by fsyncdir (verbs/sync.c). */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/actor.h"
#include "verbs/verbs.h"

static void call_rename(struct actor *a, const struct step *s, struct event *e)
{
    int old_dir, new_dir;
    const char *old_path = actor_path(a, s->arg[0].num, &old_dir);
    const char *new_path = actor_path(a, s->arg[1].num, &new_dir);

    actor_result(e, renameat(old_dir, old_path, new_dir, new_path));
}

static void call_link(struct actor *a, const struct step *s, struct event *e)
{
    int old_dir, new_dir;
    const char *old_path = actor_path(a, s->arg[0].num, &old_dir);
    const char *new_path = actor_path(a, s->arg[1].num, &new_dir);

    actor_result(e, linkat(old_dir, old_path, new_dir, new_path, 0));
}

static void call_unlink(struct actor *a, const struct step *s, struct event *e)
{
    int dirfd;
    const char *path = actor_path(a, s->arg[0].num, &dirfd);

    actor_result(e, unlinkat(dirfd, path, 0));
}

static void call_mkdir(struct actor *a, const struct step *s, struct event *e)
{
    int dirfd;
    const char *path = actor_path(a, s->arg[0].num, &dirfd);
    struct statx st;

    actor_result(e, mkdirat(dirfd, path, 0755));
    if (e->err == 0 && statx(dirfd, path, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_INO, &st) == 0)
        e->ino = st.stx_ino;
}

static void call_rmdir(struct actor *a, const struct step *s, struct event *e)
{
    int dirfd;
    const char *path = actor_path(a, s->arg[0].num, &dirfd);

    actor_result(e, unlinkat(dirfd, path, AT_REMOVEDIR));
}

static void call_mkfifo(struct actor *a, const struct step *s, struct event *e)
{
    int dirfd;
    const char *path = actor_path(a, s->arg[0].num, &dirfd);

    actor_result(e, mkfifoat(dirfd, path, 0644));
}

static void call_chmod(struct actor *a, const struct step *s, struct event *e)
{
    int dirfd;
    const char *path = actor_path(a, s->arg[1].num, &dirfd);

    actor_result(e, fchmodat(dirfd, path, (mode_t)s->arg[0].num, 0));
}

const struct verb verbs_names[] = {
    {.name = "rename",
     .syntax = "PATH NEWPATH",
     .target = TARGET_NONE,
     .help =
         "Gives the file PATH the name NEWPATH, replacing what was there. Atomic: after any crash NEWPATH is the whole old file "
         "or "
         "the whole new one, never missing; but the new file's bytes are durable only if they were synced before, and the rename "
         "itself only after fsyncdir. Open descriptors and mappings follow the file. rename(2).",
     .call = call_rename},
    {.name = "link",
     .syntax = "PATH NEWPATH",
     .target = TARGET_NONE,
     .help = "Gives the file PATH another name, NEWPATH; EEXIST when that is taken. Durable after fsyncdir. link(2).",
     .call = call_link},
    {.name = "unlink",
     .syntax = "PATH",
     .target = TARGET_NONE,
     .help =
         "Removes a name. The file lives on while a descriptor or mapping does; it is durably gone after fsyncdir. unlink(2).",
     .call = call_unlink},
    {.name = "mkdir",
     .syntax = "PATH",
     .target = TARGET_NONE,
     .help = "Makes a directory (mode 0755). Durable after fsyncdir of the directory it lies in. mkdir(2).",
     .call = call_mkdir},
    {.name = "rmdir",
     .syntax = "PATH",
     .target = TARGET_NONE,
     .help = "Removes an empty directory. Durable after fsyncdir of the directory it lay in. rmdir(2).",
     .call = call_rmdir},
    {.name = "mkfifo",
     .syntax = "PATH",
     .target = TARGET_NONE,
     .help = "Makes a FIFO, which can be opened and cannot be mapped (mmap(2): ENODEV). mkfifo(3).",
     .call = call_mkfifo},
    {.name = "chmod",
     .syntax = "MODE PATH",
     .target = TARGET_NONE,
     .help =
         "Sets the permission bits of PATH to MODE (octal), as chmod(1) does. g+s without g+x asked for mandatory locking, which "
         "Linux ignores since 5.15. chmod(2).",
     .call = call_chmod},
    {0},
};
