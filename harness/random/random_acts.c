/*
 * The steps of random plans: each function emits one step that the model says will succeed, and brings the model up to date. See
 * random.c.
 */
#include <assert.h>
#include <string.h>

#include "base/size.h"
#include "random/random_private.h"

enum { MAX_TRIES = 64 };

static const char *const names[N_NAMES] = {"f", "g", "h", "d/f", "d/g"};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int pick_name(struct gen *g, bool there)
{
    const int n = g->has_dir ? N_NAMES : N_ROOT_NAMES, start = (int)rng_below(g->r, (uint64_t)n);

    for (int i = 0; i < n; i++) {
        const int name = (start + i) % n;
        if ((g->name_inode[name] != NO_FILE) == there)
            return name;
    }
    return -1;
}

bool random_open(struct gen *g, int name)
{
    const int i = random_free(g, FILES);

    if (i < 0 || g->n_inodes == MAX_INODES)
        return false;
    const bool there = g->name_inode[name] != NO_FILE, readonly = there && rng_one_in(g->r, 8);
    const int16_t handle = random_handle(g, FILES, names[name]);
    struct step *s = random_emit(g, "open");

    if (!there) {
        random_set_flag(s, 'f');
        g->name_inode[name] = g->n_inodes;
        g->size[g->n_inodes++] = 0;
    }
    if (readonly)
        random_set_flag(s, 'r');
    else if (rng_one_in(g->r, 10))
        random_set_flag(s, rng_one_in(g->r, 2) ? 's' : 'D');
    if (there && !readonly && rng_one_in(g->r, 12)) {
        random_set_flag(s, 't');
        g->size[g->name_inode[name]] = 0;
    }
    random_set_path(g, s, 0, names[name]);
    s->handle = handle;
    random_hand(g)->things[FILES][i] =
        (struct thing){.live = true, .handle = handle, .inode = g->name_inode[name], .writable = !readonly};
    random_hand(g)->current[FILES] = i;
    return true;
}

static bool do_open(struct gen *g)
{
    int name = pick_name(g, !rng_one_in(g->r, 3));

    if (name < 0)
        name = pick_name(g, false);
    return name >= 0 && random_open(g, name);
}

static bool let_go(struct gen *g, const char *verb, int kind)
{
    const int i = random_pick(g, kind, false);

    if (i < 0)
        return false;
    random_emit_on(g, verb, kind, i);
    random_hand(g)->things[kind][i].live = false;
    if (random_hand(g)->current[kind] == i)
        random_hand(g)->current[kind] = -1;
    return true;
}

static bool do_close(struct gen *g)
{
    return let_go(g, "close", FILES);
}

static bool do_munmap(struct gen *g)
{
    return let_go(g, "munmap", MAPS);
}

bool random_mmap(struct gen *g)
{
    const int file = random_pick(g, FILES, false), i = random_free(g, MAPS);

    if (file < 0 || i < 0)
        return false;
    const struct thing *f = &random_hand(g)->things[FILES][file];
    const uint64_t size = g->size[f->inode];
    if (!size)
        return false;
    const bool private = rng_one_in(g->r, 12), readonly = (!f->writable && !private) || rng_one_in(g->r, 12);
    struct thing m = {.live = true, .inode = f->inode, .writable = !readonly, .off = 0, .end = size};
    const int16_t handle = random_handle(g, MAPS, g->p->handles[f->handle]);
    struct step *s = random_emit(g, "mmap");

    if (readonly)
        random_set_flag(s, 'r');
    if (private)
        random_set_flag(s, 'p');
    if (random_hand(g)->current[FILES] != file || rng_one_in(g->r, 8))
        random_set_flag_value(s, 'F', (uint64_t)f->handle);
    if (rng_one_in(g->r, 2)) { /* a window, which may reach beyond what the file has now */
        m.off = rng_below(g->r, page_up(size) / PAGE_BYTES) * PAGE_BYTES;
        m.end = m.off + (1 + rng_below(g->r, (RANDOM_MAX_SIZE - m.off) / PAGE_BYTES)) * PAGE_BYTES;
        random_set_range(s, m.off, m.end - m.off);
    }
    s->handle = m.handle = handle;
    random_hand(g)->things[MAPS][i] = m;
    random_hand(g)->current[MAPS] = i;
    return true;
}

