/* The `sim` backend: verbs on descriptors that move bytes or make them durable. See sim.h. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/size.h"
#include "evidence/stamp.h"
#include "model/machine.h"

/* --- open, close, stat, truncate --- */

static int open_inode(struct sim_at *at, bool write, struct simfs_inode **ret)
{
    struct simfs *fs = &at->sim->fs;
    const char *path = sim_path(at, 0);
    const bool create = sim_flag(at, 'f');

    if (path[0] == '/') {
        *ret = simfs_new_inode(fs, SIMFS_DEVICE);
        return sim_flag(at, 'd') ? -EINVAL : create && sim_flag(at, 'x') ? -EEXIST : 0;
    }
    const int rc = simfs_lookup(fs, path, ret);

    if (rc)
        return rc;
    if (!*ret)
        return create ? simfs_create(fs, path, SIMFS_FILE, ret) : -ENOENT;
    if (create && sim_flag(at, 'x'))
        return -EEXIST;
    return (*ret)->kind == SIMFS_DIR && (write || create || sim_flag(at, 't')) ? -EISDIR : 0;
}

static enum sim_progress work_open(struct sim_at *at)
{
    const bool read_only = sim_flag(at, 'r'), write_only = !read_only && sim_flag(at, 'w');
    struct simfs_inode *i;
    const int rc = open_inode(at, !read_only, &i);

    if (rc)
        return sim_result(at, rc);
    if (i->kind == SIMFS_FIFO && (read_only || write_only)) /* nobody ever opens the other end */
        return SIM_WAIT;
    if (sim_flag(at, 't') && i->kind == SIMFS_FILE) {
        if (sim_locked(at, i))
            return SIM_WAIT;
        sim_resize(at->sim, i, 0);
    }
    const int slot = at->step->handle >= 0 ? at->step->handle : sim_path_slot(at->sim, at->step->arg[0].num);

    at->actor->files[slot] = (struct sim_file){.open = true,
                                               .inode = i,
                                               .path = (uint32_t)at->step->arg[0].num,
                                               .readable = !write_only,
                                               .writable = !read_only,
                                               .append = sim_flag(at, 'a'),
                                               .direct = sim_flag(at, 'd'),
                                               .dsync = sim_flag(at, 's') || sim_flag(at, 'D')};
    at->lane->file = (int16_t)slot;
    at->event->ino = i->number;
    at->event->size_bytes = i->size_bytes;
    return SIM_DONE;
}

static enum sim_progress work_pipe(struct sim_at *at)
{
    const int slot = at->step->handle;

    assert(slot >= 0);
    at->actor->files[slot] =
        (struct sim_file){.open = true, .inode = simfs_new_inode(&at->sim->fs, SIMFS_FIFO), .readable = true};
    at->lane->file = (int16_t)slot;
    return SIM_DONE;
}

static enum sim_progress work_close(struct sim_at *at)
{
    const int slot = sim_file_slot(at);
    struct sim_file *f = sim_the_file(at);

    if (!f)
        return SIM_DONE;
    f->open = false;
    for (size_t l = 0; l < at->sim->plan->n_lanes; l++)
        if (at->sim->plan->lanes[l].actor == at->actor - at->sim->actors && at->sim->lanes[l].file == slot)
            at->sim->lanes[l].file = SIM_NO_SLOT;
    /* fcntl(2): closing any descriptor of a file gives back all locks the process has on it. */
    sim_unlock(at->sim, (uint8_t)(at->actor - at->sim->actors), f->inode);
    return SIM_DONE;
}

static enum sim_progress work_stat(struct sim_at *at)
{
    const struct sim_file *f = sim_the_file(at);

    if (!f)
        return SIM_DONE;
    at->event->ino = f->inode->number;
    return sim_ok(at, (int64_t)f->inode->size_bytes);
}

static enum sim_progress work_truncate(struct sim_at *at)
{
    const struct sim_file *f = sim_the_file(at);
    const uint64_t size = at->step->arg[0].num;

    if (!f)
        return SIM_DONE;
    if (size > INT64_MAX || !f->writable || f->inode->kind != SIMFS_FILE)
        return sim_fail(at, EINVAL);
    if (size > SIM_MAX_FILE)
        return sim_fail(at, EFBIG);
    if (sim_locked(at, f->inode))
        return SIM_WAIT;
    sim_resize(at->sim, f->inode, size);
    return SIM_DONE;
}

