// SPDX-License-Identifier: MIT
// thalweg apply: the plain product of a matrix with given vectors, so that anyone can check us.
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
    {0},
};

const tw_command tw_cmd_apply = {
    .name = "apply",
    .summary = "multiply a curvature matrix with vectors",
    .about =
        "Reads one vector of n numbers, or k rows of them, and writes the matrix times each with --out, in double.\n"
        "n is the number of parameters (of those kept by --layers); their order is that of the weights file.\n"
        "Matrices: hessian H, ggn G, fisher (true), fisher-sampled, moment M of per-sample gradients,\n"
        "covariance C = (M - gg')/S, residual M - H, h-g H - G.",
    .example = "thalweg loss --model mlp:50-20-10 --weights init:1 --data gauss:classes=10,dim=50 --gradient v.npy\n"
               "thalweg apply --model mlp:50-20-10 --weights init:1 --data gauss:classes=10,dim=50 --matrix hessian "
               "--vector v.npy --out hv.npy",
    .flags = flags,
    .uses = TW_USE_DATA | TW_USE_NET | TW_USE_WEIGHTS | TW_USE_MATRIX | TW_USE_OUT,
    .run = run,
};
