// SPDX-License-Identifier: MIT
// The live convolutions of live.inc by the best instruction set there is, and the room they need.
#include "kernel/gemm.h"
#include "kernel/gemm_tiles.h"

// What either number type needs on any processor: floats fill a band with most entries, and widest vectors.
int64_t tw_live_room(const tw_live *l)
{
    const tw_window *win = &l->win;
    const int64_t row = win->w * l->k * win->c * (int64_t)sizeof(float) * win->stride, words = 2, lanes = 16;
    const int64_t rows = TW_LIVE_BAND / row < 1 ? 1 : TW_LIVE_BAND / row, band = rows > win->oh ? win->oh : rows;
    const int64_t entries = band * win->ow * l->out;
    return entries * (l->k + 1 + words) + (l->out + win->oh * win->ow + 2) * words +
           l->out * l->k * TW_LIVE_CHUNK * 2 * lanes + 64;
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
