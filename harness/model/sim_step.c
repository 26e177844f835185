/* The `sim` backend: what a step works on, for the models of all verbs. See machine.h. */
#include <errno.h>
#include <string.h>

#include "evidence/stamp.h"
#include "model/machine.h"

const char *sim_path(const struct sim_at *at, unsigned arg)
{
    return at->sim->plan->paths[at->step->arg[arg].num];
}

int sim_path_slot(const struct sim *m, uint64_t path)
{
    for (size_t i = 0; i < m->plan->n_handles; i++)
        if (strcmp(m->plan->handles[i], m->plan->paths[path]) == 0)
            return (int)i;
    return PLAN_MAX_HANDLES + (int)path;
}

int sim_file_slot(const struct sim_at *at)
{
    return at->step->handle >= 0 ? at->step->handle : at->lane->file;
}

struct sim_file *sim_the_file(struct sim_at *at)
{
    const int slot = sim_file_slot(at);

    if (slot != SIM_NO_SLOT && at->actor->files[slot].open)
        return &at->actor->files[slot];
    at->event->err = EBADF;
    return NULL;
}

bool sim_locked(const struct sim_at *at, const struct simfs_inode *i)
{
    for (size_t l = 0; l < at->sim->plan->n_lanes; l++)
        if (at->sim->lanes[l].writing == i && &at->sim->lanes[l] != at->lane)
            return true;
    return false;
}

void sim_fill(const struct sim_at *at, uint32_t path, uint64_t off, uint8_t *dst, uint64_t len_bytes)
{
    if (sim_flag(at, 'S'))
        memset(dst, (int)sim_flag_value(at, 'S', 0), len_bytes);
    else
        stamp_fill(at->sim->history->key, path, (uint32_t)(at->step - at->sim->plan->steps) + 1, off, dst, len_bytes);
}

void *sim_read_room(struct sim_at *at, uint64_t len_bytes)
{
    void *room = history_data_new(at->sim->history, at->event, len_bytes);

    if (!room)
        at->sim->failed = -ENOBUFS;
    return room;
}

void sim_resize(struct sim *m, struct simfs_inode *i, uint64_t size_bytes)
{
    if (size_bytes < i->size_bytes && !m->fs.hooks->keeps_private_pages)
        sim_drop_own_pages(m, i, (size_bytes + PAGE_BYTES - 1) / PAGE_BYTES);
    simfs_set_size(&m->fs, i, size_bytes);
}
