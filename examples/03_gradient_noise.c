// SPDX-License-Identifier: MIT
// Measures  tr C = (1/m) sum_i |g_i|^2 - |g|^2,  the variance of a single sample's gradient, and from it the batch size
//
//   B = tr C / |g|^2
//
// at which noise and gradient are of one size (the simple noise scale of McCandlish et al., arXiv:1812.06162, eq. 2.9):
// batches much larger than B waste samples, batches much smaller waste steps. No per-sample gradient is ever stored.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <thalweg/thalweg.h>

int main(void)
{
    tw_status st;
    tw_data *data = NULL;
    tw_net *net = NULL;
    double *norm2 = NULL, *gradient = NULL;
    tw_loss_value loss;
    double mean = 0, g2 = 0;

    tw_data_opts data_opts = tw_data_defaults();
    tw_net_opts net_opts = tw_net_defaults();
    net_opts.real = 8;

    if ((st = tw_data_open("gauss:classes=10,dim=20,n=1000", &data_opts, &data)) != TW_OK) goto done;
    if ((st = tw_net_new("mlp:20-32-10,act=relu", data, &net_opts, &net)) != TW_OK) goto done;
    int64_t n = tw_net_params(net);
    norm2 = calloc((size_t)data->m, sizeof *norm2);
    gradient = calloc((size_t)n, sizeof *gradient);
    if (!norm2 || !gradient) abort();

    if ((st = tw_gradient_norms(net, data, norm2)) != TW_OK) goto done;
    if ((st = tw_loss(net, data, gradient, NULL, &loss)) != TW_OK) goto done;
    for (int64_t i = 0; i < data->m; i++) mean += norm2[i] / (double)data->m;
    for (int64_t i = 0; i < n; i++) g2 += gradient[i] * gradient[i];

    printf("loss %.6f, |g|^2 = %.6f (the library says %.6f)\n", loss.loss, g2, loss.gradient_norm * loss.gradient_norm);
    printf("tr C = %.6f, noise scale B = %.1f samples\n", mean - g2, (mean - g2) / g2);
    if (!(mean >= g2)) st = TW_ENUMERIC; // a variance is not negative
done:
    if (st != TW_OK) fprintf(stderr, "%s\n", tw_error());
    free(norm2);
    free(gradient);
    tw_net_free(net);
    tw_data_free(data);
    return st == TW_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
