// SPDX-License-Identifier: MIT
// thalweg bound compare: bounds over fractions of random labels and numbers of samples, at one training loss.
#include "cli/bound.h"

#include "base/alloc.h"
#include "report/figure.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { MOST = 64 };

typedef struct row {
    double fraction;
    int64_t samples; // asked for; 0: all
    uint64_t seed;
    tw_until training;
    double population;                // estimate of the error on labels as trained on; NAN
    double unit_norm, unit_curvature; // of the paper's posterior at the scale nearest to 1
    tw_network_bound *bound;          // NULL: training diverged
} row;

typedef struct job {
    const tw_args *args;
    tw_network_bound_opts opts;
    tw_trainer_opts trainer;
    int64_t epochs;
    double until;
    int fractions, sizes;
    double fraction[MOST], size[MOST];
    int64_t seeds, count;
    row *row; // [sizes][fractions][seeds]
} job;

// "0,0.5,1": numbers from least to most.
static tw_status read_list(const tw_args *args, const char *name, double least, double most, int *count, double *out)
{
    const char *text = tw_args_str(args, name), *at = text;
    *count = 0;
    while (at) {
        char *end;
        errno = 0;
        double x = strtod(at, &end);
        if (end == at || (*end && *end != ',') || errno || !(x >= least && x <= most) || *count == MOST)
            return tw_fail(TW_EINVAL, "--%s: found \"%s\", expected at most %d numbers from %g to %g with commas", name,
                           text, MOST, least, most);
        out[(*count)++] = x;
        at = *end ? end + 1 : NULL;
    }
    return TW_OK;
}

static tw_status read_sizes(job *j)
{
    tw_status st = TW_OK;
    j->sizes = 1;
    j->size[0] = 0;
    if (tw_args_str(j->args, "sizes")) TW_TRY(read_list(j->args, "sizes", 1, 1e12, &j->sizes, j->size));
    for (int i = 0; i < j->sizes; i++)
        if (j->size[i] != floor(j->size[i])) {
            st = tw_fail(TW_EINVAL, "--sizes: found %g, expected whole numbers", j->size[i]);
            goto done;
        }
    if (tw_args_flag(j->args, "random-labels")) {
        st = tw_fail(TW_EINVAL, "--random-labels: found beside --fractions, expected --fractions alone");
        goto done;
    }
    if (tw_args_str(j->args, "sizes") && tw_args_flag(j->args, "samples"))
        st = tw_fail(TW_EINVAL, "--samples: found beside --sizes, expected one of the two");
done:
    return st;
}

static void unit_terms(row *r)
{
    int64_t nearest = 0;
    for (int64_t i = 1; i < r->bound->scales; i++)
        if (fabs(log(r->bound->variance[i])) < fabs(log(r->bound->variance[nearest]))) nearest = i;
    r->unit_norm = r->bound->norm[nearest] * r->bound->variance[nearest]; // the norm goes as 1/sigma^2
    r->unit_curvature = r->bound->curvature[nearest];
}

static tw_status measure(job *j, row *r)
{
    tw_status st = TW_OK;
    tw_data_opts opts;
    tw_data *data = NULL, *test = NULL;
    tw_net *net = NULL;
    double *theta0 = NULL, *shape = NULL;

    TW_TRY(tw_open_data_opts(j->args, &opts));
    opts.random_labels = r->fraction;
    if (r->samples > 0) opts.samples = r->samples;
    opts.seed = j->trainer.seed = j->opts.seed = r->seed;
    TW_TRY(tw_data_open(tw_open_data_spec(j->args), &opts, &data));
    TW_TRY(tw_bound_open_test(j->args, &opts, &test));
    TW_TRY(tw_open_net_from(j->args, data, "seed", NULL, r->seed, &net));
    r->samples = data->m;
    TW_TRY(tw_alloc(tw_net_params(net), sizeof *theta0, &theta0));
    tw_net_get_weights(net, theta0);
    TW_TRY(tw_bound_shape(j->args, net, theta0, &shape));
    TW_TRY(tw_train_until(net, data, &j->trainer, j->epochs, j->until, j->opts.progress, &r->training));
    if (!r->training.diverged) {
        TW_TRY(tw_network_bound_new(net, data, test, theta0, shape, &j->opts, &r->bound));
        r->population = tw_bound_population_error(r->bound->test_error, r->fraction, data->classes);
        unit_terms(r);
    }
done:
    free(shape);
    free(theta0);
    tw_net_free(net);
    tw_data_free(test);
    tw_data_free(data);
    return st;
}

// --- for people ---

