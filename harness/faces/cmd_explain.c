/*
 * tornpage explain: what is legal after each step of a scenario, by strike.
 *
 * The scenario runs once on the model backend without faults. The oracle's world, built from that history, is then printed.
 */
#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

#include "backend/backend.h"
#include "base/buf.h"
#include "base/error.h"
#include "evidence/history.h"
#include "evidence/survivors.h"
#include "faces/faces.h"
#include "faces/scenarios.h"
#include "report/text.h"
#include "truth/rules.h"
#include "truth/world.h"
#include "verifier/explain.h"

enum { SPARE_EVENTS = 64, DATA_BYTES = 64 << 20, EXPLAIN_SEED = 1 };

static const struct face_option options[] = {
    {"rule", 'r', "ID", "Print this rule of the oracle instead: its sentence and its source. 'tornpage list rules' lists all."},
    {NULL, 0, NULL, NULL},
};
static const char model[] = "sim";

static int dry_run(struct backend_config *config, const struct plan *p, struct history *h, struct error *err)
{
    struct survivors survivors = {0};
    uint64_t pos = 0;
    int rc = backend_probe(config, err);

    if (rc == 0)
        rc = backend_prepare(config, err);
    if (rc == 0) {
        rc = backend_simulate(config, p, STRIKE_NONE, EXPLAIN_SEED, h, &survivors, &pos, err);
        backend_release(config);
    }
    survivors_free(&survivors);
    return rc;
}

static int explain(const struct plan *p)
{
    struct backend_config config = {0};
    struct guarantees guarantees;
    struct error err = {0};
    char text[1024];
    int rc = backend_config_parse(model, &config, &err);

    if (rc == 0) {
        uint32_t cap = (uint32_t)p->n_steps * (p->repeat ? p->repeat : 1) + SPARE_EVENTS;
        /* calloc, because untouched pages of the data area then take no memory */
        struct history *h = history_init(xcalloc(1, history_bytes(cap, DATA_BYTES)), cap, DATA_BYTES, EXPLAIN_SEED);
        rc = dry_run(&config, p, h, &err);
        if (rc == 0) {
            struct world *w = world_new();
            struct buf out = {0};
            backend_guarantees(&config, &guarantees);
            world_build(w, p, h, &guarantees);
            world_explain(w, p, h, &guarantees, &out);
            fputs(buf_text(&out), stdout);
            buf_free(&out);
            world_free(w);
        }
        free(h);
        backend_config_free(&config);
    }
    if (rc == 0)
        return STATUS_GOOD;
    fprintf(stderr, "tornpage: %s cannot be explained: %s\n", p->name, error_text(&err, text, sizeof text));
    return err.skip ? STATUS_SKIPPED : STATUS_BROKEN;
}

static int explain_rule(const struct face *c, const char *id)
{
    const char *ids[RULES + 1] = {NULL};
    const enum rule rule = rule_parse(id);

    if (rule < RULES) {
        print_rule(&rule_table[rule]);
        return STATUS_GOOD;
    }
    for (size_t i = 0; i < RULES; i++)
        ids[i] = rule_table[i].id;
    struct buf choices = {0};

    text_choices(&choices, id, ids);
    const int status = usage_error(c, "unknown rule '%s'%s", id, buf_text(&choices));
    buf_free(&choices);
    return status;
}

static int run_command(const struct face *c, int argc, char **argv)
{
    struct scenarios s = {0};
    const char *value = NULL;
    bool explained = false;
    int option, status = STATUS_GOOD;

    while ((option = option_next(c, argc, argv, &value)) >= 0) {
        status = explain_rule(c, value);
        if (status != STATUS_GOOD)
            return status;
        explained = true;
    }
    if (option != OPTION_END)
        return option == OPTION_HELP ? STATUS_GOOD : STATUS_USAGE;
    if (optind >= argc)
        return explained ? STATUS_GOOD : usage_error(c, "which scenario?");
    for (int i = optind; i < argc; i++)
        scenarios_add(&s, argv[i]);
    scenarios_finish(&s);
    if (s.n_errors)
        status = STATUS_USAGE;
    for (size_t i = 0; i < s.n && status == STATUS_GOOD; i++) {
        printf("%s%s: %s\n", i ? "\n" : "", s.plan[i]->name, s.plan[i]->test ? s.plan[i]->test : "");
        status = explain(s.plan[i]);
    }
    scenarios_free(&s);
    return status;
}

static void words(char *const *before, int n, struct buf *out)
{
    (void)before, (void)n;
    scenario_names_print(out);
}

static const struct face_status statuses[] = {
    {"0", "explained"},
    {"2", "wrong usage, or a malformed scenario"},
    {"77", "skipped: the model lacks something that the scenario has"},
    {"99", "broken"},
    {NULL, NULL},
};

const struct face face_explain = {
    .name = "explain",
    .args = "SCENARIO... | --rule ID",
    .summary = "Print what is legal after each step of a scenario, per crash kind.",
    .about = "The scenario is run once on the model backend (sim) without any fault; no privileges are needed.",
    .options = options,
    .statuses = statuses,
    .words = words,
    .run = run_command,
};
