/* Run directories: see run_directory.h. */
#include "host/run_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

enum { LIST_BYTES = 2048, MAX_LISTINGS = 16 };

static int remove_directory(int at, const char *name);

static int remove_entry(int at, const char *name)
{
    if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
        return 0;
    return errno == EISDIR || errno == EPERM ? remove_directory(at, name) : -errno;
}

/* Removes all names in the rest of the listing. *ret_any: there was one. */
static int remove_listed(int fd, bool *ret_any)
{
    char list[LIST_BYTES] __attribute__((aligned(8)));
    ssize_t n;
    int rc = 0;

    *ret_any = false;
    while (rc == 0 && (n = getdents64(fd, list, sizeof list)) != 0) {
        if (n < 0)
            return -errno;
        for (ssize_t i = 0; rc == 0 && i < n;) {
            const struct dirent64 *d = (const struct dirent64 *)(const void *)(list + i);

            i += d->d_reclen;
            if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
                continue;
            rc = remove_entry(fd, d->d_name);
            *ret_any = true;
        }
    }
    return rc;
}

static int remove_directory(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool any;

    if (fd < 0)
        return -errno;
    int rc = remove_listed(fd, &any);

    if (rc == 0 && unlinkat(at, name, AT_REMOVEDIR) < 0)
        rc = -errno;
    close(fd);
    return rc;
}

int run_directory_empty(int fd, const char *path, struct error *err)
{
    bool any = true;
    int rc = 0;

    /* A directory that changes while it is listed may be listed in part. So it is listed again until nothing is left. */
    for (unsigned i = 0; rc == 0 && any; i++)
        rc = i == MAX_LISTINGS ? -ENOTEMPTY : lseek(fd, 0, SEEK_SET) < 0 ? -errno : remove_listed(fd, &any);
    return rc < 0 ? error_set(err, -rc, "remove", path, NULL) : 0;
}

int run_directory_remove(const char *path, struct error *err)
{
    int rc = remove_directory(AT_FDCWD, path);

    if (rc == -ENOTDIR && unlink(path) == 0)
        rc = 0;
    return rc < 0 && rc != -ENOENT ? error_set(err, -rc, "remove", path, NULL) : 0;
}

int run_directory_path(const char *root, uint64_t n, char *path, size_t size_bytes, struct error *err)
{
    int len = snprintf(path, size_bytes, "%s/run-%llu", root, (unsigned long long)n);

    return len < 0 || (size_t)len >= size_bytes ? error_set(err, ENAMETOOLONG, "mkdir", root, NULL) : 0;
}

int run_directory_make(const char *root, uint64_t n, char *path, size_t size_bytes, struct error *err)
{
    int rc = run_directory_path(root, n, path, size_bytes, err);

    if (rc < 0)
        return rc;
    bool made = mkdir(path, 0755) == 0;

    if (!made && errno == EEXIST) {
        if ((rc = run_directory_remove(path, err)) < 0)
            return rc;
        made = mkdir(path, 0755) == 0;
    }
    if (!made)
        return error_set(err, errno, "mkdir", path, NULL);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? error_set(err, errno, "open", path, NULL) : fd;
}
