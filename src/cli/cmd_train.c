// SPDX-License-Identifier: MIT
// thalweg train: one trajectory, its curve and its last weights.
#include "cli/open.h"
#include "cli/train_recipe.h"

#include "base/alloc.h"
#include "report/figure.h"
#include "thalweg/trainer.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct run_state {
    const tw_args *args;
    tw_data *data, *other; // other: the part that is not trained on, NULL when there is none
    const char *other_name;
    tw_net *net;
    tw_trainer_opts opts;
    bool stopped; // by --patience
    int64_t unusable;
    tw_progress shown;
    int64_t epochs, done, steps;
    double *epoch, *loss, *accuracy, *other_loss, *other_accuracy; // [epochs + 1], NaN: not measured
    tw_loss_value last, other_last;
    bool diverged;
    double begin, seconds;
} run_state;

static tw_status read_options(run_state *s)
{
    tw_status st = TW_OK;
    const tw_args *args = s->args;
    s->opts = tw_trainer_defaults();
    s->unusable = -1;
    s->opts.optim = tw_args_str(args, "optim");
    s->opts.schedule = tw_args_str(args, "schedule");
    s->opts.sampling = tw_args_str(args, "sampling");
    TW_TRY(tw_train_check(TW_OPTIM, s->opts.optim)); // before data is read
    TW_TRY(tw_train_check(TW_SCHEDULE, s->opts.schedule));
    TW_TRY(tw_train_check(TW_SAMPLING, s->opts.sampling));
    s->opts.augment = tw_args_str(args, "augment");
    TW_TRY(tw_augment_check(s->opts.augment));
    TW_TRY(tw_args_real(args, "clip-norm", 0, 1e300, &s->opts.clip_norm));
    TW_TRY(tw_args_real(args, "clip-value", 0, 1e300, &s->opts.clip_value));
    TW_TRY(tw_args_int(args, "patience", 0, 1000000000, &s->opts.patience));
    TW_TRY(tw_args_real(args, "improvement", 0, 1e300, &s->opts.improvement));
    TW_TRY(tw_args_real(args, "lr", 1e-300, 1e300, &s->opts.lr));
    TW_TRY(tw_args_int(args, "batch", 1, INT64_MAX, &s->opts.batch));
    TW_TRY(tw_args_int(args, "epochs", 0, 1000000, &s->epochs));
    TW_TRY(tw_args_seed(args, "seed", &s->opts.seed));
    TW_TRY(tw_open_check_out("save", tw_args_str(args, "save"), ".safetensors .npz"));
    TW_TRY(tw_open_check_figure(args));
    if (tw_args_str(args, "csv") && !tw_args_str(args, "figure"))
        st = tw_fail(TW_EINVAL, "--csv: found no --figure, expected one: it writes what the figure shows");
done:
    return st;
}

// The validation part when there is one, else the test part when the data has one.
static tw_status open_other(run_state *s)
{
    s->other_name = *tw_args_str(s->args, "validation") != '0' ? "validation" : "test";
    if (strcmp(tw_args_str(s->args, "split"), "train") != 0) return TW_OK;
    tw_status st = tw_open_data_split(s->args, s->other_name, &s->other);
    if (st == TW_EINVAL && strcmp(s->other_name, "test") == 0) { // the words were right for the training part
        tw_explain(s->args, "test", "none: %s", tw_error());
        st = TW_OK;
    }
    return st;
}

static tw_status open_all(run_state *s)
{
    tw_status st = TW_OK;
    TW_TRY(read_options(s));
    TW_TRY(tw_open_data(s->args, &s->data));
    TW_TRY(open_other(s));
    TW_TRY(tw_open_net(s->args, s->data, &s->net));
    double **const curve[] = {&s->epoch, &s->loss, &s->accuracy, &s->other_loss, &s->other_accuracy};
    for (size_t i = 0; i < sizeof curve / sizeof *curve; i++) TW_TRY(tw_alloc(s->epochs + 1, sizeof(double), curve[i]));
done:
    return st;
}

