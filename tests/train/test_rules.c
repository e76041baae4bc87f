// SPDX-License-Identifier: MIT
// Step rules against their formulas, written out for two weights in plain double.
#include "../curv/toy.h"

#include "thalweg/trainer.h"

enum { M = 20, B = 5, STEPS = 9 };

// half-mse of w . x - t: L = 1/2 mean (w . x_i - t_i)^2, so g = mean (w . x_i - t_i) x_i. Batches as the samples lie.
static void open_line(toy *t, double l2)
{
    tw_net_opts opts = toy_opts(8);
    opts.loss = "half-mse";
    opts.l2 = l2;
    toy_open(t, "mlp:2-1,bias=no", M, 2, 0, 1, opts);
}

static void slope(const toy *t, int64_t first, int64_t count, const double w[2], double g[2])
{
    const double *x = t->data.x;
    g[0] = g[1] = 0;
    for (int64_t i = first; i < first + count; i++) {
        double r = w[0] * x[2 * i] + w[1] * x[2 * i + 1] - t->data.target[i];
        for (int j = 0; j < 2; j++) g[j] += r * x[2 * i + j] / (double)count;
    }
}

static tw_trainer_opts line_opts(const char *optim)
{
    tw_trainer_opts opts = tw_trainer_defaults();
    opts.optim = optim;
    opts.sampling = "ordered";
    opts.batch = B;
    opts.lr = 0.05;
    return opts;
}

// One weight's formula: state s starts at zero, t counts steps from 1.
typedef double formula(double w, double g, double *s, double t);

static double heavy_ball(double w, double g, double *s, double t)
{
    g += 0.2 * w;
    s[0] = t == 1 ? g : 0.9 * s[0] + 0.7 * g;
    return w - 0.05 * s[0];
}
static double nesterov(double w, double g, double *s, double t)
{
    s[0] = t == 1 ? g : 0.9 * s[0] + g;
    return w - 0.05 * (g + 0.9 * s[0]);
}
static double decay_alone(double w, double g, double *s, double t)
{
    (void)s;
    (void)t;
    return w - 0.05 * (g + 0.2 * w);
}
static double adam(double w, double g, double *s, double t)
{
    g += 0.1 * w;
    s[0] = 0.8 * s[0] + 0.2 * g;
    s[1] = 0.95 * s[1] + 0.05 * g * g;
    return w - 0.05 * (s[0] / (1 - pow(0.8, t))) / (sqrt(s[1] / (1 - pow(0.95, t))) + 1e-3);
}
static double adamw(double w, double g, double *s, double t)
{
    w -= 0.05 * 0.1 * w;
    s[0] = 0.9 * s[0] + 0.1 * g;
    s[1] = 0.999 * s[1] + 0.001 * g * g;
    return w - 0.05 * (s[0] / (1 - pow(0.9, t))) / (sqrt(s[1] / (1 - pow(0.999, t))) + 1e-8);
}
static double amsgrad(double w, double g, double *s, double t)
{
    s[0] = 0.9 * s[0] + 0.1 * g;
    s[1] = 0.5 * s[1] + 0.5 * g * g;
    s[2] = fmax(s[2], s[1]);
    return w - 0.05 * (s[0] / (1 - pow(0.9, t))) / (sqrt(s[2] / (1 - pow(0.5, t))) + 1e-8);
}
static double rmsprop(double w, double g, double *s, double t)
{
    (void)t;
    s[0] = 0.99 * s[0] + 0.01 * g * g;
    return w - 0.05 * g / (sqrt(s[0]) + 1e-8);
}
static double rmsprop_all(double w, double g, double *s, double t)
{
    (void)t;
    g += 0.1 * w;
    s[0] = 0.9 * s[0] + 0.1 * g * g;
    s[1] = 0.9 * s[1] + 0.1 * g;
    s[2] = 0.5 * s[2] + g / (sqrt(s[0] - s[1] * s[1]) + 1e-2);
    return w - 0.05 * s[2];
}
static double half_power(double w, double g, double *s, double t)
{
    s[0] = 0.9 * s[0] + 0.1 * g * g;
    return w - 0.05 * g / sqrt(s[0] / (1 - pow(0.9, t)) + 1e-2);
}
static double whole_power(double w, double g, double *s, double t)
{
    s[0] = 0.9 * s[0] + 0.1 * g * g;
    return w - 0.05 * g / (s[0] / (1 - pow(0.9, t)) + 1e-2);
}

