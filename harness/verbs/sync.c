/* Verbs that make bytes durable, or seem to: fsync, fdatasync, sync, syncfs, sync_range, writeback, drop_caches, fsyncdir. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "actor/actor.h"
#include "device/mountlock.h"
#include "truth/world_model.h"
#include "verbs/verbs.h"

static void call_fsync(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_file f;

    if (actor_file(a, s, e, &f, NULL))
        actor_result(e, fsync(f.fd));
}

/* The inode that a sync of a descriptor concerns, when it returned 0; else NO_INODE. */
static int synced_inode(struct world *w, const struct step *s, const struct event *e)
{
    const struct open_file *f = world_file(w, s);

    if (!f)
        world_expect(w, e)->err = EBADF;
    else if (f->inode == NO_INODE || w->inodes[f->inode].kind == INODE_OTHER)
        world_expect(w, e)->err = EXPECT_ANY;
    world_expect(w, e)->synced = f ? f->inode : NO_INODE;
    return f && event_ok(e) ? f->inode : NO_INODE;
}

static void effect_fsync(struct world *w, const struct step *s, const struct event *e)
{
    int inode = synced_inode(w, s, e);

    if (inode != NO_INODE)
        world_sync_inode(w, inode, span_of(w, e, true));
}

static void call_fdatasync(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_file f;

    if (actor_file(a, s, e, &f, NULL))
        actor_result(e, fdatasync(f.fd));
}

static void effect_fdatasync(struct world *w, const struct step *s, const struct event *e)
{
    int inode = synced_inode(w, s, e);

    if (inode != NO_INODE)
        world_sync_data(w, inode, span_of(w, e, true));
}

static void call_sync(struct actor *a, const struct step *s, struct event *e)
{
    (void)a;
    (void)s;
    (void)e;
    const int lock = mountlock_for_sync();

    sync();
    mountlock_drop(lock);
}

static void effect_sync(struct world *w, const struct step *s, const struct event *e)
{
    (void)s;
    world_expect(w, e)->synced = ALL_INODES;
    world_sync_all(w, span_of(w, e, event_ok(e)));
}

static void call_syncfs(struct actor *a, const struct step *s, struct event *e)
{
    (void)s;
    actor_result(e, syncfs(a->root_fd));
}

static void call_sync_range(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_file f;
    unsigned flags = (has_flag(s, 'b') ? SYNC_FILE_RANGE_WAIT_BEFORE : 0U) | (has_flag(s, 'w') ? SYNC_FILE_RANGE_WRITE : 0U) |
                     (has_flag(s, 'a') ? SYNC_FILE_RANGE_WAIT_AFTER : 0U);

    if (actor_file(a, s, e, &f, NULL))
        actor_result(e, sync_file_range(f.fd, (off_t)s->arg[0].num, (off_t)s->arg[1].num, flags ? flags : SYNC_FILE_RANGE_WRITE));
}

static void effect_nothing_durable(struct world *w, const struct step *s, const struct event *e)
{
    synced_inode(w, s, e); /* only for its expected outcome */
}

static void call_writeback(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_file f;
    off_t off = s->arg[0].given ? (off_t)s->arg[0].num : 0;
    off_t len = s->arg[0].given ? (off_t)s->arg[1].num : 0; /* 0: to the end of the file */

    if (actor_file(a, s, e, &f, NULL))
        actor_result(e, sync_file_range(f.fd, off, len, SYNC_FILE_RANGE_WRITE));
}

/* Opening a file for it changes nothing of it; names that are missing, FIFOs and the like have no pages. */
static void evict(const struct actor *a, uint64_t path)
{
    int dirfd;
    const char *name = actor_path(a, path, &dirfd);
    const int fd = name[0] == '/' ? -1 : openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC);

    if (fd < 0)
        return;
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

static void call_drop_caches(struct actor *a, const struct step *s, struct event *e)
{
    (void)s;
    (void)e;
    for (uint64_t i = 0; i < a->plan->n_paths; i++)
        evict(a, i);
}

