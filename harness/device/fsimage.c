/*
 * File systems: see fsimage.h. The defaults are chosen so that a mount reads and writes little: small volumes, small journals,
 * nothing left for the kernel to initialise in the background (it would fill the write log with noise), no discards.
 */
#include "device/fsimage.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/edit_distance.h"
#include "base/error.h"
#include "base/size.h"
#include "device/kernel_log.h"
#include "device/mountlock.h"
#include "host/command.h"

enum { MAX_ARGS = 64, MIB = 1 << 20, OLD_BYTE = 0xd7 };

struct fs_kind {
    const char *name;
    uint64_t size_mib;
    unsigned sector;         /* atomic unit of the disk: 512 for those that survive a torn 4 KiB block */
    bool lists_devices;      /* the kernel keeps a list of this file system's devices beside that of its mounts */
    const char *mkfs;        /* options, separated by spaces; %u is the sector size */
    const char *always;      /* mount option that clones of one image need */
    const char *const check; /* the checker and its options */
};

/* The last entry is for all other file systems. */
static const struct fs_kind kinds[] = {
    {"ext4", 32, BLOCK_BYTES, false, "-q -F -b 4096 -m 0 -J size=4 -E lazy_itable_init=0,lazy_journal_init=0,nodiscard", NULL,
     "e2fsck -f -n"},
    {"ext3", 32, BLOCK_BYTES, false, "-q -F -b 4096 -m 0 -J size=4 -E lazy_itable_init=0,lazy_journal_init=0,nodiscard", NULL,
     "e2fsck -f -n"},
    {"ext2", 32, BLOCK_BYTES, false, "-q -F -b 4096 -m 0 -E lazy_itable_init=0,nodiscard", NULL, "e2fsck -f -n"},
    {"xfs", 32, SECTOR_BYTES, false, "-q -f -K -s size=%u --unsupported", "nouuid", "xfs_repair -n"},
    {"btrfs", 128, BLOCK_BYTES, true, "-q -f -K", NULL, "btrfs check --readonly"},
    {NULL, 64, BLOCK_BYTES, false, "", NULL, NULL},
};

static const struct fs_kind *kind_of(const char *fs)
{
    const struct fs_kind *k = kinds;

    while (k->name && strcmp(k->name, fs) != 0)
        k++;
    return k;
}

uint64_t fsimage_default_size(const char *fs)
{
    return kind_of(fs)->size_mib * MIB;
}

unsigned fsimage_default_sector(const char *fs)
{
    return kind_of(fs)->sector;
}

/* Debian's packages that have mkfs.NAME, of file systems that a disk holds and that can be written. */
#define MKFS_PACKAGES(X)                                                                                                         \
    X("ext4", "e2fsprogs")                                                                                                       \
    X("ext3", "e2fsprogs")                                                                                                       \
    X("ext2", "e2fsprogs")                                                                                                       \
    X("xfs", "xfsprogs")                                                                                                         \
    X("btrfs", "btrfs-progs")                                                                                                    \
    X("f2fs", "f2fs-tools")                                                                                                      \
    X("bcachefs", "bcachefs-tools")                                                                                              \
    X("nilfs2", "nilfs-tools")                                                                                                   \
    X("jfs", "jfsutils")                                                                                                         \
    X("reiserfs", "reiserfsprogs")                                                                                               \
    X("gfs2", "gfs2-utils")                                                                                                      \
    X("ocfs2", "ocfs2-tools")                                                                                                    \
    X("udf", "udftools")                                                                                                         \
    X("ntfs", "ntfs-3g")                                                                                                         \
    X("exfat", "exfatprogs")                                                                                                     \
    X("vfat", "dosfstools")                                                                                                      \
    X("msdos", "dosfstools")                                                                                                     \
    X("hfs", "hfsprogs")                                                                                                         \
    X("hfsplus", "hfsprogs")                                                                                                     \
    X("minix", "util-linux")                                                                                                     \
    X("bfs", "util-linux")

#define MKFS_NAME(name, package) name,
const char *const fsimage_names[] = {MKFS_PACKAGES(MKFS_NAME) NULL};
#undef MKFS_NAME

