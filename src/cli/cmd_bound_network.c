// SPDX-License-Identifier: MIT
// thalweg bound network: the PAC-Bayes bound of a network, from its Hessian's diagonal to the statement.
#include "cli/bound.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "report/figure.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct rescaled {
    double most;   // factors lie in [1/most, most]; 0: not asked for
    double *t;     // [n]
    double change; // of the function
    tw_network_bound *covariant, *fixed;
} rescaled;

typedef struct job {
    const tw_args *args;
    tw_network_bound_opts opts;
    tw_trainer_opts trainer;
    int64_t epochs;
    double until, random;
    tw_data *data, *test;
    tw_net *net;
    double *theta0, *theta, *shape; // [n]
    bool trained;
    tw_until until_found;
    tw_network_bound *bound;
    rescaled r;
} job;

// --- the work ---

// The prior's mean is the start; the posterior's is --weights, or what training makes of the start.
static tw_status open(job *j)
{
    tw_status st = TW_OK;
    tw_data_opts data;
    const char *weights = tw_args_str(j->args, "weights"), *prior = tw_args_str(j->args, "prior");
    tw_net *given = NULL;

    TW_TRY(tw_open_data_opts(j->args, &data));
    j->random = data.random_labels;
    TW_TRY(tw_data_open(tw_open_data_spec(j->args), &data, &j->data));
    TW_TRY(tw_bound_open_test(j->args, &data, &j->test));
    if (weights && !prior) {
        st = tw_fail(TW_EINVAL, "--prior is missing: expected what training began with (a file or init:SEED), beside "
                                "--weights");
        goto done;
    }
    TW_TRY(tw_open_net_from(j->args, j->data, "prior", prior, j->opts.seed, &j->net));
    int64_t n = tw_net_params(j->net);
    TW_TRY(tw_alloc(n, sizeof(double), &j->theta0));
    TW_TRY(tw_alloc(n, sizeof(double), &j->theta));
    tw_net_get_weights(j->net, j->theta0);
    j->trained = !weights;
    if (j->trained)
        TW_TRY(tw_train_until(j->net, j->data, &j->trainer, j->epochs, j->until, j->opts.progress, &j->until_found));
    if (weights) {
        TW_TRY(tw_open_net_from(j->args, j->data, "weights", weights, j->opts.seed, &given));
        tw_net_get_weights(given, j->theta);
        TW_TRY(tw_net_set_weights(j->net, j->theta));
    }
    tw_net_get_weights(j->net, j->theta);
    TW_TRY(tw_bound_shape(j->args, j->net, j->theta0, &j->shape));
done:
    tw_net_free(given);
    return st;
}

// Factors exp(u ln most), u uniform on [-1, 1], the last one what makes their product 1.
static tw_status draw_factors(job *j)
{
    tw_status st = TW_OK;
    int64_t layers = tw_rescaling_layers(j->net);
    double *alpha = NULL, rest = 0;
    tw_rng rng = tw_rng_at(j->opts.seed, TW_RNG_SIM, UINT32_MAX); // no draw has this number
    TW_TRY(tw_alloc(layers, sizeof *alpha, &alpha));
    for (int64_t l = 0; l < layers; l++) {
        double u = l + 1 < layers ? log(j->r.most) * (2 * tw_rng_uniform(&rng) - 1) : -rest;
        rest += u;
        alpha[l] = exp(u);
    }
    TW_TRY(tw_alloc(tw_net_params(j->net), sizeof(double), &j->r.t));
    TW_TRY(tw_rescaling(j->net, layers, alpha, j->r.t));
    TW_TRY(tw_rescaling_change(j->net, j->data, j->r.t, &j->r.change));
    if (!(j->r.change < (j->data->real == 8 ? 1e-9 : 1e-3)))
        st = tw_fail(TW_EINVAL,
                     "--rescale: %s: a sample's loss changed by %.2g, expected a chain of layers with relu between "
                     "them, which stays the same function",
                     tw_args_str(j->args, "model"), j->r.change);
done:
    free(alpha);
    return st;
}

