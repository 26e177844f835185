/*
 * `dir`: an existing directory of any file system, a mounted NFS share too. The kernel and its page cache stay up, so only
 * process kills can be shown. Each volume is a fresh sub-directory; closing removes it.
 *
 * What a `kill -9` of the harness leaves behind is removed by the next start, which must not touch what a run beside it still
 * uses. So each volume's directory is locked (flock) for as long as any process of its run lives, and a directory of ours that
 * can be locked is in use by no run. Between mkdir and that lock a new directory looks abandoned; for so long its maker holds the
 * base directory's lock shared, and the cleaner needs it exclusively. Where directories cannot be locked (NFS) nothing is
 * removed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "backend/backend.h"
#include "base/buf.h"
#include "base/error.h"
#include "host/run_directory.h"

#define PREFIX "tornpage-dir-"

struct settings {
    const char *path; /* NULL: not named */
};

struct place {
    char path[480];
    int lock_fd; /* the directory, locked */
};

/* Others do not choose where the program works. */
static const char *harmful(const void *settings)
{
    return ((const struct settings *)settings)->path ? "path" : NULL;
}

static const struct backend_option options[] = {
    {.key = "path",
     .type = OPTION_TEXT,
     .offset = offsetof(struct settings, path),
     .help = "the directory to work in; default: a place on a real disk, the first of $TMPDIR, /tmp and /var/tmp that is one"},
    {.key = NULL},
};

/* tmpfs says nothing about disk file systems, so it is never the default. */
static bool is_disk(const char *path)
{
    struct statfs st;

    return statfs(path, &st) == 0 && st.f_type != TMPFS_MAGIC && st.f_type != RAMFS_MAGIC;
}

static bool is_writable_directory(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return false;
    if (S_ISDIR(st.st_mode))
        return faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0;
    errno = ENOTDIR;
    return false;
}

/* The directory that holds the volumes; NULL when none was named and none will do. */
static const char *base_of(const struct backend_config *c)
{
    const char *named = ((const struct settings *)c->settings)->path, *fallbacks[] = {getenv("TMPDIR"), "/tmp", "/var/tmp"};

    if (named)
        return named;
    for (size_t i = 0; i < sizeof fallbacks / sizeof *fallbacks; i++)
        if (fallbacks[i] && fallbacks[i][0] == '/' && is_disk(fallbacks[i]) && is_writable_directory(fallbacks[i]))
            return fallbacks[i];
    return NULL;
}

static int dir_probe(const struct backend_config *c, struct error *err)
{
    const char *base = base_of(c);

    if (!base)
        return error_skip(err, "dir",
                          "neither $TMPDIR nor /tmp nor /var/tmp is a writable directory on a disk: name one with path=");
    if (!is_writable_directory(base))
        return error_skip(err, "dir", "%s: %s: name an existing directory that you may write to with path=", base,
                          strerror(errno));
    return 0;
}

static int open_directory(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Removes name below base if a run of ours made it and none uses it. Losing a race or lacking a right is no error: it stays. */
static void remove_abandoned(int base_fd, const char *base, const char *name)
{
    struct stat st;
    char path[480];
    int fd = open_directory(base_fd, name);

    if (fd < 0)
        return;
    int n = snprintf(path, sizeof path, "%s/%s", base, name);

    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0 && n > 0 && (size_t)n < sizeof path)
        (void)run_directory_remove(path, NULL);
    close(fd);
}

/* Once, before there are volumes: what killed runs left. */
static int dir_prepare(const struct backend_config *c, void **ret_shared, struct error *err)
{
    const char *base = base_of(c);

    (void)ret_shared, (void)err;
    int fd = base ? open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *d = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 ? fdopendir(fd) : NULL;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    for (const struct dirent *e; (e = readdir(d));)
        if (strncmp(e->d_name, PREFIX, sizeof PREFIX - 1) == 0)
            remove_abandoned(fd, base, e->d_name);
    closedir(d); /* and with it the lock */
    return 0;
}

static int make_locked(struct place *v, const char *base, struct error *err)
{
    int n = snprintf(v->path, sizeof v->path, "%s/" PREFIX "XXXXXX", base);

    if (n < 0 || (size_t)n >= sizeof v->path)
        return error_set(err, ENAMETOOLONG, "mkdir", base, NULL);
    int base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (base_fd < 0)
        return error_set(err, errno, "open", base, NULL);
    (void)flock(base_fd, LOCK_SH); /* where it fails the next fails too, and no cleaner gets its lock either */
    bool made = mkdtemp(v->path) != NULL;
    int rc = made ? 0 : error_set(err, errno, "mkdir", v->path, NULL);

    if (rc == 0 && chmod(v->path, 0755) != 0)
        rc = error_set(err, errno, "chmod", v->path, NULL);
    if (rc == 0 && (v->lock_fd = open_directory(AT_FDCWD, v->path)) < 0)
        rc = error_set(err, errno, "open", v->path, NULL);
    if (rc == 0)
        (void)flock(v->lock_fd, LOCK_EX | LOCK_NB);
    else if (made)
        (void)rmdir(v->path);
    close(base_fd);
    return rc;
}

static int dir_open(const struct backend_config *c, uint64_t seed, void **ret_handle, struct error *err)
{
    const char *base = base_of(c);
    struct place *v = xcalloc(1, sizeof *v);

    (void)seed;
    v->lock_fd = -1;
    int rc = base ? make_locked(v, base, err) : dir_probe(c, err);

    if (rc < 0) {
        free(v);
        return rc;
    }
    *ret_handle = v;
    return 0;
}

static void dir_close(void *handle)
{
    struct place *v = handle;

    (void)run_directory_remove(v->path, NULL);
    close(v->lock_fd);
    free(v);
}

/* There is nothing to mount: the directory stands as long as the volume is open. */
static int dir_stands(void *handle, struct error *err)
{
    (void)handle, (void)err;
    return 0;
}

static const char *dir_path(void *handle, unsigned client)
{
    (void)client;
    return ((const struct place *)handle)->path;
}

static const struct backend_volumes volumes = {
    .prepare = dir_prepare,
    .open = dir_open,
    .close = dir_close,
    .mount = dir_stands,
    .unmount = dir_stands,
    .path = dir_path,
};

const struct backend backend_dir = {
    .name = "dir",
    .summary = "an existing directory of any file system, a mounted NFS share too",
    .strikes = 1U << STRIKE_NONE | 1U << STRIKE_KILL,
    .cannot = "power cuts: the kernel and its page cache stay up, so nothing here says what reached the disk",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .harmful = harmful,
    .probe = dir_probe,
    .volumes = &volumes,
};
