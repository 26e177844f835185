/* What speaks against accusing a file system: the harness or the disk below it failed. See trial.h. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "backend/volume.h"
#include "language/verb.h"
#include "trial/trial.h"
#include "truth/world_model.h"

/*
 * Did the disk below a directory of the machine fail in this run, as far as it shows? Nobody knows then whether the file system
 * is to blame. Fills *err if so.
 */
static bool target_failed(const struct trial *t, struct error *err)
{
    const struct plan *p = t->job->plan;
    const struct history *h = t->history;
    const uint32_t n = atomic_load(&h->n_events);

    if (volumes_are_own(t->job->config->backend))
        return false;
    for (uint32_t i = 0; i < n && i < h->cap_events; i++) {
        const struct event *e = &h->events[i];
        if (e->step >= p->n_steps || !e->begin_seq || event_running(e) || (e->err != EIO && e->err != EROFS) ||
            scenario_allows(&p->steps[e->step], e))
            continue;
        error_set(err, e->err, "target", NULL, "line %u: %s failed: %s", p->steps[e->step].line, p->steps[e->step].verb->name,
                  strerror(e->err));
        return true;
    }
    for (size_t i = 0; i < t->verdict.n_forms; i++)
        if (t->verdict.forms[i].kind == DEFECT_UNREADABLE) {
            error_set(err, EIO, "target", NULL, "a file of the run cannot be read");
            return true;
        }
    return false;
}

bool trial_machine_was_well(const struct trial *t, struct error *err)
{
    if (!t->volume)
        return true;
    return volume_check(t->volume, err) == 0 && !(t->verdict.n_violations && target_failed(t, err));
}
