/*
 * loop: an unmodified kernel file system on a recorded disk. A process of ours serves the disk as a file through FUSE, a loop
 * device is attached to that file, the file system is mounted from there. Crash states are mounted from a crash disk, which needs
 * no such process. backends/loop.md is the manual.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/backend.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/size.h"
#include "device/base_image.h"
#include "device/clones.h"
#include "device/fs_words.h"
#include "device/fsimage.h"
#include "device/loopdev.h"
#include "disk/disk.h"
#include "disk/disk_faults.h"
#include "disk/fuse_disk.h"
#include "host/isolate.h"
#include "host/nofork_pages.h"
#include "states/crash_disk.h"

struct settings {
    const char *fs;
    struct words mkfs, mount;
    uint64_t size_bytes; /* 0: by file system */
    int sector;          /* index into sectors; OPTION_UNSET: by file system */
    int media;           /* index into media_names */
    uint64_t fill;       /* percentage; 0: none */
};

enum { HARMLESS_SIZE_BYTES = 1 << 30 };

static const unsigned sectors[] = {512, 4096};

static const char *const sector_names[] = {"512", "4096", NULL};

enum { MEDIA_ZEROS, MEDIA_OLD };

static const char *const media_names[] = {[MEDIA_ZEROS] = "zeros", [MEDIA_OLD] = "old", NULL};

static bool fault_choice(size_t i, struct option_choice *ret)
{
    const struct disk_fault_kind *k = &disk_fault_kinds[i];

    *ret = (struct option_choice){.name = k->name, .argument = k->argument, .sentence = k->sentence};
    return ret->name;
}

static const char *harmful(const void *settings)
{
    const struct settings *s = settings;

    return !fs_words_known(s->fs)                           ? "fs"
           : !fs_words_mkfs_harmless(s->fs, s->mkfs.text)   ? "mkfs"
           : !fs_words_mount_harmless(s->fs, s->mount.text) ? "mount"
           : s->size_bytes > HARMLESS_SIZE_BYTES            ? "size"
                                                            : NULL;
}

static const struct backend_option options[] = {
    {.key = "fs",
     .type = OPTION_TEXT,
     .fallback = "ext4",
     .offset = offsetof(struct settings, fs),
     .check = fsimage_known,
     .help = "file system: ext4, xfs, btrfs, or any other that this kernel and a mkfs here have"},
    {.key = "mkfs",
     .type = OPTION_WORDS,
     .separator = ' ',
     .offset = offsetof(struct settings, mkfs),
     .help = "more options for mkfs, separated by spaces"},
    {.key = "mount",
     .type = OPTION_WORDS,
     .separator = ',',
     .offset = offsetof(struct settings, mount),
     .help = "mount options; '+' between them stands for a comma"},
    {.key = "size",
     .type = OPTION_SIZE,
     .least = UINT64_C(1) << 20,
     .most = UINT64_C(1) << 43,
     .offset = offsetof(struct settings, size_bytes),
     .help = "size of the volume, such as 64m; default: small, by file system"},
    {.key = "sector",
     .type = OPTION_CHOICE,
     .names = sector_names,
     .offset = offsetof(struct settings, sector),
     .help = "atomic unit and logical sector of the disk: 512 or 4096; default: by file system, see the manual"},
    {.key = "media",
     .type = OPTION_CHOICE,
     .fallback = "zeros",
     .names = media_names,
     .offset = offsetof(struct settings, media),
     .help =
         "what the disk holds before mkfs: zeros, or old bytes as on a used disk, so that blocks shown unwritten are noticed"},
    {.key = "fill",
     .type = OPTION_SIZE,
     .least = 1,
     .most = 95,
     .offset = offsetof(struct settings, fill),
     .help =
         "percentage of the free space that other files take, written and deleted in turns, so that free space lies in pieces"},
    {.key = "disk",
     .type = OPTION_FAULTS,
     .choice = fault_choice,
     .fault = true,
     .help =
         "lies of the disk: ignore-flush, ignore-fua, ignore-discard, drop:N, tear:N, misdirect:N, corrupt:N; '+' between them"},
    {.key = NULL},
};

enum { MAX_SPARES = 6 }; /* of a process: two for each file system that is tested by default */

/* What all volumes of one configuration share. */
struct shared {
    int image_fd;
};

