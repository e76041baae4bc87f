// SPDX-License-Identifier: MIT
// thalweg apply: the plain product of a matrix with given vectors, so that anyone can check us; or its inverse.
#include "cli/open.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// One vector [n] or k rows [k][n], of finite numbers; copied to doubles.
static tw_status take_rows(const char *path, const tw_array *array, int64_t n, int64_t *rows, double **out)
{
    tw_status st = TW_OK;
    double *x = NULL;
    bool fits = (array->rank == 1 && array->shape[0] == n) || (array->rank == 2 && array->shape[1] == n);
    *rows = array->rank == 2 ? array->shape[0] : 1;
    if (!fits || *rows < 1) {
        char shape[64] = "a single number";
        if (array->rank == 1) snprintf(shape, sizeof shape, "%" PRId64, array->shape[0]);
        if (array->rank == 2) snprintf(shape, sizeof shape, "%" PRId64 " x %" PRId64, array->shape[0], array->shape[1]);
        if (array->rank > 2) snprintf(shape, sizeof shape, "%d dimensions", array->rank);
        st = tw_fail(TW_EINVAL,
                     "%s: found shape %s, expected %" PRId64 " numbers (one for each parameter) or k x %" PRId64, path,
                     shape, n, n);
        goto done;
    }
    TW_TRY(tw_alloc(*rows, (size_t)n * sizeof *x, &x));
    for (int64_t i = 0; i < *rows * n; i++) {
        x[i] = array->real == 8 ? ((const double *)array->x)[i] : (double)((const float *)array->x)[i];
        if (isfinite(x[i])) continue;
        st = tw_fail(TW_EINVAL, "%s: row %" PRId64 ", element %" PRId64 ": found %g, expected a finite number", path,
                     i / n, i % n, x[i]);
        goto done;
    }
    *out = x;
    x = NULL;
done:
    free(x);
    return st;
}

static tw_status read_rows(const char *path, int64_t n, int64_t *rows, double **out)
{
    tw_status st = TW_OK;
    tw_arrays *arrays = NULL;
    TW_TRY(tw_arrays_load(path, &arrays));
    if (arrays->count != 1) {
        st = tw_fail(TW_EFORMAT, "%s: found %" PRId64 " arrays, expected one", path, arrays->count);
        goto done;
    }
    TW_TRY(take_rows(path, &arrays->array[0], n, rows, out));
done:
    tw_arrays_free(arrays);
    return st;
}

static tw_status save_rows(const char *path, bool matrix, int64_t rows, int64_t n, double *y)
{
    tw_array array = {.name = (char *)(strstr(path, ".npy") ? "" : "y"), .rank = 1, .shape = {n}, .real = 8, .x = y};
    if (matrix) {
        array.rank = 2;
        array.shape[0] = rows;
        array.shape[1] = n;
    }
    return tw_arrays_save(path, 1, &array);
}

static tw_status show(const tw_args *args, const tw_net *net, const tw_data *data, const tw_curv *curv, int64_t rows,
                      const double *x, const double *y, double seconds)
{
    tw_status st = TW_OK;
    int64_t n = tw_curv_linop(curv)->n;
    json_t *result = json_object(), *rayleigh = json_array();
    bool text = !tw_args_flag(args, "json");

    if (text) printf("%4s  %22s  %22s\n", "row", "v'Av / v'v", "|Av|");
    json_t *norms = json_array();
    for (int64_t r = 0; r < rows; r++, x += n, y += n) {
        double xx = 0, xy = 0, yy = 0;
        for (int64_t i = 0; i < n; i++) {
            xx += x[i] * x[i];
            xy += x[i] * y[i];
            yy += y[i] * y[i];
        }
        if (text) printf("%4" PRId64 "  %22.15g  %22.15g\n", r, xy / xx, sqrt(yy));
        json_array_append_new(rayleigh, tw_json_real(xy / xx));
        json_array_append_new(norms, tw_json_real(sqrt(yy)));
    }
    json_object_set_new(result, "parameters", json_integer(n));
    json_object_set_new(result, "samples", json_integer(data->m));
    json_object_set_new(result, "matrix", json_string(tw_args_str(args, "matrix")));
    json_object_set_new(result, "loss", tw_json_real(tw_curv_loss(curv)->loss));
    json_object_set(result, "rayleigh", rayleigh);
    json_object_set_new(result, "norms", norms);
    json_object_set_new(result, "products", json_integer(tw_curv_products(curv)));
    json_object_set_new(result, "seconds", tw_json_real(seconds));
    TW_TRY(tw_open_origin(args, net, data, result));
    if (!text) TW_TRY(tw_show_json(json_incref(result)));
done:
    json_decref(rayleigh);
    json_decref(result);
    return st;
}

