/*
 * Names behind '@': what a step may use and what it makes. Names belong to an actor; descriptors and mappings are told apart, so
 * a mapping may have its descriptor's name. What is current belongs to a lane: a thread that has made nothing itself gets,
 * here, the name that its actor made last, so that what a step works on never depends on which thread was faster.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "language/verb.h"
#include "parser/parse.h"

static const char *const kind_names[SCOPE_KINDS] = {"a descriptor", "a mapping"};

void scope_init(struct scope *sc)
{
    *sc = (struct scope){0};
    for (int kind = 0; kind < SCOPE_KINDS; kind++) {
        for (int i = 0; i < PLAN_MAX_ACTORS; i++)
            sc->actor_last[kind][i] = -1;
        for (int i = 0; i < PLAN_MAX_LANES; i++)
            sc->lane_last[kind][i] = -1;
    }
}

bool step_may_succeed(const struct step *s)
{
    for (size_t i = 0; i < s->expect.n; i++) {
        if (!s->expect.code[i])
            return true;
    }
    return !s->expect.n;
}

static unsigned actor_of(const struct plan *p, const struct step *s)
{
    return p->lanes[s->lane].actor;
}

/* The handle that the token names, which the step's actor must have made. */
static int use_name(struct parser *ps, const struct step *s, const struct token *t, enum scope_kind kind, int16_t *ret)
{
    const struct plan *p = ps->plan;
    const unsigned actor = actor_of(p, s);
    size_t len;
    const int r = name_check(ps, t);

    if (r)
        return r;
    const char *name = token_value(t, &len);
    for (size_t i = 0; i < p->n_handles; i++) {
        if (strncmp(p->handles[i], name, len) || p->handles[i][len])
            continue;
        if (ps->scope.made[kind][actor] & UINT64_C(1) << i) {
            *ret = (int16_t)i;
            return 0;
        }
        if (ps->scope.made[!kind][actor] & UINT64_C(1) << i)
            return lex_fail_token(&ps->lx, t, "%s, and this names only %s", kind_names[kind], kind_names[!kind]);
    }
    return lex_fail_token(&ps->lx, t, "%s that an earlier step of actor %s makes", kind_names[kind], p->actors[actor]);
}

int scope_value(struct parser *ps, const struct step *s, const struct token *t, enum arg_type type, uint64_t *ret)
{
    int16_t handle = -1;

    assert(type == ARG_MAP || type == ARG_FILE);
    if (t->at)
        return lex_fail_token(&ps->lx, t, "the name without '@'");
    const int r = use_name(ps, s, t, type == ARG_MAP ? SCOPE_MAP : SCOPE_FILE, &handle);
    if (!r)
        *ret = (uint64_t)handle;
    return r;
}

/*
 * What a step without a name works on: *ret is -1 when it is the lane's own current one, else the one to name; *ret_which is that
 * handle in either case.
 */
static int use_current(struct parser *ps, const struct step *s, const struct token *verb, enum scope_kind kind, int16_t *ret,
                       int16_t *ret_which)
{
    const unsigned actor = actor_of(ps->plan, s);

    *ret = -1;
    *ret_which = ps->scope.lane_last[kind][s->lane];
    if (*ret_which >= 0)
        return 0;
    *ret = *ret_which = ps->scope.actor_last[kind][actor];
    if (*ret >= 0)
        return 0;
    return lex_fail_token(&ps->lx, verb, "a step of actor %s above it that makes %s", ps->plan->actors[actor], kind_names[kind]);
}

static void made(struct parser *ps, const struct step *s, enum scope_kind kind)
{
    const unsigned actor = actor_of(ps->plan, s);

    if (!step_may_succeed(s))
        return;
    assert(s->handle >= 0);
    ps->scope.made[kind][actor] |= UINT64_C(1) << s->handle;
    ps->scope.actor_last[kind][actor] = s->handle;
    ps->scope.lane_last[kind][s->lane] = s->handle;
}

/* The name a step gives to what it makes: '@name' or else `fallback`. */
static int new_name(struct parser *ps, struct step *s, const struct step_tokens *tok, const char *fallback)
{
    size_t len = strlen(fallback);
    int r = 0;

    if (tok->has_at) {
        r = name_check(ps, &tok->at);
        if (r)
            return r;
        fallback = token_value(&tok->at, &len);
    }
    r = plan_handle(ps->plan, fallback, len);
    if (r < 0)
        return lex_fail_token(&ps->lx, tok->has_at ? &tok->at : &tok->verb, "at most %d names in a scenario", PLAN_MAX_HANDLES);
    s->handle = (int16_t)r;
    return 0;
}

static int new_file(struct parser *ps, struct step *s, const struct syntax *syn, const struct step_tokens *tok)
{
    const char *fallback = s->verb->name; /* a verb that takes no path: pipe */

    for (size_t i = 0; i < syn->n_args; i++) {
        if (syn->args[i].type == ARG_PATH && s->arg[i].given) {
            fallback = ps->plan->paths[s->arg[i].num];
            break;
        }
    }
    const int r = new_name(ps, s, tok, fallback);
    if (!r)
        made(ps, s, SCOPE_FILE);
    return r;
}

static int new_map(struct parser *ps, struct step *s, const struct syntax *syn, const struct step_tokens *tok)
{
    int16_t named, which = -1;
    size_t flag = 0;

    while (flag < syn->n_flags && syn->flags[flag].type != ARG_FILE)
        flag++;
    if (flag < syn->n_flags && s->flag_arg[flag].given) {
        which = (int16_t)s->flag_arg[flag].num;
    } else {
        const int r = use_current(ps, s, &tok->verb, SCOPE_FILE, &named, &which);

        if (r)
            return r;
        if (named >= 0) {
            if (flag == syn->n_flags)
                return lex_fail_token(&ps->lx, &tok->verb, "a step of the same thread above it that makes a descriptor");
            s->flags |= 1U << flag;
            s->flag_arg[flag] = (struct arg){.given = true, .num = (uint64_t)named};
        }
    }
    const int r = new_name(ps, s, tok, ps->plan->handles[which]);
    if (!r)
        made(ps, s, SCOPE_MAP);
    return r;
}

int scope_target(struct parser *ps, struct step *s, const struct syntax *syn, const struct step_tokens *tok)
{
    int16_t which;

    s->handle = -1;
    switch (s->verb->target) {
    case TARGET_NONE:
        if (tok->has_at)
            return lex_fail_token(&ps->lx, &tok->at, "no name: '%s' takes none", s->verb->name);
        return 0;
    case TARGET_NEW_FILE:
        return new_file(ps, s, syn, tok);
    case TARGET_NEW_MAP:
        return new_map(ps, s, syn, tok);
    case TARGET_FILE:
    case TARGET_MAP:
        break;
    }
    const enum scope_kind kind = s->verb->target == TARGET_FILE ? SCOPE_FILE : SCOPE_MAP;
    return tok->has_at ? use_name(ps, s, &tok->at, kind, &s->handle) : use_current(ps, s, &tok->verb, kind, &s->handle, &which);
}
