// SPDX-License-Identifier: MIT
// How long a data set takes to open, beside what nobody can save: inflating the same file on one thread.
#include "bench.h"
#include "data/stream.h"
#include "thalweg/data.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct work {
    const char *spec;
    tw_data_opts opts;
    tw_bytes packed;
} work;

static void check(tw_status st)
{
    if (st == TW_OK) return;
    fprintf(stderr, "%s\n", tw_error());
    exit(2);
}

static void open_data(void *ctx)
{
    work *w = ctx;
    tw_data *data = NULL;
    check(tw_data_open(w->spec, &w->opts, &data));
    tw_data_free(data);
}

static void inflate_alone(void *ctx)
{
    work *w = ctx;
    static uint8_t block[1 << 16];
    tw_stream s = {0};
    check(tw_stream_open(&s, w->spec, w->packed.data, w->packed.size));
    for (int i = 0; i < 60000 * 784 / (1 << 16); i++) check(tw_stream_read(&s, sizeof block, block));
    tw_stream_close(&s);
}

int main(void)
{
    static const struct {
        const char *what, *spec, *split, *scale;
        int real;
    } cases[] = {
        {"Fashion-MNIST, 60,000 images, float", "fashion-mnist", "train", NULL, 4},
        {"the same in double", "fashion-mnist", "train", NULL, 8},
        {"standardised", "fashion-mnist", "train", "standard", 4},
        {"test part, 10,000 images", "fashion-mnist", "test", NULL, 4},
        {"Gaussian mixture, 100,000 x 50", "gauss:n=100000", "train", NULL, 8},
    };
    work w = {.spec = "train images"};
    bench_machine();
    check(tw_bytes_load("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz", &w.packed));
    printf("%-40s %7.3f s\n", "inflating its train images, one thread", bench_best(1, inflate_alone, &w));
    tw_bytes_free(&w.packed);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        w.spec = cases[i].spec;
        w.opts = tw_data_defaults();
        w.opts.split = cases[i].split;
        w.opts.scale = cases[i].scale;
        w.opts.real = cases[i].real;
        printf("%-40s %7.3f s\n", cases[i].what, bench_best(1, open_data, &w));
    }
    return 0;
}
