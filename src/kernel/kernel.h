// SPDX-License-Identifier: MIT
// The kernel table. Every function is single-threaded, allocates nothing that outlives it, and takes row-major arrays
// of the table's type behind void *. Only this room includes BLAS or a convolution library.
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include "base/shards.h"
#include "thalweg/kernel.h"

// Activations: y = phi(z), with phi' kept for every sweep after the first and phi'' where it is not zero everywhere.
typedef enum tw_activation {
    TW_ACT_IDENTITY,
    TW_ACT_RELU,
    TW_ACT_LEAKY_RELU,
    TW_ACT_TANH,
    TW_ACT_SIGMOID,
    TW_ACT_SOFTPLUS,
    TW_ACT_GELU,
    TW_ACT_COUNT
} tw_activation;

// Loops over numbers, of the table's type behind void *. s samples, k directions, f features, rows = s or s k.
typedef struct tw_pointwise {
    void (*bias_add)(int64_t rows, int64_t f, const void *b, void *y);               // y[rows][f] += b[f]
    void (*bias_add_block)(int64_t s, int64_t k, int64_t f, const void *b, void *y); // y[s][k][f] += b[k][f]
    void (*bias_sum)(int64_t s, int64_t k, int64_t f, const void *x, void *b); // b[k][f] = sum over s of x[s][k][f]
    // y = phi(z), d1 = phi'(z), d2 = phi''(z) (NULL: not wanted). y may be z. slope: of the negative side of leaky
    // relu.
    void (*activate[TW_ACT_COUNT])(int64_t n, double slope, const void *z, void *y, void *d1, void *d2);
    void (*multiply)(int64_t n, const void *x, const void *y, void *out);     // out = x y; out may be x or y
    void (*multiply_add)(int64_t n, const void *x, const void *y, void *out); // out += x y
    void (*scale_tangent)(int64_t s, int64_t k, int64_t f, const void *d, const void *xt, void *yt); // yt = d[s][f] xt
    // xbt = d[s][f] ybt + e[s][f] zt[s][k][f], added when add; xbt may be ybt; without the second term when e is NULL.
    void (*activate_bwd_tan)(int64_t s, int64_t k, int64_t f, bool add, const void *d, const void *e, const void *zt,
                             const void *ybt, void *xbt);
    // c[s][k] = sum over f of yb[s][f] yt[s][k][f], summed in double.
    void (*dots)(int64_t s, int64_t k, int64_t f, const void *yb, const void *yt, double *c);
    void (*weight_rows)(int64_t s, int64_t k, int64_t f, const double *c, const void *yb,
                        void *ybt);                                            // ybt = c[s][k] yb
    void (*square_norms)(int64_t rows, int64_t f, const void *x, double *out); // out[rows] = |x[row]|^2
    // y[s][f] = sum over k of x[s][k][f]^2, added when add.
    void (*direction_squares)(int64_t s, int64_t k, int64_t f, bool add, const void *x, void *y);
    void (*from_double)(int64_t n, const double *x, void *y);
    void (*to_double)(int64_t n, double scale, const void *x, double *y);     // y = scale x
    void (*add_to_double)(int64_t n, double scale, const void *x, double *y); // y += scale x
    // The same with every row of c channels by p positions, [c][p] in double, stored [p][c] here. n is a multiple of c
    // p.
    void (*import_rows)(int64_t n, int64_t c, int64_t p, const double *x, void *y);
    void (*export_rows)(int64_t n, int64_t c, int64_t p, double scale, bool add, const void *x, double *y);
    void (*from_float)(int64_t n, const float *x, void *y);
    void (*axpy)(int64_t n, double a, const void *x, void *y); // y += a x
    // Losses: per-sample loss[s] (double), and yb = d loss / d z. p: what the tangent needs, [s][f].
    void (*xent)(int64_t s, int64_t f, const void *z, const int32_t *label, void *p, void *yb, double *loss);
    void (*xent_tan)(int64_t s, int64_t k, int64_t f, const void *p, const void *zt, void *ybt);
    // loss = scale/2 |z - t|^2, yb = scale (z - t); label one-hot when t is NULL.
    void (*square)(int64_t s, int64_t f, double scale, const void *z, const int32_t *label, const double *t, void *yb,
                   double *loss);
    void (*square_tan)(int64_t n, double scale, const void *zt, void *ybt);
    // One output z: loss = ln(1 + exp(z)) - y z for y = label in {0, 1}; p[s] = sigma(z)(1 - sigma(z)).
    void (*logistic)(int64_t s, const void *z, const int32_t *label, void *p, void *yb, double *loss);
    // u[s][f][f]: rows with sum over c of u_c u_c' = d2 loss / d z2, from the p of the loss above.
    void (*xent_factor)(int64_t s, int64_t f, const void *p, void *u);
    void (*square_factor)(int64_t s, int64_t f, double scale, void *u);
    void (*logistic_factor)(int64_t s, const void *p, void *u);
    // yb = d loss / d z when the label is drawn from the model itself; u[s][f] uniform on [0, 1) (normal for square).
    void (*xent_sample)(int64_t s, int64_t f, const void *p, const double *u, void *yb);
    void (*logistic_sample)(int64_t s, const void *z, const double *u, void *yb);
    int64_t (*count_right)(int64_t s, int64_t f, const void *z, const int32_t *label); // f = 1: z > 0 means label 1
} tw_pointwise;

