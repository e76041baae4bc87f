// SPDX-License-Identifier: MIT
// From the words after --data to samples: parts, subsets, scales, random labels, messages.
#include "fixture.h"

#include "data/checksum.h"
#include "thalweg/data.h"
#include <unistd.h>

static tw_data *open_or_die(const char *spec, const tw_data_opts *opts)
{
    tw_data *data = NULL;
    must(tw_data_open(spec, opts, &data));
    return data;
}

static tw_data_opts doubles(void)
{
    tw_data_opts opts = tw_data_defaults();
    opts.real = 8;
    return opts;
}

static char spec[2048], folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/tw_open_XXXXXX");
    return mkdtemp(folder) ? 0 : 1;
}

static int drop_folder(void **state)
{
    (void)state;
    return rmdir(folder); // fails when a test left something behind
}

static const char *idx_spec(void)
{
    snprintf(spec, sizeof spec, "idx:%s,%s,test-images=%s,test-labels=%s", fixture("images.idx.gz"),
             fixture("labels.idx"), fixture("images.idx"), fixture("labels.idx.gz"));
    return spec;
}

// Truth: pixels are 0, 10, ..., 230; the nearest float or double of pixel / 255 is what division gives.
static void images_become_numbers_from_0_to_1_in_either_width(void **state)
{
    (void)state;
    for (int real = 4; real <= 8; real += 4) {
        tw_data_opts opts = tw_data_defaults();
        opts.real = real;
        tw_data *d = open_or_die(idx_spec(), &opts);
        assert_string_equal(d->name, spec);
        assert_int_equal(d->m, 3);
        assert_int_equal(d->features, 8);
        assert_int_equal(d->height, 2);
        assert_int_equal(d->classes, 3);
        assert_int_equal(d->real, real);
        for (int i = 0; i < 24; i++) {
            if (real == 4) assert_true(((float *)d->x)[i] == (float)(10 * i) / 255);
            if (real == 8) assert_true(((double *)d->x)[i] == 10.0 * i / 255);
        }
        tw_data_free(d);
        opts.scale = "none";
        d = open_or_die(idx_spec(), &opts);
        for (int i = 0; i < 24; i++) assert_true((real == 4 ? ((float *)d->x)[i] : ((double *)d->x)[i]) == 10 * i);
        tw_data_free(d);
    }
}

static void all_is_train_then_test(void **state)
{
    (void)state;
    tw_data_opts opts = doubles();
    opts.split = "all";
    tw_data *d = open_or_die(idx_spec(), &opts);
    assert_int_equal(d->m, 6);
    for (int i = 0; i < 24; i++) assert_true(((double *)d->x)[i] == ((double *)d->x)[24 + i]);
    assert_int_equal(d->label[3], d->label[0]);
    tw_data_free(d);
    d = open_or_die("gauss:n=5,test=3,dim=2", &opts);
    assert_int_equal(d->m, 8);
    tw_data_free(d);
}

static int by_value(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : 1; }

// gauss numbers are distinct, so a sample is known by its first number.
static void train_and_validation_part_the_whole(void **state)
{
    (void)state;
    tw_data_opts opts = doubles();
    tw_data *whole = open_or_die("gauss:n=101,dim=1", &opts);
    opts.validation = 0.3;
    opts.seed = 5;
    tw_data *train = open_or_die("gauss:n=101,dim=1", &opts);
    opts.split = "validation";
    tw_data *aside = open_or_die("gauss:n=101,dim=1", &opts);
    assert_int_equal(aside->m, 30); // floor(0.3 101 + 1/2)
    assert_int_equal(train->m, 71);
    double parts[101];
    memcpy(parts, train->x, 71 * sizeof *parts);
    memcpy(parts + 71, aside->x, 30 * sizeof *parts);
    qsort(parts, 101, sizeof *parts, by_value);
    qsort(whole->x, 101, sizeof *parts, by_value);
    assert_memory_equal(parts, whole->x, sizeof parts);
    opts.seed = 6;
    tw_data *other = open_or_die("gauss:n=101,dim=1", &opts);
    assert_true(other->checksum != aside->checksum);
    tw_data_free(whole);
    tw_data_free(train);
    tw_data_free(aside);
    tw_data_free(other);
}

