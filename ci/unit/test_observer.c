/*
 * The observer: what it does when a mount is refused. On a backend made up here, whose crash disk is real and whose mounts
 * succeed or fail as they are told. In an isolated child; skipped where there are no loop devices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/backend.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/size.h"
#include "disk/writelog.h"
#include "explore/observer.h"
#include "host/isolate.h"
#include "states/crash_disk.h"
#include "states/crash_image.h"

enum { IMAGE_BYTES = 64 * BLOCK_BYTES, MAX_MOUNTS = 64, TRIED_CONTROLS = 3 };
enum { FINE, BAD, CANNOT };

/* ---- a backend whose n-th mount fails with fail[n] ---- */

static struct {
    struct crash_disk *disk;
    int fail[MAX_MOUNTS];
    unsigned mounts, unmounts, inspected, refused, control_failed;
} seen;

static int open_nothing(const struct backend_config *c, uint64_t seed, void **ret_handle, struct error *err)
{
    (void)c, (void)seed, (void)ret_handle;
    return error_set(err, ENOSYS, "open", NULL, NULL);
}

static int open_image(const struct backend_config *c, struct crash_image *image, void **ret_handle, struct error *err)
{
    (void)c;
    *ret_handle = &seen;
    return crash_disk_new(image, SECTOR_BYTES, NULL, &seen.disk, err);
}

static void close_it(void *handle)
{
    (void)handle;
    crash_disk_free(seen.disk);
}

static int mount_it(void *handle, struct error *err)
{
    const int code = seen.fail[seen.mounts++];

    (void)handle;
    return code ? error_set(err, code, "mount", NULL, NULL) : 0;
}

static int unmount_it(void *handle, struct error *err)
{
    (void)handle, (void)err;
    seen.unmounts++;
    return 0;
}

static const char *path_of(void *handle, unsigned client)
{
    (void)handle, (void)client;
    return "/";
}

static int adopt_it(const struct backend_config *c, int image_fd, void **ret_shared, struct error *err)
{
    (void)c, (void)image_fd, (void)ret_shared, (void)err;
    return 0;
}

static struct crash_disk *crash_disk_of(void *handle)
{
    (void)handle;
    return seen.disk;
}

static const struct backend_volumes volumes = {
    .open = open_nothing, .close = close_it, .mount = mount_it, .unmount = unmount_it, .path = path_of};
static const struct backend_images images = {.adopt = adopt_it, .open = open_image, .disk = crash_disk_of};
static const struct backend made_up = {.name = "made-up", .volumes = &volumes, .images = &images};

/* ---- what is observed ---- */

static int inspect(void *arg, const char *root, uint64_t question, struct error *err)
{
    (void)arg, (void)root, (void)question, (void)err;
    seen.inspected++;
    return 0;
}

static void refused(void *arg, const struct error *mount_err)
{
    (void)arg, (void)mount_err;
    seen.refused++;
}

static void control_failed(void *arg, struct error *err)
{
    (void)arg;
    seen.control_failed++;
    error_set(err, EINVAL, "control", NULL, NULL);
}

static const struct observer_ops ops = {.inspect = inspect, .refused = refused, .control_failed = control_failed};

struct subject {
    struct backend_config config;
    struct crash_image *image;
    struct writelog *log;
    struct observer *observer;
    struct error err;
};

/* The state that holds the whole log, of one write. */
static const struct crash_state whole = {.durable = 1, .cut = 1, .until = 1};

static int set_up(struct subject *s)
{
    static const uint8_t block[BLOCK_BYTES] = {1};
    const int fd = memfd_create("test", MFD_CLOEXEC);

    s->log = writelog_new(10, 1 << 20);
    if (fd < 0 || ftruncate(fd, IMAGE_BYTES) || !s->log || writelog_append(s->log, LOG_WRITE, 0, 0, block, sizeof block))
        return BAD;
    backend_config_begin(&s->config, &made_up);
    if (backend_adopt(&s->config, fd, &s->err) < 0 || crash_image_new(fd, SECTOR_BYTES, &s->image, &s->err) < 0)
        return BAD;
    s->observer = observer_new(&(struct observer_setup){.config = &s->config, .image = s->image, .log = s->log, .ops = &ops});
    return observer_control(s->observer, &s->err) == 0 ? FINE : CANNOT; /* it mounts once, and uses a loop device */
}

static int observe(struct subject *s)
{
    return observer_load(s->observer, &whole, &s->err) == 0 ? observer_observe(s->observer, &whole, 0, &s->err) : -1;
}

static bool holds_the_state(const struct subject *s)
{
    return crash_image_block(s->image, 0)[0] == 1;
}

