/*
 * Judging survivors: first which names may be there, then whose bytes they may hold. A name can stand for several inodes after a
 * crash (a rename may or may not have happened), so every legal choice of operations is tried until one explains the names and
 * all contents; when none does, the best one is reported.
 */
#include "verifier/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "verifier/judge.h"

/* The result of judging one survivor as one inode; filled on demand. */
struct cached {
    bool known;
    struct file_judgement fj;
};

struct matcher {
    struct judge *j;      /* reports */
    struct judge *decide; /* only decides: the same world and moment, and no report */
    const struct survivors *s;
    struct cached *cache; /* [survivor][inode] */
    int *name_of;         /* by survivor: its name under the current choice, if that has all names */
    int *best;            /* the inodes of the best choice so far, by survivor */
    size_t best_bad;      /* survivors whose contents that choice does not explain; SIZE_MAX: no choice explains the names */
    const struct name_op *best_surprise;
    bool best_complete;
    bool *may, *may_not; /* by name: seen present, absent in some choice */
};

static size_t path_of(const struct world *w, const int *value, int name, char *buf, size_t size)
{
    const struct name *n = &w->names[name];
    size_t len = 0;

    if (n->dir != ROOT_INODE) {
        int parent = -1;

        for (size_t i = 0; i < w->n_names && parent < 0; i++)
            if (value[i] == n->dir && (int)i != name)
                parent = (int)i;
        if (parent < 0 || (len = path_of(w, value, parent, buf, size)) == 0)
            return 0; /* its directory is not there */
        if (len + 1 < size)
            buf[len++] = '/';
    }
    if (len + n->len + 1 > size)
        return 0;
    memcpy(buf + len, n->leaf, n->len);
    buf[len + n->len] = '\0';
    return len + n->len;
}

static const struct file_judgement *judged(struct matcher *mt, size_t survivor, int inode)
{
    struct cached *c = &mt->cache[survivor * mt->j->w->n_inodes + (size_t)inode];

    if (!c->known) {
        c->known = true;
        judge_file(mt->decide, inode, &mt->s->v[survivor], &c->fj);
    }
    return &c->fj;
}

/* What cannot be asked for its kind fits any: it is unreadable, and its name is there. */
static bool kind_fits(enum inode_kind want, enum survivor_kind seen)
{
    return (want == INODE_FILE && seen == SURVIVOR_FILE) || (want == INODE_DIR && seen == SURVIVOR_DIR) ||
           (want == INODE_OTHER && seen == SURVIVOR_OTHER) || seen == SURVIVOR_UNKNOWN;
}

/* Is the path below a directory that could not be listed? Then it may be there without having been seen. */
static bool may_be_unseen(const struct survivors *s, const char *path)
{
    for (size_t i = 0; i < s->n; i++) {
        const size_t len = strlen(s->v[i].path);

        if (s->v[i].kind == SURVIVOR_DIR && s->v[i].read_err && strncmp(path, s->v[i].path, len) == 0 && path[len] == '/')
            return true;
    }
    return false;
}

/* Two names of one inode must be one inode, two inodes must be two. */
static bool links_fit(const struct matcher *mt, const int *value)
{
    for (size_t a = 0; a < mt->s->n; a++)
        for (size_t b = 0; b < a; b++) {
            bool same = value[mt->name_of[a]] == value[mt->name_of[b]];

            if (mt->s->v[a].ino && mt->s->v[b].ino && same != (mt->s->v[a].ino == mt->s->v[b].ino))
                return false;
        }
    return true;
}

/* Does the choice make exactly the names that are there? Fills name_of. */
static bool names_fit(struct matcher *mt, const int *value)
{
    const struct world *w = mt->j->w;
    size_t found = 0;
    bool fit = true;

    for (size_t n = 0; n < w->n_names; n++) {
        char path[512];
        bool there = false;

        if (value[n] != NO_INODE && path_of(w, value, (int)n, path, sizeof path)) {
            there = true;
            size_t i = 0;

            while (i < mt->s->n && strcmp(mt->s->v[i].path, path) != 0)
                i++;
            if (i < mt->s->n && kind_fits(w->inodes[value[n]].kind, mt->s->v[i].kind)) {
                mt->name_of[i] = (int)n;
                found++;
            } else if (i < mt->s->n || !may_be_unseen(mt->s, path)) {
                fit = false;
            }
        }
        *(there ? &mt->may[n] : &mt->may_not[n]) = true;
    }
    return fit && found == mt->s->n && links_fit(mt, value);
}