// A window sliding over images stored [h w][c], channel last: oh x ow places, kh x kw positions each, the first at
// (-top, -left); positions outside the image are zero.
typedef struct tw_window {
    int64_t h, w, c, oh, ow, kh, kw, stride, top, left;
} tw_window;

// Images of k directions are [s][h w][k][c]; a line is one row of places, counted over all samples: s oh of them.
typedef struct tw_spatial {
    // cols[lines ow][k][kh kw c] = the windows of lines first ... first + lines - 1.
    void (*patches)(const tw_window *win, int64_t k, int64_t first, int64_t lines, const void *x, void *cols);
    void (*patches_add)(const tw_window *win, int64_t k, int64_t first, int64_t lines, const void *cols,
                        void *x); // adjoint
    // y = the largest of each window and channel, index[s][oh ow][c] its position; the first one wins a tie.
    void (*max_pool)(const tw_window *win, int64_t s, const void *x, void *y, int32_t *index);
    void (*pool_gather)(const tw_window *win, int64_t s, int64_t k, const void *xt, const int32_t *index, void *yt);
    void (*pool_scatter)(const tw_window *win, int64_t s, int64_t k, const void *yb, const int32_t *index,
                         void *xb);                                                        // adds
    void (*mean_pool)(const tw_window *win, int64_t s, int64_t k, const void *x, void *y); // windows inside the image
    void (*mean_scatter)(const tw_window *win, int64_t s, int64_t k, const void *yb, void *xb); // adds
    // [s][p][k][c] to [s][k][p][c], and back, adding when add.
    void (*gather_positions)(int64_t s, int64_t p, int64_t k, int64_t c, const void *x, void *y);
    void (*scatter_positions)(int64_t s, int64_t p, int64_t k, int64_t c, bool add, const void *y, void *x);
    // Live outputs of one image of p places and c channels: d (relu's derivative) is not 0 and, when index is not NULL,
    // some window chose it; index[windows][c]. Windows do not overlap. start[p + 1], channel[p c].
    void (*live)(int64_t p, int64_t c, const void *d, int64_t windows, const int32_t *index, int32_t *start,
                 int32_t *channel);
    // One image [c][p] of float (from = 4) or double (8) to [p][c] of the table's type.
    void (*load_image)(int from, int64_t c, int64_t p, const void *x, void *y);
} tw_spatial;

