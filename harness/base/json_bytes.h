/* Bytes as JSON: deflated with zlib, then base64. */
#ifndef TORNPAGE_BASE_JSON_BYTES_H
#define TORNPAGE_BASE_JSON_BYTES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* {"bytes": N, "deflate_base64": TEXT}; NULL when memory is out. */
json_t *json_bytes_encode(const void *data, size_t len_bytes);
/*
 * The bytes, at most `most_bytes`: a small file may hold very many. *ret is the caller's to free; one byte more than
 * *ret_len_bytes is allocated, for a terminating NUL. 0; -EINVAL when `j` is not such an object; -EFBIG when it holds more;
 * -ENOMEM. *ret is set on success only.
 */
int json_bytes_decode(const json_t *j, uint64_t most_bytes, void **ret, size_t *ret_len_bytes);

#endif
