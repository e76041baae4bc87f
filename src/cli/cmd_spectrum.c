// SPDX-License-Identifier: MIT
// thalweg spectrum: certified eigenvalues, density and trace of a curvature matrix.
#include "cli/spectrum.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include "data/checksum.h"
#include "net/net.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// All that the vectors of a search depend on, but the options of the search itself: the program, the network and its
// weights, the samples, the matrix.
static tw_status name_problem(const tw_args *args, const tw_data *data, const tw_net *net, char **out)
{
    tw_status st = TW_OK;
    static const char *const words[] = {"matrix", "layers", "block", "noise-batch"};
    json_t *about = tw_open_net_json(args, net);
    char *text = NULL, sums[2][24];
    uint64_t weights;

    TW_TRY(tw_checksum(net->w, (size_t)net->n * (size_t)net->kern->real, &weights));
    snprintf(sums[0], sizeof sums[0], "%016" PRIx64, weights);
    snprintf(sums[1], sizeof sums[1], "%016" PRIx64, data->checksum);
    json_object_set_new(about, "weights", json_string(sums[0]));
    json_object_set_new(about, "data", json_string(sums[1]));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (tw_args_str(args, words[i])) json_object_set_new(about, words[i], json_string(tw_args_str(args, words[i])));
    json_object_set_new(about, "without-replacement", json_boolean(tw_args_flag(args, "without-replacement")));
    json_object_set_new(about, "thalweg", json_string(tw_version()));
    json_object_set_new(about, "kernels", json_string(tw_kernels_describe()));
    text = json_dumps(about, JSON_SORT_KEYS);
    TW_TRY(text ? tw_strdup(text, out) : tw_fail(TW_ENOMEM, "problem: no memory for its name"));
done:
    free(text);
    json_decref(about);
    return st;
}

// The plan of the basis, which can be larger than all else: said, and refused when it cannot fit.
static tw_status plan_basis(const tw_args *args, const tw_linop *op, const tw_lanczos_opts *opts)
{
    tw_status st = TW_OK;
    int64_t memory = 0, bytes = tw_lanczos_bytes(op, opts);
    char all[32], allowed[32];
    TW_TRY(tw_args_bytes(args, "memory", &memory));
    if (opts->basis_dir)
        tw_explain(args, "basis", "on disk, in %s: twice %s", opts->basis_dir, tw_show_bytes((double)bytes, all));
    else
        tw_explain(args, "basis", "in memory: %s%s", tw_show_bytes((double)bytes, all),
                   tw_ranks() > 1 ? ", dealt to the ranks" : "");
    if (!opts->basis_dir && memory > 0 && bytes / tw_ranks() > memory)
        st = tw_fail(TW_ENOMEM,
                     "--memory %s: found a Krylov basis of %s%s; --basis-dir DIR keeps it on disk, --basis N makes it "
                     "smaller",
                     tw_show_bytes((double)memory, allowed), tw_show_bytes((double)bytes / tw_ranks(), all),
                     tw_ranks() > 1 ? " a rank" : "");
done:
    return st;
}

