/* A growable text or byte buffer. Out of memory aborts: no caller of ours could do anything better. */
#ifndef TORNPAGE_BASE_BUF_H
#define TORNPAGE_BASE_BUF_H

#include <stddef.h>

struct buf {
    char *data;       /* always NUL-terminated once anything was added; NULL when empty */
    size_t len_bytes; /* without the NUL */
    size_t cap_bytes;
};

void buf_add(struct buf *b, const void *data, size_t len_bytes);
void buf_puts(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *buf_text(const struct buf *b); /* the text, "" when empty */
void buf_clear(struct buf *b);             /* empties, keeps the memory */
void buf_free(struct buf *b);

/* Makes room for element number n (0-based) of a growable array whose capacity is *cap elements; returns the new base. */
void *grow(void *base, size_t *cap, size_t n, size_t elem_bytes);
/* malloc, calloc, strdup that abort when memory is out. */
void *xmalloc(size_t n_bytes);
void *xcalloc(size_t n, size_t elem_bytes);
char *xstrdup(const char *s);

#endif
