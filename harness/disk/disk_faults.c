/* The kinds of disk faults, and faults as text: see disk_faults.h. */
#include "disk/disk_faults.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/size.h"

#define MEMBER(m) offsetof(struct disk_faults, m)

const struct disk_fault_kind disk_fault_kinds[] = {
    {"ignore-flush", NULL, "Flushes are answered and nothing becomes durable by them.", MEMBER(ignore_flush)},
    {"ignore-fua", NULL, "FUA writes are answered and not durable: each write with a flush of its own counts as one.",
     MEMBER(ignore_fua)},
    {"ignore-discard", NULL, "Discards and requests to write zeros are answered, and the old bytes stay.",
     MEMBER(ignore_discard)},
    {"drop", "N", "The N-th write is answered and never reaches the media.", MEMBER(drop_nth)},
    {"tear", "N", "Only the first half of the N-th write reaches the media.", MEMBER(tear_nth)},
    {"misdirect", "N", "The N-th write lands right behind its place.", MEMBER(misdirect_nth)},
    {"corrupt", "N", "Eight bytes in the middle of the N-th write reach the media inverted.", MEMBER(corrupt_nth)},
    {NULL, NULL, NULL, 0},
};

/* Sets the fault that the word names; false when it names none. */
static bool parse_word(const char *word, struct disk_faults *faults)
{
    const size_t name_len = strcspn(word, ":");
    const char *number = word[name_len] ? word + name_len + 1 : NULL;

    for (const struct disk_fault_kind *k = disk_fault_kinds; k->name; k++) {
        char *member = (char *)faults + k->member;
        uint64_t nth = 0;

        if (strlen(k->name) != name_len || memcmp(k->name, word, name_len) != 0 || !k->argument != !number)
            continue;
        if (!number) {
            memcpy(member, &(bool){true}, sizeof(bool));
            return true;
        }
        if (size_parse(number, strlen(number), &nth) < 0 || nth == 0)
            return false;
        memcpy(member, &nth, sizeof nth);
        return true;
    }
    return false;
}

int disk_faults_parse(char *words, struct disk_faults *ret, const char **ret_bad)
{
    char *save = NULL;

    *ret = (struct disk_faults){.ignore_flush = false};
    for (char *w = strtok_r(words, ",", &save); w; w = strtok_r(NULL, ",", &save))
        if (!parse_word(w, ret)) {
            *ret_bad = w;
            return -EINVAL;
        }
    return 0;
}

void disk_faults_print(const struct disk_faults *faults, struct buf *out)
{
    for (const struct disk_fault_kind *k = disk_fault_kinds; k->name; k++) {
        const char *member = (const char *)faults + k->member;
        uint64_t nth = 0;

        if (k->argument)
            memcpy(&nth, member, sizeof nth);
        if (k->argument ? nth == 0 : *member == 0)
            continue;
        buf_printf(out, "%s%s", out->len_bytes ? "," : "", k->name);
        if (nth)
            buf_printf(out, ":%llu", (unsigned long long)nth);
    }
}

bool disk_faults_any(const struct disk_faults *faults)
{
    struct buf words = {.data = NULL};

    disk_faults_print(faults, &words);
    const bool any = words.len_bytes > 0;

    buf_free(&words);
    return any;
}
