// SPDX-License-Identifier: MIT
// The live convolutions of live.inc by the best instruction set there is, and the room they need.
#include "kernel/gemm.h"
#include "kernel/gemm_tiles.h"

static int64_t pixels(const tw_window *win) // with the rim
{
    return ((win->oh - 1) * win->stride + win->kh) * ((win->ow - 1) * win->stride + win->kw);
}

int64_t tw_live_lines(const tw_live *l, int64_t vector)
{
    const int64_t line = ((l->win.ow - 1) * l->win.stride + l->win.kw) * vector;
    const int64_t lines = (TW_LIVE_NEAR / line - 2) / l->win.stride; // beside the rows of the window below
    return lines < 1 ? 1 : lines;
}

int64_t tw_live_slices(const tw_live *l, int64_t vector)
{
    const int64_t fit = TW_LIVE_NEAR / (4 * l->win.kh * l->win.kw * vector);
    return fit < 1 ? 1 : fit;
}

int64_t tw_live_wide(const tw_live *l, int64_t vector)
{
    const int64_t wide = TW_LIVE_SLICE / (tw_live_slices(l, vector) * l->win.kh * l->win.kw * vector);
    return wide < 1 ? 1 : wide;
}

// Where the weights of all directions are more than a slice they come from memory in every call: then so many images
// that the slices of their pixels at hand stay in the cache instead, and that the weights are read a few times less.
int64_t tw_live_images(const tw_live *l)
{
    enum { MOST = 4, VECTOR = 64 };
    const int64_t weights = l->win.kh * l->win.kw * l->win.c * l->out * l->k * (int64_t)sizeof(float);
    const int64_t fit = TW_LIVE_SLICE / (tw_live_slices(l, VECTOR) * pixels(&l->win) * VECTOR);
    if (weights <= TW_LIVE_SLICE || fit < 1) return 1;
    return fit < MOST ? fit : MOST;
}

// What either number type needs with any vectors, in numbers: a slice has at most 16 channels, but where slices come by
// bytes (tan) there may be more of narrower ones.
int64_t tw_live_room(const tw_live *l)
{
    enum { LANES = 16, WIDEST = 64, LINE = 16, PIECES = 9 };
    const int64_t places = l->images * l->win.oh * l->win.ow, entries = l->images * l->most;
    const int64_t images = l->images * pixels(&l->win) * LANES, window = l->win.kh * l->win.kw;
    const int64_t groups = l->images * l->win.oh / tw_live_lines(l, WIDEST) + 1;
    const int64_t blocks = (l->out + TW_LIVE_CHANNELS - 1) / TW_LIVE_CHANNELS, high = l->k < 8 ? l->k : 8;
    const int64_t grad = entries * (2 + l->k) + (groups + 1) * l->out + images;
    const int64_t back = (blocks + 2) * places + entries * (1 + l->k) + l->out * TW_LIVE_TILE * LANES + high * images;
    const int64_t fit = TW_LIVE_NEAR / (4 * window * (int64_t)sizeof(float)),
                  rounded = (l->win.c + LANES - 1) / LANES * LANES;
    const int64_t deep = fit < LANES ? LANES : fit < rounded ? fit : rounded; // channels of the slices at once
    const int64_t wide = tw_live_wide(l, WIDEST), least = TW_LIVE_SLICE * 4 / TW_LIVE_NEAR; // of narrower vectors
    const int64_t cuts = l->out / (wide < least ? wide : least) + 1;
    const int64_t tan = (cuts + 2) * places + l->out + 1 + entries * (1 + 2 * l->k) +
                        deep * (l->images + 4) * pixels(&l->win) +
                        (l->out > 4 ? l->out : 4) * 2 * deep * window; // both weights with one direction
    const int64_t most = grad > back ? grad : back;
    return (most > tan ? most : tan) + PIECES * LINE;
}

static void live_grad_f32(const tw_live *l, const void *x, const void *xt, const void *yb, const void *ybt, void *wbt,
                          void *bbt)
{
    tw_tiles_best()->live32.grad(l, x, xt, yb, ybt, wbt, bbt);
}
static void live_back_f32(const tw_live *l, const void *w, const void *wt, const void *yb, const void *ybt, void *xbt)
{
    tw_tiles_best()->live32.back(l, w, wt, yb, ybt, xbt);
}
static void live_tan_f32(const tw_live *l, const void *x, const void *xt, const void *w, const void *wt, const void *bt,
                         void *yt)
{
    tw_tiles_best()->live32.tan(l, x, xt, w, wt, bt, yt);
}
const tw_lively tw_live_f32 = {live_grad_f32, live_back_f32, live_tan_f32};

static void live_grad_f64(const tw_live *l, const void *x, const void *xt, const void *yb, const void *ybt, void *wbt,
                          void *bbt)
{
    tw_tiles_best()->live64.grad(l, x, xt, yb, ybt, wbt, bbt);
}
static void live_back_f64(const tw_live *l, const void *w, const void *wt, const void *yb, const void *ybt, void *xbt)
{
    tw_tiles_best()->live64.back(l, w, wt, yb, ybt, xbt);
}
static void live_tan_f64(const tw_live *l, const void *x, const void *xt, const void *w, const void *wt, const void *bt,
                         void *yt)
{
    tw_tiles_best()->live64.tan(l, x, xt, w, wt, bt, yt);
}
const tw_lively tw_live_f64 = {live_grad_f64, live_back_f64, live_tan_f64};
