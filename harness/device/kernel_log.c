/* The kernel's log: see kernel_log.h. Records of /dev/kmsg are "priority,sequence,time,flags;message\n", one for each read, with
 * further lines behind it (Documentation/ABI/testing/dev-kmsg). */
#include "device/kernel_log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"

enum { MAX_LINES = 8, RECORD_BYTES = 8192 };

int kernel_log_open(void)
{
    const int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (fd >= 0 && lseek(fd, 0, SEEK_END) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The device's name in the line, as a whole word; NULL: it is not there. */
static const char *find_name(const char *line, const char *name)
{
    const size_t len = strlen(name);

    for (const char *at = line; (at = strstr(at, name)) != NULL; at += len)
        if ((at == line || !isalnum((unsigned char)at[-1])) && !isdigit((unsigned char)at[len]))
            return at;
    return NULL;
}

/* Does the line name a loop device? */
static bool names_a_loop(const char *line)
{
    const char *at = strstr(line, "loop");

    while (at && !isdigit((unsigned char)at[4]))
        at = strstr(at + 4, "loop");
    return at != NULL;
}

/* A line of the file system's own. ext4 and ext3 have their journal in a module of its own, jbd2. */
static bool is_of(const char *line, const char *fs)
{
    return strncasecmp(line, fs, strlen(fs)) == 0 || (strncmp(fs, "ext", 3) == 0 && strncasecmp(line, "jbd2", 4) == 0);
}

static void put_line(const char *line, const char *name, struct buf *out)
{
    const char *at;

    buf_puts(out, "kernel: ");
    while ((at = find_name(line, name)) != NULL) {
        buf_add(out, line, (size_t)(at - line));
        buf_puts(out, "DEVICE");
        line = at + strlen(name);
    }
    buf_printf(out, "%s\n", line);
}

void kernel_log_take(int fd, const char *fs, const char *device, struct buf *out)
{
    const char *slash = strrchr(device, '/'), *name = slash ? slash + 1 : device;
    char record[RECORD_BYTES];
    unsigned lines = 0;

    while (fd >= 0 && lines < MAX_LINES) {
        const ssize_t n = read(fd, record, sizeof record - 1);

        if (n < 0 && (errno == EPIPE || errno == EINTR)) /* EPIPE: older records were overwritten */
            continue;
        if (n <= 0)
            break;
        record[n] = '\0';
        record[strcspn(record, "\n")] = '\0';
        const char *line = strchr(record, ';');

        if (!line++ || !(find_name(line, name) || (is_of(line, fs) && !names_a_loop(line))))
            continue;
        put_line(line, name, out);
        lines++;
    }
    if (fd >= 0)
        close(fd);
}