static void show_row(const row *r)
{
    char epochs[32], gibbs[40], range[48], kind[64] = "";
    snprintf(epochs, sizeof epochs, "%" PRId64 "%s", r->training.epochs, r->training.reached ? "" : "*");
    printf("%6" PRId64 "  %8g  %4" PRIu64 "  %6s  %9.4g", r->samples, r->fraction, r->seed, epochs, r->training.loss);
    if (!r->bound) {
        printf("  DIVERGED: no bound\n");
        return;
    }
    const tw_posterior_bound *p = &r->bound->row[r->bound->best];
    snprintf(gibbs, sizeof gibbs, "%.3f +- %.3f", p->gibbs, p->gibbs_error);
    snprintf(range, sizeof range, "[%.4f, %.4f]", p->low, p->high);
    if (isfinite(p->test_gibbs)) snprintf(kind, sizeof kind, "%.3f", p->test_gibbs);
    printf("  %7.4f  %7.4f  %9.4f  %8.3g%s  %8.4g  %8.4g  %6g  %8.3g  %8.4g  %15s  %17s  %6s  %s\n", r->bound->error,
           r->bound->test_error, r->population, r->bound->trace, r->bound->exact ? "" : "~", r->unit_norm,
           r->unit_curvature, p->beta, p->variance, p->kl_exact, gibbs, range, kind, p->vacuous ? "vacuous" : "");
}

static void show(const job *j)
{
    int64_t vacuous = 0, early = 0;
    tw_show_progress_end();
    printf("PAC-Bayes bounds of %s on %s, trained to a loss of %g\n", tw_args_str(j->args, "model"),
           tw_open_data_spec(j->args), j->until);
    printf("%6s  %8s  %4s  %6s  %9s  %7s  %7s  %9s  %8s  %8s  %8s  %6s  %8s  %8s  %15s  %17s  %6s\n", "n", "random",
           "seed", "epochs", "loss", "error", "test", "test, own", "sum H_jj", "norm, 1", "EC, 1", "beta", "sigma^2",
           "KL", "Gibbs error", "error in", "test");
    for (int64_t i = 0; i < j->count; i++) {
        show_row(&j->row[i]);
        early += !j->row[i].training.reached;
        vacuous += j->row[i].bound && j->row[i].bound->row[j->row[i].bound->best].vacuous;
    }
    printf(
        "\ntest: clean labels; test, own: the same error on labels as random as those trained on, which is what the\n"
        "bound is for; norm, 1 and EC, 1: the two terms at sigma^2 = 1 and at the scale nearest to it; last test: of\n"
        "the weights drawn. Each row holds with probability %g by itself.%s\n",
        1 - j->opts.delta - j->opts.delta_mc, early > 0 ? " *: the loss was not reached." : "");
    printf("%" PRId64 " of %" PRId64 " bounds are vacuous: no lower than the error of guessing.\n", vacuous, j->count);
}

// --- for programs ---

static json_t *row_json(const row *r)
{
    json_t *o = r->bound ? tw_bound_json(r->bound) : json_object();
    json_object_set_new(o, "samples", json_integer(r->samples));
    json_object_set_new(o, "random_labels", tw_json_real(r->fraction));
    json_object_set_new(o, "seed", json_integer((json_int_t)r->seed));
    json_object_set_new(o, "epochs", json_integer(r->training.epochs));
    json_object_set_new(o, "loss", tw_json_real(r->training.loss));
    json_object_set_new(o, "loss_reached", json_boolean(r->training.reached));
    json_object_set_new(o, "diverged", json_boolean(r->training.diverged));
    json_object_set_new(o, "population_error_estimate", tw_json_real(r->population));
    json_object_set_new(o, "norm_at_1", tw_json_real(r->unit_norm));
    json_object_set_new(o, "curvature_near_1", tw_json_real(r->unit_curvature));
    return o;
}

static tw_status show_json(const job *j)
{
    tw_status st = TW_OK;
    json_t *result = json_object(), *rows = json_array();
    for (int64_t i = 0; i < j->count; i++) json_array_append_new(rows, row_json(&j->row[i]));
    json_object_set_new(result, "rows", rows);
    TW_TRY(tw_show_provenance(j->args, result));
    TW_TRY(tw_show_json(json_incref(result)));
done:
    json_decref(result);
    return st;
}

// Mean over the seeds of what a row says; NAN where one is missing.
static double mean(const job *j, int size, int fraction, int what)
{
    double sum = 0;
    for (int64_t s = 0; s < j->seeds; s++) {
        const row *r = &j->row[((int64_t)size * j->fractions + fraction) * j->seeds + s];
        if (!r->bound) return NAN;
        sum += what == 0 ? r->bound->row[r->bound->best].high : what == 1 ? r->population : log10(r->unit_norm);
    }
    return sum / (double)j->seeds;
}