// Weights, prior mean, and then also the prior's shape are rescaled; everything is measured again.
static tw_status rescale(job *j)
{
    tw_status st = TW_OK;
    int64_t n = tw_net_params(j->net);
    double *w = NULL, *w0 = NULL, *shape = NULL;
    if (j->r.most == 0) return TW_OK;
    TW_TRY(draw_factors(j));
    TW_TRY(tw_alloc(n, sizeof *w, &w));
    TW_TRY(tw_alloc(n, sizeof *w0, &w0));
    TW_TRY(tw_alloc(n, sizeof *shape, &shape));
    for (int64_t i = 0; i < n; i++) {
        w[i] = j->r.t[i] * j->theta[i];
        w0[i] = j->r.t[i] * j->theta0[i];
        shape[i] = j->r.t[i] * j->r.t[i] * j->shape[i];
    }
    TW_TRY(tw_net_set_weights(j->net, w));
    TW_TRY(tw_network_bound_new(j->net, j->data, NULL, w0, shape, &j->opts, &j->r.covariant));
    TW_TRY(tw_network_bound_new(j->net, j->data, NULL, w0, j->shape, &j->opts, &j->r.fixed));
done:
    free(w);
    free(w0);
    free(shape);
    return st;
}

// --- for people ---

static void show_error(const char *name, double x, int64_t m)
{
    tw_kl_range range;
    if (!isfinite(x) || tw_kl_inverse(x, log(2 / 0.05) / (double)m, &range) != TW_OK) return;
    printf(", %s %.4f [%.4f, %.4f]", name, x, range.lower, range.upper);
}

static void show_head(const job *j)
{
    char count[32];
    const tw_network_bound *b = j->bound;
    printf("PAC-Bayes bound of %s on %s\n", tw_args_str(j->args, "model"), j->data->name);
    printf("%s parameters, ", tw_show_count(b->n, count));
    printf("%s samples", tw_show_count(b->samples, count));
    if (j->random > 0) printf(", %g of the labels random", j->random);
    if (j->trained)
        printf("; %" PRId64 " epochs, %s", j->until_found.epochs,
               j->until_found.reached ? "loss reached" : "LOSS NOT REACHED");
    printf("\nAt the weights: loss %.6g, training error %.4f", b->loss, b->error);
    show_error("test error", b->test_error, b->test_samples);
    if (j->random > 0 && isfinite(b->test_error))
        printf(", %.4f on labels as trained on", tw_bound_population_error(b->test_error, j->random, b->classes));
    if (b->swept)
        printf("\nHessian diagonal: exact (one sweep)");
    else
        printf("\nHessian diagonal: %s (%" PRId64 " products)", b->exact ? "exact" : "probed", b->products);
    printf("; sum %.5g", b->trace);
    if (!b->exact) printf(" +- at most %.2g", b->trace_error);
    printf(", largest %.5g", b->largest);
    if (!b->exact) printf(" +- %.2g", b->largest_error);
    printf(", smallest %.3g; %" PRId64 " below zero\n", b->smallest, b->negative);
}

static void show_rows(const job *j)
{
    const tw_network_bound *b = j->bound;
    printf("\n%8s  %9s  %3s  %6s  %9s  %9s  %9s  %17s  %7s  %17s  %10s  %s\n", "beta", "sigma^2", "i", "active", "EC",
           "norm", "KL", "Gibbs error", "at most", "error in", "paper form", "test Gibbs");
    for (int i = 0; i < TW_NETWORK_POSTERIORS; i++) {
        const tw_posterior_bound *r = &b->row[i];
        char gibbs[40], range[48], test[40] = "-";
        snprintf(gibbs, sizeof gibbs, "%.4f +- %.4f", r->gibbs, r->gibbs_error);
        snprintf(range, sizeof range, "[%.4f, %.4f]", r->low, r->high);
        if (isfinite(r->test_gibbs)) snprintf(test, sizeof test, "%.4f +- %.4f", r->test_gibbs, r->test_error);
        printf("%8g  %9.4g  %3" PRId64 "  %6" PRId64 "  %9.4g  %9.4g  %9.4g  %17s  %7.4f  %17s  %10.4f  %s%s\n",
               r->beta, r->variance, r->scale, r->active, r->effective_curvature, r->weighted_norm, r->kl_exact, gibbs,
               r->gibbs_high, range, r->paper, test, r->vacuous ? "  VACUOUS" : "");
        if (!b->exact && r->beta > 0)
            printf("%30s  EC in [%.4g, %.4g] at 2 standard errors of every entry\n", "", r->curvature_low,
                   r->curvature_high);
        if (r->overflowed > 0) printf("%30s  %" PRId64 " draws overflowed and count as wrong\n", "", r->overflowed);
    }
}

static void show_statement(const job *j)
{
    const tw_network_bound *b = j->bound;
    const tw_posterior_bound *r = &b->row[b->best];
    printf("\nWith probability at least %g (%g for the sample, %g for the draws) all rows hold: weights drawn from\n"
           "N(theta, diag 1/nu), nu = max(beta H_jj, 1/(sigma^2 s_j)), err on new samples%s in that range.\n",
           b->confidence, j->opts.delta, j->opts.delta_mc, j->random > 0 ? " with labels as random as these" : "");
    if (r->vacuous)
        printf("The bound is VACUOUS: its least value, %.6f, is no lower than the error of guessing, %.4g.\n", r->high,
               1 - 1 / (double)b->classes);
    else
        printf("Least: error at most %.4f, by beta %g; guessing errs %.4g.\n", r->high, r->beta,
               1 - 1 / (double)b->classes);
    if (b->samples < 8) printf("Fewer than 8 samples: the constant is ln((n + 1)/delta).\n");
}

