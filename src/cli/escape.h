// SPDX-License-Identifier: MIT
// One point of an escape experiment: what was asked for, what was measured, what theory says.
#ifndef CLI_ESCAPE_H
#define CLI_ESCAPE_H

#include "base/json.h"
#include "cli/args.h"
#include "sim/escape.h"
#include "sim/ledger.h"
#include "thalweg/theory_escape.h"

enum { TW_ESCAPE_PARTS = 16 };

typedef struct tw_escape_setting {
    const char *potential; // one a line
    int64_t parts, dim;
    double start[TW_ESCAPE_PARTS], absorb[TW_ESCAPE_PARTS], lo[TW_ESCAPE_PARTS]; // at k = 1
    bool both;                                                                   // the end is also at lo
    double *root, *variance; // full covariance: its factor [dim][dim], its diagonal [dim]; freed by tw_escape_forget
    tw_escape_noise noise;
    double strength;
    double lr, batch, k, barrier; // k: L(sqrt(k) x); barrier: factor of L
    int64_t replicas, max_steps, repeats, paths;
    bool split;
    uint64_t seed;
    tw_ledger *ledger; // --ledger, or NULL
} tw_escape_setting;

typedef struct tw_escape_measured {
    double at;                      // value of what is swept
    double x;                       // what ln tau is expected to be linear in: batch, 1 / lr, 1 / k or the barrier
    double lr;                      // k times lr: the rate at which the chain of k = 1 gives the same steps
    double tau, lo, hi, ln_tau, se; // steps; 95 % interval
    int64_t events;                 // escapes seen; 0 with splitting
    double weibull; // score of shape 1, N(0, 1) where times are exponential; NAN: splitting or too few events
    bool split;
    double chain, sde, formula, exponent; // steps; NAN: not defined here
    char note[160];                       // why not
} tw_escape_measured;

// --potential, --noise and the ends, with their defaults found on the landscape.
TW_NODISCARD tw_status tw_escape_read(const tw_args *args, tw_escape_setting *out);
void tw_escape_forget(tw_escape_setting *s);
// key: what this point is called in the ledger.
TW_NODISCARD tw_status tw_escape_measure(const tw_escape_setting *s, const char *key, const tw_progress *progress,
                                         tw_escape_measured *out);
// Rate, interval and score of these replicas, whose clocks start after `dead` steps. TW_ENUMERIC: fewer than two are
// left then.
TW_NODISCARD tw_status tw_escape_estimate(int64_t replicas, const int64_t *steps, const bool *escaped, double dead,
                                          tw_escape_measured *out);

void tw_escape_split_read(const tw_escape_splitting *split, tw_escape_measured *out);
// out->split becomes false, and out->note says why, where these replicas' escapes contradict the splitting in *out.
void tw_escape_doubt(int64_t replicas, const int64_t *steps, const bool *escaped, tw_escape_measured *out);

// --ledger: of this recipe, data and kind of lanes, whose bits may differ from another processor's.
TW_NODISCARD tw_status tw_escape_ledger(const char *path, const char *recipe, uint64_t data, tw_ledger **out);

// ---- sweeps: --batch, --lr, --k and --barrier, one of them a list ---------------------------------------------------

enum { TW_ESCAPE_POINTS = 64 };

typedef struct tw_escape_sweep {
    int which; // of tw_escape_swept
    int64_t points;
    double value[4][TW_ESCAPE_POINTS];
    int64_t count[4];
} tw_escape_sweep;

extern const struct tw_escape_axis {
    const char *flag, *axis;
} tw_escape_swept[4];

// The first `flags` of tw_escape_swept, the others are 1.
TW_NODISCARD tw_status tw_escape_sweep_read(const tw_args *args, int flags, tw_escape_sweep *out);
double tw_escape_pick(const tw_escape_sweep *s, int which, int64_t point);
double tw_escape_abscissa(const tw_escape_sweep *s, double at); // what ln tau is expected to be linear in

// ln tau against x, in steps and in time, and against the rival ln x: into the result, and on stdout unless json.
TW_NODISCARD tw_status tw_escape_fit_show(const tw_escape_sweep *s, const tw_escape_measured *m, bool json,
                                          json_t *result);
// --figure: curves of ln steps that begin with a number; the first is what was measured.
TW_NODISCARD tw_status tw_escape_draw(const tw_args *args, const char *subtitle, const tw_escape_sweep *s,
                                      const tw_escape_measured *m, int curves, const char *const *name,
                                      double (*y)[TW_ESCAPE_POINTS]);

#endif
