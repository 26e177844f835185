/* Verbs that load, store and sync through a mapping: mread, mwrite, msync. */
#include <errno.h>
#include <sys/mman.h>

#include "engine/actor.h"
#include "verbs/verbs.h"

static void call_mread(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_map m;
    uint64_t off, len;

    if (!actor_map(a, s, e, &m, NULL) || !actor_map_range(s, 0, &m, e, &off, &len))
        return;
    uint8_t *dst = history_data_new(a->history, e, len);

    if (!dst)
        a->broken(a->run, ENOBUFS, "mread: the history has no room for what it reads");
    actor_load(e, &m, off, len, dst);
    e->data_len = (uint64_t)e->ret; /* a fault may have cut it short */
}

static void call_mwrite(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_map m;
    uint64_t off, len;

    if (!actor_map(a, s, e, &m, NULL) || !actor_map_range(s, 0, &m, e, &off, &len))
        return;
    struct actor_filling f = actor_filling_of(a, s, m.path);

    actor_store(a, s, e, &m, off, len, &f, has_flag(s, 'r'));
}

static void call_msync(struct actor *a, const struct step *s, struct event *e)
{
    struct actor_map m;
    uint64_t off, len;
    int flags = (has_flag(s, 's') ? MS_SYNC : has_flag(s, 'a') ? MS_ASYNC : 0) | (has_flag(s, 'i') ? MS_INVALIDATE : 0);

    if (actor_map(a, s, e, &m, NULL) && actor_map_range(s, 0, &m, e, &off, &len))
        actor_result(e, msync(m.addr + (off - m.off), len, flags));
}

const struct verb verbs_access[] = {
    {.name = "mread",
     .syntax = "[OFFSET LENGTH]",
     .target = TARGET_MAP,
     .help =
         "Loads the range of the file through the mapping (default: all of it), 64 bits at a time, and records the bytes, which "
         "are judged like a crash's survivors: a shared mapping shows the last completed write of each byte. Pages wholly beyond "
         "end of file raise SIGBUS, which ends the step, not the actor. As in xfs_io; mmap(2).",
     .call = call_mread},
    {.name = "mwrite",
     .syntax = "[-r] [-S BYTE] [OFFSET LENGTH]",
     .target = TARGET_MAP,
     .help =
         "Stores to the range of the file through the mapping (default: all of it): stamps, words that say which step wrote them "
         "where, or with -S that byte over and over; -r from the end backwards. Other processes and read see it at once, and it "
         "outlives the process, but it is durable only after msync -s, fsync, fdatasync, syncfs or sync (mmap(2), msync(2)); "
         "before that any part of it may reach the disk at any time. A store to a page wholly beyond end of file raises SIGBUS. "
         "As in xfs_io, whose default is the byte X.",
     .call = call_mwrite},
    {.name = "msync",
     .syntax = "[-i] [-a] [-s] [OFFSET LENGTH]",
     .target = TARGET_MAP,
     .help =
         "-s writes the range of the file (default: the whole mapping) to the disk and waits: when it returns 0 those bytes, and "
         "the size and block mapping needed to read them, are durable; bytes outside the range are not. -a makes nothing durable "
         "(a no-op since Linux 2.6.19), nor does -i alone, which asks other mappings of the file to be brought up to date "
         "(EBUSY on locked pages), nor no flag at all, which Linux treats as -a. On a private mapping it succeeds and does "
         "nothing; over a hole it syncs what is mapped and returns ENOMEM. As in xfs_io; msync(2), POSIX.",
     .call = call_msync},
    {0},
};
