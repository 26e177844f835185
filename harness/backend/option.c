/* Parses the values of options by their types: see option.h. */
#include "backend/option.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/faults.h"
#include "base/buf.h"
#include "base/edit_distance.h"
#include "base/error.h"
#include "base/size.h"

static void *member(const struct backend_option *o, void *settings)
{
    return (char *)settings + o->offset;
}

bool words_have(const struct words *w, const char *word)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->v[i], word) == 0)
            return true;
    return false;
}

/* One block holds the pointers and, behind them, the words. */
static void parse_words(const char *text, char separator, struct words *ret)
{
    const size_t len = strlen(text);

    *ret = (struct words){.text = text};
    ret->v = xcalloc(1, (len / 2 + 2) * sizeof *ret->v + len + 1);
    char *words = memcpy((char *)(ret->v + len / 2 + 2), text, len + 1), *save = NULL;

    for (char *w = strtok_r(words, (char[]){separator, '\0'}, &save); w; w = strtok_r(NULL, (char[]){separator, '\0'}, &save))
        ret->v[ret->n++] = w;
}

static int parse_size(const struct backend_option *o, const char *text, uint64_t *ret, struct error *err)
{
    char least[24], most[24];

    if (size_parse(text, strlen(text), ret) == 0 && *ret >= o->least && *ret <= o->most)
        return 0;
    return error_set(err, EINVAL, "option", o->key, "%s=%s: expected a size from %s to %s", o->key, text,
                     size_print(o->least, least), size_print(o->most, most));
}

bool option_choice_at(const struct backend_option *o, size_t i, struct option_choice *ret)
{
    if (o->choice)
        return o->choice(i, ret);
    *ret = (struct option_choice){.name = o->names ? o->names[i] : NULL};
    return ret->name;
}

/* "512, 4096", with what stands behind a colon: "drop:N". */
static void print_choices(const struct backend_option *o, struct buf *out)
{
    struct option_choice c;

    for (size_t i = 0; option_choice_at(o, i, &c); i++)
        buf_printf(out, "%s%s%s%s", i ? ", " : "", c.name, c.argument ? ":" : "", c.argument ? c.argument : "");
}

/* The choice most similar to `word`, without what stands behind its colon; NULL: none is. */
static const char *similar_choice(const struct backend_option *o, const char *word)
{
    struct option_choice c;
    const char **names = NULL;
    size_t n = 0, cap = 0;
    struct buf name = {0};

    for (size_t i = 0; option_choice_at(o, i, &c); i++) {
        names = grow(names, &cap, n, sizeof *names);
        names[n++] = c.name;
    }
    names = grow(names, &cap, n, sizeof *names);
    names[n] = NULL;
    buf_add(&name, word, strcspn(word, ":"));
    const char *similar = edit_similar(buf_text(&name), names);
    buf_free(&name);
    free(names);
    return similar;
}

static int not_a_choice(const struct backend_option *o, const char *word, struct error *err)
{
    struct buf possible = {.data = NULL};

    print_choices(o, &possible);
    const char *similar = similar_choice(o, word);
    const int rc = similar
                       ? error_set(err, EINVAL, "option", o->key, "%s=%s: did you mean '%s'? Possible: %s", o->key, word, similar,
                                   buf_text(&possible))
                       : error_set(err, EINVAL, "option", o->key, "%s=%s: expected one of %s", o->key, word, buf_text(&possible));
    buf_free(&possible);
    return rc;
}

static int parse_choice(const struct backend_option *o, const char *text, int *ret, struct error *err)
{
    struct option_choice c;

    for (int i = 0; option_choice_at(o, (size_t)i, &c); i++)
        if (strcmp(c.name, text) == 0) {
            *ret = i;
            return 0;
        }
    return not_a_choice(o, text, err);
}

static int parse_faults(const struct backend_option *o, const char *text, struct faults *faults, struct error *err)
{
    char *words = xstrdup(text);
    const char *bad = "";
    int rc = disk_faults_parse(words, &faults->disk, &bad);

    if (rc < 0)
        rc = not_a_choice(o, bad, err);
    free(words);
    return rc;
}

int option_parse(const struct backend_option *o, const char *text, void *settings, struct faults *faults, struct error *err)
{
    if (!text)
        text = o->fallback;
    switch (o->type) {
    case OPTION_TEXT:
        *(const char **)member(o, settings) = text;
        return text && o->check ? o->check(text, err) : 0;
    case OPTION_WORDS:
        if (text)
            parse_words(text, o->separator, member(o, settings));
        return 0;
    case OPTION_SIZE:
        return text ? parse_size(o, text, member(o, settings), err) : 0;
    case OPTION_CHOICE:
        *(int *)member(o, settings) = OPTION_UNSET;
        return text ? parse_choice(o, text, member(o, settings), err) : 0;
    default:
        assert(o->type == OPTION_FAULTS);
        return text ? parse_faults(o, text, faults, err) : 0;
    }
}

void option_free(const struct backend_option *o, void *settings)
{
    if (o->type == OPTION_WORDS)
        free(((struct words *)member(o, settings))->v);
}
