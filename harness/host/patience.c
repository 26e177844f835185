/* Deadlines in the machine's own time: see patience.h. */
#include "host/patience.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const int64_t LATE_NS = 500000000; /* a longer gap between two looks is time in which nothing ran */
static const int64_t TICK_NS = PATIENCE_TICK_MS * INT64_C(1000000);

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* For how long some task of the machine has waited for one resource, since boot; -1: the kernel does not say. */
static int64_t stalled_ns(const char *resource)
{
    char path[64], text[256];

    snprintf(path, sizeof path, "/proc/pressure/%s", resource);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return -1;
    text[n] = '\0';
    const char *total = strstr(text, "total="); /* the first line is that of "some" */
    return total ? (int64_t)strtoull(total + strlen("total="), NULL, 10) * 1000 : -1;
}

/* The part of `passed_ns` that the load explains: so much of each task's time went to others. */
static int64_t stalled_by_load_ns(int64_t passed_ns)
{
    const double cpus = (double)sysconf(_SC_NPROCESSORS_ONLN);
    double load = 0;

    if (getloadavg(&load, 1) != 1 || load <= cpus)
        return 0;
    return (int64_t)((double)passed_ns * (1 - cpus / load));
}

/* Measures; returns for how long the machine was short of something since the last measurement. */
static int64_t measure(struct patience *p, int64_t now)
{
    static const char *const resources[PATIENCE_RESOURCES] = {"cpu", "io", "memory"};
    const int64_t passed_ns = now - p->measured_ns;
    int64_t most_ns = -1;

    for (size_t i = 0; i < PATIENCE_RESOURCES; i++) {
        const int64_t stalled = stalled_ns(resources[i]), more_ns = stalled - p->stalled_ns[i];

        p->stalled_ns[i] = stalled;
        if (stalled >= 0 && more_ns > most_ns)
            most_ns = more_ns;
    }
    p->measured_ns = now;
    if (most_ns < 0)
        most_ns = stalled_by_load_ns(passed_ns);
    return most_ns < passed_ns ? most_ns : passed_ns;
}

void patience_begin(struct patience *p, int64_t allowed_ms)
{
    const int64_t now = now_ns(), allowed_ns = allowed_ms * INT64_C(1000000);

    *p = (struct patience){
        .begun_ns = now, .end_ns = now + allowed_ns, .seen_ns = now, .room_ns = (PATIENCE_FACTOR - 1) * allowed_ns};
}

int64_t patience_left_ns(struct patience *p)
{
    const int64_t now = now_ns(), gap_ns = now - p->seen_ns;

    p->seen_ns = now;
    if (gap_ns > LATE_NS)
        p->end_ns += gap_ns;
    if (p->end_ns > now) {
        /* Not from the beginning: for what ends at once, as nearly all does, it would cost too much. */
        if (!p->measured_ns && now - p->begun_ns >= TICK_NS)
            measure(p, now);
        return p->end_ns - now;
    }
    if (!p->measured_ns)
        return p->end_ns - now;
    int64_t more_ns = measure(p, now);
    if (more_ns > p->room_ns)
        more_ns = p->room_ns;
    if (more_ns < TICK_NS / 2)
        return p->end_ns - now;
    p->room_ns -= more_ns;
    p->end_ns += more_ns;
    return p->end_ns - now;
}

void patience_leave_out(struct patience *p)
{
    const int64_t now = now_ns();

    p->end_ns += now - p->seen_ns;
    p->seen_ns = now;
}
