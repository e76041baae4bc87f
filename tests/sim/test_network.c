// SPDX-License-Identifier: MIT
// Escapes of networks: their gradients against the network's own sweeps, their times against the exact chain and a
// plain loop, their critical points against a list found elsewhere.
#include "test.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "sim/network_lanes.h"
#include "sim/network_premises.h"
#include "thalweg/curv.h"
#include "thalweg/theory_escape.h"
#include <unistd.h>

static tw_data made(int64_t m, int64_t features, int64_t classes, int64_t targets)
{
    tw_data d = {.name = (char *)(uintptr_t) "made", .m = m, .features = features, .channels = features};
    d.height = d.width = 1;
    d.real = 8;
    d.classes = classes;
    d.targets = targets;
    must(tw_alloc(m * features, sizeof(double), &d.x));
    if (classes) must(tw_alloc(m, sizeof(int32_t), &d.label));
    if (targets) must(tw_alloc(m * targets, sizeof(double), &d.target));
    tw_rng rng = tw_rng_at(1, TW_RNG_TEST, 0);
    tw_rng_normals(&rng, m * features, d.x);
    for (int64_t i = 0; classes && i < m; i++) d.label[i] = (int32_t)tw_rng_below(&rng, (uint64_t)classes);
    if (targets) tw_rng_normals(&rng, m * targets, d.target);
    return d;
}

static void unmake(tw_data *d)
{
    free(d->x);
    free(d->label);
    free(d->target);
}

// Single precision through six products of order one: 2e-5 holds 100 roundings of 6e-8 and twice the error of exp.
static void gradients_are_those_of_the_network(void **state)
{
    (void)state;
    const struct {
        const char *model, *loss;
        int64_t classes, targets;
    } some[] = {{"mlp:5-1", "logistic", 2, 0},
                {"mlp:5-7-4-3,act=tanh", "xent", 3, 0},
                {"mlp:5-6-1,act=relu", "logistic", 2, 0},
                {"mlp:5-6-3,act=sigmoid,bias=no", "mse", 3, 0},
                {"mlp:5-6-2,act=softplus", "half-mse", 0, 2}};
    for (size_t c = 0; c < sizeof some / sizeof *some; c++) {
        tw_data d = made(16, 5, some[c].classes, some[c].targets);
        tw_net *net = NULL;
        tw_escape_net *e = NULL;
        tw_net_opts opts = tw_net_defaults();
        opts.real = 8;
        opts.loss = some[c].loss;
        must(tw_net_new(some[c].model, &d, &opts, &net));
        must(tw_escape_net_new(net, &d, &e));
        int64_t n = tw_net_params(net), sample[16];
        double *w = NULL, *g = NULL;
        float *lane = NULL, *room = NULL, *found = NULL;
        must(tw_alloc(n, sizeof *w, &w));
        must(tw_alloc(n, sizeof *g, &g));
        must(tw_alloc(16 * n, sizeof *lane, &lane));
        must(tw_alloc(16 * n, sizeof *found, &found));
        must(tw_alloc(tw_network_room(e), sizeof *room, &room));
        tw_net_get_weights(net, w);
        for (int64_t i = 0; i < n; i++)
            for (int l = 0; l < 16; l++) lane[i * 16 + l] = (float)(2 * w[i]);
        for (int64_t i = 0; i < n; i++) w[i] = (double)lane[i * 16];
        must(tw_net_set_weights(net, w));
        for (int l = 0; l < 16; l++) sample[l] = 15 - l;
        const tw_network_lanes *const all[] = {&tw_network_plain,
#ifdef __x86_64__
                                               __builtin_cpu_supports("avx512dq") ? &tw_network_avx512 : NULL
#else
                                               NULL
#endif
        };
        for (int k = 0; k < 2; k++) {
            if (!all[k]) continue;
            all[k]->gradient(e, sample, lane, room, found);
            for (int l = 0; l < 16; l++) {
                tw_data one = d;
                tw_loss_value value;
                one.m = 1;
                one.x = (double *)d.x + sample[l] * 5;
                if (d.label) one.label = d.label + sample[l];
                if (d.target) one.target = d.target + sample[l] * 2;
                must(tw_loss(net, &one, g, NULL, &value));
                for (int64_t i = 0; i < n; i++) assert_near((double)found[i * 16 + l], g[i], 2e-5);
            }
        }
        free(w);
        free(g);
        free(lane);
        free(found);
        free(room);
        tw_escape_net_free(e);
        tw_net_free(net);
        unmake(&d);
    }
}

