// SPDX-License-Identifier: MIT
// thalweg dynamics: what a step of SGD does to the loss, predicted and drawn; and what many runs do.
#include "cli/dynamics.h"

#include "base/alloc.h"
#include "thalweg/trainer.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static tw_status read_opts(tw_dynamics *d)
{
    tw_status st = TW_OK;
    const tw_args *args = d->args;
    const char *how = tw_args_str(args, "precondition"), *rules = tw_args_str(args, "optim");
    d->law = tw_step_law_defaults();
    d->runs = tw_ensemble_defaults();
    d->law.progress = d->runs.progress = tw_show_progress(args);
    d->law.replacement = tw_args_flag(args, "replacement");
    d->law.power = strcmp(how, "sqrt") == 0 ? 0.5 : strcmp(how, "full") == 0 ? 1 : 0;
    TW_TRY(tw_args_real(args, "eps", 1e-300, 1e300, &d->law.eps));
    TW_TRY(tw_args_real(args, "lr", 1e-300, 1e300, &d->law.lr));
    TW_TRY(tw_args_int(args, "batch", 1, INT64_MAX, &d->law.batch));
    TW_TRY(tw_args_int(args, "draws", 0, 100000000, &d->law.draws));
    TW_TRY(tw_args_seed(args, "seed", &d->law.seed));
    if (tw_args_flag(args, "memory")) TW_TRY(tw_args_bytes(args, "memory", &d->law.memory));
    TW_TRY(tw_args_int(args, "epochs", 1, 1000000, &d->runs.epochs));
    TW_TRY(tw_args_int(args, "states", 1, TW_DYNAMICS_MOST, &d->states));
    TW_TRY(tw_args_int(args, "runs", 0, 10000000, &d->runs.runs));
    TW_TRY(tw_args_int(args, "looks", 2, 10000, &d->runs.looks));
    d->runs.lr = d->law.lr;
    d->runs.batch = d->law.batch;
    d->runs.seed = d->law.seed;
    d->runs.sampling = tw_args_str(args, "sampling");
    TW_TRY(tw_train_check(TW_SAMPLING, d->runs.sampling));
    TW_TRY(tw_strdup(rules, &d->text));
    char *rest = NULL;
    for (char *rule = strtok_r(d->text, "\n", &rest); rule; rule = strtok_r(NULL, "\n", &rest)) {
        if (d->rules == TW_DYNAMICS_MOST) {
            st = tw_fail(TW_EINVAL, "--optim: found more than %d rules", TW_DYNAMICS_MOST);
            goto done;
        }
        TW_TRY(tw_train_check(TW_OPTIM, rule));
        d->rule[d->rules++].optim = rule;
    }
done:
    return st;
}

// The law at the start and at steps spread by equal factors over a run of the first rule.
static tw_status laws(tw_dynamics *d)
{
    tw_status st = TW_OK;
    tw_trainer *trainer = NULL;
    tw_trainer_opts opts = tw_trainer_defaults();
    tw_step step = {0};
    double *w = NULL;
    opts.optim = d->rule[0].optim;
    opts.sampling = d->runs.sampling;
    opts.lr = d->law.lr;
    opts.batch = d->law.batch;
    opts.seed = d->law.seed;
    TW_TRY(tw_trainer_new(d->net, d->data, &opts, &trainer));
    TW_TRY(tw_alloc(tw_net_params(d->net), sizeof *w, &w));
    tw_net_get_weights(d->net, w);
    double steps = (double)(d->runs.epochs * tw_trainer_epoch_steps(trainer)), last = (double)(d->states - 2);
    for (int64_t i = 0; i < d->states && !d->diverged; i++) {
        int64_t until = i == 0 ? 0 : llround(pow(steps, last > 0 ? (double)(i - 1) / last : 1));
        if (i > 0 && until <= d->at[d->found - 1]) continue;
        while (tw_trainer_steps(trainer) < until && !step.diverged) TW_TRY(tw_trainer_step(trainer, &step));
        d->diverged = step.diverged;
        d->at[d->found] = tw_trainer_steps(trainer);
        TW_TRY(tw_step_law_new(d->net, d->data, &d->law, &d->state[d->found]));
        d->found++;
    }
    TW_TRY(tw_net_set_weights(d->net, w)); // runs start where this one did
done:
    free(w);
    tw_trainer_free(trainer);
    return st;
}