/* ---- cases; each begins with one mount behind it, that of the control state ---- */

static bool a_state_that_mounts_is_inspected(struct subject *s)
{
    return observe(s) == 0 && seen.inspected == 1 && seen.refused == 0 && seen.mounts == 2 && seen.unmounts == 2;
}

static bool a_refused_mount_counts_when_the_control_state_mounts(struct subject *s)
{
    seen.fail[1] = seen.fail[2] = EIO;
    return observe(s) == 0 && seen.refused == 1 && seen.inspected == 0 && seen.mounts == 4 && holds_the_state(s);
}

static bool a_mount_that_is_refused_once_is_no_observation(struct subject *s)
{
    seen.fail[1] = EINVAL;
    if (observe(s) != -EAGAIN || seen.refused || seen.inspected || seen.mounts != 3)
        return false;
    return observe(s) == 0 && seen.inspected == 1; /* the next one finds nothing mounted */
}

static bool it_fails_when_the_control_state_does_not_mount(struct subject *s)
{
    seen.fail[1] = seen.fail[2] = seen.fail[3] = EIO;
    return observe(s) == -EINVAL && seen.control_failed == 1;
}

static bool the_host_s_failure_is_no_observation(struct subject *s)
{
    seen.fail[1] = ENOMEM;
    return observe(s) == -ENOMEM && seen.refused == 0 && seen.mounts == 2;
}

static bool the_host_s_failure_at_the_second_try_is_no_observation(struct subject *s)
{
    seen.fail[1] = EIO;
    seen.fail[2] = ENOMEM;
    return observe(s) == -ENOMEM && seen.refused == 0 && seen.mounts == 3;
}

static bool the_host_s_failure_is_not_the_control_state_s(struct subject *s)
{
    seen.fail[1] = seen.fail[2] = EIO;
    seen.fail[3] = ENOMEM;
    return observe(s) == -ENOMEM && seen.control_failed == 0;
}

static bool the_control_state_is_tried_the_first_times_only(struct subject *s)
{
    bool fine = true;

    for (unsigned i = 0; i < 2 * TRIED_CONTROLS; i++) {
        const unsigned before = seen.mounts;

        seen.fail[before] = seen.fail[before + 1] = EIO;
        fine = fine && observe(s) == 0 && seen.mounts - before == (i < TRIED_CONTROLS ? 3 : 2);
    }
    return fine && seen.refused == 2 * TRIED_CONTROLS;
}

static int run_case(bool (*holds)(struct subject *s))
{
    struct subject s = {.observer = NULL};
    const int ready = set_up(&s);

    if (ready != FINE)
        return ready;
    const bool held = holds(&s);

    observer_free(s.observer);
    crash_image_free(s.image);
    writelog_free(s.log);
    backend_release(&s.config);
    backend_config_free(&s.config);
    return held ? FINE : BAD;
}

static void in_isolation(bool (*holds)(struct subject *s))
{
    bool isolated = false;
    int status = 0;
    const pid_t pid = isolate_fork(&isolated, NULL);

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(isolated ? run_case(holds) : CANNOT);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT)
        skip();
    assert_int_equal(WEXITSTATUS(status), FINE);
}

#define CASE(name)                                                                                                               \
    static void test_##name(void **state)                                                                                        \
    {                                                                                                                            \
        (void)state;                                                                                                             \
        in_isolation(name);                                                                                                      \
    }
CASE(a_state_that_mounts_is_inspected)
CASE(a_refused_mount_counts_when_the_control_state_mounts)
CASE(a_mount_that_is_refused_once_is_no_observation)
CASE(it_fails_when_the_control_state_does_not_mount)
CASE(the_host_s_failure_is_no_observation)
CASE(the_host_s_failure_at_the_second_try_is_no_observation)
CASE(the_host_s_failure_is_not_the_control_state_s)
CASE(the_control_state_is_tried_the_first_times_only)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_state_that_mounts_is_inspected),
        cmocka_unit_test(test_a_refused_mount_counts_when_the_control_state_mounts),
        cmocka_unit_test(test_a_mount_that_is_refused_once_is_no_observation),
        cmocka_unit_test(test_it_fails_when_the_control_state_does_not_mount),
        cmocka_unit_test(test_the_host_s_failure_is_no_observation),
        cmocka_unit_test(test_the_host_s_failure_at_the_second_try_is_no_observation),
        cmocka_unit_test(test_the_host_s_failure_is_not_the_control_state_s),
        cmocka_unit_test(test_the_control_state_is_tried_the_first_times_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
