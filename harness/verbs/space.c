/* Verbs that give, take and shift a file's space: falloc, fpunch, fzero, fcollapse, finsert. */
#include <errno.h>
#include <fcntl.h>

#include "actor/actor.h"
#include "base/size.h"
#include "truth/world_model.h"
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

/* The file a call changes; NULL when it had no effect. Sets its expected outcome. */
static struct open_file *changed_file(struct world *w, const struct step *s, const struct event *e)
{
    struct open_file *f = world_file(w, s);
    struct expectation *x = world_expect(w, e);

    if (!f || !f->writable)
        x->err = EBADF;
    else if (f->inode == NO_INODE || w->inodes[f->inode].kind != INODE_FILE)
        x->err = EXPECT_ANY;
    return x->err == 0 && event_may_have_part(e) ? f : NULL;
}

static void zero_range(struct world *w, const struct open_file *f, const struct step *s, const struct event *e)
{
    world_write(w, f->inode, span_of(w, e, event_ok(e)), s->arg[0].num, s->arg[0].num + s->arg[1].num,
                (struct content){.kind = CONTENT_ZERO});
}

static void grow_to_range(struct world *w, const struct open_file *f, const struct step *s, const struct event *e)
{
    uint64_t end = s->arg[0].num + s->arg[1].num;

    if (!has_flag(s, 'k') && end > world_size(w, f->inode))
        world_resize(w, f->inode, span_of(w, e, event_ok(e)), end);
}

static void effect_falloc(struct world *w, const struct step *s, const struct event *e)
{
    const struct open_file *f = changed_file(w, s, e);

    if (f)
        grow_to_range(w, f, s, e);
}

static void call_fpunch(struct actor *a, const struct step *s, struct event *e)
{
    allocate(a, s, e, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
}

static void effect_fpunch(struct world *w, const struct step *s, const struct event *e)
{
    const struct open_file *f = changed_file(w, s, e);

    if (f)
        zero_range(w, f, s, e);
}

static void call_fzero(struct actor *a, const struct step *s, struct event *e)
{
    allocate(a, s, e, FALLOC_FL_ZERO_RANGE | (has_flag(s, 'k') ? FALLOC_FL_KEEP_SIZE : 0));
}

static void effect_fzero(struct world *w, const struct step *s, const struct event *e)
{
    const struct open_file *f = changed_file(w, s, e);

    if (!f)
        return;
    zero_range(w, f, s, e);
    grow_to_range(w, f, s, e);
}

static void call_fcollapse(struct actor *a, const struct step *s, struct event *e)
{
    allocate(a, s, e, FALLOC_FL_COLLAPSE_RANGE);
}

/*
 * Ranges that are not whole pages, or reach end of file, are refused by some file systems and not by others; and a file system
 * may have a larger unit (fallocate(2): "a filesystem may place limitations on the granularity of the operation").
 */
static void allow_refusal(struct world *w, const struct step *s, const struct event *e, uint64_t end)
{
    const struct open_file *f = world_file(w, s);
    struct expectation *x = world_expect(w, e);

    if (x->err == 0 && !(w->guarantees->shifts_pages && s->arg[0].num % PAGE_BYTES == 0 && s->arg[1].num % PAGE_BYTES == 0 &&
                         end < world_size(w, f->inode)))
        x->err = EXPECT_ANY;
}

/* The file whose contents behind `end` the step shifts; NULL: it shifts none. */
static const struct open_file *shifted_file(struct world *w, const struct step *s, const struct event *e, uint64_t end)
{
    const struct open_file *f = changed_file(w, s, e);

    allow_refusal(w, s, e, end);
    return world_expect(w, e)->err == 0 || event_ok(e) ? f : NULL;
}

static void effect_fcollapse(struct world *w, const struct step *s, const struct event *e)
{
    const uint64_t off = s->arg[0].num, end = off + s->arg[1].num;
    const struct open_file *f = shifted_file(w, s, e, end);

    if (!f)
        return;
    struct span when = span_of(w, e, event_ok(e));
    uint64_t size = world_size(w, f->inode);

    world_drop_private(w, f->inode, off);
    world_copy(w, f->inode, end, f->inode, off, size - end, when);
    world_resize(w, f->inode, when, size - (end - off));
}

static void call_finsert(struct actor *a, const struct step *s, struct event *e)
{
    allocate(a, s, e, FALLOC_FL_INSERT_RANGE);
}

static void effect_finsert(struct world *w, const struct step *s, const struct event *e)
{
    const uint64_t off = s->arg[0].num, len = s->arg[1].num;
    const struct open_file *f = shifted_file(w, s, e, off);

    if (!f)
        return;
    struct span when = span_of(w, e, event_ok(e));
    uint64_t size = world_size(w, f->inode);

    world_drop_private(w, f->inode, off);
    world_copy(w, f->inode, off, f->inode, off + len, size - off, when);
    world_write(w, f->inode, when, off, off + len, (struct content){.kind = CONTENT_ZERO});
    world_shift_size(w, f->inode, when, size + len);
}

const struct verb verbs_space[] = {
    {.name = "falloc",
     .syntax = "[-k] OFFSET LENGTH",
     .target = TARGET_FILE,
     .properties = VERB_WRITES | VERB_RESIZES,
     .help =
         "Reserves space for the range; bytes that were a hole read zero before and after, also after a crash. It extends the "
         "file if need be, unless -k keeps the size. Durable after fsync or fdatasync. As in xfs_io; fallocate(2).",
     .effect = effect_falloc,
     .call = call_falloc},
    {.name = "fpunch",
     .syntax = "OFFSET LENGTH",
     .target = TARGET_FILE,
     .properties = VERB_WRITES,
     .help =
         "Takes the space of the range away: it reads zero at once, also in mappings; the size stays. Until a sync a crash may "
         "bring the old bytes back. As in xfs_io; fallocate(2).",
     .effect = effect_fpunch,
     .call = call_fpunch},
    {.name = "fzero",
     .syntax = "[-k] OFFSET LENGTH",
     .target = TARGET_FILE,
     .properties = VERB_WRITES | VERB_RESIZES,
     .help = "Zeroes the range and reserves its space; it extends the file if need be, unless -k keeps the size. Until a sync a "
             "crash may bring the old bytes back. As in xfs_io; fallocate(2).",
     .effect = effect_fzero,
     .call = call_fzero},
    {.name = "fcollapse",
     .syntax = "OFFSET LENGTH",
     .target = TARGET_FILE,
     .properties = VERB_WRITES | VERB_RESIZES,
     .help =
         "Removes the range from the file without leaving a hole: what lay behind moves down, in mappings too, and the file gets "
         "shorter. Both must be multiples of the block and end before end of file, else EINVAL; not every file system can "
         "(EOPNOTSUPP). As in xfs_io; fallocate(2).",
     .effect = effect_fcollapse,
     .call = call_fcollapse},
    {.name = "finsert",
     .syntax = "OFFSET LENGTH",
     .target = TARGET_FILE,
     .properties = VERB_WRITES | VERB_RESIZES,
     .help =
         "Inserts a hole: what lies from OFFSET on moves up by LENGTH, in mappings too, and the file gets longer. Both must be "
         "multiples of the block and OFFSET before end of file, else EINVAL; not every file system can (EOPNOTSUPP). As in "
         "xfs_io; fallocate(2).",
     .effect = effect_finsert,
     .call = call_finsert},
    {0},
};
