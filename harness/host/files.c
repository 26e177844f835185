/* Names of files and directories: see files.h. */
#include "host/files.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/error.h"

int files_make_dirs(const char *dir, struct error *err)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s", dir);

    if (n < 0 || (size_t)n >= sizeof path)
        return error_set(err, ENAMETOOLONG, "mkdir", dir, NULL);
    for (char *slash = path + 1;; slash++) {
        char c = *slash;
        if (c != '/' && c != '\0')
            continue;
        *slash = '\0';
        if (mkdir(path, 0777) < 0 && errno != EEXIST)
            return error_set(err, errno, "mkdir", path, NULL);
        if (!c)
            return 0;
        *slash = c;
    }
}

void files_plain_name(char *name)
{
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._=+-", *c))
            *c = *c == '/' ? '-' : '_';
    if (name[0] == '.')
        name[0] = '_';
}

uint64_t files_unique(void)
{
    uint64_t n;

    if (getrandom(&n, sizeof n, 0) != sizeof n)
        abort(); /* not reached: so few bytes come whole, and every supported kernel has the call */
    return n;
}
