/* Verbs on names: rename, link, unlink, mkdir, rmdir, mkfifo, chmod. Names become durable by fsyncdir (verbs/sync.c). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actor/actor.h"
#include "truth/world_model.h"
#include "verbs/verbs.h"

static void call_rename(struct actor *a, const struct step *s, struct event *e)
{
    int old_dir, new_dir;
    const char *old_path = actor_path(a, s->arg[0].num, &old_dir);
    const char *new_path = actor_path(a, s->arg[1].num, &new_dir);

    actor_result(e, renameat(old_dir, old_path, new_dir, new_path));
}

static bool is_dir(const struct world *w, int inode)
{
    return inode != NO_INODE && w->inodes[inode].kind == INODE_DIR;
}

/* Sets the expected outcome of a call on names; returns whether it may have acted. */
static bool named(struct world *w, const struct event *e, int err)
{
    struct expectation *x = world_expect(w, e);

    x->names = true;
    x->err = err;
    return event_may_have_acted(e);
}

static void effect_rename(struct world *w, const struct step *s, const struct event *e)
{
    uint32_t from = (uint32_t)s->arg[0].num, to = (uint32_t)s->arg[1].num;
    int src = world_lookup(w, from), dst = world_lookup(w, to), src_name = world_name(w, from), dst_name = world_name(w, to);
    bool found = src != NO_INODE && src_name >= 0 && dst_name >= 0;
    int err = !found ? world_missing(w, src == NO_INODE ? from : to) : is_dir(w, src) || is_dir(w, dst) ? EXPECT_ANY : 0;

    if (named(w, e, err) && found && src != dst)
        world_set_names(w, span_of(w, e, event_ok(e)), src_name, NO_INODE, dst_name, src);
}

static void call_link(struct actor *a, const struct step *s, struct event *e)
{
    int old_dir, new_dir;
    const char *old_path = actor_path(a, s->arg[0].num, &old_dir);
    const char *new_path = actor_path(a, s->arg[1].num, &new_dir);

    actor_result(e, linkat(old_dir, old_path, new_dir, new_path, 0));
}

static void effect_link(struct world *w, const struct step *s, const struct event *e)
{
    uint32_t from = (uint32_t)s->arg[0].num, to = (uint32_t)s->arg[1].num;
    int src = world_lookup(w, from), name = world_name(w, to);
    int err = src == NO_INODE                   ? world_missing(w, from)
              : name < 0                        ? world_missing(w, to)
              : world_lookup(w, to) != NO_INODE ? EEXIST
              : is_dir(w, src)                  ? EPERM
                                                : 0;

    if (named(w, e, err) && err == 0)
        world_set_name(w, span_of(w, e, event_ok(e)), name, src);
}

static void call_unlink(struct actor *a, const struct step *s, struct event *e)
{
    int dirfd;
    const char *path = actor_path(a, s->arg[0].num, &dirfd);

    actor_result(e, unlinkat(dirfd, path, 0));
}

