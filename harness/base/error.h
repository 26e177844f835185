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
    char op[48];    /* the operation that failed: "mount", "LOOP_CONFIGURE" */
    char path[256]; /* its object; may be empty */
    char msg[512];  /* the cause in words; empty: strerror(code) is the cause */
};

/* Fills *err (may be NULL) and returns -code. fmt NULL: the cause is strerror(code). */
int error_set(struct error *err, int code, const char *op, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* As error_set with EOPNOTSUPP, for a missing feature. The message must name the remedy. */
int error_skip(struct error *err, const char *op, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Writes "op path: cause" into buf and returns buf. */
const char *error_text(const struct error *err, char *buf, unsigned long size_bytes);

#endif
