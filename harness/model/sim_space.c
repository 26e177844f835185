/* The `sim` backend: verbs that give, take, shift and share a file's space. See sim.h. */
#include <errno.h>

#include "base/size.h"
#include "model/machine.h"

/* What fallocate(2) refuses; SIM_MORE: go on, with the file in *ret. */
static enum sim_progress begin(struct sim_at *at, struct sim_file **ret)
{
    const uint64_t off = at->step->arg[0].num, len = at->step->arg[1].num;

    *ret = sim_the_file(at);
    if (!*ret)
        return SIM_DONE;
    if (off > INT64_MAX || len == 0 || len > INT64_MAX)
        return sim_fail(at, EINVAL);
    if (!(*ret)->writable)
        return sim_fail(at, EBADF);
    if ((*ret)->inode->kind != SIMFS_FILE)
        return sim_fail(at, (*ret)->inode->kind == SIMFS_FIFO ? ESPIPE : ENODEV);
    if (off + len > SIM_MAX_FILE)
        return sim_fail(at, EFBIG);
    return sim_locked(at, (*ret)->inode) ? SIM_WAIT : SIM_MORE;
}

static void extend(struct sim_at *at, struct simfs_inode *i, uint64_t end)
{
    if (!sim_flag(at, 'k') && end > i->size_bytes)
        simfs_set_size(&at->sim->fs, i, end);
}

static enum sim_progress work_falloc(struct sim_at *at)
{
    struct sim_file *f;
    const enum sim_progress p = begin(at, &f);

    if (p != SIM_MORE)
        return p;
    extend(at, f->inode, at->step->arg[0].num + at->step->arg[1].num);
    return SIM_DONE;
}

/* fpunch and fzero: a reader sees no difference. */
static enum sim_progress zero(struct sim_at *at, bool may_extend)
{
    const uint64_t off = at->step->arg[0].num, len = at->step->arg[1].num;
    struct sim_file *f;
    const enum sim_progress p = begin(at, &f);

    if (p != SIM_MORE)
        return p;
    simfs_zero(&at->sim->fs, f->inode, off, len);
    if (may_extend)
        extend(at, f->inode, off + len);
    SIMFS_HOOK(&at->sim->fs, punched, f->inode, off, len);
    return SIM_DONE;
}

static enum sim_progress work_fpunch(struct sim_at *at)
{
    return zero(at, false);
}

static enum sim_progress work_fzero(struct sim_at *at)
{
    return zero(at, true);
}

static enum sim_progress work_fcollapse(struct sim_at *at)
{
    const uint64_t off = at->step->arg[0].num, len = at->step->arg[1].num;
    struct sim_file *f;
    const enum sim_progress p = begin(at, &f);

    if (p != SIM_MORE)
        return p;
    if (off % PAGE_BYTES || len % PAGE_BYTES || off + len >= f->inode->size_bytes)
        return sim_fail(at, EINVAL);
    simfs_collapse(&at->sim->fs, f->inode, off, len);
    return SIM_DONE;
}

static enum sim_progress work_finsert(struct sim_at *at)
{
    const uint64_t off = at->step->arg[0].num, len = at->step->arg[1].num;
    struct sim_file *f;
    const enum sim_progress p = begin(at, &f);

    if (p != SIM_MORE)
        return p;
    if (off % PAGE_BYTES || len % PAGE_BYTES || off >= f->inode->size_bytes)
        return sim_fail(at, EINVAL);
    if (len > SIM_MAX_FILE - f->inode->size_bytes)
        return sim_fail(at, EFBIG);
    simfs_insert(&at->sim->fs, f->inode, off, len);
    return SIM_DONE;
}

/* --- reflink, copy_range --- */

/* The source by its path, the target by its descriptor; SIM_MORE: go on. */
static enum sim_progress begin_copy(struct sim_at *at, struct simfs_inode **ret_from, struct simfs_inode **ret_to)
{
    const struct sim_file *f = sim_the_file(at);

    if (!f)
        return SIM_DONE;
    const int rc = simfs_lookup(&at->sim->fs, sim_path(at, 0), ret_from);