// Truth: the formulas above, which are those of PyTorch's documentation with their numbers put in.
// Tolerance: each step rounds a few times; weights are of size 1 and no step amplifies differences more than twice.
static void rules_are_their_formulas(void **state)
{
    (void)state;
    static const struct {
        const char *optim;
        formula *next;
    } rule[] = {{"sgd:momentum=0.9,dampening=0.3,weight_decay=0.2", heavy_ball},
                {"sgd:momentum=0.9,nesterov=yes", nesterov},
                {"sgd:weight_decay=0.2", decay_alone},
                {"adam:beta1=0.8,beta2=0.95,eps=1e-3,weight_decay=0.1", adam},
                {"adamw:weight_decay=0.1", adamw},
                {"adam:beta2=0.5,amsgrad=yes", amsgrad},
                {"rmsprop", rmsprop},
                {"rmsprop:alpha=0.9,eps=1e-2,momentum=0.5,centered=yes,weight_decay=0.1", rmsprop_all},
                {"precond:beta=0.9,eps=1e-2", half_power},
                {"precond:beta=0.9,eps=1e-2,power=1", whole_power}};
    for (size_t r = 0; r < sizeof rule / sizeof *rule; r++) {
        toy t;
        tw_trainer *trainer = NULL;
        tw_trainer_opts opts = line_opts(rule[r].optim);
        tw_step step;
        double w[2], found[2], g[2], s[2][3] = {{0}};
        open_line(&t, 0);
        memcpy(w, t.w, sizeof w);
        must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
        for (int i = 0; i < STEPS; i++) {
            slope(&t, i * B % M, B, w, g);
            for (int j = 0; j < 2; j++) w[j] = rule[r].next(w[j], g[j], s[j], i + 1);
            must(tw_trainer_step(trainer, &step));
        }
        tw_net_get_weights(t.net, found);
        for (int j = 0; j < 2; j++) assert_near(found[j], w[j], STEPS * 512 * 100 * DBL_EPSILON);
        tw_trainer_free(trainer);
        toy_close(&t);
    }
}

// Truth: the same written out: the gradient of the same batch at w + rho g / |g|, with the l2 term in both.
static void sam_takes_the_gradient_from_uphill(void **state)
{
    (void)state;
    toy t;
    tw_trainer *trainer = NULL;
    tw_trainer_opts opts = line_opts("sam:rho=0.3,momentum=0.5");
    tw_step step;
    double w[2], up[2], g[2], b[2] = {0}, found[2];
    open_line(&t, 0.1);
    memcpy(w, t.w, sizeof w);
    must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
    for (int i = 0; i < STEPS; i++) {
        slope(&t, i * B % M, B, w, g);
        for (int j = 0; j < 2; j++) g[j] += 0.1 * w[j];
        double size = 0.3 / sqrt(g[0] * g[0] + g[1] * g[1]);
        for (int j = 0; j < 2; j++) up[j] = w[j] + size * g[j];
        slope(&t, i * B % M, B, up, g);
        for (int j = 0; j < 2; j++) {
            b[j] = 0.5 * b[j] + g[j] + 0.1 * w[j]; // the l2 term is that of the weights
            w[j] -= 0.05 * b[j];
        }
        must(tw_trainer_step(trainer, &step));
    }
    tw_net_get_weights(t.net, found);
    for (int j = 0; j < 2; j++) assert_near(found[j], w[j], STEPS * 512 * 10 * DBL_EPSILON);
    tw_trainer_free(trainer);
    toy_close(&t);
}

