// SPDX-License-Identifier: MIT
// All one can ask of a symmetric operator that is known only by its products.
#ifndef THALWEG_LINALG_H
#define THALWEG_LINALG_H

#include "thalweg/base.h"

#ifdef __cplusplus
extern "C" {
#endif

// A symmetric n x n operator: apply sets y = A x for k vectors at once, vector j at x + j n and y + j n (no overlap of
// x and y). Everything above the operator computes in double, whatever the operator computes in.
typedef struct tw_linop {
    int64_t n;
    tw_status (*apply)(void *ctx, int64_t k, const double *x, double *y);
    void *ctx;
    int64_t block;   // how many vectors at once suit it best (>= 1)
    double rounding; // relative error of one product, about; 2.2e-16 for double, 1e-6 for float networks
} tw_linop;

// Every function below also returns: TW_EINVAL for op->n < 1 or op->block < 1; TW_ENUMERIC when a product is not finite
// (vector and entry named); TW_ENOMEM; TW_ESTOPPED; and whatever op->apply returns. Outputs are untouched on failure.
// Results have the same bits for any number of threads when those of op->apply do.

// ---- eigenpairs at the ends of the spectrum ------------------------------------------------------------------------

typedef struct tw_lanczos_opts {
    size_t size;
    int64_t top, bottom;  // pairs wanted from the upper and lower end; top + bottom from 1 to n
    double tolerance;     // a pair is converged when residual <= tolerance * max |value| (see of_each)
    bool of_each;         // ... when residual <= tolerance * |value| of the pair itself: stricter
    int64_t max_products; // stop after about so many matrix-vector products, converged or not
    int64_t block;        // vectors at once; 0: op->block
    int64_t basis;        // vectors of n doubles kept, at least top + bottom + 2 block (raised to that); 0: chosen
    int64_t check;        // products spent after convergence on looking for missed pairs from fresh random vectors
    uint64_t seed;        // of the random start
    int64_t starts;       // warm start: so many vectors at start, vector j at start + j n, linearly dependent or not;
                          // with check = 0 and no basis_dir pairs are followed from there by few products
    const double *start;
    tw_progress progress; // done: pairs that look converged, total: pairs wanted; after each block
    // NULL, or a folder in which the basis lies on disk instead of in memory, with the state after each block: a search
    // that was killed or stopped goes on from there, to the same bits, when called again with the same folder, options
    // and operator. What it holds is removed when all pairs have converged. One process (or the ranks of one machine)
    // at a time. Disk: 2 (basis + max(block, top + bottom, starts + 1)) vectors of n doubles, taken at the start.
    const char *basis_dir;
    const char *problem; // with basis_dir: names all that the operator depends on, and must be the same to go on
} tw_lanczos_opts;

static inline tw_lanczos_opts tw_lanczos_defaults(void)
{
    tw_lanczos_opts opts = {sizeof opts, 10, 0, 1e-3, false, 20000, 0, 0, 16, 0, 0, NULL, {NULL, NULL}, NULL, NULL};
    return opts;
}

// Pairs from the top, largest first, then pairs from the bottom, smallest first.
typedef struct tw_eigs {
    int64_t n, count, top; // count = top + bottom
    double *value;         // [count] Rayleigh quotients
    double *vector;        // [count][n], orthonormal
    double *residual;      // [count] |A v - value v| from products made, never from a recurrence, in the units of A
    double *lo, *hi;       // [count] each interval holds its own eigenvalue of A: docs/block-lanczos.md
    bool *converged;       // [count] residual within the tolerance asked for
    int64_t converged_count;
    double scale;         // largest |Ritz value|, about |A|
    double orthogonality; // max |<v_i, v_j> - (i == j)|
    int64_t products, restarts;
    int64_t found_late; // times the check found a pair that had been missed
    char note[256];     // "" or what the reader should know, one sentence
} tw_eigs;

// Pairs at either end of the spectrum, by thick-restart block Lanczos with full reorthogonalisation. Not converging is
// an answer, not an error: look at converged[i]. For some eigenvalue lambda, |value[i] - lambda| <= residual[i]
// (Parlett 1998, section 4.5). TW_EINVAL: top, bottom, tolerance or another option out of range; basis_dir holds the
// basis of another problem. TW_EFORMAT: its files are not ours, or have changed. TW_EIO: they cannot be written, or the
// disk has no room. Between ranks the basis is dealt, each holds
// about 1/P of it; pairs that are followed keep twice the basis, whole on each.
// Source: Wu & Simon, SIAM J. Matrix Anal. Appl. 22 (2000) 602; block form: docs/block-lanczos.md.
TW_API TW_NODISCARD tw_status tw_lanczos(const tw_linop *op, const tw_lanczos_opts *opts, tw_eigs **out);
TW_API void tw_eigs_free(tw_eigs *eigs);
// Bytes of the basis that tw_lanczos will keep, of all ranks together (on disk: twice that); opts as there.
TW_API int64_t tw_lanczos_bytes(const tw_linop *op, const tw_lanczos_opts *opts);

// ---- the whole spectrum of a small operator ------------------------------------------------------------------------

typedef struct tw_spectrum {
    int64_t n;
    double *value;    // [n] largest first
    double *vector;   // [n][n], vector j at vector + j n
    double asymmetry; // |A - A'|_F / |A|_F of the matrix as assembled; it is symmetrised before
    int64_t products;
} tw_spectrum;

// Every eigenpair, by assembling A and LAPACK. Memory: about 5 n^2 doubles.
TW_API TW_NODISCARD tw_status tw_spectrum_new(const tw_linop *op, tw_progress progress, tw_spectrum **out);
TW_API void tw_spectrum_free(tw_spectrum *spectrum);

// The matrix itself: a [n][n], not symmetrised; *asymmetry as above.
TW_API TW_NODISCARD tw_status tw_linop_assemble(const tw_linop *op, tw_progress progress, double *a, double *asymmetry);

// ---- density of the spectrum ---------------------------------------------------------------------------------------

typedef struct tw_density_opts {
    size_t size;
    int64_t probes;    // random vectors, >= 2
    int64_t steps;     // Lanczos steps for each; cut at n
    int64_t bins;      // >= 1
    double lo, hi;     // range of the bins; lo = hi: chosen from the nodes. The outer bins also hold what lies outside
    bool symlog;       // bins equal in asinh(x / linear) rather than in x
    double linear;     // symlog: where the axis turns from linear to logarithmic; 0: 1e-4 of the largest |node|
    double width;      // sd of the Gaussian put on every node, in units of the axis; 0: one bin
    double confidence; // of the band, for each bin by itself
    uint64_t seed;
    tw_progress progress; // in matrix-vector products
} tw_density_opts;

static inline tw_density_opts tw_density_defaults(void)
{
    tw_density_opts opts = {sizeof opts, 16, 80, 200, 0, 0, false, 0, 0, 0.95, 0, {NULL, NULL}};
    return opts;
}

// Mass is the fraction of eigenvalues: multiply by n for a count. The mass of all bins is 1 to rounding.
typedef struct tw_density {
    int64_t n, bins, probes, steps; // steps: as done
    double *edge;                   // [bins + 1]
    double *mass, *mass_error;      // [bins] mean over probes and its standard error
    double *mass_lo, *mass_hi;      // [bins] confidence band by Student's t over probes, cut at 0 and 1
    double *cumulative;             // [bins] mass up to edge[i + 1]
    double *cumulative_error, *cumulative_lo, *cumulative_hi;
    double *node, *weight; // [probes][steps] quadrature of each probe; its weights sum to 1
    bool symlog;
    double linear, width, confidence; // as used
    double truncation;                // largest change of cumulative had the last tenth of the steps not been done
    int64_t products;
} tw_density;

// Stochastic Lanczos quadrature. The band is that of sampling; what too few steps do shows in truncation.
// Source: Golub & Meurant, Matrices, Moments and Quadrature, 2010, ch. 6; Ubaru, Chen & Saad, SIAM J. Matrix Anal.
// Appl. 38 (2017) 1075; docs/slq.md.
TW_API TW_NODISCARD tw_status tw_density_new(const tw_linop *op, const tw_density_opts *opts, tw_density **out);
// The same nodes on other bins: range, axis, width and confidence of opts; its probes, steps and seed are not looked
// at. truncation is NAN: what fewer steps would have said is not kept.
TW_API TW_NODISCARD tw_status tw_density_rebin(const tw_density *density, const tw_density_opts *opts,
                                               tw_density **out);
TW_API void tw_density_free(tw_density *density);

// ---- trace, norm, diagonal -----------------------------------------------------------------------------------------

typedef enum tw_trace_method {
    TW_HUTCHINSON, // mean of z'Az over random signs z
    TW_HUTCHPP     // exact on the range of a sketch, Hutchinson on the rest: better when eigenvalues decay
} tw_trace_method;

typedef struct tw_trace_opts {
    size_t size;
    tw_trace_method method;
    int64_t products;  // matrix-vector products to spend, >= 6; n or more: the exact trace from n products
    double confidence; // of the interval
    uint64_t seed;
    tw_progress progress; // in matrix-vector products
} tw_trace_opts;

static inline tw_trace_opts tw_trace_defaults(void)
{
    tw_trace_opts opts = {sizeof opts, TW_HUTCHPP, 96, 0.95, 0, {NULL, NULL}};
    return opts;
}

typedef struct tw_estimate {
    double value, error; // the estimate and its standard error; 0 when exact
    double lo, hi;       // confidence interval by Student's t
    int64_t products;
    bool exact; // nothing was drawn
} tw_estimate;

// Source: Hutchinson, Commun. Stat. Simul. 19 (1990) 433; Meyer, Musco, Musco & Woodruff, SOSA 2021 (Hutch++);
// docs/traces.md.
TW_API TW_NODISCARD tw_status tw_trace(const tw_linop *op, const tw_trace_opts *opts, tw_estimate *out);

// |A|_F^2 = E |A z|^2 (method is not looked at).
TW_API TW_NODISCARD tw_status tw_frobenius2(const tw_linop *op, const tw_trace_opts *opts, tw_estimate *out);

// diagonal [n] and its standard errors [n]: mean of z * (A z) over random signs (Bekas, Kokiopoulou & Saad, Appl.
// Numer. Math. 57 (2007) 1214). With n or more products: exact, errors 0. *products: those spent.
TW_API TW_NODISCARD tw_status tw_diagonal(const tw_linop *op, const tw_trace_opts *opts, double *diagonal,
                                          double *error, int64_t *products);

// ---- linear systems ------------------------------------------------------------------------------------------------

typedef struct tw_solve_opts {
    size_t size;
    double shift;         // (A + shift I) x = b: the damping of a Newton step, 0 for A itself
    double tolerance;     // converged: |b - (A + shift I) x| <= tolerance |b|
    int64_t max_products; // for each right-hand side, >= 2
    tw_progress progress; // in right-hand sides; after each block of products
} tw_solve_opts;

static inline tw_solve_opts tw_solve_defaults(void)
{
    tw_solve_opts opts = {sizeof opts, 0, 1e-6, 1000, {NULL, NULL}};
    return opts;
}

typedef struct tw_solution {
    int64_t n, count;
    double *x;         // [count][n]
    double *residual;  // [count] |b - (A + shift I) x| from a product made at the end, never from the recurrence
    double *norm;      // [count] |b|
    int64_t *products; // [count] spent on each, the last ones on its residual
    bool *converged;   // [count] residual within the tolerance asked for
    int64_t converged_count;
} tw_solution;

// b [count][n], finite. A may have eigenvalues of both signs. Not converging is an answer, not an error: the residual
// is then the least that the products allowed or that rounding of the operator leaves; with an A + shift I that is
// singular it is that of least squares. |x - truth| <= residual / (smallest |eigenvalue + shift|). TW_EINVAL: an option
// out of range; TW_ENUMERIC: b is not finite. Source: Paige & Saunders, SIAM J. Numer. Anal. 12 (1975) 617.
TW_API TW_NODISCARD tw_status tw_solve(const tw_linop *op, const tw_solve_opts *opts, int64_t count, const double *b,
                                       tw_solution **out);
TW_API void tw_solution_free(tw_solution *solution);

// ---- subspaces -----------------------------------------------------------------------------------------------------

typedef struct tw_angles {
    int64_t count;   // min(k, l)
    double *angle;   // [count] radians, 0 to pi/2, ascending; absolute error a few eps, small ones too
    double overlap;  // mean of cos^2: 1 for equal spaces, about k l / (n min(k, l)) for random ones
    double distance; // |P_x - P_y|_2: sin of the largest angle, 1 when k != l
} tw_angles;

// Principal angles between span{x_1 ... x_k} and span{y_1 ... y_l}, vector j at x + j n. TW_EINVAL: k or l not in
// 1 ... n, or vectors linearly dependent to rounding. Source: Bjorck & Golub, Math. Comput. 27 (1973) 579.
TW_API TW_NODISCARD tw_status tw_angles_new(int64_t n, int64_t k, const double *x, int64_t l, const double *y,
                                            tw_angles **out);
TW_API void tw_angles_free(tw_angles *angles);

// The largest angle, in radians, by which a vector (or space) of this residual can miss the true one whose eigenvalues
// lie at least gap from the rest: asin(residual / gap), pi/2 when that says nothing. Source: Davis & Kahan, SIAM J.
// Numer. Anal. 7 (1970) 1.
TW_API double tw_angle_bound(double residual, double gap);

// ---- operators from operators --------------------------------------------------------------------------------------
// Each *out borrows what it is made from and is freed with tw_linop_free, which is for these only.

// A caller's own function.
static inline tw_linop tw_linop_of(int64_t n, tw_status (*apply)(void *ctx, int64_t k, const double *x, double *y),
                                   void *ctx)
{
    tw_linop op = {n, apply, ctx, 1, 2.2e-16};
    return op;
}

// a [n][n], row-major.
TW_API TW_NODISCARD tw_status tw_linop_dense(int64_t n, const double *a, tw_linop **out);
// shift I + sum of weight[i] term[i]; count >= 1, all of one n.
TW_API TW_NODISCARD tw_status tw_linop_sum(int64_t count, const double *weight, const tw_linop *const *term,
                                           double shift, tw_linop **out);
// P A P with P the projection onto, or away from, span{x_1 ... x_k} (linearly independent; copied).
TW_API TW_NODISCARD tw_status tw_linop_onto(const tw_linop *op, int64_t k, const double *x, tw_linop **out);
TW_API TW_NODISCARD tw_status tw_linop_away(const tw_linop *op, int64_t k, const double *x, tw_linop **out);
TW_API void tw_linop_free(tw_linop *op);

#ifdef __cplusplus
}
#endif
#endif
