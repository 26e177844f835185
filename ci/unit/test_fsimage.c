/*
 * Mounts of file systems on images: what other processes of the machine have left in the kernel is no reason to refuse one. In an
 * isolated child; skipped where there are no loop devices or no btrfs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/size.h"
#include "device/fsimage.h"
#include "device/loopdev.h"
#include "host/full_io.h"
#include "host/isolate.h"

enum { FINE, BAD, CANNOT };

/* Of a btrfs superblock (kernel, btrfs_tree.h). */
enum { SUPER_OFF = 64 << 10, SUPER_BYTES = 4096, FSID_OFF = 0x20, N_DEVICES_OFF = 0x88 };

struct clone {
    int fd;
    struct loopdev loop;
    char dir[200];
};

static bool make_clone(int image, const char *name, struct clone *ret)
{
    struct stat st;
    off_t from = 0, to = 0;

    snprintf(ret->dir, sizeof ret->dir, "%s/%s", isolate_scratch(), name);
    ret->fd = memfd_create(name, MFD_CLOEXEC);
    if (fstat(image, &st) || ret->fd < 0 || ftruncate(ret->fd, st.st_size) || mkdir(ret->dir, 0700))
        return false;
    while (copy_file_range(image, &from, ret->fd, &to, (size_t)(st.st_size - from), 0) > 0)
        continue;
    return from == st.st_size && loopdev_attach(ret->fd, SECTOR_BYTES, &ret->loop, NULL) == 0;
}

/*
 * Leaves an entry for the clone's device in the kernel's list, as if another volume had been there: one of two devices, since
 * those are listed when they are scanned.
 */
static bool plant_entry(const struct clone *c)
{
    struct btrfs_ioctl_vol_args args = {.name = ""};
    uint8_t super[SUPER_BYTES], changed[SUPER_BYTES];
    const int control = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);

    if (control < 0 || pread(c->fd, super, sizeof super, SUPER_OFF) != (ssize_t)sizeof super)
        return false;
    for (size_t i = 0; i < sizeof super; i++)
        changed[i] = super[i];
    changed[FSID_OFF] ^= 1;
    changed[N_DEVICES_OFF] = 2;
    snprintf(args.name, sizeof args.name, "%s", c->loop.path);
    const bool planted = pwrite_full(c->fd, changed, sizeof changed, SUPER_OFF) == 0 && loopdev_drop_cache(&c->loop, NULL) == 0 &&
                         ioctl(control, BTRFS_IOC_SCAN_DEV, &args) == 0;
    close(control);
    return planted && pwrite_full(c->fd, super, sizeof super, SUPER_OFF) == 0 && loopdev_drop_cache(&c->loop, NULL) == 0;
}

static int mount_two_clones(void)
{
    struct clone a, b;
    struct error err = {.code = 0};

    if (fsimage_possible("btrfs", &err) < 0)
        return CANNOT;
    const int image = fsimage_make("btrfs", fsimage_default_size("btrfs"), SECTOR_BYTES, NULL, false, &err);
    if (image < 0 || !make_clone(image, "a", &a) || !make_clone(image, "b", &b) || !plant_entry(&b))
        return BAD;
    bool fine = fsimage_mount("btrfs", a.loop.path, a.dir, NULL, &err) == 0;
    fine = fine && fsimage_mount("btrfs", b.loop.path, b.dir, NULL, &err) == 0;
    umount(b.dir);
    umount(a.dir);
    loopdev_detach(&a.loop);
    loopdev_detach(&b.loop);
    return fine ? FINE : BAD;
}

static void test_an_entry_that_another_volume_left_does_not_refuse_a_clone(void **state)
{
    struct error err = {.code = 0};
    bool isolated = false;
    int status = 0;

    (void)state;
    if (isolate_possible(&err) < 0)
        skip();
    const pid_t pid = isolate_fork(&isolated, NULL);
    if (pid == 0)
        _exit(isolated ? mount_two_clones() : CANNOT);
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT)
        skip();
    assert_int_equal(WEXITSTATUS(status), FINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_entry_that_another_volume_left_does_not_refuse_a_clone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
