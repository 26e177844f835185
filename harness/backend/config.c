/* Configurations: specs taken apart and printed, and the asserting way to a backend's common part. See config.h. */
#include "backend/config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "base/buf.h"
#include "base/edit_distance.h"
#include "base/error.h"

enum { MAX_LISTED = 32 }; /* backends that a suggestion is made from */

const struct backend *backend_find(const char *name)
{
    for (size_t i = 0; backends[i]; i++)
        if (strcmp(backends[i]->name, name) == 0)
            return backends[i];
    return NULL;
}

static const struct backend_option *option_at(const struct backend *b, size_t i)
{
    assert(i < BACKEND_MAX_OPTIONS);
    return b->options && b->options[i].key ? &b->options[i] : NULL;
}

static int bad(struct error *err, const char *spec, const char *what, const struct buf *possible)
{
    return error_set(err, EINVAL, "backend", spec, "%s; possible: %s", what, buf_text(possible));
}

/* "no such option; did you mean 'mount'", for a word of len_bytes that is not in the NULL-terminated list. */
static void say_unknown(const char *what, const char *word, size_t len_bytes, const char *const *list, struct buf *ret)
{
    struct buf text = {0};

    buf_add(&text, word, len_bytes);
    const char *similar = edit_similar(buf_text(&text), list);
    buf_free(&text);
    buf_printf(ret, similar ? "no such %s; did you mean '%s'" : "no such %s", what, similar);
}

static int unknown_backend(struct error *err, const char *spec)
{
    const char *list[MAX_LISTED + 1] = {NULL};
    struct buf names = {0}, text = {0};

    for (size_t i = 0; backends[i]; i++) {
        buf_printf(&names, "%s%s", i ? ", " : "", backends[i]->name);
        if (i < MAX_LISTED)
            list[i] = backends[i]->name;
    }
    say_unknown("backend", spec, strcspn(spec, ":"), list, &text);
    const int rc = bad(err, spec, buf_text(&text), &names);
    buf_free(&names);
    buf_free(&text);
    return rc;
}

static int bad_option(struct error *err, const char *spec, const struct backend *b, const char *what)
{
    struct buf keys = {0};

    for (size_t i = 0; option_at(b, i); i++)
        buf_printf(&keys, "%s%s=", i ? ", " : "", b->options[i].key);
    if (!keys.len_bytes)
        buf_printf(&keys, "no options (%s takes none)", b->name);
    int rc = bad(err, spec, what, &keys);
    buf_free(&keys);
    return rc;
}

static int unknown_option(struct error *err, const char *spec, const struct backend *b, const char *key, size_t len_bytes)
{
    const char *list[BACKEND_MAX_OPTIONS + 1] = {NULL};
    struct buf text = {0};

    for (size_t i = 0; option_at(b, i); i++)
        list[i] = b->options[i].key;
    say_unknown("option", key, len_bytes, list, &text);
    const int rc = bad_option(err, spec, b, buf_text(&text));
    buf_free(&text);
    return rc;
}