/* One for all configurations, while there are any: the kernel takes 64 such programs at a time. NULL: impossible here. */
static struct blocktracer *tracer;
static unsigned tracer_users;

struct loop_volume {
    const struct backend_config *config;
    struct disk *disk; /* NULL for crash images */
    struct fuse_disk *server;
    struct loopdev loop;
    struct crash_disk *crash_disk; /* for crash images, instead of the three above */
    bool mounted;
    int turn;        /* of clones_mount */
    char dir[192];   /* the volume's own */
    char mount[208]; /* mount point below it */
};

static const struct settings *settings_of(const struct backend_config *c)
{
    return c->settings;
}

/* The disk's logical sector. 512 unless asked otherwise, as on most drives whose atomic unit is 4096: 1 KiB blocks must fit. */
static unsigned logical_sector(const struct backend_config *c)
{
    const int sector = settings_of(c)->sector;

    return sector == OPTION_UNSET ? 512 : sectors[sector];
}

static unsigned atomic_unit(const struct backend_config *c)
{
    const struct settings *s = settings_of(c);

    return s->sector == OPTION_UNSET ? fsimage_default_sector(s->fs) : sectors[s->sector];
}

static uint64_t volume_size(const struct backend_config *c)
{
    const struct settings *s = settings_of(c);

    return s->size_bytes ? s->size_bytes : fsimage_default_size(s->fs);
}

static int loop_probe(const struct backend_config *c, struct error *err)
{
    int r = isolate_possible(err);

    if (r == 0 && !fuse_disk_possible())
        r = error_skip(err, "loop", "no /dev/fuse here: load the module fuse, or give the container that device");
    if (r == 0)
        r = fsimage_possible(settings_of(c)->fs, err);
    return r;
}

static struct shared *keep_image(int image_fd)
{
    struct shared *s = xcalloc(1, sizeof *s);

    s->image_fd = image_fd;
    if (tracer_users++ == 0)
        blocktracer_new(&tracer, NULL); /* without it all works, only slower */
    return s;
}

static int loop_prepare(const struct backend_config *c, void **ret_shared, struct error *err)
{
    const struct settings *s = settings_of(c);
    const struct base_image image = {.fs = s->fs,
                                     .size_bytes = volume_size(c),
                                     .sector = logical_sector(c),
                                     .mkfs = s->mkfs.text,
                                     .mount = s->mount.text,
                                     .old_bytes = s->media == MEDIA_OLD,
                                     .fill = (unsigned)s->fill};
    const int fd = base_image_make(&image, err);

    if (fd < 0)
        return fd;
    *ret_shared = keep_image(fd);
    return 0;
}

static int loop_adopt(const struct backend_config *c, int image_fd, void **ret_shared, struct error *err)
{
    const int fd = fcntl(image_fd, F_DUPFD_CLOEXEC, 0);

    (void)c;
    if (fd < 0)
        return error_set(err, errno, "dup", "image", NULL);
    *ret_shared = keep_image(fd);
    return 0;
}

static void loop_guarantees(const struct backend_config *c, struct guarantees *ret)
{
    const char *fs = settings_of(c)->fs;

    /* Documented to show blocks that nobody wrote there (kernel admin-guide, ext4). No barriers and lying disks are not reasons
     * to promise less: what sync(2) and msync(2) document is then broken, and that is what a person must be told. */
    if (words_have(&settings_of(c)->mount, "data=writeback"))
        ret->no_stale_blocks = false;
    if (words_include(settings_of(c)->mkfs.text, "-O bigalloc")) /* its unit is a cluster, not a block */
        ret->shifts_pages = false;
    /* Practice is known of these; ext2 and others promise no order of names. */
    if (strcmp(fs, "ext4") != 0 && strcmp(fs, "ext3") != 0 && strcmp(fs, "xfs") != 0 && strcmp(fs, "btrfs") != 0)
        ret->fsync_names = ret->ordered_names = false;
    if (strcmp(fs, "btrfs") == 0) /* its fsync logs one file, not what was done to other names before */
        ret->ordered_names = false;
}

static const char *device(const struct loop_volume *v)
{
    return v->crash_disk ? crash_disk_path(v->crash_disk) : v->loop.path;
}

