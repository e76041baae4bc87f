// SPDX-License-Identifier: MIT
// The losses at the end of a network: value, gradient and Hessian at the outputs, per sample.
#ifndef NET_LOSS_H
#define NET_LOSS_H

#include "net/net.h"

// Per-sample losses loss[s] and yb = d loss / d z of samples with these labels ([s]) or targets ([s][f]); p keeps what
// tw_loss_tangent needs.
void tw_loss_backward(const tw_net *net, int64_t s, const void *z, const int32_t *label, const double *target, void *p,
                      void *yb, double *loss);

// ybt = (d2 loss / d z2) zt, k directions. For all losses here this is the Hessian and the Gauss-Newton middle alike.
void tw_loss_tangent(const tw_net *net, int64_t s, int64_t k, const void *p, const void *zt, void *ybt);

#endif
