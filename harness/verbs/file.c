/* Verbs that make, end and ask about descriptors: open, close, pipe, truncate, stat, lockf. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actor/actor.h"
#include "truth/world_model.h"
#include "verbs/verbs.h"

/*
 * The inode number and size of what was just opened. AT_STATX_DONT_SYNC: on NFS a plain fstat writes back what another mapping of
 * the file has dirty (nfs(5)), and the harness must not sync what the scenario did not.
 */
static void note_inode(int fd, struct event *e)
{
    struct statx st;

    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO | STATX_SIZE, &st) == 0) {
        e->ino = st.stx_ino;
        e->size_bytes = st.stx_size;
    }
}

static int open_mode(const struct step *s)
{
    static const struct {
        char letter;
        int mode;
    } modes[] = {{'f', O_CREAT}, {'t', O_TRUNC}, {'a', O_APPEND}, {'d', O_DIRECT}, {'s', O_SYNC}, {'D', O_DSYNC}, {'x', O_EXCL}};
    int mode = has_flag(s, 'r') ? O_RDONLY : has_flag(s, 'w') ? O_WRONLY : O_RDWR;

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (has_flag(s, modes[i].letter))
            mode |= modes[i].mode;
    return mode;
}

static void call_open(struct actor *a, const struct step *s, struct event *e)
{
    int dirfd, mode = open_mode(s);
    const char *path = actor_path(a, s->arg[0].num, &dirfd);
    int fd = openat(dirfd, path, mode | O_CLOEXEC | O_NOCTTY, 0644);

    if (fd < 0) {
        e->err = errno;
        return;
    }
    note_inode(fd, e);
    actor_new_file(a, s, &(struct actor_file){.open = true, .fd = fd, .path = (int)s->arg[0].num, .open_mode = mode});
}

static int opened_inode(struct world *w, const struct step *s, const struct event *e)
{
    uint32_t path = (uint32_t)s->arg[0].num;
    int inode = world_lookup(w, path), name = world_name(w, path);

    if (inode == NO_INODE && name >= 0 && has_flag(s, 'f') && event_may_have_acted(e)) {
        inode = world_new_inode(w, INODE_FILE, span_of(w, e, event_ok(e)));
        world_set_name(w, span_of(w, e, event_ok(e)), name, inode);
    }
    return inode;
}

static void expect_open(struct world *w, const struct step *s, const struct event *e)
{
    struct expectation *x = world_expect(w, e);
    uint32_t path = (uint32_t)s->arg[0].num;
    int inode = world_lookup(w, path);
    bool device = w->plan->paths[path][0] == '/';

    x->names = true;
    if (!device && inode == NO_INODE)
        x->err = has_flag(s, 'f') && world_name(w, path) >= 0 ? 0 : world_missing(w, path);
    else if (!device && has_flag(s, 'f') && has_flag(s, 'x'))
        x->err = EEXIST;
    else if (!device && w->inodes[inode].kind == INODE_DIR && (!has_flag(s, 'r') || has_flag(s, 'f')))
        x->err = EISDIR;
    else if (device || w->inodes[inode].kind == INODE_OTHER)
        x->err = EXPECT_ANY;
    if (x->err == 0 && has_flag(s, 'd'))
        x->err = EXPECT_ANY; /* EINVAL where there is no O_DIRECT */
}

static void effect_open(struct world *w, const struct step *s, const struct event *e)
{
    expect_open(w, s, e);
    int inode = opened_inode(w, s, e);

    if (has_flag(s, 't') && inode != NO_INODE && event_may_have_acted(e) && w->inodes[inode].kind == INODE_FILE)
        world_resize(w, inode, span_of(w, e, event_ok(e)), 0);
    if (!event_ok(e))
        return;
    *world_new_file(w, s) = (struct open_file){.valid = true,
                                               .readable = !has_flag(s, 'w'),
                                               .writable = !has_flag(s, 'r'),
                                               .append = has_flag(s, 'a'),
                                               .direct = has_flag(s, 'd'),
                                               .dsync = has_flag(s, 's') || has_flag(s, 'D'),
                                               .inode = inode,
                                               .path = (uint32_t)s->arg[0].num};
}

static void call_close(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_file f;
    int slot;

    if (!actor_file(a, s, e, &f, &slot))
        return;
    /* The name goes first: another thread must not find a number that may already belong to another file. */
    actor_set_file(a, slot, &(struct actor_file){0});
    actor_result(e, close(f.fd));
}

static void effect_close(struct world *w, const struct step *s, const struct event *e)
{
    struct open_file *f = world_file(w, s);

    if (!f)
        world_expect(w, e)->err = EBADF;
    else if (event_ended(e))
        world_drop_file(w, s, f);
}

static void call_pipe(struct actor *a, const struct step *s, struct event *e)
{
    int fd[2];

    if (pipe2(fd, O_CLOEXEC) != 0) {
        e->err = errno;
        return;
    }
    /* The write end stays open, without a name, so that the read end never sees an end of file. */
    actor_new_file(a, s, &(struct actor_file){.open = true, .fd = fd[0], .path = ACTOR_NO_PATH, .open_mode = O_RDONLY});
}

static void effect_pipe(struct world *w, const struct step *s, const struct event *e)
{
    if (event_ok(e))
        *world_new_file(w, s) = (struct open_file){.valid = true, .readable = true, .inode = NO_INODE};
}