static bool try_choice(void *arg, const struct name_choice *c)
{
    struct matcher *mt = arg;
    size_t bad = 0;

    if (!names_fit(mt, c->value))
        return false;
    for (size_t i = 0; i < mt->s->n; i++)
        if (mt->s->v[i].kind == SURVIVOR_FILE && !judged(mt, i, c->value[mt->name_of[i]])->ok)
            bad++;
    if (bad < mt->best_bad) {
        mt->best_bad = bad;
        mt->best_surprise = c->surprise;
        mt->best_complete = c->complete;
        for (size_t i = 0; i < mt->s->n; i++)
            mt->best[i] = c->value[mt->name_of[i]];
    }
    return bad == 0;
}

/* ---- reporting ---- */

static const struct survivor *survivor_at(const struct survivors *s, const char *path)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->v[i].path, path) == 0)
            return &s->v[i];
    return NULL;
}

/* The last operation on a name, for a report. */
static const struct name_op *last_op(const struct world *w, int name, const struct moment *m)
{
    const struct name_op *op = NULL;

    for (size_t i = 0; i < w->n_ops; i++)
        for (size_t k = 0; k < w->ops[i].n; k++)
            if (w->ops[i].set[k].name == name && began_by(&w->ops[i].when, m))
                op = &w->ops[i];
    return op;
}

static void report_name(struct matcher *mt, int name, const char *path, enum defect kind)
{
    struct defect_report *d = defect_new(mt->j, kind, RULE_H1, path, false);
    const struct name_op *op = last_op(mt->j->w, name, &mt->j->m);
    char words[160];
    int32_t promise;

    if (!d || !op)
        return;
    defect_say(d, "The name is %s; the last to set it was %s", kind == DEFECT_MISSING ? "missing" : "there",
               event_words(mt->j->w, op->when.event, words));
    d->step = event_step(mt->j->w, op->when.event);
    if (oracle_op(mt->j->w, op, &mt->j->m, &promise) == OP_MUST && promise != NO_EVENT) {
        defect_say(d, "; promised by %s", event_words(mt->j->w, promise, words));
        d->step = event_step(mt->j->w, promise);
    }
    defect_say(d, ".");
}

/* Was the name ever set to the inode? */
static bool ever_set(const struct world *w, int name, int inode)
{
    for (size_t i = 0; i < w->n_ops; i++)
        for (size_t k = 0; k < w->ops[i].n; k++)
            if (w->ops[i].set[k].name == name && w->ops[i].set[k].inode == inode)
                return true;
    return false;
}

/* Did a step ever make the name `leaf` in a directory at `path`, whatever that directory is called in the end? The path is len
 * long, with the leaf. A directory may have had several names, and a name several directories. */
static bool ever_named(const struct world *w, const char *path, size_t len, int inode)
{
    size_t at = len;

    while (at > 0 && path[at - 1] != '/')
        at--;
    for (size_t n = 0; n < w->n_names; n++) {
        const struct name *name = &w->names[n];

        if (name->len == len - at && memcmp(path + at, name->leaf, name->len) == 0 &&
            (inode == NO_INODE || ever_set(w, (int)n, inode)) &&
            (at == 0 ? name->dir == ROOT_INODE : ever_named(w, path, at - 1, name->dir)))
            return true;
    }
    return false;
}

static void report_known_names(struct matcher *mt)
{
    const struct world *w = mt->j->w;
    int now[256];

    for (size_t i = 0; i < w->n_names && i < 256; i++)
        now[i] = w->names[i].now;
    for (size_t n = 0; n < w->n_names && n < 256; n++) {
        char path[512];

        if (path_of(w, now, (int)n, path, sizeof path) == 0)
            continue;
        bool there = survivor_at(mt->s, path) != NULL;

        if (there && !mt->may[n])
            report_name(mt, (int)n, path, DEFECT_EXTRA);
        if (!there && !mt->may_not[n] && !may_be_unseen(mt->s, path))
            report_name(mt, (int)n, path, DEFECT_MISSING);
    }
}

