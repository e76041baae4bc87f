// SPDX-License-Identifier: MIT
// Paper 1's claims, by what they look at, and the trainings that they share.
#ifndef PAPER_HESSIAN_H
#define PAPER_HESSIAN_H

#include "paper/condition.h"
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
    const char *data, *model, *loss; // loss: NULL: the default
    int64_t hidden[2];               // model NULL: widths between features and classes, relu; 0: no such layer
    bool images;                     // data as tw_hessian_images makes them
    int64_t samples;                 // 0: all
    double random_labels, lr;
    int64_t batch;
    uint64_t seed;
} tw_course_spec;

TW_NODISCARD tw_status tw_course_open(const tw_course_spec *spec, tw_course *out);
void tw_course_close(tw_course *course);
TW_NODISCARD tw_status tw_course_to(tw_course *course, int64_t step); // no further where it diverges
TW_NODISCARD tw_status tw_course_compare(const tw_course *course, const char *matrices, int64_t top, bool full,
                                         const tw_effort *effort, tw_compare **out);

// What one training shows at a look. Overlaps: mean cos^2 between spaces of as many pairs as classes.
typedef struct tw_hessian_look {
    double loss, overlap, error, covariance, norm_ratio, against, slope, top, top_error, lowest;
    double gap_at, gap, above_tenth; // of H
    double bulk;                     // share of the eigenvalues below a hundredth of the largest; NAN unless full
} tw_hessian_look;
enum { TW_HESSIAN_LOOKS = 4, TW_HESSIAN_FIELDS = sizeof(tw_hessian_look) / sizeof(double) };
// top: leading pairs looked at, 0: as many as classes. full: every eigenvalue.
TW_NODISCARD tw_status tw_hessian_watch(const tw_effort *e, const tw_course_spec *spec, const int64_t *steps,
                                        int64_t top, bool full, tw_hessian_look *out);
double tw_hessian_largest(const tw_compared *m); // |eigenvalue|

// Real data, by hessian_images.c. samples 0: all; test: NULL, or left alone where there are none.
TW_NODISCARD tw_status tw_hessian_images(const char *spec, int64_t samples, double random_labels, uint64_t seed,
                                         tw_data **train, tw_data **test);
const char *tw_hessian_data_name(const tw_effort *e, char *room, size_t size); // "mnist" of "mnist:FOLDER"
bool tw_hessian_needs_images(const tw_effort *e, tw_finding *f);               // true: there are none, and f says so
enum { TW_HESSIAN_FRACTIONS = 4 };
extern const double tw_hessian_fraction[TW_HESSIAN_FRACTIONS]; // of random labels: 0, 0.15, 0.5, 1
extern const char *const tw_hessian_percent[TW_HESSIAN_FRACTIONS];

// The mixture of ten (smoke: five) classes and its network, and the number of runs a claim is measured on, at most
// TW_SEEDS.
tw_course_spec tw_hessian_clean(const tw_effort *effort, double random_labels, int64_t run);
// Half of 500 (smoke: 100) labels drawn anew, for a network too small to learn them: training ends at a noise floor.
tw_course_spec tw_hessian_floor(const tw_effort *effort);
int64_t tw_hessian_runs(const tw_effort *effort);
int64_t tw_hessian_classes(const tw_effort *effort);
extern const int64_t tw_hessian_steps[3][TW_HESSIAN_LOOKS]; // by scale: the start, early, midway, the end

tw_status tw_hessian_decomposition(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_residual(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_overlap(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_overlap_random(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_covariance(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_outliers(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_bulk(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_sharper(const tw_effort *e, tw_finding *f);
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

// The same on real data, over seeds.
tw_status tw_hessian_residual_real(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_overlap_real(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_overlap_random_real(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_covariance_real(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_outliers_real(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_bulk_real(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_sharper_real(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_mean_real(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_phases_real(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_angles_real(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_bound_labels_real(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_bound_curvature_real(const tw_effort *e, tw_finding *f);
tw_status tw_hessian_bound_samples_real(const tw_effort *e, tw_finding *f);

#endif
