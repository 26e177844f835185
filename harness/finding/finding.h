/*
 * A finding: one file (JSON) that `tornpage replay` judges again alone: the scenario's text, the history, the crash point, the
 * disk image of the crash state (non-zero blocks, deflated), the backend's spec, seed, kernel release and tornpage version, and
 * the defects. For a power cut on a recorded disk, replay mounts that image and verifies it against the saved history. For a
 * kill, or a model backend, it runs the scenario again with the same kill point or seed.
 */
#ifndef TORNPAGE_FINDING_FINDING_H
#define TORNPAGE_FINDING_FINDING_H

#include <stdint.h>

#include "actor/driver.h"
#include "backend/backend.h"
#include "verifier/verify.h"

struct error;
struct result;

struct finding {
    const struct plan *plan;
    const struct backend_config *config;
    enum strike strike;
    uint64_t seed; /* of the run */
    const struct history *history;
    uint64_t pos;           /* power: position of the cut the survivors were judged at */
    struct kill_point kill; /* kill */
    const char *state_text; /* power: the crash state in words, "" otherwise */
    int image_fd;           /* power on a recorded disk: the image as a memory file; -1 otherwise */
    const struct verify_result *verdict;
};

/*
 * Writes dir/SCENARIO-BACKEND-CRASH-N.finding.json (atomically: temporary file, fsync, rename); `dir` is made when missing. N is
 * a digest of what was found and where (hexadecimal): the same finding replaces itself, another one never does. *ret_path is
 * malloced.
 */
int finding_save(const struct finding *f, const char *dir, char **ret_path, struct error *err);
/*
 * Replays a finding file once; *ret says what was seen now, to be freed with result_free. -EINVAL with file and cause for a file
 * that is not a finding; -errno when it cannot be read. What goes wrong later is a result (broken, skipped). Privileges are those
 * of `run`.
 */
int finding_replay(const char *path, struct result *ret, struct error *err);

#endif
