/*
 * A made-up file system, for unit tests: its recovery reads places that depend on what it has read, and writes here and there;
 * and small random logs, of which all crash states can be tried.
 */
#ifndef TORNPAGE_CI_UNIT_MADE_UP_H
#define TORNPAGE_CI_UNIT_MADE_UP_H

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/size.h"
#include "disk/writelog.h"
#include "states/crash_image.h"
#include "states/read_notes.h"

enum { BLOCKS = 6, SIZE = BLOCKS * 4096, MAX_WRITES = 9, MAX_TESTED = 4096, MAX_STEPS = 7 };

struct made_up {
    int fd;
    struct crash_image *image;
    uint8_t disk[SIZE]; /* what is mounted */
    struct read_notes *notes;
    struct writelog *log;
    uint64_t answers[MAX_TESTED]; /* of tested states */
};

static inline int made_up_new(void **state)
{
    static struct made_up f;
    struct error err = {.code = 0};

    f.fd = memfd_create("test", MFD_CLOEXEC);
    if (f.fd < 0 || ftruncate(f.fd, SIZE) || crash_image_new(f.fd, 512, &f.image, &err) < 0)
        return -1;
    f.notes = read_notes_new(BLOCKS);
    f.log = writelog_new(1000, 1 << 22);
    *state = &f;
    return 0;
}

static inline int made_up_free(void **state)
{
    struct made_up *f = *state;

    crash_image_free(f->image);
    read_notes_free(f->notes);
    writelog_free(f->log);
    close(f->fd);
    return 0;
}

/* Writes of one to twelve sectors with few different contents; some flushes. Zeros are what the base holds.
 */
static inline void random_log(struct writelog *l, struct rng *r)
{
    const uint64_t n = 1 + rng_below(r, 2 * MAX_WRITES);
    uint64_t in_epoch = 0;
    uint8_t data[12 * 512];

    writelog_clear(l);
    for (uint64_t i = 0; i < n; i++) {
        if (rng_one_in(r, 6) || in_epoch == MAX_WRITES) {
            writelog_append(l, LOG_FLUSH, 0, 0, NULL, 0);
            in_epoch = 0;
            continue;
        }
        const bool aligned = rng_one_in(r, 2);
        const uint64_t first = aligned ? 8 * rng_below(r, BLOCKS) : rng_below(r, BLOCKS * 8), room = BLOCKS * 8 - first,
                       count = aligned ? 8 : 1 + rng_below(r, room < 12 ? room : 12);
        for (uint64_t s = 0; s < count; s++)
            memset(data + s * 512, (int)rng_below(r, 3), 512);
        if (rng_one_in(r, 8))
            writelog_append(l, LOG_DISCARD, 0, first * 512, NULL, count * 512);
        else
            writelog_append(l, LOG_WRITE, 0, first * 512, data, count * 512);
        in_epoch++;
    }
}

/* The log of the worked timelines in crash_states.c, subsets.c and explorer.c. Blocks: A 1, B 2, C 3. */
static inline void timeline_log(struct writelog *l)
{
    uint8_t data[BLOCK_BYTES];

    writelog_clear(l);
    for (uint8_t block = 1; block <= 3; block++) {
        memset(data, block, sizeof data);
        writelog_append(l, LOG_WRITE, 0, (uint64_t)block * BLOCK_BYTES, data, sizeof data);
        if (block != 2)
            writelog_append(l, LOG_FLUSH, 0, 0, NULL, 0);
    }
}

/* Puts the loaded state on the disk. */
static inline void show(struct made_up *f)
{
    for (uint64_t b = 0; b < BLOCKS; b++)
        memcpy(f->disk + b * 4096, crash_image_block(f->image, b), 4096);
    read_notes_clear(f->notes);
}

/* What mounting the loaded state comes to. Which one it is, of many made-up kinds of recovery, `kind` says. */
static inline uint64_t recover(struct made_up *f, uint64_t kind)
{
    uint64_t h = rng_mix(kind);

    show(f);
    for (unsigned i = 0; i < 2 + kind % MAX_STEPS; i++) {
        const uint64_t block = rng_mix(h) % BLOCKS, sector = rng_mix(h + 1) % 8, what = rng_mix(h + 2) % 8;
        const uint64_t off = what < 4 ? block * 4096 : block * 4096 + sector * 512, len = what < 4 ? 4096 : 512;

        if (what % 4 == 0) {
            memset(f->disk + off, (int)(h % 251), len);
            read_notes_written(f->notes, off, len);
            h = rng_mix(h);
        } else {
            read_notes_read(f->notes, off, len);
            h = rng_mix(h ^ hash_bytes(f->disk + off, len));
        }
    }
    return h;
}

/* What a state comes to, alone. */
static inline uint64_t recover_state(struct made_up *f, const struct crash_state *s, uint64_t kind)
{
    return crash_image_load(f->image, f->log, s) < 0 ? 0 : recover(f, kind);
}

#endif