static void effect_unlink(struct world *w, const struct step *s, const struct event *e)
{
    uint32_t path = (uint32_t)s->arg[0].num;
    int inode = world_lookup(w, path), err = inode == NO_INODE ? world_missing(w, path) : is_dir(w, inode) ? EISDIR : 0;

    if (named(w, e, err) && err == 0)
        world_set_name(w, span_of(w, e, event_ok(e)), world_name(w, path), NO_INODE);
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

/* A new name for a new inode. */
static void make(struct world *w, const struct step *s, const struct event *e, enum inode_kind kind)
{
    uint32_t path = (uint32_t)s->arg[0].num;
    int name = world_name(w, path), err = world_lookup(w, path) != NO_INODE ? EEXIST : name < 0 ? world_missing(w, path) : 0;

    if (!named(w, e, err) || err)
        return;
    struct span when = span_of(w, e, event_ok(e));

    world_set_name(w, when, name, world_new_inode(w, kind, when));
}

static void effect_mkdir(struct world *w, const struct step *s, const struct event *e)
{
    make(w, s, e, INODE_DIR);
}

static void call_rmdir(struct actor *a, const struct step *s, struct event *e)
{
    int dirfd;
    const char *path = actor_path(a, s->arg[0].num, &dirfd);

    actor_result(e, unlinkat(dirfd, path, AT_REMOVEDIR));
}

static void effect_rmdir(struct world *w, const struct step *s, const struct event *e)
{
    uint32_t path = (uint32_t)s->arg[0].num;
    int inode = world_lookup(w, path), err = inode == NO_INODE ? world_missing(w, path) : !is_dir(w, inode) ? ENOTDIR : 0;

    for (size_t i = 0; !err && i < w->n_names; i++)
        if (w->names[i].dir == inode && w->names[i].now != NO_INODE)
            err = ENOTEMPTY;
    if (named(w, e, err) && err == 0)
        world_set_name(w, span_of(w, e, event_ok(e)), world_name(w, path), NO_INODE);
}

static void call_mkfifo(struct actor *a, const struct step *s, struct event *e)
{
    int dirfd;
    const char *path = actor_path(a, s->arg[0].num, &dirfd);

    actor_result(e, mkfifoat(dirfd, path, 0644));
}

static void effect_mkfifo(struct world *w, const struct step *s, const struct event *e)
{
    make(w, s, e, INODE_OTHER);
}

static void call_chmod(struct actor *a, const struct step *s, struct event *e)
{
    int dirfd;
    const char *path = actor_path(a, s->arg[1].num, &dirfd);

    actor_result(e, fchmodat(dirfd, path, (mode_t)s->arg[0].num, 0));
}

static void effect_chmod(struct world *w, const struct step *s, const struct event *e)
{
    uint32_t path = (uint32_t)s->arg[1].num;

    named(w, e, world_lookup(w, path) == NO_INODE ? world_missing(w, path) : 0);
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
     .effect = effect_rename,
     .call = call_rename},
    {.name = "link",
     .syntax = "PATH NEWPATH",
     .target = TARGET_NONE,
     .help = "Gives the file PATH another name, NEWPATH; EEXIST when that is taken. Durable after fsyncdir. link(2).",
     .effect = effect_link,
     .call = call_link},
    {.name = "unlink",
     .syntax = "PATH",
     .target = TARGET_NONE,
     .help =
         "Removes a name. The file lives on while a descriptor or mapping does; it is durably gone after fsyncdir. unlink(2).",
     .effect = effect_unlink,
     .call = call_unlink},
    {.name = "mkdir",
     .syntax = "PATH",
     .target = TARGET_NONE,
     .help = "Makes a directory (mode 0755). Durable after fsyncdir of the directory it lies in. mkdir(2).",
     .effect = effect_mkdir,
     .call = call_mkdir},
    {.name = "rmdir",
     .syntax = "PATH",
     .target = TARGET_NONE,
     .help = "Removes an empty directory. Durable after fsyncdir of the directory it lay in. rmdir(2).",
     .effect = effect_rmdir,
     .call = call_rmdir},
    {.name = "mkfifo",
     .syntax = "PATH",
     .target = TARGET_NONE,
     .help = "Makes a FIFO, which can be opened and cannot be mapped (mmap(2): ENODEV). mkfifo(3).",
     .effect = effect_mkfifo,
     .call = call_mkfifo},
    {.name = "chmod",
     .syntax = "MODE PATH",
     .target = TARGET_NONE,
     .properties = VERB_MARKS_DIR,
     .help =
         "Sets the permission bits of PATH to MODE (octal), as chmod(1) does. g+s without g+x asked for mandatory locking, which "
         "Linux ignores since 5.15. chmod(2).",
     .effect = effect_chmod,
     .call = call_chmod},
    {0},
};