/* A range to load or store in mapping m: in the file, seldom in the tail of its last page, more seldom beyond it (SIGBUS). */
static bool access_range(struct gen *g, const struct thing *m, uint64_t *ret_off, uint64_t *ret_len)
{
    const uint64_t size = g->size[m->inode];
    uint64_t lo = m->off, hi = least(m->end, size);

    if (rng_one_in(g->r, 10))
        hi = least(m->end, page_up(size));
    if (rng_one_in(g->r, 24) && m->end > page_up(size)) {
        lo = page_up(size) > lo ? page_up(size) : lo;
        hi = m->end;
    }
    if (lo >= hi)
        return false;
    random_range(g, lo, hi, ret_off, ret_len);
    return true;
}

static void maybe_byte(struct gen *g, struct step *s)
{
    if (rng_one_in(g->r, 8))
        random_set_flag_value(s, 'S', 'a' + rng_below(g->r, 26));
}

static bool do_mwrite(struct gen *g)
{
    const int i = random_pick(g, MAPS, true);
    uint64_t off, len;

    if (i < 0 || !access_range(g, &random_hand(g)->things[MAPS][i], &off, &len))
        return false;
    struct step *s = random_emit_on(g, "mwrite", MAPS, i);
    maybe_byte(g, s);
    random_set_range(s, off, len);
    return true;
}

static bool do_mread(struct gen *g)
{
    const int i = random_pick(g, MAPS, false);
    uint64_t off, len;

    if (i < 0 || !access_range(g, &random_hand(g)->things[MAPS][i], &off, &len))
        return false;
    random_set_range(random_emit_on(g, "mread", MAPS, i), off, len);
    return true;
}

static bool do_msync(struct gen *g)
{
    const int i = random_pick(g, MAPS, false);

    if (i < 0)
        return false;
    const struct thing *m = &random_hand(g)->things[MAPS][i];
    struct step *s = random_emit_on(g, "msync", MAPS, i);
    random_set_flag(s, rng_one_in(g->r, 5) ? 'a' : 's');
    if (rng_one_in(g->r, 2)) { /* msync(2): the start must be a multiple of the page */
        const uint64_t pages = page_up(m->end - m->off) / PAGE_BYTES, first = rng_below(g->r, pages);
        const uint64_t off = m->off + first * PAGE_BYTES;
        random_set_range(s, off, 1 + rng_below(g->r, m->end - off));
    }
    return true;
}

static bool do_pread(struct gen *g)
{
    const int i = random_pick(g, FILES, false);
    uint64_t off, len;

    if (i < 0 || !g->size[random_hand(g)->things[FILES][i].inode])
        return false;
    random_range(g, 0, g->size[random_hand(g)->things[FILES][i].inode], &off, &len);
    random_set_range(random_emit_on(g, "pread", FILES, i), off, len);
    return true;
}

/* A step that changes a range of a file and, unless it keeps the size, may extend it. */
static struct step *change_range(struct gen *g, const char *verb, bool keeps_size)
{
    const int i = random_pick(g, FILES, true);
    uint64_t off, len;

    if (i < 0)
        return NULL;
    uint64_t *size = &g->size[random_hand(g)->things[FILES][i].inode];
    random_range(g, 0, rng_one_in(g->r, 2) && *size ? *size : RANDOM_MAX_SIZE, &off, &len);
    struct step *s = random_emit_on(g, verb, FILES, i);
    random_set_range(s, off, len);
    if (!keeps_size && off + len > *size)
        *size = off + len;
    return s;
}

bool random_pwrite(struct gen *g)
{
    struct step *s = change_range(g, "pwrite", false);

    if (s)
        maybe_byte(g, s);
    return s != NULL;
}

static bool do_fpunch(struct gen *g)
{
    return change_range(g, "fpunch", true) != NULL;
}

static bool maybe_keeping_size(struct gen *g, const char *verb)
{
    const bool keep = rng_one_in(g->r, 3);
    struct step *s = change_range(g, verb, keep);

    if (s && keep)
        random_set_flag(s, 'k');
    return s != NULL;
}

bool random_falloc(struct gen *g)
{
    return maybe_keeping_size(g, "falloc");
}

static bool do_fzero(struct gen *g)
{
    return maybe_keeping_size(g, "fzero");
}

