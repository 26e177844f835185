/* What a backend's documents promise, as data. Each flag says what it forbids; the oracle reads nothing else about a backend. */
#ifndef TORNPAGE_TRUTH_GUARANTEES_H
#define TORNPAGE_TRUTH_GUARANTEES_H

#include <stdbool.h>

struct guarantees {
    /* Documents: seeing otherwise is a violation. */
    bool sync_durable;    /* forbids losing what a finished sync covered (rules C1, C2). Clear: overlay volatile (B6) */
    bool no_stale_blocks; /* forbids bytes nobody wrote there (B5). Clear: ext4 data=writeback */
    bool zero_tail;       /* forbids non-zero bytes exposed by growing past a stored tail (D3) on a kernel that carries the fix */
    bool
        shifts_pages; /* forbids refusing to collapse or insert whole pages (I3). Clear: ext4 bigalloc, whose unit is a cluster */
    /* Practice: seeing otherwise is a surprise. */
    bool fsync_names;   /* fsync of a file persists its names (H1) */
    bool ordered_names; /* unsynced operations on names survive as a prefix (H6). Clear: btrfs, whose fsync logs one inode */
};

extern const struct guarantees guarantees_default; /* a journalled local file system on this kernel: everything set */

#endif