// Truth: w <- (1 - lr) w + sqrt(2 lr T) z on half-mse with one sample x = 1, t = 0 and 200 outputs, each of curvature
// 1: stationary variance T / (1 - lr/2) = 0.02 / 0.75. Tolerance: squares of an AR(1) chain with factor 1/2 are
// correlated by 1/4 a step, so 200 chains of 1,000 steps are worth 120,000 draws: five standard errors are 5
// sqrt(2/120000).
static void sgld_has_the_stationary_variance_of_its_quadratic(void **state)
{
    (void)state;
    enum { CHAINS = 200, LENGTH = 1000 };
    toy t;
    tw_trainer *trainer = NULL;
    tw_trainer_opts opts = line_opts("sgld:temperature=0.02");
    tw_net_opts nopts = toy_opts(8);
    tw_step step;
    double sum = 0;
    nopts.loss = "half-mse";
    toy_open(&t, "mlp:1-200,bias=no", 1, 1, 0, CHAINS, nopts);
    *(double *)t.data.x = 1;
    memset(t.data.target, 0, CHAINS * sizeof(double));
    opts.lr = 0.5;
    opts.seed = 4;
    must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
    for (int i = -60; i < LENGTH; i++) {
        must(tw_trainer_step(trainer, &step));
        if (i < 0) continue;
        tw_net_get_weights(t.net, t.w);
        for (int j = 0; j < CHAINS; j++) sum += t.w[j] * t.w[j];
    }
    double truth = 0.02 / 0.75;
    assert_near(sum / (CHAINS * LENGTH), truth, 5 * sqrt(2 / 120000.0) * truth);
    tw_trainer_free(trainer);
    toy_close(&t);
}

// Truth: C = r/B (1/m sum g_i g_i' - mu mu') from single samples' gradients; its trace for the others. The step is so
// small that weights stay where they are. Tolerance: five standard errors of a covariance of N normal draws.
static void replaced_noise_has_the_covariance_it_should(void **state)
{
    (void)state;
    enum { N = 10000 };
    static const char *const kind[] = {"noise:kind=measured,replacement=no", "noise:kind=isotropic",
                                       "noise:kind=factor", "noise:kind=factor,match=no",
                                       "noise:kind=isotropic,trace=3"};
    const double f[4] = {1, 2, 0, 1}, ff[3] = {1, 2, 5}; // F'F = [[1, 2], [2, 5]], trace 6
    for (int k = 0; k < 5; k++) {
        toy t;
        tw_trainer *trainer = NULL;
        tw_trainer_opts opts = line_opts(kind[k]);
        tw_step step;
        double g[2], mu[2], c[3] = {0}, sum[5] = {0}, u[2];
        open_line(&t, 0.1);
        slope(&t, 0, M, t.w, mu);
        for (int64_t i = 0; i < M; i++) {
            slope(&t, i, 1, t.w, g);
            c[0] += g[0] * g[0] / M, c[1] += g[0] * g[1] / M, c[2] += g[1] * g[1] / M;
        }
        double share = k == 0 ? 15.0 / 19 / B : 1.0 / B, trace;
        c[0] = share * (c[0] - mu[0] * mu[0]);
        c[1] = share * (c[1] - mu[0] * mu[1]);
        c[2] = share * (c[2] - mu[1] * mu[1]);
        trace = k == 4 ? 3 : c[0] + c[2];
        if (k == 1 || k == 4) c[0] = c[2] = trace / 2, c[1] = 0;
        for (int i = 0; i < 3; i++)
            if (k == 2 || k == 3) c[i] = (k == 2 ? trace / 6 : 1) * ff[i];
        opts.lr = 1e-7;
        opts.seed = 3;
        must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
        if (k == 2 || k == 3) must(tw_trainer_set_noise(trainer, 2, f));
        for (int i = 0; i < N; i++) {
            must(tw_trainer_step(trainer, &step));
            tw_trainer_last_step(trainer, u);
            for (int j = 0; j < 2; j++) {
                g[j] = -u[j] / 1e-7 - mu[j] - 0.1 * t.w[j];
                sum[j] += g[j] / N;
            }
            sum[2] += g[0] * g[0] / N, sum[3] += g[0] * g[1] / N, sum[4] += g[1] * g[1] / N;
        }
        for (int j = 0; j < 2; j++) assert_near(sum[j], 0, 5 * sqrt(c[2 * j] / N) + 1e-3); // weights wander by 1e-5
        assert_near(sum[2], c[0], 5 * sqrt(2.0 / N) * c[0]);
        assert_near(sum[3], c[1], 5 * sqrt((c[0] * c[2] + c[1] * c[1]) / N));
        assert_near(sum[4], c[2], 5 * sqrt(2.0 / N) * c[2]);
        tw_trainer_free(trainer);
        toy_close(&t);
    }
}

