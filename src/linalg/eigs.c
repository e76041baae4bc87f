// SPDX-License-Identifier: MIT
// What is claimed of computed eigenpairs, and from which numbers.
//
// With orthonormal X of k columns and R = A X - X diag(theta): k eigenvalues of A can be matched one to one with the
// theta so that each lies within |R|_2 of its own (Parlett 1998, theorem 11.5.1); for a single column this is
// |A x - theta x|. Intervals that do not overlap hold different eigenvalues, so each pair alone may use its residual;
// pairs whose intervals overlap are certified together, with |R|_2 <= |R|_F of the group.
#include "linalg/eigs.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void tw_eigs_free(tw_eigs *e)
{
    if (!e) return;
    free(e->value);
    free(e->vector);
    free(e->residual);
    free(e->lo);
    free(e->hi);
    free(e->converged);
    free(e);
}

tw_status tw_eigs_new(const tw_panel *p, int64_t top, int64_t bottom, tw_eigs **out)
{
    tw_status st = TW_OK;
    tw_eigs *e = NULL;
    int64_t count = top + bottom;

    TW_TRY(tw_alloc(1, sizeof *e, &e));
    e->n = p->n;
    e->count = count;
    e->top = top;
    TW_TRY(tw_alloc(count, sizeof(double), &e->value));
    TW_TRY(tw_alloc(count, sizeof(double), &e->residual));
    TW_TRY(tw_alloc(count, sizeof(double), &e->lo));
    TW_TRY(tw_alloc(count, sizeof(double), &e->hi));
    TW_TRY(tw_alloc(count, sizeof(bool), &e->converged));
    TW_TRY(tw_alloc(count, (size_t)p->stride * sizeof(double), &e->vector));
    *out = e;
    e = NULL;
done:
    tw_eigs_free(e);
    return st;
}

tw_status tw_eigs_whole(tw_eigs *e, const tw_panel *p)
{
    tw_status st = TW_OK;
    double *whole = NULL;
    if (!p->dealt && p->stride == p->n) return TW_OK;
    TW_TRY(tw_alloc(e->count, (size_t)p->n * sizeof *whole, &whole));
    for (int64_t i = 0; i < e->count; i++) TW_TRY(tw_panel_whole(p, e->vector + i * p->stride, whole + i * p->n));
    free(e->vector);
    e->vector = whole;
    whole = NULL;
done:
    free(whole);
    return st;
}

static void swap_rows(int64_t n, double *x, double *y)
{
    for (int64_t i = 0; i < n; i++) {
        double keep = x[i];
        x[i] = y[i];
        y[i] = keep;
    }
}

// Top pairs descending, bottom pairs ascending. Nearly sorted already.
static void sort_pairs(tw_eigs *e, const tw_panel *p, double *r)
{
    for (int64_t i = 1; i < e->count; i++)
        for (int64_t j = i; j > 0 && j != e->top; j--) {
            bool wrong = j < e->top ? e->value[j] > e->value[j - 1] : e->value[j] < e->value[j - 1];
            if (!wrong) break;
            swap_rows(1, e->value + j, e->value + j - 1);
            swap_rows(1, e->residual + j, e->residual + j - 1);
            swap_rows(p->rows, e->vector + j * p->stride, e->vector + (j - 1) * p->stride);
            swap_rows(p->rows, r + j * p->stride, r + (j - 1) * p->stride);
        }
}

tw_status tw_eigs_certify(tw_eigs *e, tw_panel *p, const tw_linop *op, double unit, double *r)
{
    tw_status st = TW_OK;
    double max = 0, *dots = NULL;
    int64_t k = e->count;

    TW_TRY(tw_alloc(k * k, sizeof *dots, &dots));
    TW_TRY(tw_panel_dot(p, k, e->vector, k, e->vector, dots));
    e->orthogonality = 0;
    for (int64_t i = 0; i < k * k; i++) e->orthogonality = fmax(e->orthogonality, fabs(dots[i] - (i / k == i % k)));
    TW_TRY(tw_panel_apply(p, op, k, e->vector, r, &e->products, &max));
    for (int64_t i = 0; unit != 1 && i < k; i++) tw_panel_scale(p->rows, r + i * p->stride, 1 / unit);
    TW_TRY(tw_panel_dot(p, k, e->vector, k, r, dots));
    for (int64_t i = 0; i < k; i++) {
        e->value[i] = dots[i * k + i];
        for (int64_t j = 0; j < k; j++)
            if (i != j) dots[i * k + j] = 0;
    }
    TW_TRY(tw_panel_subtract(p, k, e->vector, k, r, dots, k, r, dots));
    for (int64_t i = 0; i < k; i++) {
        e->residual[i] = sqrt(dots[i * k + i]) * unit;
        e->value[i] *= unit;
    }
    sort_pairs(e, p, r);
done:
    free(dots);
    return st;
}

// radius[i]: residuals joined over groups of overlapping intervals, until groups no longer grow. order: by value.
static void join_groups(const tw_eigs *e, double slack, const int64_t *order, double *radius)
{
    bool grown = true;
    for (int64_t i = 0; i < e->count; i++) radius[i] = e->residual[i] + slack;
    while (grown) {
        grown = false;
        for (int64_t i = 0, next; i < e->count; i = next) {
            double reach = e->value[order[i]] + radius[order[i]], top = 0, sum = 0;
            for (next = i + 1; next < e->count && e->value[order[next]] - radius[order[next]] <= reach; next++)
                reach = fmax(reach, e->value[order[next]] + radius[order[next]]);
            if (next == i + 1) continue;
            for (int64_t j = i; j < next; j++) top = fmax(top, e->residual[order[j]]);
            for (int64_t j = i; j < next && top > 0; j++) sum += pow(e->residual[order[j]] / top, 2);
            for (int64_t j = i; j < next; j++) {
                double joint = top * sqrt(sum) + slack;
                if (joint > radius[order[j]]) {
                    radius[order[j]] = joint;
                    grown = true;
                }
            }
        }
    }
}

tw_status tw_eigs_judge(tw_eigs *e, double tolerance, bool of_each, double slack)
{
    tw_status st = TW_OK;
    int64_t *order = NULL;
    double *radius = NULL;

    TW_TRY(tw_alloc(e->count, sizeof *order, &order));
    TW_TRY(tw_alloc(e->count, sizeof *radius, &radius));
    for (int64_t i = 0; i < e->count; i++) {
        int64_t j = i;
        for (; j > 0 && e->value[order[j - 1]] > e->value[i]; j--) order[j] = order[j - 1];
        order[j] = i;
    }
    join_groups(e, slack, order, radius);
    e->converged_count = 0;
    for (int64_t i = 0; i < e->count; i++) {
        e->lo[i] = e->value[i] - radius[i];
        e->hi[i] = e->value[i] + radius[i];
        e->converged[i] = e->residual[i] <= tolerance * (of_each ? fabs(e->value[i]) : e->scale);
        e->converged_count += e->converged[i];
    }
    e->note[0] = '\0';
    if (e->converged_count < e->count)
        snprintf(e->note, sizeof e->note,
                 "%" PRId64 " of %" PRId64 " pairs are not converged after %" PRId64
                 " products; rounding of the operator alone leaves residuals of about %.1e",
                 e->count - e->converged_count, e->count, e->products, slack);
done:
    free(order);
    free(radius);
    return st;
}