static tw_status show_solution(const tw_args *args, const tw_net *net, const tw_data *data, const tw_curv *curv,
                               const tw_solve_opts *opts, const tw_solution *s, double seconds)
{
    tw_status st = TW_OK;
    json_t *result = json_object(), *rows = json_array();
    if (!tw_args_flag(args, "json")) {
        tw_show_progress_end();
        printf("%4s  %14s  %14s  %14s  %9s  %s\n", "row", "|v|", "|x|", "|v-(A+dI)x|", "products", "converged");
    }
    for (int64_t r = 0; r < s->count; r++) {
        double xx = 0;
        for (int64_t i = 0; i < s->n; i++) xx += s->x[r * s->n + i] * s->x[r * s->n + i];
        json_array_append_new(rows,
                              json_pack("{s:o, s:o, s:o, s:I, s:b}", "norm", tw_json_real(s->norm[r]), "solution_norm",
                                        tw_json_real(sqrt(xx)), "residual", tw_json_real(s->residual[r]), "products",
                                        (json_int_t)s->products[r], "converged", s->converged[r]));
        if (!tw_args_flag(args, "json"))
            printf("%4" PRId64 "  %14.8g  %14.8g  %14.3g  %9" PRId64 "  %s\n", r, s->norm[r], sqrt(xx), s->residual[r],
                   s->products[r], s->converged[r] ? "yes" : "NO");
    }
    json_object_set_new(result, "parameters", json_integer(s->n));
    json_object_set_new(result, "samples", json_integer(data->m));
    json_object_set_new(result, "matrix", json_string(tw_args_str(args, "matrix")));
    json_object_set_new(result, "damping", tw_json_real(opts->shift));
    json_object_set_new(result, "tolerance", tw_json_real(opts->tolerance));
    json_object_set_new(result, "loss", tw_json_real(tw_curv_loss(curv)->loss));
    json_object_set(result, "rows", rows);
    json_object_set_new(result, "products", json_integer(tw_curv_products(curv)));
    json_object_set_new(result, "seconds", tw_json_real(seconds));
    TW_TRY(tw_open_origin(args, net, data, result));
    if (tw_args_flag(args, "json")) TW_TRY(tw_show_json(json_incref(result)));
    if (s->converged_count < s->count)
        tw_show_shortfall("%" PRId64 " of %" PRId64
                          " systems did not converge: --max-products, a larger --tolerance or "
                          "--damping, or --dtype f64 may help",
                          s->count - s->converged_count, s->count);
done:
    json_decref(rows);
    json_decref(result);
    return st;
}