static void end_volume(struct loop_volume *v)
{
    if (!v)
        return;
    if (v->mounted && umount(v->mount))
        umount2(v->mount, MNT_DETACH);
    clones_end_turn(settings_of(v->config)->fs, device(v), &v->turn);
    crash_disk_free(v->crash_disk);
    /* The device first: closing it may still write, and the server must be there to answer. */
    loopdev_detach(&v->loop);
    fuse_disk_stop(v->server);
    disk_free(v->disk);
    rmdir(v->mount);
    rmdir(v->dir);
    free(v);
}

/* A directory that no other volume has. Its name is the same each time where nobody else uses the scratch: reports may show it.
 */
static int make_dir(struct loop_volume *v, struct error *err)
{
    unsigned i = 0;
    int r;

    do {
        snprintf(v->dir, sizeof v->dir, "%s/loop-%u", isolate_scratch(), i++);
        r = mkdir(v->dir, 0700) ? errno : 0;
    } while (r == EEXIST);
    return r ? error_set(err, r, "mkdir", v->dir, NULL) : 0;
}

/* A volume with its directories, and no disk yet; to be ended also on failure. */
static int make_volume(const struct backend_config *c, struct loop_volume **ret, struct error *err)
{
    struct loop_volume *v = xcalloc(1, sizeof *v);

    v->config = c;
    v->loop.fd = v->turn = -1;
    int r = make_dir(v, err);
    snprintf(v->mount, sizeof v->mount, "%s/mnt", v->dir);
    if (r == 0 && mkdir(v->mount, 0700))
        r = error_set(err, errno, "mkdir", v->mount, NULL);
    *ret = v;
    return r;
}

/* Starts disk, server and device. */
static int open_disk(struct loop_volume *v, struct error *err)
{
    const struct shared *s = v->config->shared;
    int fd = -1, r = disk_new(s->image_fd, atomic_unit(v->config), &v->disk, err);

    if (r == 0)
        r = fuse_disk_start(v->disk, v->mount, &v->server, &fd, err);
    if (r == 0)
        r = loopdev_attach(fd, logical_sector(v->config), &v->loop, err);
    if (fd >= 0)
        close(fd); /* from here on only the device keeps the disk */
    return r;
}

/*
 * Volumes that this process closed and may want again, the oldest first: a server, its mount and two devices cost as much as
 * several crash states. Wiped in children, which would otherwise share them.
 */
struct spares {
    struct loop_volume *v[MAX_SPARES];
};

static struct spares *own_spares(void)
{
    static struct spares *own;

    return own ? own : (own = wiped_page());
}

/* Takes out number i. */
static struct loop_volume *take_at(struct spares *s, size_t i)
{
    struct loop_volume *v = s->v[i];

    memmove(&s->v[i], &s->v[i + 1], (MAX_SPARES - 1 - i) * sizeof s->v[0]);
    s->v[MAX_SPARES - 1] = NULL;
    return v;
}

/* Takes the spare volume of this configuration, for crash images or not; NULL: there is none. */
static struct loop_volume *take_spare(const struct backend_config *c, bool crashed)
{
    struct spares *s = own_spares();

    for (size_t i = 0; s && i < MAX_SPARES && s->v[i]; i++)
        if (s->v[i]->config == c && (s->v[i]->crash_disk != NULL) == crashed)
            return take_at(s, i);
    return NULL;
}

/* Keeps the volume as a spare for the next open, if it is in order. */
static void loop_close(void *handle)
{
    struct loop_volume *v = handle;
    struct spares *s = own_spares();
    size_t n = 0;

    if (v->mounted || !s) {
        end_volume(v);
        return;
    }
    while (n < MAX_SPARES && s->v[n])
        n++;
    if (n == MAX_SPARES)
        end_volume(take_at(s, --n));
    s->v[n] = v;
}

static void end_spares(const struct backend_config *c)
{
    struct loop_volume *v;

    for (int crashed = 0; crashed < 2; crashed++)
        while ((v = take_spare(c, crashed)) != NULL)
            end_volume(v);
}

/* The spare volume as if it were new: the image is on its disk again, and nothing of what was is in the device's cache. */
static bool refresh(struct loop_volume *v)
{
    return fuse_disk_check(v->server, NULL) == 0 && disk_reset(v->disk) == 0 && loopdev_drop_cache(&v->loop, NULL) == 0;
}

