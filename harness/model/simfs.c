/* The model file system's memory: inodes, pages and how they are found. See simfs.h for the model. */
#include "model/simfs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

const struct simfs_hooks simfs_no_hooks;

enum { FIRST_SLOTS = 256, FIRST_INODE_NUMBER = 11 };

void simfs_reset(struct simfs *fs, const struct simfs_hooks *hooks, struct rng *rng)
{
    /* Odds of the adversary's three habits: idle until the cut, busy, or in between. */
    static const uint8_t odds[8] = {0, 0, 1, 2, 3, 4, 8, 16};

    fs->hooks = hooks;
    fs->rng = rng;
    fs->memory.armed = false;
    fs->memory.inode = fs->memory.other = NULL;
    fs->n_inodes = fs->n_pages = 0;
    fs->live.n = fs->disk.n = 0;
    fs->n_ops = fs->committed = 0;
    if (!fs->slots || ++fs->run == 0) {
        free(fs->slots);
        fs->n_slots = fs->n_slots ? fs->n_slots : FIRST_SLOTS;
        fs->slots = xcalloc(fs->n_slots, sizeof *fs->slots);
        fs->run = 1;
    }

    const uint64_t dice = rng_next(rng);
    fs->page_odds = odds[dice & 7];
    fs->size_odds = odds[dice >> 3 & 7];
    fs->name_odds = odds[dice >> 6 & 7];
    fs->root = simfs_new_inode(fs, SIMFS_DIR);
}

void simfs_free(struct simfs *fs)
{
    for (size_t i = 0; i < fs->made_inodes; i++)
        free(fs->inodes[i]);
    for (size_t i = 0; i < fs->made_pages; i++)
        free(fs->pages[i]);
    free(fs->inodes);
    free(fs->pages);
    free(fs->slots);
    free(fs->live.v);
    free(fs->disk.v);
    free(fs->ops);
    *fs = (struct simfs){0};
}

struct simfs_inode *simfs_new_inode(struct simfs *fs, enum simfs_kind kind)
{
    if (fs->n_inodes == fs->made_inodes) {
        fs->inodes = grow(fs->inodes, &fs->cap_inodes, fs->n_inodes, sizeof(struct simfs_inode *));
        fs->inodes[fs->made_inodes++] = xmalloc(sizeof(struct simfs_inode));
    }
    struct simfs_inode *i = fs->inodes[fs->n_inodes];

    *i = (struct simfs_inode){.number = FIRST_INODE_NUMBER + fs->n_inodes, .kind = kind, .mode = kind == SIMFS_DIR ? 0755 : 0644};
    fs->n_inodes++;
    return i;
}

/* The slot that holds the page, or the free one where it belongs. */
static struct simfs_slot *slot_of(const struct simfs *fs, const struct simfs_inode *i, uint64_t index)
{
    size_t at = (size_t)((index * 0x9e3779b97f4a7c15U + i->number * 0xc4ceb9fe1a85ec53U) >> 32);

    for (;; at++) {
        struct simfs_slot *s = &fs->slots[at & (fs->n_slots - 1)];
        if (s->run != fs->run || (s->page->index == index && s->page->inode == i))
            return s;
    }
}

struct simfs_page *simfs_find_page(const struct simfs *fs, const struct simfs_inode *i, uint64_t index)
{
    const struct simfs_slot *s = slot_of(fs, i, index);

    return s->run == fs->run ? s->page : NULL;
}

static void more_slots(struct simfs *fs)
{
    free(fs->slots);
    fs->n_slots *= 2;
    fs->slots = xcalloc(fs->n_slots, sizeof *fs->slots);
    for (size_t k = 0; k < fs->n_pages; k++) {
        struct simfs_page *p = fs->pages[k];
        *slot_of(fs, p->inode, p->index) = (struct simfs_slot){.run = fs->run, .page = p};
    }
}

static void link_page(struct simfs_inode *i, struct simfs_page *p)
{
    struct simfs_page **at = &i->first;

    if (i->last && i->last->index < p->index)
        at = &i->last->next;
    while (*at && (*at)->index < p->index)
        at = &(*at)->next;
    p->next = *at;
    *at = p;
    if (!p->next)
        i->last = p;
}

struct simfs_page *simfs_get_page(struct simfs *fs, struct simfs_inode *i, uint64_t index)
{
    struct simfs_slot *s = slot_of(fs, i, index);

    if (s->run == fs->run)
        return s->page;
    if (fs->n_pages == fs->made_pages) {
        fs->pages = grow(fs->pages, &fs->cap_pages, fs->n_pages, sizeof(struct simfs_page *));
        fs->pages[fs->made_pages++] = xmalloc(sizeof(struct simfs_page));
    }
    struct simfs_page *p = fs->pages[fs->n_pages];

    p->index = index;
    p->inode = i;
    p->dirty = false;
    p->cache_zero = p->disk_zero = true;
    link_page(i, p);
    *s = (struct simfs_slot){.run = fs->run, .page = p};
    if (++fs->n_pages > fs->n_slots / 2)
        more_slots(fs);
    return p;
}