static void a_smaller_random_subset_begins_a_larger_one(void **state)
{
    (void)state;
    tw_data_opts opts = doubles();
    opts.samples = 20;
    tw_data *first = open_or_die("gauss:n=100,dim=3", &opts);
    opts.random_subset = true;
    tw_data *small = open_or_die("gauss:n=100,dim=3", &opts);
    opts.samples = 100;
    tw_data *large = open_or_die("gauss:n=100,dim=3", &opts);
    opts.random_subset = false;
    tw_data *whole = open_or_die("gauss:n=100,dim=3", &opts);
    assert_memory_equal(first->x, whole->x, 60 * sizeof(double));
    assert_memory_equal(small->x, large->x, 60 * sizeof(double));
    assert_memory_equal(small->label, large->label, 20 * sizeof(int32_t));
    assert_memory_not_equal(small->x, first->x, 60 * sizeof(double));
    double *x = large->x, *y = whole->x;
    for (int i = 0; i < 100; i++) { // label and features of a sample stay together
        int j = 0;
        while (x[3 * i] != y[3 * j]) j++;
        assert_int_equal(large->label[i], whole->label[j]);
    }
    tw_data_free(first);
    tw_data_free(small);
    tw_data_free(large);
    tw_data_free(whole);
}

// Truth: the moments of the training part after standardising are 0 and 1; of two numbers -1 and 1 by hand.
// Tolerance: m additions of numbers below 4 in double.
static void standardising_uses_the_training_part(void **state)
{
    (void)state;
    tw_data_opts opts = doubles();
    opts.scale = "standard";
    opts.validation = 0.25;
    tw_data *train = open_or_die("gauss:n=200,dim=4", &opts);
    for (int j = 0; j < 4; j++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < train->m; i++) {
            double x = ((double *)train->x)[4 * i + j];
            sum += x;
            squares += x * x;
        }
        double bound = 16 * 200 * DBL_EPSILON;
        assert_near(sum / (double)train->m, 0, bound);
        assert_near(squares / (double)train->m, 1, bound);
    }
    // x_validation and x_test pass through the same map as x_train: compare with the raw numbers
    opts.scale = "none";
    tw_data *raw = open_or_die("gauss:n=200,dim=4", &opts);
    opts.split = "test";
    tw_data *raw_test = open_or_die("gauss:n=200,dim=4", &opts);
    opts.scale = "standard";
    tw_data *test = open_or_die("gauss:n=200,dim=4", &opts);
    double *x = train->x, *r = raw->x, *t = test->x, *s = raw_test->x;
    double slope = (x[4] - x[0]) / (r[4] - r[0]), start = x[0] - slope * r[0];
    assert_near(t[0], start + slope * s[0],
                1e3 * DBL_EPSILON); // slope is a quotient of differences of size 1e-2 at least
    tw_data_free(train);
    tw_data_free(raw);
    tw_data_free(raw_test);
    tw_data_free(test);
}

// Truth: features (1, 5), (3, 5): means 2 and 5; all four numbers have mean 3.5 and variance (2.5^2 + 0.5^2 +
// 2 1.5^2)/4.
static void one_scale_divides_all_features_alike(void **state)
{
    (void)state;
    tw_data_opts opts = doubles();
    char path[96];
    snprintf(path, sizeof path, "%s/a.npz", folder);
    snprintf(spec, sizeof spec, "npz:%s", path);
    double x[4] = {1, 5, 3, 5}, y[2] = {0.5, -0.5}, sd = sqrt(11.0 / 4);
    const tw_array arrays[] = {{.name = (char *)"x", .rank = 2, .shape = {2, 2}, .real = 8, .x = x},
                               {.name = (char *)"y", .rank = 1, .shape = {2}, .real = 8, .x = y}};
    must(tw_arrays_save(path, 2, arrays));
    opts.scale = "one-scale";
    tw_data *d = open_or_die(spec, &opts);
    const double expected[4] = {-1 / sd, 0, 1 / sd, 0};
    for (int i = 0; i < 4; i++) assert_near(((double *)d->x)[i], expected[i], 4 * DBL_EPSILON);
    remove(path);
    tw_data_free(d);
}