static int loop_open(const struct backend_config *c, uint64_t seed, void **ret_handle, struct error *err)
{
    struct loop_volume *v = take_spare(c, false);
    int r = 0;

    (void)seed;
    if (!v || !refresh(v)) {
        end_volume(v);
        r = make_volume(c, &v, err);
        if (r == 0)
            r = open_disk(v, err);
    }
    if (r < 0)
        end_volume(v);
    else
        *ret_handle = v;
    return r;
}

static int loop_open_image(const struct backend_config *c, struct crash_image *image, void **ret_handle, struct error *err)
{
    struct loop_volume *v = take_spare(c, true);
    int r = 0;

    if (!v || crash_disk_set_image(v->crash_disk, image, NULL) < 0) {
        end_volume(v);
        r = make_volume(c, &v, err);
        if (r == 0)
            r = crash_disk_new(image, logical_sector(c), tracer, &v->crash_disk, err);
    }
    if (r < 0)
        end_volume(v);
    else
        *ret_handle = v;
    return r;
}

static void loop_release(const struct backend_config *c, void *shared)
{
    struct shared *s = shared;

    end_spares(c);
    if (--tracer_users == 0) {
        blocktracer_free(tracer);
        tracer = NULL;
    }
    close(s->image_fd);
    free(s);
}

static int loop_mount(void *handle, struct error *err)
{
    struct loop_volume *v = handle;
    const struct settings *s = settings_of(v->config);
    const struct shared *shared = v->config->shared;
    const int r = clones_mount(s->fs, device(v), v->mount, s->mount.text, shared->image_fd, &v->turn, err);

    v->mounted = r == 0;
    return r;
}

static int loop_unmount(void *handle, struct error *err)
{
    struct loop_volume *v = handle;

    if (umount(v->mount))
        return error_set(err, errno, "umount", v->mount, NULL);
    clones_end_turn(settings_of(v->config)->fs, device(v), &v->turn);
    v->mounted = false;
    return 0;
}

static const char *loop_path(void *handle, unsigned client)
{
    (void)client;
    return ((const struct loop_volume *)handle)->mount;
}

static struct disk *loop_disk(void *handle, unsigned n)
{
    return n == 0 ? ((const struct loop_volume *)handle)->disk : NULL;
}

static struct crash_disk *loop_crash_disk(void *handle)
{
    return ((const struct loop_volume *)handle)->crash_disk;
}

static int loop_check(void *handle, struct error *err)
{
    const struct loop_volume *v = handle;
    const int r = fuse_disk_check(v->server, err);

    return r < 0 || !v->server ? r : loopdev_ask(&v->loop, err);
}

static int loop_rewind(void *handle, struct error *err)
{
    return loopdev_drop_cache(&((struct loop_volume *)handle)->loop, err);
}

static int loop_fsck(void *handle, char *text, size_t size_bytes, struct error *err)
{
    const struct loop_volume *v = handle;

    return fsimage_check(settings_of(v->config)->fs, device(v), text, size_bytes, err);
}

static void loop_explain_refusal(void *handle, struct buf *out)
{
    const struct loop_volume *v = handle;
    const struct settings *s = settings_of(v->config);

    fsimage_explain_refusal(s->fs, device(v), v->mount, s->mount.text, out);
}

static const struct backend_volumes volumes = {
    .prepare = loop_prepare,
    .release = loop_release,
    .open = loop_open,
    .close = loop_close,
    .trim = end_spares,
    .mount = loop_mount,
    .unmount = loop_unmount,
    .path = loop_path,
    .disk = loop_disk,
    .check = loop_check,
    .rewind = loop_rewind,
    .fsck = loop_fsck,
    .explain_refusal = loop_explain_refusal,
};

static const struct backend_images images = {
    .size = volume_size, .adopt = loop_adopt, .open = loop_open_image, .disk = loop_crash_disk};

const struct backend backend_loop = {
    .name = "loop",
    .summary = "an unmodified kernel file system on a recorded disk",
    .strikes = 1U << STRIKE_NONE | 1U << STRIKE_KILL | 1U << STRIKE_POWER,
    .cannot = "losses inside a real drive's own cache, and whatever the kernel does differently on other hardware",
    .options = options,
    .settings_bytes = sizeof(struct settings),
    .harmful = harmful,
    .probe = loop_probe,
    .guarantees = loop_guarantees,
    .volumes = &volumes,
    .images = &images,
};
