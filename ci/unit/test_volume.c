/* The asserting wrapper around volumes: it lets the right order of calls through, and aborts at each wrong one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/backend.h"
#include "backend/volume.h"
#include "base/error.h"

/* A backend that does nothing but count, and fails when it is told to. */
static struct {
    unsigned opened, closed, mounted, unmounted, rewound, checked;
    bool fails, silent; /* silent: fails without a word, which no backend may */
} seen;

static int answer(struct error *err)
{
    if (!seen.fails)
        return 0;
    return seen.silent ? -EIO : error_set(err, EIO, "made up", NULL, NULL);
}

static int open_it(const struct backend_config *c, uint64_t seed, void **ret_handle, struct error *err)
{
    (void)c, (void)seed;
    *ret_handle = &seen;
    seen.opened++;
    return answer(err);
}

static int open_image(const struct backend_config *c, struct crash_image *image, void **ret_handle, struct error *err)
{
    (void)image;
    return open_it(c, 0, ret_handle, err);
}

static void close_it(void *handle)
{
    (void)handle;
    seen.closed++;
}

static int mount_it(void *handle, struct error *err)
{
    (void)handle;
    seen.mounted++;
    return answer(err);
}

static int unmount_it(void *handle, struct error *err)
{
    (void)handle;
    seen.unmounted++;
    return answer(err);
}

static const char *path_of(void *handle, unsigned client)
{
    (void)handle;
    return client ? "/second" : "/first";
}

static int rewind_it(void *handle, struct error *err)
{
    (void)handle;
    seen.rewound++;
    return answer(err);
}

static int fsck_it(void *handle, char *text, size_t size_bytes, struct error *err)
{
    (void)handle;
    assert_true(size_bytes > 3);
    strcpy(text, "bad");
    seen.checked++;
    return answer(err);
}

static int adopt_it(const struct backend_config *c, int image_fd, void **ret_shared, struct error *err)
{
    (void)c, (void)image_fd, (void)ret_shared;
    return answer(err);
}

static struct crash_disk *crash_disk_of(void *handle)
{
    return handle;
}

static const struct backend_volumes volumes = {.open = open_it,
                                               .close = close_it,
                                               .mount = mount_it,
                                               .unmount = unmount_it,
                                               .path = path_of,
                                               .clients = 2,
                                               .rewind = rewind_it,
                                               .fsck = fsck_it};
static const struct backend_images images = {.adopt = adopt_it, .open = open_image, .disk = crash_disk_of};
static const struct backend made_up = {.name = "made-up", .volumes = &volumes, .images = &images};

static struct backend_config config;
static struct volume *volume;
static struct error err;

static int set_up(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof seen);
    memset(&err, 0, sizeof err);
    backend_config_begin(&config, &made_up);
    return backend_prepare(&config, &err) == 0 && volume_open(&config, 1, &volume, &err) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    volume_close(volume);
    backend_release(&config);
    backend_config_free(&config);
    return 0;
}

static void calls_in_order_go_through(void **state)
{
    char text[16] = "old";

    (void)state;
    assert_int_equal(volume_mount(volume, &err), 0);
    assert_true(volume_is_mounted(volume));
    assert_string_equal(volume_path(volume, 0), "/first");
    assert_string_equal(volume_path(volume, 1), "/second");
    assert_null(volume_disk(volume, 0)); /* it declares none */
    assert_int_equal(volume_unmount(volume, &err), 0);
    assert_int_equal(volume_rewind(volume, &err), 0);
    assert_int_equal(volume_fsck(volume, text, sizeof text, &err), 0);
    assert_string_equal(text, "bad");
    assert_int_equal(volume_mount(volume, &err), 0);
    assert_int_equal(seen.opened, 1);
    assert_int_equal(seen.mounted, 2);
    assert_int_equal(seen.unmounted, 1);
    assert_int_equal(seen.rewound, 1);
    assert_int_equal(seen.checked, 1);
}

static void failures_leave_the_state_as_it_was(void **state)
{
    struct volume *other = volume;

    (void)state;
    seen.fails = true;
    assert_int_equal(volume_mount(volume, &err), -EIO);
    assert_false(volume_is_mounted(volume));
    assert_int_equal(volume_open(&config, 1, &other, &err), -EIO);
    assert_null(other);
    seen.fails = false;
    assert_int_equal(volume_mount(volume, &err), 0);
    seen.fails = true;
    assert_int_equal(volume_unmount(volume, &err), -EIO);
    assert_true(volume_is_mounted(volume));
    seen.fails = false;
}

/* ---- what aborts ---- */

static void mount_twice(void)
{
    volume_mount(volume, &err);
    volume_mount(volume, &err);
}

static void unmount_first(void)
{
    volume_unmount(volume, &err);
}

static void path_unmounted(void)
{
    volume_path(volume, 0);
}

static void path_of_a_third_client(void)
{
    volume_mount(volume, &err);
    volume_path(volume, 2);
}

static void rewind_mounted(void)
{
    volume_mount(volume, &err);
    volume_rewind(volume, &err);
}

static void fsck_mounted(void)
{
    char text[16];

    volume_mount(volume, &err);
    volume_fsck(volume, text, sizeof text, &err);
}

static void crash_disk_of_a_plain_volume(void)
{
    volume_crash_disk(volume);
}

static void disk_of_an_image(void)
{
    struct volume *v;

    volume_open_image(&config, (struct crash_image *)&seen, &v, &err);
    volume_disk(v, 0);
}

static void a_failure_without_words(void)
{
    seen.fails = seen.silent = true;
    memset(&err, 0, sizeof err);
    volume_mount(volume, &err);
}

static void open_before_prepare(void)
{
    struct backend_config c;
    struct volume *v;

    backend_config_begin(&c, &made_up);
    volume_open(&c, 1, &v, &err);
}

static void prepare_twice(void)
{
    backend_prepare(&config, &err);
}

static void adopt_nothing(void)
{
    backend_release(&config);
    backend_adopt(&config, -1, &err);
}

static void free_before_release(void)
{
    backend_config_free(&config);
}

static void simulate_a_volume(void)
{
    backend_simulate(&config, NULL, STRIKE_NONE, 1, NULL, NULL, NULL, &err);
}

static void calls_out_of_order_abort(void **state)
{
    static const struct {
        const char *name;
        void (*wrong)(void);
    } calls[] = {
        {"mount twice", mount_twice},
        {"unmount first", unmount_first},
        {"path unmounted", path_unmounted},
        {"path of a third client", path_of_a_third_client},
        {"rewind mounted", rewind_mounted},
        {"fsck mounted", fsck_mounted},
        {"crash disk of a plain volume", crash_disk_of_a_plain_volume},
        {"disk of an image", disk_of_an_image},
        {"a failure without words", a_failure_without_words},
        {"open before prepare", open_before_prepare},
        {"prepare twice", prepare_twice},
        {"adopt nothing", adopt_nothing},
        {"free before release", free_before_release},
        {"simulate a volume", simulate_a_volume},
    };

    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        int status = 0;
        const pid_t pid = fork();

        if (pid == 0) {
            setrlimit(RLIMIT_CORE, &(struct rlimit){0});
            signal(SIGABRT, SIG_DFL);
            close(STDERR_FILENO);
            calls[i].wrong();
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
            fail_msg("%s: status %d, expected an abort", calls[i].name, status);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(calls_in_order_go_through),
        TEST(failures_leave_the_state_as_it_was),
        TEST(calls_out_of_order_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
