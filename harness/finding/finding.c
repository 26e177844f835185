/* Saving findings: see finding.h. finding_load.c loads them. */
#include "finding/finding.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json_bytes.h"
#include "base/json_text.h"
#include "base/rng.h"
#include "base/version.h"
#include "finding/finding_file.h"
#include "host/files.h"
#include "host/json_image.h"
#include "host/output.h"
#include "parser/parser.h"

static json_t *hex_json(uint64_t x)
{
    return json_sprintf("0x%llx", (unsigned long long)x);
}

static json_t *event_json(const struct event *e)
{
    /* HISTORY_NEVER becomes -1. */
    return json_sprintf("%u %u %lld %lld %lld %lld %lld %d %d %d %llu %d %llu %llu %llu %llu %llu %llu", e->step, e->lane,
                        (long long)e->begin_seq, (long long)e->end_seq, (long long)e->begin_pos, (long long)e->end_pos,
                        (long long)e->ret, e->err, e->signo, e->si_code, (unsigned long long)e->fault_off, e->no_space,
                        (unsigned long long)e->ino, (unsigned long long)e->size_bytes, (unsigned long long)e->done_bytes,
                        (unsigned long long)e->place, (unsigned long long)e->data_off, (unsigned long long)e->data_len);
}

static json_t *history_json(const struct history *live)
{
    struct history *h = history_copy(live);
    json_t *events = json_array();

    for (uint32_t i = 0; i < h->n_events; i++)
        json_array_append_new(events, event_json(&h->events[i]));
    json_t *j = json_pack("{so, ss, so, so}", "key", hex_json(h->key), "fields", FINDING_EVENT_FIELDS, "events", events, "data",
                          json_bytes_encode((const char *)h + h->data_base, (size_t)h->n_data));
    free(h);
    return j;
}

static json_t *defects_json(const struct verify_result *v)
{
    json_t *all = json_array();

    for (size_t i = 0; i < v->n_defects; i++) {
        const struct defect_report *d = &v->defects[i];
        json_array_append_new(all, json_pack("{ss, sb, ss, ss, so, sI, sI, si, so}", "kind", defect_names[d->kind], "surprise",
                                             (int)d->surprise, "rule", rule_table[d->rule].id, "sentence",
                                             rule_table[d->rule].sentence, "path", json_text_exact(d->path), "offset",
                                             (json_int_t)d->off, "length", (json_int_t)d->len, "step", (int)d->step, "text",
                                             json_text_exact(d->text)));
    }
    return all;
}

static json_t *finding_json(const struct finding *f)
{
    struct utsname u = {0};
    struct buf printed = {0};

    uname(&u);
    if (!f->plan->text)
        plan_print(f->plan, &printed);
    json_t *j = json_pack(
        "{si, ss, ss, ss, ss, ss, so, so, so, s{si, sI, sI, sI}, so, so, so}", "tornpage_finding", FINDING_FORMAT, "version",
        TORNPAGE_VERSION, "kernel", u.release, "scenario", f->plan->name, "backend", f->config->spec, "crash",
        strike_table[f->strike].name, "seed", hex_json(f->seed), "position", hex_json(f->pos), "state",
        json_text_exact(f->state_text ? f->state_text : ""), "kill", "kind", (int)f->kill.kind, "step", (json_int_t)f->kill.step,
        "bytes", (json_int_t)f->kill.bytes, "spins", (json_int_t)f->kill.spins, "defects", defects_json(f->verdict), "text",
        json_text_exact(f->plan->text ? f->plan->text : buf_text(&printed)), "history", history_json(f->history));
    buf_free(&printed);
    if (j && f->image_fd >= 0) {
        json_t *image = json_image_encode(f->image_fd);
        if (!image) {
            json_decref(j);
            return NULL;
        }
        json_object_set_new(j, "image", image);
    }
    return j;
}

static uint64_t mix_text(uint64_t h, const char *s)
{
    for (; s && *s; s++)
        h = rng_mix(h ^ (unsigned char)*s);
    return rng_mix(h);
}

/* A digest of the defects and of where they were found: equal for runs from one seed, different for other findings. */
static uint64_t digest(const struct finding *f)
{
    const uint64_t numbers[] = {f->seed, f->pos, f->strike, f->kill.kind, f->kill.step, f->kill.bytes, f->kill.spins};
    uint64_t h = mix_text(mix_text(mix_text(0, f->plan->name), f->config->spec), f->state_text);

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        h = rng_mix(h ^ numbers[i]);
    for (size_t i = 0; i < f->verdict->n_defects; i++) {
        const struct defect_report *d = &f->verdict->defects[i];
        h = rng_mix(mix_text(h ^ d->kind, d->path) ^ d->off);
    }
    return h;
}

static void file_name(const struct finding *f, char *name, size_t size_bytes)
{
    int n = snprintf(name, size_bytes - 40, "%s-%s-%s", f->plan->name, f->config->spec, strike_table[f->strike].name);
    size_t len = n < 0 ? 0 : (size_t)n < size_bytes - 40 ? (size_t)n : size_bytes - 41;

    name[len] = '\0';
    files_plain_name(name);
    snprintf(name + len, 40, "-%08x.finding.json", (unsigned)digest(f));
}

int finding_save(const struct finding *f, const char *dir, char **ret_path, struct error *err)
{
    char name[240], path[PATH_MAX];
    struct output *o;
    int rc = files_make_dirs(dir, err);

    if (rc < 0)
        return rc;
    file_name(f, name, sizeof name);
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return error_set(err, ENAMETOOLONG, "finding", dir, NULL);
    errno = ENOMEM;
    json_t *j = finding_json(f);
    if (!j)
        return error_set(err, errno, "finding", path, "it cannot be written as JSON: %s", strerror(errno));
    rc = output_open(path, false, NULL, &o, err);
    if (rc == 0 && json_dumpf(j, output_file(o), JSON_INDENT(1)) < 0) {
        rc = error_set(err, errno ? errno : EIO, "write", path, NULL);
        output_abandon(o);
    } else if (rc == 0) {
        rc = output_commit(o, err);
    }
    if (rc == 0)
        *ret_path = xstrdup(path);
    json_decref(j);
    return rc;
}
