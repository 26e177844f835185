/* Growable buffers: see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_abort(void *p)
{
    if (!p) {
        static const char msg[] = "tornpage: out of memory\n";
        fwrite(msg, 1, sizeof msg - 1, stderr);
        abort();
    }
    return p;
}

void *xmalloc(size_t n_bytes)
{
    return or_abort(malloc(n_bytes ? n_bytes : 1));
}

void *xcalloc(size_t n, size_t elem_bytes)
{
    return or_abort(calloc(n ? n : 1, elem_bytes ? elem_bytes : 1));
}

char *xstrdup(const char *s)
{
    return or_abort(strdup(s));
}

void *grow(void *base, size_t *cap, size_t n, size_t elem_bytes)
{
    if (n < *cap)
        return base;
    size_t want = *cap ? *cap * 2 : 8;

    while (want <= n)
        want *= 2;
    *cap = want;
    return or_abort(realloc(base, want * elem_bytes));
}

static void reserve(struct buf *b, size_t more_bytes)
{
    b->data = grow(b->data, &b->cap_bytes, b->len_bytes + more_bytes + 1, 1);
}

void buf_add(struct buf *b, const void *data, size_t len_bytes)
{
    reserve(b, len_bytes);
    if (len_bytes)
        memcpy(b->data + b->len_bytes, data, len_bytes);
    b->len_bytes += len_bytes;
    b->data[b->len_bytes] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;

    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n > 0) {
        reserve(b, (size_t)n);
        vsnprintf(b->data + b->len_bytes, (size_t)n + 1, fmt, again);
        b->len_bytes += (size_t)n;
    }
    va_end(again);
}

const char *buf_text(const struct buf *b)
{
    return b->data ? b->data : "";
}

void buf_clear(struct buf *b)
{
    b->len_bytes = 0;
    if (b->data)
        b->data[0] = '\0';
}

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}
