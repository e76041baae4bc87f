// SPDX-License-Identifier: MIT
// Matrices of one network on one data set, side by side: spectra, shares, overlaps of leading spaces.
#ifndef THALWEG_CURV_COMPARE_H
#define THALWEG_CURV_COMPARE_H

#include "thalweg/curv_noise.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TW_COMPARE_MOST = 8 };

typedef struct tw_compare_opts {
    size_t size;
    const char *matrices; // names of tw_curv_opts.matrix with commas between, 1 to 8 different ones
    int64_t top;          // leading pairs compared; fewer when there are fewer parameters
    int64_t full;         // networks of at most so many parameters are written out: every eigenvalue, exact traces
    int64_t probes;       // larger ones: random sign vectors for traces and norms
    double tolerance;     // of eigenpairs, as tw_lanczos_opts
    int64_t max_products; // for each matrix
    uint64_t seed;        // of probes, of Lanczos, of the labels of "fisher-sampled"
    tw_progress progress;
} tw_compare_opts;

static inline tw_compare_opts tw_compare_defaults(void)
{
    tw_compare_opts opts = {sizeof opts, "hessian,moment,covariance,residual", 15, 2000, 32, 1e-5, 20000, 0,
                            {NULL, NULL}};
    return opts;
}

// One matrix. The l2 term is in none of them, and "covariance" is that of one sample's gradient.
typedef struct tw_compared {
    const char *name;
    tw_eigs *eigs;      // top + 1 pairs (n when that is fewer), then the lowest two where some may be negative
    int64_t values;     // n, or 0: not written out
    double *value;      // [values] every eigenvalue, largest first, by LAPACK
    double value_error; // every value is within this of an eigenvalue of the matrix as its products are: |A - A'|_F
                        // of what was written out, and rounding; NAN when not written out
    tw_measured trace, norm; // norm: Frobenius
    int64_t gap_at;          // i with the largest value_i / value_(i + 1), i <= 3 classes and i <= top; 0: none
    double gap;              // that ratio
    int64_t above_tenth;     // leading values above a tenth of the largest; -1: more than were found
} tw_compared;

// Two of them, by their places in `matrix`.
typedef struct tw_compared_pair {
    int64_t a, b;
    double *cosine;       // [top] of principal angles between the leading spaces of `top` pairs, descending
    double cosine_error;  // each is off by at most this, by residuals and gaps
    double overlap;       // mean of cos^2; random spaces: about top / n
    double distance;      // |P_a - P_b|_F of the projectors
    double *class_cosine; // [classes] the same for spaces of as many pairs as there are classes; NULL: top is fewer
    double class_error, class_overlap;
    double class_gap[2];     // (value_k - value_(k + 1)) / value_1 at k = classes, of a and b: small means an angle
                             // of no meaning. NAN without class_cosine
    double bound;            // on |sin|_F between the `top` spaces, from |A - c B|_F and A's gap (Yu, Wang & Samworth
                             // 2015); sqrt(top) or more says nothing
    tw_measured cosine_all;  // <A, B> / (|A| |B|), of the whole matrices
    tw_measured slope;       // <A, B> / <A, A>: of B on A
    tw_measured trace_share; // tr B / tr A
    tw_measured norm_share;  // |B| / |A|, Frobenius
} tw_compared_pair;

typedef struct tw_compare {
    int64_t n, samples, top, classes; // classes: outputs where there are no classes
    bool exact;                       // written out: traces and norms without probes
    int64_t probes;
    tw_loss_value loss;     // gradient_norm: of the data loss alone
    double gradient_share;  // |mu|^2 / tr M: near 0 means that C and M are the same
    int64_t count, pairs;   // pairs = count (count - 1) / 2
    tw_compared *matrix;    // [count], in the order asked for
    tw_compared_pair *pair; // [pairs], a < b
    int64_t products;
    double product_seconds, product_flops, solve_seconds; // written out: the products and the dense eigenproblems
} tw_compare;

// At the network's present weights.
// M and C of fewer samples than parameters have their eigenvalues from the samples' Gram matrix. The Hessian is as its
// products are: exact. TW_EINVAL: a name, or an option out of range; TW_ENOMEM; TW_ENUMERIC; TW_ESTOPPED. Pairs that
// did not converge are marked in eigs. Source: Li et al., SDM 2020, section on H, M and their difference; angles:
// Knyazev & Argentati, SIAM J. Sci. Comput. 23 (2002) 2008; docs/compare.md.
TW_API TW_NODISCARD tw_status tw_compare_new(const tw_net *net, const tw_data *data, const tw_compare_opts *opts,
                                             tw_compare **out);
TW_API void tw_compare_free(tw_compare *compare);

#ifdef __cplusplus
}
#endif
#endif
