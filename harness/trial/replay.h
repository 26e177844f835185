/* Replays findings. */
#ifndef TORNPAGE_TRIAL_REPLAY_H
#define TORNPAGE_TRIAL_REPLAY_H

struct error;
struct result;

/*
 * Replays a finding file once. *ret is the result of this replay; the caller frees it with result_free. -EINVAL,
 * with file and cause in *err, if the file is not a finding; another -errno if it cannot be read. Later failures are results
 * (broken, skipped). Needs the same privileges as `run`.
 */
int finding_replay(const char *path, struct result *ret, struct error *err);

#endif
