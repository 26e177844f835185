/* Bytes and disk images as JSON: deflated with zlib, then base64. */
#ifndef TORNPAGE_ENGINE_BLOB_H
#define TORNPAGE_ENGINE_BLOB_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum { BLOB_BLOCK_BYTES = 4096 };
#define BLOB_MAX_BYTES ((uint64_t)1 << 32) /* of data in one blob; more is refused */

/* {"bytes": N, "deflate_base64": TEXT}; NULL when memory is out. */
json_t *blob_encode(const void *data, size_t len_bytes);
/* *ret is malloced. 0, or -EINVAL when `j` is no such thing. */
int blob_decode(const json_t *j, void **ret, size_t *ret_len_bytes);

/* {"size": BYTES, "blocks": [[FIRST, COUNT], ...], "data": BLOB}: the 4 KiB blocks of the memory file that are not all zeros.
 * NULL with errno set. */
json_t *image_encode(int fd);
/* Returns a new memory file, -EINVAL when `j` is no such thing, or -errno. */
int image_decode(const json_t *j);

#endif
