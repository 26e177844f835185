/* UTF-8: recognising it, and making any bytes it. */
#ifndef TORNPAGE_BASE_UTF8_H
#define TORNPAGE_BASE_UTF8_H

#include <stddef.h>

struct buf;

/* Length of the valid UTF-8 sequence at p (1 to 4), 0 when there is none. */
size_t utf8_length(const char *p, const char *end);
/* Adds `text` as valid UTF-8: other bytes, and control characters except newline and tab, become '?'. */
void utf8_clean(struct buf *b, const char *text);

#endif