    *ret_to = f->inode;
    if (rc || !*ret_from)
        return sim_fail(at, rc ? -rc : ENOENT);
    if ((*ret_from)->kind == SIMFS_DIR || f->inode->kind == SIMFS_DIR)
        return sim_fail(at, EISDIR);
    if ((*ret_from)->kind != SIMFS_FILE || f->inode->kind != SIMFS_FILE)
        return sim_fail(at, EINVAL);
    if (!f->writable || f->append)
        return sim_fail(at, EBADF);
    return sim_locked(at, f->inode) || sim_locked(at, *ret_from) ? SIM_WAIT : SIM_MORE;
}

static bool overlap(const struct simfs_inode *a, uint64_t a_off, const struct simfs_inode *b, uint64_t b_off, uint64_t len)
{
    return a == b && a_off < b_off + len && b_off < a_off + len;
}

static void copy(struct sim_at *at, struct simfs_inode *from, uint64_t from_off, struct simfs_inode *to, uint64_t to_off,
                 uint64_t len)
{
    if (to_off + len > to->size_bytes)
        simfs_set_size(&at->sim->fs, to, to_off + len);
    simfs_copy(&at->sim->fs, from, from_off, to, to_off, len);
}

/* ioctl_ficlonerange(2); the checks are those of the kernel's generic_remap_file_range_prep. */
static enum sim_progress work_reflink(struct sim_at *at)
{
    struct simfs_inode *from, *to;
    const enum sim_progress p = begin_copy(at, &from, &to);
    const uint64_t from_off = at->step->arg[1].num, to_off = at->step->arg[2].num;
    uint64_t len = at->step->arg[3].num;

    if (p != SIM_MORE)
        return p;
    if (from_off > from->size_bytes || from_off % PAGE_BYTES || to_off % PAGE_BYTES)
        return sim_fail(at, EINVAL);
    if (len == 0)
        len = from->size_bytes - from_off;
    if (len == 0)
        return SIM_DONE;
    if (len > from->size_bytes - from_off || to_off > SIM_MAX_FILE || len > SIM_MAX_FILE - to_off)
        return sim_fail(at, EINVAL);
    /* Part of a block can be shared only when it ends both files. */
    if (len % PAGE_BYTES && (from_off + len != from->size_bytes || to_off + len < to->size_bytes))
        return sim_fail(at, EINVAL);
    if (overlap(from, from_off, to, to_off, len))
        return sim_fail(at, EINVAL);
    copy(at, from, from_off, to, to_off, len);
    return SIM_DONE;
}

static enum sim_progress work_copy_range(struct sim_at *at)
{
    struct simfs_inode *from = NULL, *to = NULL;
    const uint64_t from_off = sim_flag_value(at, 's', 0), to_off = sim_flag_value(at, 'd', 0);
    uint64_t len = sim_flag_value(at, 'l', UINT64_MAX);

    const enum sim_progress p = begin_copy(at, &from, &to);

    if (p != SIM_MORE)
        return p;
    if (from_off > INT64_MAX || to_off > INT64_MAX)
        return sim_fail(at, EINVAL);
    const uint64_t there = from_off < from->size_bytes ? from->size_bytes - from_off : 0;

    len = len < there ? len : there;
    if (len == 0)
        return sim_ok(at, 0);
    if (to_off >= SIM_MAX_FILE)
        return sim_fail(at, EFBIG);
    len = len < SIM_MAX_FILE - to_off ? len : SIM_MAX_FILE - to_off;
    if (overlap(from, from_off, to, to_off, len))
        return sim_fail(at, EINVAL);
    copy(at, from, from_off, to, to_off, len);
    at->event->done_bytes = len;
    return sim_ok(at, 0);
}

const struct sim_verb sim_space_verbs[] = {
    {"falloc", "k", work_falloc},
    {"fpunch", "", work_fpunch},
    {"fzero", "k", work_fzero},
    {"fcollapse", "", work_fcollapse},
    {"finsert", "", work_finsert},
    {"reflink", "", work_reflink},
    {"copy_range", "sdl", work_copy_range},
    {0},
};