static tw_status solve(const tw_args *args, const tw_net *net, const tw_data *data, const tw_curv *curv, int64_t rows,
                       const double *v)
{
    tw_status st = TW_OK;
    const tw_linop *op = tw_curv_linop(curv);
    const char *out = tw_args_str(args, "out");
    tw_solve_opts opts = tw_solve_defaults();
    tw_solution *s = NULL;
    TW_TRY(tw_args_real(args, "damping", -1e100, 1e100, &opts.shift));
    TW_TRY(tw_args_real(args, "tolerance", 1e-300, 0.999, &opts.tolerance));
    TW_TRY(tw_args_int(args, "max-products", 2, INT64_MAX, &opts.max_products));
    opts.progress = tw_show_progress(args);
    double begin = tw_show_clock();
    TW_TRY(tw_solve(op, &opts, rows, v, &s));
    double seconds = tw_show_clock() - begin;
    if (out) TW_TRY(save_rows(out, rows > 1, rows, op->n, s->x));
    TW_TRY(show_solution(args, net, data, curv, &opts, s, seconds));
done:
    tw_solution_free(s);
    return st;
}

static tw_status run(const tw_args *args)
{
    tw_status st = TW_OK;
    tw_data *data = NULL;
    tw_net *net = NULL;
    tw_curv *curv = NULL;
    double *x = NULL, *y = NULL;
    int64_t rows = 1;
    const char *out = tw_args_str(args, "out");

    TW_TRY(tw_open_check_out("out", out, ".npy .npz .safetensors"));
    TW_TRY(tw_open_problem(args, &data, &net));
    TW_TRY(tw_open_curv(args, net, data, &curv));
    const tw_linop *op = tw_curv_linop(curv);
    TW_TRY(read_rows(tw_args_str(args, "vector"), op->n, &rows, &x));
    if (tw_args_flag(args, "solve")) {
        TW_TRY(solve(args, net, data, curv, rows, x));
        goto done;
    }
    TW_TRY(tw_alloc(rows, (size_t)op->n * sizeof *y, &y));
    double begin = tw_show_clock();
    TW_TRY(op->apply(op->ctx, rows, x, y));
    double seconds = tw_show_clock() - begin;
    if (out) TW_TRY(save_rows(out, rows > 1, rows, op->n, y));
    TW_TRY(show(args, net, data, curv, rows, x, y, seconds));
done:
    free(y);
    free(x);
    tw_curv_free(curv);
    tw_net_free(net);
    tw_data_free(data);
    return st;
}

static const tw_flag flags[] = {
    {"vector", "FILE", NULL, "one vector or k rows (.npy, .npz), in the order of the weights file", .required = true},
    {"solve", NULL, NULL, "not A v, but the x of (A + d I) x = v: Newton steps, natural gradients, influence"},
    {"damping", "d", "0", "solve: the multiple of the identity added to the matrix"},
    {"tolerance", "REAL", "1e-5", "solve: converged: |v - (A + d I) x| at most this times |v|"},
    {"max-products", "N", "1000", "solve: stop after so many products for each row, converged or not"},
    {0},
};

const tw_command tw_cmd_apply = {
    .name = "apply",
    .summary = "multiply a curvature matrix with vectors, or solve for them",
    .about =
        "Reads one vector of n numbers, or k rows of them, and writes the matrix times each with --out, in double.\n"
        "n is the number of parameters (of those kept by --layers); their order is that of the weights file.\n"
        "Matrices: hessian H, ggn G, fisher (true), fisher-sampled, moment M of per-sample gradients,\n"
        "covariance C = (M - gg')/S, residual M - H, h-g H - G.\n"
        "With --solve the matrix, which may have eigenvalues of both signs, is inverted by MINRES; the residual is "
        "that\n"
        "of a fresh product. Not all rows converged: exit code 1, and the best solutions are written all the same.",
    .example = "thalweg loss --model mlp:50-20-10 --weights init:1 --data gauss:classes=10,dim=50 --gradient v.npy\n"
               "thalweg apply --model mlp:50-20-10 --weights init:1 --data gauss:classes=10,dim=50 --matrix hessian "
               "--vector v.npy --out hv.npy",
    .flags = flags,
    .uses = TW_USE_DATA | TW_USE_NET | TW_USE_WEIGHTS | TW_USE_MATRIX | TW_USE_OUT,
    .run = run,
};