/* No choice explains the names: name those that no choice has, or lacks, as seen. */
static void report_names(struct matcher *mt)
{
    const size_t before = mt->j->ret->n_violations;

    report_known_names(mt);
    for (size_t i = 0; i < mt->s->n; i++)
        if (!ever_named(mt->j->w, mt->s->v[i].path, strlen(mt->s->v[i].path), NO_INODE)) {
            struct defect_report *d = defect_new(mt->j, DEFECT_EXTRA, RULE_H1, mt->s->v[i].path, false);

            defect_say(d, "No step ever made this name.");
        }
    if (mt->j->ret->n_violations == before) {
        struct defect_report *d = defect_new(mt->j, DEFECT_MISSING, RULE_H2, ".", false);

        defect_say(d, "Each name alone is legal, all of them together are not: no choice of whole operations leaves just these:");
        for (size_t i = 0; i < mt->s->n; i++)
            defect_say(d, " %s%s", mt->s->v[i].path, mt->s->v[i].kind == SURVIVOR_DIR ? "/" : "");
        defect_say(d, ".");
    }
}

/* Names that are listed and cannot be asked for what they are, and directories that cannot be listed. */
static void report_unreadable(const struct matcher *mt)
{
    for (size_t i = 0; i < mt->s->n; i++) {
        const struct survivor *s = &mt->s->v[i];

        if (s->kind == SURVIVOR_FILE || !s->read_err)
            continue;
        struct defect_report *d = defect_new(mt->j, DEFECT_UNREADABLE, RULE_B7, s->path, false);

        defect_say(
            d, s->kind == SURVIVOR_DIR ? "The directory cannot be listed: %s." : "The name is listed, but stat of it fails: %s.",
            strerror(s->read_err));
    }
}

static bool tail_stored(const struct world *w, int inode)
{
    for (size_t i = 0; i < w->inodes[inode].n_versions; i++)
        if (w->inodes[inode].versions[i].tail)
            return true;
    return false;
}

/* The step whose sync promised something of these bytes, -1: none did. */
static int32_t promising_step(const struct judge *j, uint64_t off, uint64_t end)
{
    for (size_t i = 0; i < j->map.n_segs; i++)
        if (j->map.segs[i].end > off && j->map.segs[i].off < end && j->map.segs[i].promised_by != NO_EVENT)
            return event_step(j->w, j->map.segs[i].promised_by);
    return -1;
}

/*
 * Bytes behind the end of the file in its last page. mmap(2) wants zeros. After a power cut ext4 and XFS show there what a write
 * that would have extended the file had put into the block, when its new size was lost: a surprise. Anything else is a violation.
 */
static void judge_tail(struct matcher *mt, int inode, const struct survivor *s)
{
    struct seen_bytes seen = {.path = s->path,
                              .extents = &s->tail,
                              .n_extents = 1,
                              .off = s->tail.off,
                              .end = s->tail.off + s->tail.len,
                              .reader = NO_EVENT};
    struct file_judgement fj = {.ok = true};
    struct judge *j = mt->decide;

    oracle_bytes(j->w, inode, &j->m, seen.end, NULL, 0, &j->map);
    judge_bytes(j, inode, &seen, &fj);
    struct defect_report *d = defect_new(mt->j, DEFECT_INCOHERENT, RULE_D3, s->path, fj.ok && may_lose_unsynced(&j->m));

    if (d) {
        d->off = s->tail.off;
        d->len = s->tail.len;
        d->step = promising_step(j, seen.off, seen.end);
    }
    defect_say(d, "A new mapping shows bytes other than 0 between end of file and end of page: %s.",
               fj.ok ? "those of a write whose new size was lost" : "not even those of a write whose new size was lost");
}

