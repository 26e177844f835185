/*
 * The rules that findings cite: the only list of them in code. RULES.md, beside this file, says more about each and is held to
 * this table by ci/test_rules.py.
 *
 * To add a rule, add an entry here and a paragraph there, and cite it in the verifier (RULE_C1).
 */
#ifndef TORNPAGE_TRUTH_RULES_H
#define TORNPAGE_TRUTH_RULES_H

#include <stdbool.h>
#include <stddef.h>

/* What it means when an observation breaks a rule. */
enum breach {
    BREACH_VIOLATION, /* of a document */
    BREACH_SURPRISE,  /* of practice */
    BREACH_EITHER,    /* a document promises one part of it, practice another: the verifier decides case by case */
    BREACH_NONE,      /* the rule says what is legal; nothing can break it */
    BREACHES
};

/* X(ENUM, id, what a breach is, whether the oracle and the verifier follow it, one sentence without its full stop, source) */
#define RULE_TABLE(X)                                                                                                            \
    X(SCENARIO, "scenario", VIOLATION, JUDGED, "A step ends as its scenario says behind `->`", "the scenario")                   \
    X(A1, "A1", VIOLATION, JUDGED,                                                                                               \
      "After a kill or an exit the files hold exactly what the last completed write of each byte left, through read and "        \
      "through a new mapping alike; of a store that was interrupted each byte may be old or new",                                \
      "mmap(2), MAP_SHARED; POSIX write()")                                                                                      \
    X(A2, "A2", VIOLATION, JUDGED,                                                                                               \
      "It makes no difference to a file whether a process unmapped it, closed it, exited, was killed or never ran its exit "     \
      "handlers",                                                                                                                \
      "munmap(2), close(2), _exit(2)")                                                                                           \
    X(A3, "A3", VIOLATION, NOT_JUDGED,                                                                                           \
      "On NFS rule A1 holds as seen from the same client; for other clients and the server the rules G hold", "nfs(5)")          \
    X(B1, "B1", VIOLATION, JUDGED,                                                                                               \
      "After a power cut a byte is the last version that a finished sync made durable, or any version that began after it; "     \
      "it may be 0 where its space became new since",                                                                            \
      "fsync(2); POSIX, synchronized I/O completion")                                                                            \
    X(B2, "B2", NONE, JUDGED,                                                                                                    \
      "No order holds between pages, between files, or between data and metadata, unless a rule says so",                        \
      "practice; no document promises one")                                                                                      \
    X(B3, "B3", NONE, JUDGED,                                                                                                    \
      "The kernel may write back anything at any time: a store that nobody synced may be there after a power cut, locked "       \
      "in memory or not",                                                                                                        \
      "kernel admin-guide/sysctl/vm; mlock(2)")                                                                                  \
    X(B4, "B4", NONE, JUDGED,                                                                                                    \
      "No write is atomic above the disk's atomic unit, and a sector may mix the bytes of a running store with what was "        \
      "there, so each byte is judged alone",                                                                                     \
      "practice; no document promises more")                                                                                     \
    X(B5, "B5", VIOLATION, JUDGED,                                                                                               \
      "Bytes that nobody ever wrote at that place never appear: no stale blocks, no other file's bytes, no bytes of "            \
      "another offset",                                                                                                          \
      "kernel admin-guide/ext4, data=ordered and data=writeback")                                                                \
    X(B6, "B6", NONE, NOT_JUDGED,                                                                                                \
      "At a power cut tmpfs loses everything, a volatile overlay everything since it was mounted, and f2fs with "                \
      "checkpoint=disable everything since that was set",                                                                        \
      "tmpfs(5); kernel filesystems/overlayfs, filesystems/f2fs")                                                                \
    X(B7, "B7", EITHER, JUDGED,                                                                                                  \
      "After a crash the volume mounts without repair, its files can be read, it takes new writes, and fsck finds "              \
      "nothing",                                                                                                                 \
      "kernel admin-guide/ext4, admin-guide/xfs, filesystems/btrfs; for fsck: practice")                                         \
    X(C1, "C1", VIOLATION, JUDGED,                                                                                               \
      "What a sync covered is durable once it has returned 0: for msync(MS_SYNC) the bytes of its range, rounded out to "        \
      "whole pages, with the size and the block mapping needed to read them",                                                    \
      "msync(2); POSIX, synchronized I/O data integrity completion")                                                             \
    X(C2, "C2", EITHER, JUDGED,                                                                                                  \
      "fsync and fdatasync cover all bytes written to the file before, through any descriptor or mapping; sync and syncfs "      \
      "cover every file; a write with O_SYNC, O_DSYNC, RWF_SYNC or RWF_DSYNC covers its own bytes",                              \
      "fsync(2), sync(2), open(2), pwritev2(2)")                                                                                 \
    X(C3, "C3", NONE, JUDGED, "MS_ASYNC, MS_INVALIDATE, munmap, close, exit and sync_file_range make nothing durable",           \
      "msync(2), close(2), sync_file_range(2)")                                                                                  \
    X(C4, "C4", NONE, JUDGED,                                                                                                    \
      "msync of a private mapping, or of one made from a read-only descriptor, succeeds and syncs nothing; over an "             \
      "unmapped part it syncs what is mapped and fails with ENOMEM",                                                             \
      "msync(2); Linux mm/msync.c, mm/mmap.c")                                                                                   \
    X(D1, "D1", VIOLATION, JUDGED,                                                                                               \
      "A file's size has versions of its own: it is the one that the last finished sync made durable, or one that a later "      \
      "change set or passed through",                                                                                            \
      "fdatasync(2); POSIX, synchronized I/O data integrity completion")                                                         \
    X(D2, "D2", VIOLATION, JUDGED,                                                                                               \
      "Bytes that become part of a file read 0 until something is written there; after a crash the bytes that were there "       \
      "before may be back until the change is synced, never any other file's",                                                   \
      "ftruncate(2), fallocate(2)")                                                                                              \
    X(D3, "D3", EITHER, JUDGED,                                                                                                  \
      "The part of the last page beyond end of file reads 0 in a new mapping and is never part of the file",                     \
      "mmap(2); POSIX mmap()")                                                                                                   \
    X(D4, "D4", VIOLATION, NOT_JUDGED,                                                                                           \
      "The modification time moves between a store and the next msync at the latest; fsync makes it durable",                    \
      "mmap(2), fsync(2)")                                                                                                       \
    X(D5, "D5", NONE, NOT_JUDGED, "A call that allocates space and fails may have kept a part of its work, the size included",   \
      "practice; fallocate(2) promises nothing else")                                                                            \
    X(D6, "D6", VIOLATION, NOT_JUDGED,                                                                                           \
      "A write with RWF_ATOMIC is whole or absent after a power cut, never torn; it is not durable by itself",                   \
      "pwritev2(2), statx(2)")                                                                                                   \
    X(E1, "E1", VIOLATION, NOT_JUDGED,                                                                                           \
      "A failed writeback is reported once to each open file description that existed then, and to the next one opened if "      \
      "nobody has seen it",                                                                                                      \
      "fsync(2); Linux lib/errseq.c (4.13, 4.17)")                                                                               \
    X(E2, "E2", NONE, NOT_JUDGED,                                                                                                \
      "After a failed sync each byte of its range that was not durable is uncertain until it is written again and a sync "       \
      "succeeds; a later success proves nothing for it",                                                                         \
      "fsync(2); Rebello et al., ATC 2020")                                                                                      \
    X(E3, "E3", VIOLATION, NOT_JUDGED,                                                                                           \
      "No loss is silent: a sync called after the failure, on a description that was owed the report, does not return 0",        \
      "fsync(2)")                                                                                                                \
    X(E4, "E4", NONE, NOT_JUDGED,                                                                                                \
      "After a failed writeback memory may keep the new bytes (ext4, XFS) or show the old ones (btrfs)", "practice")             \
    X(E5, "E5", VIOLATION, NOT_JUDGED,                                                                                           \
      "After a shutdown or a remount read-only, write calls, new write faults and syncs fail; a store to a page that was "       \
      "writable already may succeed and be lost",                                                                                \
      "practice; write(2), EROFS and EIO")                                                                                       \
    X(E6, "E6", NONE, NOT_JUDGED,                                                                                                \
      "A call that libfiu makes fail has not happened: a failed msync leaves its pages dirty, and a retry persists them",        \
      "libfiu(3)")                                                                                                               \
    X(F1, "F1", VIOLATION, JUDGED,                                                                                               \
      "A load or store on a page that lies wholly beyond end of file raises SIGBUS; one on the page of the end does not",        \
      "mmap(2)")                                                                                                                 \
    X(F2, "F2", NONE, JUDGED,                                                                                                    \
      "On a full volume a store into a hole raises SIGBUS, and a call may fail with ENOSPC when a part of it is done; what was " \
      "accepted before keeps all other rules",                                                                                   \
      "POSIX mmap(), fallocate(2); practice of ext4 and XFS (page_mkwrite)")                                                     \
    X(F3, "F3", VIOLATION, NOT_JUDGED,                                                                                           \
      "A page fault that meets an I/O error while reading raises SIGBUS; a hard NFS mount waits for the server instead",         \
      "mmap(2), nfs(5)")                                                                                                         \
    X(F4, "F4", VIOLATION, NOT_JUDGED,                                                                                           \
      "A fault inside a system call, whose buffer is a mapping, gives EFAULT or a short count and no signal",                    \
      "read(2), write(2), EFAULT")                                                                                               \
    X(F5, "F5", VIOLATION, JUDGED, "A step raises no signal but those that these rules name, and ends before its deadline",      \
      "signal(7); practice")                                                                                                     \
    X(G1, "G1", NONE, NOT_JUDGED,                                                                                                \
      "Dirty pages leave an NFS client at msync, fsync, the close of a writable descriptor, locks, memory pressure, "            \
      "setattr, stat and the return of a delegation; a close under a v4 write delegation may only start it",                     \
      "nfs(5); RFC 8881")                                                                                                        \
    X(G2, "G2", VIOLATION, NOT_JUDGED,                                                                                           \
      "On NFS munmap neither flushes nor counts as a close: another client may see old, new or mixed bytes, but nothing is "     \
      "lost for good while the client lives",                                                                                    \
      "Linux NFS FAQ D8; nfs(5)")                                                                                                \
    X(G3, "G3", VIOLATION, NOT_JUDGED,                                                                                           \
      "On a sync export msync or fsync that returned 0 means durable on the server; on an async export only a power cut of "     \
      "the server may lose it",                                                                                                  \
      "exports(5); RFC 1813")                                                                                                    \
    X(G4, "G4", VIOLATION, NOT_JUDGED,                                                                                           \
      "A restart of the server loses nothing on a hard mount of a sync export while the client lives, synced or not",            \
      "RFC 8881; RFC 1813, COMMIT")                                                                                              \
    X(G5, "G5", NONE, NOT_JUDGED, "When a client dies the server holds, per byte, the last durable version or any later one",    \
      "RFC 1813; nfs(5)")                                                                                                        \
    X(G6, "G6", VIOLATION, NOT_JUDGED, "Soft and softerr mounts may lose data, but some call reports an error first", "nfs(5)")  \
    X(G7, "G7", NONE, NOT_JUDGED,                                                                                                \
      "Two clients have close-to-open consistency and no more: stores of two clients in one page may undo each other", "nfs(5)") \
    X(G8, "G8", EITHER, NOT_JUDGED, "umount of an NFS mount waits for dirty pages", "practice of Linux")                         \
    X(G9, "G9", VIOLATION, NOT_JUDGED, "Processes on one client that map one file see one consistent image", "mmap(2)")          \
    X(G10, "G10", NONE, NOT_JUDGED, "Names of the form .nfs* that a dead client left are no strays", "Linux NFS FAQ D2")         \
    X(H1, "H1", VIOLATION, JUDGED,                                                                                               \
      "A name is what the last operation on it that ended made it; a power cut may undo an operation until its directory "       \
      "has been synced",                                                                                                         \
      "fsync(2); POSIX rename()")                                                                                                \
    X(H2, "H2", VIOLATION, JUDGED,                                                                                               \
      "An operation on names is whole or absent: after any crash the target of a rename is the old file or the new one, "        \
      "never missing",                                                                                                           \
      "rename(2)")                                                                                                               \
    X(H3, "H3", VIOLATION, JUDGED,                                                                                               \
      "After a temporary file was written, synced and renamed over a name, that name holds the complete old or the "             \
      "complete new file, and only the new one once its directory has been synced",                                              \
      "rename(2), fsync(2)")                                                                                                     \
    X(H4, "H4", VIOLATION, JUDGED,                                                                                               \
      "Where the older of two files is removed after the newer one and its directory were synced, at least one is complete "     \
      "at any time",                                                                                                             \
      "fsync(2), unlink(2)")                                                                                                     \
    X(H5, "H5", NONE, JUDGED,                                                                                                    \
      "FICLONE is atomic against concurrent writers, not against a crash, and durable only after a sync",                        \
      "ioctl_ficlonerange(2)")                                                                                                   \
    X(H6, "H6", SURPRISE, JUDGED,                                                                                                \
      "Operations on names survive a power cut as a prefix of their order, and the fsync of a file makes its names durable",     \
      "practice of journalled file systems")                                                                                     \
    X(H7, "H7", VIOLATION, JUDGED,                                                                                               \
      "A rename over a name that was durable leaves the old file or the new one under it, also when another file of the "        \
      "directory is synced meanwhile",                                                                                           \
      "rename(2); practice of journalled file systems")                                                                          \
    X(H8, "H8", VIOLATION, NOT_JUDGED,                                                                                           \
      "After recovery, without repair, each directory can be emptied and removed, and fsck and statfs agree on the space "       \
      "that files use",                                                                                                          \
      "practice of journalled file systems")                                                                                     \
    X(H9, "H9", VIOLATION, NOT_JUDGED,                                                                                           \
      "A file made with O_TMPFILE and linked by its descriptor follows H1 and H3; an exchange of two names leaves both old "     \
      "or both new",                                                                                                             \
      "open(2), rename(2)")                                                                                                      \
    X(I1, "I1", VIOLATION, JUDGED,                                                                                               \
      "A write shows in each shared mapping at once, and a store in each read: reads, mappings and sizes agree",                 \
      "mmap(2), MAP_SHARED; POSIX write()")                                                                                      \
    X(I2, "I2", VIOLATION, JUDGED,                                                                                               \
      "A private mapping never changes its file; a page that it has stored to keeps what was stored, any other shows what "      \
      "the file holds or held",                                                                                                  \
      "mmap(2), MAP_PRIVATE")                                                                                                    \
    X(I3, "I3", VIOLATION, JUDGED,                                                                                               \
      "A call succeeds, or fails with the errno that its manual page gives for the case: a shared writable mapping needs "       \
      "O_RDWR (else EACCES), a directory cannot be mapped (ENODEV)",                                                             \
      "mmap(2), open(2) and the call's own page")                                                                                \
    X(I4, "I4", VIOLATION, JUDGED,                                                                                               \
      "What an munmap of a part or a MAP_FIXED over it unmaps keeps its place in the file: dirty bytes still reach it",          \
      "mmap(2), munmap(2)")                                                                                                      \
    X(I5, "I5", NONE, JUDGED, "Locks are advisory and stop only those who ask; there are no mandatory locks since Linux 5.15",   \
      "fcntl_locking(2)")                                                                                                        \
    X(I6, "I6", SURPRISE, JUDGED,                                                                                                \
      "Direct I/O on a range that is also mapped keeps both views coherent, and no later sync fails with EIO",                   \
      "open(2), O_DIRECT, advises against it")                                                                                   \
    X(I7, "I7", VIOLATION, JUDGED,                                                                                               \
      "A child shares the shared mappings of its parent and gets copies of the private ones; MADV_DONTNEED drops the "           \
      "stores of a private mapping, MADV_REMOVE punches the file",                                                               \
      "fork(2), madvise(2)")                                                                                                     \
    X(I8, "I8", NONE, NOT_JUDGED, "A result names LOCALIO, DAX and other short cuts that were on",                               \
      "kernel filesystems/dax, filesystems/nfs/localio")

#define RULE_ENUM(id, ...) RULE_##id,
enum rule { RULE_TABLE(RULE_ENUM) RULES };
#undef RULE_ENUM

struct rule_info {
    const char *id; /* "C1" */
    enum breach breach;
    bool judged;          /* false: documented, but nothing in the code judges it yet */
    const char *sentence; /* without its full stop */
    const char *source;   /* man pages, RFCs, kernel documents; "practice" where no document promises it */
};
extern const struct rule_info rule_table[RULES];
extern const char *const breach_names[BREACHES]; /* "violation", "surprise", "violation or surprise", "permission" */

/* The rule of this id, upper or lower case; RULES when there is none. */
enum rule rule_parse(const char *id);

#endif
