/*
 * What kernels are known to do against the rules. An entry needs a source that does not depend on this harness: a reproducer
 * without it, the kernel's own sources, or its documents. An entry holds for the versions on which it was seen and for those
 * between; to add one, add an element.
 */
#include "known/known.h"

#define FORMS(...) .forms = {__VA_ARGS__}, .n_forms = sizeof((struct known_form[]){__VA_ARGS__}) / sizeof(struct known_form)

const struct known_behaviour known_behaviours[] = {
    {.name = "xfs-sync-without-flush",
     .strikes = 1U << STRIKE_POWER,
     .backend = "loop:fs=xfs",
     .step = "sync|syncfs",
     FORMS({RULE_C1, DEFECT_LOST}, {RULE_C1, DEFECT_STALE}, {RULE_C1, DEFECT_TORN}, {RULE_C1, DEFECT_ZEROED},
           {RULE_D1, DEFECT_SIZE}, {RULE_D3, DEFECT_INCOHERENT}),
     .shown_by = "sync/syncfs-of-overwritten-bytes",
     .sentence = "XFS sends no flush in sync and syncfs when its log has nothing to write, although data was written in place",
     .source = "xfs_fs_sync_fs() forces the log and flushes no device; seen on 6.18"},
    {.name = "ext4-store-after-collapse",
     .strikes = 1U << STRIKE_POWER,
     .backend = "loop:fs=ext4",
     .cured_by = "loop:fs=ext4,mkfs=-O bigalloc", /* which refuses ranges that are no clusters */
     .needs = "fcollapse|finsert mwrite|pwrite",
     FORMS({RULE_B5, DEFECT_MISDIRECTED}),
     .shown_by = "space/collapse-then-store-msync",
     .sentence = "ext4 writes bytes in place, into a block that was collapsed or inserted, before the new mapping is durable",
     .source = "data=ordered orders data and mapping of new blocks only; seen on 6.18"},
    {.name = "xfs-store-after-collapse",
     .strikes = 1U << STRIKE_POWER,
     .backend = "loop:fs=xfs",
     .needs = "fcollapse|finsert mwrite|pwrite",
     FORMS({RULE_B5, DEFECT_MISDIRECTED}),
     .shown_by = "space/collapse-then-store-msync",
     .sentence = "XFS writes bytes in place, into a block that was collapsed or inserted, before the new mapping is durable",
     .source = "seen on 6.18"},
    {.name = "ext4-fast-commit-names",
     .strikes = 1U << STRIKE_POWER,
     .backend = "loop:fs=ext4,mkfs=-O fast_commit",
     .needs = "rename|unlink open|rename|link|fsync",
     FORMS({RULE_B7, DEFECT_MOUNT}),
     .shown_by = "known/unlink-create-fsync",
     .sentence =
         "the replay of ext4's fast commits takes a name that was removed and made again in the wrong order, and the volume "
         "does not mount (EUCLEAN)",
     .source = "seen on 6.18 on a plain loop device"},
    {.name = "ext4-journalled-tail",
     .strikes = 1U << STRIKE_POWER,
     .backend = "loop:fs=ext4,mount=data=journal",
     .needs = "mwrite",
     FORMS({RULE_D3, DEFECT_INCOHERENT}),
     .shown_by = "size/store-behind-end-written-back",
     .sentence =
         "with data=journal ext4 writes what was stored behind the end of file in its last page, and shows it after a cut",
     .source = "seen on 6.18 on a plain loop device: store behind the end, msync, copy the image, mount the copy; not with "
               "data=ordered"},
    {.name = "ext4-journalled-zero-range",
     .strikes = 1U << STRIKE_POWER,
     .backend = "loop:fs=ext4,mkfs=-b 1024,mount=data=journal",
     .needs = "mwrite|pwrite fzero",
     FORMS({RULE_C1, DEFECT_STALE}),
     .shown_by = "space/zero-then-fdatasync",
     .sentence =
         "with data=journal and blocks of 1 KiB the replay of ext4's journal puts old bytes into a range that was zeroed and "
         "synced",
     .source = "seen on 6.18 on a plain loop device: store, fallocate -z, fdatasync, copy the image, mount the copy"},
    {.name = "ext4-inline-data-grown",
     .strikes = 1U << STRIKE_NONE | 1U << STRIKE_KILL | 1U << STRIKE_POWER,
     .backend = "loop:fs=ext4,mkfs=-O inline_data",
     .needs = "falloc|truncate mwrite|pwrite",
     FORMS({RULE_A1, DEFECT_LOST}, {RULE_C1, DEFECT_LOST}),
     .shown_by = "known/grow-during-writeback",
     .sentence =
         "ext4 loses what is written to a file of inline data after the file was made longer than fits into its inode; an "
         "unmount is enough",
     .source =
         "seen on 6.18 on a plain loop device: write 100 bytes, fsync, ftruncate or fallocate to 3000, write the rest, fsync, "
         "umount, mount"},
    {.name = "ext4-async-commit",
     .strikes = 1U << STRIKE_POWER,
     .backend = "loop:fs=ext4,mount=journal_async_commit",
     FORMS({RULE_B7, DEFECT_MOUNT}),
     .shown_by = "checkpoint/data-in-the-name",
     .sentence =
         "with journal_async_commit a commit block may be on disk before the blocks of its transaction, and the replay then "
         "refuses to mount (EBADMSG) where it should leave the transaction out",
     .source =
         "kernel admin-guide/ext4, journal_async_commit; seen on 6.18 on an image whose last transaction had lost its blocks"},
    {.name = "ext4-async-commit-data",
     .strikes = 1U << STRIKE_POWER,
     .backend = "loop:fs=ext4,mount=data=writeback+journal_async_commit",
     .needs = "fcollapse|finsert",
     FORMS({RULE_B5, DEFECT_MISDIRECTED}),
     .shown_by = "space/collapse-then-fdatasync",
     .sentence =
         "with data=writeback and journal_async_commit a collapsed or inserted range may be on disk before the bytes in it",
     .source = "kernel admin-guide/ext4, data=writeback: data ordering is not preserved"},
    {.name = "btrfs-names-in-the-log",
     .random_only = true,
     .strikes = 1U << STRIKE_POWER,
     .backend = "loop:fs=btrfs",
     .cured_by = "loop:fs=btrfs,mount=notreelog",
     .needs = "rename fsync|fdatasync|fsyncdir|msync",
     FORMS({RULE_H1, DEFECT_MISSING}, {RULE_H1, DEFECT_EXTRA}, {RULE_H2, DEFECT_MISSING}, {RULE_H7, DEFECT_MISSING}),
     .sentence =
         "the log of btrfs holds one half of a rename when another file or a directory is synced: after its replay both names "
         "are there, or none",
     .source = "seen on 6.18; mount=notreelog cures it"},
    {.name = "btrfs-sync-of-a-nameless-file",
     .random_only = true,
     .strikes = 1U << STRIKE_POWER,
     .backend = "loop:fs=btrfs",
     .cured_by = "loop:fs=btrfs,mount=notreelog",
     .needs = "rename|unlink fsync|fdatasync|msync",
     .step = "fsync|fdatasync|msync",
     FORMS({RULE_D1, DEFECT_SIZE}, {RULE_C1, DEFECT_LOST}),
     .sentence = "the replay of btrfs' log skips a file that was synced again without a name, and what was synced before is lost",
     .source = "seen on 6.18; mount=notreelog cures it"},
    {.name = "btrfs-two-syncs",
     .random_only = true,
     .strikes = 1U << STRIKE_POWER,
     .backend = "loop:fs=btrfs",
     .cured_by = "loop:fs=btrfs,mount=notreelog",
     .least_lanes = 2,
     .needs = "fsync|fdatasync|msync fsync|fdatasync|msync",
     .step = "fsync|fdatasync|msync",
     FORMS({RULE_C1, DEFECT_LOST}, {RULE_C1, DEFECT_STALE}),
     .sentence = "a second fsync of a file that is in the first log of a transaction returns before that log is written",
     .source = "log_transid and last_log_commit are both 0 until then; seen on 6.18"},
    {.name = NULL},
};
