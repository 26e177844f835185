/*
 * The model file system's names: a tree of directories, and the journal of operations by which the disk's tree follows the live
 * one. See simfs.h for the model.
 */
#include "model/simfs.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"

/* --- tables of entries --- */

static struct simfs_name *find_entry(const struct simfs_names *t, const struct simfs_inode *dir, const char *text, size_t len)
{
    for (size_t k = 0; k < t->n; k++) {
        struct simfs_name *e = &t->v[k];
        if (e->dir == dir && e->len_bytes == len && memcmp(e->text, text, len) == 0)
            return e;
    }
    return NULL;
}

static void apply(struct simfs_names *t, const struct simfs_name_op *op)
{
    for (int k = 0; k < op->n_gone; k++) {
        struct simfs_name *e = find_entry(t, op->gone[k].dir, op->gone[k].text, op->gone[k].len_bytes);
        assert(e && e->inode == op->gone[k].inode);
        *e = t->v[--t->n];
    }
    if (op->has_come) {
        t->v = grow(t->v, &t->cap, t->n, sizeof *t->v);
        t->v[t->n++] = op->come;
    }
}

static void touch(struct simfs *fs, const struct simfs_name *e)
{
    assert(e->inode && e->dir);
    e->inode->last_op = e->dir->last_op = fs->n_ops;
}

/* Does the operation and journals it. */
static void do_op(struct simfs *fs, const struct simfs_name_op *op)
{
    fs->ops = grow(fs->ops, &fs->cap_ops, fs->n_ops, sizeof *fs->ops);
    fs->ops[fs->n_ops++] = *op;
    apply(&fs->live, op);
    for (int k = 0; k < op->n_gone; k++)
        touch(fs, &op->gone[k]);
    if (op->has_come)
        touch(fs, &op->come);
}

void simfs_commit_names(struct simfs *fs, size_t n)
{
    assert(n <= fs->n_ops);
    while (fs->committed < n)
        apply(&fs->disk, &fs->ops[fs->committed++]);
}

/* --- paths --- */

/*
 * Resolves all of the path but its last component, which *ret describes (inode NULL when there is no such entry). The path "."
 * gives an entry without a directory.
 */
static int walk(const struct simfs *fs, const char *path, struct simfs_name *ret)
{
    *ret = (struct simfs_name){.inode = fs->root, .text = "", .len_bytes = 0};
    if (*path == '\0')
        return -ENOENT;
    for (;;) {
        while (*path == '/' || (path[0] == '.' && (path[1] == '/' || path[1] == '\0')))
            path++;
        if (*path == '\0')
            return 0;
        if (!ret->inode)
            return -ENOENT;
        if (ret->inode->kind != SIMFS_DIR)
            return -ENOTDIR;
        const size_t len = strcspn(path, "/");
        const struct simfs_name *e = find_entry(&fs->live, ret->inode, path, len);

        *ret = (struct simfs_name){.dir = ret->inode, .text = path, .len_bytes = len, .inode = e ? e->inode : NULL};
        path += len;
    }
}

int simfs_lookup(const struct simfs *fs, const char *path, struct simfs_inode **ret)
{
    struct simfs_name e;
    const int rc = walk(fs, path, &e);

    *ret = rc ? NULL : e.inode;
    return rc;
}

/* As walk; -ENOENT when the last component is missing too. */
static int walk_to(const struct simfs *fs, const char *path, struct simfs_name *ret)
{
    const int rc = walk(fs, path, ret);

    return rc || ret->inode ? rc : -ENOENT;
}

static bool empty_dir(const struct simfs *fs, const struct simfs_inode *dir)
{
    for (size_t k = 0; k < fs->live.n; k++)
        if (fs->live.v[k].dir == dir)
            return false;
    return true;
}

