// SPDX-License-Identifier: MIT
// Convolutions without patches, on every instruction set this processor has.
//
// Truth: the sums written out, place by place. All numbers are small integers, so sums are exact in both types and bits
// are compared: neither order nor blocking can hide a fault.
#include "kernel/exact.h"
#include "kernel/gemm_tiles.h"

static const struct {
    tw_window win;
    int64_t s, out, k;
} cases[] = {
    // Same padding, and more than one image in a band.
    {{.h = 6, .w = 5, .c = 16, .oh = 6, .ow = 5, .kh = 3, .kw = 3, .stride = 1, .top = 1, .left = 1}, 3, 16, 1},
    {{.h = 6, .w = 5, .c = 16, .oh = 6, .ow = 5, .kh = 3, .kw = 3, .stride = 1, .top = 1, .left = 1}, 2, 16, 7},
    // Odd numbers of channels, windows that are not square, sizes under which places end before the image does.
    {{.h = 7, .w = 9, .c = 3, .oh = 5, .ow = 8, .kh = 3, .kw = 2, .stride = 1}, 2, 21, 2},
    {{.h = 8, .w = 8, .c = 20, .oh = 3, .ow = 3, .kh = 3, .kw = 2, .stride = 2}, 2, 5, 8},
    {{.h = 8, .w = 8, .c = 32, .oh = 4, .ow = 4, .kh = 3, .kw = 3, .stride = 2, .left = 1}, 3, 48, 2},
    {{.h = 11, .w = 10, .c = 17, .oh = 3, .ow = 3, .kh = 5, .kw = 4, .stride = 3, .top = 1}, 2, 33, 3},
    // Pixels no window reaches.
    {{.h = 9, .w = 8, .c = 16, .oh = 5, .ow = 4, .kh = 1, .kw = 1, .stride = 2}, 2, 32, 3},
    {{.h = 9, .w = 7, .c = 4, .oh = 3, .ow = 2, .kh = 2, .kw = 2, .stride = 3}, 2, 4, 1},
    // More than one band, of which the last is lower, and a band that holds a single line.
    {{.h = 41, .w = 40, .c = 16, .oh = 41, .ow = 40, .kh = 3, .kw = 3, .stride = 1, .top = 1, .left = 1}, 2, 8, 3},
    {{.h = 5, .w = 300, .c = 18, .oh = 3, .ow = 150, .kh = 3, .kw = 3, .stride = 2, .top = 1, .left = 1}, 1, 3, 15},
};

// terms: 1: the first of each sum, 2: both; 3: of apply the second alone, as where the image has no tangent.
static void check(const tw_directly *direct, tw_real real, const tw_window *win, int64_t s, int64_t out, int64_t k,
                  int terms, bool add)
{
    const int64_t c = win->c, places = win->oh * win->ow, patch = win->kh * win->kw * c, image = win->h * win->w * c;
    const double first = terms != 3, second = terms != 1;
    double *x = integers(s * image, 1), *xt = integers(s * image * k, 2), *w = integers(out * patch, 3);
    double *wt = integers(out * patch * k, 4), *yb = integers(s * places * out, 5);
    double *ybt = integers(s * places * out * k, 6), *xbt = integers(s * image * k, 7);
    double *yt = integers(s * places * out * k, 8), *wbt = integers(out * patch * k, 9);
    tw_direct l = {.win = *win, .s = s, .out = out, .k = k};
    must(tw_alloc(tw_direct_room(&l), (size_t)real, &l.room));
    void *fx = typed(real, s * image, x), *fxt = typed(real, s * image * k, xt), *fw = typed(real, out * patch, w);
    void *fwt = typed(real, out * patch * k, wt), *fyb = typed(real, s * places * out, yb);
    void *fybt = typed(real, s * places * out * k, ybt), *fxbt = typed(real, s * image * k, xbt);
    void *fyt = typed(real, s * places * out * k, yt), *fwbt = typed(real, out * patch * k, wbt);

    for (int64_t i = 0; i < out * patch * k; i++) wbt[i] = 0;
    for (int64_t i = 0; !add && i < s * image * k; i++) xbt[i] = 0;
    for (int64_t p = 0; p < s * places; p++)
        for (int64_t r = 0; r < k; r++)
            for (int64_t o = 0; o < out; o++) {
                const double a = ybt[(p * k + r) * out + o], b = second * yb[p * out + o];
                double sum = 0;
                for (int64_t i = 0; i < patch; i++) {
                    const int64_t row = p % places / win->ow * win->stride - win->top + i / c / win->kw;
                    const int64_t col = p % win->ow * win->stride - win->left + i / c % win->kw;
                    if (row < 0 || row >= win->h || col < 0 || col >= win->w) continue;
                    const int64_t at = (p / places * win->h + row) * win->w + col;
                    const int64_t value = at * c + i % c, tangent = (at * k + r) * c + i % c;
                    const int64_t weight = o * patch + i, moved = (r * out + o) * patch + i;
                    wbt[moved] += a * x[value] + b * xt[tangent];
                    xbt[tangent] += a * w[weight] + b * wt[moved];
                    sum += second * x[value] * wt[moved] + first * xt[tangent] * w[weight];
                }
                yt[(p * k + r) * out + o] = sum;
            }

    direct->apply(&l, terms != 1 ? fx : NULL, terms != 3 ? fxt : NULL, fw, fwt, fyt);
    direct->back(&l, terms != 1 ? fyb : NULL, fybt, fw, fwt, add, fxbt);
    direct->grad(&l, fx, terms != 1 ? fxt : NULL, fyb, fybt, fwbt);

    same(real, s * places * out * k, fyt, yt);
    same(real, s * image * k, fxbt, xbt);
    same(real, out * patch * k, fwbt, wbt);
    void *all[] = {x, xt, w, wt, yb, ybt, xbt, yt, wbt, l.room, fx, fxt, fw, fwt, fyb, fybt, fxbt, fyt, fwbt};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

static void sums_without_patches_are_exact(void **state)
{
    (void)state;
    static const char *const names[] = {"plain", "avx2", "avx512"};
    for (size_t t = 0; t < sizeof names / sizeof *names; t++) {
        const tw_tiles *tiles = tw_tiles_find(names[t]);
        for (size_t i = 0; tiles && i < sizeof cases / sizeof *cases; i++)
            for (int terms = 1; terms <= 3; terms++) {
                const tw_window *win = &cases[i].win;
                check(&tiles->direct32, TW_F32, win, cases[i].s, cases[i].out, cases[i].k, terms, terms == 2);
                check(&tiles->direct64, TW_F64, win, cases[i].s, cases[i].out, cases[i].k, terms, terms == 1);
            }
    }
}

int main(void)
{
    must(tw_threads_set(1));
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_without_patches_are_exact)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
