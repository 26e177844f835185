/* Loading findings. The file is not trusted: every number is checked before it is used. */
#include "finding/finding_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json_bytes.h"
#include "base/json_text.h"
#include "host/json_image.h"
#include "parser/parser.h"

enum { EVENT_VALUES = 18 };

static int not_a_finding(struct error *err, const char *path, const char *why)
{
    return error_set(err, EINVAL, "finding", path, "%s", why);
}

static bool hex_of(const json_t *j, uint64_t *ret)
{
    const char *s = json_string_value(j);
    char *end;

    if (!s || strncmp(s, "0x", 2) != 0)
        return false;
    errno = 0;
    *ret = strtoull(s, &end, 16);
    return errno == 0 && *end == '\0';
}

static bool event_parse(const char *s, const struct plan *p, uint64_t n_data, struct event *ret)
{
    uint64_t v[EVENT_VALUES];

    for (size_t i = 0; i < EVENT_VALUES; i++) {
        char *end;
        errno = 0;
        v[i] = *s == '-' ? (uint64_t)strtoll(s, &end, 10) : strtoull(s, &end, 10);
        if (errno || end == s || (*end != ' ' && *end != '\0') || (*end == '\0') != (i == EVENT_VALUES - 1))
            return false;
        s = end + (*end == ' ');
    }
    *ret = (struct event){.step = (uint32_t)v[0],
                          .lane = (uint8_t)v[1],
                          .begin_seq = v[2],
                          .end_seq = v[3],
                          .begin_pos = v[4],
                          .end_pos = v[5],
                          .ret = (int64_t)v[6],
                          .err = (int32_t)v[7],
                          .signo = (int32_t)v[8],
                          .si_code = (int32_t)v[9],
                          .fault_off = v[10],
                          .no_space = (int32_t)v[11],
                          .ino = v[12],
                          .size_bytes = v[13],
                          .done_bytes = v[14],
                          .place = v[15],
                          .data_off = v[16],
                          .data_len = v[17]};
    bool of_plan =
        v[0] < p->n_steps && v[1] < p->n_lanes && (p->steps[v[0]].lane == v[1] || p->steps[v[0]].barrier_lanes & 1U << v[1]);
    bool of_harness = (v[0] == HISTORY_STEP_START || v[0] == HISTORY_STEP_UNMOUNT) && v[1] == HISTORY_LANE_HARNESS;
    return (of_plan || of_harness) && v[14] <= INT64_MAX / 2 && v[15] <= INT64_MAX / 2 && v[16] <= n_data &&
           v[17] <= n_data - v[16];
}

static const char *load_history(const json_t *j, const struct plan *p, struct history **ret)
{
    const json_t *events = json_object_get(j, "events");
    const char *fields = json_string_value(json_object_get(j, "fields"));
    size_t n = json_array_size(events), len = 0;
    void *data = NULL;
    uint64_t key;

    if (!json_is_array(events) || n > PLAN_MAX_STEPS * PLAN_MAX_LANES + 8 || !fields ||
        strcmp(fields, FINDING_EVENT_FIELDS) != 0 || !hex_of(json_object_get(j, "key"), &key))
        return "its history is damaged";
    if (json_bytes_decode(json_object_get(j, "data"), HISTORY_MOST_DATA_BYTES, &data, &len) < 0)
        return "the data of its history is damaged";
    struct history *h = history_init(xmalloc(history_bytes((uint32_t)n, len)), (uint32_t)n, len, key);
    const char *bad = NULL;

    if (len)
        memcpy((char *)h + h->data_base, data, len);
    free(data);
    h->n_data = len;
    for (size_t i = 0; i < n && !bad; i++) {
        const char *text = json_string_value(json_array_get(events, i));
        if (!text || !event_parse(text, p, len, &h->events[i]))
            bad = "an event of its history is damaged, or not of its scenario";
        else if (h->events[i].end_seq != HISTORY_NEVER && h->events[i].end_seq >= h->next_seq)
            h->next_seq = h->events[i].end_seq + 1;
    }
    h->n_events = (uint32_t)n;
    if (bad)
        free(h);
    else
        *ret = h;
    return bad;
}

static const char *load_kill(const json_t *j, const struct plan *p, struct kill_point *ret)
{
    const json_t *kind = json_object_get(j, "kind"), *step = json_object_get(j, "step"), *bytes = json_object_get(j, "bytes"),
                 *spins = json_object_get(j, "spins");
    json_int_t k = json_integer_value(kind), s = json_integer_value(step);

    if (!json_is_integer(kind) || !json_is_integer(step) || !json_is_integer(bytes) || !json_is_integer(spins) ||
        k < KILL_NEVER || k >= KILL_KINDS || s < 0 || (k != KILL_NEVER && (uint64_t)s >= p->n_steps))
        return "its kill point is damaged, or not of its scenario";
    *ret = (struct kill_point){.kind = (enum kill_kind)k,
                               .step = (uint32_t)s,
                               .bytes = (uint64_t)json_integer_value(bytes),
                               .spins = (uint64_t)json_integer_value(spins)};
    return NULL;
}

