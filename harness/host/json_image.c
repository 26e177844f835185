/* Disk images as JSON: see json_image.h. */
#include "host/json_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json_bytes.h"
#include "base/size.h"
#include "host/full_io.h"

static int add_block(json_t *runs, struct buf *data, uint64_t block, const uint8_t *bytes)
{
    json_t *last = json_array_get(runs, json_array_size(runs) - 1), *count = json_array_get(last, 1);

    buf_add(data, bytes, BLOCK_BYTES);
    if (last && (uint64_t)(json_integer_value(json_array_get(last, 0)) + json_integer_value(count)) == block)
        return json_integer_set(count, json_integer_value(count) + 1);
    return json_array_append_new(runs, json_pack("[I, i]", (json_int_t)block, 1));
}

json_t *json_image_encode(int fd)
{
    static const uint8_t zeros[BLOCK_BYTES];
    uint8_t block[BLOCK_BYTES];
    struct buf data = {0};
    struct stat st;
    json_t *runs = json_array();
    int rc = fstat(fd, &st) < 0 ? -errno : 0;

    for (off_t at = 0; rc == 0 && (at = lseek(fd, at, SEEK_DATA)) >= 0;) {
        off_t hole = lseek(fd, at, SEEK_HOLE);
        for (at -= at % BLOCK_BYTES; rc == 0 && at < hole; at += BLOCK_BYTES) {
            memset(block, 0, sizeof block);
            if (pread(fd, block, sizeof block, at) < 0)
                rc = -errno;
            else if (memcmp(block, zeros, sizeof block) != 0)
                rc = add_block(runs, &data, (uint64_t)at / BLOCK_BYTES, block) < 0 ? -ENOMEM : 0;
        }
    }
    json_t *j = NULL;
    if (rc == 0)
        j = json_pack("{sI, so, so}", "size", (json_int_t)st.st_size, "blocks", runs, "data",
                      json_bytes_encode(data.data, data.len_bytes));
    else
        json_decref(runs);
    buf_free(&data);
    errno = rc < 0 ? -rc : ENOMEM;
    return j;
}

int json_image_decode(const json_t *j, uint64_t most_bytes)
{
    const json_t *runs = json_object_get(j, "blocks"), *size = json_object_get(j, "size");
    const uint64_t size_bytes = (uint64_t)json_integer_value(size), n_blocks = size_bytes / BLOCK_BYTES;
    size_t len = 0, used = 0;
    void *data = NULL;

    if (!json_is_integer(size) || size_bytes == 0 || size_bytes % BLOCK_BYTES || !json_is_array(runs))
        return -EINVAL;
    if (size_bytes > most_bytes)
        return -EFBIG;
    int rc = json_bytes_decode(json_object_get(j, "data"), size_bytes, &data, &len);
    int fd = rc < 0 ? -1 : memfd_create("tornpage-image", MFD_CLOEXEC);
    if (rc == 0 && (fd < 0 || ftruncate(fd, (off_t)size_bytes) < 0))
        rc = -errno;
    for (size_t i = 0; rc == 0 && i < json_array_size(runs); i++) {
        const json_t *run = json_array_get(runs, i);
        uint64_t first = (uint64_t)json_integer_value(json_array_get(run, 0)),
                 count = (uint64_t)json_integer_value(json_array_get(run, 1));
        if (first >= n_blocks || count == 0 || count > n_blocks - first || count > (len - used) / BLOCK_BYTES) {
            rc = -EINVAL;
            break;
        }
        rc = pwrite_full(fd, (const uint8_t *)data + used, count * BLOCK_BYTES, first * BLOCK_BYTES);
        used += count * BLOCK_BYTES;
    }
    if (rc == 0 && used != len)
        rc = -EINVAL;
    free(data);
    if (rc < 0 && fd >= 0)
        close(fd);
    return rc < 0 ? rc : fd;
}