static void call_fsyncdir(struct actor *a, const struct step *s, struct event *e)
{
    int dirfd;
    const char *path = actor_path(a, s->arg[0].num, &dirfd);
    int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        e->err = errno;
        return;
    }
    actor_result(e, fsync(fd));
    close(fd);
}

static void effect_fsyncdir(struct world *w, const struct step *s, const struct event *e)
{
    int dir = world_lookup(w, (uint32_t)s->arg[0].num);
    struct expectation *x = world_expect(w, e);

    x->names = true;
    if (dir == NO_INODE)
        x->err = world_missing(w, (uint32_t)s->arg[0].num);
    else if (w->inodes[dir].kind != INODE_DIR)
        x->err = ENOTDIR;
    else if (event_ok(e))
        world_sync_dir(w, dir, span_of(w, e, true));
}

const struct verb verbs_sync[] = {
    {.name = "fsync",
     .syntax = "",
     .target = TARGET_FILE,
     .help =
         "Waits until all bytes of the file written or stored before, through any descriptor or mapping of any process, and its "
         "inode (size, times) are durable. Not its name: that takes fsyncdir, though journalled file systems persist it too. "
         "An error means nothing is promised, and a later success promises nothing for what failed. As in xfs_io; fsync(2).",
     .effect = effect_fsync,
     .call = call_fsync},
    {.name = "fdatasync",
     .syntax = "",
     .target = TARGET_FILE,
     .help = "As fsync, without inode data that reading the bytes does not need (times); the size is included. As in xfs_io; "
             "fdatasync(2).",
     .effect = effect_fdatasync,
     .call = call_fdatasync},
    {.name = "sync",
     .syntax = "",
     .target = TARGET_NONE,
     .help =
         "Makes everything durable: all files and names of all file systems of the machine. Linux waits, although POSIX does "
         "not ask it to. No volume is mounted meanwhile, by any run on the machine: sync(2) would wait for each. As in xfs_io; "
         "sync(2).",
     .effect = effect_sync,
     .call = call_sync},
    {.name = "syncfs",
     .syntax = "",
     .target = TARGET_NONE,
     .help = "Makes all files and names of the volume under test durable, and waits. As in xfs_io; syncfs(2).",
     .effect = effect_sync,
     .call = call_syncfs},
    {.name = "sync_range",
     .syntax = "[-a] [-b] [-w] OFFSET LENGTH",
     .target = TARGET_FILE,
     .help =
         "sync_file_range: -b waits for writeback under way in the range, -w starts it (the default), -a waits for it. It makes "
         "nothing durable, whatever the flags: no flush is sent and no block mapping or size is written (sync_file_range(2), "
         "\"Warning\"). As in xfs_io.",
     .effect = effect_nothing_durable,
     .call = call_sync_range},
    {.name = "writeback",
     .syntax = "[OFFSET LENGTH]",
     .target = TARGET_FILE,
     .help =
         "Starts writing the range (default: the whole file) to the disk and does not wait: what background writeback may do at "
         "any time, done now. It makes nothing durable. It is sync_range -w; sync_file_range(2).",
     .effect = effect_nothing_durable,
     .call = call_writeback},
    {.name = "drop_caches",
     .syntax = "",
     .target = TARGET_NONE,
     .help = "Evicts what is clean from memory of all files that the scenario names, so that the next read of it comes "
             "from the disk: a disk that answers with old bytes is found by it. Pages that are dirty, mapped or locked "
             "stay, so sync and munmap first. It makes nothing durable, and may start writing what is dirty. Only these "
             "files' pages, not the machine's caches as /proc/sys/vm/drop_caches: other runs go on beside it. "
             "posix_fadvise(2), POSIX_FADV_DONTNEED.",
     .call = call_drop_caches},
    {.name = "fsyncdir",
     .syntax = "PATH",
     .target = TARGET_NONE,
     .help = "Makes the names in directory PATH durable (. is the run's directory): creations, links, renames and removals that "
             "ended before. Not the contents of the files (fsync(2)). It opens the directory, calls fsync and closes it.",
     .effect = effect_fsyncdir,
     .call = call_fsyncdir},
    {0},
};