// Truth: the formulas of the rule, with the gradient's exact mean: when every batch is all samples, C = 0 and the rate
// is c |mu|^2 / (mu' H mu) for the oracle, and c / L for the moments (no noise: |m|^2 = |mu|^2 = second moment at the
// first step).
static void adaptive_rates_are_their_formulas(void **state)
{
    (void)state;
    toy t;
    double mu[2], h[3] = {0}, *x;
    open_line(&t, 0);
    x = t.data.x;
    slope(&t, 0, M, t.w, mu);
    for (int i = 0; i < M; i++)
        h[0] += x[2 * i] * x[2 * i] / M, h[1] += x[2 * i] * x[2 * i + 1] / M, h[2] += x[2 * i + 1] * x[2 * i + 1] / M;
    double middle = (h[0] + h[2]) / 2, top = middle + sqrt(pow((h[0] - h[2]) / 2, 2) + h[1] * h[1]);
    double square = mu[0] * mu[0] + mu[1] * mu[1],
           bend = h[0] * mu[0] * mu[0] + 2 * h[1] * mu[0] * mu[1] + h[2] * mu[1] * mu[1];
    const struct {
        const char *optim;
        double rate, bound;
    } rule[] = {{"adaptive:kind=oracle,c=0.25", 0.25 * square / bend, 1e-12},
                {"adaptive:c=0.25,curvature=4", 0.0625, 1e-15},
                {"adaptive:c=0.25", 0.25 / top, 2e-2 * 0.25 / top}}; // by Lanczos, to 1 %
    for (int k = 0; k < 3; k++) {
        tw_trainer *trainer = NULL;
        tw_trainer_opts opts = line_opts(rule[k].optim);
        tw_step step;
        opts.sampling = "full";
        opts.lr = 1e6;
        must(tw_net_set_weights(t.net, t.w));
        must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
        must(tw_trainer_step(trainer, &step));
        assert_near(step.lr, rule[k].rate, rule[k].bound);
        tw_trainer_free(trainer);
    }
    toy_close(&t);
}

// One step of a rule from the toy's first weights, out[n] its step.
static void one_step(toy *t, const char *optim, double *out)
{
    tw_trainer *trainer = NULL;
    tw_trainer_opts opts = line_opts(optim);
    tw_step step;
    opts.batch = 10;
    must(tw_net_set_weights(t->net, t->w));
    must(tw_trainer_new(t->net, &t->data, &opts, &trainer));
    must(tw_trainer_step(trainer, &step));
    tw_trainer_last_step(trainer, out);
    tw_trainer_free(trainer);
}

