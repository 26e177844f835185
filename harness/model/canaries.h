/*
 * Canaries: bugs that can be planted in the model file system, to see that the oracle and the scenarios find them. A canary is a
 * few functions that the model calls at certain moments of its life, its hooks.
 */
#ifndef TORNPAGE_MODEL_CANARIES_H
#define TORNPAGE_MODEL_CANARIES_H

#include <stdbool.h>
#include <stdint.h>

struct simfs;
struct simfs_inode;
struct simfs_page;
struct simfs_sync;

/*
 * Where a planted bug may act. A healthy model has none (all NULL). Each is called at one moment of the model's life, named after
 * it; the model is complete and consistent at that moment.
 */
struct simfs_hooks {
    void (*sync)(struct simfs *fs, struct simfs_sync *s);         /* a sync is about to be done as *s says; may change *s */
    void (*page_changes)(struct simfs *fs, struct simfs_page *p); /* a store is about to change the cached page */
    void (*stored)(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint64_t len); /* a store has changed the cache */
    void (*private_stored)(struct simfs *fs, struct simfs_inode *i, uint64_t off, const uint8_t *src, uint64_t len);
    void (*was_read)(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint8_t *dst, uint64_t len);
    void (*landed)(struct simfs *fs, struct simfs_page *p);                      /* all of a page has just reached the disk */
    void (*evicted)(struct simfs *fs, struct simfs_page *p);                     /* a clean page leaves the cache */
    void (*shrinks)(struct simfs *fs, struct simfs_inode *i, uint64_t to_bytes); /* a truncation is about to happen */
    void (*grown)(struct simfs *fs, struct simfs_inode *i, uint64_t from_bytes); /* the end of file has moved up */
    void (*punched)(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint64_t len); /* a range now reads zero */
    void (*cloned)(struct simfs *fs, struct simfs_inode *from, uint64_t from_off, struct simfs_inode *to, uint64_t to_off,
                   uint64_t len);
    void (*unmapped)(struct simfs *fs, struct simfs_inode *i, uint64_t off, uint64_t len); /* a shared mapping went away */
    void (*process_died)(struct simfs *fs); /* every process is gone; the cache is what is left */
    void (*power_cut)(struct simfs *fs);    /* the disk is what is left */
    bool rename_in_two;                     /* a rename over a name is journalled as two operations */
    bool keeps_private_pages;               /* truncations leave the copies of private mappings */
    bool no_sigbus;                         /* accesses beyond the end of file raise no signal */
};

extern const struct simfs_hooks simfs_no_hooks;

struct sim_canary {
    const char *name;     /* as in `-b sim:canary=NAME` */
    const char *sentence; /* what goes wrong */
    struct simfs_hooks hooks;
};
/* The first is "none", the healthy model; ends with an entry whose name is NULL. */
extern const struct sim_canary sim_canaries[];

#endif
