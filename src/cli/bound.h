// SPDX-License-Identifier: MIT
// What the commands on bounds of networks share: their options, the test part, one result as JSON.
#ifndef CLI_BOUND_H
#define CLI_BOUND_H

#include "cli/open.h"
#include "thalweg/train_bound.h"
#include "train/until.h"

// The flags of TW_USE_BOUND; --seed and, where a command has it, --epochs are read too.
TW_NODISCARD tw_status tw_bound_read_opts(const tw_args *args, tw_network_bound_opts *opts);
TW_NODISCARD tw_status tw_bound_read_training(const tw_args *args, tw_trainer_opts *opts, int64_t *epochs,
                                              double *until);

// The variances' shape by --prior-shape from the prior's mean: [n], the caller's.
TW_NODISCARD tw_status tw_bound_shape(const tw_args *args, const tw_net *net, const double *theta0, double **out);

// The test part of the data; *out stays NULL where there is none or --split says something else than "train".
TW_NODISCARD tw_status tw_bound_open_test(const tw_args *args, const tw_data_opts *opts, tw_data **out);

// Error on new samples of the kind trained on: a fraction `random` of them has a label drawn uniformly.
double tw_bound_population_error(double clean, double random, int64_t classes);

json_t *tw_bound_row_json(const tw_posterior_bound *row);
json_t *tw_bound_json(const tw_network_bound *bound); // without the arrays over parameters

#endif