// One weight: L = (w - mean t)^2 / 2 on x = 1.
typedef struct one_weight {
    tw_data data;
    tw_net *net;
    tw_escape_net *e;
} one_weight;

static one_weight open_one(void)
{
    one_weight o = {.data = made(2, 1, 0, 1)};
    tw_net_opts opts = tw_net_defaults();
    opts.loss = "half-mse";
    opts.real = 8;
    for (int i = 0; i < 2; i++) ((double *)o.data.x)[i] = 1;
    o.data.target[0] = -1;
    o.data.target[1] = 1;
    must(tw_net_new("mlp:1-1,bias=no", &o.data, &opts, &o.net));
    must(tw_escape_net_new(o.net, &o.data, &o.e));
    return o;
}

static void close_one(one_weight *o)
{
    tw_escape_net_free(o->e);
    tw_net_free(o->net);
    unmake(&o->data);
}

enum { REPLICAS = 4000 };

static double mean_of(const int64_t *steps, double *error)
{
    double sum = 0, square = 0;
    for (int64_t i = 0; i < REPLICAS; i++) sum += (double)steps[i] / REPLICAS;
    for (int64_t i = 0; i < REPLICAS; i++) square += pow((double)steps[i] - sum, 2);
    *error = sqrt(square / (REPLICAS - 1) / REPLICAS);
    return sum;
}

// Gaussian noise past a plane: the exact chain on w^2/2 with D = F^2 / (2 eta). Four standard errors.
static void times_of_one_weight_are_those_of_the_exact_chain(void **state)
{
    (void)state;
    one_weight o = open_one();
    static int64_t steps[REPLICAS];
    static bool escaped[REPLICAS];
    const double zero = 0, one = 1, size = 0.6, eta = 0.1, factor = 0.1, coef[] = {0, 0, 0.5};
    double error;
    tw_escape_walk k = {.net = o.e,
                        .rule = TW_RULE_PLANE,
                        .a = &zero,
                        .normal = &one,
                        .b = &size,
                        .eta = eta,
                        .batch = 1,
                        .factor = &factor,
                        .seed = 3};
    tw_escape_problem p = {.landscape = {.shape = TW_ESCAPE_POLY, .terms = 3, .coef = coef},
                           .diffusion = {.law = TW_ESCAPE_CONST, .scale = factor * factor / (2 * eta)},
                           .lo = -3,
                           .absorb = size};
    tw_escape_time truth;
    must(tw_escape_chain(&p, eta, &truth));
    must(tw_escape_walk_run(&k, REPLICAS, 1 << 30, NULL, NULL, NULL, steps, escaped));
    double mean = mean_of(steps, &error);
    assert_near(mean, truth.mean, 4 * error);
    close_one(&o);
}

// Batches of three of two samples, out of a box: beside a plain loop in double with another generator.
static void minibatch_times_are_those_of_a_plain_loop(void **state)
{
    (void)state;
    one_weight o = open_one();
    static int64_t steps[REPLICAS], plain[REPLICAS];
    static bool escaped[REPLICAS];
    const double zero = 0, eta = 0.2;
    double ea, eb;
    tw_escape_walk k = {.net = o.e, .rule = TW_RULE_BOX, .size = 0.45, .a = &zero, .eta = eta, .batch = 3, .seed = 3};
    must(tw_escape_walk_run(&k, REPLICAS, 1 << 30, NULL, NULL, NULL, steps, escaped));
    for (int64_t i = 0; i < REPLICAS; i++) {
        tw_rng rng = tw_rng_at(9, TW_RNG_TEST, (uint64_t)i);
        double w = 0;
        for (plain[i] = 0; fabs(w) < 0.45; plain[i]++) {
            double g = 0;
            for (int b = 0; b < 3; b++) g += (w - (tw_rng_below(&rng, 2) ? 1 : -1)) / 3;
            w -= eta * g;
        }
    }
    double a = mean_of(steps, &ea), b = mean_of(plain, &eb);
    print_message("%.5g steps, plain loop %.5g\n", a, b);
    assert_true(b > 20);
    assert_near(a, b, 4 * hypot(ea, eb));
    close_one(&o);
}

