// SPDX-License-Identifier: MIT
// A network's valley on a table, and escape times from it, as paper 4's claims need them.
#ifndef PAPER_ESCAPE_VALLEY_H
#define PAPER_ESCAPE_VALLEY_H

#include "paper/paper.h"
#include "sim/network_premises.h"
#include "thalweg/theory_escape.h"

// A table the paper uses, and how we look at it: our choices, where the paper does not say.
typedef struct tw_escape_set {
    const char *name, *file; // the file in --tables
    int64_t first;           // labels below it are class 0, the others class 1
    int64_t samples;         // 0: all; else so many, drawn by the seed
} tw_escape_set;

typedef struct tw_escape_valley {
    tw_data *data;
    tw_net *net;
    tw_escape_net *lanes;
    tw_network_surface surface;
    tw_network_valley valley;
} tw_escape_valley;

// model: what follows the number of features, "-1". *there: false where the table is not, and the finding says so.
// TW_ENUMERIC: no minimum, or one with flat directions.
TW_NODISCARD tw_status tw_escape_valley_open(const tw_effort *e, const tw_escape_set *set, const char *model, double l2,
                                             tw_finding *f, tw_escape_valley *out, bool *there);
void tw_escape_valley_close(tw_escape_valley *v);

// One point: replicas from the minimum until they are out of the box.
typedef struct tw_escape_reading {
    double ln_tau, se, z; // ln of mean steps; z: score of Weibull shape 1, beyond 3 the times are not exponential
    int64_t events;       // NAN, NAN, NAN where fewer than 8
    tw_network_predicted says;
    tw_network_premises premises;
} tw_escape_reading;
// A point of a law: escapes were seen, and their times are exponential (|z| <= 3).
bool tw_escape_reading_counts(const tw_escape_reading *r);

// Is it a line? Contradicted: chi2/dof of 2 and more; holds: the rival, linear in the logarithm, is worse by more than
// 10; between: undecided.
tw_verdict tw_escape_line_verdict(const tw_escape_line *line, const tw_escape_line *rival);

TW_NODISCARD tw_status tw_escape_valley_leave(const tw_effort *e, tw_escape_valley *v, tw_network_noise noise, double D,
                                              double box, double eta, double B, int64_t replicas, int64_t most,
                                              uint64_t seed, tw_escape_reading *out);

#endif
