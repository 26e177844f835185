/* Private to this room. The signal handlers behind guarded loads and stores (actor.h). */
#ifndef TORNPAGE_ACTOR_ACCESS_H
#define TORNPAGE_ACTOR_ACCESS_H

/*
 * Catches SIGBUS and SIGSEGV in this process for good: inside a guarded access they end that access, anywhere else they kill the
 * process as usual. SIGPIPE is ignored, so that a write to a broken pipe is an errno.
 */
void access_catch_signals(void);

#endif
