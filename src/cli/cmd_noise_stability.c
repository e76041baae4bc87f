// SPDX-License-Identifier: MIT
// thalweg noise stability: how large a step can be, and how far batch and step can be scaled together.
//
// Label noise on Gaussian features with eigenvalues a: Sigma depends on the batch only through lambda/S and lambda
// (docs/noise.md, "Linear scaling"), so from a reference (step, batch) the rule lambda -> c lambda, S -> c S changes
// Sigma by an error that grows with c above 1 and below; the factor where it reaches a given size is found by
// bisection. For a network the spectrum is that of its Hessian, known by its largest eigenvalues and its trace, and the
// noise along each is v'Mv; small eigenvalues follow from the bracket of theory/noise_modes.c. Two laws: the noise
// C(w) = (2L(w)/SK) H of Theorem 5, whose L grows by Tr[H Sigma]/2, and that of Gaussian features.
#include "cli/open.h"

#include "base/alloc.h"
#include "thalweg/theory_noise.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// What is known of the Hessian, and what there is to say about it.
typedef struct setting {
    const tw_args *args;
    tw_noise_modes modes;
    double *a, *weight, *noise;
    double mu, top, sharper; // top: largest eigenvalue; sharper: c2 of the law C = (2L/SK) H for a network
    bool network;
    json_t *result;
} setting;

static tw_status room(setting *s, int64_t k)
{
    tw_status st = TW_OK;
    TW_TRY(tw_alloc(3 * k, sizeof *s->a, &s->a));
    s->weight = s->a + k;
    s->noise = s->a + 2 * k;
    for (int64_t i = 0; i < k; i++) s->weight[i] = 1;
    s->modes = (tw_noise_modes){.k = k, .a = s->a, .weight = s->weight, .noise = s->noise};
done:
    return st;
}

static tw_status from_flags(setting *s)
{
    tw_status st = TW_OK;
    int64_t dims = 1;
    double top = 1, bottom = 1;
    TW_TRY(tw_args_int(s->args, "dim", 1, 1000000, &dims));
    TW_TRY(tw_args_real(s->args, "top", 1e-100, 1e100, &top));
    TW_TRY(tw_args_real(s->args, "bottom", 0, 1e100, &bottom));
    TW_TRY(room(s, dims));
    for (int64_t i = 0; i < dims; i++) // evenly spaced in the logarithm
        s->a[i] = s->noise[i] = dims == 1 ? top : top * pow(bottom / top, (double)i / (double)(dims - 1));
    while (s->a[s->modes.k - 1] == 0) s->modes.k--; // --bottom 0: flat directions do not move
    s->top = fmax(top, bottom);
done:
    return st;
}

