/* What came of one epoch, for reports. */
#ifndef TORNPAGE_EXPLORE_EPOCH_RESULT_H
#define TORNPAGE_EXPLORE_EPOCH_RESULT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The writes between two flushes of one recording, any of which a power cut may lose. `from` and `to` are positions in its write
 * log. Exhaustive: all subsets of the writes were covered.
 */
struct epoch_result {
    uint32_t recording;             /* number of it, from 0 */
    uint32_t first_line, last_line; /* of the scenario: the steps during which they were in flight; 0: none was */
    uint32_t n_writes;
    uint64_t from, to;
    uint64_t covered; /* of the subsets, */
    double exist;     /*   of which there are so many */
    bool exhaustive;
};

#endif
