/* Verbs that give, take and shift a file's space: falloc, fpunch, fzero, fcollapse, finsert. */
#include <fcntl.h>

#include "engine/actor.h"
#include "verbs/verbs.h"

static void allocate(struct actor *a, const struct step *s, struct event *e, int mode)
{
    struct actor_file f;

    if (actor_file(a, s, e, &f, NULL))
        actor_result(e, fallocate(f.fd, mode, (off_t)s->arg[0].num, (off_t)s->arg[1].num));
}

static void call_falloc(struct actor *a, const struct step *s, struct event *e)
{
    allocate(a, s, e, has_flag(s, 'k') ? FALLOC_FL_KEEP_SIZE : 0);
}

static void call_fpunch(struct actor *a, const struct step *s, struct event *e)
{
    allocate(a, s, e, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
}

static void call_fzero(struct actor *a, const struct step *s, struct event *e)
{
    allocate(a, s, e, FALLOC_FL_ZERO_RANGE | (has_flag(s, 'k') ? FALLOC_FL_KEEP_SIZE : 0));
}

static void call_fcollapse(struct actor *a, const struct step *s, struct event *e)
{
    allocate(a, s, e, FALLOC_FL_COLLAPSE_RANGE);
}

static void call_finsert(struct actor *a, const struct step *s, struct event *e)
{
    allocate(a, s, e, FALLOC_FL_INSERT_RANGE);
}

const struct verb verbs_space[] = {
    {.name = "falloc",
     .syntax = "[-k] OFFSET LENGTH",
     .target = TARGET_FILE,
     .help =
         "Reserves space for the range; bytes that were a hole read zero before and after, also after a crash. It extends the "
         "file if need be, unless -k keeps the size. Durable after fsync or fdatasync. As in xfs_io; fallocate(2).",
     .call = call_falloc},
    {.name = "fpunch",
     .syntax = "OFFSET LENGTH",
     .target = TARGET_FILE,
     .help =
         "Takes the space of the range away: it reads zero at once, also in mappings; the size stays. Until a sync a crash may "
         "bring the old bytes back. As in xfs_io; fallocate(2).",
     .call = call_fpunch},
    {.name = "fzero",
     .syntax = "[-k] OFFSET LENGTH",
     .target = TARGET_FILE,
     .help = "Zeroes the range and reserves its space; it extends the file if need be, unless -k keeps the size. Until a sync a "
             "crash may bring the old bytes back. As in xfs_io; fallocate(2).",
     .call = call_fzero},
    {.name = "fcollapse",
     .syntax = "OFFSET LENGTH",
     .target = TARGET_FILE,
     .help =
         "Removes the range from the file without leaving a hole: what lay behind moves down, in mappings too, and the file gets "
         "shorter. Both must be multiples of the block and end before end of file, else EINVAL; not every file system can "
         "(EOPNOTSUPP). As in xfs_io; fallocate(2).",
     .call = call_fcollapse},
    {.name = "finsert",
     .syntax = "OFFSET LENGTH",
     .target = TARGET_FILE,
     .help =
         "Inserts a hole: what lies from OFFSET on moves up by LENGTH, in mappings too, and the file gets longer. Both must be "
         "multiples of the block and OFFSET before end of file, else EINVAL; not every file system can (EOPNOTSUPP). As in "
         "xfs_io; fallocate(2).",
     .call = call_finsert},
    {0},
};
