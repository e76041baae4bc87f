// SPDX-License-Identifier: MIT
// Solves  A v = lambda v  for an A of one's own, known only by its products: the second difference
//
//   (A x)_i = 2 x_i - x_{i-1} - x_{i+1},   x_0 = x_{n+1} = 0,   lambda_j = 4 sin^2(j pi / (2 (n + 1))),
//
// so what is found can be compared with what is true.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <thalweg/thalweg.h>

// k vectors at once: vector j at x + j n.
static tw_status second_difference(void *ctx, int64_t k, const double *x, double *y)
{
    int64_t n = *(const int64_t *)ctx;
    for (int64_t j = 0; j < k; j++, x += n, y += n)
        for (int64_t i = 0; i < n; i++) y[i] = 2 * x[i] - (i > 0 ? x[i - 1] : 0) - (i + 1 < n ? x[i + 1] : 0);
    return TW_OK;
}

int main(void)
{
    int64_t n = 200;
    tw_linop op = {n, second_difference, &n, 4, 2.2e-16};
    tw_lanczos_opts opts = tw_lanczos_defaults();
    opts.top = 3;
    opts.tolerance = 1e-10;
    tw_eigs *eigs = NULL;

    if (tw_lanczos(&op, &opts, &eigs) != TW_OK) {
        fprintf(stderr, "%s\n", tw_error());
        return EXIT_FAILURE;
    }
    int bad = 0;
    for (int64_t j = 0; j < eigs->count; j++) {
        double truth = 4 * pow(sin((double)(n - j) * acos(-1) / (2 * (double)(n + 1))), 2);
        printf("found %.12f   true %.12f   residual %.1e\n", eigs->value[j], truth, eigs->residual[j]);
        // Within its residual of an eigenvalue; the rest is the rounding of 4 sin^2 and of the product, of size |A|
        // = 4.
        if (!eigs->converged[j] || fabs(eigs->value[j] - truth) > eigs->residual[j] + 4 * 16 * 2.2e-16) bad++;
    }
    printf("%lld products\n", (long long)eigs->products);
    tw_eigs_free(eigs);
    return bad ? EXIT_FAILURE : EXIT_SUCCESS;
}