// The top of the Hessian, v'Mv along it, and what is left of its trace (taken two standard errors high).
static tw_status from_network(setting *s)
{
    tw_status st = TW_OK;
    tw_data *data = NULL;
    tw_net *net = NULL;
    tw_curv *hessian = NULL, *moment = NULL;
    tw_eigs *eigs = NULL;
    tw_estimate trace;
    double *y = NULL, sum = 0;
    tw_curv_opts curv = tw_curv_defaults();
    tw_lanczos_opts lanczos = tw_lanczos_defaults();
    tw_trace_opts probes = tw_trace_defaults();

    lanczos.block = curv.block = 1;
    lanczos.tolerance = 1e-4;
    lanczos.progress = probes.progress = tw_show_progress(s->args);
    TW_TRY(tw_args_int(s->args, "pairs", 1, 10000, &lanczos.top));
    TW_TRY(tw_args_int(s->args, "trace-products", 6, INT64_MAX, &probes.products));
    TW_TRY(tw_args_seed(s->args, "seed", &lanczos.seed));
    probes.seed = lanczos.seed;
    TW_TRY(tw_open_data(s->args, &data));
    TW_TRY(tw_open_net(s->args, data, &net));
    curv.matrix = tw_args_str(s->args, "curvature");
    TW_TRY(tw_curv_new(net, data, &curv, &hessian));
    curv.matrix = "moment";
    TW_TRY(tw_curv_new(net, data, &curv, &moment));
    const tw_linop *H = tw_curv_linop(hessian), *M = tw_curv_linop(moment);
    if (lanczos.top > H->n) lanczos.top = H->n;
    TW_TRY(tw_lanczos(H, &lanczos, &eigs));
    TW_TRY(tw_trace(H, &probes, &trace));
    TW_TRY(room(s, eigs->count));
    TW_TRY(tw_alloc(H->n, sizeof *y, &y));
    s->modes.k = 0;
    for (int64_t i = 0; i < eigs->count && eigs->value[i] > 1e-9 * eigs->scale; i++) {
        const double *v = eigs->vector + i * H->n;
        TW_TRY(M->apply(M->ctx, 1, v, y));
        for (int64_t j = 0; j < H->n; j++) s->noise[i] += v[j] * y[j];
        s->a[i] = eigs->value[i];
        sum += s->a[i];
        s->modes.k++;
    }
    if (s->modes.k == 0) {
        st = tw_fail(TW_EINVAL, "--weights: found no positive eigenvalue of the Hessian, expected a valley");
        goto done;
    }
    s->top = s->a[0];
    s->modes.rest = fmax(0, trace.value + 2 * trace.error - sum);
    const char *loss = tw_args_str(s->args, "loss");
    bool squared = loss ? strstr(loss, "mse") != NULL : data->classes == 0;
    s->sharper = squared ? 1 / (double)(data->classes > 0 ? data->classes : data->targets) : 1;
    json_object_set_new(s->result, "eigenvalues", tw_json_reals(s->modes.k, s->a));
    json_object_set_new(s->result, "eigenvalues_converged", json_integer(eigs->converged_count));
    json_object_set_new(s->result, "noise", tw_json_reals(s->modes.k, s->noise));
    json_object_set_new(s->result, "trace", tw_json_real(trace.value));
    json_object_set_new(s->result, "trace_stderr", tw_json_real(trace.error));
    json_object_set_new(s->result, "loss", tw_json_real(tw_curv_loss(hessian)->loss));
    json_object_set_new(s->result, "gradient_norm", tw_json_real(tw_curv_loss(hessian)->gradient_norm));
    tw_show_progress_end();
    if (!tw_args_flag(s->args, "json"))
        printf("%s on %s: loss %.6g; largest eigenvalue %.6g +- %.1e, trace %.6g +- %.2g of which %.6g in %" PRId64
               " eigenvalues\n\n",
               tw_args_str(s->args, "model"), data->name, tw_curv_loss(hessian)->loss, s->top, eigs->residual[0],
               trace.value, trace.error, sum, s->modes.k);
    if (eigs->converged_count < eigs->count)
        tw_show_shortfall("%" PRId64 " of %" PRId64 " eigenpairs did not converge", eigs->count - eigs->converged_count,
                          eigs->count);
done:
    free(y);
    tw_eigs_free(eigs);
    tw_curv_free(moment);
    tw_curv_free(hessian);
    tw_net_free(net);
    tw_data_free(data);
    return st;
}

static tw_status show_steps(setting *s)
{
    tw_status st = TW_OK;
    int64_t largest = 4096;
    bool json = tw_args_flag(s->args, "json");
    json_t *table = json_array();
    TW_TRY(tw_args_int(s->args, "max-batch", 1, INT32_MAX, &largest));
    if (!json && s->network) printf("%10s  %31s  %31s\n", "batch", "largest step, C = 2L/(SK) H", "Gaussian features");
    if (!json && !s->network) printf("%10s  %14s  %14s\n", "batch", "largest step", "step / batch");
    for (int64_t batch = 1; batch <= largest; batch *= 2) {
        double S = (double)batch, least, most, low, high;
        TW_TRY(tw_noise_modes_step_max(&s->modes, S, s->mu, 2, 1, &least, &most));
        json_t *row = json_pack("{s:I, s:f}", "batch", (json_int_t)batch, "lambda_max", least);
        if (s->network) {
            TW_TRY(tw_noise_modes_step_max(&s->modes, S, s->mu, 1, s->sharper, &low, &high));
            json_object_set_new(row, "lambda_max_high", tw_json_real(most));
            json_object_set_new(row, "hessian_law_low", tw_json_real(low));
            json_object_set_new(row, "hessian_law_high", tw_json_real(high));
            if (!json) printf("%10" PRId64 "  %13.6g to %13.6g   %13.6g to %13.6g\n", batch, low, high, least, most);
        } else if (!json) {
            printf("%10" PRId64 "  %14.6g  %14.6g\n", batch, least, least / S);
        }
        json_array_append_new(table, row);
    }
    json_object_set(s->result, "largest_step", table);
    json_object_set_new(s->result, "gradient_descent_limit", tw_json_real(2 * (1 + s->mu) / s->top));
    if (!json) printf("%10s  %*.6g\n", "full", s->network ? 13 : 14, 2 * (1 + s->mu) / s->top);
done:
    json_decref(table);
    return st;
}

