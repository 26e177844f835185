/*
 * The loop backend's volumes: each is as if it were new, also where it is one that was closed before. In an isolated child;
 * skipped where there are no loop devices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/config.h"
#include "backend/volume.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/size.h"
#include "device/loopdev.h"
#include "disk/disk.h"
#include "host/isolate.h"
#include "states/crash_image.h"

enum { FINE, BAD, CANNOT };

static void name_file(struct volume *v, char *path, size_t size_bytes)
{
    snprintf(path, size_bytes, "%s/file", volume_path(v, 0));
}

/* Opens a volume, which must be empty, leaves a file and closes it. */
static bool use(const struct backend_config *c)
{
    struct volume *v = NULL;
    char path[512];

    if (volume_open(c, 1, &v, NULL) < 0 || volume_mount(v, NULL) < 0)
        return false;
    name_file(v, path, sizeof path);
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const bool fine = fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && close(fd) == 0 && volume_unmount(v, NULL) == 0;

    volume_close(v);
    return fine;
}

/* What a test of the volumes came to; `c` is prepared. */
static int fresh_each_time(const struct backend_config *c)
{
    bool fine = true;

    for (int i = 0; i < 3; i++)
        fine = fine && use(c);
    return fine ? FINE : BAD;
}

/* The first child of this process; 0: there is none. */
static pid_t first_child(void)
{
    char path[64], text[32] = "";

    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, text, sizeof text - 1) < 0)
        text[0] = '\0';
    if (fd >= 0)
        close(fd);
    return (pid_t)strtol(text, NULL, 10);
}

static int killed_server(const struct backend_config *c)
{
    if (!use(c))
        return BAD;
    const pid_t server = first_child();
    if (server <= 0 || kill(server, SIGKILL) || waitid(P_PID, (id_t)server, &(siginfo_t){.si_pid = 0}, WEXITED | WNOWAIT))
        return BAD;
    return use(c) ? FINE : BAD;
}

/* Opens and mounts a volume that is fine. */
static struct volume *mounted(const struct backend_config *c)
{
    struct volume *v = NULL;

    return volume_open(c, 1, &v, NULL) == 0 && volume_mount(v, NULL) == 0 && volume_check(v, NULL) == 0 ? v : NULL;
}

/* As soon as a write fails, the check must say why, however far the server's death has come. */
static int errors_of_a_dying_server(const struct backend_config *c)
{
    struct volume *v = mounted(c);
    char path[512];

    if (!v)
        return BAD;
    name_file(v, path, sizeof path);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || kill(first_child(), SIGKILL))
        return BAD;
    while (write(fd, "x", 1) == 1 && fsync(fd) == 0)
        continue;
    return volume_check(v, NULL) < 0 ? FINE : BAD;
}

static int stopped_server(const struct backend_config *c)
{
    struct volume *v = mounted(c);
    const pid_t server = first_child();
    struct error err = {.code = 0};

    if (!v || server <= 0 || kill(server, SIGSTOP) || waitid(P_PID, (id_t)server, &(siginfo_t){.si_pid = 0}, WSTOPPED | WNOWAIT))
        return BAD;
    if (volume_check(v, &err) != -ETIMEDOUT || !strstr(err.msg, "stopped") || kill(server, SIGCONT))
        return BAD;
    const bool fine = waitid(P_PID, (id_t)server, &(siginfo_t){.si_pid = 0}, WCONTINUED | WNOWAIT) == 0 &&
                      volume_check(v, NULL) == 0 && volume_unmount(v, NULL) == 0;
    volume_close(v);
    return fine ? FINE : BAD;
}

static int of_another_process(const struct backend_config *c)
{
    struct volume *v = NULL;
    int status = 0;

    if (!use(c))
        return BAD;
    const pid_t child = fork();
    if (child == 0)
        _exit(use(c) ? FINE : BAD);
    /* The same spare, at the same time. */
    if (volume_open(c, 1, &v, NULL) < 0 || volume_mount(v, NULL) < 0 || waitpid(child, &status, 0) != child)
        return BAD;
    const bool fine = status == 0 && volume_unmount(v, NULL) == 0;
    volume_close(v);
    return fine && use(c) ? FINE : BAD;
}

