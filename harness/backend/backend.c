/* Finds backends by name and parses what the command line says about them. Knows no backend in particular. */
#include "backend/backend.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"

const struct backend *backend_find(const char *name)
{
    for (size_t i = 0; backends[i]; i++)
        if (strcmp(backends[i]->name, name) == 0)
            return backends[i];
    return NULL;
}

static int bad(struct error *err, const char *spec, const char *what, const struct buf *possible)
{
    return error_set(err, EINVAL, "backend", spec, "%s; possible: %s", what, buf_text(possible));
}

static int unknown_backend(struct error *err, const char *spec)
{
    struct buf names = {0};

    for (size_t i = 0; backends[i]; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", backends[i]->name);
    int rc = bad(err, spec, "no such backend", &names);
    buf_free(&names);
    return rc;
}

static int bad_option(struct error *err, const char *spec, const struct backend *b, const char *what)
{
    struct buf keys = {0};

    for (size_t i = 0; b->options && b->options[i].key; i++)
        buf_printf(&keys, "%s%s=", i ? ", " : "", b->options[i].key);
    if (!keys.len_bytes)
        buf_printf(&keys, "no options (%s takes none)", b->name);
    int rc = bad(err, spec, what, &keys);
    buf_free(&keys);
    return rc;
}

static int option_index(const struct backend *b, const char *key, size_t len_bytes)
{
    for (int i = 0; b->options && b->options[i].key; i++)
        if (strlen(b->options[i].key) == len_bytes && memcmp(b->options[i].key, key, len_bytes) == 0)
            return i;
    return -1;
}

/* Reads a value up to a single comma: ",," and '+' are a comma, "++" is a plus. Returns where the value ends. */
static const char *value_parse(const char *s, struct buf *ret)
{
    for (; *s; s++) {
        if (*s == ',' && s[1] != ',')
            break;
        bool doubled = (*s == ',' || *s == '+') && s[1] == *s;
        char c = *s == '+' && !doubled ? ',' : *s;
        buf_add(ret, &c, 1);
        s += doubled;
    }
    return s;
}

/* The inverse: how a value stands in a canonical spec. */
static void value_print(const char *value, struct buf *out)
{
    for (; *value; value++)
        buf_puts(out, *value == ',' ? "+" : *value == '+' ? "++" : (char[]){*value, '\0'});
}

/* Puts spec and values into one block, so that freeing the spec frees all. */
static void config_pack(struct backend_config *c, const struct buf *value, const bool *given)
{
    struct buf block = {0};
    size_t at[BACKEND_MAX_OPTIONS] = {0};
    const char *sep = ":";

    buf_puts(&block, c->backend->name);
    for (size_t i = 0; i < BACKEND_MAX_OPTIONS; i++) {
        if (!given[i])
            continue;
        buf_printf(&block, "%s%s=", sep, c->backend->options[i].key);
        value_print(buf_text(&value[i]), &block);
        sep = ",";
    }
    buf_add(&block, "", 1);
    for (size_t i = 0; i < BACKEND_MAX_OPTIONS; i++) {
        at[i] = block.len_bytes;
        if (given[i])
            buf_add(&block, buf_text(&value[i]), strlen(buf_text(&value[i])) + 1);
    }
    c->spec = block.data;
    for (size_t i = 0; i < BACKEND_MAX_OPTIONS && c->backend->options && c->backend->options[i].key; i++)
        c->value[i] = given[i] ? c->spec + at[i] : c->backend->options[i].fallback;
}

int backend_config_parse(const char *spec, struct backend_config *ret, struct error *err)
{
    const char *colon = strchr(spec, ':');
    size_t name_len = colon ? (size_t)(colon - spec) : strlen(spec);
    struct buf value[BACKEND_MAX_OPTIONS] = {0};
    bool given[BACKEND_MAX_OPTIONS] = {false};
    int rc = 0;

    *ret = (struct backend_config){0};
    for (size_t i = 0; backends[i]; i++)
        if (strlen(backends[i]->name) == name_len && memcmp(backends[i]->name, spec, name_len) == 0)
            ret->backend = backends[i];
    if (!ret->backend)
        return unknown_backend(err, spec);
    for (const char *s = colon ? colon + 1 : ""; *s && rc == 0;) {
        size_t key_len = strcspn(s, "=,");
        int i = option_index(ret->backend, s, key_len);

        if (i < 0)
            rc = bad_option(err, spec, ret->backend, "no such option");
        else if (s[key_len] != '=')
            rc = bad_option(err, spec, ret->backend, "an option without '='");
        else if (given[i])
            rc = bad_option(err, spec, ret->backend, "an option given twice");
        else {
            assert(i < BACKEND_MAX_OPTIONS);
            given[i] = true;
            s = value_parse(s + key_len + 1, &value[i]);
            if (*s == ',' && !*++s)
                rc = bad_option(err, spec, ret->backend, "a comma at the end");
        }
    }
    if (rc == 0)
        config_pack(ret, value, given);
    for (size_t i = 0; i < BACKEND_MAX_OPTIONS; i++)
        buf_free(&value[i]);
    return rc;
}

void backend_config_free(struct backend_config *c)
{
    assert(!c->prepared || !c->backend->release); /* release comes first */
    free(c->spec);
    *c = (struct backend_config){0};
}

const char *backend_value(const struct backend_config *c, const char *key)
{
    int i = option_index(c->backend, key, strlen(key));

    assert(i >= 0);
    return c->value[i];
}
