/* Process kills: driver, readback and verifier against the same system calls bare, which kill a process that has mapped a new
 * file. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "bench/bench_impl.h"
#include "host/files.h"
#include "host/isolate.h"
#include "language/verb.h"
#include "trial/trial_volume.h"

enum { FILE_BYTES = 64 << 10, STORE_BYTES = 16 << 10, KILL_STEP = 3 };

static const char steps[] = "open -f f\n"
                            "truncate 64k\n"
                            "---\n"
                            "mmap -rw 0 64k\n"
                            "mwrite 0 16k\n";

struct kills {
    struct backend_config config;
    struct plan *plan;
    char file[512]; /* the floor's */
};

static int open_kill(const struct bench *b, const struct bench_options *o, void **ret, struct error *err)
{
    static struct kills k;

    (void)b, (void)o;
    k.plan = bench_plan(steps);
    snprintf(k.file, sizeof k.file, "%s/tornpage-bench-%016llx", isolate_scratch(), (unsigned long long)files_unique());
    *ret = &k;
    const int rc = bench_config("dir", "path", isolate_scratch(), &k.config, err);

    return rc < 0 ? rc : backend_prepare(&k.config, err);
}

/* The system calls of the plan's steps, its set-up among them: every kill begins with a new file. */
static _Noreturn void make_map_store_die(const char *file, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (getppid() != parent || fd < 0 || ftruncate(fd, FILE_BYTES))
        _exit(EXIT_FAILURE);
    void *at = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED)
        _exit(EXIT_FAILURE);
    memset(at, 'x', STORE_BYTES);
    kill(getpid(), SIGKILL);
    abort(); /* not reached */
}

static bool read_back(const char *file, uint8_t *buf)
{
    const int fd = open(file, O_RDONLY | O_CLOEXEC);
    const bool fine = fd >= 0 && pread(fd, buf, FILE_BYTES, 0) == FILE_BYTES && buf[STORE_BYTES - 1] == 'x';

    if (fd >= 0)
        close(fd);
    return fine;
}

static int bare_kill(uint8_t *buf, const char *file, struct error *err)
{
    int status = 0;
    pid_t parent = getpid(), pid = fork();

    if (pid == 0)
        make_map_store_die(file, parent);
    if (pid < 0)
        return error_set(err, errno, "fork", NULL, NULL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        return error_set(err, ECHILD, "kill", file, "ended with status %d", status);
    if (!read_back(file, buf) || unlink(file))
        return error_set(err, EIO, "read", file, NULL);
    return 0;
}

static int bare_kills(void *state, double seconds, double *ret, struct error *err)
{
    const struct kills *k = state;
    uint8_t *buf = xmalloc(FILE_BYTES);
    uint64_t n = 0;
    int rc = 0;
    const double from_s = clock_s();
    for (; rc == 0 && clock_s() < from_s + seconds; n++)
        rc = bare_kill(buf, k->file, err);
    *ret = (double)n / (clock_s() - from_s);
    unlink(k->file); /* of a kill that failed */
    free(buf);
    return rc;
}

/* One kill and its judgement, as a job does them; false if the trial cannot go on. */
static bool judged_kill(struct trial_volume *v, uint64_t n)
{
    const struct strike_point at = {.seed = v->trial->job->seed, .kill = {.kind = KILL_AFTER, .step = KILL_STEP}};
    bool lossy = false;

    if (!trial_volume_run(v, n, &at))
        return false;
    trial_judge_steps(v->trial, &at);
    if (!trial_volume_readback(v))
        return false;
    bool violated = trial_judge_survivors(v->trial, &v->trial->survivors, &at, &lossy);
    trial_count(v->trial, COUNT_KILL, lossy, violated, 0);
    return trial_volume_tidy(v);
}

static int judged_kills(void *state, double seconds, double *ret, struct error *err)
{
    struct kills *k = state;
    const struct job j = {.plan = k->plan, .config = &k->config, .strike = STRIKE_KILL, .seed = 1};
    struct result r;
    struct trial t;
    struct trial_volume v;
    uint64_t n = 0;
    int rc = trial_open(&t, &j, &r, err);

    assert(k->plan->steps[KILL_STEP].verb->properties & VERB_STORES);
    if (rc < 0)
        return rc;
    bool fine = trial_volume_open(&v, &t, false) && trial_volume_mount(&v);
    const double from_s = clock_s();
    for (; fine && clock_s() < from_s + seconds; n++)
        fine = judged_kill(&v, n);
    *ret = (double)n / (clock_s() - from_s);
    trial_volume_close(&v);
    trial_close(&t);
    rc = bench_check_result(&r, err);
    result_free(&r);
    return rc;
}

const struct bench_ops bench_kill = {.open = open_kill, .floor = bare_kills, .ours = judged_kills};