static tw_status measure_other(run_state *s, int64_t at)
{
    tw_status st = TW_OK;
    s->other_loss[at] = s->other_accuracy[at] = NAN;
    if (s->other) {
        TW_TRY(tw_loss(s->net, s->other, NULL, NULL, &s->other_last));
        s->other_loss[at] = s->other_last.data_loss;
        s->other_accuracy[at] = s->other_last.accuracy;
    }
done:
    return st;
}

// What early stopping and the schedule "plateau" look at: the validation part where there is one, else what is trained
// on.
static tw_status watch(run_state *s, tw_trainer *trainer)
{
    tw_loss_value value = s->other_last;
    bool validation = s->other && strcmp(s->other_name, "validation") == 0;
    tw_status st = validation ? TW_OK : tw_loss(s->net, s->data, NULL, NULL, &value);
    if (st == TW_OK) tw_trainer_observe(trainer, value.loss, &s->stopped);
    return st;
}

// One epoch; *over: the run diverged.
static tw_status train_epoch(run_state *s, tw_trainer *trainer, tw_step *step, bool *over)
{
    tw_status st = TW_OK;
    int64_t right = 0, counted = 0;
    double total = (double)s->epochs * (double)tw_trainer_epoch_steps(trainer);
    do {
        TW_TRY(tw_trainer_step(trainer, step));
        if (step->diverged) {
            *over = s->diverged = true;
            s->unusable = step->unusable_sample;
            return TW_OK;
        }
        s->steps++;
        right += step->right;
        counted += step->counted;
        if (s->shown.tick && !s->shown.tick(s->shown.ctx, "training", (double)s->steps, total)) {
            st = tw_fail(TW_ESTOPPED, "training: stopped after step %" PRId64, s->steps);
            goto done;
        }
    } while (!step->epoch_end);
    s->done++;
    s->epoch[s->done] = (double)s->done;
    s->loss[s->done] = step->epoch_loss;
    s->accuracy[s->done] = counted > 0 ? (double)right / (double)counted : NAN;
    TW_TRY(measure_other(s, s->done));
    if (s->opts.patience > 0 || strncmp(s->opts.schedule, "plateau", 7) == 0) TW_TRY(watch(s, trainer));
done:
    return st;
}

static tw_status train(run_state *s)
{
    tw_status st = TW_OK;
    tw_trainer *trainer = NULL;
    tw_loss_value start;
    tw_step step;
    bool over = false;

    TW_TRY(tw_trainer_new(s->net, s->data, &s->opts, &trainer));
    TW_TRY(tw_loss(s->net, s->data, NULL, NULL, &start));
    s->loss[0] = start.data_loss;
    s->accuracy[0] = start.accuracy;
    TW_TRY(measure_other(s, 0));
    s->shown = tw_show_progress(s->args);
    while (s->done < s->epochs && !over && !s->stopped) TW_TRY(train_epoch(s, trainer, &step, &over));
    TW_TRY(tw_loss(s->net, s->data, NULL, NULL, &s->last));
done:
    tw_trainer_free(trainer);
    return st;
}

static tw_status draw(const run_state *s)
{
    char subtitle[384], rate[160];
    static const char *const panel[] = {"loss", "accuracy"};
    const char *path = tw_args_str(s->args, "figure");
    if (!path) return TW_OK;
    bool classes = s->data->classes > 0;
    const tw_figure_curve curve[] = {{"train", 0, s->loss},
                                     {s->other_name, 0, s->other_loss},
                                     {"train", 1, s->accuracy},
                                     {s->other_name, 1, s->other_accuracy}};
    char title[192];
    snprintf(title, sizeof title, "Training %.160s", tw_args_str(s->args, "model"));
    snprintf(rate, sizeof rate, "%.40s, lr %g, batch %" PRId64 ", seed %" PRIu64, s->opts.optim, s->opts.lr,
             s->opts.batch, s->opts.seed);
    snprintf(subtitle, sizeof subtitle, "%.100s, %s; train: mean over the epoch as it went", s->data->name, rate);
    tw_figure_curves figure = {.title = title,
                               .subtitle = subtitle,
                               .axis = "epoch",
                               .panels = classes ? 2 : 1,
                               .panel = panel,
                               .points = s->done + 1,
                               .x = s->epoch,
                               .count = classes ? 4 : 2,
                               .curve = curve};
    return tw_figure_draw_curves(&figure, path, tw_args_str(s->args, "csv"));
}

