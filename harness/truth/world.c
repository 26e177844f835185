/*
 * Building the world: events in the order they began, each applied by its verb's effect. This file holds actors, descriptors,
 * mappings, the name space and expectations; what happens to an inode's bytes and size is in contents.c.
 */
#include "truth/world.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "host/nofork_pages.h"
#include "language/verb.h"
#include "truth/world_model.h"

/* Each run of a plan forks its actors; a world is built anew for each run and no actor uses it. */
enum { WORLD_BYTES = (sizeof(struct world) / NOFORK_UNIT_BYTES + 1) * NOFORK_UNIT_BYTES };

struct world *world_new(void)
{
    return nofork_grow(NULL, 0, WORLD_BYTES);
}

void world_free(struct world *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->cap_inodes; i++) {
        free(w->inodes[i].versions);
        free(w->inodes[i].sizes);
        free(w->inodes[i].syncs);
    }
    for (size_t a = 0; a < PLAN_MAX_ACTORS; a++)
        for (size_t h = 0; h < PLAN_MAX_HANDLES; h++)
            free(w->maps[a][h].own);
    free(w->inodes);
    free(w->names);
    free(w->ops);
    free(w->uses);
    free(w->name_syncs);
    free(w->accesses);
    free(w->own_pool);
    free(w->expected);
    nofork_free(w, WORLD_BYTES);
}

/* ---- events ---- */

bool event_running(const struct event *e)
{
    return e->end_seq == HISTORY_NEVER;
}

bool event_ended(const struct event *e)
{
    return e->end_seq != HISTORY_NEVER;
}

bool event_may_have_acted(const struct event *e)
{
    return event_running(e) || e->err == 0 || e->err == EIO;
}

bool event_may_have_part(const struct event *e)
{
    return event_may_have_acted(e) || e->err == ENOSPC || e->err == EDQUOT;
}

bool event_ok(const struct event *e)
{
    return event_ended(e) && e->err == 0 && e->signo == 0;
}

struct span span_of(const struct world *w, const struct event *e, bool certain)
{
    return (struct span){.event = (int32_t)(e - w->history->events),
                         .certain = certain && event_ended(e),
                         .begin_seq = e->begin_seq,
                         .end_seq = e->end_seq,
                         .begin_pos = e->begin_pos,
                         .end_pos = e->end_pos};
}

int world_actor(const struct world *w, const struct step *s)
{
    return w->plan->lanes[s->lane].actor;
}

/* ---- descriptors and mappings ---- */

struct open_file *world_file(struct world *w, const struct step *s)
{
    int h = s->handle >= 0 ? s->handle : w->current_file[s->lane];

    if (h < 0)
        return NULL;
    struct open_file *f = &w->files[world_actor(w, s)][h];

    return f->valid ? f : NULL;
}

struct mapping *world_map(struct world *w, const struct step *s)
{
    int h = s->handle >= 0 ? s->handle : w->current_map[s->lane];

    if (h < 0)
        return NULL;
    struct mapping *m = &w->maps[world_actor(w, s)][h];

    return m->valid ? m : NULL;
}

struct open_file *world_new_file(struct world *w, const struct step *s)
{
    assert(s->handle >= 0);
    w->current_file[s->lane] = s->handle;
    return &w->files[world_actor(w, s)][s->handle];
}

struct mapping *world_new_map(struct world *w, const struct step *s)
{
    assert(s->handle >= 0);
    w->current_map[s->lane] = s->handle;
    return &w->maps[world_actor(w, s)][s->handle];
}

void world_drop_file(struct world *w, const struct step *s, struct open_file *f)
{
    int actor = world_actor(w, s);

    f->valid = false;
    for (size_t l = 0; l < w->plan->n_lanes; l++)
        if (w->plan->lanes[l].actor == actor && w->current_file[l] == f - w->files[actor])
            w->current_file[l] = -1;
}

void world_drop_map(struct world *w, const struct step *s, struct mapping *m)
{
    int actor = world_actor(w, s);

    m->valid = false;
    m->n_own = 0;
    for (size_t l = 0; l < w->plan->n_lanes; l++)
        if (w->plan->lanes[l].actor == actor && w->current_map[l] == m - w->maps[actor])
            w->current_map[l] = -1;
}

/* ---- names ---- */

int world_new_inode(struct world *w, enum inode_kind kind, struct span born)
{
    size_t old_cap = w->cap_inodes;

    w->inodes = grow(w->inodes, &w->cap_inodes, w->n_inodes, sizeof *w->inodes);
    if (w->cap_inodes > old_cap)
        memset(w->inodes + old_cap, 0, (w->cap_inodes - old_cap) * sizeof *w->inodes);
    struct inode *ino = &w->inodes[w->n_inodes];

    ino->kind = kind;
    ino->born = born;
    ino->n_versions = ino->n_sizes = ino->n_syncs = 0;
    return (int)w->n_inodes++;
}