// Truth: features (1, 5), (3, 5): mean 2 and 5, sd 1 and 0. With 1 added the sd are 2 and 1.
static void a_constant_feature_is_centred_and_the_sd_can_be_raised(void **state)
{
    (void)state;
    tw_data_opts opts = doubles();
    char path[96];
    snprintf(path, sizeof path, "%s/a.npz", folder);
    snprintf(spec, sizeof spec, "npz:%s", path);
    double x[4] = {1, 5, 3, 5}, y[2] = {0.5, -0.5};
    const tw_array arrays[] = {{.name = (char *)"x", .rank = 2, .shape = {2, 2}, .real = 8, .x = x},
                               {.name = (char *)"y", .rank = 1, .shape = {2}, .real = 8, .x = y}};
    must(tw_arrays_save(path, 2, arrays));
    opts.scale = "standard";
    tw_data *d = open_or_die(spec, &opts);
    assert_memory_equal(d->x, ((double[]){-1, 0, 1, 0}), 4 * sizeof(double));
    assert_int_equal(d->classes, 0);
    assert_int_equal(d->targets, 1);
    assert_memory_equal(d->target, y, sizeof y);
    tw_data_free(d);
    opts.add_to_sd = 1;
    d = open_or_die(spec, &opts);
    assert_memory_equal(d->x, ((double[]){-0.5, 0, 0.5, 0}), 4 * sizeof(double));
    tw_data_free(d);
    opts.scale = "centre";
    d = open_or_die(spec, &opts);
    assert_memory_equal(d->x, ((double[]){-1, 0, 1, 0}), 4 * sizeof(double));
    tw_data_free(d);
    d = NULL;
    opts.scale = "unit";
    must_fail(tw_data_open(spec, &opts, &d), TW_EINVAL, "no bytes");
    const tw_array none[] = {{.name = (char *)"x", .rank = 2, .shape = {0, 2}, .real = 8, .x = x},
                             {.name = (char *)"y", .rank = 1, .shape = {0}, .real = 8, .x = y}};
    opts.scale = NULL;
    must(tw_arrays_save(path, 2, none));
    must_fail(tw_data_open(spec, &opts, &d), TW_EFORMAT, "found shape [0, 2], expected at least one sample");
    x[3] = NAN;
    must(tw_arrays_save(path, 2, arrays));
    must_fail(tw_data_open(spec, &opts, &d), TW_EFORMAT, "sample 1, feature 1: found nan, expected a finite number");
    x[3] = 1e300;
    must(tw_arrays_save(path, 2, arrays));
    opts = tw_data_defaults();
    must_fail(tw_data_open(spec, &opts, &d), TW_ENUMERIC, "sample 1, feature 1: found 1e+300");
    remove(path);
}

// Truth: a uniform draw keeps the old label with probability 1/k. Of 10000 drawn labels 1000 stay, sd 30; five sd.
static void random_labels_hit_the_asked_for_fraction(void **state)
{
    (void)state;
    const char *name = "gauss:n=20000,dim=1";
    tw_data_opts opts = doubles();
    tw_data *clean = open_or_die(name, &opts);
    opts.random_labels = 0.5;
    tw_data *noisy = open_or_die(name, &opts);
    int changed = 0, count[10] = {0};
    for (int i = 0; i < 20000; i++) {
        changed += noisy->label[i] != clean->label[i];
        count[noisy->label[i]]++;
    }
    assert_near(changed, 9000, 150);
    for (int c = 0; c < 10; c++) assert_near(count[c], 2000, 5 * sqrt(10000 * 0.09));
    assert_memory_equal(clean->x, noisy->x, 20000 * sizeof(double));
    opts.split = "test";
    tw_data *test = open_or_die(name, &opts);
    for (int i = 0; i < test->m; i++) assert_int_equal(test->label[i], i % 10); // as generated
    tw_data_free(clean);
    tw_data_free(noisy);
    tw_data_free(test);
}