/* What a new mapping showed beside the bytes themselves (I1, D3). */
static void judge_mapping(struct matcher *mt, size_t i)
{
    const struct survivor *s = &mt->s->v[i];

    if (s->incoherent) {
        struct defect_report *d = defect_new(mt->j, DEFECT_INCOHERENT, RULE_I1, s->path, false);

        if (d)
            d->off = s->incoherent_off;
        defect_say(d, "A new mapping shows other bytes than read.");
    }
    if (s->tail.len && (may_lose_unsynced(&mt->j->m) || !tail_stored(mt->j->w, mt->best[i])))
        judge_tail(mt, mt->best[i], s);
    if (s->map_signo) {
        struct defect_report *d = defect_new(mt->j, DEFECT_SIGNAL, RULE_F1, s->path, false);

        defect_say(d, "Reading the file through a new mapping raised SIG%s.", sigabbrev_np(s->map_signo));
    }
}

static bool judge_volume(struct judge *j, const struct survivors *s)
{
    if (s->mount_err) {
        struct defect_report *d = defect_new(j, DEFECT_MOUNT, RULE_B7, "", false);

        defect_say(d, "The volume does not mount: %s%s%s.", strerror(s->mount_err), s->mount_msg[0] ? ": " : "", s->mount_msg);
        return false;
    }
    if (s->write_checked && s->write_err) {
        struct defect_report *d = defect_new(j, DEFECT_READONLY, RULE_B7, "", false);

        defect_say(d, "The volume is not writable after the crash: %s.", strerror(s->write_err));
    }
    if (s->fsck[0]) {
        struct defect_report *d = defect_new(j, DEFECT_FSCK, RULE_B7, "", true);

        defect_say(d, "fsck objects: %.400s", s->fsck);
    }
    return true;
}

static void conclude(struct matcher *mt, struct verify_result *ret)
{
    struct judge *j = mt->j;

    if (mt->best_bad == SIZE_MAX) {
        report_names(mt);
        return;
    }
    for (size_t i = 0; i < mt->s->n; i++) {
        struct file_judgement fj;

        if (mt->s->v[i].kind != SURVIVOR_FILE)
            continue;
        fj = *judged(mt, i, mt->best[i]);
        if (!fj.ok)
            judge_file(j, mt->best[i], &mt->s->v[i], &fj);
        ret->lossy |= fj.lossy;
        ret->sights |= fj.sights;
        if (fj.surprising) {
            struct defect_report *d = defect_new(j, DEFECT_LOST, RULE_C2, mt->s->v[i].path, true);

            defect_say(d,
                       "Bytes are not there that were synced while the file had no name; after the power cut it has one again.");
        }
        judge_mapping(mt, i);
    }
    if (!mt->best_complete) {
        ret->lossy = true;
        ret->sights |= 1U << SIGHT_ABSENT;
    }
    if (mt->best_surprise) {
        struct defect_report *d = defect_new(j, DEFECT_MISSING, RULE_H6, ".", true);
        char words[160];

        if (d)
            d->step = event_step(j->w, mt->best_surprise->when.event);
        defect_say(
            d,
            "The names are as if %s had not happened, although its file was synced or a later operation on names is there: "
            "journalled file systems keep it in practice.",
            event_words(j->w, mt->best_surprise->when.event, words));
    }
}

void verify_survivors(const struct world *w, enum loss loss, uint64_t pos, const struct survivors *s, struct verify_result *ret)
{
    struct judge j = {.w = w, .m = world_moment(w, loss, pos), .ret = ret}, decide = {.w = w, .m = j.m};

    const bool mounted = judge_volume(&j, s);
    form_note(w, ret);
    if (!mounted || w->raced_seq != HISTORY_NEVER)
        return;
    struct matcher mt = {.j = &j,
                         .decide = &decide,
                         .s = s,
                         .cache = xcalloc(s->n * w->n_inodes, sizeof *mt.cache),
                         .name_of = xcalloc(s->n, sizeof *mt.name_of),
                         .best = xcalloc(s->n, sizeof *mt.best),
                         .best_bad = SIZE_MAX,
                         .may = xcalloc(w->n_names, sizeof *mt.may),
                         .may_not = xcalloc(w->n_names, sizeof *mt.may_not)};

    oracle_names(w, &j.m, try_choice, &mt);
    report_unreadable(&mt);
    conclude(&mt, ret);
    form_note(w, ret);
    free(mt.cache);
    free(mt.name_of);
    free(mt.best);
    free(mt.may);
    free(mt.may_not);
    judge_free(&j);
    judge_free(&decide);
}
