/*
 * Files that the user asks for: logs, images, reports, findings. A file appears under its name when it is whole, or not at all;
 * what lay there before stays until then.
 */
#ifndef TORNPAGE_HOST_OUTPUT_H
#define TORNPAGE_HOST_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct error;
struct output;

/*
 * Begins the file `path`. -EINVAL when it must not be written: something is there that is not a regular file (a directory, a
 * device, a symbolic link), or it is one of `inputs` (paths, NULL-terminated; NULL: none), under any name. With `stream`, a pipe
 * or a character device, such as /dev/null or a terminal, is written as it is, and "-" is standard output. Another -errno when it
 * cannot be created. After a failure *ret is NULL. open(2), O_TMPFILE.
 */
int output_open(const char *path, bool stream, const char *const *inputs, struct output **ret, struct error *err);
/* Where to write. It can be read and repositioned unless it is a stream. */
FILE *output_file(struct output *o);
/*
 * Writes the file to the disk, gives it its name, and frees `o`. NULL: does nothing. -errno when anything could not be written,
 * then or earlier; then there is no new file.
 */
int output_commit(struct output *o, struct error *err);
/* Drops the file and frees `o`; what a stream has taken stays there. NULL: does nothing. */
void output_abandon(struct output *o);

#endif
