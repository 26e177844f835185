/*
 * Serves a disk through FUSE: see fuse_disk.h. The file system has a root and one file, "disk". Every request for the file
 * becomes one call of disk.h, in the order in which the kernel sends them. fuse_fast.c answers the frequent requests, libfuse the
 * others.
 */
#define FUSE_USE_VERSION 314
#include "disk/fuse_disk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/size.h"
#include "disk/disk.h"
#include "disk/disk_impl.h"
#include "disk/fuse_fast.h"

#define DEVICE "/dev/fuse"

enum {
    DISK_INO = 2,
    MAX_REQUEST_BYTES = 1 << 20,                         /* the most that the kernel puts into one request by default */
    REQUEST_ROOM_BYTES = MAX_REQUEST_BYTES + PAGE_BYTES, /* with headers */
    MAX_BACKGROUND = 1024                                /* asynchronous requests: more than a loop device has */
};
static const double FOR_EVER_S = 1e9; /* attributes never change */

struct fuse_disk {
    pid_t server;
    const struct disk *disk;
};

/* What libfuse hands to each operation. */
struct server {
    struct disk *disk;
};

static struct server *server_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

static struct stat attributes(const struct server *s, fuse_ino_t ino)
{
    struct stat st = {.st_ino = ino, .st_mode = S_IFDIR | 0700, .st_nlink = 2, .st_blksize = BLOCK_BYTES};

    if (ino == DISK_INO) {
        st.st_mode = S_IFREG | 0600;
        st.st_nlink = 1;
        st.st_size = (off_t)disk_size(s->disk);
        st.st_blocks = st.st_size / 512; /* the unit of stat(2) */
    }
    return st;
}

static void on_init(void *arg, struct fuse_conn_info *conn)
{
    (void)arg;
    conn->max_write = conn->max_read = MAX_REQUEST_BYTES;
    conn->max_readahead = 0;
    conn->max_background = conn->congestion_threshold = MAX_BACKGROUND;
    /* Splicing costs a pipe and two more system calls for each request, and pays off only for large ones. */
    conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param e = {.ino = DISK_INO, .attr_timeout = FOR_EVER_S, .entry_timeout = FOR_EVER_S};

    if (parent != FUSE_ROOT_ID || strcmp(name, "disk") != 0) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    e.attr = attributes(server_of(req), DISK_INO);
    fuse_reply_entry(req, &e);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    const struct stat st = attributes(server_of(req), ino);

    (void)fi;
    fuse_reply_attr(req, &st, FOR_EVER_S);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    if (ino != DISK_INO) {
        fuse_reply_err(req, EISDIR);
        return;
    }
    fi->direct_io = 1;
    fi->noflush = 1;
    fuse_reply_open(req, fi);
}

static void on_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len_bytes, struct fuse_file_info *fi)
{
    int r = -EOPNOTSUPP;

    (void)ino;
    (void)fi;
    if (off >= 0 && len_bytes > 0 && (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)))
        r = disk_discard(server_of(req)->disk, (uint64_t)off, (uint64_t)len_bytes);
    fuse_reply_err(req, -r);
}

static const struct fuse_lowlevel_ops operations = {
    .init = on_init,
    .lookup = on_lookup,
    .getattr = on_getattr,
    .open = on_open,
    .fallocate = on_fallocate,
};