static void call_truncate(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_file f;

    if (actor_file(a, s, e, &f, NULL))
        actor_result(e, ftruncate(f.fd, (off_t)s->arg[0].num));
}

static void effect_truncate(struct world *w, const struct step *s, const struct event *e)
{
    struct open_file *f = world_file(w, s);

    if (!f)
        world_expect(w, e)->err = EBADF;
    else if (f->inode == NO_INODE)
        world_expect(w, e)->err = EXPECT_ANY;
    else if (!f->writable)
        world_expect(w, e)->err = EINVAL;
    else if (event_may_have_acted(e))
        world_resize(w, f->inode, span_of(w, e, event_ok(e)), s->arg[0].num);
}

static void call_stat(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_file f;
    struct stat st;

    if (!actor_file(a, s, e, &f, NULL))
        return;
    if (fstat(f.fd, &st) != 0) {
        e->err = errno;
        return;
    }
    e->ret = st.st_size;
    e->ino = st.st_ino;
}

static void effect_stat(struct world *w, const struct step *s, const struct event *e)
{
    struct open_file *f = world_file(w, s);

    if (!f)
        world_expect(w, e)->err = EBADF;
    else if (f->inode != NO_INODE && w->inodes[f->inode].kind == INODE_FILE)
        world_expect(w, e)->size_inode = f->inode;
}

static void call_lockf(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_file f;

    if (!actor_file(a, s, e, &f, NULL))
        return;
    struct flock lock = {.l_type = has_flag(s, 'u')   ? F_UNLCK
                                   : has_flag(s, 's') ? F_RDLCK
                                                      : F_WRLCK,
                         .l_whence = SEEK_SET,
                         .l_start = (off_t)s->arg[0].num,
                         .l_len = (off_t)s->arg[1].num};

    actor_result(e, fcntl(f.fd, has_flag(s, 'w') ? F_SETLKW : F_SETLK, &lock));
}

static void effect_lockf(struct world *w, const struct step *s, const struct event *e)
{
    (void)s;
    world_expect(w, e)->err = EXPECT_ANY; /* locks are not modelled; scenarios state what they expect */
}

const struct verb verbs_file[] = {
    {.name = "open",
     .syntax = "[-f] [-r] [-w] [-t] [-a] [-d] [-s] [-D] [-x] PATH",
     .target = TARGET_NEW_FILE,
     .properties = VERB_WRITES | VERB_RESIZES,
     .help =
         "Opens PATH for reading and writing and makes it the lane's current file; '@name' names the descriptor, which otherwise "
         "bears its path as its name. -f creates it if missing (mode 0644), -r opens it read-only, -w write-only, -t empties "
         "it, -a appends, -d bypasses the page cache (O_DIRECT: offsets, lengths must be multiples of the sector), -s and -D "
         "make every write durable on return (O_SYNC, O_DSYNC), -x with -f fails if the file exists (O_EXCL). A name created "
         "is durable only after fsyncdir of its directory (fsync(2)); most file systems persist it with an fsync of the file. "
         "As in xfs_io, except -w, -D and -x; open(2).",
     .effect = effect_open,
     .call = call_open},
    {.name = "close",
     .syntax = "",
     .target = TARGET_FILE,
     .properties = VERB_CLOSES,
     .help =
         "Closes the descriptor. It makes nothing durable and ends no mapping of the file: stores go on to reach it (close(2), "
         "mmap(2)). On NFS the close of a writable descriptor sends what is dirty to the server (close-to-open).",
     .effect = effect_close,
     .call = call_close},
    {.name = "pipe",
     .syntax = "",
     .target = TARGET_NEW_FILE,
     .help = "Makes a pipe; '@name' (default: @pipe) names its read end, which becomes the current file (the write end stays "
             "open and has no name). "
             "It stands for a standard input that is not a file: mmap of it must fail (mmap(2): ENODEV or EACCES).",
     .effect = effect_pipe,
     .call = call_pipe},
    {.name = "truncate",
     .syntax = "SIZE",
     .target = TARGET_FILE,
     .properties = VERB_WRITES | VERB_RESIZES,
     .help = "Sets the file's size. Bytes beyond a smaller size are gone, and pages of a mapping wholly beyond it raise SIGBUS; "
             "bytes below a larger one read zero. The new size is durable after fsync or fdatasync, or an msync -s of a range "
             "that needs it to be read. ftruncate(2), mmap(2).",
     .effect = effect_truncate,
     .call = call_truncate},
    {.name = "stat",
     .syntax = "",
     .target = TARGET_FILE,
     .help =
         "Asks for the file's size, which is what the step returns. Makes nothing durable, except on NFS, where it sends dirty "
         "pages to the server so that the times are right (nfs(5)). fstat(2).",
     .effect = effect_stat,
     .call = call_stat},
    {.name = "lockf",
     .syntax = "[-s] [-u] [-w] OFFSET LENGTH",
     .target = TARGET_FILE,
     .help =
         "Takes an exclusive record lock on the range, -s a shared one, -u gives it back; "
         "EAGAIN when another actor holds it, unless -w waits. Advisory: it stops only actors that ask, not stores, writes or "
         "truncation; mandatory locking is gone since Linux 5.15. On NFS taking a lock re-reads, giving it back writes. "
         "fcntl(2).",
     .effect = effect_lockf,
     .call = call_lockf},
    {0},
};
