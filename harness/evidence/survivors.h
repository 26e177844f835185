/* Survivors: what was found when the files were opened again after the strike. Filled by the readback, or by a model. */
#ifndef TORNPAGE_EVIDENCE_SURVIVORS_H
#define TORNPAGE_EVIDENCE_SURVIVORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* Bytes [off, off+len) of a file; what no extent covers reads as zero (a hole). Extents are sorted and do not overlap. */
struct extent {
    uint64_t off, len;
    const uint8_t *data;
};

/* UNKNOWN: the name is listed, but stat of it fails; read_err tells why. */
enum survivor_kind { SURVIVOR_FILE, SURVIVOR_DIR, SURVIVOR_OTHER, SURVIVOR_UNKNOWN };

struct survivor {
    const char *path; /* relative to the run's directory, "d/f" */
    enum survivor_kind kind;
    uint64_t ino, size_bytes;
    uint32_t nlink;
    struct extent *extents;
    size_t n_extents, cap_extents;
    int read_err; /* errno of a read that failed, 0 */
    uint64_t read_err_off;
    bool incoherent; /* a new mapping showed other bytes than read(2) */
    uint64_t incoherent_off;
    struct extent tail; /* what a new mapping shows from end of file to end of page, if not all 0 (rule D3); else len 0 */
    int map_signo;      /* signal met when reading through the mapping, 0 */
};

struct survivors {
    struct survivor *v; /* sorted by path; the run's directory itself is not listed */
    size_t n, cap;
    int mount_err;       /* errno, 0: mounted (or nothing to mount) */
    char mount_msg[256]; /* the error message of the mount */
    bool write_checked;
    int write_err;  /* the probe write after reopening failed with this errno; 0 fine */
    char fsck[512]; /* fsck's objection; empty: none, or fsck was not run */
    void *mem;      /* one growing arena that owns paths and data */
    size_t mem_len, mem_cap;
};

/* Takes a copy of `path`; returns the new entry (valid until the next add). */
struct survivor *survivors_add(struct survivors *s, const char *path);
/* Appends an extent to the last added survivor and returns where to put its len bytes. */
uint8_t *survivors_extent(struct survivors *s, uint64_t off, uint64_t len);
/* Shortens the extent just appended to the bytes that were read; removes it when none were. */
void survivors_cut(struct survivors *s, uint64_t len);
/* The same for the bytes behind the end of the file that a mapping shows. */
uint8_t *survivors_tail(struct survivors *s, uint64_t off, uint64_t len);
/* Sorts by path and turns arena offsets into pointers; call once when all is added, before any data pointer is used. */
void survivors_finish(struct survivors *s);
void survivors_clear(struct survivors *s); /* empties, keeps the memory */
void survivors_free(struct survivors *s);

/* As bytes, for another process of the same program; and back, into `s`, after which the end of what was read is returned. */
void survivors_pack(const struct survivors *s, struct buf *out);
const char *survivors_unpack(struct survivors *s, const char *packed);

#endif