static tw_status show_scaling(setting *s)
{
    tw_status st = TW_OK;
    int64_t S = 1;
    double lambda = 0, limit = 10, up, down;
    bool ok, json = tw_args_flag(s->args, "json");
    TW_TRY(tw_args_int(s->args, "batch", 1, INT32_MAX, &S));
    TW_TRY(tw_args_real(s->args, "percent", 1e-9, 1e6, &limit));
    if (!tw_args_flag(s->args, "lr")) goto done;
    TW_TRY(tw_args_real(s->args, "lr", 1e-100, 1e100, &lambda));
    double c1 = s->network ? 1 : 2, c2 = s->network ? s->sharper : 1, size = (double)S;
    TW_TRY(tw_noise_modes_break(&s->modes, lambda, size, s->mu, c1, c2, limit / 100, true, &ok, &up));
    TW_TRY(tw_noise_modes_break(&s->modes, lambda, size, s->mu, c1, c2, limit / 100, false, &ok, &down));
    json_object_set_new(s->result, "reference_stable", json_boolean(ok));
    json_object_set_new(s->result, "scale_up", ok && up > 0 ? json_real(up) : json_null());
    json_object_set_new(s->result, "scale_down", ok && down > 0 ? json_real(down) : json_null());
    if (!json && !ok) printf("\nThe reference, step %g at batch %" PRId64 ", is itself unstable.\n", lambda, S);
    if (!json && ok) {
        printf("\nBatch and step scaled together from batch %" PRId64 ", step %g, change the covariance by %g %%\n", S,
               lambda, limit);
        if (up > 0)
            printf("  above batch %.6g, step %.6g\n", size * up, lambda * up);
        else
            printf("  at no larger batch\n");
        if (down > 0)
            printf("  below batch %.6g, step %.6g\n", size * down, lambda * down);
        else
            printf("  at no smaller batch\n");
    }
    if (!ok) tw_show_shortfall("the reference step is unstable");
done:
    return st;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    setting s = {.args = args, .network = tw_args_str(args, "model") != NULL, .result = json_object()};

    TW_TRY(tw_args_real(args, "momentum", 0, 1 - 1e-12, &s.mu));
    if (s.network != (tw_open_data_spec(args) != NULL) || s.network != (tw_args_str(args, "weights") != NULL)) {
        st = tw_fail(TW_EINVAL, "--model, --data, --weights: found some of them, expected all three or none");
        goto done;
    }
    TW_TRY(s.network ? from_network(&s) : from_flags(&s));
    TW_TRY(show_steps(&s));
    TW_TRY(show_scaling(&s));
    TW_TRY(tw_show_provenance(args, s.result));
    if (tw_args_flag(args, "json")) TW_TRY(tw_show_json(json_incref(s.result)));
done:
    json_decref(s.result);
    free(s.a);
    return st;
}

static const tw_flag flags[] = {
    {.name = "dim", .value = "D", .fallback = "1", .text = "number of parameters"},
    {.name = "top", .value = "X", .fallback = "1", .text = "largest eigenvalue of the Hessian"},
    {.name = "bottom",
     .value = "X",
     .fallback = "1",
     .text = "smallest; those between are evenly spaced in the logarithm"},
    {.name = "momentum", .value = "MU", .fallback = "0", .text = "momentum, not divided into the step"},
    {.name = "max-batch", .value = "S", .fallback = "4096", .text = "last row of the table"},
    {.name = "lr", .value = "X", .text = "reference step: how far can it be scaled with the batch?"},
    {.name = "batch", .value = "S", .fallback = "32", .text = "reference batch"},
    {.name = "percent", .value = "P", .fallback = "10", .text = "change of the covariance that breaks the rule"},
    {.name = "weights", .value = "FILE", .text = "of a network (with --model, --data): a file or init:SEED"},
    {.name = "curvature",
     .value = "NAME",
     .fallback = "hessian",
     .text = "network: the matrix whose spectrum counts",
     .choices = "hessian|ggn"},
    {.name = "pairs", .value = "N", .fallback = "10", .text = "network: leading eigenvalues found one by one"},
    {.name = "trace-products", .value = "N", .fallback = "96", .text = "network: products spent on the trace"},
    {0},
};

const tw_command tw_cmd_noise_stability = {
    .name = "noise stability",
    .summary = "the largest stable step, and how far batch and step scale together",
    .about = "For linear regression on Gaussian features with label noise: the step above which the second moments\n"
             "of SGD grow without bound, by batch size; and, from a reference step and batch, the factor at which\n"
             "scaling both changes the stationary covariance by a given percentage. Exact (docs/noise.md).\n"
             "With --model, --data and --weights the same through the spectrum of a network's Hessian and its second\n"
             "moment M of gradients: steps in a bracket, as the small eigenvalues are known by their sum only.",
    .example = "thalweg noise stability --dim 10 --bottom 0.1 --momentum 0.9 --lr 0.01 --batch 32",
    .uses = TW_USE_DATA | TW_USE_NET | TW_USE_ANY_MODEL | TW_USE_ANY_DATA,
    .flags = flags,
    .run = run,
};
