/* Names of files and directories that reports and findings go to. */
#ifndef TORNPAGE_HOST_FILES_H
#define TORNPAGE_HOST_FILES_H

struct error;

/* Makes the directory and those above it that are missing. 0 or -errno. */
int files_make_dirs(const char *dir, struct error *err);
/* Turns any text into one file name: what shells or file systems could take amiss becomes '_', a slash '-'. */
void files_plain_name(char *name);

#endif