// Truth: paper 3, section 1: E x x^T = diag(a), y - u x has variance sigma2; sphere: |x|^2 = D exactly (a = 1).
// Tolerance: five standard errors of a mean of m = 20000 (fourth moment of x_j at most 3 a^2).
static void regression_data_follow_their_law(void **state)
{
    (void)state;
    static const char *const laws[] = {"gaussian", "uniform", "sphere"};
    const double a[3] = {1, 4, 0.25}, u[3] = {1, -2, 0.5}, m = 20000;
    for (int l = 0; l < 3; l++) {
        char name[256];
        tw_data_opts opts = doubles();
        snprintf(name, sizeof name, "regression:dim=3,n=20000,eig=[1,4,0.25],u=[1,-2,0.5],noise=0.09,law=%s", laws[l]);
        tw_data *d = open_or_die(name, &opts);
        double second[9] = {0}, residual = 0, *x = d->x;
        for (int i = 0; i < d->m; i++, x += 3) {
            double r = d->target[i] - u[0] * x[0] - u[1] * x[1] - u[2] * x[2];
            residual += r * r / m;
            for (int j = 0; j < 9; j++) second[j] += x[j / 3] * x[j % 3] / m;
            if (l == 2) assert_near(x[0] * x[0] / a[0] + x[1] * x[1] / a[1] + x[2] * x[2] / a[2], 3, 64 * DBL_EPSILON);
            if (l == 1) assert_true(x[1] * x[1] <= 3 * a[1]);
        }
        assert_near(residual, 0.09, 5 * 0.09 * sqrt(2 / m));
        for (int j = 0; j < 9; j++)
            assert_near(second[j], j % 4 == 0 ? a[j / 3] : 0, 5 * sqrt(3 * a[j / 3] * a[j % 3] / m));
        tw_data_free(d);
    }
}

static void the_test_part_of_a_regression_has_no_noise(void **state)
{
    (void)state;
    tw_data_opts opts = doubles();
    opts.split = "test";
    tw_data *d = open_or_die("regression:dim=2,noise=1,input-noise=1,test=50", &opts);
    double *x = d->x;
    assert_int_equal(d->m, 50);
    for (int i = 0; i < 50; i++) assert_true(d->target[i] == x[2 * i] + x[2 * i + 1]);
    tw_data_free(d);
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    uint64_t first = 0;
    for (int threads = 1; threads <= 8; threads++) {
        tw_data_opts opts = tw_data_defaults();
        must(tw_threads_set(threads));
        opts.scale = "standard";
        tw_data *d = open_or_die("gauss:n=5000,dim=60", &opts);
        if (threads == 1) first = d->checksum;
        assert_true(d->checksum == first);
        tw_data_free(d);
    }
    must(tw_threads_set(1));
}

static void every_changed_byte_changes_the_checksum(void **state)
{
    (void)state;
    static uint8_t bytes[200];
    for (size_t size = 0; size < sizeof bytes; size++) {
        uint64_t truth = tw_checksum_block(bytes, size);
        assert_true(truth != tw_checksum_block(bytes, size + 1));
        for (size_t i = 0; i < size; i++) {
            bytes[i] = 0x80;
            assert_true(tw_checksum_block(bytes, size) != truth);
            bytes[i] = 0;
        }
    }
}

static void wrong_words_are_answered_with_the_nearest_right_ones(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *message;
    } cases[] = {
        {"", "found nothing"},
        {"fashion", "did you mean fashion-mnist?"},
        {"fashion-mnits", "did you mean fashion-mnist?"},
        {"cifar", "did you mean cifar10?"},
        {"gauss:clases=3", "did you mean classes=?"},
        {"gauss:classes=0", "classes: found \"0\", expected a whole number from 1"},
        {"gauss:n=", "n: found \"\""},
        {"gauss:n=1e3", "n: found \"1e3\", expected a whole number"},
        {"gauss:sep=nan", "sep: found \"nan\""},
        {"gauss:3", "found 1 values before the options, expected 0"},
        {"gauss:n=3,n=4", "found n= twice"},
        {"gauss:n=3,,dim=2", "found an empty value"},
        {"gauss:n=3,", "found nothing after the last comma"},
        {"csv", "found 0 values before the options, expected 1"},
        {"csv:a,sep=coma", "did you mean comma?"},
        {"csv:a,label=x,target=y", "found both label= and target="},
        {"regression:eig=[1,2],dim=3", "eig: found \"[1,2]\", expected one number or a list of dim=3"},
        {"regression:eig=-1", "eig: number 1"},
        {"regression:law=gauss", "did you mean gaussian?"},
    };
    tw_data_opts opts = tw_data_defaults();
    tw_data *none = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        must_fail(tw_data_open(cases[i].spec, &opts, &none), TW_EINVAL, cases[i].message);
    must_fail(tw_data_open("mnist:/nowhere", &opts, &none), TW_EIO,
              "/nowhere: not there: `thalweg data fetch mnist` brings it");
    snprintf(spec, sizeof spec, "idx:%s,%s", fixture("images.idx"), fixture("labels.idx"));
    opts.split = "test";
    must_fail(tw_data_open(spec, &opts, &none), TW_EINVAL, "has no test part");
    assert_null(none);
}

