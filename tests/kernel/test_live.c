// SPDX-License-Identifier: MIT
// Convolutions of which only some outputs are live, on every instruction set this processor has.
//
// Truth: the sums written out, place by place. All numbers are small integers, so sums are exact in both types and bits
// are compared: neither order nor blocking can hide a fault.
#include "kernel/exact.h"
#include "kernel/gemm_tiles.h"

static const struct {
    tw_window win;
    int64_t out, k, images;
} cases[] = {
    {{.h = 5, .w = 6, .c = 3, .oh = 3, .ow = 4, .kh = 3, .kw = 3, .stride = 1}, 4, 1, 1},
    {{.h = 5, .w = 6, .c = 16, .oh = 5, .ow = 6, .kh = 3, .kw = 3, .stride = 1, .top = 1, .left = 1}, 5, 8, 2},
    {{.h = 7, .w = 5, .c = 20, .oh = 3, .ow = 2, .kh = 3, .kw = 2, .stride = 2}, 7, 7, 3},
    {{.h = 7, .w = 5, .c = 9, .oh = 4, .ow = 3, .kh = 3, .kw = 3, .stride = 2, .top = 1, .left = 1}, 7, 2, 1},
    {{.h = 6, .w = 6, .c = 100, .oh = 2, .ow = 2, .kh = 5, .kw = 5, .stride = 1}, 6, 15, 1},
    {{.h = 9, .w = 9, .c = 8, .oh = 3, .ow = 3, .kh = 7, .kw = 7, .stride = 1}, 3, 5, 2},
    {{.h = 40, .w = 40, .c = 33, .oh = 38, .ow = 38, .kh = 3, .kw = 3, .stride = 1}, 9, 3, 1}, // more than one band
    {{.h = 4, .w = 4, .c = 230, .oh = 2, .ow = 2, .kh = 3, .kw = 3, .stride = 1}, 14, 9, 1},   // slices by and by
    {{.h = 4, .w = 4, .c = 230, .oh = 2, .ow = 2, .kh = 3, .kw = 3, .stride = 1}, 3, 1, 2},
    {{.h = 4, .w = 3, .c = 16, .oh = 2, .ow = 3, .kh = 4, .kw = 4, .stride = 1, .top = 1, .left = 2}, 170, 1, 2},
    {{.h = 3, .w = 3, .c = 17, .oh = 3, .ow = 3, .kh = 3, .kw = 3, .stride = 1, .top = 1, .left = 1}, 150, 6, 1},
};

static void check(const tw_lively *live, tw_real real, const tw_window *win, int64_t out, int64_t k, int64_t images,
                  bool two)
{
    const int64_t c = win->c, each = win->oh * win->ow, places = images * each, patch = win->kh * win->kw * c;
    const int64_t image = images * win->h * win->w * c;
    double *x = integers(image, 1), *xt = integers(image * k, 2), *w = integers(out * patch, 3);
    double *wt = integers(out * patch * k, 4), *yb = integers(places * out, 5), *ybt = integers(places * out * k, 6);
    double *bt = integers(out * k, 7), *chance = integers(places * out, 8), *wbt = integers(out * patch * k, 9);
    double *bbt = integers(out * k, 10), *xbt = integers(image * k, 11), *yt = NULL;
    int32_t *start = NULL, *channel = NULL;
    must(tw_alloc(places * out * k, sizeof *yt, &yt));
    must(tw_alloc(places + 1, sizeof *start, &start));
    must(tw_alloc(places * out, sizeof *channel, &channel));
    tw_live l = {.win = *win, .out = out, .k = k, .images = images, .start = start, .channel = channel};
    l.most = each * out;
    must(tw_alloc(tw_live_room(&l), (size_t)real, &l.room));
    void *fx = typed(real, image, x), *fxt = typed(real, image * k, xt), *fw = typed(real, out * patch, w);
    void *fwt = typed(real, out * patch * k, wt), *fyb = typed(real, places * out, yb), *fbt = typed(real, out * k, bt);
    void *fybt = typed(real, places * out * k, ybt), *fwbt = typed(real, out * patch * k, wbt);
    void *fbbt = typed(real, out * k, bbt), *fxbt = typed(real, image * k, xbt),
         *fyt = typed(real, places * out * k, yt);

    start[0] = 0;
    for (int64_t p = 0; p < places; p++) {
        start[p + 1] = start[p];
        for (int64_t o = 0; o < out; o++) {
            for (int64_t r = 0; r < k; r++) yt[(p * k + r) * out + o] = 0;
            if (chance[p * out + o] < 0) continue; // two in five are not live
            channel[start[p + 1]++] = (int32_t)o;
            for (int64_t r = 0; r < k; r++) {
                const double a = ybt[(p * k + r) * out + o], b = two ? yb[p * out + o] : 0;
                double sum = bt[r * out + o];
                bbt[r * out + o] += a;
                for (int64_t i = 0; i < win->kh * win->kw * c; i++) {
                    const int64_t row = p % each / win->ow * win->stride + i / c / win->kw - win->top;
                    const int64_t column = p % win->ow * win->stride + i / c % win->kw - win->left;
                    if (row < 0 || row >= win->h || column < 0 || column >= win->w) continue;
                    const int64_t at = (p / each * win->h + row) * win->w + column;
                    const int64_t value = at * c + i % c, tangent = (at * k + r) * c + i % c;
                    const int64_t weight = o * patch + i, moved = (r * out + o) * patch + i;
                    wbt[moved] += a * x[value] + b * xt[tangent];
                    xbt[tangent] += a * w[weight] + b * wt[moved];
                    sum += x[value] * wt[moved] + (two ? xt[tangent] * w[weight] : 0);
                }
                yt[(p * k + r) * out + o] = sum;
            }
        }
    }
    live->grad(&l, fx, two ? fxt : NULL, fyb, fybt, fwbt, fbbt);
    live->back(&l, fw, two ? fwt : NULL, fyb, fybt, fxbt);
    live->tan(&l, fx, two ? fxt : NULL, fw, fwt, fbt, fyt);

    same(real, out * patch * k, fwbt, wbt);
    same(real, out * k, fbbt, bbt);
    same(real, image * k, fxbt, xbt);
    same(real, places * out * k, fyt, yt);
    void *all[] = {x,       xt,     w,  wt,  yb, ybt, bt,  chance, wbt,  bbt,  xbt,  yt,   start,
                   channel, l.room, fx, fxt, fw, fwt, fyb, fbt,    fybt, fwbt, fbbt, fxbt, fyt};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void sums_over_live_outputs_are_exact(void **state)
{
    (void)state;
    static const char *const names[] = {"plain", "avx2", "avx512"};
    for (size_t t = 0; t < sizeof names / sizeof *names; t++) {
        const tw_tiles *tiles = tw_tiles_find(names[t]);
        for (size_t i = 0; tiles && i < sizeof cases / sizeof *cases; i++)
            for (int two = 0; two < 2; two++) {
                check(&tiles->live32, TW_F32, &cases[i].win, cases[i].out, cases[i].k, cases[i].images, two);
                check(&tiles->live64, TW_F64, &cases[i].win, cases[i].out, cases[i].k, cases[i].images, two);
            }
    }
}

int main(void)
{
    must(tw_threads_set(1));
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_over_live_outputs_are_exact)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