/* --- pread, pwrite --- */

static bool misaligned(const struct sim_file *f, uint64_t off, uint64_t len)
{
    return f->direct && (off % SECTOR_BYTES || len % SECTOR_BYTES);
}

static enum sim_progress work_pread(struct sim_at *at)
{
    const struct sim_file *f = sim_the_file(at);
    const uint64_t off = at->step->arg[0].num;
    uint64_t len = at->step->arg[1].num;

    if (!f)
        return SIM_DONE;
    if (off > INT64_MAX)
        return sim_fail(at, EINVAL);
    if (!f->readable)
        return sim_fail(at, EBADF);
    if (f->inode->kind == SIMFS_DIR)
        return sim_fail(at, EISDIR);
    if (f->inode->kind == SIMFS_FIFO)
        return sim_fail(at, ESPIPE);
    if (misaligned(f, off, len))
        return sim_fail(at, EINVAL);
    const uint64_t size = f->inode->size_bytes, there = off < size ? size - off : 0;

    len = len < there ? len : there;
    uint8_t *dst = sim_read_room(at, len);
    if (dst)
        simfs_read(&at->sim->fs, f->inode, off, dst, len);
    return sim_ok(at, (int64_t)len);
}

static void sync_written(struct sim_at *at, struct simfs_inode *i, uint64_t off, uint64_t end)
{
    simfs_sync(&at->sim->fs, (struct simfs_sync){.kind = SIMFS_SYNC_WRITE,
                                                 .inode = i,
                                                 .first_page = off / PAGE_BYTES,
                                                 .end_page = (end + PAGE_BYTES - 1) / PAGE_BYTES,
                                                 .end_bytes = end,
                                                 .size = SIMFS_SIZE_IF_NEEDED});
}

/* Checks a write before its first tick and takes the inode; SIM_MORE: go on. */
static enum sim_progress begin_write(struct sim_at *at, const struct sim_file *f)
{
    const uint64_t len = at->step->arg[1].num;
    uint64_t off = at->step->arg[0].num;

    if (sim_locked(at, f->inode))
        return SIM_WAIT;
    if (f->append)
        off = f->inode->size_bytes;
    at->event->place = off;
    if (off > INT64_MAX)
        return sim_fail(at, EINVAL);
    if (f->inode->kind == SIMFS_FIFO)
        return sim_fail(at, ESPIPE);
    if (!f->writable)
        return sim_fail(at, EBADF);
    if (f->inode->kind == SIMFS_DEVICE)
        return strcmp(at->sim->plan->paths[f->path], "/dev/full") == 0 ? sim_fail(at, ENOSPC) : sim_ok(at, (int64_t)len);
    if (misaligned(f, off, len))
        return sim_fail(at, EINVAL);
    if (off >= SIM_MAX_FILE && len)
        return sim_fail(at, EFBIG);
    at->lane->off = off;
    at->lane->len = len < SIM_MAX_FILE - off ? len : SIM_MAX_FILE - off;
    at->lane->writing = f->inode;
    return SIM_MORE;
}

/* As the kernel does: page by page, the size following; other lanes and writeback may come in between pages. */
static enum sim_progress work_pwrite(struct sim_at *at)
{
    struct sim_lane *l = at->lane;
    const struct sim_file *f = sim_the_file(at);

    if (!l->writing) {
        const enum sim_progress p = f ? begin_write(at, f) : SIM_DONE;
        if (p != SIM_MORE)
            return p;
    } else if (!f) {
        /* Closed by another thread: the system call keeps its file, here it ends early as a short write. */
        at->event->err = 0;
        l->writing = NULL;
        return sim_ok(at, (int64_t)l->done);
    }
    struct simfs_inode *i = l->writing;

    assert(i);
    while (l->done < l->len) {
        const uint64_t off = l->off + l->done, room = PAGE_BYTES - off % PAGE_BYTES;
        const uint64_t n = l->len - l->done < room ? l->len - l->done : room;

        sim_fill(at, f->path, off, at->sim->bounce, n);
        if (off + n > i->size_bytes)
            simfs_set_size(&at->sim->fs, i, off + n);
        simfs_store(&at->sim->fs, i, off, at->sim->bounce, n);
        l->done += n;
        if (l->done < l->len && rng_one_in(&at->sim->rng, 4))
            return SIM_MORE;
    }
    l->writing = NULL;
    if (l->len && (f->dsync || sim_flag(at, 'D') || sim_flag(at, 's')))
        sync_written(at, i, l->off, l->off + l->len);
    return sim_ok(at, (int64_t)l->len);
}

