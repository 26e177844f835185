/* Names of files and directories. */
#ifndef TORNPAGE_HOST_FILES_H
#define TORNPAGE_HOST_FILES_H

#include <stdint.h>

struct error;

/* Makes the directory and its missing parents. 0 or -errno. */
int files_make_dirs(const char *dir, struct error *err);
/* Turns any text into one file name that needs no quoting: a slash becomes '-', other special characters '_'. */
void files_plain_name(char *name);
/*
 * A random number for a name that no other file has: process numbers are not unique, because each isolated process is one of the
 * first of its own pid namespace. getrandom(2).
 */
uint64_t files_unique(void);

#endif