static void show_text(const run_state *s)
{
    char count[32], time[32];
    bool classes = s->data->classes > 0;
    printf("%5s  %12s%s", "epoch", "loss", classes ? "  accuracy" : "");
    if (s->other) printf("  %9s loss%s", s->other_name, classes ? "  accuracy" : "");
    printf("\n");
    for (int64_t i = 0; i <= s->done; i++) {
        printf("%5" PRId64 "  %12.6g", i, s->loss[i]);
        if (classes) printf("  %8.4f", s->accuracy[i]);
        if (s->other) printf("  %14.6g", s->other_loss[i]);
        if (s->other && classes) printf("  %8.4f", s->other_accuracy[i]);
        printf("\n");
    }
    printf("\nAfter %s steps ", tw_show_count(s->steps, count));
    printf("(%s): loss %.6g", tw_show_seconds(s->seconds, time), s->last.loss);
    if (classes) printf(", accuracy %.4f", s->last.accuracy);
    printf(" on all %s samples\n", tw_show_count(s->data->m, count));
    if (strcmp(s->opts.augment, "none") != 0)
        printf("Augmentation %s: in the steps and in the mean over an epoch alone; what is measured at an epoch's end "
               "sees the samples as they are\n",
               s->opts.augment);
    if (tw_args_str(s->args, "save") && !s->diverged) printf("Weights: %s\n", tw_args_str(s->args, "save"));
}

static tw_status show_json(const run_state *s)
{
    tw_status st = TW_OK;
    json_t *result = json_object(), *curve = json_object();
    json_object_set_new(result, "parameters", json_integer(tw_net_params(s->net)));
    json_object_set_new(result, "samples", json_integer(s->data->m));
    json_object_set_new(result, "steps", json_integer(s->steps));
    json_object_set_new(result, "diverged", json_boolean(s->diverged));
    json_object_set_new(result, "loss", tw_json_real(s->last.loss));
    json_object_set_new(result, "accuracy", tw_json_real(s->last.accuracy));
    json_object_set_new(curve, "epoch", tw_json_reals(s->done + 1, s->epoch));
    json_object_set_new(curve, "loss", tw_json_reals(s->done + 1, s->loss));
    json_object_set_new(curve, "accuracy", tw_json_reals(s->done + 1, s->accuracy));
    if (s->other) {
        char name[32];
        snprintf(name, sizeof name, "%s_loss", s->other_name);
        json_object_set_new(curve, name, tw_json_reals(s->done + 1, s->other_loss));
        snprintf(name, sizeof name, "%s_accuracy", s->other_name);
        json_object_set_new(curve, name, tw_json_reals(s->done + 1, s->other_accuracy));
    }
    json_object_set_new(result, "augment", json_string(s->opts.augment));
    json_object_set_new(result, "curve", curve);
    json_object_set_new(result, "seconds", tw_json_real(s->seconds));
    TW_TRY(tw_open_origin(s->args, s->net, s->data, result));
    TW_TRY(tw_show_json(json_incref(result)));
done:
    json_decref(result);
    return st;
}

static tw_status needs(const tw_args *args, const char *flag)
{
    if (tw_args_flag(args, flag)) return TW_OK;
    return tw_fail(TW_EINVAL, "--%s is missing: expected it, or a recipe", flag);
}