bool random_truncate(struct gen *g)
{
    const int i = random_pick(g, FILES, true);

    if (i < 0)
        return false;
    const uint64_t unit = rng_one_in(g->r, 2) ? PAGE_BYTES : 1, size = rng_below(g->r, RANDOM_MAX_SIZE / unit + 1) * unit;
    random_set_arg(random_emit_on(g, "truncate", FILES, i), 0, size);
    g->size[random_hand(g)->things[FILES][i].inode] = size;
    return true;
}

static bool do_copy_range(struct gen *g)
{
    const int from = pick_name(g, true), i = random_pick(g, FILES, true);
    uint64_t off, len;

    /* A range of a file onto itself must not overlap: left to people. */
    if (from < 0 || i < 0 || g->name_inode[from] == random_hand(g)->things[FILES][i].inode || !g->size[g->name_inode[from]])
        return false;
    uint64_t *size = &g->size[random_hand(g)->things[FILES][i].inode];
    const uint64_t to = rng_below(g->r, *size + 1);
    random_range(g, 0, g->size[g->name_inode[from]], &off, &len);
    len = least(len, RANDOM_MAX_SIZE - to);
    if (!len)
        return false;
    struct step *s = random_emit_on(g, "copy_range", FILES, i);
    random_set_flag_value(s, 's', off);
    random_set_flag_value(s, 'd', to);
    random_set_flag_value(s, 'l', len);
    random_set_path(g, s, 0, names[from]);
    if (to + len > *size)
        *size = to + len;
    return true;
}

static bool on_any_file(struct gen *g, const char *verb)
{
    const int i = random_pick(g, FILES, false);

    if (i < 0)
        return false;
    random_emit_on(g, verb, FILES, i);
    return true;
}

static bool do_fsync(struct gen *g)
{
    return on_any_file(g, "fsync");
}

static bool do_fdatasync(struct gen *g)
{
    return on_any_file(g, "fdatasync");
}

static bool do_writeback(struct gen *g)
{
    return on_any_file(g, "writeback");
}

static bool do_sync(struct gen *g)
{
    random_emit(g, "sync");
    return true;
}

static bool do_fsyncdir(struct gen *g)
{
    random_set_path(g, random_emit(g, "fsyncdir"), 0, g->has_dir && rng_one_in(g->r, 2) ? "d" : ".");
    return true;
}

static bool two_names(struct gen *g, const char *verb, int from, int to)
{
    struct step *s = random_emit(g, verb);

    random_set_path(g, s, 0, names[from]);
    random_set_path(g, s, 1, names[to]);
    g->name_inode[to] = g->name_inode[from];
    return true;
}

static bool do_rename(struct gen *g)
{
    const int from = pick_name(g, true), to = pick_name(g, rng_one_in(g->r, 2));

    /* Of two names of one file rename(2) does nothing and keeps both: not worth a step. */
    if (from < 0 || to < 0 || g->name_inode[from] == g->name_inode[to])
        return false;
    two_names(g, "rename", from, to);
    g->name_inode[from] = NO_FILE;
    return true;
}

static bool do_link(struct gen *g)
{
    const int from = pick_name(g, true), to = pick_name(g, false);

    return from >= 0 && to >= 0 && two_names(g, "link", from, to);
}

static bool do_unlink(struct gen *g)
{
    const int name = pick_name(g, true);

    if (name < 0)
        return false;
    random_set_path(g, random_emit(g, "unlink"), 0, names[name]);
    g->name_inode[name] = NO_FILE;
    return true;
}

static const struct action {
    uint8_t weight;
    bool (*act)(struct gen *g); /* false, and nothing emitted, when it cannot be done now */
} actions[] = {
    {26, do_mwrite},  {12, do_msync}, {10, random_pwrite}, {6, do_mread},        {5, do_pread},      {6, random_mmap},
    {3, do_munmap},   {4, do_open},   {2, do_close},       {5, random_truncate}, {2, random_falloc}, {3, do_fpunch},
    {3, do_fzero},    {5, do_fsync},  {2, do_copy_range},  {4, do_fdatasync},    {1, do_sync},       {4, do_writeback},
    {3, do_fsyncdir}, {3, do_rename}, {2, do_link},        {2, do_unlink},
};

void random_act(struct gen *g)
{
    unsigned total = 0;

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        total += actions[i].weight;
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        uint64_t ticket = rng_below(g->r, total);
        const struct action *a = actions;

        while (ticket >= a->weight)
            ticket -= (a++)->weight;
        if (a->act(g))
            return;
    }
    do_sync(g);
}