/* The package that has its mkfs; NULL: none that is known here. */
static const char *package_of(const char *fs)
{
#define MKFS_PACKAGE(name, package) package,
    static const char *const packages[] = {MKFS_PACKAGES(MKFS_PACKAGE)};
#undef MKFS_PACKAGE

    for (size_t i = 0; fsimage_names[i]; i++)
        if (strcmp(fsimage_names[i], fs) == 0)
            return packages[i];
    return NULL;
}

/* Has the running kernel this file system, and is it one that a disk holds? */
static bool kernel_has(const char *fs)
{
    FILE *in = fopen("/proc/filesystems", "re");
    char line[128];
    bool found = false;

    while (in && !found && fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = '\0';
        found = line[0] == '\t' && strcmp(line + 1, fs) == 0; /* others begin with "nodev" */
    }
    if (in)
        fclose(in);
    return found;
}

static bool has_mkfs(const char *fs)
{
    char mkfs[64];
    const int n = snprintf(mkfs, sizeof mkfs, "mkfs.%s", fs);

    return n < (int)sizeof mkfs && command_exists(mkfs);
}

int fsimage_known(const char *fs, struct error *err)
{
    if (package_of(fs) || kernel_has(fs) || (!strchr(fs, '/') && has_mkfs(fs)))
        return 0;
    const char *similar = edit_similar(fs, fsimage_names);
    return error_set(err, EINVAL, "fs", fs, "fs=%s: no disk has such a file system%s%s%s", fs, similar ? "; did you mean '" : "",
                     similar ? similar : "", similar ? "'?" : "");
}

int fsimage_possible(const char *fs, struct error *err)
{
    const int fd = fsopen(fs, FSOPEN_CLOEXEC);

    if (fd < 0)
        return error_skip(err, fs,
                          "this kernel has no file system %s: load its module, or run in a guest with a kernel that has it", fs);
    close(fd);
    if (has_mkfs(fs))
        return 0;
    const char *package = package_of(fs);
    return error_skip(err, fs, "no mkfs.%s here: install %s", fs, package ? package : "the package that has it");
}

/* Cuts `words` (which is changed) at spaces into argv, from *n on. */
static int split(char *words, const char **argv, size_t *n)
{
    char *save = NULL;

    for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        if (*n == MAX_ARGS - 2)
            return -E2BIG;
        argv[(*n)++] = w;
    }
    return 0;
}

/* Makes holes of the blocks that mkfs has filled with zeros: images are copied without their holes. */
static int punch_zeros(int fd, uint64_t size_bytes)
{
    static const uint8_t zeros[BLOCK_BYTES];
    uint8_t *image = mmap(NULL, size_bytes, PROT_READ, MAP_SHARED, fd, 0);
    off_t from = 0, to;
    int r = image == MAP_FAILED ? -errno : 0;

    while (r == 0 && (from = lseek(fd, from, SEEK_DATA)) >= 0) {
        to = lseek(fd, from, SEEK_HOLE);
        for (; from < to && r == 0; from += BLOCK_BYTES)
            if (memcmp(image + from, zeros, BLOCK_BYTES) == 0 &&
                fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, BLOCK_BYTES))
                r = -errno;
    }
    if (image != MAP_FAILED)
        munmap(image, size_bytes);
    return r;
}

/* Bytes that no stamp, no store of a scenario and no file system writes. */
static int put_old_bytes(int fd, uint64_t size_bytes)
{
    uint8_t block[BLOCK_BYTES];

    memset(block, OLD_BYTE, sizeof block);
    for (uint64_t off = 0; off + sizeof block <= size_bytes; off += sizeof block)
        if (pwrite(fd, block, sizeof block, (off_t)off) != (ssize_t)sizeof block)
            return -errno; /* a memory file takes a block whole or not at all */
    return 0;
}

