/* Text for people: see text.h. */
#include "report/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/edit_distance.h"

void text_wrap(FILE *out, const char *text, unsigned at, unsigned indent, unsigned width)
{
    bool first = true;

    for (const char *p = text + strspn(text, " "); *p; p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");
        if (!first && at + 1 + len > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!first) {
            fputc(' ', out);
            at++;
        }
        fwrite(p, 1, len, out);
        at += (unsigned)len;
        first = false;
        p += len;
    }
    fputc('\n', out);
}

size_t text_lines(FILE *out, const char *text, unsigned indent, size_t max_lines)
{
    size_t n = 0, left_out = 0;

    while (*text) {
        size_t len = strcspn(text, "\n");
        if (n < max_lines && len)
            fprintf(out, "%*s%.*s\n", (int)indent, "", (int)len, text);
        else if (len)
            left_out++;
        n += len > 0;
        text += len + (text[len] == '\n');
    }
    return left_out;
}

void text_shell(struct buf *b, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";

    if (*word && !word[strspn(word, plain)]) {
        buf_puts(b, word);
        return;
    }
    buf_puts(b, "'");
    for (; *word; word++) {
        if (*word == '\'')
            buf_puts(b, "'\\''");
        else
            buf_add(b, word, 1);
    }
    buf_puts(b, "'");
}

/* Buffers in turn, so that one printf may use several. */
static char *scratch(void)
{
    static char ring[8][40];
    static unsigned next;

    return ring[next++ % 8];
}

const char *text_count(uint64_t n)
{
    char *end = scratch() + 39, *p = end;
    unsigned digits = 0;

    *p = '\0';
    do {
        if (digits && digits % 3 == 0)
            *--p = ',';
        *--p = (char)('0' + n % 10);
        n /= 10;
        digits++;
    } while (n);
    return p;
}

const char *text_short(uint64_t n)
{
    char *p = scratch();

    if (n < 10000000)
        snprintf(p, 40, "%llu", (unsigned long long)n);
    else
        snprintf(p, 40, "%.1e", (double)n);
    return p;
}

const char *text_duration(double s)
{
    char *p = scratch();
    unsigned long whole = (unsigned long)(s + 0.5);

    if (s < 99.95)
        snprintf(p, 40, "%.1f s", s);
    else if (whole < 3600)
        snprintf(p, 40, "%lu min %02lu s", whole / 60, whole % 60);
    else
        snprintf(p, 40, "%lu h %02lu min", whole / 3600, whole / 60 % 60);
    return p;
}

bool text_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    char *end = NULL;

    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    unsigned long long v = strtoull(text, &end, hex ? 16 : 10);
    if (errno || *end || v < min || v > max)
        return false;
    *ret = v;
    return true;
}

bool text_seconds(const char *text, double *ret_s)
{
    char *end = NULL;

    if (!isdigit((unsigned char)text[0]) || text[1] == 'x' || text[1] == 'X')
        return false;
    double v = strtod(text, &end);
    if (*end && end[1])
        return false;
    switch (*end) {
    case '\0':
    case 's':
        break;
    case 'm':
        v *= 60;
        break;
    case 'h':
        v *= 3600;
        break;
    default:
        return false;
    }
    if (!isfinite(v) || v <= 0)
        return false;
    *ret_s = v;
    return true;
}

void text_choices(struct buf *b, const char *word, const char *const *list)
{
    const char *similar = edit_similar(word, list);

    if (similar)
        buf_printf(b, "; did you mean '%s'?", similar);
    buf_puts(b, similar ? " There are: " : "; there are: ");
    for (size_t i = 0; list[i]; i++)
        buf_printf(b, "%s%s", i ? ", " : "", list[i]);
}

struct term term_of(FILE *f)
{
    struct term t = {.terminal = isatty(fileno(f)) == 1, .width = 200};
    struct winsize w;
    uint64_t columns;
    const char *no_colour = getenv("NO_COLOR"), *kind = getenv("TERM"), *env = getenv("COLUMNS");

    if (t.terminal && ioctl(fileno(f), TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
        t.width = w.ws_col;
    else if (env && text_number(env, 20, 10000, &columns))
        t.width = (unsigned)columns;
    t.colour = t.terminal && !(no_colour && *no_colour) && !(kind && strcmp(kind, "dumb") == 0);
    return t;
}
