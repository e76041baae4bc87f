// SPDX-License-Identifier: MIT
// Paper 1's claims, by what they look at, and the trainings that they share.
#ifndef PAPER_HESSIAN_H
#define PAPER_HESSIAN_H

#include "paper/evidence.h"
#include "thalweg/curv_compare.h"
#include "thalweg/trainer.h"

// One network in training, in double.
typedef struct tw_course {
    tw_data *data;
    tw_net *net;
    tw_trainer *trainer;
} tw_course;

typedef struct tw_course_spec {
    const char *data, *model, *loss, *scale; // loss, scale: NULL: the default
    int64_t samples;                         // 0: all
    double random_labels, lr;
    int64_t batch;
    uint64_t seed;
} tw_course_spec;

TW_NODISCARD tw_status tw_course_open(const tw_course_spec *spec, tw_course *out);
void tw_course_close(tw_course *course);
TW_NODISCARD tw_status tw_course_to(tw_course *course, int64_t step); // no further where it diverges
TW_NODISCARD tw_status tw_course_compare(const tw_course *course, const char *matrices, int64_t top, bool full,
                                         const tw_effort *effort, tw_compare **out);

// The mixture of ten (smoke: five) classes and its network, and the number of runs a claim is measured on.
tw_course_spec tw_hessian_clean(const tw_effort *effort, double random_labels, int64_t run);
// Half of 500 (smoke: 100) labels drawn anew, for a network too small to learn them: training ends at a noise floor.
tw_course_spec tw_hessian_floor(const tw_effort *effort);
int64_t tw_hessian_runs(const tw_effort *effort);
int64_t tw_hessian_classes(const tw_effort *effort);
enum { TW_HESSIAN_LOOKS = 4 };
extern const int64_t tw_hessian_steps[3][TW_HESSIAN_LOOKS]; // by scale: the start, early, midway, the end

tw_status tw_hessian_decomposition(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_residual(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_overlap(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_overlap_random(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_covariance(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_outliers(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_bulk(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_sharper(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_real(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_mean(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_regression(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_spread(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_tail(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_preconditioned(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_best_step(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_phases(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_one_phase(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_angles(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_supermartingale(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_logistic(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_adaptive(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_invariance(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_invariance_fixed(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_bound_labels(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_bound_curvature(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_bound_samples(const tw_effort *e, tw_finding *f);

#endif