static char *fresh(void)
{
    static char path[64];
    snprintf(path, sizeof path, "ledger-%ld.txt", (long)getpid());
    unlink(path);
    return path;
}

static bool stop_after_three(void *ctx, const char *what, double done, double total)
{
    (void)what;
    (void)total;
    *(double *)ctx = done;
    return done < 3;
}

// Stopped after some groups, a line torn, then gone on: the steps of an undisturbed run, on any number of threads.
static void a_killed_sweep_goes_on_to_the_same_steps(void **state)
{
    (void)state;
    one_weight o = open_one();
    static int64_t whole[REPLICAS], again[REPLICAS];
    static bool escaped[REPLICAS], both[REPLICAS];
    const double zero = 0;
    double seen = 0;
    char *path = fresh();
    tw_ledger *l = NULL;
    tw_progress stop = {stop_after_three, &seen};
    tw_escape_walk k = {.net = o.e, .rule = TW_RULE_BOX, .size = 0.5, .a = &zero, .eta = 0.2, .batch = 2, .seed = 3};
    must(tw_threads_set(1));
    must(tw_escape_walk_run(&k, 400, 200, NULL, NULL, NULL, whole, escaped));
    must(tw_ledger_open(path, "the work", &l));
    assert_int_equal(tw_escape_walk_run(&k, 400, 200, l, "p0", &stop, again, both), TW_ESTOPPED);
    tw_ledger_close(l);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    fputs("p0/3 64 0x1p+3 0x1", f); // the program died here
    fclose(f);
    memset(again, 0, sizeof again);
    for (int threads = 1; threads <= 3; threads += 2) {
        must(tw_threads_set(threads));
        must(tw_ledger_open(path, "the work", &l));
        assert_true(tw_ledger_found(l) >= 3);
        must(tw_escape_walk_run(&k, 400, 200, l, "p0", NULL, again, both));
        tw_ledger_close(l);
        assert_memory_equal(whole, again, 400 * sizeof *whole);
        assert_memory_equal(escaped, both, 400);
    }
    must_fail(tw_ledger_open(path, "other work", &l), TW_EINVAL, "other work");
    unlink(path);
    close_one(&o);
}

// Every prefix of a ledger opens, and holds the lines that were whole.
static void a_ledger_cut_anywhere_keeps_its_whole_lines(void **state)
{
    (void)state;
    char *path = fresh(), text[4096];
    tw_ledger *l = NULL;
    const double x[] = {1, -2.5, 1e300}, pi = 3.14159265358979312;
    must(tw_ledger_open(path, "r", &l));
    must(tw_ledger_put(l, "a", 3, x));
    must(tw_ledger_put(l, "b", 1, &pi));
    tw_ledger_close(l);
    FILE *f = fopen(path, "r");
    size_t size = fread(text, 1, sizeof text, f);
    fclose(f);
    size_t first = (size_t)(strchr(strchr(text, '\n') + 1, '\n') - text) + 1;
    for (size_t cut = 0; cut <= size; cut++) {
        f = fopen(path, "w");
        fwrite(text, 1, cut, f);
        fclose(f);
        must(tw_ledger_open(path, "r", &l));
        double got[4];
        int64_t count = 0;
        assert_int_equal(tw_ledger_get(l, "a", 4, &count, got), cut >= first);
        assert_int_equal(tw_ledger_get(l, "b", 4, &count, got), cut == size);
        if (cut == size) assert_true(got[0] == pi);
        must(tw_ledger_put(l, "c", 1, &pi)); // and takes more
        tw_ledger_close(l);
        must(tw_ledger_open(path, "r", &l));
        assert_true(tw_ledger_get(l, "c", 4, &count, got));
        tw_ledger_close(l);
    }
    f = fopen(path, "w");
    fputs("something else", f);
    fclose(f);
    must_fail(tw_ledger_open(path, "r", &l), TW_EFORMAT, "something else");
    unlink(path);
}

