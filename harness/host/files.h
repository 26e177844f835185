/* Names of files and directories for reports and findings. */
#ifndef TORNPAGE_HOST_FILES_H
#define TORNPAGE_HOST_FILES_H

struct error;

/* Makes the directory and its missing parents. 0 or -errno. */
int files_make_dirs(const char *dir, struct error *err);
/* Turns any text into one file name that needs no quoting: a slash becomes '-', other special characters '_'. */
void files_plain_name(char *name);

#endif
