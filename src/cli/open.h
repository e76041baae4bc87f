// SPDX-License-Identifier: MIT
// What the shared flags name: samples, a network, its weights.
#ifndef CLI_OPEN_H
#define CLI_OPEN_H

#include "cli/show.h"
#include "thalweg/curv.h"
#include "train/revisit.h"

// --data, or the first word of a command with TW_USE_ANY_DATA; NULL when neither is given.
const char *tw_open_data_spec(const tw_args *args);

// The samples it names, with --split and kin. Numbers of the width --dtype says. --samples 0 is refused. The caller
// frees *out with tw_data_free.
TW_NODISCARD tw_status tw_open_data(const tw_args *args, tw_data **out);

// The same in double, for commands without --dtype.
TW_NODISCARD tw_status tw_open_data_f64(const tw_args *args, tw_data **out);

// What --split, --samples and kin say, to be changed and given to tw_data_open.
TW_NODISCARD tw_status tw_open_data_opts(const tw_args *args, tw_data_opts *out);

// Another split of the same data, all of it ("test" while --split says "train").
TW_NODISCARD tw_status tw_open_data_split(const tw_args *args, const char *split, tw_data **out);

// {"name", "split", "samples", "features", "classes" or "targets", "checksum"}: new reference.
json_t *tw_open_data_json(const tw_args *args, const tw_data *data);

// --model, --weights and kin. Without --weights (where they are not required) the weights are drawn by --seed. The
// caller frees *out with tw_net_free.
TW_NODISCARD tw_status tw_open_net(const tw_args *args, const tw_data *data, tw_net **out);

// The same with these weights (a file or init:SEED; NULL: drawn by seed) instead of --weights and --seed. word: the
// flag that messages name.
TW_NODISCARD tw_status tw_open_net_from(const tw_args *args, const tw_data *data, const char *word, const char *weights,
                                        uint64_t seed, tw_net **out);

// Both, for commands that only sweep over all samples: of several ranks each holds the samples of its shards. The
// caller frees *data and *net, which start as NULL, also after a failure.
TW_NODISCARD tw_status tw_open_problem(const tw_args *args, tw_data **data, tw_net **net);

// {"model", "parameters", "loss", "l2", "numbers", "weights"}: new reference.
json_t *tw_open_net_json(const tw_args *args, const tw_net *net);

// What every result says of where it comes from: "network", "data", and the command and program (tw_show_provenance).
TW_NODISCARD tw_status tw_open_origin(const tw_args *args, const tw_net *net, const tw_data *data, json_t *result);

// --matrix and kin (TW_USE_MATRIX). The caller frees *out with tw_curv_free.
TW_NODISCARD tw_status tw_open_curv(const tw_args *args, const tw_net *net, const tw_data *data, tw_curv **out);

// --run FOLDER of a command that also takes --model, --data and --weights: the run's samples and network, at its
// beginning. What the run's recipe says may not be given beside it, nor `refused` (names with blanks between); --dtype
// and --samples may. Without --run nothing is opened, and --model, --data and --weights must be there.
TW_NODISCARD tw_status tw_open_run(const tw_args *args, const char *refused, tw_revisit *out);

// Checks that a file could be written at --out, --figure, ...: before the work rather than after it. NULL is fine.
TW_NODISCARD tw_status tw_open_check_out(const char *flag, const char *path, const char *endings);
TW_NODISCARD tw_status tw_open_check_figure(const tw_args *args); // --figure and --csv

#endif
