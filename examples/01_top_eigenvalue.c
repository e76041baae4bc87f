// SPDX-License-Identifier: MIT
// Solves  H v = lambda v  for the largest lambda, where H = d^2 L / dw^2 is the Hessian of a network's loss on data.
//
// Gradient descent with step size lr is stable along v only if lr < 2 / lambda. The network here is small and new, and
// the data are drawn, so nothing needs to be downloaded. The certificate: some eigenvalue of H is within `residual` of
// the value printed.
#include <stdio.h>
#include <stdlib.h>
#include <thalweg/thalweg.h>

int main(void)
{
    tw_status st;
    tw_data *data = NULL;
    tw_net *net = NULL;
    tw_curv *curv = NULL;
    tw_eigs *eigs = NULL;

    tw_data_opts data_opts = tw_data_defaults();
    tw_net_opts net_opts = tw_net_defaults();
    net_opts.real = 8; // everything in double
    tw_curv_opts curv_opts = tw_curv_defaults();
    curv_opts.matrix = "hessian";
    tw_lanczos_opts lanczos_opts = tw_lanczos_defaults();
    lanczos_opts.top = 1;
    lanczos_opts.tolerance = 1e-8;

    if ((st = tw_data_open("gauss:classes=10,dim=20,n=1000", &data_opts, &data)) != TW_OK) goto done;
    if ((st = tw_net_new("mlp:20-32-10,act=tanh", data, &net_opts, &net)) != TW_OK) goto done;
    if ((st = tw_curv_new(net, data, &curv_opts, &curv)) != TW_OK) goto done;
    if ((st = tw_lanczos(tw_curv_linop(curv), &lanczos_opts, &eigs)) != TW_OK) goto done;

    printf("%lld parameters, loss %.6f\n", (long long)tw_net_params(net), tw_curv_loss(curv)->loss);
    printf("lambda = %.10f, residual %.1e, %s\n", eigs->value[0], eigs->residual[0],
           eigs->converged[0] ? "converged" : "not converged");
    printf("gradient descent is stable along v below lr = %.6f\n", 2 / eigs->value[0]);
    if (!eigs->converged[0]) st = TW_ENUMERIC;
done:
    if (st != TW_OK) fprintf(stderr, "%s\n", tw_error());
    tw_eigs_free(eigs);
    tw_curv_free(curv);
    tw_net_free(net);
    tw_data_free(data);
    return st == TW_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
