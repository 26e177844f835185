/* Versions of the kernel: see kernel.h. */
#include "language/kernel.h"

#include <string.h>

#include "base/buf.h"

enum { PARTS = 3, PART_MAX = 4095, MAJOR_MAX = 255 };

/* Reads up to three numbers with dots between; *ret_end is what stands behind them. At least two are needed. */
static bool leading(const char *text, const char *end, uint32_t *ret, const char **ret_end)
{
    uint32_t part[PARTS] = {0};
    int n = 0;

    for (const char *p = text; n < PARTS; p++) {
        if (p == end || *p < '0' || *p > '9')
            break;
        for (; p < end && *p >= '0' && *p <= '9' && part[n] <= PART_MAX; p++)
            part[n] = part[n] * 10 + (uint32_t)(*p - '0');
        n++;
        *ret_end = p;
        if (p == end || *p != '.')
            break;
    }
    if (n < 2 || part[0] > MAJOR_MAX || part[1] > PART_MAX || part[2] > PART_MAX)
        return false;
    *ret = KERNEL(part[0], part[1], part[2]);
    return true;
}

bool kernel_parse(const char *text, size_t len_bytes, uint32_t *ret)
{
    const char *end = text;

    return leading(text, text + len_bytes, ret, &end) && end == text + len_bytes;
}

uint32_t kernel_of(const char *release, const char *version)
{
    static const char debian[] = "Debian ";
    const char *at = strstr(version, debian), *end;
    uint32_t v = 0;

    if (at && leading(at + strlen(debian), version + strlen(version), &v, &end))
        return v;
    return leading(release, release + strlen(release), &v, &end) ? v : 0;
}

bool kernel_in(uint32_t version, const struct kernel_range *r)
{
    return version >= r->from && (r->before == 0 || version < r->before);
}

void kernel_print(uint32_t version, struct buf *out)
{
    const uint32_t patch = version & PART_MAX;

    buf_printf(out, "%u.%u", version >> 24, version >> 12 & PART_MAX);
    if (patch)
        buf_printf(out, ".%u", patch);
}
