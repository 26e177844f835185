/* Verbs that bring bytes of one file into another inside the kernel: reflink, copy_range. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actor/actor.h"
#include "base/size.h"
#include "truth/world_model.h"
#include "verbs/verbs.h"

/* Finds the target and opens the source; its descriptor, or -1 with the error in *e. */
static int open_source(struct actor *a, const struct step *s, struct event *e, struct actor_file *ret_target)
{
    int dirfd;

    if (!actor_file(a, s, e, ret_target, NULL))
        return -1;
    const char *path = actor_path(a, s->arg[0].num, &dirfd);
    int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0)
        e->err = errno;
    return fd;
}

static void call_reflink(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_file f;

    int src = open_source(a, s, e, &f);

    if (src < 0)
        return;
    /* Without a range all members are 0: the whole source, to the start of the target. */
    struct file_clone_range range = {
        .src_fd = src, .src_offset = s->arg[1].num, .dest_offset = s->arg[2].num, .src_length = s->arg[3].num};

    actor_result(e, ioctl(f.fd, FICLONERANGE, &range));
    close(src);
}

/* The source inode of a copy into f; NO_INODE when it must fail. Sets the call's expected outcome. */
static int copied_from(struct world *w, const struct step *s, const struct event *e, const struct open_file *f)
{
    struct expectation *x = world_expect(w, e);
    int src = world_lookup(w, (uint32_t)s->arg[0].num);

    x->names = true;
    if (!f || !f->writable || f->append)
        x->err = EBADF;
    else if (src == NO_INODE)
        x->err = world_missing(w, (uint32_t)s->arg[0].num);
    else if (f->inode == NO_INODE || w->inodes[f->inode].kind != INODE_FILE || w->inodes[src].kind != INODE_FILE)
        x->err = EXPECT_ANY;
    return x->err == 0 ? src : NO_INODE;
}

/* Bytes of one file onto themselves: refused. */
static bool overlapping(bool same_file, uint64_t from, uint64_t to, uint64_t len)
{
    return same_file && from < to + len && to < from + len;
}

static void effect_reflink(struct world *w, const struct step *s, const struct event *e)
{
    const struct open_file *f = world_file(w, s);
    int src = copied_from(w, s, e, f);

    if (src == NO_INODE)
        return;
    struct span when = span_of(w, e, event_ok(e));
    uint64_t from = s->arg[1].num, to = s->arg[2].num, size = world_size(w, src), len = s->arg[3].num;

    if (len == 0)
        len = size > from ? size - from : 0;
    bool part = len % PAGE_BYTES != 0; /* legal where both files end */

    if ((from | to) % PAGE_BYTES || (part && (from + len != size || to + len < world_size(w, f->inode))) || from + len > size ||
        overlapping(src == f->inode, from, to, len))
        world_expect(w, e)->err = EXPECT_ANY; /* blocks are shared whole, or not at all */
    if (event_ended(e) && e->err)
        return; /* all or nothing */
    world_extend(w, f->inode, when, to, to + len);
    world_copy(w, src, from, f->inode, to, len, when);
}

/* Bytes from `off` to the end of the source, for a copy_range without -l. */
static int64_t rest_of(int fd, uint64_t off)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return -1;
    return (uint64_t)st.st_size > off ? st.st_size - (int64_t)off : 0;
}

/* One call may copy less than it was asked to, so it is repeated until all is done. e->done_bytes counts them, also on error. */
static void copy_all(int src, int dst, const struct step *s, struct event *e)
{
    off_t from = (off_t)flag_value(s, 's', 0), to = (off_t)flag_value(s, 'd', 0);
    int64_t left = has_flag(s, 'l') ? (int64_t)flag_value(s, 'l', 0) : rest_of(src, (uint64_t)from);

    if (left < 0) {
        e->err = errno;
        return;
    }
    while (left > 0) {
        ssize_t n = copy_file_range(src, &from, dst, &to, (size_t)left, 0);

        if (n < 0)
            e->err = errno;
        if (n <= 0)
            return;
        e->done_bytes += (uint64_t)n;
        left -= n;
    }
}

static void call_copy_range(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_file f;

    int src = open_source(a, s, e, &f);

    if (src < 0)
        return;
    copy_all(src, f.fd, s, e);
    close(src);
}

static void effect_copy_range(struct world *w, const struct step *s, const struct event *e)
{
    const struct open_file *f = world_file(w, s);
    int src = copied_from(w, s, e, f);

    if (src == NO_INODE)
        return;
    struct span when = span_of(w, e, event_ok(e));
    uint64_t from = flag_value(s, 's', 0), to = flag_value(s, 'd', 0), size = world_size(w, src);
    uint64_t len = flag_value(s, 'l', size > from ? size - from : 0);

    if (overlapping(src == f->inode, from, to, len))
        world_expect(w, e)->err = EINVAL;
    if (!event_may_have_part(e) && e->done_bytes == 0)
        return;
    if (event_ok(e))
        len = e->done_bytes;
    else if (!has_flag(s, 'l') && world_contended(w, e, src))
        len = OFF_MAX - to; /* cut short, and the source may have grown meanwhile */
    world_extend(w, f->inode, when, to, to + len);
    world_copy(w, src, from, f->inode, to, len, when);
}

const struct verb verbs_clone[] = {
    {.name = "reflink",
     .syntax = "PATH [OFFSET OFFSET LENGTH]",
     .target = TARGET_FILE,
     .properties = VERB_WRITES | VERB_RESIZES,
     .help = "Makes a range of the current file share the blocks of file PATH: source offset, target offset, length (without "
             "them: all of PATH, from the start). The source's dirty pages are included. Atomic against writers, not against a "
             "crash, and durable only after a sync of the target. Offsets and length must be multiples of the block; EOPNOTSUPP "
             "where "
             "blocks cannot be shared. As in xfs_io; ioctl_ficlonerange(2).",
     .effect = effect_reflink,
     .call = call_reflink},
    {.name = "copy_range",
     .syntax = "[-s OFFSET] [-d OFFSET] [-l LENGTH] PATH",
     .target = TARGET_FILE,
     .properties = VERB_WRITES | VERB_RESIZES,
     .help =
         "Copies bytes of file PATH into the current file inside the kernel, from source offset -s to target offset -d (default "
         "0), -l bytes (default: to the end of the source). The file system may share blocks instead. It counts as a write: "
         "durable only after a sync of the target. As in xfs_io; copy_file_range(2).",
     .effect = effect_copy_range,
     .call = call_copy_range},
    {0},
};