static bool strike_of(const json_t *j, enum strike *ret)
{
    const char *s = json_string_value(j);

    for (unsigned k = 0; s && k < STRIKES; k++)
        if (strcmp(s, strike_table[k].name) == 0) {
            *ret = (enum strike)k;
            return true;
        }
    return false;
}

static unsigned defect_kinds(const json_t *defects)
{
    unsigned kinds = 0;

    for (size_t i = 0; i < json_array_size(defects); i++) {
        const char *s = json_string_value(json_object_get(json_array_get(defects, i), "kind"));
        for (unsigned k = 0; s && k < DEFECT_KINDS; k++)
            if (strcmp(s, defect_names[k]) == 0)
                kinds |= 1U << k;
    }
    return kinds;
}

static int load_plan(const json_t *j, const char *path, struct finding_file *f, struct error *err)
{
    const char *name = json_string_value(json_object_get(j, "scenario"));
    char *text = json_text_exact_decode(json_object_get(j, "text"));
    int rc;

    if (!name || !text)
        rc = not_a_finding(err, path, "the scenario is missing");
    else
        rc = plan_parse(path, name, text, strlen(text), &f->plan, err);
    free(text);
    return rc;
}

static const char *load_image(const json_t *j, struct finding_file *f)
{
    if (!backend_takes_images(f->config.backend))
        return "its backend takes no disk images";
    f->image_fd = json_image_decode(j, backend_image_size(&f->config));
    if (f->image_fd >= 0)
        return NULL;
    return f->image_fd == -EINVAL  ? "its disk image is damaged"
           : f->image_fd == -EFBIG ? "its disk image is larger than the volumes of its backend"
                                   : "no memory for its disk image";
}

static int load_fields(const json_t *j, const char *path, bool trusted, struct finding_file *f, struct error *err)
{
    const json_t *format = json_object_get(j, "tornpage_finding"), *image = json_object_get(j, "image");
    const char *spec = json_string_value(json_object_get(j, "backend")), *bad = NULL;
    struct error not_harmless = {.code = 0};

    if (!json_is_integer(format))
        return not_a_finding(err, path, "not a finding: \"tornpage_finding\" is missing");
    if (json_integer_value(format) != FINDING_FORMAT)
        return error_set(err, EINVAL, "finding", path, "a finding of format %lld, and this tornpage reads format %d",
                         (long long)json_integer_value(format), FINDING_FORMAT);
    if (!spec)
        return not_a_finding(err, path, "the backend is missing");
    int rc = backend_config_parse(spec, &f->config, err);
    if (rc == 0 && !trusted && backend_config_harmless(&f->config, &not_harmless) < 0)
        rc = error_set(err, EINVAL, "finding", path, "its backend has the option %s; --trust allows it", not_harmless.msg);
    if (rc == 0)
        rc = load_plan(j, path, f, err);
    if (rc < 0)
        return rc;
    if (!strike_of(json_object_get(j, "crash"), &f->strike))
        bad = "the crash kind is missing or unknown";
    else if (!hex_of(json_object_get(j, "seed"), &f->seed) || !hex_of(json_object_get(j, "position"), &f->pos))
        bad = "its seed or position is damaged";
    if (!bad)
        bad = load_kill(json_object_get(j, "kill"), f->plan, &f->kill);
    if (!bad)
        bad = load_history(json_object_get(j, "history"), f->plan, &f->history);
    if (!bad && image)
        bad = load_image(image, f);
    if (bad)
        return not_a_finding(err, path, bad);
    f->defect_kinds = defect_kinds(json_object_get(j, "defects"));
    f->state_text = json_text_exact_decode(json_object_get(j, "state"));
    f->kernel = json_text_exact_decode(json_object_get(j, "kernel"));
    f->version = json_text_exact_decode(json_object_get(j, "version"));
    return 0;
}

int finding_load(const char *path, bool trusted, struct finding_file *ret, struct error *err)
{
    json_error_t where;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *ret = (struct finding_file){.image_fd = -1};
    if (fd < 0 || fstat(fd, &st) < 0) {
        int rc = error_set(err, errno, "open", path, NULL);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return not_a_finding(err, path, S_ISDIR(st.st_mode) ? "a directory, not a finding" : "not a regular file");
    }
    FILE *in = fdopen(fd, "r"); /* json_loadfd would read byte by byte */
    if (!in) {
        close(fd);
        return error_set(err, ENOMEM, "open", path, NULL);
    }
    json_t *j = json_loadf(in, JSON_REJECT_DUPLICATES, &where);
    fclose(in);
    if (!j)
        return error_set(err, EINVAL, "finding", path, "not JSON: line %d, column %d: %s", where.line, where.column, where.text);
    int rc = load_fields(j, path, trusted, ret, err);
    json_decref(j);
    if (rc < 0)
        finding_file_free(ret);
    return rc;
}

bool finding_has_image(const struct finding_file *f)
{
    return f->image_fd >= 0;
}

void finding_file_free(struct finding_file *f)
{
    if (f->plan)
        plan_free(f->plan);
    backend_config_free(&f->config);
    if (f->image_fd >= 0)
        close(f->image_fd);
    free(f->history);
    free(f->state_text);
    free(f->kernel);
    free(f->version);
    *f = (struct finding_file){.image_fd = -1};
}