static int option_index(const struct backend *b, const char *key, size_t len_bytes)
{
    for (size_t i = 0; option_at(b, i); i++)
        if (strlen(b->options[i].key) == len_bytes && memcmp(b->options[i].key, key, len_bytes) == 0)
            return (int)i;
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

void backend_config_begin(struct backend_config *c, const struct backend *b)
{
    *c = (struct backend_config){.backend = b, .settings = b->settings_bytes ? xcalloc(1, b->settings_bytes) : NULL};
}

int backend_config_set(struct backend_config *c, const char *key, const char *value, struct error *err)
{
    const int i = option_index(c->backend, key, strlen(key));

    assert(!c->spec);
    if (!value)
        return 0;
    if (i < 0)
        return unknown_option(err, c->backend->name, c->backend, key, strlen(key));
    free(c->text[i]);
    c->text[i] = xstrdup(value);
    return 0;
}

int backend_config_end(struct backend_config *c, struct error *err)
{
    struct buf spec = {0};
    int rc = 0;

    buf_puts(&spec, c->backend->name);
    for (size_t i = 0, given = 0; option_at(c->backend, i); i++) {
        if (!c->text[i])
            continue;
        buf_printf(&spec, "%s%s=", given++ ? "," : ":", c->backend->options[i].key);
        value_print(c->text[i], &spec);
    }
    c->spec = spec.data;
    for (size_t i = 0; rc == 0 && option_at(c->backend, i); i++)
        rc = option_parse(option_at(c->backend, i), c->text[i], c->settings, &c->faults, err);
    return rc;
}

/* Takes "key=value,..." apart. */
static int parse_options(const char *spec, const char *s, struct backend_config *c, struct error *err)
{
    while (*s) {
        const size_t key_len = strcspn(s, "=,");
        const int i = option_index(c->backend, s, key_len);
        struct buf value = {0};

        if (i < 0)
            return unknown_option(err, spec, c->backend, s, key_len);
        if (s[key_len] != '=')
            return bad_option(err, spec, c->backend, "an option without '='");
        if (c->text[i])
            return bad_option(err, spec, c->backend, "an option given twice");
        s = value_parse(s + key_len + 1, &value);
        c->text[i] = xstrdup(buf_text(&value));
        buf_free(&value);
        if (*s == ',' && !*++s)
            return bad_option(err, spec, c->backend, "a comma at the end");
    }
    return 0;
}

int backend_config_parse(const char *spec, struct backend_config *ret, struct error *err)
{
    const char *colon = strchr(spec, ':');
    const size_t name_len = colon ? (size_t)(colon - spec) : strlen(spec);

    *ret = (struct backend_config){0};
    for (size_t i = 0; backends[i]; i++)
        if (strlen(backends[i]->name) == name_len && memcmp(backends[i]->name, spec, name_len) == 0)
            backend_config_begin(ret, backends[i]);
    if (!ret->backend)
        return unknown_backend(err, spec);
    const int rc = parse_options(spec, colon ? colon + 1 : "", ret, err);

    return rc < 0 ? rc : backend_config_end(ret, err);
}

int backend_config_harmless(const struct backend_config *c, struct error *err)
{
    const char *key = c->backend->harmful ? c->backend->harmful(c->settings) : NULL;

    if (!key)
        return 0;
    return error_set(err, EINVAL, "backend", c->spec, "'%s=%s' may make this machine do more than judge a volume", key,
                     c->text[option_index(c->backend, key, strlen(key))]);
}

void backend_config_free(struct backend_config *c)
{
    assert(!c->ready); /* release comes first */
    for (size_t i = 0; c->backend && option_at(c->backend, i); i++) {
        option_free(option_at(c->backend, i), c->settings);
        free(c->text[i]);
    }
    free(c->settings);
    free(c->spec);
    *c = (struct backend_config){0};
}

/* ---- the asserting way to a backend ---- */

/* A member's 0 or -errno, as promised. */
static int checked(int rc, const struct error *err)
{
    assert(rc <= 0);
    assert(rc == 0 || !err || err->code);
    return rc;
}

bool backend_is_model(const struct backend *b)
{
    assert(!b->model != !b->volumes);
    return b->model;
}

bool backend_takes_images(const struct backend *b)
{
    assert(!b->images || b->volumes);
    return b->images;
}

uint64_t backend_image_size(const struct backend_config *c)
{
    assert(backend_takes_images(c->backend));
    return c->backend->images->size(c);
}

int backend_probe(const struct backend_config *c, struct error *err)
{
    return c->backend->probe ? checked(c->backend->probe(c, err), err) : 0;
}

void backend_guarantees(const struct backend_config *c, struct guarantees *ret)
{
    *ret = guarantees_default;
    if (c->backend->guarantees)
        c->backend->guarantees(c, ret);
}

int backend_prepare(struct backend_config *c, struct error *err)
{
    const struct backend *b = c->backend;
    int (*prepare)(const struct backend_config *, void **, struct error *) =
        backend_is_model(b) ? b->model->prepare : b->volumes->prepare;

    assert(!c->ready);
    const int rc = prepare ? checked(prepare(c, &c->shared, err), err) : 0;
    c->ready = rc == 0;
    return rc;
}

int backend_adopt(struct backend_config *c, int image_fd, struct error *err)
{
    assert(!c->ready && backend_takes_images(c->backend) && image_fd >= 0);
    const int rc = checked(c->backend->images->adopt(c, image_fd, &c->shared, err), err);
    c->ready = rc == 0;
    return rc;
}

void backend_release(struct backend_config *c)
{
    const struct backend *b = c->backend;

    if (!c->ready)
        return;
    void (*release)(const struct backend_config *, void *) = backend_is_model(b) ? b->model->release : b->volumes->release;
    if (release)
        release(c, c->shared);
    c->shared = NULL;
    c->ready = false;
}

int backend_simulate(const struct backend_config *c, const struct plan *p, enum strike strike, uint64_t seed, struct history *h,
                     struct survivors *s, uint64_t *ret_pos, struct error *err)
{
    assert(c->ready && backend_is_model(c->backend) && c->backend->strikes & 1U << strike);
    return checked(c->backend->model->simulate(c, p, strike, seed, h, s, ret_pos, err), err);
}
