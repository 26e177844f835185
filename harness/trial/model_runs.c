/* Runs on a model, which strikes by itself: each from a seed of its own. */
#include "language/verb.h"
#include "trial/strike.h"

/* A model touches every byte that a plan writes, so the default number of runs shrinks when one run writes more than usual. */
enum { MIN_RUNS = 4 };
static const uint64_t all_runs_bytes = 256 << 20;

static uint64_t default_runs(const struct job *j)
{
    const uint64_t most = j->config->backend->model->runs ? j->config->backend->model->runs : 1;
    uint64_t bytes = 1;

    for (size_t i = 0; i < j->plan->n_steps; i++) {
        const struct step *s = &j->plan->steps[i];
        if (s->verb->properties & (VERB_NOTES_PLACE | VERB_STORES) && s->arg[1].given) /* pwrite, mwrite */
            bytes += s->arg[1].num < all_runs_bytes ? s->arg[1].num : all_runs_bytes;
    }
    const uint64_t runs = all_runs_bytes / bytes;
    return runs >= most ? most : runs > MIN_RUNS ? runs : most < MIN_RUNS ? most : MIN_RUNS;
}

void model_runs(struct trial *t, unsigned counts_as)
{
    const struct job *j = t->job;
    const uint64_t runs = j->runs ? j->runs : default_runs(j);
    struct error err = {0};

    /* A seed that replay was given is used as it is. */
    for (uint64_t i = 0; i < runs && !trial_is_over(t) && (i == 0 || !trial_time_up(t)); i++) {
        struct strike_point at = {.seed = runs == 1 ? j->seed : rng_next(&t->rng)};
        bool lossy = false;

        struct history *h = trial_new_history(t, at.seed);
        survivors_clear(&t->survivors);
        if (backend_simulate(j->config, j->plan, j->strike, at.seed, h, &t->survivors, &at.pos, &err) < 0) {
            trial_fail(t, &err);
            return;
        }
        if (!trial_admits(t))
            return;
        trial_judge_steps(t, &at);
        const bool violated = trial_judge_survivors(t, &t->survivors, &at, &lossy);
        trial_count(t, counts_as | COUNT_STATE, lossy, violated, runs - i - 1);
    }
}
