/* A result as JSON: see result_json.h. */
#include "engine/result_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* Texts may quote bytes of files and names, which need not be UTF-8; what is not ASCII is then shown as '?'. */
static json_t *text_json(const char *s)
{
    json_t *j = json_string(s ? s : "");

    if (j)
        return j;
    char *plain = xstrdup(s);
    for (char *c = plain; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    j = json_string(plain);
    free(plain);
    return j;
}

json_t *result_to_json(const struct result *r)
{
    json_t *findings = json_array();

    for (size_t i = 0; i < r->n_findings; i++)
        json_array_append_new(findings, text_json(r->findings[i]));
    return json_pack(
        "{so, so, si, si, so, sI, sI, sI, sI, sI, sI, sb, so, so, sf, sI, sI, sf}", "scenario", text_json(r->scenario), "backend",
        text_json(r->backend), "crash", (int)r->crash, "verdict", (int)r->verdict, "reason", text_json(r->reason), "covered",
        (json_int_t)r->states_covered, "mounted", (json_int_t)r->states_mounted, "lossy", (json_int_t)r->states_lossy, "violated",
        (json_int_t)r->states_violated, "kills", (json_int_t)r->kills, "surprises", (json_int_t)r->surprises, "known",
        (int)r->known, "findings", findings, "details", text_json(r->details), "wall_s", r->wall_s, "exhaustive",
        (json_int_t)r->epochs_exhaustive, "sampled", (json_int_t)r->epochs_sampled, "exist", r->states_exist);
}

int result_from_json(const json_t *j, struct result *ret)
{
    const char *scenario, *backend, *reason, *details;
    json_int_t covered, mounted, lossy, violated, kills, surprises, exhaustive, sampled;
    int crash, verdict, known;
    double wall_s, exist;
    json_t *findings;
    /* json_unpack only reads, but its argument is not const. */
    json_t *object = (json_t *)(uintptr_t)j;

    *ret = (struct result){0};
    if (json_unpack(object, "{ss, ss, si, si, ss, sI, sI, sI, sI, sI, sI, sb, so, ss, sf, sI, sI, sf}", "scenario", &scenario,
                    "backend", &backend, "crash", &crash, "verdict", &verdict, "reason", &reason, "covered", &covered, "mounted",
                    &mounted, "lossy", &lossy, "violated", &violated, "kills", &kills, "surprises", &surprises, "known", &known,
                    "findings", &findings, "details", &details, "wall_s", &wall_s, "exhaustive", &exhaustive, "sampled", &sampled,
                    "exist", &exist) < 0 ||
        crash < 0 || crash >= CRASH_KINDS || verdict < 0 || verdict >= VERDICT_KINDS || !json_is_array(findings))
        return -EINVAL;
    *ret = (struct result){.scenario = xstrdup(scenario),
                           .backend = xstrdup(backend),
                           .crash = (enum crash_kind)crash,
                           .verdict = (enum verdict)verdict,
                           .reason = xstrdup(reason),
                           .states_covered = (uint64_t)covered,
                           .states_mounted = (uint64_t)mounted,
                           .states_lossy = (uint64_t)lossy,
                           .states_violated = (uint64_t)violated,
                           .epochs_exhaustive = (uint64_t)exhaustive,
                           .epochs_sampled = (uint64_t)sampled,
                           .states_exist = exist,
                           .kills = (uint64_t)kills,
                           .surprises = (uint64_t)surprises,
                           .known = known != 0,
                           .details = xstrdup(details),
                           .wall_s = wall_s};
    size_t n = json_array_size(findings);
    ret->findings = xcalloc(n, sizeof *ret->findings);
    for (size_t i = 0; i < n; i++) {
        const char *path = json_string_value(json_array_get(findings, i));
        ret->findings[ret->n_findings++] = xstrdup(path ? path : "");
    }
    return 0;
}