static tw_status run(const tw_args *args)
{
    if (tw_train_is_recorded(args)) return tw_train_recorded(args);
    tw_status st = TW_OK;
    run_state s = {.args = args};
    const char *save = tw_args_str(args, "save");

    TW_TRY(needs(args, "data"));
    TW_TRY(needs(args, "model"));
    TW_TRY(open_all(&s));
    s.begin = tw_show_clock();
    TW_TRY(train(&s));
    s.seconds = tw_show_clock() - s.begin;
    tw_show_progress_end();
    if (save && !s.diverged) TW_TRY(tw_net_save(s.net, save));
    TW_TRY(draw(&s));
    if (tw_args_flag(args, "json"))
        TW_TRY(show_json(&s));
    else
        show_text(&s);
    if (s.unusable >= 0)
        tw_show_shortfall("training: sample %" PRId64
                          " (0 is the first) has a number that is not finite, and so the loss "
                          "after step %" PRId64 "%s",
                          s.unusable, s.steps, save ? "; no weights were saved" : "");
    else if (s.diverged)
        tw_show_shortfall("training diverged: the loss was not finite after step %" PRId64 "; a smaller --lr than %g "
                          "may help%s",
                          s.steps, s.opts.lr, save ? "; no weights were saved" : "");
done:
    free(s.other_accuracy);
    free(s.other_loss);
    free(s.accuracy);
    free(s.loss);
    free(s.epoch);
    tw_net_free(s.net);
    tw_data_free(s.other);
    tw_data_free(s.data);
    return st;
}

static const tw_flag flags[] = {
    {"optim", "RULE", "sgd", "step rule: sgd:momentum=0.9, adam, sam:rho=0.1, ... (docs/training.md lists them)"},
    {"lr", "REAL", "0.1", "learning rate"},
    {"schedule", "NAME", "constant", "of the learning rate: step, cosine, cyclic, plateau; cosine:length=90,warmup=5"},
    {"sampling", "NAME", "shuffle", "of batches: shuffle, replacement, independent, ordered, full"},
    {"augment", "NAME", "none", "move images in training: flip, shift:4 (pixels, zeros outside), flip,shift:4"},
    {"clip-norm", "REAL", "0", "shorten a longer gradient to it; 0: not"},
    {"clip-value", "REAL", "0", "cut each entry of the gradient at it; 0: not"},
    {"patience", "N", "0", "stop when N epochs bring no improvement of the validation or training loss; 0: not"},
    {"improvement", "REAL", "0", "by how much it must be lower to count as improved"},
    {"batch", "N", "64", "samples a batch; the last one of an epoch may be smaller"},
    {"epochs", "N", "5", "passes over the samples, each in an order of its own"},
    {"save", "FILE", NULL, "write the last weights to a .safetensors or .npz file", .neutral = true},
    {"run", "FOLDER", NULL, "keep everything in this folder: docs/runs.md; with a recipe runs/ and its name",
     .neutral = true},
    {"resume", "FOLDER", NULL, "go on with the run in this folder, to the bits of one that was never stopped"},
    {"set", "KEY=VALUE,...", NULL, "set keys of the recipe: optim.lr=0.05,stop.epochs=3 (docs/recipe.md)",
     .many = true},
    {"grid", "KEY=V,V,...", NULL, "a run for each value, and with further --grid for each combination", .many = true},
    {"seeds", "N", NULL, "N runs of each, with seeds from --seed on"},
    {"weights", "FILE", NULL, "start from a file or init:SEED; without it drawn by --seed"},
    {0},
};

const tw_command tw_cmd_train = {
    .name = "train",
    .summary = "train a network by SGD, Adam and other step rules",
    .about =
        "Without --optim: w <- w - lr (1/b) sum of the batch's gradients - lr l2 w. The curve's training loss\n"
        "is the mean over the epoch of each batch's loss before its step; test or validation loss is that at the end "
        "of the epoch.\n"
        "Equal seeds give equal bits on any number of threads. A loss that is not finite ends the run: exit code 1.\n"
        "With a recipe or --run, everything is kept in a folder, can be resumed after a kill, and read by runs, "
        "export\n"
        "and report; flags beside a recipe take the place of its keys.",
    .example = "thalweg train --model mlp:784-32-10,act=relu --data fashion-mnist --samples 6000 --lr 0.1 --batch 64 "
               "--epochs 2 --seed 1 --save w.safetensors",
    .flags = flags,
    .words = "[RECIPE.yaml]",
    .uses = TW_USE_DATA | TW_USE_ANY_DATA | TW_USE_NET | TW_USE_ANY_MODEL | TW_USE_FIGURE,
    .run = run,
};