static void wrong_options_are_named(void **state)
{
    (void)state;
    tw_data *none = NULL;
    tw_data_opts opts = tw_data_defaults();
#define WRONG(change, text)                                                \
    do {                                                                   \
        opts = tw_data_defaults();                                         \
        change;                                                            \
        must_fail(tw_data_open("gauss", &opts, &none), TW_EINVAL, (text)); \
    } while (0)
    WRONG(opts.split = "tests", "did you mean test?");
    WRONG(opts.scale = "center", "did you mean centre?");
    WRONG(opts.samples = 101, "found 100 samples in split \"train\", expected at least the 101 asked for");
    WRONG(opts.samples = -1, "samples: found -1");
    WRONG(opts.random_labels = 1.5, "random labels: found 1.5");
    WRONG(opts.random_labels = NAN, "random labels: found nan");
    WRONG(opts.validation = 1, "validation: found 1");
    WRONG(opts.split = "validation", "expected a fraction above 0");
    WRONG((opts.split = "validation", opts.validation = 0.001), "found no samples");
    WRONG(opts.validation = 0.999, "found no samples");
    WRONG(opts.real = 2, "real: found 2, expected 4 or 8");
    WRONG(opts.size = 5, "size: found 5");
    WRONG(opts.add_to_sd = -1, "add to sd: found -1");
#undef WRONG
    opts = tw_data_defaults();
    opts.random_labels = 0.5;
    must_fail(tw_data_open("regression", &opts, &none), TW_EINVAL, "found numeric targets, expected classes");
}

// Arrays x [2][3][2][2] of bytes and y of integers, and x_test, y_test beside them (make_fixtures.py).
static void arrays_of_pictures_keep_their_shape_and_their_test_part(void **state)
{
    (void)state;
    tw_data_opts opts = doubles();
    snprintf(spec, sizeof spec, "npz:%s", fixture("images.npz"));
    tw_data *d = open_or_die(spec, &opts);
    assert_int_equal(d->m, 2);
    assert_int_equal(d->channels, 3);
    assert_int_equal(d->height, 2);
    assert_int_equal(d->width, 2);
    assert_int_equal(d->classes, 5);
    for (int i = 0; i < 24; i++) assert_true(((double *)d->x)[i] == i);
    tw_data_free(d);
    opts.split = "test";
    d = open_or_die(spec, &opts);
    assert_int_equal(d->m, 1);
    assert_int_equal(d->label[0], 4);
    assert_int_equal(d->classes, 5);
    tw_data_free(d);
    d = NULL;
    opts.split = "train";
    snprintf(spec, sizeof spec, "npz:%s,classes=4", fixture("images.npz"));
    must_fail(tw_data_open(spec, &opts, &d), TW_EFORMAT,
              "array \"y\", sample 1: found label 4, expected a whole number");
    snprintf(spec, sizeof spec, "npz:%s,y=z", fixture("images.npz"));
    must_fail(tw_data_open(spec, &opts, &d), TW_EFORMAT, "found the arrays x, y, x_test, y_test; expected \"z\"");
    snprintf(spec, sizeof spec, "npz:%s,y=x_test", fixture("images.npz"));
    must_fail(tw_data_open(spec, &opts, &d), TW_EFORMAT, "array \"x_test\": found shape [1, 3, 2, 2], expected [2]");
    snprintf(spec, sizeof spec, "npz:%s,x=y", fixture("images.npz"));
    must_fail(tw_data_open(spec, &opts, &d), TW_EFORMAT, "array \"y\": found shape [2], expected [samples][features]");
}

