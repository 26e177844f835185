/* Lies of a recorded disk in words: see disk.h. */
#include <errno.h>
#include <string.h>

#include "base/size.h"
#include "disk/disk.h"
#include "language/plan.h"

/* One lie, "drop:3"; false when it is none. */
static bool parse_lie(const char *word, struct disk_lies *lies)
{
    const struct {
        const char *name;
        uint64_t *nth;
    } counted[] = {{"drop:", &lies->drop_nth},
                   {"tear:", &lies->tear_nth},
                   {"misdirect:", &lies->misdirect_nth},
                   {"corrupt:", &lies->corrupt_nth}};

    if (strcmp(word, "ignore-flush") == 0)
        return lies->ignore_flush = true;
    if (strcmp(word, "ignore-fua") == 0)
        return lies->ignore_fua = true;
    for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++) {
        const size_t len = strlen(counted[i].name);

        if (strncmp(word, counted[i].name, len) == 0)
            return size_parse(word + len, strlen(word + len), counted[i].nth) == 0 && *counted[i].nth > 0;
    }
    return false;
}

int disk_lies_parse(char *words, struct disk_lies *ret, const char **ret_bad)
{
    char *save = NULL;

    *ret = (struct disk_lies){.ignore_flush = false};
    for (char *w = strtok_r(words, ",", &save); w; w = strtok_r(NULL, ",", &save))
        if (!parse_lie(w, ret)) {
            *ret_bad = w;
            return -EINVAL;
        }
    return 0;
}
