// SPDX-License-Identifier: MIT
// The convolutions of direct.inc by the best instruction set there is, and the room they need.
#include "kernel/gemm.h"
#include "kernel/gemm_tiles.h"

static int64_t up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

// What either number type needs on any processor, in either direction: vectors are at most CHUNK numbers, a float is
// half a step.
int64_t tw_direct_room(tw_direct *l)
{
    enum { CHUNK = TW_DIRECT_CHUNK };
    const tw_window *win = &l->win;
    const int64_t k = l->k, positions = win->kh * win->kw, most = TW_DIRECT_BAND / (int64_t)sizeof(float);
    const int64_t in = up(win->c, CHUNK), out = up(l->out, CHUNK);
    // One line of places at least: forwards, and backwards with lines of pixels.
    const int64_t forwards = win->kh * (win->ow + win->kw) * win->stride * k * in;
    const int64_t backwards = win->kh * (win->w + win->kw) * k * out;
    const int64_t line = forwards > backwards ? forwards : backwards, result = win->w * k * in;
    const int64_t columns = (k + 1) * positions;
    const int64_t pack_forwards = columns * win->c * out, pack_backwards = columns * l->out * in;
    l->band = up(line > most ? line : most, CHUNK);
    l->result = win->stride == 1 ? 0 : up(result > most ? result : most, CHUNK);
    l->pack = up(pack_forwards > pack_backwards ? pack_forwards : pack_backwards, CHUNK);
    l->steps = 2 * positions * (in > out ? in : out) / CHUNK;
    return l->band + l->result + l->pack + 2 * 2 * l->steps;
}

static void direct_apply_f32(const tw_direct *l, const void *x, const void *xt, const void *w, const void *wt, void *yt)
{
    tw_tiles_best()->direct32.apply(l, x, xt, w, wt, yt);
}
static void direct_back_f32(const tw_direct *l, const void *yb, const void *ybt, const void *w, const void *wt,
                            bool add, void *xbt)
{
    tw_tiles_best()->direct32.back(l, yb, ybt, w, wt, add, xbt);
}
static void direct_grad_f32(const tw_direct *l, const void *x, const void *xt, const void *yb, const void *ybt,
                            void *wbt)
{
    tw_tiles_best()->direct32.grad(l, x, xt, yb, ybt, wbt);
}
const tw_directly tw_direct_f32 = {direct_apply_f32, direct_back_f32, direct_grad_f32};

static void direct_apply_f64(const tw_direct *l, const void *x, const void *xt, const void *w, const void *wt, void *yt)
{
    tw_tiles_best()->direct64.apply(l, x, xt, w, wt, yt);
}
static void direct_back_f64(const tw_direct *l, const void *yb, const void *ybt, const void *w, const void *wt,
                            bool add, void *xbt)
{
    tw_tiles_best()->direct64.back(l, yb, ybt, w, wt, add, xbt);
}
static void direct_grad_f64(const tw_direct *l, const void *x, const void *xt, const void *yb, const void *ybt,
                            void *wbt)
{
    tw_tiles_best()->direct64.grad(l, x, xt, yb, ybt, wbt);
}
const tw_directly tw_direct_f64 = {direct_apply_f64, direct_back_f64, direct_grad_f64};
