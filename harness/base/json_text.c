/* Text as JSON: see json_text.h. */
#include "base/json_text.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_bytes.h"
#include "base/utf8.h"

json_t *json_text_exact(const char *text)
{
    json_t *j = json_string(text);

    return j ? j : json_bytes_encode(text, strlen(text));
}

char *json_text_exact_decode(const json_t *j)
{
    void *data;
    size_t len;

    if (json_is_string(j))
        return xstrdup(json_string_value(j));
    if (json_bytes_decode(j, JSON_TEXT_MOST_BYTES, &data, &len) < 0)
        return NULL;
    ((char *)data)[len] = '\0';
    return data;
}

json_t *json_text_clean(const char *text)
{
    struct buf b = {.data = NULL};

    utf8_clean(&b, text ? text : "");
    json_t *j = json_string(buf_text(&b));
    buf_free(&b);
    assert(j);
    return j;
}