// A convolution of some images of which only some outputs are live (kernel/live.inc): those of place p, counted over
// all images, are channel[start[p]] ... channel[start[p + 1] - 1], ascending.
typedef struct tw_live {
    tw_window win;
    int64_t out, k, images;
    int64_t most;         // live outputs in an image at most: what room is for
    const int32_t *start; // [images oh ow + 1]
    const int32_t *channel;
    void *room; // tw_live_room numbers, 64-byte aligned
} tw_live;

// Of these start, channel and room need not be set; of the second images neither: how many are best worked at once.
int64_t tw_live_room(const tw_live *l);
int64_t tw_live_images(const tw_live *l);

typedef struct tw_lively {
    // wbt[k][out][kh kw c] += ybt' P(x) + yb' P(xt), bbt[k][out] += sum ybt; xt NULL: without the second term; bbt
    // NULL: not wanted. With k = 1 and xt NULL this is the gradient.
    void (*grad)(const tw_live *l, const void *x, const void *xt, const void *yb, const void *ybt, void *wbt,
                 void *bbt);
    // xbt += P'(ybt w + yb wt), wt [k][out][kh kw c] or NULL: without the second term.
    void (*back)(const tw_live *l, const void *w, const void *wt, const void *yb, const void *ybt, void *xbt);
    // yt = P(xt) w' + P(x) wt' + bt where live, 0 elsewhere; xt NULL: without the first term; bt [k][out] or NULL.
    void (*tan)(const tw_live *l, const void *x, const void *xt, const void *w, const void *wt, const void *bt,
                void *yt);
} tw_lively;

// Convolutions of few channels without patches (kernel/direct.inc): s images [h w][k][c] to [oh ow][k][out].
typedef struct tw_direct {
    tw_window win;
    int64_t s, k, out;
    void *room;                        // tw_direct_room numbers
    int64_t band, result, pack, steps; // how it is divided
} tw_direct;

int64_t tw_direct_room(tw_direct *l); // also sets how the room is divided; a smaller s needs no more

typedef struct tw_directly {
    // yt = P(xt) w' + P(x) wt', w [out][kh kw c], wt [k][out][kh kw c]. A term whose x or xt is NULL is left out, but
    // not both. Forward is the first term alone, with k = 1.
    void (*apply)(const tw_direct *l, const void *x, const void *xt, const void *w, const void *wt, void *yt);
    // xbt = P'(ybt w + yb wt), added when add; yb NULL: without the second term.
    void (*back)(const tw_direct *l, const void *yb, const void *ybt, const void *w, const void *wt, bool add,
                 void *xbt);
    // wbt[k][out][kh kw c] = ybt' P(x) + yb' P(xt); xt NULL: without the second term.
    void (*grad)(const tw_direct *l, const void *x, const void *xt, const void *yb, const void *ybt, void *wbt);
} tw_directly;

// Normalised groups of a matrix of rows x f numbers: each column over the rows (batch norm), or each row over its f
// numbers (layer norm). hat = (x - mean) r with r = 1/sqrt(var + eps); fixed: mean and r are constants.
typedef struct tw_groups {
    int64_t rows, f;
    bool columns, fixed;
} tw_groups;

