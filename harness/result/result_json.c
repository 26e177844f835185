/* A result as JSON: see result_json.h. */
#include "result/result_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json_text.h"

static json_t *epochs_to_json(const struct result *r)
{
    json_t *all = json_array();

    for (size_t i = 0; i < r->n_epochs; i++) {
        const struct epoch_result *e = &r->epochs[i];

        json_array_append_new(all, json_pack("[i, i, i, i, I, I, I, f, b]", (int)e->recording, (int)e->first_line,
                                             (int)e->last_line, (int)e->n_writes, (json_int_t)e->from, (json_int_t)e->to,
                                             (json_int_t)e->covered, e->exist, (int)e->exhaustive));
    }
    return all;
}

static int epochs_from_json(json_t *all, struct result *ret)
{
    const size_t n = json_array_size(all);

    ret->epochs = xcalloc(n + 1, sizeof *ret->epochs);
    for (size_t i = 0; i < n; i++) {
        int recording, first, last, writes, exhaustive;
        json_int_t from, to, covered;
        double exist;

        if (json_unpack(json_array_get(all, i), "[i, i, i, i, I, I, I, f, b]", &recording, &first, &last, &writes, &from, &to,
                        &covered, &exist, &exhaustive) < 0)
            return -EINVAL;
        ret->epochs[ret->n_epochs++] = (struct epoch_result){.recording = (uint32_t)recording,
                                                             .first_line = (uint32_t)first,
                                                             .last_line = (uint32_t)last,
                                                             .n_writes = (uint32_t)writes,
                                                             .from = (uint64_t)from,
                                                             .to = (uint64_t)to,
                                                             .covered = (uint64_t)covered,
                                                             .exist = exist,
                                                             .exhaustive = exhaustive != 0};
    }
    return 0;
}

json_t *result_defect_to_json(const struct result_defect *d)
{
    return json_pack("{ss, ss, sb, so, sI, sI, sI, sI, so, so, so, so, so}", "kind", defect_names[d->kind], "rule",
                     rule_table[d->rule].id, "surprise", (int)d->surprise, "path", json_text_clean(d->path), "offset",
                     (json_int_t)d->off, "length", (json_int_t)d->len, "step", (json_int_t)d->step, "line", (json_int_t)d->line,
                     "action", json_text_clean(d->action), "text", json_text_clean(d->text), "state", json_text_clean(d->state),
                     "refusal", json_text_clean(d->refusal), "finding", json_text_clean(d->finding));
}

static json_t *defects_to_json(const struct result *r)
{
    json_t *all = json_array();

    for (size_t i = 0; i < r->n_defects; i++)
        json_array_append_new(all, result_defect_to_json(&r->defects[i]));
    return all;
}

static int defects_from_json(json_t *all, struct result *ret)
{
    const size_t n = json_array_size(all);

    ret->defects = xcalloc(n + 1, sizeof *ret->defects);
    for (size_t i = 0; i < n; i++) {
        const char *kind, *rule, *path, *action, *text, *state, *refusal, *finding;
        json_int_t off, len, step, line;
        int surprise;

        if (json_unpack(json_array_get(all, i), "{ss, ss, sb, ss, sI, sI, sI, sI, ss, ss, ss, ss, ss}", "kind", &kind, "rule",
                        &rule, "surprise", &surprise, "path", &path, "offset", &off, "length", &len, "step", &step, "line", &line,
                        "action", &action, "text", &text, "state", &state, "refusal", &refusal, "finding", &finding) < 0 ||
            defect_parse(kind, strlen(kind)) == DEFECT_KINDS || rule_parse(rule) == RULES)
            return -EINVAL;
        ret->defects[ret->n_defects++] = (struct result_defect){.kind = defect_parse(kind, strlen(kind)),
                                                                .rule = rule_parse(rule),
                                                                .surprise = surprise != 0,
                                                                .path = xstrdup(path),
                                                                .off = (uint64_t)off,
                                                                .len = (uint64_t)len,
                                                                .step = (uint32_t)step,
                                                                .line = (uint32_t)line,
                                                                .action = xstrdup(action),
                                                                .text = xstrdup(text),
                                                                .state = xstrdup(state),
                                                                .refusal = xstrdup(refusal),
                                                                .finding = xstrdup(finding)};
    }
    return 0;
}

