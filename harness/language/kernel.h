/* Versions of the kernel, to be compared. */
#ifndef TORNPAGE_HOST_KERNEL_H
#define TORNPAGE_HOST_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* 6.1.192 as one number that grows with the version; parts up to 4095. */
#define KERNEL(major, minor, patch) ((uint32_t)(major) << 24 | (uint32_t)(minor) << 12 | (uint32_t)(patch))

/* From `from` on and before `before`; 0: no bound on that side. */
struct kernel_range {
    uint32_t from, before;
};
bool kernel_in(uint32_t version, const struct kernel_range *r);

/* Reads "6.2" or "6.1.192", all len_bytes of it. False: it is no version. */
bool kernel_parse(const char *text, size_t len_bytes, uint32_t *ret);
/*
 * The version that uname(2) tells by `release` and `version`. Debian numbers its releases by ABI (6.1.0-56) and has the upstream
 * version in the other text ("Debian 6.1.192-2"). 0: none of them is a version.
 */
uint32_t kernel_of(const char *release, const char *version);
void kernel_print(uint32_t version, struct buf *out); /* "6.2", "6.1.192" */

#endif
