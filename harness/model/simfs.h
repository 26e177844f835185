/*
 * Private to this room. The model file system: a page cache and a disk in memory. It makes no system call and knows no scenario.
 *
 * The model, in plain English. A file is an inode with a size and pages of 4 KiB; every page has two contents, the one in the
 * page cache, which all live reads and stores use, and the one on disk. A page whose contents may differ is dirty. The adversary
 * may at any moment write back any dirty page, or only some of its 512-byte sectors, from what the cache holds at that moment;
 * it may write back any inode's size; and it may commit the journal of name operations up to any operation. It never has to,
 * except for a sync, which writes back what it covers before it returns. A power cut is one last turn of the adversary, after
 * which the disk is all that is left. What narrows the adversary:
 *   - names of all directories persist as a prefix of the operations in the order they were done, each operation whole (a rename
 *     is one); fsync of an inode commits through the last operation that touched that inode (practice on journalled file
 * systems);
 *   - bytes beyond the end of file never reach the disk; pages the disk has never seen read as zero;
 *   - fsync and fdatasync make the whole file and its size durable; msync the pages of its range, and the size only when those
 *     bytes could not be read without it.
 * No other order holds: not between pages, nor files, nor data and sizes and names.
 *
 * Memory is reused from run to run (simfs_reset): no allocation once warm, and no clearing beyond what a run touched.
 */
#ifndef TORNPAGE_MODEL_SIMFS_H
#define TORNPAGE_MODEL_SIMFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/size.h"
#include "model/canaries.h"

struct survivors;

enum { SIMFS_SECTORS_ALL = 0xff };

struct simfs_page {
    uint64_t index; /* offset in the file / PAGE_BYTES */
    struct simfs_inode *inode;
    struct simfs_page *next; /* of the same inode, by rising index */
    bool dirty;
    bool cache_zero, disk_zero; /* the content is all zero and the buffer's bytes mean nothing */
    uint8_t cache[PAGE_BYTES], disk[PAGE_BYTES];
};

enum simfs_kind { SIMFS_FILE, SIMFS_DIR, SIMFS_FIFO, SIMFS_DEVICE };

struct simfs_inode {
    uint64_t number;
    enum simfs_kind kind;
    uint32_t mode;
    uint64_t size_bytes, disk_size_bytes;
    size_t last_op; /* how many name operations have to be committed for this inode's last one to be; 0: none */
    struct simfs_page *first, *last;
};

/* An entry of a directory. `text` points into the caller's path, which must outlive the run. */
struct simfs_name {
    struct simfs_inode *dir;
    const char *text;
    size_t len_bytes;
    struct simfs_inode *inode;
};

struct simfs_names {
    struct simfs_name *v;
    size_t n, cap;
};

/* One atomic change of the name space: up to two entries go, up to one comes. */
struct simfs_name_op {
    struct simfs_name gone[2], come;
    uint8_t n_gone;
    bool has_come;
};

enum simfs_sync_kind { SIMFS_MSYNC, SIMFS_FSYNC, SIMFS_FDATASYNC, SIMFS_SYNC_ALL, SIMFS_SYNC_WRITE, SIMFS_FSYNC_DIR };
enum simfs_sync_size { SIMFS_SIZE_NONE, SIMFS_SIZE_IF_NEEDED, SIMFS_SIZE_ALWAYS };

/* What one sync has to make durable. */
struct simfs_sync {
    enum simfs_sync_kind kind;
    struct simfs_inode *inode;     /* NULL: every inode (SIMFS_SYNC_ALL) */
    uint64_t first_page, end_page; /* pages [first, end); empty: no data */
    uint64_t end_bytes;            /* the size is needed when the disk's ends before this and before the file's end */
    enum simfs_sync_size size;
    bool names;
};

/* What a planted bug remembers between hooks; cleared for each run. */
struct simfs_memory {
    bool armed;
    struct simfs_inode *inode, *other;
    uint64_t off, other_off, len;
    uint8_t data[PAGE_BYTES];
};

struct simfs {
    const struct simfs_hooks *hooks;
    struct simfs_memory memory;
    struct rng *rng;
    struct simfs_inode *root;
    /* How often the adversary acts at a turn, once in so many times; 0: only at the power cut. Chosen anew for each run. */
    unsigned page_odds, size_odds, name_odds;
    /* pools: pointers stay valid for a run */
    struct simfs_inode **inodes;
    size_t n_inodes, made_inodes, cap_inodes;
    struct simfs_page **pages;
    size_t n_pages, made_pages, cap_pages;
    /* (inode, index) -> page: open addressing; a slot counts only when its run is this one */
    struct simfs_slot *slots;
    size_t n_slots; /* a power of two */
    uint32_t run;
    /* names */
    struct simfs_names live, disk;
    struct simfs_name_op *ops;
    size_t n_ops, cap_ops, committed; /* ops[0..committed) are in `disk` */
};

