/* The guarantees of an ordinary volume: see guarantees.h. */
#include "truth/guarantees.h"

const struct guarantees guarantees_default = {
    .sync_durable = true,
    .no_stale_blocks = true,
    .zero_tail = true,
    .shifts_pages = true,
    .fsync_names = true,
    .ordered_names = true,
};
