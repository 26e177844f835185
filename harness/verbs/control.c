/* Verbs that steer the run or the volume: barrier, exit, shutdown. */
#include <errno.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "actor/actor.h"
#include "truth/world_model.h"
#include "verbs/verbs.h"

/* XFS's ioctl, which other file systems took over (FS_IOC_SHUTDOWN in newer linux/fs.h). */
#define IOC_SHUTDOWN _IOR('X', 125, uint32_t)
enum { SHUTDOWN_LOG_FLUSH = 1, SHUTDOWN_NO_LOG_FLUSH = 2 };

static void call_exit(struct actor *a, const struct step *s, struct event *e)
{
    (void)s;
    (void)e;
    a->exiting = true;
}

static void call_shutdown(struct actor *a, const struct step *s, struct event *e)
{
    uint32_t how = has_flag(s, 'f') ? SHUTDOWN_LOG_FLUSH : SHUTDOWN_NO_LOG_FLUSH;

    if (!a->may_shutdown) {
        e->err = EPERM;
        return;
    }
    actor_result(e, ioctl(a->root_fd, IOC_SHUTDOWN, &how));
}

static void effect_shutdown(struct world *w, const struct step *s, const struct event *e)
{
    (void)s;
    if (event_may_have_acted(e) && w->shutdown_seq == HISTORY_NEVER)
        w->shutdown_seq = e->begin_seq;
}

const struct verb verbs_control[] = {
    {.name = "barrier",
     .syntax = "",
     .target = TARGET_NONE,
     .properties = VERB_MEETS,
     .help =
         "Waits until all lanes that take part have come here: what stands above it has ended in each before what stands below "
         "begins in any. An actor that has exited is not waited for. It makes nothing durable.",
     .call = NULL},
    {.name = "exit",
     .syntax = "",
     .target = TARGET_NONE,
     .help =
         "Ends the actor and all its lanes at once, with _exit(2): nothing is unmapped, closed or finalized by the program. Like "
         "any end of a process it makes nothing durable and loses nothing (mmap(2)).",
     .call = call_exit},
    {.name = "shutdown",
     .syntax = "[-f]",
     .target = TARGET_NONE,
     .properties = VERB_SHUTS_DOWN,
     .help =
         "Shuts the volume under test down as after a fatal error, without a power cut: nothing reaches the disk any more, and "
         "later writes and syncs must fail (EIO). -f writes completed transactions of the journal first. Only on a volume of "
         "the run's own (EPERM elsewhere); ENOTTY where the file system cannot. As in xfs_io.",
     .effect = effect_shutdown,
     .call = call_shutdown},
    {0},
};