/* True when `below` is `dir` or lies under it. */
static bool within(const struct simfs *fs, const struct simfs_inode *below, const struct simfs_inode *dir)
{
    while (below && below != dir) {
        const struct simfs_inode *up = NULL;
        for (size_t k = 0; k < fs->live.n && !up; k++)
            if (fs->live.v[k].inode == below)
                up = fs->live.v[k].dir;
        below = up;
    }
    return below == dir;
}

/* --- operations --- */

int simfs_create(struct simfs *fs, const char *path, enum simfs_kind kind, struct simfs_inode **ret)
{
    struct simfs_name e;
    const int rc = walk(fs, path, &e);

    *ret = NULL;
    if (rc)
        return rc;
    if (e.inode)
        return -EEXIST;
    e.inode = simfs_new_inode(fs, kind);
    do_op(fs, &(struct simfs_name_op){.come = e, .has_come = true});
    *ret = e.inode;
    return 0;
}

int simfs_link(struct simfs *fs, const char *from, const char *to)
{
    struct simfs_name a, b;
    int rc = walk_to(fs, from, &a);

    if (!rc)
        rc = walk(fs, to, &b);
    if (rc)
        return rc;
    if (b.inode)
        return -EEXIST;
    if (a.inode->kind == SIMFS_DIR)
        return -EPERM;
    b.inode = a.inode;
    do_op(fs, &(struct simfs_name_op){.come = b, .has_come = true});
    return 0;
}

static int remove_name(struct simfs *fs, const struct simfs_name *e)
{
    do_op(fs, &(struct simfs_name_op){.gone = {*e}, .n_gone = 1});
    return 0;
}

int simfs_unlink(struct simfs *fs, const char *path)
{
    struct simfs_name e;
    const int rc = walk_to(fs, path, &e);

    if (rc)
        return rc;
    return e.inode->kind == SIMFS_DIR ? -EISDIR : remove_name(fs, &e);
}

int simfs_rmdir(struct simfs *fs, const char *path)
{
    struct simfs_name e;
    const int rc = walk_to(fs, path, &e);

    if (rc)
        return rc;
    if (e.inode->kind != SIMFS_DIR)
        return -ENOTDIR;
    if (!e.dir)
        return -EINVAL;
    return empty_dir(fs, e.inode) ? remove_name(fs, &e) : -ENOTEMPTY;
}

/* What rename(2) says to moving a onto b; 0 when it may. */
static int may_rename(const struct simfs *fs, const struct simfs_name *a, const struct simfs_name *b)
{
    if (!a->dir || !b->dir)
        return -EBUSY;
    if (!a->inode)
        return -ENOENT;
    if (a->inode->kind == SIMFS_DIR && within(fs, b->dir, a->inode))
        return -EINVAL;
    if (!b->inode || b->inode == a->inode)
        return 0;
    /* The target must not be a directory above the source. */
    if (b->inode->kind == SIMFS_DIR && within(fs, a->dir, b->inode))
        return -ENOTEMPTY;
    if (a->inode->kind == SIMFS_DIR && b->inode->kind != SIMFS_DIR)
        return -ENOTDIR;
    if (a->inode->kind != SIMFS_DIR && b->inode->kind == SIMFS_DIR)
        return -EISDIR;
    return b->inode->kind == SIMFS_DIR && !empty_dir(fs, b->inode) ? -ENOTEMPTY : 0;
}

int simfs_rename(struct simfs *fs, const char *from, const char *to)
{
    struct simfs_name a, b;
    int rc = walk(fs, from, &a);

    if (!rc)
        rc = walk(fs, to, &b);
    if (!rc)
        rc = may_rename(fs, &a, &b);
    if (rc || a.inode == b.inode) /* two names of one file: rename does nothing */
        return rc;

    struct simfs_name_op op = {.gone = {a}, .n_gone = 1, .come = b, .has_come = true};

    if (b.inode && fs->hooks->rename_in_two)
        remove_name(fs, &b);
    else if (b.inode)
        op.gone[op.n_gone++] = b;
    op.come.inode = a.inode;
    do_op(fs, &op);
    return 0;
}