static void a_failed_allocation_of_a_ledger_is_an_error(void **state)
{
    (void)state;
    char *path = fresh();
    const double x = 1;
    tw_ledger *l = NULL;
    must(tw_ledger_open(path, "r", &l));
    must(tw_ledger_put(l, "a", 1, &x));
    tw_ledger_close(l);
    int failures = 0;
    for (int64_t call = 1; call < 20; call++) {
        tw_alloc_fail_at(call);
        l = NULL;
        tw_status st = tw_ledger_open(path, "r", &l);
        tw_alloc_fail_at(0);
        failures += st == TW_ENOMEM;
        if (st == TW_OK) tw_ledger_close(l);
    }
    assert_true(failures >= 4);
    unlink(path);
}

// papers/reference, group tanh_net_critical_points: a 1-2-1 tanh network on six points, l2 0.01.
static void critical_points_of_a_small_network_are_those_listed(void **state)
{
    (void)state;
    const double x[] = {-2, -1.2, -0.4, 0.4, 1.2, 2}, y[] = {-0.6, 0.8, -0.3, 0.5, -0.9, 0.7};
    const double low = 0.1983944092061985, high = 0.21493550623629273, saddle = 0.2159881120352855;
    const double low_eig[] = {0.018167726598957226, 0.02243333676850965, 0.041169862328412056, 0.07028733905939472,
                              0.33644309261555805,  1.8323593349979117,  4.514355797722272};
    const double saddle_eig[] = {-0.028848565361805915, 0.009820465064425911, 0.014458083025794873,
                                 0.024020706803060187,  0.07771561359881228,  0.6937490573270171,
                                 1.2035702317315533};
    tw_data d = made(6, 1, 0, 1);
    memcpy(d.x, x, sizeof x);
    memcpy(d.target, y, sizeof y);
    tw_net *net = NULL;
    tw_net_opts opts = tw_net_defaults();
    opts.real = 8;
    opts.loss = "half-mse";
    opts.l2 = 0.01;
    must(tw_net_new("mlp:1-2-1,act=tanh", &d, &opts, &net));
    tw_network_surface s;
    tw_network_surface_open(net, &d, (tw_progress){NULL, NULL}, &s);
    // Near the lower minimum: 1e-4 off in every weight.
    double w[7] = {0.7694, 1.9929, -1.0344, -1.3963, 1.9162, -1.1772, 0.6672};
    tw_critical m, b;
    must(tw_surface_minimum(&s.surface, w, 1e-11, 200, &m));
    assert_true(m.found);
    assert_near(m.value, low, 1e-13);
    for (int i = 0; i < 7; i++) assert_near(m.eig[i], low_eig[i], 1e-9);
    tw_critical_free(&m);
    const double near_saddle[7] = {0.42, 0.20, -0.015, 0.035, -0.08, 0.47, 0.018};
    must(tw_surface_saddle(&s.surface, near_saddle, 0.1, 1e-11, 300, &b));
    assert_true(b.found);
    assert_near(b.value, saddle, 1e-13);
    for (int i = 0; i < 7; i++) assert_near(b.eig[i], saddle_eig[i], 1e-9);
    // It joins the two minima, up to their mirror images.
    int lows = 0, highs = 0;
    for (int side = -1; side <= 1; side += 2) {
        tw_path p;
        must(tw_surface_descend(&s.surface, &b, side, 1e-3, 0.02, 1e-8, 3000, &p));
        assert_true(p.arrived);
        lows += fabs(p.value[p.count - 1] - low) < 1e-9;
        highs += fabs(p.value[p.count - 1] - high) < 1e-9;
        tw_path_free(&p);
    }
    assert_int_equal(lows, 1);
    assert_int_equal(highs, 1);
    tw_critical_free(&b);
    tw_net_free(net);
    unmake(&d);
}

// The valley of one weight at its minimum 0, with everything that predictions look at.
static tw_network_valley valley_of(one_weight *o, tw_network_surface *s)
{
    tw_network_valley v;
    const double start = 0.3;
    tw_network_surface_open(o->net, &o->data, (tw_progress){NULL, NULL}, s);
    must(tw_network_valley_find(s, &start, 0, 1, &v));
    assert_true(v.a.found);
    return v;
}

