// SPDX-License-Identifier: MIT
// What thalweg dynamics found, and the ways to show it.
#ifndef CLI_DYNAMICS_H
#define CLI_DYNAMICS_H

#include "cli/open.h"
#include "thalweg/train_dynamics.h"

enum { TW_DYNAMICS_MOST = 64 }; // states, and rules

typedef struct tw_dynamics {
    const tw_args *args;
    tw_data *data;
    tw_net *net;
    tw_revisit run; // whose data and net they are, with --run
    tw_step_law_opts law;
    tw_ensemble_opts runs;
    char *text; // of the rules
    int64_t states, found;
    int64_t at[TW_DYNAMICS_MOST]; // steps before
    tw_step_law *state[TW_DYNAMICS_MOST];
    bool diverged;
    int64_t rules;
    struct {
        const char *optim;
        tw_ensemble *found;
        double seconds;
    } rule[TW_DYNAMICS_MOST];
} tw_dynamics;

void tw_dynamics_show(const tw_dynamics *d);
json_t *tw_dynamics_json(const tw_dynamics *d);                // new reference, without provenance
TW_NODISCARD tw_status tw_dynamics_draw(const tw_dynamics *d); // --figure, when given

#endif
