// SPDX-License-Identifier: MIT
// The measurements of "Strength of Minibatch Noise in SGD", by the kind of thing that is measured.
#ifndef PAPER_MINIBATCH_H
#define PAPER_MINIBATCH_H

#include "paper/paper.h"

#define CLAIM(name) tw_status tw_minibatch_##name(const tw_effort *e, tw_finding *f)
CLAIM(sample_covariance); // minibatch_exact.c: no chance in them, or none but the data's
CLAIM(interpolation);
CLAIM(largest_step);
CLAIM(negative_decay);
CLAIM(natural_noiseless);
CLAIM(small_batch_scaling);
CLAIM(high_dimension);
CLAIM(high_dimension_matrix);
CLAIM(over_batch); // minibatch_simulated.c: simulated regressions beside the theories
CLAIM(over_step);
CLAIM(two_dimensions);
CLAIM(over_momentum);
CLAIM(matrix_step);
CLAIM(input_noise);
CLAIM(over_decay);
CLAIM(newton);
CLAIM(natural);
CLAIM(linear_scaling);
CLAIM(tail);            // minibatch_tail.c
CLAIM(general_minimum); // minibatch_network.c: a small network at its minima
CLAIM(l2_minimum);
CLAIM(zero_loss);
CLAIM(not_the_hessian);
CLAIM(along_training);
CLAIM(fluctuation);
CLAIM(width_fixed); // minibatch_images.c: real data
CLAIM(width_scaled);
CLAIM(logistic_accuracy);
CLAIM(logistic_loss);
#undef CLAIM

#endif
