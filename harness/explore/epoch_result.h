/* The result of one epoch, for reports. */
#ifndef TORNPAGE_EXPLORE_EPOCH_RESULT_H
#define TORNPAGE_EXPLORE_EPOCH_RESULT_H

#include <stdbool.h>
#include <stdint.h>

/* The writes between two flushes of one recording, any of which a power cut may lose. */
struct epoch_result {
    uint32_t recording;             /* its number, from 0 */
    uint32_t first_line, last_line; /* of the scenario: the steps during which the writes were in flight; 0: no step was */
    uint32_t n_writes;
    uint64_t from, to; /* positions in the write log */
    uint64_t covered;  /* subsets of the writes that were covered, */
    double exist;      /*   of so many */
    bool exhaustive;   /* all were */
};

#endif
