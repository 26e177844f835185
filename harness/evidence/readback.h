/*
 * The readback: walks a run's directory and notes what is there, through read(2) and through a new mapping. It judges nothing.
 */
#ifndef TORNPAGE_EVIDENCE_READBACK_H
#define TORNPAGE_EVIDENCE_READBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "evidence/survivors.h"

struct error;
struct readback;

/* Holds the buffers and, while it exists, this process's handler of SIGBUS; so one at a time, used by one thread. */
struct readback *readback_new(void);
void readback_free(struct readback *s);

enum { READBACK_MAX_BYTES = 1 << 30 }; /* data read in one readback; more is the harness's failure (-EFBIG) */

/*
 * Clears *out and fills it with everything below `dir` (not `dir` itself), finished and ready to be judged. What the file system
 * refuses is recorded too: an entry with read_err (EIO, EUCLEAN, ...); a directory that cannot be listed likewise; `dir`
 * itself as the entry ".". Of a missing `dir` there are no survivors. Returns 0, or -errno when the machine failed (ENOMEM,
 * EMFILE, ENFILE, EFBIG).
 *
 * `fresh`: the volume has a page cache, and was mounted just now. Then what a mapping shows are the very pages that the reads
 * have just filled; they can differ only behind the end of the file, so the mapping is read only there.
 */
int readback_dir(struct readback *s, const char *dir, bool fresh, struct survivors *out, struct error *err);

/*
 * Tries whether the volume mounted at `root` takes a new file: create, write and fsync of ".tornpage-probe" in `root` itself. The
 * file stays there: the unmount would have to commit its removal, which costs more than the rest. Fills write_checked and
 * write_err; a full volume is neither (it may refuse).
 */
void readback_probe_write(const char *root, struct survivors *out);

#endif
