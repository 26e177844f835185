/* Runs on a model, which strikes by itself: each from a seed of its own. */
#include "trial/strike.h"

void model_runs(struct trial *t)
{
    const struct job *j = t->job;
    const uint64_t by_default = j->config->backend->model->runs, runs = j->runs ? j->runs : by_default ? by_default : 1;
    const unsigned counts_as = strike_executors[j->strike]->counts_as | COUNT_STATE;
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
        trial_count(t, counts_as, lossy, violated, runs - i - 1);
    }
}
