/*
 * Finding and loading scenarios: see scenarios.h. A scenario's name is its path below the nearest directory called "scenarios",
 * without .scn; if no directory above it has that name, its path below the directory that was given.
 */
#include "faces/scenarios.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/edit_distance.h"
#include "base/error.h"
#include "base/rng.h"
#include "parser/parser.h"
#include "random/random.h"
#include "report/text.h"

static const char suffix[] = ".scn";
enum { RANDOM_STEPS = 24 };

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

const char *scenarios_home(void)
{
    static char path[PATH_MAX];
    static const char *const beside[] = {"../share/tornpage/scenarios", "../../scenarios"}; /* installed; build/release */
    const char *env = getenv("TORNPAGE_SCENARIOS");
    char exe[PATH_MAX / 2];

    if (env && *env)
        return env;
    if (is_directory("scenarios"))
        return "scenarios";
    const char *started = (const char *)getauxval(AT_EXECFN); /* as execve got it: for a machine without /proc */
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (len >= 0)
        exe[len] = '\0';
    else
        snprintf(exe, sizeof exe, "%s%s", strchr(started, '/') ? "" : "./", started);
    *strrchr(exe, '/') = '\0';
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        snprintf(path, sizeof path, "%s/%s", exe, beside[i]);
        if (is_directory(path))
            return path;
    }
    return NULL;
}

static void *fail(struct scenarios *s, const char *path, int code)
{
    fprintf(stderr, "%s: %s\n", path, strerror(code));
    s->n_errors++;
    return NULL;
}

static void push(struct scenarios *s, struct plan *p)
{
    s->plan = grow(s->plan, &s->cap, s->n, sizeof *s->plan);
    s->plan[s->n++] = p;
}

/* The name of the scenario in `file`, found below `given` (NULL: the file itself was given). */
static void name_of(const char *file, const char *given, struct buf *ret)
{
    char *real = realpath(file, NULL), *root = given ? realpath(given, NULL) : NULL;
    const char *path = real ? real : file, *name = NULL;

    for (const char *p = path; (p = strstr(p, "/scenarios/")); p++)
        name = p + strlen("/scenarios/");
    if (!name && root && strncmp(path, root, strlen(root)) == 0 && path[strlen(root)] == '/')
        name = path + strlen(root) + 1;
    if (!name)
        name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

    size_t len = strlen(name), tail = strlen(suffix);
    if (len > tail && strcmp(name + len - tail, suffix) == 0)
        len -= tail;
    buf_add(ret, name, len);
    free(root);
    free(real);
}

static void load(struct scenarios *s, const char *file, const char *given)
{
    struct buf name = {0};
    struct error err = {0};
    struct plan *p = NULL;

    s->file = grow(s->file, &s->file_cap, s->n_files + 1, sizeof *s->file);
    s->file[s->n_files++] = xstrdup(file);
    s->file[s->n_files] = NULL;
    name_of(file, given, &name);
    if (plan_load(file, buf_text(&name), &p, &err) < 0) {
        char text[1024];
        fprintf(stderr, "%s\n", err.code == EINVAL && err.msg[0] ? err.msg : error_text(&err, text, sizeof text));
        s->n_errors++;
    } else {
        push(s, p);
    }
    buf_free(&name);
}

static int is_visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* What is done with the scenario `file` below the directory `given`; code: the errno of a directory `file` that cannot be read.
 */
typedef void (*found_scenario)(void *arg, const char *file, const char *given, int code);

