/* The backends a command line names: see specs.h. */
#include "faces/specs.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"

enum { MAX_ALTERNATIVES = 1024 };

static void add_one(struct specs *s, const char *spec)
{
    struct backend_config c = {0};
    struct error err = {0};
    char text[1024];

    if (backend_config_parse(spec, &c, &err) < 0) {
        backend_config_free(&c);
        fprintf(stderr, "tornpage: backend '%s': %s\n", spec, err.msg[0] ? err.msg : error_text(&err, text, sizeof text));
        s->n_errors++;
        return;
    }
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->config[i].spec, c.spec) == 0) {
            backend_config_free(&c);
            return;
        }
    s->config = grow(s->config, &s->cap, s->n, sizeof *s->config);
    s->config[s->n++] = c;
}

/* Where the brace at *open closes; NULL when it does not. *ret_commas counts the commas at its own level. */
static const char *closing(const char *open, size_t *ret_commas)
{
    int depth = 0;

    *ret_commas = 0;
    for (const char *p = open; *p; p++) {
        depth += *p == '{' ? 1 : *p == '}' ? -1 : 0;
        if (depth == 0)
            return p;
        *ret_commas += depth == 1 && *p == ',';
    }
    return NULL;
}

/* Budget: how many words may still come of it, -1 once that was exceeded (and said). Expands the first brace that holds
 * alternatives and goes on with each; words without any are added. */
static void expand(struct specs *s, const char *word, int *budget)
{
    const char *open = word, *close = NULL;
    size_t commas = 0;

    for (; (open = strchr(open, '{')); open++) {
        close = closing(open, &commas);
        if (!close) {
            fprintf(stderr, "tornpage: backend '%s': a brace is never closed\n", word);
            s->n_errors++;
            return;
        }
        if (commas)
            break;
    }
    if (!open && *budget > 0) {
        (*budget)--;
        add_one(s, word);
    } else if (!open) {
        fprintf(stderr, "tornpage: the braces stand for more than %d backends\n", MAX_ALTERNATIVES);
        s->n_errors++;
        *budget = -1;
    }
    if (!open)
        return;
    for (const char *from = open + 1; from <= close && *budget >= 0;) {
        const char *end = from;
        struct buf one = {0};

        for (int depth = 0; end < close && (depth || *end != ','); end++)
            depth += *end == '{' ? 1 : *end == '}' ? -1 : 0;
        buf_add(&one, word, (size_t)(open - word));
        buf_add(&one, from, (size_t)(end - from));
        buf_puts(&one, close + 1);
        expand(s, one.data, budget);
        buf_free(&one);
        from = end + 1;
    }
}

void specs_add(struct specs *s, const char *word)
{
    int budget = MAX_ALTERNATIVES;

    assert(word);
    expand(s, word, &budget);
}

bool specs_looks_like(const char *word)
{
    char name[64];
    size_t len = strcspn(word, ":{");

    if (len == 0 || len >= sizeof name)
        return false;
    memcpy(name, word, len);
    name[len] = '\0';
    return backend_find(name) && (word[len] == '\0' || word[len] == ':');
}

void specs_free(struct specs *s)
{
    for (size_t i = 0; i < s->n; i++)
        backend_config_free(&s->config[i]);
    free(s->config);
    *s = (struct specs){0};
}