// L = (w -+ 1)^2 / 2: a parabola of H = 1 with noise of variance 1 everywhere, Sigma = eta^2 / (1 - (1 - eta)^2). One
// draw of either sample moves w by eta / B: over a box of 0.15, not over one of 0.45, with eta = 0.2 and B = 1.
static void premises_hold_on_a_parabola_until_one_draw_is_enough(void **state)
{
    (void)state;
    one_weight o = open_one();
    tw_network_surface s;
    tw_network_valley v = valley_of(&o, &s);
    tw_network_premises p;
    char words[160];
    const double eta = 0.2, sd = sqrt(eta * eta / (1 - 0.64));
    must(tw_network_premises_find(&s, &v, TW_NETWORK_SAMPLES, 0, TW_RULE_BOX, 0.45, eta, 1, &p));
    assert_near(p.level, (0.45 + 0.5825971579390107 * eta) / sd, 1e-12);
    assert_near(p.off_slope, 0, 1e-9);
    assert_near(p.off_noise, 0, 1e-9);
    assert_int_equal(p.lone, 0);
    tw_network_premises_say(&p, 9, 2, sizeof words, words);
    assert_string_equal(words, "the end is 1.7 standard deviations away, theory wants 3");
    must(tw_network_premises_find(&s, &v, TW_NETWORK_SAMPLES, 0, TW_RULE_BOX, 0.15, eta, 1, &p));
    assert_int_equal(p.lone, 2);
    assert_near(p.lone_steps, 0, 0);
    tw_network_premises_say(&p, 9, 2, sizeof words, words);
    assert_string_equal(words, "2 of 2 samples end it by one draw: ln steps at most about 0.0");
    must(tw_network_premises_find(&s, &v, TW_NETWORK_SAMPLES, 0, TW_RULE_BOX, 0.15, eta, 2, &p));
    assert_int_equal(p.lone, 0); // in a batch of two it moves half as far
    must(tw_network_premises_find(&s, &v, TW_NETWORK_ISOTROPIC, 0, TW_RULE_BOX, 0.15, eta, 1, &p));
    assert_int_equal(p.lone, 0); // there are no samples in Gaussian noise
    tw_network_premises_say(&p, NAN, 2, sizeof words, words);
    assert_string_equal(words, "");
    tw_network_valley_free(&v);
    close_one(&o);
}

// L = ln(1 + e^w) - w/2, H = 1/4: at the box's side r the slope is tanh(r/2)/2, and that of the parabola r/4.
static void a_valley_that_is_no_parabola_is_seen(void **state)
{
    (void)state;
    tw_data d = made(2, 1, 2, 0);
    tw_net_opts opts = tw_net_defaults();
    one_weight o = {.data = d};
    tw_network_surface s;
    tw_network_premises p;
    char words[160];
    for (int i = 0; i < 2; i++) {
        ((double *)d.x)[i] = 1;
        d.label[i] = i;
    }
    opts.loss = "logistic";
    opts.real = 8;
    must(tw_net_new("mlp:1-1,bias=no", &o.data, &opts, &o.net));
    tw_network_valley v = valley_of(&o, &s);
    for (double r = 0.5; r < 3; r *= 2) {
        must(tw_network_premises_find(&s, &v, TW_NETWORK_SAMPLES, 0, TW_RULE_BOX, r, 0.01, 1, &p));
        assert_near(p.off_slope, fabs(tanh(r / 2) / 2 - r / 4) / (r / 4), 1e-7);
    }
    tw_network_premises_say(&p, 5, 2, sizeof words, words);
    assert_string_equal(words, "no parabola that far: the slope at the likeliest exit is off by 24 %");
    p.off_slope = 0;
    p.off_noise = -0.3;
    tw_network_premises_say(&p, 5, 2, sizeof words, words);
    assert_string_equal(words, "the noise at the likeliest exit is 0.70 times that of the minimum");
    tw_network_valley_free(&v);
    tw_net_free(o.net);
    unmake(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_those_of_the_network),
        cmocka_unit_test(times_of_one_weight_are_those_of_the_exact_chain),
        cmocka_unit_test(minibatch_times_are_those_of_a_plain_loop),
        cmocka_unit_test(a_killed_sweep_goes_on_to_the_same_steps),
        cmocka_unit_test(a_ledger_cut_anywhere_keeps_its_whole_lines),
        cmocka_unit_test(a_failed_allocation_of_a_ledger_is_an_error),
        cmocka_unit_test(critical_points_of_a_small_network_are_those_listed),
        cmocka_unit_test(premises_hold_on_a_parabola_until_one_draw_is_enough),
        cmocka_unit_test(a_valley_that_is_no_parabola_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
