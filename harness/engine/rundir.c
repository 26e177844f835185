/* Run directories: see rundir.h. */
#include "engine/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static int remove_below(int at, const char *name)
{
    if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return -ENOMEM;
    }
    int rc = 0;
    for (const struct dirent *e; rc == 0 && (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = remove_below(fd, e->d_name);
    closedir(d);
    if (rc == 0 && unlinkat(at, name, AT_REMOVEDIR) < 0)
        rc = -errno;
    return rc;
}

int rundir_remove(const char *path, struct error *err)
{
    int rc = remove_below(AT_FDCWD, path);

    return rc < 0 ? error_set(err, -rc, "remove", path, NULL) : 0;
}

int rundir_path(const char *root, uint64_t n, char *path, size_t size_bytes, struct error *err)
{
    int len = snprintf(path, size_bytes, "%s/run-%llu", root, (unsigned long long)n);

    return len < 0 || (size_t)len >= size_bytes ? error_set(err, ENAMETOOLONG, "mkdir", root, NULL) : 0;
}

int rundir_make(const char *root, uint64_t n, char *path, size_t size_bytes, struct error *err)
{
    int rc = rundir_path(root, n, path, size_bytes, err);

    if (rc < 0)
        return rc;
    if (mkdir(path, 0755) == 0)
        return 0;
    if (errno != EEXIST)
        return error_set(err, errno, "mkdir", path, NULL);
    rc = rundir_remove(path, err);
    if (rc == 0 && mkdir(path, 0755) < 0)
        rc = error_set(err, errno, "mkdir", path, NULL);
    return rc;
}