// Truth: identities of the rule. gamma = 1 is SGD, to the bit; gamma = 0 leaves nothing along the directions, which is
// where "dominant" goes alone; dominant + bulk = SGD; without momentum both corrections are one; on two weights the one
// direction is the top eigenvector of H = mean x x'.
static void nudged_steps_keep_their_identities(void **state)
{
    (void)state;
    enum { N = 64 };
    toy t;
    double sgd[N], one[N], zero[N], top[N], bulk[N], g[N], v[N];
    toy_open(&t, "mlp:3-7-2,act=tanh", 40, 3, 2, 0, toy_opts(8));
    assert_in_range(t.n, 1, N);
    one_step(&t, "sgd", sgd);
    one_step(&t, "nudged:k=2,gamma=1", one);
    one_step(&t, "nudged:k=2,gamma=0", zero);
    one_step(&t, "dominant:k=2", top);
    one_step(&t, "bulk:k=2", bulk);
    one_step(&t, "nudged:k=2,gamma=0.3,variant=correct_g", g);
    one_step(&t, "nudged:k=2,gamma=0.3", v);
    assert_memory_equal(sgd, one, (size_t)t.n * sizeof *sgd);
    double size = norm2(t.n, sgd), eps = 1e-12 * size; // of n = 44 numbers of size 1 that are subtracted
    assert_near(dot(t.n, zero, top), 0, eps * size);
    assert_true(norm2(t.n, top) > 0.1 * size && norm2(t.n, bulk) > 0.01 * size);
    for (int64_t i = 0; i < t.n; i++) {
        assert_near(top[i] + bulk[i], sgd[i], 4 * DBL_EPSILON);
        assert_near(bulk[i], zero[i], 4 * DBL_EPSILON);
        assert_near(g[i], v[i], 4 * DBL_EPSILON);
        assert_near(v[i], sgd[i] - 0.7 * top[i], 4 * DBL_EPSILON);
    }
    one_step(&t, "nudged:k=2,variant=topscaled,factor=3", v);
    for (int64_t i = 0; i < t.n; i++) assert_near(v[i], sgd[i] + 2 * top[i], 8 * DBL_EPSILON);
    one_step(&t, "nudged:k=2,variant=bottomscaled,factor=3", v);
    for (int64_t i = 0; i < t.n; i++) assert_near(v[i], 3 * sgd[i] - 2 * top[i], 8 * DBL_EPSILON);
    toy_close(&t);
}

// Truth: with a rate that moves nothing the Hessian is the same one, so directions that are found again take at most
// half of the products that finding them took, and are the same ones; so is the step.
static void directions_are_followed_from_those_before(void **state)
{
    (void)state;
    enum { N = 400 };
    toy t;
    tw_trainer *trainer = NULL;
    tw_step step;
    double first[N], again[N];
    toy_open(&t, "mlp:3-60-2,act=tanh", 40, 3, 2, 0, toy_opts(8));
    assert_in_range(t.n, 1, N);
    tw_trainer_opts opts = tw_trainer_defaults();
    opts.batch = 40;
    opts.optim = "dominant:k=2,tolerance=1e-6";
    opts.lr = 1e-8;
    must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
    must(tw_trainer_step(trainer, &step));
    int64_t cold = tw_trainer_products(trainer);
    tw_trainer_last_step(trainer, first);
    must(tw_trainer_step(trainer, &step));
    int64_t warm = tw_trainer_products(trainer) - cold;
    tw_trainer_last_step(trainer, again);
    assert_in_range(warm, 1, cold / 2);
    double size = norm2(t.n, first);
    for (int64_t i = 0; i < t.n; i++)
        assert_near(again[i], first[i], 1e-4 * size); // residuals of 1e-6 over gaps of 1e-2
    tw_trainer_free(trainer);
    toy_close(&t);
}

// Every rule, by name, and some with more state: what the next two tests go through.
static int64_t some_rule(int64_t i, const char **optim)
{
    static const char *const more[] = {"sgd:momentum=0.9,nesterov=yes",
                                       "rmsprop:momentum=0.9,centered=yes",
                                       "adam:amsgrad=yes",
                                       "nudged:momentum=0.9,k=2,refresh=steps,every=3",
                                       "nudged:variant=alldrop,k=3",
                                       "adaptive:kind=oracle,vectors=2",
                                       "noise:kind=measured",
                                       "nudged:random=yes,k=2"};
    tw_words words;
    int64_t names = tw_train_words(TW_OPTIM, i, &words), all = names + (int64_t)(sizeof more / sizeof *more);
    if (i < all) *optim = i < names ? words.name : more[i - names];
    return all;
}

static tw_trainer_opts busy_opts(const char *optim)
{
    tw_trainer_opts opts = tw_trainer_defaults();
    opts.optim = optim;
    opts.schedule = "plateau:patience=1,factor=0.5,warmup=3,unit=steps";
    opts.batch = 16;
    opts.lr = 0.02;
    opts.clip_norm = 0.8;
    opts.seed = 7;
    return opts;
}

