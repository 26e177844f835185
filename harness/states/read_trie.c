/*
 * The trie of what recovery reads.
 *
 * Why it is right. Mounting, looking and unmounting are a function of what they read from the disk: the rest (the base image, the
 * kernel, what we do) is the same for all states of one recording. What they read after they wrote it is of their own making, and
 * is left out. So let a tested state T have read the places r1, r2, ... with the contents c1, c2, ... A state S that holds c1 at
 * r1, c2 at r2 and so on gives the same answer to the first read, hence the same second read, and so on to the end: it shows the
 * same survivors. What S holds elsewhere nobody sees. Contents are compared, not log entries: a write of what was there is no
 * difference.
 *
 * What would break it: a read that does not reach the disk (the device's cache is dropped before each mount, and nothing may be
 * left in it) or that is not noted (the trace must agree with the device's statistics, else all counts as read), and recovery
 * that depends on the time or on chance. Against the latter nothing helps; without pruning, too, a state is tested once.
 *
 * The kernel may read in another order the next time. So a node may have edges for different places, and a search follows every
 * edge that fits; as a rule that is one.
 */
#include "states/read_trie.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/rng.h"

enum { NO_NODE = 0, MEMO_SLOTS = 1024 };

/* A content read, as an edge from the node before it. */
struct node {
    struct read_note what;
    uint32_t child, sibling; /* NO_NODE: none */
    uint64_t hash;
    int64_t tested; /* the state whose last read this is, or READ_TRIE_NONE */
};

struct tested {
    size_t first, n; /* stretch of `reads` */
};

/* Hashes of the loaded state that were asked for in the current search. */
struct memo {
    uint64_t search;
    struct read_note what;
    uint64_t hash;
};

struct read_trie {
    struct node *nodes; /* the first is none */
    uint32_t *roots;    /* by question: nothing was read yet */
    struct tested *tested;
    struct read_note *reads;
    size_t n_nodes, cap_nodes, n_roots, cap_roots, n_tested, cap_tested, n_reads, cap_reads;
    uint64_t search;
    struct memo memo[MEMO_SLOTS];
};

static uint32_t new_node(struct read_trie *t, struct read_note what, uint64_t hash)
{
    assert(t->n_nodes < UINT32_MAX);
    t->nodes = grow(t->nodes, &t->cap_nodes, t->n_nodes, sizeof *t->nodes);
    t->nodes[t->n_nodes] = (struct node){.what = what, .hash = hash, .tested = READ_TRIE_NONE};
    return (uint32_t)t->n_nodes++;
}

struct read_trie *read_trie_new(void)
{
    struct read_trie *t = xcalloc(1, sizeof *t);

    new_node(t, (struct read_note){.block = 0}, 0); /* NO_NODE */
    return t;
}

void read_trie_free(struct read_trie *t)
{
    if (!t)
        return;
    free(t->nodes);
    free(t->roots);
    free(t->tested);
    free(t->reads);
    free(t);
}

static uint64_t content(struct read_trie *t, const struct crash_image *c, struct read_note what)
{
    struct memo *m = &t->memo[rng_mix((uint64_t)what.block << 8 | what.sectors) % MEMO_SLOTS];

    if (m->search != t->search || m->what.block != what.block || m->what.sectors != what.sectors)
        *m = (struct memo){.search = t->search, .what = what, .hash = crash_image_hash(c, what)};
    return m->hash;
}

static int64_t find_below(struct read_trie *t, const struct crash_image *image, uint32_t node)
{
    for (;;) {
        uint32_t next = NO_NODE;

        if (t->nodes[node].tested != READ_TRIE_NONE)
            return t->nodes[node].tested;
        for (uint32_t c = t->nodes[node].child; c != NO_NODE; c = t->nodes[c].sibling) {
            if (content(t, image, t->nodes[c].what) != t->nodes[c].hash)
                continue;
            if (next != NO_NODE) { /* rare: reads came in another order once */
                const int64_t found = find_below(t, image, next);
                if (found != READ_TRIE_NONE)
                    return found;
            }
            next = c;
        }
        if (next == NO_NODE)
            return READ_TRIE_NONE;
        node = next;
    }
}

int64_t read_trie_find(struct read_trie *t, size_t question, const struct crash_image *c)
{
    t->search++;
    return question < t->n_roots && t->roots[question] != NO_NODE ? find_below(t, c, t->roots[question]) : READ_TRIE_NONE;
}

static uint32_t root_of(struct read_trie *t, size_t question)
{
    while (t->n_roots <= question) {
        t->roots = grow(t->roots, &t->cap_roots, t->n_roots, sizeof *t->roots);
        t->roots[t->n_roots++] = NO_NODE;
    }
    if (t->roots[question] == NO_NODE)
        t->roots[question] = new_node(t, (struct read_note){.block = 0}, 0);
    return t->roots[question];
}

static uint32_t go_down(struct read_trie *t, uint32_t node, struct read_note what, uint64_t hash)
{
    uint32_t c = t->nodes[node].child;

    while (c != NO_NODE &&
           (t->nodes[c].what.block != what.block || t->nodes[c].what.sectors != what.sectors || t->nodes[c].hash != hash))
        c = t->nodes[c].sibling;
    if (c == NO_NODE) {
        c = new_node(t, what, hash);
        t->nodes[c].sibling = t->nodes[node].child;
        t->nodes[node].child = c;
    }
    return c;
}

int64_t read_trie_add(struct read_trie *t, size_t question, const struct crash_image *c, const struct read_note *notes, size_t n)
{
    const struct tested new = {.first = t->n_reads, .n = n};
    uint32_t node = root_of(t, question);

    t->search++;
    for (size_t i = 0; i < n; i++) {
        node = go_down(t, node, notes[i], content(t, c, notes[i]));
        t->reads = grow(t->reads, &t->cap_reads, t->n_reads, sizeof *t->reads);
        t->reads[t->n_reads++] = notes[i];
    }
    if (t->nodes[node].tested != READ_TRIE_NONE) {
        t->n_reads = new.first;
        return t->nodes[node].tested;
    }
    t->tested = grow(t->tested, &t->cap_tested, t->n_tested, sizeof *t->tested);
    t->tested[t->n_tested] = new;
    return t->nodes[node].tested = (int64_t)t->n_tested++;
}

const struct read_note *read_trie_reads(const struct read_trie *t, int64_t tested, size_t *ret_n)
{
    assert(tested >= 0 && (size_t)tested < t->n_tested);
    *ret_n = t->tested[tested].n;
    return t->reads + t->tested[tested].first;
}

size_t read_trie_bytes(const struct read_trie *t)
{
    return sizeof *t + t->cap_nodes * sizeof *t->nodes + t->cap_reads * sizeof *t->reads + t->cap_tested * sizeof *t->tested +
           t->cap_roots * sizeof *t->roots;
}
