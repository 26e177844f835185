/* Sizes as text: see size.h. */
#include "base/size.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char suffixes[] = "kmgt";

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

int size_parse(const char *text, size_t len_bytes, uint64_t *ret)
{
    unsigned base = 10, shift = 0;
    uint64_t n = 0;

    assert(text && ret);
    if (len_bytes) {
        const char *suffix = memchr(suffixes, text[len_bytes - 1], sizeof suffixes - 1);

        if (suffix) {
            shift = 10 * (unsigned)(suffix - suffixes + 1);
            len_bytes--;
        }
    }
    if (len_bytes > 2 && text[0] == '0' && text[1] == 'x') {
        base = 16;
        text += 2;
        len_bytes -= 2;
    } else if (len_bytes > 1 && text[0] == '0') {
        return -EINVAL; /* octal in C, decimal to people: ambiguous, so refused */
    }
    if (!len_bytes)
        return -EINVAL;
    for (size_t i = 0; i < len_bytes; i++) { /* syntax first: what is no number is not "too large" */
        if (digit_value(text[i]) >= (int)base)
            return -EINVAL;
    }
    for (size_t i = 0; i < len_bytes; i++) {
        if (__builtin_mul_overflow(n, (uint64_t)base, &n) || __builtin_add_overflow(n, (uint64_t)digit_value(text[i]), &n))
            return -ERANGE;
    }
    if (shift && n >> (64 - shift))
        return -ERANGE;
    *ret = n << shift;
    return 0;
}

const char *size_print(uint64_t n, char *buf)
{
    char digits[24], *d = digits + sizeof digits, *out = buf;
    size_t suffix = 0;

    assert(buf);
    while (n && !(n & 1023) && suffix < sizeof suffixes - 1) {
        n >>= 10;
        suffix++;
    }
    do {
        *--d = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    while (d < digits + sizeof digits)
        *out++ = *d++;
    if (suffix)
        *out++ = suffixes[suffix - 1];
    *out = '\0';
    return buf;
}
