/* Lanes of a scenario by their names, "A" and "B.1". */
#include <errno.h>
#include <string.h>

#include "parser/parse.h"

enum { MAX_THREADS = 16 };

/* Splits "A.1" into actor and thread; false when it is no lane name. */
static bool lane_split(const char *name, size_t len_bytes, size_t *ret_actor_len, uint8_t *ret_thread)
{
    size_t i = 0;
    unsigned thread = 0;

    if (!len_bytes || name[0] < 'A' || name[0] > 'Z')
        return false;
    while (i < len_bytes && ((name[i] >= 'A' && name[i] <= 'Z') || (name[i] >= '0' && name[i] <= '9')))
        i++;
    *ret_actor_len = i;
    if (i >= sizeof((struct plan *)NULL)->actors[0])
        return false;
    if (i < len_bytes) {
        const size_t first = ++i;

        if (name[first - 1] != '.' || first == len_bytes || (name[first] == '0' && len_bytes > first + 1))
            return false;
        for (; i < len_bytes; i++) {
            if (name[i] < '0' || name[i] > '9')
                return false;
            thread = thread * 10 + (unsigned)(name[i] - '0');
            if (thread >= MAX_THREADS)
                return false;
        }
    }
    *ret_thread = (uint8_t)thread;
    return !header_known(name, *ret_actor_len); /* "TEST:" is a slip, not an actor */
}

static int actor_find(const struct plan *p, const char *name, size_t len_bytes)
{
    for (size_t i = 0; i < p->n_actors; i++) {
        if (!strncmp(p->actors[i], name, len_bytes) && !p->actors[i][len_bytes])
            return (int)i;
    }
    return -ENOENT;
}

int lane_find(const struct plan *p, const char *name, size_t len_bytes)
{
    size_t actor_len;
    uint8_t thread;

    if (!lane_split(name, len_bytes, &actor_len, &thread))
        return -EINVAL;
    const int actor = actor_find(p, name, actor_len);
    for (size_t i = 0; actor >= 0 && i < p->n_lanes; i++) {
        if (p->lanes[i].actor == actor && p->lanes[i].thread == thread)
            return (int)i;
    }
    return -ENOENT;
}

void lane_add(struct plan *p, const char *name, size_t len_bytes)
{
    size_t actor_len;
    uint8_t thread;

    if (lane_find(p, name, len_bytes) != -ENOENT || p->n_lanes == PLAN_MAX_LANES)
        return;
    lane_split(name, len_bytes, &actor_len, &thread);
    int actor = actor_find(p, name, actor_len);
    if (actor < 0) {
        if (p->n_actors == PLAN_MAX_ACTORS)
            return;
        actor = (int)p->n_actors++;
        memcpy(p->actors[actor], name, actor_len);
    }
    p->lanes[p->n_lanes++] = (struct lane){.actor = (uint8_t)actor, .thread = thread};
}
