// SPDX-License-Identifier: MIT
// A small operator written out, and every eigenpair of it.
#include "linalg/panel.h"

#include "base/alloc.h"
#include "linalg/dense.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

// |A - A'|_F / |A|_F; entries are divided by the largest so that squares stay in range.
static double asymmetry_of(int64_t n, const double *a)
{
    double max = 0, off = 0, all = 0;
    for (int64_t i = 0; i < n * n; i++) max = fmax(max, fabs(a[i]));
    if (max == 0) return 0;
    for (int64_t i = 0; i < n; i++) {
        double row = 0, row_off = 0;
        for (int64_t j = 0; j < n; j++) {
            double x = a[i * n + j] / max, y = a[j * n + i] / max;
            row += x * x;
            row_off += (x - y) * (x - y);
        }
        all += row;
        off += row_off;
    }
    return sqrt(off / all);
}

tw_status tw_linop_assemble(const tw_linop *op, tw_progress progress, double *a, double *asymmetry)
{
    tw_status st = TW_OK;
    tw_panel *panel = NULL;
    double *units = NULL, *columns = NULL, max = 0;
    int64_t n = op->n, products = 0;

    TW_TRY(tw_linop_valid(op));
    int64_t block = op->block < n ? op->block : n;
    TW_TRY(tw_panel_new(n, 1, &panel));
    TW_TRY(tw_alloc(block, (size_t)n * sizeof *units, &units));
    TW_TRY(tw_alloc(n, (size_t)n * sizeof *columns, &columns));
    for (int64_t i = 0, k; i < n; i += k) {
        k = n - i < block ? n - i : block;
        memset(units, 0, (size_t)(k * n) * sizeof *units);
        for (int64_t j = 0; j < k; j++) units[j * n + i + j] = 1;
        TW_TRY(tw_panel_apply(panel, op, k, units, columns + i * n, &products, &max));
        if (progress.tick && !progress.tick(progress.ctx, "matrix", (double)products, (double)n)) {
            st = tw_fail(TW_ESTOPPED, "matrix: stopped after %" PRId64 " of %" PRId64 " columns", products, n);
            goto done;
        }
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) a[i * n + j] = columns[j * n + i];
    *asymmetry = asymmetry_of(n, a);
done:
    tw_panel_free(panel);
    free(units);
    free(columns);
    return st;
}

void tw_spectrum_free(tw_spectrum *s)
{
    if (!s) return;
    free(s->value);
    free(s->vector);
    free(s);
}

tw_status tw_spectrum_new(const tw_linop *op, tw_progress progress, tw_spectrum **out)
{
    tw_status st = TW_OK;
    tw_spectrum *s = NULL;
    double *a = NULL;
    int64_t n = op->n;

    TW_TRY(tw_linop_valid(op));
    TW_TRY(tw_alloc(1, sizeof *s, &s));
    TW_TRY(tw_alloc(n, sizeof(double), &s->value));
    TW_TRY(tw_alloc(n, (size_t)n * sizeof(double), &s->vector));
    TW_TRY(tw_alloc(n, (size_t)n * sizeof(double), &a));
    s->n = s->products = n;
    TW_TRY(tw_linop_assemble(op, progress, a, &s->asymmetry));
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) a[i * n + j] = a[i * n + j] / 2 + a[j * n + i] / 2;
    TW_TRY(tw_sym_eig(n, a, s->value, s->vector));
    for (int64_t i = 0; i < n / 2; i++) { // largest first
        double keep = s->value[i], *x = s->vector + i * n, *y = s->vector + (n - 1 - i) * n;
        s->value[i] = s->value[n - 1 - i];
        s->value[n - 1 - i] = keep;
        for (int64_t j = 0; j < n; j++) {
            keep = x[j];
            x[j] = y[j];
            y[j] = keep;
        }
    }
    *out = s;
    s = NULL;
done:
    tw_spectrum_free(s);
    free(a);
    return st;
}
