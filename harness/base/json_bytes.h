/* Bytes as JSON: deflated with zlib, then base64. */
#ifndef TORNPAGE_BASE_JSON_BYTES_H
#define TORNPAGE_BASE_JSON_BYTES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_BYTES_MAX_BYTES ((uint64_t)1 << 32) /* of data in one object; more is refused */

/* {"bytes": N, "deflate_base64": TEXT}; NULL when memory is out. */
json_t *json_bytes_encode(const void *data, size_t len_bytes);
/*
 * *ret is the caller's to free; one byte more than *ret_len_bytes is allocated, for a terminating NUL. 0; -EINVAL when `j` is not
 * such an object; -ENOMEM. *ret is set on success only.
 */
int json_bytes_decode(const json_t *j, void **ret, size_t *ret_len_bytes);

#endif
