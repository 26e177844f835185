/* UTF-8: see utf8.h. */
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"

size_t utf8_length(const char *p, const char *end)
{
    const unsigned char first = (unsigned char)*p;
    const size_t n = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;

    if (!n || (size_t)(end - p) < n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)p[i] & 0xc0) != 0x80)
            return 0;
    }
    const unsigned char second = n > 1 ? (unsigned char)p[1] : 0;
    /* Over-long forms, surrogates, and beyond U+10FFFF. */
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
        (first == 0xf4 && second > 0x8f))
        return 0;
    return n;
}

void utf8_clean(struct buf *b, const char *text)
{
    const char *end = text + strlen(text);

    for (const char *p = text; p < end;) {
        bool control = ((unsigned char)*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f;
        size_t len = control ? 0 : utf8_length(p, end);
        buf_add(b, len ? p : "?", len ? len : 1);
        p += len ? len : 1;
    }
}
