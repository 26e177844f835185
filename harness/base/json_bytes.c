/* Bytes as JSON: see json_bytes.h. */
#include "base/json_bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *base64_print(const uint8_t *src, size_t len)
{
    char *text = xmalloc((len + 2) / 3 * 4 + 1), *out = text;

    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t x = (uint32_t)src[i] << 16 | (n > 1 ? (uint32_t)src[i + 1] << 8 : 0) | (n > 2 ? src[i + 2] : 0);
        *out++ = digits[x >> 18];
        *out++ = digits[x >> 12 & 63];
        *out++ = n > 1 ? digits[x >> 6 & 63] : '=';
        *out++ = n > 2 ? digits[x & 63] : '=';
    }
    *out = '\0';
    return text;
}

/* Returns the number of bytes, or -EINVAL. dst has room for len / 4 * 3. */
static int64_t base64_parse(const char *text, size_t len, uint8_t *dst)
{
    int8_t value[256];
    uint8_t *out = dst;

    memset(value, -1, sizeof value);
    for (int8_t i = 0; i < 64; i++)
        value[(unsigned char)digits[i]] = i;
    if (len % 4)
        return -EINVAL;
    for (size_t i = 0; i < len; i += 4) {
        size_t pad = i + 4 == len ? (size_t)(text[i + 3] == '=') + (text[i + 2] == '=') : 0;
        uint32_t x = 0;
        for (size_t k = 0; k < 4; k++) {
            int8_t v = k >= 4 - pad ? 0 : value[(unsigned char)text[i + k]];
            if (v < 0)
                return -EINVAL;
            x = (x << 6) | (uint32_t)(uint8_t)v;
        }
        *out++ = (uint8_t)(x >> 16);
        if (pad < 2)
            *out++ = (uint8_t)(x >> 8);
        if (pad < 1)
            *out++ = (uint8_t)x;
    }
    return out - dst;
}

json_t *json_bytes_encode(const void *data, size_t len_bytes)
{
    uLongf packed_len = compressBound(len_bytes);
    uint8_t *packed = xmalloc(packed_len);
    json_t *j = NULL;

    if (compress2(packed, &packed_len, len_bytes ? data : (const void *)"", len_bytes, Z_BEST_SPEED) == Z_OK) {
        char *text = base64_print(packed, packed_len);
        j = json_pack("{sI, ss}", "bytes", (json_int_t)len_bytes, "deflate_base64", text);
        free(text);
    }
    free(packed);
    return j;
}

int json_bytes_decode(const json_t *j, uint64_t most_bytes, void **ret, size_t *ret_len_bytes)
{
    const json_t *bytes = json_object_get(j, "bytes"), *text = json_object_get(j, "deflate_base64");
    json_int_t want = json_integer_value(bytes);

    if (!json_is_integer(bytes) || !json_is_string(text) || want < 0)
        return -EINVAL;
    if ((uint64_t)want > most_bytes)
        return -EFBIG;
    size_t len = json_string_length(text);
    uint8_t *packed = xmalloc(len / 4 * 3 + 1);
    int64_t packed_len = base64_parse(json_string_value(text), len, packed);
    uLongf got = (uLongf)want;
    uint8_t *data = NULL;
    int rc = packed_len < 0 ? -EINVAL : 0;

    if (rc == 0) {
        data = malloc((size_t)want + 1); /* the file names the size: a wrong one must not end the program */
        rc = !data ? -ENOMEM : uncompress(data, &got, packed, (uLong)packed_len) != Z_OK || got != (uLongf)want ? -EINVAL : 0;
    }
    free(packed);
    if (rc < 0) {
        free(data);
        return rc;
    }
    *ret = data;
    *ret_len_bytes = (size_t)want;
    return 0;
}
