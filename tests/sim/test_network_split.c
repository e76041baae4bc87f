// SPDX-License-Identifier: MIT
// Rare escapes of networks by splitting: against the exact chain, against simulation where that reaches, and the lanes'
// stretches against arithmetic that is exact.
#include "test.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "sim/network_lanes.h"
#include "sim/network_premises.h"
#include "thalweg/theory_escape.h"
#include <sys/stat.h>
#include <unistd.h>

// A network on samples drawn by a fixed seed.
typedef struct made {
    tw_data data;
    tw_net *net;
    tw_escape_net *e;
} made;

static made make(const char *model, const char *loss, int64_t m, int64_t features)
{
    made o = {.data = {.name = (char *)(uintptr_t) "made", .m = m, .features = features, .channels = features}};
    tw_data *d = &o.data;
    bool classes = strcmp(loss, "logistic") == 0;
    tw_net_opts opts = tw_net_defaults();
    d->height = d->width = 1;
    d->real = opts.real = 8;
    d->classes = classes ? 2 : 0;
    d->targets = classes ? 0 : 1;
    opts.loss = loss;
    opts.l2 = classes ? 0.05 : 0;
    must(tw_alloc(m * features, sizeof(double), &d->x));
    must(tw_alloc(m, sizeof(int32_t), &d->label));
    must(tw_alloc(m, sizeof(double), &d->target));
    tw_rng rng = tw_rng_at(1, TW_RNG_TEST, 0);
    tw_rng_normals(&rng, m * features, d->x);
    for (int64_t i = 0; i < m; i++) {
        d->label[i] = ((double *)d->x)[i * features] + tw_rng_normal(&rng) > 0;
        d->target[i] = i % 2 ? 1 : -1;
        if (!classes) ((double *)d->x)[i * features] = 1; // one weight: L = (w -+ 1)^2 / 2
    }
    free(classes ? NULL : (void *)d->label);
    if (!classes) d->label = NULL;
    must(tw_net_new(model, d, &opts, &o.net));
    must(tw_escape_net_new(o.net, d, &o.e));
    return o;
}

static void unmake(made *o)
{
    tw_escape_net_free(o->e);
    tw_net_free(o->net);
    free(o->data.x);
    free(o->data.label);
    free(o->data.target);
}

static made one_weight(void) { return make("mlp:1-1,bias=no", "half-mse", 2, 1); }

// Exact steps of w+ = (1 - eta) w + F z from 0 past size on one side.
static double exact(double eta, double factor, double size)
{
    const double coef[] = {0, 0, 0.5};
    tw_escape_time truth;
    tw_escape_problem p = {.landscape = {.shape = TW_ESCAPE_POLY, .terms = 3, .coef = coef},
                           .diffusion = {.law = TW_ESCAPE_CONST, .scale = factor * factor / (2 * eta)},
                           .lo = -1.5 * size,
                           .absorb = size};
    must(tw_escape_chain(&p, eta, &truth));
    return truth.mean;
}

// 24 seeds at 6e7 steps past a plane: the 95 % intervals hold the exact time in at least 19 (P below 1e-3 were they to
// cover 95 %), and the mean rate over seeds is unbiased within three standard errors. (400 seeds: 371, 1.000 +- 0.010.)
static void splitting_covers_the_exact_time(void **state)
{
    (void)state;
    made o = one_weight();
    const double zero = 0, one = 1, size = 0.8, factor = 0.03;
    double truth = exact(0.02, factor, size), sum = 0, square = 0;
    int covered = 0;
    for (int seed = 0; seed < 24; seed++) {
        tw_escape_splitting s;
        tw_escape_walk k = {.net = o.e, .rule = TW_RULE_PLANE, .a = &zero, .normal = &one, .b = &size};
        k.eta = 0.02;
        k.batch = 1;
        k.factor = &factor;
        k.seed = (uint64_t)seed + 100;
        must(tw_escape_walk_split(&k, 250, 8, 60, NULL, NULL, NULL, &s));
        assert_true(s.rare && s.repeats == 8 && s.paths == 60);
        assert_true(s.inner < s.outer && s.outer < size);
        covered += s.lo <= truth && truth <= s.hi;
        sum += truth / s.mean / 24;
        square += pow(truth / s.mean, 2) / 24;
    }
    double error = sqrt((square - sum * sum) / 23);
    print_message("%d of 24 intervals hold %.4g; rate over exact rate %.3f, error %.3f\n", covered, truth, sum, error);
    assert_true(truth > 5e7 && covered >= 19);
    assert_near(sum, 1, 3 * error);
    assert_true(error < 0.1);
    unmake(&o);
}