/* Opens /dev/fuse and mounts; returns the descriptor or -errno. */
static int mount_fuse(const char *dir)
{
    const int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
    char options[128];
    int r;

    if (fd < 0)
        return -errno;
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%u,group_id=%u,max_read=%d", fd, (unsigned)geteuid(),
             (unsigned)getegid(), MAX_REQUEST_BYTES);
    if (mount("tornpage-disk", dir, "fuse.tornpage", MS_NOSUID | MS_NODEV | MS_NOATIME, options)) {
        r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

/*
 * Leaves the namespace in which volumes are mounted for one of its own without them. When the last process of a mount namespace
 * dies, it unmounts what is left there. If that was the serving process, it would wait for answers from itself, with /dev/fuse
 * still open, for ever.
 */
static int leave_namespace(const char *dir)
{
    char line[4096], where[4096];
    FILE *mounts;

    if (unshare(CLONE_NEWNS))
        return -errno;
    umount2(dir, MNT_DETACH); /* the FUSE mount itself; the copy in the old namespace stays */
    mounts = fopen("/proc/self/mounts", "re");
    if (!mounts)
        return -errno;
    while (fgets(line, sizeof line, mounts))
        if (sscanf(line, "/dev/loop%*d %4095s", where) == 1)
            umount2(where, MNT_DETACH);
    fclose(mounts);
    return 0;
}

/* libfuse's messages are dropped: the user of the disk sees an I/O error. */
static void say_nothing(enum fuse_log_level level, const char *fmt, va_list ap)
{
    (void)level;
    (void)fmt;
    (void)ap;
}

/* Answers requests until the disk is no longer used. */
static int answer_all(struct fuse_session *session, struct disk *d, int fuse_fd)
{
    struct fuse_queue queue = {.fd = fuse_fd, .room_bytes = REQUEST_ROOM_BYTES};
    int r = 0;

    while (r >= 0 && !fuse_session_exited(session)) {
        struct fuse_request request;

        r = fuse_fast_serve(d, DISK_INO, &queue, &request);
        if (r == 0) {
            struct fuse_buf buf = {.mem = request.mem, .size = request.len_bytes};

            fuse_session_process_buf(session, &buf);
            fuse_queue_recycle(&queue, &request);
        }
        r = r == -EINTR || r == -EAGAIN || r == -ENOENT ? 0 : r;
    }
    fuse_queue_free(&queue);
    return r == -ENODEV ? 0 : r; /* ENODEV: the connection has ended */
}

/* Serves the connection that is mounted already. */
static int serve(struct disk *d, int fuse_fd)
{
    char name[] = "tornpage", option[] = "-o", max_read[32], where[32];
    char *argv[] = {name, option, max_read, NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, argv);
    struct server s = {.disk = d};
    struct fuse_session *session;
    int r;

    fuse_set_log_func(say_nothing);
    snprintf(max_read, sizeof max_read, "max_read=%d", MAX_REQUEST_BYTES); /* as in the mount's options */
    session = fuse_session_new(&args, &operations, sizeof operations, &s);
    /* With this name libfuse serves a connection that is mounted already. */
    snprintf(where, sizeof where, "/dev/fd/%d", fuse_fd);
    if (!session || fuse_session_mount(session, where))
        return -EIO;
    r = answer_all(session, d, fuse_fd);
    fuse_session_destroy(session);
    return r;
}

/* The child of fuse_disk_start. Writes 0 or -errno (an int) to `ready_fd` when the disk is mounted or that has failed. */
static _Noreturn void server_process(struct disk *d, const char *dir, pid_t parent, int ready_fd)
{
    static const int ignored[] = {SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGPIPE};
    sigset_t none;
    int r;

    /* It dies with its parent, but not from a signal to the whole process group: the volume would see I/O errors. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
        _exit(1);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Memory reclaim must not wait for this disk while it allocates. Where this is not permitted, it is a risk only when memory
     * is short. */
    prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);

    /* Closes all other descriptors: they could keep another volume's device open. */
    const int lo = ready_fd < d->owner_pidfd ? ready_fd : d->owner_pidfd,
              hi = ready_fd < d->owner_pidfd ? d->owner_pidfd : ready_fd;
    if (lo > 3)
        close_range(3, (unsigned)lo - 1, 0);
    if (hi > lo + 1)
        close_range((unsigned)lo + 1, (unsigned)hi - 1, 0);
    close_range((unsigned)hi + 1, ~0U, 0);

    const int fd = mount_fuse(dir);
    r = fd < 0 ? fd : leave_namespace(dir);
    if (write(ready_fd, &r, sizeof r) != (ssize_t)sizeof r || r < 0)
        _exit(1);
    close(ready_fd);
    _exit(serve(d, fd) == 0 ? 0 : 1);
}

/* Waits until the server is ready and opens the disk's file. */
static int open_disk(const char *dir, int ready_fd, int *ret_fd, struct error *err)
{
    char path[PATH_MAX];
    int r = -EIO;

    if (read(ready_fd, &r, sizeof r) != (ssize_t)sizeof r)
        return error_set(err, EIO, "fork", "", "the process that serves the disk died at once");
    if (r < 0)
        return error_set(err, -r, "mount fuse", dir, NULL);
    snprintf(path, sizeof path, "%s/disk", dir);
    *ret_fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
    r = *ret_fd < 0 ? error_set(err, errno, "open", path, NULL) : 0;
    if (umount2(dir, MNT_DETACH) && r == 0) {
        r = error_set(err, errno, "umount", dir, NULL);
        close(*ret_fd);
        *ret_fd = -1;
    }
    return r;
}

bool fuse_disk_possible(void)
{
    struct stat st;

    return stat(DEVICE, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(10, 229) && access(DEVICE, R_OK | W_OK) == 0;
}

int fuse_disk_start(struct disk *d, const char *dir, struct fuse_disk **ret, int *ret_fd, struct error *err)
{
    struct fuse_disk *f;
    int ready[2], r;
    const pid_t parent = getpid();

    if (pipe2(ready, O_CLOEXEC))
        return error_set(err, errno, "pipe2", "", NULL);
    f = xcalloc(1, sizeof *f);
    f->disk = d;
    f->server = fork();
    if (f->server == 0)
        server_process(d, dir, parent, ready[1]);
    close(ready[1]);
    r = f->server < 0 ? error_set(err, errno, "fork", "", NULL) : open_disk(dir, ready[0], ret_fd, err);
    close(ready[0]);
    if (r < 0) {
        fuse_disk_stop(f);
        return r;
    }
    *ret = f;
    return 0;
}

int fuse_disk_check(struct fuse_disk *f, struct error *err)
{
    siginfo_t info = {.si_pid = 0};

    if (!f)
        return 0;
    if (f->server > 0 && waitpid(f->server, NULL, WNOHANG))
        f->server = -1;
    if (f->server < 0)
        return error_set(err, EIO, "recorded disk", NULL, "its server has ended, so the disk failed under the volume");
    if (waitid(P_PID, (id_t)f->server, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
        return error_set(err, ETIMEDOUT, "recorded disk", NULL, "its server is stopped by signal %d (%s)", info.si_status,
                         strsignal(info.si_status));
    if (disk_errors(f->disk))
        return error_set(err, EIO, "recorded disk", NULL, "it answered %llu requests with an error that nobody had asked for",
                         (unsigned long long)disk_errors(f->disk));
    return 0;
}

void fuse_disk_stop(struct fuse_disk *f)
{
    if (!f)
        return;
    if (f->server > 0) {
        kill(f->server, SIGKILL);
        while (waitpid(f->server, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    free(f);
}
