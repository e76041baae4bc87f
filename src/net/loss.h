// SPDX-License-Identifier: MIT
// The losses at the end of a network: value, gradient and Hessian at the outputs, per sample.
#ifndef NET_LOSS_H
#define NET_LOSS_H

#include "net/net.h"

// Per-sample losses loss[s] and yb = d loss / d z of samples with these labels ([s]) or targets ([s][f]); p keeps what
// tw_loss_tangent needs.
void tw_loss_backward(const tw_net *net, int64_t s, const void *z, const int32_t *label, const double *target, void *p,
                      void *yb, double *loss);

// yb for labels drawn from the model: u[s][f] uniform on [0, 1), normal for half-mse (whose likelihood is a normal law
// of variance one around z). z are the outputs, p what tw_loss_backward kept. Not for mse, which is no likelihood.
void tw_loss_sample(const tw_net *net, int64_t s, const void *z, const void *p, const double *u, void *yb);

// Whether the loss is minus the logarithm of a likelihood.
bool tw_loss_is_likelihood(const tw_net *net);

// ybt = (d2 loss / d z2) zt, k directions. For all losses here this is the Hessian and the Gauss-Newton middle alike.
void tw_loss_tangent(const tw_net *net, int64_t s, int64_t k, const void *p, const void *zt, void *ybt);

// u[s][f][f]: rows with sum over c of u_c u_c' = d2 loss / d z2. One answer a sample.
void tw_loss_factor(const tw_net *net, int64_t s, const void *p, void *u);

#endif