// Training labels 2 0 1; the test part asked for here has no more than that, and must not have less.
static void the_test_part_has_the_classes_of_the_training_part(void **state)
{
    (void)state;
    char path[96], label_path[96];
    snprintf(path, sizeof path, "%s/a.npz", folder);
    snprintf(label_path, sizeof label_path, "%s/labels.idx", folder);
    double x[3] = {1, 2, 3};
    uint8_t labels[8 + 3] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 0, 1};
    tw_data_opts opts = doubles();
    FILE *file = fopen(label_path, "wb");
    assert_int_equal(fwrite(labels, 1, sizeof labels, file), sizeof labels);
    fclose(file);
    snprintf(spec, sizeof spec, "idx:%s,%s,test-images=%s,test-labels=%s", fixture("images.idx"), fixture("labels.idx"),
             fixture("images.idx"), label_path);
    opts.split = "test";
    tw_data *d = open_or_die(spec, &opts);
    assert_int_equal(d->classes, 3);
    tw_data_free(d);
    d = NULL;
    snprintf(spec, sizeof spec, "idx:%s,%s,test-images=%s,test-labels=%s", fixture("images.idx"), label_path,
             fixture("images.idx"), fixture("labels.idx"));
    must_fail(tw_data_open(spec, &opts, &d), TW_EFORMAT, "label 0: found 2, expected 0 to 1");
    // npz: floats as labels because task=classes says so
    double y[3] = {0, 1, 2}, few[3] = {0, 0, 1};
    const tw_array arrays[] = {{.name = (char *)"x", .rank = 2, .shape = {3, 1}, .real = 8, .x = x},
                               {.name = (char *)"y", .rank = 1, .shape = {3}, .real = 8, .x = y},
                               {.name = (char *)"x_test", .rank = 2, .shape = {3, 1}, .real = 8, .x = x},
                               {.name = (char *)"y_test", .rank = 1, .shape = {3}, .real = 8, .x = few}};
    must(tw_arrays_save(path, 4, arrays));
    snprintf(spec, sizeof spec, "npz:%s,task=classes", path);
    d = open_or_die(spec, &opts);
    assert_int_equal(d->classes, 3);
    tw_data_free(d);
    remove(path);
    remove(label_path);
}

static void a_failing_allocation_is_reported_wherever_it_happens(void **state)
{
    (void)state;
    char csv[600];
    snprintf(csv, sizeof csv, "csv:%s,label=kind", fixture("flowers.csv"));
    const char *const names[] = {"gauss:n=5,dim=2,random=1", "regression:n=5,dim=2", csv, idx_spec()};
    tw_data_opts opts = doubles();
    opts.validation = 0.3;
    opts.scale = "standard";
    for (int i = 0; i < 4; i++) {
        int64_t before = tw_alloc_calls();
        tw_data_free(open_or_die(names[i], &opts));
        int64_t calls = tw_alloc_calls() - before;
        for (int64_t call = 1; call <= calls; call++) {
            tw_data *none = NULL;
            tw_alloc_fail_at(call);
            assert_int_equal(tw_data_open(names[i], &opts, &none), TW_ENOMEM);
            assert_null(none);
        }
        tw_alloc_fail_at(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_become_numbers_from_0_to_1_in_either_width),
        cmocka_unit_test(all_is_train_then_test),
        cmocka_unit_test(train_and_validation_part_the_whole),
        cmocka_unit_test(a_smaller_random_subset_begins_a_larger_one),
        cmocka_unit_test(standardising_uses_the_training_part),
        cmocka_unit_test_setup_teardown(one_scale_divides_all_features_alike, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(a_constant_feature_is_centred_and_the_sd_can_be_raised, make_folder,
                                        drop_folder),
        cmocka_unit_test(random_labels_hit_the_asked_for_fraction),
        cmocka_unit_test(regression_data_follow_their_law),
        cmocka_unit_test(the_test_part_of_a_regression_has_no_noise),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(every_changed_byte_changes_the_checksum),
        cmocka_unit_test(wrong_words_are_answered_with_the_nearest_right_ones),
        cmocka_unit_test(wrong_options_are_named),
        cmocka_unit_test(arrays_of_pictures_keep_their_shape_and_their_test_part),
        cmocka_unit_test_setup_teardown(the_test_part_has_the_classes_of_the_training_part, make_folder, drop_folder),
        cmocka_unit_test(a_failing_allocation_is_reported_wherever_it_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
