/* Growable buffers for text and bytes. When memory is out they abort: no caller could do anything better. */
#ifndef TORNPAGE_BASE_BUF_H
#define TORNPAGE_BASE_BUF_H

#include <stddef.h>

struct buf {
    char *data;       /* ends with a NUL; NULL until something was added */
    size_t len_bytes; /* without the NUL */
    size_t cap_bytes;
};

void buf_add(struct buf *b, const void *data, size_t len_bytes);
void buf_puts(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *buf_text(const struct buf *b); /* the text, "" when empty */
void buf_clear(struct buf *b);             /* empties, keeps the memory */
void buf_free(struct buf *b);

/* Makes room for element n (from 0) of a growable array with a capacity of *cap elements. Returns its new base. */
void *grow(void *base, size_t *cap, size_t n, size_t elem_bytes);
/* malloc, calloc, strdup that abort when memory is out. */
void *xmalloc(size_t n_bytes);
void *xcalloc(size_t n, size_t elem_bytes);
char *xstrdup(const char *s);

#endif