json_t *result_to_json(const struct result *r)
{
    json_t *findings = json_array();

    for (size_t i = 0; i < r->n_findings; i++)
        json_array_append_new(findings, json_text_clean(r->findings[i]));
    return json_pack("{so, so, si, si, so, sI, sI, sI, sI, sI, sI, sb, so, so, sf, sI, sI, sf, so, sb, sb, so, so, so}",
                     "scenario", json_text_clean(r->scenario), "backend", json_text_clean(r->backend), "crash", (int)r->strike,
                     "verdict", (int)r->verdict, "reason", json_text_clean(r->reason), "covered", (json_int_t)r->states_covered,
                     "mounted", (json_int_t)r->states_mounted, "lossy", (json_int_t)r->states_lossy, "violated",
                     (json_int_t)r->states_violated, "kills", (json_int_t)r->kills, "surprises", (json_int_t)r->surprises,
                     "known", (int)r->known, "findings", findings, "details", json_text_clean(r->details), "wall_s", r->wall_s,
                     "exhaustive", (json_int_t)r->epochs_exhaustive, "sampled", (json_int_t)r->epochs_sampled, "exist",
                     r->states_exist, "epochs", epochs_to_json(r), "cut_short", (int)r->cut_short, "untraced", (int)r->untraced,
                     "defects", defects_to_json(r), "known_why", json_text_clean(r->known_why ? r->known_why : ""), "mended",
                     json_text_clean(r->mended ? r->mended : ""));
}

int result_from_json(const json_t *j, struct result *ret)
{
    const char *scenario, *backend, *reason, *details, *known_why, *mended;
    json_int_t covered, mounted, lossy, violated, kills, surprises, exhaustive, sampled;
    int strike, verdict, known, cut_short, untraced;
    double wall_s, exist;
    json_t *findings, *epochs, *defects;
    /* json_unpack only reads, but its argument is not const. */
    json_t *object = (json_t *)(uintptr_t)j;

    *ret = (struct result){0};
    if (json_unpack(object, "{ss, ss, si, si, ss, sI, sI, sI, sI, sI, sI, sb, so, ss, sf, sI, sI, sf, so, sb, sb, so, ss, ss}",
                    "scenario", &scenario, "backend", &backend, "crash", &strike, "verdict", &verdict, "reason", &reason,
                    "covered", &covered, "mounted", &mounted, "lossy", &lossy, "violated", &violated, "kills", &kills,
                    "surprises", &surprises, "known", &known, "findings", &findings, "details", &details, "wall_s", &wall_s,
                    "exhaustive", &exhaustive, "sampled", &sampled, "exist", &exist, "epochs", &epochs, "cut_short", &cut_short,
                    "untraced", &untraced, "defects", &defects, "known_why", &known_why, "mended", &mended) < 0 ||
        strike < 0 || strike >= STRIKES || verdict < 0 || verdict >= VERDICT_KINDS || !json_is_array(findings))
        return -EINVAL;
    *ret = (struct result){.scenario = xstrdup(scenario),
                           .backend = xstrdup(backend),
                           .strike = (enum strike)strike,
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
                           .known_why = xstrdup(known_why),
                           .mended = xstrdup(mended),
                           .cut_short = cut_short != 0,
                           .untraced = untraced != 0,
                           .details = xstrdup(details),
                           .wall_s = wall_s};
    size_t n = json_array_size(findings);
    ret->findings = xcalloc(n, sizeof *ret->findings);
    for (size_t i = 0; i < n; i++) {
        const char *path = json_string_value(json_array_get(findings, i));
        ret->findings[ret->n_findings++] = xstrdup(path ? path : "");
    }
    if (epochs_from_json(epochs, ret) == 0 && defects_from_json(defects, ret) == 0)
        return 0;
    result_free(ret);
    return -EINVAL;
}