static int name_at(struct world *w, int dir, const char *leaf, size_t len)
{
    for (size_t i = 0; i < w->n_names; i++) {
        const struct name *n = &w->names[i];

        if (n->dir == dir && n->len == len && memcmp(n->leaf, leaf, len) == 0)
            return (int)i;
    }
    w->names = grow(w->names, &w->cap_names, w->n_names, sizeof *w->names);
    w->names[w->n_names] = (struct name){.dir = dir, .leaf = leaf, .len = len, .now = NO_INODE};
    return (int)w->n_names++;
}

static int find_name(struct world *w, int dir, const char *leaf, size_t len)
{
    int name = name_at(w, dir, leaf, len);

    if (w->now && w->plan->n_lanes > 1) {
        w->uses = grow(w->uses, &w->cap_uses, w->n_uses, sizeof *w->uses);
        w->uses[w->n_uses++] = (struct name_use){.name = name, .event = (uint32_t)(w->now - w->history->events)};
    }
    return name;
}

/*
 * Walks all components but the last; *ret_leaf is the last one. Returns the directory's inode; NO_INODE when there is none, and
 * then *ret_err says why.
 */
static int walk(struct world *w, const char *path, const char **ret_leaf, size_t *ret_len, int *ret_err)
{
    int dir = ROOT_INODE;

    *ret_err = 0;

    for (;;) {
        while (*path == '/')
            path++;
        const char *slash = strchr(path, '/');
        size_t len = slash ? (size_t)(slash - path) : strlen(path);

        if (len == 1 && *path == '.') { /* "." and "./f" */
            path += 1;
            if (slash)
                continue;
            len = 0;
        }
        *ret_leaf = path;
        *ret_len = len;
        if (!slash || slash[1] == '\0')
            return dir;
        int name = find_name(w, dir, path, len); /* may move w->names */

        dir = w->names[name].now;
        if (dir == NO_INODE || w->inodes[dir].kind != INODE_DIR) {
            *ret_err = dir == NO_INODE ? ENOENT : ENOTDIR;
            return NO_INODE;
        }
        path = slash + 1;
    }
}

int world_name(struct world *w, uint32_t path)
{
    const char *text = w->plan->paths[path], *leaf;
    size_t len;

    if (text[0] == '/')
        return -1;
    int err, dir = walk(w, text, &leaf, &len, &err);

    return dir == NO_INODE || len == 0 ? -1 : find_name(w, dir, leaf, len);
}

int world_lookup(struct world *w, uint32_t path)
{
    const char *text = w->plan->paths[path], *leaf;
    size_t len;

    if (text[0] == '/')
        return NO_INODE;
    int err, dir = walk(w, text, &leaf, &len, &err);

    if (dir == NO_INODE || len == 0)
        return dir;
    int name = find_name(w, dir, leaf, len); /* may move w->names */

    return w->names[name].now;
}

int world_missing(struct world *w, uint32_t path)
{
    const char *leaf;
    size_t len;
    int err;

    walk(w, w->plan->paths[path], &leaf, &len, &err);
    return err ? err : ENOENT;
}

void world_set_names(struct world *w, struct span when, int name1, int inode1, int name2, int inode2)
{
    w->ops = grow(w->ops, &w->cap_ops, w->n_ops, sizeof *w->ops);
    struct name_op *op = &w->ops[w->n_ops++];

    *op = (struct name_op){.when = when, .n = name2 < 0 ? 1 : 2, .set = {{name1, inode1}, {name2, inode2}}};
    for (size_t i = 0; i < op->n; i++)
        w->names[op->set[i].name].now = op->set[i].inode;
}

void world_set_name(struct world *w, struct span when, int name, int inode)
{
    world_set_names(w, when, name, inode, -1, NO_INODE);
}

/* ---- expectations and accesses ---- */

struct expectation *world_expect(struct world *w, const struct event *e)
{
    return &w->expected[e - w->history->events];
}

void world_access(struct world *w, const struct event *e, int inode, uint64_t off, uint64_t len, bool store,
                  const struct mapping *through)
{
    w->accesses = grow(w->accesses, &w->cap_accesses, w->n_accesses, sizeof *w->accesses);
    struct access *a = &w->accesses[w->n_accesses++];

    *a = (struct access){.event = (int32_t)(e - w->history->events), .inode = inode, .off = off, .len = len, .store = store};
    a->through_map = through != NULL;
    if (!through || through->shared)
        return;
    a->is_private = true;
    a->made_seq = through->made_seq;
    a->own_first = w->n_own_pool;
    a->own_n = through->n_own;
    for (size_t i = 0; i < through->n_own; i++) {
        w->own_pool = grow(w->own_pool, &w->cap_own_pool, w->n_own_pool, sizeof *w->own_pool);
        w->own_pool[w->n_own_pool++] = through->own[i];
    }
}

struct moment world_moment(const struct world *w, enum loss loss, uint64_t pos)
{
    struct moment m = {.loss = loss, .pos = pos, .from = HISTORY_NEVER, .to = HISTORY_NEVER};

    if (w->shutdown_seq != HISTORY_NEVER && loss == LOSS_NOTHING) {
        m.loss = LOSS_UNSYNCED; /* a shutdown cuts the volume off: what is left is what a power cut at the end leaves */
        m.pos = HISTORY_NEVER - 1;
    }
    return m;
}
