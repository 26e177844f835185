/* An actor's tables of descriptors and mappings: see actor.h. Its loads and stores are in access.c. */
#include "actor/actor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "actor/access.h"

void actor_init(struct actor *a)
{
    assert(a->plan && a->history && a->strike && a->broken);
    a->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    for (size_t i = 0; i < a->plan->n_handles; i++) {
        a->files[i].open = false;
        a->maps[i].mapped = false;
    }
    for (int i = 0; i < PLAN_MAX_LANES; i++)
        a->current_file[i] = a->current_map[i] = ACTOR_NO_SLOT;
    access_catch_signals();
}

static bool copy_file(struct actor *a, int slot, struct event *e, struct actor_file *ret)
{
    pthread_mutex_lock(&a->lock);
    if (slot != ACTOR_NO_SLOT && a->files[slot].open)
        *ret = a->files[slot];
    else
        e->err = EBADF;
    pthread_mutex_unlock(&a->lock);
    return e->err == 0;
}

static bool copy_map(struct actor *a, int slot, struct event *e, struct actor_map *ret)
{
    pthread_mutex_lock(&a->lock);
    if (slot != ACTOR_NO_SLOT && a->maps[slot].mapped)
        *ret = a->maps[slot];
    else
        e->err = EINVAL;
    pthread_mutex_unlock(&a->lock);
    return e->err == 0;
}

/* The lane's current entry; other lanes' steps may empty it at the same time, hence the lock. */
static int current(struct actor *a, const struct step *s, const int16_t *by_lane)
{
    if (s->handle >= 0)
        return s->handle;
    pthread_mutex_lock(&a->lock);
    int slot = by_lane[s->lane];

    pthread_mutex_unlock(&a->lock);
    return slot;
}

bool actor_file(struct actor *a, const struct step *s, struct event *e, struct actor_file *ret, int *ret_slot)
{
    int slot = current(a, s, a->current_file);

    if (ret_slot)
        *ret_slot = slot;
    return copy_file(a, slot, e, ret);
}

bool actor_map(struct actor *a, const struct step *s, struct event *e, struct actor_map *ret, int *ret_slot)
{
    int slot = current(a, s, a->current_map);

    if (ret_slot)
        *ret_slot = slot;
    return copy_map(a, slot, e, ret);
}

bool actor_file_named(struct actor *a, uint64_t handle, struct event *e, struct actor_file *ret)
{
    assert(handle < PLAN_MAX_HANDLES);
    return copy_file(a, (int)handle, e, ret);
}

bool actor_map_named(struct actor *a, uint64_t handle, struct event *e, struct actor_map *ret)
{
    assert(handle < PLAN_MAX_HANDLES);
    return copy_map(a, (int)handle, e, ret);
}

void actor_new_file(struct actor *a, const struct step *s, const struct actor_file *f)
{
    assert(s->handle >= 0 && s->handle < PLAN_MAX_HANDLES && f->open);
    pthread_mutex_lock(&a->lock);
    a->files[s->handle] = *f;
    a->current_file[s->lane] = s->handle;
    pthread_mutex_unlock(&a->lock);
}

void actor_new_map(struct actor *a, const struct step *s, const struct actor_map *m)
{
    assert(s->handle >= 0 && s->handle < PLAN_MAX_HANDLES && m->mapped);
    pthread_mutex_lock(&a->lock);
    a->maps[s->handle] = *m;
    a->current_map[s->lane] = s->handle;
    pthread_mutex_unlock(&a->lock);
}

static void no_longer_current(int16_t *by_lane, int slot)
{
    for (int i = 0; i < PLAN_MAX_LANES; i++)
        if (by_lane[i] == slot)
            by_lane[i] = ACTOR_NO_SLOT;
}

void actor_set_file(struct actor *a, int slot, const struct actor_file *f)
{
    pthread_mutex_lock(&a->lock);
    a->files[slot] = *f;
    if (!f->open)
        no_longer_current(a->current_file, slot);
    pthread_mutex_unlock(&a->lock);
}

void actor_set_map(struct actor *a, int slot, const struct actor_map *m)
{
    pthread_mutex_lock(&a->lock);
    a->maps[slot] = *m;
    if (!m->mapped)
        no_longer_current(a->current_map, slot);
    pthread_mutex_unlock(&a->lock);
}

const char *actor_path(const struct actor *a, uint64_t path, int *ret_dirfd)
{
    assert(path < a->plan->n_paths);
    const char *name = a->plan->paths[path];

    /* The parser accepts no absolute paths but those of known devices, for which the kernel ignores the directory. */
    *ret_dirfd = name[0] == '/' ? AT_FDCWD : a->root_fd;
    return name;
}

void actor_result(struct event *e, int64_t rc)
{
    if (rc < 0)
        e->err = errno;
    else
        e->ret = rc;
}

bool actor_map_range(const struct step *s, unsigned first, const struct actor_map *m, struct event *e, uint64_t *ret_off,
                     uint64_t *ret_len)
{
    assert(first + 1 < STEP_MAX_ARGS);
    uint64_t off = m->off, len = m->len_bytes;

    if (s->arg[first].given) {
        off = s->arg[first].num;
        len = s->arg[first + 1].num;
    }
    if (off < m->off || off - m->off > m->page_span || len > m->page_span - (off - m->off)) {
        e->err = EFAULT;
        return false;
    }
    *ret_off = off;
    *ret_len = len;
    return true;
}