static void run_steps(tw_trainer *trainer, int64_t steps)
{
    tw_step step;
    bool stop;
    for (int64_t i = 0; i < steps; i++) {
        must(tw_trainer_step(trainer, &step));
        if (step.epoch_end) tw_trainer_observe(trainer, 1, &stop); // never better: the plateau cuts
    }
}

// Truth: the run in one piece, for every rule, stopped in the middle of an epoch.
static void a_state_saved_and_loaded_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    const char *optim = NULL;
    for (int64_t r = 0; r < some_rule(r, &optim); r++) {
        double w[2][64] = {{0}};
        for (int parts = 0; parts < 2; parts++) {
            toy t;
            tw_trainer *trainer = NULL;
            tw_trainer_opts opts = busy_opts(optim);
            toy_open(&t, "mlp:3-5-2,act=tanh", 37, 3, 2, 0, toy_opts(4));
            must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
            run_steps(trainer, parts ? 8 : 13);
            if (parts) {
                tw_arrays *saved = NULL;
                must(tw_trainer_save_state(trainer, &saved));
                tw_trainer_free(trainer);
                must(tw_net_set_weights(t.net, t.w));
                must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
                must(tw_trainer_load_state(trainer, saved));
                tw_arrays_free(saved);
                assert_int_equal(tw_trainer_steps(trainer), 8);
                run_steps(trainer, 5);
            }
            tw_net_get_weights(t.net, w[parts]);
            tw_trainer_free(trainer);
            toy_close(&t);
        }
        if (memcmp(w[0], w[1], sizeof w[0]) != 0) fail_msg("%s: other bits after loading", optim);
    }
}

// More parameters than one slab, more samples than one shard.
static void every_rule_has_the_same_bits_on_any_threads(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3};
    const char *optim = NULL;
    for (int64_t r = 0; r < some_rule(r, &optim); r++) {
        double *first = NULL;
        if (strstr(optim, "oracle")) continue; // products and sums of its own on one thread
        for (int i = 0; i < 3; i++) {
            toy t;
            tw_trainer *trainer = NULL;
            tw_trainer_opts opts = busy_opts(optim);
            char words[128];
            snprintf(words, sizeof words, "%s%s", optim,
                     strcmp(optim, "nudged") == 0 || strcmp(optim, "dominant") == 0 || strcmp(optim, "bulk") == 0
                         ? ":k=1,samples=32,tolerance=0.5"
                         : "");
            opts.optim = words;
            opts.batch = 60;
            must(tw_threads_set(threads[i]));
            toy_open(&t, "mlp:20-300-90-4,act=tanh", 60, 20, 4, 0, toy_opts(4));
            must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
            run_steps(trainer, strstr(words, "k=") || strstr(words, "adaptive") ? 1 : 3);
            tw_net_get_weights(t.net, t.w);
            tw_trainer_free(trainer);
            if (!first) {
                must(tw_alloc(t.n, sizeof *first, &first));
                memcpy(first, t.w, (size_t)t.n * sizeof *first);
            }
            if (memcmp(first, t.w, (size_t)t.n * sizeof *first) != 0) fail_msg("%s: %d threads", words, threads[i]);
            toy_close(&t);
        }
        free(first);
    }
}