static int still_mounted(const struct backend_config *c)
{
    struct volume *v = NULL;
    char path[512];

    if (volume_open(c, 1, &v, NULL) < 0 || volume_mount(v, NULL) < 0)
        return BAD;
    name_file(v, path, sizeof path);
    close(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    volume_close(v);
    return use(c) ? FINE : BAD;
}

/* Nothing is left that a caller could close again. */
static int no_loop_devices(const struct backend_config *c)
{
    struct volume *v = NULL;
    struct crash_image *image = NULL;
    const int fd = memfd_create("test", MFD_CLOEXEC);

    if (mount("/dev/null", "/dev/loop-control", NULL, MS_BIND, NULL) || ftruncate(fd, 1 << 20) ||
        crash_image_new(fd, 512, &image, NULL) < 0)
        return BAD;
    const bool fine = volume_open(c, 1, &v, NULL) < 0 && !v && volume_open_image(c, image, &v, NULL) < 0 && !v;
    crash_image_free(image);
    close(fd);
    return fine ? FINE : BAD;
}

/* A volume without a superblock: what the kernel and the checker say names no device, and the volume works on. */
static int refused(const struct backend_config *c)
{
    static const uint8_t zeros[4096];
    struct volume *v = NULL;
    struct buf said = {.data = NULL};

    if (volume_open(c, 1, &v, NULL) < 0 || disk_write(volume_disk(v, 0), 0, zeros, sizeof zeros, false) < 0 ||
        volume_mount(v, NULL) == 0)
        return BAD;
    volume_explain_refusal(v, &said);
    const bool fine = strstr(buf_text(&said), "kernel: EXT4-fs (DEVICE): ") &&
                      strstr(buf_text(&said), "\nfsck: e2fsck: status ") && !strstr(buf_text(&said), "loop") &&
                      !volume_is_mounted(v);
    volume_close(v);
    buf_free(&said);
    return fine && use(c) ? FINE : BAD;
}

/* A page of the device that is mapped: BLKFLSBUF would skip it. */
static bool drops_referenced_page(int backing, unsigned sector)
{
    struct loopdev l;
    uint8_t now = 0;

    if (pwrite(backing, "a", 1, 0) != 1 || loopdev_attach(backing, sector, &l, NULL) < 0)
        return false;
    uint8_t *page = mmap(NULL, BLOCK_BYTES, PROT_READ, MAP_SHARED, l.fd, 0);
    const bool fine = page != MAP_FAILED && *(volatile uint8_t *)page == 'a' && pwrite(backing, "b", 1, 0) == 1 &&
                      loopdev_drop_cache(&l, NULL) == 0 && pread(l.fd, &now, 1, 0) == 1 && now == 'b';
    munmap(page, BLOCK_BYTES);
    loopdev_detach(&l);
    return fine;
}

static int drops_referenced_pages(const struct backend_config *c)
{
    const int fd = memfd_create("test", MFD_CLOEXEC);

    (void)c;
    const bool fine = ftruncate(fd, 1 << 20) == 0 && drops_referenced_page(fd, SECTOR_BYTES);
    close(fd);
    return fine ? FINE : BAD;
}

static int with_config(int (*f)(const struct backend_config *c))
{
    struct backend_config c;
    struct error err = {.code = 0};

    if (backend_config_parse("loop:fs=ext4", &c, &err) < 0)
        return BAD;
    if (backend_probe(&c, &err) < 0 || backend_prepare(&c, &err) < 0)
        return err.skip ? CANNOT : BAD;
    const int r = f(&c);
    backend_release(&c);
    backend_config_free(&c);
    return r;
}

static void in_isolation(int (*f)(const struct backend_config *c))
{
    bool isolated = false;
    int status = 0;
    const pid_t pid = isolate_fork(&isolated, NULL);

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(isolated ? with_config(f) : CANNOT);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT)
        skip();
    assert_int_equal(WEXITSTATUS(status), FINE);
}

static void a_volume_that_was_used_before_is_empty(void **state)
{
    (void)state;
    in_isolation(fresh_each_time);
}

static void a_volume_whose_server_died_is_not_used_again(void **state)
{
    (void)state;
    in_isolation(killed_server);
}

static void an_error_of_a_dying_server_is_never_the_file_system_s(void **state)
{
    (void)state;
    in_isolation(errors_of_a_dying_server);
}

static void a_stopped_server_is_told(void **state)
{
    (void)state;
    in_isolation(stopped_server);
}

static void a_child_does_not_use_its_parents_volume(void **state)
{
    (void)state;
    in_isolation(of_another_process);
}

static void a_volume_that_was_closed_while_mounted_is_not_used_again(void **state)
{
    (void)state;
    in_isolation(still_mounted);
}

static void why_a_volume_does_not_mount_is_asked_of_the_kernel_and_the_checker(void **state)
{
    (void)state;
    in_isolation(refused);
}

static void a_volume_that_could_not_be_opened_is_none(void **state)
{
    (void)state;
    in_isolation(no_loop_devices);
}

static void pages_of_a_device_that_are_referenced_are_dropped(void **state)
{
    (void)state;
    in_isolation(drops_referenced_pages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_volume_that_was_used_before_is_empty),
        cmocka_unit_test(a_volume_that_could_not_be_opened_is_none),
        cmocka_unit_test(why_a_volume_does_not_mount_is_asked_of_the_kernel_and_the_checker),
        cmocka_unit_test(a_volume_whose_server_died_is_not_used_again),
        cmocka_unit_test(an_error_of_a_dying_server_is_never_the_file_system_s),
        cmocka_unit_test(a_stopped_server_is_told),
        cmocka_unit_test(a_child_does_not_use_its_parents_volume),
        cmocka_unit_test(a_volume_that_was_closed_while_mounted_is_not_used_again),
        cmocka_unit_test(pages_of_a_device_that_are_referenced_are_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
