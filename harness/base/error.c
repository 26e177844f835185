/* Errors as values: see error.h. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, int code, const char *op, const char *path, const char *fmt, ...)
{
    if (!err)
        return -code;
    memset(err, 0, sizeof *err);
    err->code = code;
    snprintf(err->op, sizeof err->op, "%s", op ? op : "");
    snprintf(err->path, sizeof err->path, "%s", path ? path : "");
    if (fmt) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->msg, sizeof err->msg, fmt, ap);
        va_end(ap);
    }
    return -code;
}

int error_skip(struct error *err, const char *op, const char *fmt, ...)
{
    if (!err)
        return -EOPNOTSUPP;
    memset(err, 0, sizeof *err);
    err->code = EOPNOTSUPP;
    err->skip = true;
    snprintf(err->op, sizeof err->op, "%s", op ? op : "");
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    return -err->code;
}

const char *error_text(const struct error *err, char *buf, unsigned long size_bytes)
{
    const char *cause = err->msg[0] ? err->msg : strerror(err->code);

    snprintf(buf, size_bytes, "%s%s%s%s%s", err->op, err->path[0] ? " " : "", err->path, err->op[0] || err->path[0] ? ": " : "",
             cause);
    return buf;
}