// Truth: clipping by norm divides by the norm over the bound, by value cuts each entry (g from `slope`).
static void gradients_are_clipped_by_norm_and_by_value(void **state)
{
    (void)state;
    toy t;
    double g[2], u[2];
    open_line(&t, 0);
    slope(&t, 0, B, t.w, g);
    double norm = sqrt(g[0] * g[0] + g[1] * g[1]), least = fmin(fabs(g[0]), fabs(g[1]));
    for (int k = 0; k < 3; k++) {
        tw_trainer *trainer = NULL;
        tw_trainer_opts opts = line_opts("sgd");
        tw_step step;
        if (k == 0) opts.clip_norm = norm / 4;
        if (k == 1) opts.clip_value = least / 2;
        if (k == 2) opts.clip_norm = norm * 2;
        must(tw_net_set_weights(t.net, t.w));
        must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
        must(tw_trainer_step(trainer, &step));
        tw_trainer_last_step(trainer, u);
        for (int j = 0; j < 2; j++)
            assert_near(u[j], -0.05 * (k == 0 ? g[j] / 4 : k == 1 ? copysign(least / 2, g[j]) : g[j]), 8 * DBL_EPSILON);
        assert_true(step.clipped == (k < 2));
        assert_near(step.gradient_norm, norm, 8 * DBL_EPSILON * norm);
        tw_trainer_gradient(trainer, u);
        for (int j = 0; j < 2; j++) assert_near(u[j], g[j], 8 * DBL_EPSILON * norm);
        tw_trainer_free(trainer);
    }
    toy_close(&t);
}

// The first batch holds sample 3, whose feature is NaN: no step is made, and the sample is named.
static void a_number_that_is_not_finite_is_found_and_named(void **state)
{
    (void)state;
    toy t;
    tw_trainer *trainer = NULL;
    tw_trainer_opts opts = line_opts("adam");
    tw_step step;
    double w[2];
    open_line(&t, 0);
    ((double *)t.data.x)[7] = NAN;
    must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
    for (int again = 0; again < 2; again++) {
        must(tw_trainer_step(trainer, &step));
        assert_true(step.diverged && step.step == 1);
        if (again == 0) assert_int_equal(step.unusable_sample, 3);
        tw_net_get_weights(t.net, w);
        assert_memory_equal(w, t.w, sizeof w);
    }
    tw_trainer_free(trainer);
    toy_close(&t);
}

// Truth: arithmetic. The plateau: the first cut on bad observation patience + 1, later ones every patience.
static void schedules_are_their_formulas(void **state)
{
    (void)state;
    static const struct {
        const char *schedule;
        int64_t step, cuts;
        double lr;
    } at[] = {
        {"constant", 1000, 0, 8},
        {"constant:warmup=1", 0, 0, 8.0 / 11}, // 10 steps an epoch: (0 + 1) / (10 + 1)
        {"constant:warmup=1", 10, 0, 8},
        {"constant:warmup=3,unit=steps,start=0.5", 1, 0, 8 * 0.75},
        {"step:every=2,factor=0.5", 19, 0, 8},
        {"step:every=2,factor=0.5", 20, 0, 4},
        {"step:every=2,factor=0.5", 40, 0, 2},
        {"cosine:length=4,least=2", 0, 0, 8},
        {"cosine:length=4,least=2", 20, 0, 5},
        {"cosine:length=4,least=2", 40, 0, 2},
        {"cosine:length=4,least=2", 99, 0, 2},
        {"cyclic:most=12,up=4,down=2,unit=steps", 2, 0, 10},
        {"cyclic:most=12,up=4,down=2,unit=steps", 4, 0, 12},
        {"cyclic:most=12,up=4,down=2,unit=steps", 11, 0, 10},
        {"cyclic:most=12,up=4,down=2,unit=steps", 6, 0, 8},
        {"plateau:factor=0.5", 7, 2, 2},
        {"plateau:factor=0.5,least=3", 7, 2, 3},
    };
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        double lr;
        must(tw_schedule_lr(at[i].schedule, 8, 10, at[i].step, at[i].cuts, &lr));
        assert_near(lr, at[i].lr, 16 * DBL_EPSILON);
    }
    toy t;
    tw_trainer *trainer = NULL;
    tw_trainer_opts opts = line_opts("sgd");
    bool stop;
    opts.schedule = "plateau:patience=3,factor=0.5";
    opts.lr = 8;
    opts.patience = 9;
    open_line(&t, 0);
    must(tw_trainer_new(t.net, &t.data, &opts, &trainer));
    tw_trainer_observe(trainer, 1, &stop); // good
    for (int bad = 1; bad <= 9; bad++) {
        tw_trainer_observe(trainer, bad == 5 ? NAN : 1, &stop);
        assert_true(tw_trainer_lr(trainer) == (bad < 4 ? 8 : bad < 7 ? 4 : 2));
        assert_true(stop == (bad >= 9));
    }
    tw_trainer_free(trainer);
    toy_close(&t);
}

