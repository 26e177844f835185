/* Bytes and disk images as JSON: deflated with zlib, then base64. */
#ifndef TORNPAGE_HOST_JSON_BYTES_H
#define TORNPAGE_HOST_JSON_BYTES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_BYTES_MAX_BYTES ((uint64_t)1 << 32) /* of data in one blob; more is refused */

/* {"bytes": N, "deflate_base64": TEXT}; NULL when memory is out. */
json_t *json_bytes_encode(const void *data, size_t len_bytes);
/* *ret is malloced. 0, or -EINVAL when `j` is no such thing. */
int json_bytes_decode(const json_t *j, void **ret, size_t *ret_len_bytes);

/* {"size": BYTES, "blocks": [[FIRST, COUNT], ...], "data": BLOB}: the 4 KiB blocks of the memory file that are not all zeros.
 * NULL with errno set. */
json_t *json_image_encode(int fd);
/* Returns a new memory file, -EINVAL when `j` is no such thing, or -errno. */
int json_image_decode(const json_t *j);

#endif
