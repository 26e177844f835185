/* Disk images as JSON: the blocks that are not all zeros. */
#ifndef TORNPAGE_HOST_JSON_IMAGE_H
#define TORNPAGE_HOST_JSON_IMAGE_H

#include <jansson.h>
#include <stdint.h>

/*
 * {"size": BYTES, "blocks": [[FIRST, COUNT], ...], "data": BYTES}: the blocks (BLOCK_BYTES) of the memory file `fd` that are not
 * all zeros, and their contents one after the other (json_bytes.h). NULL with errno set.
 */
json_t *json_image_encode(int fd);
/*
 * Returns a new memory file, which is the caller's to close; -EINVAL when `j` is not such an object, -EFBIG when the image is
 * larger than `most_bytes`, or another -errno.
 */
int json_image_decode(const json_t *j, uint64_t most_bytes);

#endif