// Out of a box on either side the rates add: half the time past one end. 4e12 steps; twelve or thirteen paths a lane.
static void an_escape_of_1e12_steps_from_a_box_is_measured(void **state)
{
    (void)state;
    made o = one_weight();
    const double zero = 0, factor = 0.03;
    tw_escape_walk k = {.net = o.e, .rule = TW_RULE_BOX, .size = 1.1, .a = &zero, .eta = 0.02, .batch = 1, .seed = 5};
    tw_escape_splitting s;
    k.factor = &factor;
    double truth = exact(0.02, factor, 1.1) / 2;
    must(tw_escape_walk_split(&k, 250, 12, 205, NULL, NULL, NULL, &s));
    print_message("%.4g steps, exact %.4g, error %.2f, by %.3g steps\n", s.mean, truth, s.error, (double)s.steps);
    assert_true(truth > 1e12 && s.rare);
    assert_near(log(s.mean), log(truth), 4 * s.error);
    assert_true(s.error < 0.4 && s.steps < 20000000);
    unmake(&o);
}

// Where the end is met by chance while the well is explored, its cycle is counted and another begun: not a reason to
// give up. 2e6 steps, explored for about as many.
static void an_end_met_by_chance_is_counted(void **state)
{
    (void)state;
    made o = one_weight();
    const double zero = 0, factor = 0.1, size = 1.12;
    tw_escape_walk k = {.net = o.e, .rule = TW_RULE_BOX, .size = size, .a = &zero, .eta = 0.1, .batch = 1, .seed = 8};
    tw_escape_splitting s;
    k.factor = &factor;
    double truth = exact(0.1, factor, size) / 2;
    must(tw_escape_walk_split(&k, 50, 8, 12000, NULL, NULL, NULL, &s));
    print_message("%.4g steps, exact %.4g, error %.3f, by %.3g steps\n", s.mean, truth, s.error, (double)s.steps);
    assert_true(s.rare && (double)s.steps > 2 * truth);
    assert_near(log(s.mean), log(truth), 4 * s.error);
    assert_true(s.error < 0.05);
    k.size = 0.5; // frequent
    must(tw_escape_walk_split(&k, 50, 8, 100, NULL, NULL, NULL, &s));
    assert_false(s.rare);
    unmake(&o);
}

enum { REPLICAS = 160 };

// From the minimum of a network by minibatches, in a box: splitting beside simulation, four joint standard errors.
static void agrees(const char *model, double size, double eta, int64_t batch)
{
    made o = make(model, "logistic", 40, 3);
    static int64_t steps[REPLICAS];
    static bool escaped[REPLICAS];
    double sum = 0, *w = NULL;
    tw_network_surface surface;
    tw_network_valley v;
    tw_escape_splitting s;
    must(tw_alloc(o.net->n, sizeof *w, &w));
    tw_net_get_weights(o.net, w);
    tw_network_surface_open(o.net, &o.data, (tw_progress){NULL, NULL}, &surface);
    must(tw_network_valley_find(&surface, w, 0, 1, &v));
    assert_true(v.a.found && v.a.flat == 0);
    tw_escape_walk k = {.net = o.e, .rule = TW_RULE_BOX, .size = size, .a = v.a.x, .eta = eta, .batch = batch};
    k.seed = 11;
    int64_t forget = (int64_t)ceil(5 / (eta * v.a.eig[0]));
    must(tw_escape_walk_split(&k, forget, 12, 200, NULL, NULL, NULL, &s));
    k.seed = 12;
    must(tw_escape_walk_run(&k, REPLICAS, 1 << 30, NULL, NULL, NULL, steps, escaped));
    for (int i = 0; i < REPLICAS; i++) sum += (double)(steps[i] - forget) / REPLICAS; // the rare clock
    double error = hypot(s.error, 1 / sqrt((double)REPLICAS));
    print_message("%s: %.4g steps by splitting (error %.2f), %.4g by simulation\n", model, s.mean, s.error, sum);
    assert_true(s.rare && sum > 20 * (double)forget);
    assert_near(log(s.mean), log(sum), 4 * error);
    assert_true(s.error < 0.2);
    tw_network_valley_free(&v);
    free(w);
    unmake(&o);
}

