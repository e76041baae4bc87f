// SPDX-License-Identifier: MIT
// Probes: what is measured along a trajectory, when, and on which samples.
//
// A probe looks and changes nothing: it reads the weights, computes in memory of its own, draws from streams of its own
// (seeds.probes) and writes to the run. What it carries from one measurement to the next (vectors for a warm start, the
// weights it compares with) is part of a run's state, so that a resumed run measures the same bits.
#ifndef TRAIN_PROBE_H
#define TRAIN_PROBE_H

#include "base/status.h"
#include "thalweg/curv.h"
#include "thalweg/run.h"

// Where a run stands when probes look.
typedef struct tw_moment {
    tw_run *run;
    const tw_net *net;
    int64_t step; // steps taken
    int64_t epoch_steps;
    double lr; // of the step to come (measure) or just made (follow)
    int64_t batch;
} tw_moment;

// What all probes of a run share.
typedef struct tw_probe_place {
    const tw_recipe *recipe;
    const tw_net *net;
    tw_net *spare;                            // of the same kind, for probes that look at other weights
    const tw_data *train, *test, *validation; // NULL: there is none
    int64_t epoch_steps, batch;
    uint64_t seed;
    int64_t total; // steps of the whole run, if nothing ends it early
} tw_probe_place;

typedef struct tw_probe tw_probe;

enum { TW_PROBE_MEMOS = 4, TW_PROBE_NAME = 64, TW_PROBE_SERIES = 160 };

typedef struct tw_probe_kind {
    const char *name;
    tw_status (*open)(tw_probe *probe, const tw_probe_place *place);
    tw_status (*measure)(tw_probe *probe, const tw_moment *at); // where the cadence says
    tw_status (*follow)(tw_probe *probe, const tw_moment *at);  // after every step; NULL: never
    void (*close)(tw_probe *probe);                             // frees probe->own; NULL: nothing to free
    double (*cost)(const tw_probe *probe);                      // of a measurement, in gradients of one sample
} tw_probe_kind;

struct tw_probe {
    const tw_probe_kind *kind;
    int item; // of the recipe's list
    char name[TW_PROBE_NAME], prefix[TW_PROBE_NAME + 16];
    tw_cadence cadence;
    const tw_data *data; // borrowed: a whole part, or subset
    tw_data *subset;
    uint64_t seed;
    int64_t n;                   // parameters
    const tw_probe *other;       // eigs: the one named by `with`, or NULL
    int64_t keeps, kept;         // room for vectors carried along, and how many there are
    double *keep;                // [keeps][n]
    double memo[TW_PROBE_MEMOS]; // numbers carried along
    void *own;
    double seconds; // spent so far by this process
    int64_t calls;
};

extern const tw_probe_kind tw_probe_covariance, tw_probe_loss, tw_probe_eigs, tw_probe_density, tw_probe_trace,
    tw_probe_noise, tw_probe_path, tw_probe_step, tw_probe_tail;

// Keys of this probe's item.
bool tw_probe_has(const tw_probe *probe, const tw_recipe *recipe, const char *key);
int64_t tw_probe_int(const tw_probe *probe, const tw_recipe *recipe, const char *key);
double tw_probe_real(const tw_probe *probe, const tw_recipe *recipe, const char *key);
const char *tw_probe_str(const tw_probe *probe, const tw_recipe *recipe, const char *key);

// Series PREFIX/NAME...: the name is a printf format.
TW_NODISCARD tw_status tw_probe_put(const tw_probe *probe, const tw_moment *at, double value, double error,
                                    const char *format, ...) TW_PRINTF(5, 6);
TW_NODISCARD tw_status tw_probe_put_curve(const tw_probe *probe, const tw_moment *at, int64_t count, const double *x,
                                          const char *format, ...) TW_PRINTF(5, 6);

// `samples` of data, drawn by seed, the same every time. The caller frees *out with tw_data_free.
TW_NODISCARD tw_status tw_data_sample(const tw_data *data, int64_t samples, uint64_t seed, tw_data **out);

// --- all probes of a run ---

typedef struct tw_probes {
    int64_t count;
    tw_probe *probe;
} tw_probes;

// Replaces probes.preset by the probes it stands for, in `recipe` itself.
TW_NODISCARD tw_status tw_probes_expand(tw_recipe *recipe, const tw_probe_place *place);

TW_NODISCARD tw_status tw_probes_open(const tw_probe_place *place, tw_probes *out);
void tw_probes_close(tw_probes *probes);
TW_NODISCARD tw_status tw_probes_measure(tw_probes *probes, const tw_moment *at); // those that are due
TW_NODISCARD tw_status tw_probes_follow(tw_probes *probes, const tw_moment *at);
double tw_probes_seconds(const tw_probes *probes);
double tw_probes_share(const tw_probes *probes, const tw_probe_place *place); // predicted cost over that of training

// Arrays "probe.I.keep" and "probe.I.memo", borrowed from the probes: 2 count at most.
int64_t tw_probes_state(const tw_probes *probes, tw_array *out);
TW_NODISCARD tw_status tw_probes_load_state(tw_probes *probes, const tw_arrays *arrays);
char *tw_probes_state_name(int64_t probe, bool memo, char *buffer); // buffer of 32

#endif
