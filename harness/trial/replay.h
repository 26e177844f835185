/* Replays findings. */
#ifndef TORNPAGE_TRIAL_REPLAY_H
#define TORNPAGE_TRIAL_REPLAY_H

struct finding_file;
struct result;

/*
 * Replays a finding once, in a process of its own: *f stays as it is. *ret is the result, which the caller frees with
 * result_free. Failures are results (broken, skipped). Needs the same privileges as `run`.
 */
void finding_replay(struct finding_file *f, struct result *ret);

#endif
