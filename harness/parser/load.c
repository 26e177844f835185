/* Reads a scenario file. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "parser/parser.h"

/* Reads all of fd, at most PLAN_MAX_TEXT bytes. */
static int read_text(int fd, const char *file, struct buf *text, struct error *err)
{
    char chunk[16384];

    for (;;) {
        const ssize_t n = read(fd, chunk, sizeof chunk);

        if (n < 0) {
            if (errno == EINTR)
                continue;
            return error_set(err, errno, "read", file, NULL);
        }
        if (!n)
            return 0;
        if (text->len_bytes + (size_t)n > PLAN_MAX_TEXT)
            return error_set(err, EFBIG, "read", file, "a scenario holds at most %d bytes", PLAN_MAX_TEXT);
        buf_add(text, chunk, (size_t)n);
    }
}

int plan_load(const char *file, const char *name, struct plan **ret, struct error *err)
{
    struct stat st;
    struct buf text = {0};

    assert(file && name && ret);
    /* Without O_NONBLOCK opening a FIFO without a writer would hang. */
    const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return error_set(err, errno, "open", file, NULL);
    int r = fstat(fd, &st) ? error_set(err, errno, "stat", file, NULL) : 0;
    if (!r && S_ISDIR(st.st_mode))
        r = error_set(err, EISDIR, "read", file, "a directory, not a scenario");
    if (!r)
        r = read_text(fd, file, &text, err);
    close(fd);
    if (!r)
        r = plan_parse(file, name, buf_text(&text), text.len_bytes, ret, err);
    buf_free(&text);
    return r;
}