static void minibatch_times_are_those_of_simulation(void **state)
{
    (void)state;
    agrees("mlp:3-1", 0.6, 0.4, 7);
}

static void times_of_a_tanh_network_are_those_of_simulation(void **state)
{
    (void)state;
    agrees("mlp:3-2-1,act=tanh", 0.7, 0.4, 4);
}

// Without noise w+ = w / 2, exactly, about a = 4: distances 4 - w grow as 4 - 2^-t w. A score at most low or above high
// ends the stretch, one that is high does not.
static void a_stretch_ends_at_the_step_where_a_score_leaves(void **state)
{
    (void)state;
    made o = one_weight();
    const double a = 4, factor = 0;
    tw_escape_walk k = {.net = o.e, .rule = TW_RULE_BOX, .size = 9, .a = &a, .eta = 0.5, .batch = 1, .factor = &factor};
    float w[16], low[16], high[16], score[16], *room = NULL;
    const float zero = 0;
    int64_t replica[16];
    must(tw_alloc(tw_network_room(o.e), sizeof *room, &room));
    const tw_network_lanes *const all[] = {&tw_network_plain, tw_network_best()};
    for (int which = 0; which < 2; which++) {
        uint64_t block = 7;
        for (int l = 0; l < 16; l++) {
            replica[l] = l;
            w[l] = (float)(l + 1) / 8;
            low[l] = -INFINITY;
            high[l] = INFINITY;
        }
        assert_int_equal(all[which]->go(&k, &zero, replica, &block, low, high, 3, room, w, score), 3);
        for (int l = 0; l < 16; l++) assert_true(w[l] == (float)(l + 1) / 64 && score[l] == 4 - w[l]);
        high[5] = 4 - 6.0f / 128; // reached by the next step, passed by the one after it
        assert_int_equal(all[which]->go(&k, &zero, replica, &block, low, high, 9, room, w, score), 2);
        assert_true(score[5] == 4 - 6.0f / 256);
        high[5] = INFINITY;
        low[3] = 4 - 4.0f / 512; // already reached by the next step
        assert_int_equal(all[which]->go(&k, &zero, replica, &block, low, high, 9, room, w, score), 1);
        assert_true(score[3] == low[3]);
    }
    // Past a plane: the way along the normal, with its sign.
    const double normal = -1, b = 1;
    k.rule = TW_RULE_PLANE;
    k.normal = &normal;
    k.b = &b;
    uint64_t block = 0;
    for (int l = 0; l < 16; l++) w[l] = 8;
    low[3] = -INFINITY;
    assert_int_equal(tw_network_best()->go(&k, &zero, replica, &block, low, high, 2, room, w, score), 2);
    assert_true(score[0] == 2); // w = 2, a - w
    free(room);
    unmake(&o);
}

// Draws go on where the last stretch ended: two stretches of one step are not the same step twice.
static void no_draw_is_used_twice(void **state)
{
    (void)state;
    made o = one_weight();
    const double a = 0, factor = 1;
    tw_escape_walk k = {.net = o.e, .rule = TW_RULE_BOX, .size = 9, .a = &a, .eta = 0.5, .batch = 1, .factor = &factor};
    float w[2][16], low[16], high[16], score[16], *room = NULL;
    const float one = 1;
    int64_t replica[16];
    uint64_t block = 0;
    must(tw_alloc(tw_network_room(o.e), sizeof *room, &room));
    for (int l = 0; l < 16; l++) {
        replica[l] = l;
        low[l] = -INFINITY;
        high[l] = INFINITY;
    }
    for (int t = 0; t < 2; t++) {
        for (int l = 0; l < 16; l++) w[t][l] = 0;
        assert_int_equal(tw_network_best()->go(&k, &one, replica, &block, low, high, 1, room, w[t], score), 1);
    }
    for (int l = 0; l < 16; l++) {
        assert_true(w[0][l] != w[1][l] && w[0][l] != 0);
        for (int i = 0; i < l; i++) assert_true(w[0][l] != w[0][i]);
    }
    free(room);
    unmake(&o);
}

