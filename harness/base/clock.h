/* The time that passes, whatever is done to the wall clock. */
#ifndef TORNPAGE_BASE_CLOCK_H
#define TORNPAGE_BASE_CLOCK_H

double clock_s(void); /* seconds of CLOCK_MONOTONIC, the same in all processes */

#endif