/* --- syncs --- */

static void sync_inode(struct sim_at *at, struct simfs_inode *i, enum simfs_sync_kind kind)
{
    simfs_sync(&at->sim->fs, (struct simfs_sync){.kind = kind,
                                                 .inode = i,
                                                 .end_page = UINT64_MAX,
                                                 .end_bytes = UINT64_MAX,
                                                 .size = SIMFS_SIZE_ALWAYS,
                                                 .names = kind != SIMFS_FDATASYNC});
}

static enum sim_progress sync_file(struct sim_at *at, enum simfs_sync_kind kind)
{
    const struct sim_file *f = sim_the_file(at);

    if (!f)
        return SIM_DONE;
    if (f->inode->kind == SIMFS_DEVICE || f->inode->kind == SIMFS_FIFO)
        return sim_fail(at, EINVAL);
    sync_inode(at, f->inode, kind == SIMFS_FSYNC && f->inode->kind == SIMFS_DIR ? SIMFS_FSYNC_DIR : kind);
    return SIM_DONE;
}

static enum sim_progress work_fsync(struct sim_at *at)
{
    return sync_file(at, SIMFS_FSYNC);
}

static enum sim_progress work_fdatasync(struct sim_at *at)
{
    return sync_file(at, SIMFS_FDATASYNC);
}

static enum sim_progress work_sync(struct sim_at *at)
{
    simfs_sync_all(&at->sim->fs);
    return SIM_DONE;
}

static enum sim_progress work_fsyncdir(struct sim_at *at)
{
    struct simfs_inode *i;
    const int rc = simfs_lookup(&at->sim->fs, sim_path(at, 0), &i);

    if (rc || !i)
        return sim_fail(at, rc ? -rc : ENOENT);
    if (i->kind != SIMFS_DIR)
        return sim_fail(at, ENOTDIR);
    sync_inode(at, i, SIMFS_FSYNC_DIR);
    return SIM_DONE;
}

/* sync_range and writeback: they start writing and promise nothing. */
static enum sim_progress work_writeback(struct sim_at *at)
{
    const struct sim_file *f = sim_the_file(at);
    const uint64_t off = at->step->arg[0].given ? at->step->arg[0].num : 0;
    const uint64_t len = at->step->arg[0].given ? at->step->arg[1].num : 0;

    if (!f)
        return SIM_DONE;
    if (off > INT64_MAX || len > INT64_MAX - off)
        return sim_fail(at, EINVAL);
    if (f->inode->kind == SIMFS_DEVICE || f->inode->kind == SIMFS_FIFO)
        return sim_fail(at, ESPIPE);
    simfs_start_writeback(&at->sim->fs, f->inode, off / PAGE_BYTES, len ? (off + len + PAGE_BYTES - 1) / PAGE_BYTES : UINT64_MAX);
    return SIM_DONE;
}

/* What is clean in the model's cache is what is on its disk, so evicting it shows nothing but a planted bug. */
static enum sim_progress work_drop_caches(struct sim_at *at)
{
    struct simfs *fs = &at->sim->fs;

    for (size_t i = 0; fs->hooks->evicted && i < fs->n_pages; i++)
        if (!fs->pages[i]->dirty)
            fs->hooks->evicted(fs, fs->pages[i]);
    return SIM_DONE;
}

const struct sim_verb sim_file_verbs[] = {
    {"open", "frwtadsDx", work_open},
    {"pipe", "", work_pipe},
    {"close", "", work_close},
    {"stat", "", work_stat},
    {"truncate", "", work_truncate},
    {"pread", "", work_pread},
    {"pwrite", "DsS", work_pwrite},
    {"fsync", "", work_fsync},
    {"fdatasync", "", work_fdatasync},
    {"sync", "", work_sync},
    {"syncfs", "", work_sync},
    {"fsyncdir", "", work_fsyncdir},
    {"sync_range", "abw", work_writeback},
    {"drop_caches", "", work_drop_caches},
    {"writeback", "", work_writeback},
    {0},
};
