/* JSON: the names are a promise (see README). Nothing but wall_s differs between two runs with one seed on `sim`. */
#include <jansson.h>

#include "base/json_text.h"
#include "base/version.h"
#include "report/report.h"

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
    json_t *j = json_object(), *findings = json_array(), *epochs = json_array();

    for (size_t i = 0; i < r->n_findings; i++)
        json_array_append_new(findings, json_text_clean(r->findings[i]));
    json_object_set_new(j, "scenario", json_text_clean(r->scenario));
    json_object_set_new(j, "backend", json_text_clean(r->backend));
    json_object_set_new(j, "crash", json_text_clean(strike_table[r->strike].name));
    json_object_set_new(j, "verdict", json_text_clean(verdict_names[r->verdict]));
    json_object_set_new(j, "reason", json_text_clean(r->reason));
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
    if (r->untraced)
        json_object_set_new(j, "untraced", json_true());
    if (r->cut_short)
        json_object_set_new(j, "cut_short", json_true());
    if (r->known)
        json_object_set_new(j, "known", json_true());
    json_object_set_new(j, "findings", findings);
    return j;
}

void report_json(const struct report *r, FILE *out)
{
    json_t *j = json_object(), *results = json_array();

    json_object_set_new(j, "tornpage", json_text_clean(TORNPAGE_VERSION));
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