int fsimage_make(const char *fs, uint64_t size_bytes, unsigned sector, const char *mkfs, bool old_bytes, struct error *err)
{
    const struct fs_kind *k = kind_of(fs);
    const char *argv[MAX_ARGS];
    char program[64], defaults[256], path[64];
    char *extra = xstrdup(mkfs ? mkfs : "");
    struct buf out = {.data = NULL};
    size_t n = 0;
    int status = 0, r = 0;
    /* Without MFD_CLOEXEC: mkfs inherits it. */
    const int fd = memfd_create("tornpage-image", 0);

    if (fd < 0 || ftruncate(fd, (off_t)(size_bytes / BLOCK_BYTES * BLOCK_BYTES)))
        r = error_set(err, errno, "memfd_create", "image", NULL);
    const int put = r == 0 && old_bytes ? put_old_bytes(fd, size_bytes) : 0;
    if (put < 0)
        r = error_set(err, -put, "write", "image", NULL);
    snprintf(program, sizeof program, "mkfs.%s", fs);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    argv[n++] = program;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(defaults, sizeof defaults, k->mkfs, sector);
#pragma GCC diagnostic pop
    if (r == 0 && (split(defaults, argv, &n) < 0 || split(extra, argv, &n) < 0))
        r = error_set(err, EINVAL, program, "", "more than %d words", MAX_ARGS);
    argv[n++] = path;
    argv[n] = NULL;
    if (r == 0)
        r = command_run(argv, &out, &status, err);
    if (r == 0 && status)
        r = error_set(err, EINVAL, program, mkfs, "%s", buf_text(&out));
    /* Some mkfs truncate the file to what they use. No other program needs the descriptor. */
    if (r == 0 && (ftruncate(fd, (off_t)(size_bytes / BLOCK_BYTES * BLOCK_BYTES)) || fcntl(fd, F_SETFD, FD_CLOEXEC)))
        r = error_set(err, errno, "ftruncate", "image", NULL);
    const int punched = r == 0 ? punch_zeros(fd, size_bytes / BLOCK_BYTES * BLOCK_BYTES) : 0;
    if (punched < 0)
        r = error_set(err, -punched, "fallocate", "image", NULL);
    buf_free(&out);
    free(extra);
    if (r < 0 && fd >= 0)
        close(fd);
    return r < 0 ? r : fd;
}

struct mount_flag {
    const char *name;
    unsigned long set, clear;
};

/* Options that mount(2) takes as flags. */
static const struct mount_flag flags[] = {
    {"ro", MS_RDONLY, 0},
    {"rw", 0, MS_RDONLY},
    {"noatime", MS_NOATIME, MS_STRICTATIME},
    {"nodiratime", MS_NODIRATIME, 0},
    {"relatime", MS_RELATIME, MS_NOATIME | MS_STRICTATIME},
    {"strictatime", MS_STRICTATIME, MS_NOATIME | MS_RELATIME},
    {"lazytime", MS_LAZYTIME, 0},
    {"sync", MS_SYNCHRONOUS, 0},
    {"async", 0, MS_SYNCHRONOUS},
    {"dirsync", MS_DIRSYNC, 0},
    {"nosuid", MS_NOSUID, 0},
    {"nodev", MS_NODEV, 0},
    {"noexec", MS_NOEXEC, 0},
    {"defaults", 0, 0},
};

static bool take_flag(const char *option, unsigned long *mask)
{
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(flags[i].name, option) == 0) {
            *mask = (*mask & ~flags[i].clear) | flags[i].set;
            return true;
        }
    return false;
}

bool fsimage_lists_devices(const char *fs)
{
    return kind_of(fs)->lists_devices;
}

/*
 * Takes the device out of btrfs's list, which knows devices by their numbers. A process that is killed while it mounts can leave
 * an entry there. If the number's next user is one of several clones that are mounted at the same time, the kernel takes it for
 * the volume of that entry and refuses it with EINVAL (measured on 6.18: "superblock metadata_uuid doesn't match metadata uuid of
 * fs_devices"). The entry of a mounted device stays, and where there is no control device nothing is done.
 */