static tw_status find_eigs(const tw_args *args, const tw_linop *op, const tw_data *data, const tw_net *net,
                           tw_eigs **out)
{
    tw_status st = TW_OK;
    char *problem = NULL;
    tw_lanczos_opts opts = tw_lanczos_defaults();
    opts.of_each = tw_args_flag(args, "of-each");
    opts.progress = tw_show_progress(args);
    TW_TRY(tw_args_int(args, "top", 0, INT64_MAX, &opts.top));
    TW_TRY(tw_args_int(args, "bottom", 0, INT64_MAX, &opts.bottom));
    TW_TRY(tw_args_real(args, "tolerance", 0, 1, &opts.tolerance));
    TW_TRY(tw_args_int(args, "max-products", 1, INT64_MAX, &opts.max_products));
    TW_TRY(tw_args_int(args, "basis", 1, INT64_MAX, &opts.basis));
    TW_TRY(tw_args_int(args, "check", 0, INT64_MAX, &opts.check));
    TW_TRY(tw_args_seed(args, "seed", &opts.seed));
    if (opts.top > op->n || opts.bottom > op->n - opts.top) {
        st = tw_fail(TW_EINVAL,
                     "--top %" PRId64 " --bottom %" PRId64 ": expected together at most %" PRId64
                     ", the number of parameters",
                     opts.top, opts.bottom, op->n);
        goto done;
    }
    // Every vector more in a block costs products (ten pairs of mlp:784-512-512-10, search alone: 30 singly, 38 by
    // twos, 120 by eights), and on a large network a product costs nearly the same alone. One vector sees a multiple
    // eigenvalue once: the check for missed pairs, with fresh random vectors, is what finds the others.
    opts.block = 1;
    if (tw_args_flag(args, "block")) TW_TRY(tw_args_int(args, "block", 1, 4096, &opts.block));
    if (opts.top + opts.bottom == 0) goto done;
    opts.basis_dir = tw_args_str(args, "basis-dir");
    TW_TRY(plan_basis(args, op, &opts));
    if (opts.basis_dir) TW_TRY(name_problem(args, data, net, &problem));
    opts.problem = problem;
    TW_TRY(tw_lanczos(op, &opts, out));
done:
    free(problem);
    return st;
}

static tw_status find_density(const tw_args *args, const tw_linop *op, tw_density **out)
{
    tw_status st = TW_OK;
    tw_density_opts opts = tw_density_defaults();
    opts.symlog = strcmp(tw_args_str(args, "axis"), "symlog") == 0;
    opts.progress = tw_show_progress(args);
    TW_TRY(tw_args_int(args, "probes", 2, 100000, &opts.probes));
    TW_TRY(tw_args_int(args, "steps", 1, 100000, &opts.steps));
    TW_TRY(tw_args_int(args, "bins", 1, 1000000, &opts.bins));
    TW_TRY(tw_args_real(args, "linear", 0, 1e300, &opts.linear));
    TW_TRY(tw_args_real(args, "width", 0, 1e300, &opts.width));
    TW_TRY(tw_args_seed(args, "seed", &opts.seed));
    if (tw_args_flag(args, "density")) TW_TRY(tw_density_new(op, &opts, out));
done:
    return st;
}

static tw_status find_trace(const tw_args *args, const tw_linop *op, tw_found *found)
{
    tw_status st = TW_OK;
    tw_trace_opts opts = tw_trace_defaults();
    opts.progress = tw_show_progress(args);
    if (strcmp(tw_args_str(args, "trace-method"), "hutchinson") == 0) opts.method = TW_HUTCHINSON;
    TW_TRY(tw_args_int(args, "trace-products", 6, INT64_MAX, &opts.products));
    TW_TRY(tw_args_seed(args, "seed", &opts.seed));
    if (!tw_args_flag(args, "trace")) goto done;
    TW_TRY(tw_trace(op, &opts, &found->trace));
    found->has_trace = true;
done:
    return st;
}

static tw_status check_outputs(const tw_args *args)
{
    tw_status st = TW_OK;
    TW_TRY(tw_open_check_out("out", tw_args_str(args, "out"), ".npz .safetensors"));
    TW_TRY(tw_open_check_figure(args));
    if (tw_args_str(args, "csv") && !tw_args_str(args, "figure"))
        st = tw_fail(TW_EINVAL, "--csv: found no --figure, expected one: it writes what the figure shows");
done:
    return st;
}