// P(u) = u - mean(u) - hat mean(u hat) over each group; the identity where the groups are fixed. Tangents are
// [rows][k][f]; gamma and beta belong to columns.
typedef struct tw_norm {
    void (*stats)(const tw_groups *g, double eps, const void *x, void *mean,
                  void *r); // var over the count; fixed: x = mean [f], var [f]
    void (*hat)(const tw_groups *g, const void *x, const void *mean, const void *r, void *hat);
    void (*affine)(const tw_groups *g, const void *gamma, const void *beta, const void *hat, void *y);
    void (*hat_tan)(const tw_groups *g, int64_t k, const void *xt, const void *hat, const void *r,
                    void *hat_t); // hat_t = r P(xt)
    // yt = gamma hat_t + gamma_t hat + beta_t; gamma_t, beta_t [k][f].
    void (*affine_tan)(const tw_groups *g, int64_t k, const void *gamma, const void *gamma_t, const void *beta_t,
                       const void *hat, const void *hat_t, void *yt);
    void (*bwd)(const tw_groups *g, int64_t k, bool add, const void *gamma, const void *yb, const void *hat,
                const void *r, void *xb); // xb = r P(gamma yb), k adjoints at once
    // The derivative of bwd (k = 1) along (gamma_t, ybt, xt); hat_t from hat_tan.
    void (*bwd_tan)(const tw_groups *g, int64_t k, bool add, const void *gamma, const void *gamma_t, const void *yb,
                    const void *ybt, const void *xt, const void *hat, const void *hat_t, const void *r, void *xbt);
    // out[k][f] (+)= sum over rows of x[rows][f] xt[rows][k][f]
    void (*column_dots)(int64_t rows, int64_t k, int64_t f, bool add, const void *x, const void *xt, void *out);
    // y = softmax(c x) over each run of n numbers of a row; causal: row i (of every `positions` rows) sees only its
    // first i + 1 numbers, the others are 0.
    void (*softmax)(int64_t rows, int64_t positions, int64_t groups, int64_t n, bool causal, double c, const void *x,
                    void *y);
    // xb (+)= c y (yb - <y, yb>), k at once: tangent and adjoint alike.
    void (*softmax_tan)(int64_t rows, int64_t k, int64_t groups, int64_t n, bool add, double c, const void *y,
                        const void *yb, void *xb);
    // xbt (+)= c [y (ybt - <y, ybt>) + yt (yb - <y, yb>) - y <yt, yb>] with yt = c y (xt - <y, xt>).
    void (*softmax_bwd_tan)(int64_t rows, int64_t k, int64_t groups, int64_t n, bool add, double c, const void *y,
                            const void *yb, const void *xt, const void *ybt, void *xbt);
} tw_norm;

typedef struct tw_blocks {
    // to[i][j] (+)= from[i][j] for rows of width numbers, ld numbers from row to row.
    void (*copy)(int64_t rows, int64_t width, bool add, int64_t ld_from, const void *from, int64_t ld_to, void *to);
    // y[s][p][k][f] = E[k][x[s][p]][f] + P[k][p][f], x [s][px] whole numbers below words.
    void (*embed)(int64_t s, int64_t px, int64_t p, int64_t k, int64_t f, int64_t words, const void *x, const void *e,
                  const void *place, void *y);
    void (*embed_sum)(int64_t s, int64_t px, int64_t p, int64_t k, int64_t f, int64_t words, const void *x,
                      const void *yb, void *eb, void *placeb); // its adjoint, written
    // mask[n] = 0 with probability rate, else 1 / (1 - rate): number i is a function of (seed, index, i).
    void (*mask)(int64_t n, double rate, uint64_t seed, uint64_t index, void *mask);
    void (*next_labels)(int64_t s, int64_t p, const void *x, int32_t *label); // label[s][i] = x[s][i + 1], x [s][p + 1]
} tw_blocks;

typedef struct tw_kernels {
    const char *name; // "f32", "split3", "split6", "f64", "ref32", "ref64"
    tw_real real;

    // C = op(A) op(B) + beta C, beta 0 or 1; op(A) is m x k, op(B) k x n, C m x n; ld: numbers from row to row of the
    // array as stored. With beta 0, C need not be initialised. m, n or k may be 0. Every element is summed over k in an
    // order that depends on the shape alone, so equal calls give equal bits on any thread.
    void (*gemm)(bool ta, bool tb, int64_t m, int64_t n, int64_t k, const void *a, int64_t lda, const void *b,
                 int64_t ldb, int beta, void *c, int64_t ldc);

    const tw_pointwise *map;
    const tw_spatial *image;
    const tw_norm *norm;
    const tw_blocks *block;
    const tw_lively *live;     // NULL: all outputs are worked alike
    const tw_directly *direct; // NULL: convolutions are products with patches
} tw_kernels;

// By name; NULL when there is none or the processor lacks what it needs.
const tw_kernels *tw_kernels_find(const char *name);

#endif