struct simfs_slot {
    uint32_t run;
    struct simfs_page *page;
};

/* Calls a hook of a planted bug, if there is one. */
#define SIMFS_HOOK(fs, hook, ...)                                                                                                \
    do {                                                                                                                         \
        if ((fs)->hooks->hook)                                                                                                   \
            (fs)->hooks->hook((fs), __VA_ARGS__);                                                                                \
    } while (0)

/* --- life (simfs.c) --- */
/* An empty file system with its root directory, durable. `hooks` and `rng` must outlive the run. A zeroed struct is valid. */
void simfs_reset(struct simfs *fs, const struct simfs_hooks *hooks, struct rng *rng);
void simfs_free(struct simfs *fs);
struct simfs_inode *simfs_new_inode(struct simfs *fs, enum simfs_kind kind);
/* The page, or NULL when no one ever touched it (it then reads zero, in the cache and on disk). */
struct simfs_page *simfs_find_page(const struct simfs *fs, const struct simfs_inode *i, uint64_t index);
struct simfs_page *simfs_get_page(struct simfs *fs, struct simfs_inode *i, uint64_t index);

/* --- data in the page cache (simfs_data.c); offsets may be anywhere, sizes are changed by simfs_set_size alone --- */
void simfs_read(struct simfs *fs, struct simfs_inode *i, uint64_t off, void *dst, uint64_t len_bytes);
void simfs_store(struct simfs *fs, struct simfs_inode *i, uint64_t off, const void *src, uint64_t len_bytes);
/* As simfs_store, but the range becomes zero, and pages no one touched stay so. */
void simfs_zero(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint64_t len_bytes);
/* Moves the end of file; what is cut off becomes zero, and so does what a store left beyond the old end. */
void simfs_set_size(struct simfs *fs, struct simfs_inode *i, uint64_t size_bytes);
/* Copies, as a clone or copy_file_range does, within the page cache; does not change sizes. Ranges must not overlap. */
void simfs_copy(struct simfs *fs, struct simfs_inode *from, uint64_t from_off, struct simfs_inode *to, uint64_t to_off,
                uint64_t len_bytes);
/* Moves everything from byte `off` on by `len_bytes`, up (insert: zeros come in) or down (collapse); both multiples of a page. */
void simfs_insert(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint64_t len_bytes);
void simfs_collapse(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint64_t len_bytes);

/* --- names (simfs_names.c); all return 0 or the -errno Linux gives root --- */
/* Resolves; *ret is NULL and 0 returned when only the last component is missing. */
int simfs_lookup(const struct simfs *fs, const char *path, struct simfs_inode **ret);
/* A new inode under a name that must be free (-EEXIST); *ret is NULL on failure. */
int simfs_create(struct simfs *fs, const char *path, enum simfs_kind kind, struct simfs_inode **ret);
int simfs_rmdir(struct simfs *fs, const char *path);
int simfs_link(struct simfs *fs, const char *from, const char *to);
int simfs_unlink(struct simfs *fs, const char *path);
int simfs_rename(struct simfs *fs, const char *from, const char *to);
/* Brings the disk's names up to the first n operations; fewer than are there already: nothing. */
void simfs_commit_names(struct simfs *fs, size_t n);

/* --- disk (simfs_disk.c) --- */
void simfs_sync(struct simfs *fs, struct simfs_sync s);
void simfs_sync_all(struct simfs *fs);
/* The adversary's turn: may write back anything. */
void simfs_background(struct simfs *fs);
/* Starts writing back pages [first, end) of an inode (NULL: of all), as sync_file_range does: most of it, nothing promised. */
void simfs_start_writeback(struct simfs *fs, struct simfs_inode *i, uint64_t first_page, uint64_t end_page);
/* The power fails: the adversary's last turn. What is left is in *s. The live state goes on unchanged. */
void simfs_power_cut(struct simfs *fs, struct survivors *s);
/* What a new process finds in the page cache. */
void simfs_live(struct simfs *fs, struct survivors *s);

#endif