static void impossible_words_are_named_with_the_nearest(void **state)
{
    (void)state;
    static const struct {
        tw_words_of of;
        const char *words, *message;
    } wrong[] = {
        {TW_OPTIM, "adamm", "did you mean adam?"},
        {TW_OPTIM, "", "expected one of: sgd"},
        {TW_OPTIM, "adam:beta=0.1", "found beta=, expected one of: beta1"},
        {TW_OPTIM, "adam:beta1=1", "beta1: found \"1\""},
        {TW_OPTIM, "adam:beta1=x", "beta1: found \"x\", expected a number"},
        {TW_OPTIM, "adam:beta1", "found \"beta1\", expected key=value"},
        {TW_OPTIM, "adam:eps=1,eps=2", "eps= twice"},
        {TW_OPTIM, "nudged:k=1.5", "expected a whole number"},
        {TW_OPTIM, "nudged:variant=correct", "did you mean correct_v?"},
        {TW_SCHEDULE, "cosin", "did you mean cosine?"},
        {TW_SAMPLING, "full:x=1", "expected no key"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        must_fail(tw_train_check(wrong[i].of, wrong[i].words), TW_EINVAL, wrong[i].message);
    toy t;
    tw_trainer *trainer = NULL;
    open_line(&t, 0);
    tw_trainer_opts opts = line_opts("sgd:nesterov=yes");
    must_fail(tw_trainer_new(t.net, &t.data, &opts, &trainer), TW_EINVAL, "expected momentum above 0");
    opts = line_opts("nudged:k=3"); // two parameters
    must_fail(tw_trainer_new(t.net, &t.data, &opts, &trainer), TW_EINVAL, "expected at most");
    opts = line_opts("sgd");
    opts.clip_norm = opts.clip_value = 1;
    must_fail(tw_trainer_new(t.net, &t.data, &opts, &trainer), TW_EINVAL, "expected one of them");
    toy_close(&t);
}

// Each allocation fails in turn: a status, nothing leaked (under the sanitizer), and the network as it was.
static void failing_allocations_leave_the_network_as_it_was(void **state)
{
    (void)state;
    toy t;
    tw_trainer_opts opts = line_opts("adam");
    double w[2];
    open_line(&t, 0);
    for (int call = 1;; call++) {
        tw_trainer *trainer = NULL;
        tw_arrays *saved = NULL;
        tw_alloc_fail_at(call);
        tw_status st = tw_trainer_new(t.net, &t.data, &opts, &trainer);
        if (st == TW_OK) st = tw_trainer_save_state(trainer, &saved);
        tw_alloc_fail_at(0);
        tw_arrays_free(saved);
        tw_trainer_free(trainer);
        tw_net_get_weights(t.net, w);
        assert_memory_equal(w, t.w, sizeof w);
        if (st == TW_OK) break;
        assert_int_equal(st, TW_ENOMEM);
    }
    toy_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_their_formulas),
        cmocka_unit_test(sam_takes_the_gradient_from_uphill),
        cmocka_unit_test(sgld_has_the_stationary_variance_of_its_quadratic),
        cmocka_unit_test(replaced_noise_has_the_covariance_it_should),
        cmocka_unit_test(adaptive_rates_are_their_formulas),
        cmocka_unit_test(nudged_steps_keep_their_identities),
        cmocka_unit_test(directions_are_followed_from_those_before),
        cmocka_unit_test(a_state_saved_and_loaded_goes_on_to_the_same_bits),
        cmocka_unit_test(every_rule_has_the_same_bits_on_any_threads),
        cmocka_unit_test(gradients_are_clipped_by_norm_and_by_value),
        cmocka_unit_test(a_number_that_is_not_finite_is_found_and_named),
        cmocka_unit_test(schedules_are_their_formulas),
        cmocka_unit_test(impossible_words_are_named_with_the_nearest),
        cmocka_unit_test(failing_allocations_leave_the_network_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