// Bound and error, and the norm term, over the fraction: a pair of curves for each number of samples.
static tw_status draw(const job *j)
{
    tw_status st = TW_OK;
    static const char *const panel[] = {"bound, and error it is for", "norm term at sigma^2 = 1, log10"};
    const char *path = tw_args_str(j->args, "figure");
    char title[200], (*name)[48] = NULL;
    double *room = NULL;
    tw_figure_curve *curve = NULL;
    int count = 0;
    if (!path) return TW_OK;
    TW_TRY(tw_alloc((int64_t)3 * j->sizes * j->fractions, sizeof *room, &room));
    TW_TRY(tw_alloc((int64_t)3 * j->sizes, sizeof *curve, &curve));
    TW_TRY(tw_alloc((int64_t)3 * j->sizes, sizeof *name, &name));
    for (int what = 0; what < 3; what++)
        for (int i = 0; i < j->sizes; i++, count++) {
            static const char *const form[] = {"bound, n = %" PRId64, "error, n = %" PRId64, "n = %" PRId64};
            double *y = room + count * j->fractions;
            const row *first = &j->row[(int64_t)i * j->fractions * j->seeds];
            snprintf(name[count], sizeof name[count], form[what], first->samples);
            for (int k = 0; k < j->fractions; k++) y[k] = mean(j, i, k, what);
            curve[count] = (tw_figure_curve){name[count], what == 2, y};
        }
    snprintf(title, sizeof title, "PAC-Bayes bounds of %.90s on %.60s", tw_args_str(j->args, "model"),
             tw_open_data_spec(j->args));
    tw_figure_curves figure = {.title = title,
                               .subtitle = "Least bound of the best posterior, mean over seeds",
                               .axis = "fraction of random labels",
                               .panels = 2,
                               .panel = panel,
                               .points = j->fractions,
                               .x = j->fraction,
                               .count = count,
                               .curve = curve};
    TW_TRY(tw_figure_draw_curves(&figure, path, tw_args_str(j->args, "csv")));
done:
    free(name);
    free(curve);
    free(room);
    return st;
}

static void judge(const job *j)
{
    int64_t early = 0;
    for (int64_t i = 0; i < j->count; i++) early += !j->row[i].training.reached;
    if (early > 0)
        tw_show_shortfall("%" PRId64 " of %" PRId64 " runs did not reach --until-loss %g: more --epochs may help",
                          early, j->count, j->until);
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    job j = {.args = args};
    uint64_t seed;

    TW_TRY(tw_open_check_figure(args));
    TW_TRY(tw_bound_read_opts(args, &j.opts));
    TW_TRY(tw_bound_read_training(args, &j.trainer, &j.epochs, &j.until));
    TW_TRY(read_list(args, "fractions", 0, 1, &j.fractions, j.fraction));
    TW_TRY(read_sizes(&j));
    TW_TRY(tw_args_int(args, "seeds", 1, 10000, &j.seeds));
    TW_TRY(tw_args_seed(args, "seed", &seed));
    TW_TRY(tw_alloc((int64_t)j.sizes * j.fractions * j.seeds, sizeof *j.row, &j.row));
    for (int i = 0; i < j.sizes; i++)
        for (int k = 0; k < j.fractions; k++)
            for (int64_t s = 0; s < j.seeds; s++) {
                row *r = &j.row[j.count++];
                *r = (row){.fraction = j.fraction[k],
                           .samples = (int64_t)j.size[i],
                           .seed = seed + (uint64_t)s,
                           .population = NAN,
                           .unit_norm = NAN,
                           .unit_curvature = NAN};
                TW_TRY(measure(&j, r));
            }
    TW_TRY(draw(&j));
    if (tw_args_flag(args, "json"))
        TW_TRY(show_json(&j));
    else
        show(&j);
    judge(&j);
done:
    for (int64_t i = 0; i < j.count; i++) tw_network_bound_free(j.row[i].bound);
    free(j.row);
    return st;
}

static const tw_flag flags[] = {
    {"fractions", "P,P,...", "0,0.15,0.5,1", "fractions of random labels"},
    {"sizes", "N,N,...", NULL, "numbers of training samples; without it --samples, or all there are"},
    {"seeds", "N", "1", "runs of each, with seeds from --seed on: labels, start and order of samples"},
    {0},
};

const tw_command tw_cmd_bound_compare = {
    .name = "bound compare",
    .summary = "PAC-Bayes bounds over fractions of random labels and numbers of samples",
    .about = "Trains a network for each fraction, number of samples and seed to one loss, since sharpness can only be\n"
             "compared there, and gives its bound as bound network does, beside the test error: of clean labels, and\n"
             "of labels as random as those trained on, which is what the bound is for. Runs that did not come to the\n"
             "loss are marked, and the exit code is then 1.",
    .example = "thalweg bound compare --model mlp:50-8-10,act=relu --data gauss:n=100,test=300 --fractions 0,1 "
               "--draws 100 --pilot 4 --prior-scales 10 --prior-b 1",
    .uses = TW_USE_DATA | TW_USE_NET | TW_USE_BOUND | TW_USE_FIGURE,
    .flags = flags,
    .run = run,
};