// The law at the start of a recorded run and at states that it kept, evenly among them, the last one always.
static tw_status laws_of_run(tw_dynamics *d)
{
    tw_status st = TW_OK;
    double *w = NULL;
    const tw_revisit *run = &d->run;
    TW_TRY(tw_alloc(tw_net_params(d->net), sizeof *w, &w));
    tw_net_get_weights(d->net, w);
    int64_t first = run->kept > 0 && run->step[0] == 0, kept = run->kept - first; // weights-0 are those of the start
    int64_t looks = kept < d->states - 1 ? kept : d->states - 1;
    TW_TRY(tw_step_law_new(d->net, d->data, &d->law, &d->state[0]));
    d->found = 1;
    for (int64_t i = 1; i <= looks; i++) {
        int64_t at = first + i * kept / looks - 1;
        TW_TRY(tw_revisit_load(&d->run, at));
        d->at[d->found] = run->step[at];
        TW_TRY(tw_step_law_new(d->net, d->data, &d->law, &d->state[d->found]));
        d->found++;
    }
    TW_TRY(tw_net_set_weights(d->net, w)); // runs start where this one did
done:
    free(w);
    return st;
}

// Step and batch are the run's unless given.
static void take_from_run(tw_dynamics *d)
{
    const tw_recipe *recipe = d->run.recipe;
    if (!tw_args_flag(d->args, "lr")) d->law.lr = tw_recipe_real(recipe, "optim.lr");
    if (!tw_args_flag(d->args, "batch")) d->law.batch = tw_recipe_int(recipe, "sampling.batch");
    d->runs.lr = d->law.lr;
    d->runs.batch = d->law.batch;
}

static tw_status runs(tw_dynamics *d)
{
    tw_status st = TW_OK;
    for (int64_t r = 0; r < d->rules; r++) {
        d->runs.optim = d->rule[r].optim;
        double begin = tw_show_clock();
        TW_TRY(tw_ensemble_new(d->net, d->data, &d->runs, &d->rule[r].found));
        d->rule[r].seconds = tw_show_clock() - begin;
        tw_explain(d->args, "runs", "%s: %" PRId64 " runs of %" PRId64 " steps in %.2f s", d->rule[r].optim,
                   d->rule[r].found->runs, d->rule[r].found->steps, d->rule[r].seconds);
    }
done:
    return st;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    tw_dynamics d = {.args = args};
    json_t *result = NULL;

    TW_TRY(tw_open_check_figure(args));
    TW_TRY(read_opts(&d));
    TW_TRY(tw_open_run(args, "", &d.run));
    if (d.run.net) {
        d.data = d.run.data;
        d.net = d.run.net;
        take_from_run(&d);
    } else {
        TW_TRY(tw_open_data(args, &d.data));
        TW_TRY(tw_open_net(args, d.data, &d.net));
    }
    if (d.law.draws > 0) {
        char bytes[32];
        tw_explain(args, "memory", "%s for the law of a step at one state",
                   tw_show_bytes(tw_step_law_bytes(d.net, d.data, &d.law), bytes));
        TW_TRY(d.run.net ? laws_of_run(&d) : laws(&d));
    }
    if (d.runs.runs > 0) TW_TRY(runs(&d));
    if (d.found == 0 && d.runs.runs == 0) {
        st = tw_fail(TW_EINVAL, "--draws 0 --runs 0: found nothing to do, expected one of them");
        goto done;
    }
    TW_TRY(tw_dynamics_draw(&d));
    if (tw_args_flag(args, "json")) {
        result = tw_dynamics_json(&d);
        TW_TRY(tw_open_origin(args, d.net, d.data, result));
        TW_TRY(tw_show_json(json_incref(result)));
    } else {
        tw_show_progress_end();
        tw_dynamics_show(&d);
    }
    if (d.diverged) tw_show_shortfall("training diverged after %" PRId64 " steps", d.at[d.found - 1]);
    for (int64_t r = 0; r < d.rules; r++)
        if (d.rule[r].found && d.rule[r].found->diverged > 0)
            tw_show_shortfall("%s: %" PRId64 " of %" PRId64 " runs diverged", d.rule[r].optim,
                              d.rule[r].found->diverged, d.rule[r].found->runs);
done:
    json_decref(result);
    for (int64_t i = 0; i < d.found; i++) tw_step_law_free(d.state[i]);
    for (int64_t r = 0; r < d.rules; r++) tw_ensemble_free(d.rule[r].found);
    free(d.text);
    if (!d.run.net) tw_net_free(d.net);
    if (!d.run.net) tw_data_free(d.data);
    tw_revisit_close(&d.run);
    return st;
}

