/*
 * A finding: a saved violation, one JSON file from which alone `tornpage replay` can judge it again. It holds the scenario's
 * text, the history, the crash point, the disk image of the crash state (non-zero blocks, deflated), the backend's spec, the
 * seed, the kernel release, the tornpage version, and the defects. For a power cut on a recorded disk, replay mounts the image
 * and verifies it against the saved history. For a kill, or on a model backend, it runs the scenario again with the same kill
 * point and seed.
 */
#ifndef TORNPAGE_FINDING_FINDING_H
#define TORNPAGE_FINDING_FINDING_H

#include <stdint.h>

#include "actor/kill_point.h"
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
    uint64_t pos;           /* of a power cut: the cut at which the survivors were judged */
    struct kill_point kill; /* of a kill */
    const char *state_text; /* of a power cut: the crash state in words; else "" */
    int image_fd;           /* of a power cut on a recorded disk: the crash image as a memory file; else -1 */
    const struct verify_result *verdict;
};

/*
 * Writes dir/SCENARIO-BACKEND-CRASH-N.finding.json (host/output.h); makes `dir` if it is missing. N is
 * a hexadecimal digest of the defects and of where they were found, so a finding replaces only the same finding. The caller frees
 * *ret_path. -errno if the file could not be written; then there is none.
 */
int finding_save(const struct finding *f, const char *dir, char **ret_path, struct error *err);

#endif
