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