/* Finds all scenarios below dir. Returns their number; a directory that cannot be read counts. */
static size_t find_below(const char *dir, const char *given, found_scenario each, void *arg)
{
    struct dirent **entry = NULL;
    int n = scandir(dir, &entry, is_visible, by_bytes);
    size_t found = 0;

    if (n < 0) {
        each(arg, dir, given, errno);
        return 1;
    }
    for (int i = 0; i < n; i++) {
        struct buf path = {0};
        struct stat st;
        size_t len = strlen(entry[i]->d_name), tail = strlen(suffix);

        buf_printf(&path, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", entry[i]->d_name);
        /* Directories behind symbolic links are not entered: a link upwards would make a loop. */
        if (lstat(path.data, &st) == 0 && S_ISDIR(st.st_mode)) {
            found += find_below(path.data, given, each, arg);
        } else if (len > tail && strcmp(entry[i]->d_name + len - tail, suffix) == 0) {
            each(arg, path.data, given, 0);
            found++;
        }
        buf_free(&path);
        free(entry[i]);
    }
    free(entry);
    return found;
}

static void load_found(void *arg, const char *file, const char *given, int code)
{
    if (code)
        fail(arg, file, code);
    else
        load(arg, file, given);
}

/* Loads all scenarios below dir. Returns the number of files found. */
static size_t load_below(struct scenarios *s, const char *dir)
{
    return find_below(dir, dir, load_found, s);
}

static void name_found(void *arg, const char *file, const char *given, int code)
{
    struct scenario_names *names = arg;
    struct buf name = {0};

    if (code)
        return;
    name_of(file, given, &name);
    names->v = grow(names->v, &names->cap, names->n + 1, sizeof *names->v);
    names->v[names->n++] = name.data;
    names->v[names->n] = NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void scenario_names(struct scenario_names *ret)
{
    const char *home = scenarios_home();

    *ret = (struct scenario_names){.v = xcalloc(1, sizeof *ret->v), .cap = 1};
    if (home)
        find_below(home, home, name_found, ret);
    qsort(ret->v, ret->n, sizeof *ret->v, by_text);
}

void scenario_names_print(struct buf *out)
{
    struct scenario_names names;

    scenario_names(&names);
    for (size_t i = 0; i < names.n; i++)
        buf_printf(out, "%s\n", names.v[i]);
    scenario_names_free(&names);
}

void scenario_names_free(struct scenario_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->v[i]);
    free(names->v);
    *names = (struct scenario_names){0};
}

/* The scenario whose name is most similar to `word`, else the one of which the last part is; NULL: none is. */
static const char *similar_scenario(const struct scenario_names *names, const char *word)
{
    const char *similar = edit_similar(word, (const char *const *)names->v), *slash = strrchr(word, '/');
    const char **last = xcalloc(names->n + 1, sizeof *last);

    for (size_t i = 0; i < names->n; i++) {
        const char *at = strrchr(names->v[i], '/');
        last[i] = at ? at + 1 : names->v[i];
    }
    const char *part = similar ? NULL : edit_similar(slash ? slash + 1 : word, last);
    for (size_t i = 0; part && !similar && i < names->n; i++)
        if (last[i] == part)
            similar = names->v[i];
    free(last);
    return similar;
}

static void no_such_scenario(struct scenarios *s, const char *word)
{
    const char *home = scenarios_home();
    struct scenario_names names;

    scenario_names(&names);
    const char *similar = similar_scenario(&names, word);
    fprintf(stderr, "tornpage: no scenario, file or directory '%s'", word);
    if (similar)
        fprintf(stderr, "; did you mean '%s'?", similar);
    if (home)
        fprintf(stderr, " (searched here and in %s; 'tornpage list scenarios' shows what there is)", home);
    fputc('\n', stderr);
    scenario_names_free(&names);
    s->n_errors++;
}

void scenarios_add(struct scenarios *s, const char *word)
{
    const char *home = scenarios_home();
    struct buf path = {0};
    uint64_t seed;

    assert(word);
    if (!*word) {
        fprintf(stderr, "tornpage: the name of a scenario is empty\n");
        s->n_errors++;
    } else if (is_directory(word)) {
        if (load_below(s, word) == 0) {
            fprintf(stderr, "%s: no scenario (*%s) below this directory\n", word, suffix);
            s->n_errors++;
        }
    } else if (access(word, F_OK) == 0) {
        load(s, word, NULL);
    } else if (errno != ENOENT && errno != ENOTDIR) {
        fail(s, word, errno);
    } else if (is_random_name(word) && text_number(word + strlen(RANDOM_PREFIX), 0, UINT64_MAX, &seed)) {
        scenarios_add_random(s, seed);
    } else {
        /* A name as in reports: a path below scenarios_home(), without the suffix. */
        buf_printf(&path, "%s/%s%s", home ? home : ".", word, suffix);
        if (home && access(path.data, F_OK) == 0)
            load(s, path.data, home);
        else if (home && (path.len_bytes -= strlen(suffix), path.data[path.len_bytes] = '\0', is_directory(path.data)))
            find_below(path.data, home, load_found, s);
        else
            no_such_scenario(s, word);
    }
    buf_free(&path);
}

void scenarios_add_random(struct scenarios *s, uint64_t seed)
{
    struct rng r;
    struct buf text = {0};
    char words[64];

    rng_seed(&r, seed);
    struct plan *p = plan_random(&r, RANDOM_STEPS);
    snprintf(words, sizeof words, RANDOM_PREFIX "%llu", (unsigned long long)seed);
    free(p->name);
    p->name = xstrdup(words);
    free(p->file);
    p->file = xstrdup(words);
    words[strlen("random")] = ' ';
    free(p->origin);
    p->origin = xstrdup(words);
    plan_print(p, &text);
    free(p->text);
    p->text = xstrdup(buf_text(&text));
    buf_free(&text);
    push(s, p);
}

static int by_name(const void *a, const void *b)
{
    const struct plan *const *x = a, *const *y = b;
    int order = strcmp((*x)->name, (*y)->name);

    return order ? order : strcmp((*x)->file, (*y)->file);
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;

    return strcmp(a, b) == 0 || (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

void scenarios_finish(struct scenarios *s)
{
    size_t kept = 0;

    if (s->n)
        qsort(s->plan, s->n, sizeof(struct plan *), by_name);
    for (size_t i = 0; i < s->n; i++) {
        struct plan *p = s->plan[i];
        const struct plan *last = kept ? s->plan[kept - 1] : NULL;
        if (last && strcmp(last->name, p->name) == 0 && same_file(last->file, p->file)) {
            plan_free(p);
            continue;
        }
        if (last && strcmp(last->name, p->name) == 0) {
            fprintf(stderr, "%s: has the same name as %s ('%s'), and reports could not tell them apart\n", p->file, last->file,
                    p->name);
            s->n_errors++;
        }
        s->plan[kept++] = p;
    }
    s->n = kept;
}

void scenarios_free(struct scenarios *s)
{
    for (size_t i = 0; i < s->n; i++)
        plan_free(s->plan[i]);
    for (size_t i = 0; i < s->n_files; i++)
        free(s->file[i]);
    free(s->file);
    free(s->plan);
    *s = (struct scenarios){0};
}