void fsimage_forget_device(const char *fs, const char *device)
{
    struct btrfs_ioctl_vol_args args = {.name = ""};
    const int control = fsimage_lists_devices(fs) ? open("/dev/btrfs-control", O_RDWR | O_CLOEXEC) : -1;

    if (control < 0)
        return;
    snprintf(args.name, sizeof args.name, "%s", device ? device : "");
    ioctl(control, BTRFS_IOC_FORGET_DEV, &args);
    close(control);
}

int fsimage_mount(const char *fs, const char *device, const char *dir, const char *options, struct error *err)
{
    const struct fs_kind *k = kind_of(fs);
    char *words = xstrdup(options ? options : ""), *save = NULL;
    struct buf data = {.data = NULL};
    unsigned long mask = 0;
    int r = 0;

    if (k->always)
        buf_puts(&data, k->always);
    for (char *w = strtok_r(words, ",", &save); w; w = strtok_r(NULL, ",", &save))
        if (!take_flag(w, &mask))
            buf_printf(&data, "%s%s", data.len_bytes ? "," : "", w);
    const int lock = mountlock_for_mount();

    fsimage_forget_device(fs, device);
    if (mount(device, dir, fs, mask, buf_text(&data)))
        r = error_set(err, errno, "mount", fs, "%s (options \"%s\"; the kernel's log may say more)", strerror(errno),
                      options ? options : "");
    mountlock_drop(lock);
    buf_free(&data);
    free(words);
    return r;
}

/* Replaces the device's name: processes that check one image do so on different devices, and the text must be the same. */
static void put_without_device(const char *text, const char *device, struct buf *ret)
{
    for (const char *at; (at = strstr(text, device)) != NULL; text = at + strlen(device)) {
        buf_add(ret, text, (size_t)(at - text));
        buf_puts(ret, "DEVICE");
    }
    buf_puts(ret, text);
}

int fsimage_check(const char *fs, const char *device, char *text, size_t size_bytes, struct error *err)
{
    const struct fs_kind *k = kind_of(fs);
    const char *argv[MAX_ARGS] = {NULL};
    char line[128];
    struct buf out = {.data = NULL};
    size_t n = 0;
    int status = 0, r;

    assert(size_bytes > 0);
    text[0] = '\0';
    if (k->check)
        snprintf(line, sizeof line, "%s", k->check);
    else
        snprintf(line, sizeof line, "fsck.%s -n", fs);
    r = split(line, argv, &n);
    assert(r == 0);
    if (!k->check && !command_exists(argv[0]))
        return 0;
    argv[n++] = device;
    argv[n] = NULL;
    r = command_run(argv, &out, &status, err);
    if (r == 0 && status) {
        struct buf words = {.data = NULL};

        put_without_device(buf_text(&out), device, &words);
        snprintf(text, size_bytes, "%s: status %d: %s", argv[0], status, buf_text(&words));
        buf_free(&words);
    }
    buf_free(&out);
    return r;
}

/* Adds the first lines of a text that are not blank, each behind `word`. */
static void put_lines(const char *word, const char *text, struct buf *out)
{
    enum { MAX_LINES = 8 };

    for (unsigned n = 0; n < MAX_LINES && *text; text += strcspn(text, "\n"), text += *text == '\n') {
        const int len = (int)strcspn(text, "\n");

        if (len > 0) {
            buf_printf(out, "%s: %.*s\n", word, len, text);
            n++;
        }
    }
}

void fsimage_explain_refusal(const char *fs, const char *device, const char *dir, const char *options, struct buf *out)
{
    char text[2048];
    const int log = kernel_log_open();

    if (fsimage_mount(fs, device, dir, options, NULL) == 0)
        umount(dir);
    kernel_log_take(log, fs, device, out);
    if (fsimage_check(fs, device, text, sizeof text, NULL) == 0)
        put_lines("fsck", text, out);
}

bool fsimage_mount_blames_host(const struct error *err)
{
    static const int codes[] = {ENOMEM, EMFILE, ENFILE, ENODEV, ENXIO,    ENOTBLK, ENOENT,
                                EPERM,  EACCES, EBUSY,  EEXIST, ENOTCONN, ENOTDIR, EINTR};

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (err->code == codes[i])
            return true;
    return err->skip;
}
