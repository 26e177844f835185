/* Volumes and the state they are in: see volume.h. */
#include "backend/volume.h"

#include <assert.h>
#include <stdlib.h>

#include "backend/backend.h"
#include "base/buf.h"
#include "base/error.h"

struct volume {
    const struct backend_volumes *ops;
    const struct backend_images *images; /* NULL: it has recorded disks, if any */
    void *handle;                        /* the backend's own */
    bool mounted;
};

bool volumes_are_own(const struct backend *b)
{
    return b->volumes && b->volumes->disk;
}

void volumes_trim(const struct backend_config *c)
{
    if (c->backend->volumes && c->backend->volumes->trim)
        c->backend->volumes->trim(c);
}

/* Takes over what a backend has opened, or its failure. */
static int opened(const struct backend_config *c, bool image, int rc, void *handle, struct volume **ret, const struct error *err)
{
    assert(rc <= 0 && (rc == 0 || !err || err->code));
    assert(rc < 0 || handle);
    *ret = NULL;
    if (rc < 0)
        return rc;
    *ret = xmalloc(sizeof **ret);
    **ret = (struct volume){.ops = c->backend->volumes, .images = image ? c->backend->images : NULL, .handle = handle};
    return 0;
}

int volume_open(const struct backend_config *c, uint64_t seed, struct volume **ret, struct error *err)
{
    void *handle = NULL;

    assert(c->ready && c->backend->volumes);
    const int rc = c->backend->volumes->open(c, seed, &handle, err);
    return opened(c, false, rc, handle, ret, err);
}

int volume_open_image(const struct backend_config *c, struct crash_image *image, struct volume **ret, struct error *err)
{
    void *handle = NULL;

    assert(c->ready && c->backend->volumes && c->backend->images && image);
    const int rc = c->backend->images->open(c, image, &handle, err);
    return opened(c, true, rc, handle, ret, err);
}

void volume_close(struct volume *v)
{
    if (!v)
        return;
    v->ops->close(v->handle);
    free(v);
}

int volume_mount(struct volume *v, struct error *err)
{
    assert(!v->mounted);
    const int rc = v->ops->mount(v->handle, err);

    assert(rc <= 0 && (rc == 0 || !err || err->code));
    v->mounted = rc == 0;
    return rc;
}

int volume_unmount(struct volume *v, struct error *err)
{
    assert(v->mounted);
    const int rc = v->ops->unmount(v->handle, err);

    assert(rc <= 0 && (rc == 0 || !err || err->code));
    v->mounted = rc < 0;
    return rc;
}

bool volume_is_mounted(const struct volume *v)
{
    return v->mounted;
}

const char *volume_path(struct volume *v, unsigned client)
{
    assert(v->mounted && client < (v->ops->clients ? v->ops->clients : 1));
    const char *path = v->ops->path(v->handle, client);

    assert(path && path[0]);
    return path;
}

struct disk *volume_disk(struct volume *v, unsigned n)
{
    assert(!v->images);
    return v->ops->disk ? v->ops->disk(v->handle, n) : NULL;
}

struct crash_disk *volume_crash_disk(struct volume *v)
{
    assert(v->images);
    struct crash_disk *d = v->images->disk(v->handle);

    assert(d);
    return d;
}

int volume_check(struct volume *v, struct error *err)
{
    return v->ops->check ? v->ops->check(v->handle, err) : 0;
}

int volume_rewind(struct volume *v, struct error *err)
{
    assert(!v->mounted);
    return v->ops->rewind ? v->ops->rewind(v->handle, err) : 0;
}

int volume_fsck(struct volume *v, char *text, size_t size_bytes, struct error *err)
{
    assert(!v->mounted && text && size_bytes);
    text[0] = '\0';
    return v->ops->fsck ? v->ops->fsck(v->handle, text, size_bytes, err) : 0;
}

void volume_explain_refusal(struct volume *v, struct buf *out)
{
    assert(!v->mounted && out);
    if (v->ops->explain_refusal)
        v->ops->explain_refusal(v->handle, out);
}