static double difference(const job *j)
{
    double most = 0;
    for (int i = 0; i < TW_NETWORK_POSTERIORS; i++)
        most = fmax(most, fabs(j->r.covariant->row[i].high - j->bound->row[i].high));
    return most;
}

static void show_rescaled(const job *j)
{
    if (!j->r.covariant) return;
    int k = j->bound->best;
    const tw_network_bound *all[] = {j->bound, j->r.covariant, j->r.fixed};
    static const char *const name[] = {"as trained", "rescaled, prior too", "rescaled, prior not"};
    double least = INFINITY, most = 0;
    for (int64_t i = 0; i < j->bound->n; i++) {
        least = fmin(least, j->r.t[i]);
        most = fmax(most, j->r.t[i]);
    }
    printf("\nRescaled by factors %.3g to %.3g; a sample's loss changed by %.1e at most. Row beta = %g:\n", least, most,
           j->r.change, j->bound->row[k].beta);
    printf("%-20s  %12s  %12s  %12s  %12s  %12s  %12s\n", "", "sum H_jj", "EC", "norm", "KL", "Gibbs error", "bound");
    for (int i = 0; i < 3; i++) {
        const tw_posterior_bound *r = &all[i]->row[k];
        printf("%-20s  %12.6g  %12.6g  %12.6g  %12.6g  %12.6g  %12.8f\n", name[i], all[i]->trace,
               r->effective_curvature, r->weighted_norm, r->kl_exact, r->gibbs, r->high);
    }
    printf("Bounds differ by at most %.1e when the prior is rescaled along (theta0 by T, variances by T^2), and not "
           "when it is not.\n",
           difference(j));
}

// --- for programs ---

static json_t *rescaled_json(const job *j)
{
    json_t *o = json_object();
    json_object_set_new(o, "loss_change", tw_json_real(j->r.change));
    json_object_set_new(o, "largest_difference", tw_json_real(difference(j)));
    json_object_set_new(o, "factors", tw_json_reals(j->bound->n, j->r.t));
    json_object_set_new(o, "covariant_prior", tw_bound_json(j->r.covariant));
    json_object_set_new(o, "fixed_prior", tw_bound_json(j->r.fixed));
    return o;
}

static tw_status show_json(const job *j)
{
    tw_status st = TW_OK;
    json_t *result = tw_bound_json(j->bound);
    if (j->trained) {
        json_object_set_new(result, "epochs", json_integer(j->until_found.epochs));
        json_object_set_new(result, "loss_reached", json_boolean(j->until_found.reached));
    }
    json_object_set_new(result, "random_labels", tw_json_real(j->random));
    if (isfinite(j->bound->test_error))
        json_object_set_new(
            result, "population_error_estimate",
            tw_json_real(tw_bound_population_error(j->bound->test_error, j->random, j->bound->classes)));
    json_object_set_new(result, "diagonal", tw_json_reals(j->bound->n, j->bound->diagonal));
    json_object_set_new(result, "diagonal_stderr", tw_json_reals(j->bound->n, j->bound->diagonal_error));
    if (j->r.covariant) json_object_set_new(result, "rescaled", rescaled_json(j));
    TW_TRY(tw_open_origin(j->args, j->net, j->data, result));
    TW_TRY(tw_show_json(json_incref(result)));
done:
    json_decref(result);
    return st;
}

