/* Faults of a recorded disk: what it does wrong on purpose. One table names them, for the parser, for messages and for lists. */
#ifndef TORNPAGE_DISK_DISK_FAULTS_H
#define TORNPAGE_DISK_DISK_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* The faults of one recording. Writes are counted from 1, since disk_record; 0: no write. Zero-initialised: an honest disk. */
struct disk_faults {
    bool ignore_flush;
    bool ignore_fua;
    bool ignore_discard;
    uint64_t drop_nth, tear_nth, misdirect_nth, corrupt_nth;
};

/* One kind of fault. */
struct disk_fault_kind {
    const char *name;     /* as people write it: "drop" */
    const char *argument; /* "N" where a number belongs to it ("drop:3"); NULL: it takes none */
    const char *sentence; /* what the disk does, for `tornpage list faults` */
    size_t member;        /* offset in struct disk_faults: of a uint64_t if there is an argument, else of a bool */
};

extern const struct disk_fault_kind disk_fault_kinds[]; /* the last one has no name */

/*
 * Parses fault words with commas between them, "ignore-flush,drop:3". 0, or -EINVAL with *ret_bad the first word that is not a
 * fault; it lies in `words`, which is changed.
 */
int disk_faults_parse(char *words, struct disk_faults *ret, const char **ret_bad);
/* Adds the faults as words with commas between them; nothing of an honest disk. */
void disk_faults_print(const struct disk_faults *faults, struct buf *out);
bool disk_faults_any(const struct disk_faults *faults); /* is it not honest? */

#endif
