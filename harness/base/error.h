/*
 * Errors as values. Library code returns 0 or -errno and fills the caller's struct error; it never prints and never exits.
 * Only the faces print one.
 */
#ifndef TORNPAGE_BASE_ERROR_H
#define TORNPAGE_BASE_ERROR_H

#include <stdbool.h>

struct error {
    int code;       /* errno value, positive; 0 when nothing went wrong */
    bool skip;      /* the machine or the file system lacks a feature: "skipped", not "broken" */
    char op[48];    /* what was being done: "mount", "LOOP_CONFIGURE" */
    char path[256]; /* to what; empty when nothing has a name */
    char msg[512];  /* the cause in words; empty: strerror(code) says it */
};

/* Fills *err (which may be NULL) and returns -code. fmt may be NULL: the cause is then strerror(code). */
int error_set(struct error *err, int code, const char *op, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* As error_set, and marks the error as a missing feature; the message must name the remedy. */
int error_skip(struct error *err, const char *op, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Writes "op path: cause" into buf and returns buf. */
const char *error_text(const struct error *err, char *buf, unsigned long size_bytes);

#endif