// Two panels over the scale: bounds at the pilot's errors, and the two terms at beta = 1.
static tw_status draw(const job *j)
{
    tw_status st = TW_OK;
    enum { ROWS = TW_NETWORK_POSTERIORS, CURVES = ROWS + 2 };
    static const char *const panel[] = {"bound at the pilot's error", "term, log10"};
    const tw_network_bound *b = j->bound;
    const char *path = tw_args_str(j->args, "figure");
    char title[200], name[ROWS][32];
    double *room = NULL;
    tw_figure_curve curve[CURVES];
    if (!path) return TW_OK;
    TW_TRY(tw_alloc(b->scales * (CURVES + 1), sizeof *room, &room));
    for (int64_t i = 0; i < b->scales; i++) {
        int64_t from = b->scales - 1 - i; // rising
        room[i] = log10(b->variance[from]);
        for (int k = 0; k < ROWS; k++) room[(k + 1) * b->scales + i] = b->pilot_bound[from * ROWS + k];
        room[(ROWS + 1) * b->scales + i] = b->curvature[from] > 0 ? log10(b->curvature[from]) : NAN;
        room[(ROWS + 2) * b->scales + i] = b->norm[from] > 0 ? log10(b->norm[from]) : NAN;
    }
    for (int k = 0; k < ROWS; k++) {
        snprintf(name[k], sizeof name[k], "beta %g", b->row[k].beta);
        curve[k] = (tw_figure_curve){name[k], 0, room + (k + 1) * b->scales};
    }
    curve[ROWS] = (tw_figure_curve){"EC", 1, room + (ROWS + 1) * b->scales};
    curve[ROWS + 1] = (tw_figure_curve){"norm", 1, room + (ROWS + 2) * b->scales};
    snprintf(title, sizeof title, "PAC-Bayes bound of %.90s on %.60s", tw_args_str(j->args, "model"), j->data->name);
    tw_figure_curves figure = {.title = title,
                               .subtitle = "By the prior's variance; scales that cannot be the best are left out",
                               .axis = "log10 of sigma^2",
                               .panels = 2,
                               .panel = panel,
                               .points = b->scales,
                               .x = room,
                               .count = CURVES,
                               .curve = curve};
    TW_TRY(tw_figure_draw_curves(&figure, path, tw_args_str(j->args, "csv")));
done:
    free(room);
    return st;
}

static void judge(const job *j)
{
    if (j->trained && !j->until_found.reached)
        tw_show_shortfall("the training loss is %g after %" PRId64 " epochs, above --until-loss %g",
                          j->until_found.loss, j->until_found.epochs, j->until);
    if (j->r.covariant && !(difference(j) <= 1e-6))
        tw_show_shortfall("bounds before and after rescaling differ by %g, more than 1e-6: --dtype f64 may help",
                          difference(j));
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    job j = {.args = args};

    TW_TRY(tw_open_check_figure(args));
    TW_TRY(tw_bound_read_opts(args, &j.opts));
    TW_TRY(tw_bound_read_training(args, &j.trainer, &j.epochs, &j.until));
    if (tw_args_str(args, "rescale")) TW_TRY(tw_args_real(args, "rescale", 1, 1e6, &j.r.most));
    TW_TRY(open(&j));
    if (j.until_found.diverged) {
        tw_show_shortfall("training diverged after %" PRId64 " steps: there is no bound; a smaller --lr may help",
                          j.until_found.steps);
        goto done;
    }
    TW_TRY(tw_network_bound_new(j.net, j.data, j.test, j.theta0, j.shape, &j.opts, &j.bound));
    TW_TRY(rescale(&j));
    TW_TRY(draw(&j));
    tw_show_progress_end();
    if (tw_args_flag(args, "json")) {
        TW_TRY(show_json(&j));
    } else {
        show_head(&j);
        show_rows(&j);
        show_statement(&j);
        show_rescaled(&j);
    }
    judge(&j);
done:
    tw_network_bound_free(j.r.fixed);
    tw_network_bound_free(j.r.covariant);
    free(j.r.t);
    tw_network_bound_free(j.bound);
    free(j.shape);
    free(j.theta);
    free(j.theta0);
    tw_net_free(j.net);
    tw_data_free(j.test);
    tw_data_free(j.data);
    return st;
}

static const tw_flag flags[] = {
    {"weights", "FILE", NULL, "the posterior's mean: a file or init:SEED; without it the prior's mean is trained"},
    {"prior", "FILE", NULL,
     "the prior's mean, a file or init:SEED, chosen without these samples; without it by --seed"},
    {"rescale", "X", NULL, "rescale layers by factors up to X, and compare: networks with relu"},
    {0},
};

const tw_command tw_cmd_bound_network = {
    .name = "bound network",
    .summary = "the anisotropic PAC-Bayes bound of a network, curvature to statement",
    .about = "Trains from the prior's mean, measures the Hessian's diagonal, chooses the prior's variance among\n"
             "those paid for, measures the Gibbs error of four posteriors by drawing weights, and states what follows\n"
             "for new samples, beside the test error (docs/bound.md). A bound no better than guessing is said to be\n"
             "vacuous. The l2 term counts for the Hessian, not for the error.",
    .example =
        "thalweg bound network --model mlp:50-16-10,act=relu --data gauss:n=100,test=500 --dtype f64 --draws 200 "
        "--rescale 100",
    .uses = TW_USE_DATA | TW_USE_NET | TW_USE_BOUND | TW_USE_FIGURE,
    .flags = flags,
    .run = run,
};
