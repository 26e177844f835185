/*
 * The --json report. Its keys are an interface, described in JSON.md: one that changes its meaning or goes makes a new
 * REPORT_SCHEMA. On `sim`, two runs with one seed differ only in wall_s.
 */
#include <jansson.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/version.h"
#include "report/report.h"
#include "result/result_json.h"

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

json_t *report_epoch(const struct epoch_result *e)
{
    json_t *j = json_object();

    json_object_set_new(j, "recording", number(e->recording));
    json_object_set_new(j, "first_line", number(e->first_line));
    json_object_set_new(j, "last_line", number(e->last_line));
    json_object_set_new(j, "from", number(e->from));
    json_object_set_new(j, "to", number(e->to));
    json_object_set_new(j, "writes", number(e->n_writes));
    json_object_set_new(j, "states_exist", json_real(e->exist));
    json_object_set_new(j, "states_covered", number(e->covered));
    json_object_set_new(j, "exhaustive", json_boolean(e->exhaustive));
    return j;
}

static json_t *one_result(const struct result *r)
{
    json_t *j = json_object(), *findings = json_array(), *epochs = json_array(), *defects = json_array();

    for (size_t i = 0; i < r->n_findings; i++)
        json_array_append_new(findings, json_text_clean(r->findings[i]));
    json_object_set_new(j, "scenario", json_text_clean(r->scenario));
    json_object_set_new(j, "backend", json_text_clean(r->backend));
    json_object_set_new(j, "crash", json_text_clean(strike_table[r->strike].name));
    json_object_set_new(j, "verdict", json_text_clean(verdict_names[r->verdict]));
    json_object_set_new(j, "reason", json_text_clean(r->verdict == VERDICT_VIOLATED ? "" : r->reason));
    for (size_t i = 0; i < r->n_defects; i++)
        json_array_append_new(defects, result_defect_to_json(&r->defects[i]));
    json_object_set_new(j, "defects", defects);
    json_object_set_new(j, "states_covered", number(r->states_covered));
    json_object_set_new(j, "states_mounted", number(r->states_mounted));
    json_object_set_new(j, "states_lossy", number(r->states_lossy));
    json_object_set_new(j, "states_violated", number(r->states_violated));
    json_object_set_new(j, "epochs_exhaustive", number(r->epochs_exhaustive));
    json_object_set_new(j, "epochs_sampled", number(r->epochs_sampled));
    json_object_set_new(j, "states_exist", json_real(r->states_exist));
    for (size_t i = 0; i < r->n_epochs; i++)
        json_array_append_new(epochs, report_epoch(&r->epochs[i]));
    json_object_set_new(j, "epochs", epochs);
    json_object_set_new(j, "kills", number(r->kills));
    json_object_set_new(j, "surprises", number(r->surprises));
    json_object_set_new(j, "untraced", json_boolean(r->untraced));
    json_object_set_new(j, "cut_short", json_boolean(r->cut_short));
    json_object_set_new(j, "not_begun", json_boolean(r->not_begun || r->interrupted_by));
    json_object_set_new(j, "known", json_boolean(r->known));
    json_object_set_new(j, "known_why", json_text_clean(r->known_why ? r->known_why : ""));
    json_object_set_new(j, "mended", json_text_clean(r->mended ? r->mended : ""));
    json_object_set_new(j, "findings", findings);
    return j;
}

void report_json(const struct report *r, FILE *out)
{
    json_t *j = json_object(), *results = json_array();
    struct buf why = {0};

    outcome_incomplete(&r->outcome, r->n_results, &why);
    json_object_set_new(j, "schema", json_integer(REPORT_SCHEMA));
    json_object_set_new(j, "tornpage", json_text_clean(TORNPAGE_VERSION));
    json_object_set_new(j, "status", json_integer(r->status));
    json_object_set_new(j, "complete", json_boolean(!r->outcome.missing));
    json_object_set_new(j, "incomplete", json_text_clean(buf_text(&why)));
    buf_free(&why);
    json_object_set_new(j, "kernel", json_text_clean(r->kernel));
    json_object_set_new(j, "seed", number(r->seed));
    json_object_set_new(j, "wall_s", json_real((double)(int64_t)(r->wall_s * 1000) / 1000));
    for (size_t i = 0; i < r->n_results; i++)
        json_array_append_new(results, one_result(&r->results[i]));
    json_object_set_new(j, "results", results);
    if (json_dumpf(j, out, JSON_INDENT(1)) == 0)
        fputc('\n', out);
    json_decref(j);
}