static tw_status show(const tw_args *args, const tw_found *found)
{
    tw_status st = TW_OK;
    json_t *result = NULL;
    if (!tw_args_flag(args, "json")) {
        tw_show_progress_end();
        tw_found_show(found);
        return TW_OK;
    }
    TW_TRY(tw_found_json(found, &result));
    TW_TRY(tw_show_provenance(args, result));
    TW_TRY(tw_show_json(json_incref(result)));
done:
    json_decref(result);
    return st;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    tw_data *data = NULL;
    tw_net *net = NULL;
    tw_curv *curv = NULL;
    tw_found found = {.args = args, .matrix = tw_args_str(args, "matrix")};
    const char *out = tw_args_str(args, "out"), *figure = tw_args_str(args, "figure");

    TW_TRY(check_outputs(args));
    TW_TRY(tw_open_problem(args, &data, &net));
    double begin = tw_show_clock();
    TW_TRY(tw_open_curv(args, net, data, &curv));
    const tw_linop *op = tw_curv_linop(curv);
    TW_TRY(find_eigs(args, op, data, net, &found.eigs));
    TW_TRY(find_trace(args, op, &found));
    TW_TRY(find_density(args, op, &found.density));
    found.seconds = tw_show_clock() - begin;
    found.data = data;
    found.net = net;
    found.curv = curv;
    found.n = op->n;
    if (out) TW_TRY(tw_found_save(&found, out));
    if (figure) TW_TRY(tw_found_draw(&found, figure, tw_args_str(args, "csv")));
    TW_TRY(show(args, &found));
    if (found.eigs && found.eigs->converged_count < found.eigs->count)
        tw_show_shortfall("%" PRId64 " of %" PRId64 " pairs did not converge in %" PRId64
                          " products; --max-products or a "
                          "larger --tolerance may help, and intervals say what is known",
                          found.eigs->count - found.eigs->converged_count, found.eigs->count, found.eigs->products);
done:
    tw_found_free(&found);
    tw_curv_free(curv);
    tw_net_free(net);
    tw_data_free(data);
    return st;
}

static const tw_flag flags[] = {
    {"top", "N", "10", "largest eigenpairs; 0 for none"},
    {"bottom", "N", "0", "smallest eigenpairs"},
    {"tolerance", "REAL", "1e-3", "converged: residual at most this times the largest |eigenvalue|"},
    {"of-each", NULL, NULL, "... times the |eigenvalue| of the pair itself: stricter"},
    {"max-products", "N", "20000", "stop after about so many products, converged or not"},
    {"basis", "N", NULL, "vectors kept by Lanczos; without it chosen"},
    {"basis-dir", "DIR", NULL,
     "keep them in DIR instead of in memory; a search that was killed goes on from there when the same is asked again",
     .neutral = true},
    {"check", "N", "16", "products spent, after convergence, on looking for missed pairs from fresh random vectors"},
    {"trace", NULL, NULL, "estimate the trace, with its standard error"},
    {"trace-method", "NAME", "hutch++", "how", .choices = "hutch++|hutchinson"},
    {"trace-products", "N", "96", "products to spend on the trace"},
    {"density", NULL, NULL, "estimate the density of the whole spectrum, with an error band"},
    {"probes", "N", "16", "density: random vectors"},
    {"steps", "N", "80", "density: Lanczos steps for each"},
    {"bins", "N", "200", "density: bins"},
    {"axis", "NAME", "symlog", "density: bins equal on this axis", .choices = "symlog|linear"},
    {"linear", "REAL", NULL, "density: the symlog axis is linear within this of 0; without it 1e-4 of the largest"},
    {"width", "REAL", NULL, "density: sd of the Gaussian on every node, in units of the axis; without it one bin"},
    {0},
};

const tw_command tw_cmd_spectrum = {
    .name = "spectrum",
    .summary = "certified eigenvalues, density and trace of a curvature matrix",
    .about =
        "Largest (and smallest) eigenpairs by block Lanczos. Every residual |A v - value v| is recomputed with a "
        "fresh\n"
        "product; each interval holds its own eigenvalue. Not all converged: exit code 1, results are still shown.\n"
        "Matrices: hessian H, ggn G, fisher (true), fisher-sampled, moment M of per-sample gradients,\n"
        "covariance C = (M - gg')/S, residual M - H, h-g H - G. Negative ranks count from the bottom.",
    .example = "thalweg spectrum --model mlp:50-20-10,act=tanh --weights init:1 --data gauss:classes=10,dim=50,n=500 "
               "--matrix hessian --top 5 --bottom 2 --trace --density --figure spectrum.svg --out spectrum.npz",
    .flags = flags,
    .uses = TW_USE_DATA | TW_USE_NET | TW_USE_WEIGHTS | TW_USE_MATRIX | TW_USE_OUT | TW_USE_FIGURE,
    .run = run,
};
