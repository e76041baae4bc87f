// SPDX-License-Identifier: MIT
// The measurements of "A Diffusion Theory For Deep Learning Dynamics" on networks and real data.
#ifndef PAPER_ESCAPE_H
#define PAPER_ESCAPE_H

#include "paper/paper.h"

#define CLAIM(name) tw_status tw_escape_claim_##name(const tw_effort *e, tw_finding *f)
CLAIM(covariance_pretrained); // escape_covariance.c: covariance of gradients beside the Hessian, on images
CLAIM(covariance_random);
CLAIM(covariance_equal);
CLAIM(covariance_labels);
CLAIM(banknote_covariance); // escape_tables.c: valleys and escapes on the paper's tables
CLAIM(banknote_batch);
CLAIM(banknote_step);
CLAIM(banknote_sharpness);
CLAIM(cardiotocography_covariance);
CLAIM(cardiotocography_batch);
CLAIM(cardiotocography_step);
CLAIM(cardiotocography_sharpness);
CLAIM(avila_covariance);
CLAIM(avila_batch);
CLAIM(avila_step);
CLAIM(avila_sharpness);
CLAIM(sensorless_covariance);
CLAIM(sensorless_batch);
CLAIM(sensorless_step);
CLAIM(sensorless_sharpness);
CLAIM(network_langevin); // escape_noises.c: one valley, several noises
CLAIM(network_noise);
#undef CLAIM

#endif
