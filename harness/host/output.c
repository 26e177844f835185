/*
 * Whole files or none: see output.h. The file has no name while it is written (O_TMPFILE), so nothing is left of it when the
 * program is killed. Where the file system has no such files, it has a hidden name of its own.
 */
#include "host/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "host/files.h"

struct output {
    FILE *file;
    char *path;
    char *temp;   /* a name that it has until it is whole; NULL: none */
    char **input; /* paths that must not be replaced, NULL-terminated */
    bool stream;  /* written in place */
};

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode)    ? "a directory"
           : S_ISLNK(mode)  ? "a symbolic link"
           : S_ISBLK(mode)  ? "a block device"
           : S_ISCHR(mode)  ? "a character device"
           : S_ISFIFO(mode) ? "a pipe"
                            : "a socket";
}

/* "a/" of "a/b": empty for a file in the working directory. */
static size_t directory_length(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? (size_t)(slash + 1 - path) : 0;
}

static int refuse(const struct output *o, const struct stat *st, struct error *err)
{
    return error_set(err, EINVAL, "write", o->path, "it is %s; only a regular file is replaced", kind_of(st->st_mode));
}

/* May the path be given to this file now? */
static int check_path(const struct output *o, struct error *err)
{
    struct stat there, in;

    if (!o->path[directory_length(o->path)])
        return error_set(err, *o->path ? EISDIR : ENOENT, "write", o->path, NULL);
    if (lstat(o->path, &there) < 0)
        return errno == ENOENT ? 0 : error_set(err, errno, "write", o->path, NULL);
    if (!S_ISREG(there.st_mode))
        return refuse(o, &there, err);
    for (char **input = o->input; *input; input++)
        if (stat(*input, &in) == 0 && in.st_dev == there.st_dev && in.st_ino == there.st_ino)
            return error_set(err, EINVAL, "write", o->path, "it is an input of this command");
    return 0;
}

/* A name beside the path that no other file has. */
static char *name_beside(const char *path)
{
    struct buf name = {.data = NULL};

    buf_add(&name, path, directory_length(path));
    buf_printf(&name, ".tornpage-%016llx", (unsigned long long)files_unique());
    return name.data;
}

static int wrap(struct output *o, int fd, const char *mode, struct error *err)
{
    o->file = fdopen(fd, mode);
    if (o->file)
        return 0;
    close(fd);
    return error_set(err, ENOMEM, "open", o->path, NULL);
}

static int create(struct output *o, struct error *err)
{
    struct buf dir = {.data = NULL};

    buf_add(&dir, o->path, directory_length(o->path));
    buf_puts(&dir, ".");
    int fd = open(buf_text(&dir), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    buf_free(&dir);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) { /* EISDIR: as NFS and old kernels say it */
        o->temp = name_beside(o->path);
        fd = open(o->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    if (fd < 0)
        return error_set(err, errno, "create", o->path, NULL);
    return wrap(o, fd, "w+", err);
}

/* Opens what is written in place. 1: the path is no such thing. */
static int open_stream(struct output *o, struct error *err)
{
    struct stat st;
    int fd;

    if (strcmp(o->path, "-") == 0) {
        o->file = stdout;
        return 0;
    }
    if (stat(o->path, &st) < 0 || (!S_ISCHR(st.st_mode) && !S_ISFIFO(st.st_mode)))
        return 1;
    fd = open(o->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return fd < 0 ? error_set(err, errno, "open", o->path, NULL) : wrap(o, fd, "w", err);
}

int output_open(const char *path, bool stream, const char *const *inputs, struct output **ret, struct error *err)
{
    struct output *o = xcalloc(1, sizeof *o);
    size_t n = 0;
    int r = 1;

    while (inputs && inputs[n])
        n++;
    o->path = xstrdup(path);
    o->input = xcalloc(n + 1, sizeof *o->input);
    for (size_t i = 0; i < n; i++)
        o->input[i] = xstrdup(inputs[i]);
    if (stream)
        r = open_stream(o, err);
    o->stream = r <= 0;
    if (r > 0)
        r = check_path(o, err);
    if (r == 0 && !o->stream)
        r = create(o, err);
    if (r < 0) {
        output_abandon(o);
        o = NULL;
    }
    *ret = o;
    return r;
}

FILE *output_file(struct output *o)
{
    return o->file;
}

/* Gives a file without a name one of its own: link(2) does not replace. */
static int give_name(struct output *o)
{
    char self[64];

    snprintf(self, sizeof self, "/proc/self/fd/%d", fileno(o->file));
    o->temp = name_beside(o->path);
    if (linkat(AT_FDCWD, self, AT_FDCWD, o->temp, AT_SYMLINK_FOLLOW) == 0 ||
        linkat(fileno(o->file), "", AT_FDCWD, o->temp, AT_EMPTY_PATH) == 0) /* without /proc, for root */
        return 0;
    free(o->temp);
    o->temp = NULL;
    return -errno;
}

int output_commit(struct output *o, struct error *err)
{
    int r = 0;

    if (!o)
        return 0;
    if (o->file == stdout) { /* whoever ends the program looks whether it could be written */
        output_abandon(o);
        return 0;
    }
    if (ferror(o->file))
        r = error_set(err, EIO, "write", o->path, NULL);
    else if (fflush(o->file))
        r = error_set(err, errno, "write", o->path, NULL);
    if (r == 0 && !o->stream) {
        if (fsync(fileno(o->file)) || (!o->temp && give_name(o)))
            r = error_set(err, errno, "write", o->path, NULL);
        if (r == 0)
            r = check_path(o, err);
        if (r == 0 && rename(o->temp, o->path))
            r = error_set(err, errno, "rename", o->path, NULL);
        if (r == 0) {
            free(o->temp);
            o->temp = NULL;
        }
    }
    output_abandon(o);
    return r;
}

void output_abandon(struct output *o)
{
    if (!o)
        return;
    if (o->file && o->file != stdout)
        fclose(o->file);
    if (o->temp)
        unlink(o->temp);
    for (char **input = o->input; *input; input++)
        free(*input);
    free(o->input);
    free(o->temp);
    free(o->path);
    free(o);
}
