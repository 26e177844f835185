/* Names of defects: see defect.h. */
#include "language/defect.h"

#include <string.h>

const char *const defect_names[DEFECT_KINDS] = {
    [DEFECT_LOST] = "lost",
    [DEFECT_TORN] = "torn",
    [DEFECT_STALE] = "stale",
    [DEFECT_MISDIRECTED] = "misdirected",
    [DEFECT_FOREIGN] = "foreign",
    [DEFECT_NOBODY] = "nobody's",
    [DEFECT_ZEROED] = "zeroed",
    [DEFECT_SIZE] = "wrong size",
    [DEFECT_MISSING] = "missing",
    [DEFECT_EXTRA] = "extra",
    [DEFECT_MOUNT] = "cannot mount",
    [DEFECT_READONLY] = "not writable",
    [DEFECT_FSCK] = "fsck",
    [DEFECT_INCOHERENT] = "incoherent",
    [DEFECT_UNREADABLE] = "unreadable",
    [DEFECT_SIGNAL] = "wrong signal",
    [DEFECT_RESULT] = "wrong result",
    [DEFECT_HANG] = "hang",
};

enum defect defect_parse(const char *word, size_t len_bytes)
{
    for (int kind = 0; kind < DEFECT_KINDS; kind++) {
        const char *name = defect_names[kind];
        size_t i = 0;

        while (i < len_bytes && name[i] && (word[i] == name[i] || (word[i] == '-' && name[i] == ' ')))
            i++;
        if (i == len_bytes && !name[i])
            return (enum defect)kind;
    }
    return DEFECT_KINDS;
}
