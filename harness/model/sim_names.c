/* The `sim` backend: verbs on names, locks, and the end of an actor. See sim.h. */
#include <errno.h>

#include "model/machine.h"

static enum sim_progress work_rename(struct sim_at *at)
{
    return sim_result(at, simfs_rename(&at->sim->fs, sim_path(at, 0), sim_path(at, 1)));
}

static enum sim_progress work_link(struct sim_at *at)
{
    return sim_result(at, simfs_link(&at->sim->fs, sim_path(at, 0), sim_path(at, 1)));
}

static enum sim_progress work_unlink(struct sim_at *at)
{
    return sim_result(at, simfs_unlink(&at->sim->fs, sim_path(at, 0)));
}

static enum sim_progress work_mkdir(struct sim_at *at)
{
    struct simfs_inode *i;
    const int rc = simfs_create(&at->sim->fs, sim_path(at, 0), SIMFS_DIR, &i);

    if (i)
        at->event->ino = i->number;
    return sim_result(at, rc);
}

static enum sim_progress work_mkfifo(struct sim_at *at)
{
    struct simfs_inode *i;

    return sim_result(at, simfs_create(&at->sim->fs, sim_path(at, 0), SIMFS_FIFO, &i));
}

static enum sim_progress work_rmdir(struct sim_at *at)
{
    return sim_result(at, simfs_rmdir(&at->sim->fs, sim_path(at, 0)));
}

/* Root opens what it likes, so the bits are kept and stop nothing. */
static enum sim_progress work_chmod(struct sim_at *at)
{
    struct simfs_inode *i;
    const int rc = simfs_lookup(&at->sim->fs, sim_path(at, 1), &i);

    if (rc || !i)
        return sim_fail(at, rc ? -rc : ENOENT);
    i->mode = (uint32_t)at->step->arg[0].num;
    return SIM_DONE;
}

static enum sim_progress work_exit(struct sim_at *at)
{
    at->actor->exiting = true;
    return SIM_DONE;
}

/* --- record locks, fcntl(2) --- */

void sim_unlock(struct sim *m, uint8_t actor, const struct simfs_inode *i)
{
    size_t kept = 0;

    for (size_t k = 0; k < m->n_locks; k++)
        if (m->locks[k].actor != actor || (i && m->locks[k].inode != i))
            m->locks[kept++] = m->locks[k];
    m->n_locks = kept;
}

/* Takes [off, end) out of the actor's locks on the inode; false when a lock that falls in two finds no room. */
static bool cut_out(struct sim *m, const struct sim_lock *cut)
{
    for (size_t k = 0; k < m->n_locks;) {
        struct sim_lock *l = &m->locks[k];

        if (l->actor != cut->actor || l->inode != cut->inode || l->off >= cut->end || cut->off >= l->end) {
            k++;
            continue;
        }
        const struct sim_lock old = *l;

        if (old.off < cut->off && cut->end < old.end && m->n_locks == SIM_MAX_LOCKS)
            return false;
        *l = m->locks[--m->n_locks];
        if (old.off < cut->off) {
            m->locks[m->n_locks] = old;
            m->locks[m->n_locks++].end = cut->off;
        }
        if (cut->end < old.end) {
            m->locks[m->n_locks] = old;
            m->locks[m->n_locks++].off = cut->end;
        }
    }
    return true;
}

static bool conflicts(const struct sim *m, const struct sim_lock *want)
{
    for (size_t k = 0; k < m->n_locks; k++) {
        const struct sim_lock *l = &m->locks[k];
        if (l->actor != want->actor && l->inode == want->inode && l->off < want->end && want->off < l->end &&
            !(l->shared && want->shared))
            return true;
    }
    return false;
}

static enum sim_progress work_lockf(struct sim_at *at)
{
    struct sim *m = at->sim;
    const struct sim_file *f = sim_the_file(at);
    const uint64_t off = at->step->arg[0].num, len = at->step->arg[1].num;
    const bool unlock = sim_flag(at, 'u'), shared = sim_flag(at, 's');

    if (!f)
        return SIM_DONE;
    if (off > INT64_MAX || len > INT64_MAX)
        return sim_fail(at, EINVAL);
    if (len && off + len - 1 > INT64_MAX)
        return sim_fail(at, EOVERFLOW);
    if (!unlock && !(shared ? f->readable : f->writable))
        return sim_fail(at, EBADF);
    const struct sim_lock want = {.actor = (uint8_t)(at->actor - m->actors),
                                  .inode = f->inode,
                                  .off = off,
                                  .end = len ? off + len : UINT64_MAX,
                                  .shared = shared};

    if (!unlock && conflicts(m, &want)) {
        if (sim_flag(at, 'w'))
            return SIM_WAIT;
        return sim_fail(at, EAGAIN);
    }
    if (m->n_locks == SIM_MAX_LOCKS || !cut_out(m, &want))
        return sim_fail(at, ENOLCK);
    if (!unlock)
        m->locks[m->n_locks++] = want;
    return SIM_DONE;
}

const struct sim_verb sim_name_verbs[] = {
    {"rename", "", work_rename},  {"link", "", work_link},
    {"unlink", "", work_unlink},  {"mkdir", "", work_mkdir},
    {"rmdir", "", work_rmdir},    {"mkfifo", "", work_mkfifo},
    {"chmod", "", work_chmod},    {"exit", "", work_exit},
    {"lockf", "suw", work_lockf}, {0},
};