// The same numbers on any number of threads, and from a ledger whose last lines are gone.
static void threads_and_a_ledger_change_no_number(void **state)
{
    (void)state;
    made o = one_weight();
    const double zero = 0;
    char path[64];
    tw_ledger *l = NULL;
    tw_escape_splitting whole, again;
    tw_escape_walk k = {.net = o.e, .rule = TW_RULE_BOX, .size = 0.9, .a = &zero, .eta = 0.1, .batch = 2, .seed = 3};
    snprintf(path, sizeof path, "split-%ld.txt", (long)getpid());
    unlink(path);
    must(tw_threads_set(1));
    must(tw_escape_walk_split(&k, 50, 5, 40, NULL, NULL, NULL, &whole));
    assert_true(whole.rare);
    must(tw_threads_set(3));
    must(tw_ledger_open(path, "work", &l));
    must(tw_escape_walk_split(&k, 50, 5, 40, l, "p", NULL, &again));
    tw_ledger_close(l);
    assert_memory_equal(&whole.mean, &again.mean, 4 * sizeof(double));
    assert_int_equal(whole.steps, again.steps);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(truncate(path, about.st_size - 70), 0);
    must(tw_ledger_open(path, "work", &l));
    int64_t found = tw_ledger_found(l);
    assert_true(found >= 3 && found < 5);
    must(tw_escape_walk_split(&k, 50, 5, 40, l, "p", NULL, &again));
    tw_ledger_close(l);
    assert_memory_equal(&whole.mean, &again.mean, 4 * sizeof(double));
    assert_int_equal(whole.steps, again.steps);
    must(tw_threads_set(2));
    unlink(path);
    unmake(&o);
}

static void bad_numbers_and_failed_allocations_are_reported(void **state)
{
    (void)state;
    made o = one_weight();
    const double zero = 0, factor = 0.1;
    tw_escape_splitting s;
    tw_escape_walk k = {.net = o.e, .rule = TW_RULE_BOX, .size = 1.1, .a = &zero, .eta = 0.1, .batch = 1, .seed = 3};
    k.factor = &factor;
    must_fail(tw_escape_walk_split(&k, 50, 3, 100, NULL, NULL, NULL, &s), TW_EINVAL, "at least 4 of 10");
    must_fail(tw_escape_walk_split(&k, -1, 4, 100, NULL, NULL, NULL, &s), TW_EINVAL, "-1 steps to forget");
    k.size = NAN;
    must_fail(tw_escape_walk_split(&k, 50, 4, 100, NULL, NULL, NULL, &s), TW_EINVAL, "box: found nan");
    k.size = 1.1;
    k.eta = 0;
    must_fail(tw_escape_walk_split(&k, 50, 4, 100, NULL, NULL, NULL, &s), TW_EINVAL, "eta: found 0");
    k.eta = 0.1;
    k.batch = 0;
    must_fail(tw_escape_walk_split(&k, 50, 4, 100, NULL, NULL, NULL, &s), TW_EINVAL, "batch: found 0");
    k.batch = 1;
    tw_status st = TW_ENOMEM;
    must(tw_threads_set(1));
    for (int call = 1; st != TW_OK && call < 3000; call += 1 + call / 10) {
        tw_alloc_fail_at(call);
        st = tw_escape_walk_split(&k, 50, 4, 20, NULL, NULL, NULL, &s);
        assert_true(st == TW_OK || st == TW_ENOMEM);
    }
    tw_alloc_fail_at(0);
    assert_int_equal(st, TW_OK);
    must(tw_threads_set(2));
    unmake(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splitting_covers_the_exact_time),
        cmocka_unit_test(an_escape_of_1e12_steps_from_a_box_is_measured),
        cmocka_unit_test(an_end_met_by_chance_is_counted),
        cmocka_unit_test(minibatch_times_are_those_of_simulation),
        cmocka_unit_test(times_of_a_tanh_network_are_those_of_simulation),
        cmocka_unit_test(a_stretch_ends_at_the_step_where_a_score_leaves),
        cmocka_unit_test(no_draw_is_used_twice),
        cmocka_unit_test(threads_and_a_ledger_change_no_number),
        cmocka_unit_test(bad_numbers_and_failed_allocations_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