static const tw_flag flags[] = {
    {"weights", "FILE", NULL, "weights: a .safetensors or .npz file, or init:SEED"},
    {"run", "FOLDER", NULL,
     "a recorded run instead of --model, --data and --weights: states that it kept; --lr and --batch are its own "
     "unless "
     "given"},
    {"memory", "BYTES", NULL, "bytes that laws may take (2G, 500M): more are refused beforehand", .neutral = true},
    {"lr", "REAL", "0.1", "step size"},
    {"batch", "B", "10", "samples a batch"},
    {"replacement", NULL, NULL, "batches drawn with replacement where the law of a step is taken"},
    {"precondition", "HOW", "none", "the step is lr P g: P = 1, or 1/(s + eps)^(1/2) or 1/(s + eps), s = mean g_i^2",
     .choices = "none|sqrt|full"},
    {"eps", "REAL", "1e-8", "of --precondition"},
    {"draws", "N", "4000", "batches drawn at each state, all where there are no more; 0: no laws"},
    {"states", "N", "5", "states the law is taken at: the start and others along a run of --epochs"},
    {"epochs", "N", "10", "length of that run, and of --runs"},
    {"optim", "RULE", "sgd", "step rule of the runs; given again, rules are set beside each other", .many = true},
    {"sampling", "NAME", "shuffle", "of batches in the runs (docs/training.md)"},
    {"runs", "R", "0", "runs from the same start, with seeds from --seed on; 0: none"},
    {"looks", "N", "20", "steps of the runs that are looked at, by equal factors"},
    {0},
};

const tw_command tw_cmd_dynamics = {
    .name = "dynamics",
    .summary = "the change of the loss in one step of SGD: its law, drawn and predicted; many runs side by side",
    .about =
        "At states along a run, batches are drawn and the change D of the whole training loss in a step is set beside\n"
        "what first moment, second moment and Hessian predict: mean, variance, skewness, coverage of intervals, the\n"
        "tail bound, and products of consecutive gradients. Least squares and logistic regression (one layer, one\n"
        "output) add their special cases. --runs R: quantiles of loss and D over R runs, the chance that the loss\n"
        "falls, angles of consecutive gradients, and where the second phase begins, a rule beside another\n"
        "(docs/dynamics.md).",
    .example = "thalweg dynamics --model mlp:10-6-3,act=tanh --weights init:1 --data gauss:classes=3,dim=10,n=60 "
               "--dtype f64 --batch 5 --draws 400 --states 3 --runs 12 --optim sgd --optim adaptive",
    .uses = TW_USE_DATA | TW_USE_ANY_DATA | TW_USE_NET | TW_USE_ANY_MODEL | TW_USE_FIGURE,
    .flags = flags,
    .run = run,
};
