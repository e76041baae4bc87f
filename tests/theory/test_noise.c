// SPDX-License-Identifier: MIT
// The exact strength of minibatch noise against reference values, the moment map of SGD itself, and closed forms.
#include "test.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "theory/noise.h"
#include "theory/noise_cases.h"

// ---- the reference file: 40-digit arithmetic by other programs, from the doubles printed in it ----

static double largest(const json_t *x)
{
    size_t i;
    json_t *v;
    double top = 0;
    if (json_is_number(x)) return fabs(json_number_value(x));
    json_array_foreach(x, i, v) top = fmax(top, largest(v));
    return top;
}

// rtol x the field's largest entry; for an exact zero, 1e-12 absolute (both as the file's schema says).
static void compare(const char *id, const char *field, const json_t *found, const json_t *truth, double bound)
{
    size_t i;
    json_t *v;
    if (json_is_array(truth)) {
        if (json_array_size(found) != json_array_size(truth)) fail_msg("%s: %s: wrong length", id, field);
        json_array_foreach(truth, i, v) compare(id, field, json_array_get(found, i), v, bound);
    } else if (json_is_number(truth)) {
        if (!json_is_number(found)) fail_msg("%s: %s: not a number", id, field);
        double x = json_number_value(found), t = json_number_value(truth);
        if (!(fabs(x - t) <= bound)) fail_msg("%s: %s: found %.17g, truth %.17g, bound %.3g", id, field, x, t, bound);
    } else if (!found || !json_equal(found, truth)) {
        fail_msg("%s: %s: found something else than %s", id, field, json_dumps(truth, JSON_ENCODE_ANY));
    }
}

static void every_field_of_every_reference_case_agrees(void **state)
{
    (void)state;
    const char *path = TW_TEST_DATA "/noise_cases.json";
    json_t *file = NULL, *answers = NULL, *entry, *truth;
    size_t i, fields = 0;
    const char *field;

    must(tw_json_load(path, &file));
    must(tw_noise_solve_cases(path, &answers));

    json_array_foreach(json_object_get(file, "cases"), i, entry)
    {
        const char *id = json_string_value(json_object_get(entry, "id"));
        json_t *answer = json_array_get(json_object_get(answers, "cases"), i);
        assert_string_equal(id, json_string_value(json_object_get(answer, "id")));
        json_object_foreach(json_object_get(entry, "out"), field, truth)
        {
            double rtol = strcmp(field, "rho") == 0 ? 1e-6 : json_number_value(json_object_get(entry, "rtol"));
            double scale = largest(truth);
            compare(id, field, json_object_get(json_object_get(answer, "out"), field), truth,
                    scale > 0 ? rtol * scale : 1e-12);
            fields++;
        }
    }
    assert_int_equal(i, 44);
    assert_true(fields > 600);
    json_decref(file);
    json_decref(answers);
}

// ---- a problem where nothing commutes ----

enum { D = 4 };

typedef struct problem {
    double A[D * D], B[D * D], Gamma[D * D], Lambda[D * D], u[D], w0[D];
    tw_noise_population in;
} problem;

static void random_spd(tw_rng *rng, double floor, double scale, double *a)
{
    double g[D * D];
    tw_rng_normals(rng, D * D, g);
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++) {
            a[i * D + j] = i == j ? floor : 0;
            for (int k = 0; k < D; k++) a[i * D + j] += scale * g[i * D + k] * g[j * D + k] / D;
        }
}

static problem *make(uint64_t seed, double mu)
{
    problem *p = calloc(1, sizeof *p);
    tw_rng rng = tw_rng_at(seed, TW_RNG_TEST, 0);
    random_spd(&rng, 0.2, 0.5, p->A);
    random_spd(&rng, 0.05, 0.1, p->B);
    random_spd(&rng, 0.02, 0.1, p->Gamma);
    random_spd(&rng, 0.1, 0.1, p->Lambda);
    tw_rng_normals(&rng, D, p->u);
    p->in = (tw_noise_population){.D = D,
                                  .S = 3,
                                  .mu = mu,
                                  .A = p->A,
                                  .B = p->B,
                                  .Gamma = p->Gamma,
                                  .Lambda = p->Lambda,
                                  .u = p->u,
                                  .w0 = p->w0,
                                  .sigma2 = 0.3,
                                  .c1 = 2,
                                  .c2 = 1};
    return p;
}

typedef double mat[D * D];

static void mul(const double *a, const double *b, double *c) // c may not be a or b
{
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++) {
            c[i * D + j] = 0;
            for (int k = 0; k < D; k++) c[i * D + j] += a[i * D + k] * b[k * D + j];
        }
}

static void transpose(const double *a, double *t)
{
    for (int i = 0; i < D; i++)
        for (int j = 0; j < D; j++) t[j * D + i] = a[i * D + j];
}

// Noise at covariance Sigma from the law of Gaussian x: N(Sigma) + weight (C - N) with weight 1 or 0.
typedef struct moments {
    mat Sigma, P, M;
} moments;

// One step of the second moments of (w - w*, m), written from the algorithm, in original coordinates.
static void step(const problem *p, const double *K, const double *C0, moments *s)
{
    mat t, t2, y, yt, C, A, pt, n;
    double mu = p->in.mu, trace = 0;
    for (int i = 0; i < D * D; i++) A[i] = p->A[i] + p->B[i];
    for (int i = 0; i < D * D; i++) trace += A[i] * s->Sigma[i];
    mul(A, s->Sigma, t);
    mul(t, A, C);
    for (int i = 0; i < D * D; i++) C[i] = (C[i] + trace * A[i]) / (double)p->in.S + (C0 ? C0[i] : 0);
    transpose(s->P, pt);
    mul(pt, K, t); // mu (P^T K + K P)
    mul(K, s->P, t2);
    for (int i = 0; i < D * D; i++) n[i] = mu * mu * s->M[i] + mu * (t[i] + t2[i]) + C[i];
    mul(K, s->Sigma, t);
    mul(t, K, t2);
    for (int i = 0; i < D * D; i++) n[i] += t2[i]; // M'
    mul(s->Sigma, K, y);
    for (int i = 0; i < D * D; i++) y[i] += mu * s->P[i]; // E w m'^T
    mul(n, p->Lambda, t);                                 // M' Lambda
    for (int i = 0; i < D * D; i++) pt[i] = y[i];
    mul(p->Lambda, t, t2);
    mul(y, p->Lambda, t);
    transpose(t, yt);
    for (int i = 0; i < D * D; i++) s->Sigma[i] += t2[i] - t[i] - yt[i];
    mul(p->Lambda, n, t); // Lambda M'
    for (int i = 0; i < D * D; i++) s->P[i] = pt[i] - t[i];
    memcpy(s->M, n, sizeof n);
    transpose(s->Sigma, t);
    transpose(s->M, t2);
    for (int i = 0; i < D * D; i++) {
        s->Sigma[i] = (s->Sigma[i] + t[i]) / 2;
        s->M[i] = (s->M[i] + t2[i]) / 2;
    }
}

// Truth: the moment map of one step of the algorithm, iterated until it stands still; noise covariance by the Gaussian
// fourth moment (Isserlis) about the w* that solves the normal equations. The result is the map's fixed point.
// Tolerance: the map contracts by rho < 0.99, so 8000 steps leave e^-80; rounding of a step is some 30 D eps and is
// amplified by 1/(1 - rho) < 1e3.
static void sigma_is_the_fixed_point_of_the_moment_map(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        problem *p = make(40 + (uint64_t)round, round == 0 ? 0 : round == 1 ? 0.5 : 0.9);
        for (int i = 0; i < D * D; i++) p->Lambda[i] *= round == 2 ? 0.2 : 1;
        tw_noise_opts opts = tw_noise_defaults();
        tw_noise_law *law = NULL;
        must(tw_noise_solve_population(&p->in, &opts, &law));
        assert_int_equal(law->status, TW_NOISE_STABLE);
        assert_true(law->rho < 0.99);

        mat K, C0, N, t, A;
        double trace = 0;
        for (int i = 0; i < D * D; i++) {
            A[i] = p->A[i] + p->B[i];
            K[i] = A[i] + p->Gamma[i];
            trace += A[i] * law->Sigma[i];
        }
        for (int i = 0; i < D; i++) { // normal equations: K w* = A u
            double left = 0;
            for (int j = 0; j < D; j++) left += K[i * D + j] * law->w_star[j] - p->A[i * D + j] * p->u[j];
            assert_near(left, 0, 1e-13);
        }
        mul(A, law->Sigma, t);
        mul(t, A, N);
        for (int i = 0; i < D * D; i++) C0[i] = law->C[i] - (N[i] + trace * A[i]) / 3;
        moments s = {0};
        for (int i = 0; i < 8000; i++) step(p, K, C0, &s);
        for (int i = 0; i < D * D; i++) assert_near(law->Sigma[i], s.Sigma[i], 1e-11 * law->tr_Sigma);

        // rho: the growth of the same map without constants, after the faster parts have died.
        moments g = {0};
        double before = 0, after = 0;
        for (int i = 0; i < D; i++) g.Sigma[i * D + i] = g.M[i * D + i] = 1;
        for (int i = 0; i < 3000; i++) {
            step(p, K, NULL, &g);
            before = after;
            after = 0;
            for (int k = 0; k < D; k++) after += g.Sigma[k * D + k];
            for (int k = 0; k < D * D; k++) {
                g.Sigma[k] /= after;
                g.P[k] /= after;
                g.M[k] /= after;
            }
        }
        assert_near(law->rho, after, 1e-6);
        (void)before;
        tw_noise_law_free(law);
        free(p);
    }
}

// Truth: lr_scale_max is where the gain passes 1, both directions, and the gain there comes from another equation.
static void the_limit_is_where_the_gain_is_one(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        problem *p = make(50 + (uint64_t)k, 0.45 * k);
        tw_noise_opts opts = tw_noise_defaults();
        tw_noise_law *law = NULL, *at = NULL;
        must(tw_noise_solve_population(&p->in, &opts, &law));
        mat scaled;
        for (int i = 0; i < D * D; i++) scaled[i] = p->Lambda[i] * law->lr_scale_max * (1 - 1e-7);
        p->in.Lambda = scaled;
        must(tw_noise_solve_population(&p->in, &opts, &at));
        assert_int_equal(at->status, TW_NOISE_STABLE);
        assert_true(at->gain > 1 - 1e-5);
        assert_near(at->lr_scale_max, 1 / (1 - 1e-7), 1e-10);
        tw_noise_law_free(at);
        for (int i = 0; i < D * D; i++) scaled[i] = p->Lambda[i] * law->lr_scale_max * (1 + 1e-7);
        must(tw_noise_solve_population(&p->in, &opts, &at));
        assert_int_not_equal(at->status, TW_NOISE_STABLE);
        assert_null(at->Sigma);
        tw_noise_law_free(at);
        tw_noise_law_free(law);
        free(p);
    }
}

// Truth: a data set in which every row of a population's square root appears with both signs is that population's
// second moment; with y = u.x the noise at the minimum is 0, and any start outside the range stays.
static void interpolation_is_without_noise_and_keeps_the_start(void **state)
{
    (void)state;
    double X[] = {1, 0, 0, 0, 2, 0}, y[] = {3, -4}, Gamma[9] = {0}, w0[] = {0, 0, 7};
    double Lambda[] = {0.1, 0, 0, 0, 0.1, 0, 0, 0, 0.1};
    tw_noise_data in = {
        .N = 2, .D = 3, .S = 1, .X = X, .y = y, .Gamma = Gamma, .Lambda = Lambda, .w0 = w0, .replacement = true};
    tw_noise_opts opts = tw_noise_defaults();
    tw_noise_law *law = NULL;
    must(tw_noise_solve_data(&in, &opts, &law));
    assert_int_equal(law->status, TW_NOISE_STABLE);
    assert_int_equal(law->rank, 2);
    assert_near(law->w_star[0], 3, 1e-14);
    assert_near(law->w_star[1], -2, 1e-14);
    assert_near(law->w_star[2], 7, 1e-14);
    assert_near(law->tr_Sigma, 0, 1e-28);
    tw_noise_law_free(law);
}

// Truth: section 5 closed form (1 + kappa/S) sigma^2/S Lambda^1/2 V diag(1/G) V^T Lambda^1/2, here through its trace
// Tr[A Sigma] = sigma^2 kappa / S, at a size where no D^2 x D^2 system could be written. Tolerance: CG to 1e-15,
// eigenvalues to D eps.
static void matrix_free_solution_agrees_with_the_closed_form(void **state)
{
    (void)state;
    enum { N = 60 };
    double *A = calloc(N * N, sizeof *A), *Z = calloc(N * N, sizeof *Z), *L = calloc(N * N, sizeof *L), v[N] = {0};
    for (int i = 0; i < N; i++) {
        A[i * N + i] = 1 + i % 7;
        L[i * N + i] = 0.01;
        if (i) A[i * N + i - 1] = A[(i - 1) * N + i] = L[i * N + i - 1] = L[(i - 1) * N + i] = 0.003 * (i % 3);
    }
    tw_noise_population in = {.D = N,
                              .S = 8,
                              .mu = 0.6,
                              .A = A,
                              .B = Z,
                              .Gamma = Z,
                              .Lambda = L,
                              .u = v,
                              .w0 = v,
                              .sigma2 = 2,
                              .c1 = 2,
                              .c2 = 1};
    tw_noise_opts opts = tw_noise_defaults();
    tw_noise_law *law = NULL;
    must(tw_noise_solve_population(&in, &opts, &law));
    assert_int_equal(law->status, TW_NOISE_STABLE);
    assert_near(law->tr_AoSigma, 2 * law->kappa / 8, 1e-12 * law->tr_AoSigma);
    tw_noise_law_free(law);
    free(A);
    free(Z);
    free(L);
}

// Truth: Sigma -> C undoes C -> Sigma. Tolerance: 100 D eps times the condition of Lambda (some 10), squared.
static void lyapunov_goes_both_ways(void **state)
{
    (void)state;
    problem *p = make(60, 0.8);
    mat Sigma, C;
    tw_noise_status status;
    must(tw_noise_lyapunov(D, 0.8, p->A, p->Lambda, p->B, &status, Sigma));
    assert_int_equal(status, TW_NOISE_STABLE);
    must(tw_noise_lyapunov_inverse(D, 0.8, p->A, p->Lambda, Sigma, C));
    for (int i = 0; i < D * D; i++) assert_near(C[i], p->B[i], 1e-12);
    free(p);
}

// Truth: the isotropic limit 2(1-mu) / (a [(1-mu)/(1+mu) + (D+1)/S]).
static void largest_step_of_isotropic_features(void **state)
{
    (void)state;
    for (int S = 1; S <= 64; S *= 4)
        for (int m = 0; m < 3; m++) {
            double a[] = {1.5, 1.5, 1.5}, mu = 0.45 * m, found,
                   truth = 2 * (1 - mu) / (1.5 * ((1 - mu) / (1 + mu) + 4. / S));
            must(tw_noise_step_max(3, a, S, mu, 2, 1, &found));
            assert_near(found, truth, 1e-14 * truth);
        }
}

// Truth: the paper's Figure 3 left, a = 1.5, lambda = 1, sigma^2 = 1: variance 2 at S = 7, 0.5 at 10, 0.2 at 16.
static void label_noise_lines_of_the_figure(void **state)
{
    (void)state;
    double a = 1.5, law[4];
    tw_noise_lines lines;
    const struct {
        int S;
        double exact, ct, dt;
    } row[] = {{7, 2, 1. / 14, 2. / 7}, {10, 0.5, 0.05, 0.2}, {16, 0.2, 1. / 32, 0.125}};
    for (int i = 0; i < 3; i++) {
        must(tw_noise_label(1, &a, 1, row[i].S, 0, 1, 2, 1, &lines, law));
        assert_true(lines.exact);
        assert_near(law[0], row[i].exact, 1e-14);
        assert_near(law[1], row[i].dt, 1e-14);
        assert_near(law[2], row[i].ct, 1e-14);
    }
    must(tw_noise_label(1, &a, 1, 6, 0, 1, 2, 1, &lines, law));
    assert_false(lines.exact);
}

// Truth: the exact Kesten index tabulated to 4 digits or more in the paper's notes (other program); at z = 2S/(S+2)
// the second moment is the first to diverge, so beta = 2 exactly, also in D dimensions at z = 2S/(S+D+1).
static void tail_index_at_known_points(void **state)
{
    (void)state;
    tw_noise_tail t;
    const struct {
        int S;
        double z, beta, off;
    } row[] = {{1, 0.1, 17.2846, 5e-5}, {2, 0.3, 9.9992, 5e-5}, {10, 0.7, 14.0925, 5e-5}, {4, 1, 3.5047, 5e-5},
               {2, 1, 2, 1e-12},        {6, 1.5, 2, 1e-12},     {30, 1.875, 2, 1e-12}};
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        must(tw_noise_tail_index(row[i].z, 1, row[i].S, 1, &t));
        assert_true(t.has_exact);
        assert_near(t.beta_exact, row[i].beta, row[i].off);
    }
    for (int dim = 2; dim <= 4; dim += 2) {
        must(tw_noise_tail_index(2. * 6 / (6 + dim + 1), 1, 6, dim, &t));
        assert_near(t.beta_exact, 2, 1e-9);
    }
    must(tw_noise_tail_index(2.42124952103684 * (1 + 1e-12), 1, 1, 1, &t)); // threshold of a stationary law, S = 1
    assert_false(t.has_exact);
    must(tw_noise_tail_index(2.42124952103684 * (1 - 1e-12), 1, 1, 1, &t));
    assert_true(t.has_exact);
    must(tw_noise_tail_index(2.15104928246472 * (1 + 1e-12), 1, 32, 1, &t));
    assert_int_equal(t.status, TW_NOISE_NO_STATIONARY_LAW);
}

// Truth: the minimum of the loss of Corollary 1 among 1e5 points of the stable interval; no point is below it.
static void best_decay_is_below_every_point_of_a_grid(void **state)
{
    (void)state;
    tw_noise_decay v;
    must(tw_noise_decay_1d(1, 1.2, 4, 1, 0.5, &v));
    assert_true(v.exists && v.stable_at_zero && v.gamma_star < 0); // lambda a > 1 with label noise
    for (int i = 1; i < 100000; i++) {
        double k = 1 + v.gamma_lo + (v.gamma_hi - v.gamma_lo) * i / 1e5, t = (1 - 1 / k) * (1 - 1 / k);
        double loss = (t + 0.3 * (2 * t + 0.5) / (2 * k - 1.2 * k * k - 0.6)) / 2;
        assert_true(loss >= v.L_test_star * (1 - 1e-14));
    }
    must(tw_noise_decay_1d(1, 1.5, 4, 1, 0, &v)); // lambda a >= sqrt(S/2)
    assert_false(v.exists);
}

// Truth: x = lambda/S and lambda are all that Sigma depends on; the example of the paper's notes, a = (1, .3), S = 1 to
// 2: .02724 to .02800 along the first axis. Tolerance: the digits given.
static void scaling_step_with_batch_changes_sigma_as_listed(void **state)
{
    (void)state;
    double a[] = {1, 0.3}, law[8], other[8], error;
    tw_noise_lines lines;
    bool ok;
    must(tw_noise_label(2, a, 0.05, 1, 0, 1, 2, 1, &lines, law));
    must(tw_noise_label(2, a, 0.1, 2, 0, 1, 2, 1, &lines, other));
    assert_near(law[0], 0.02724, 5e-6);
    assert_near(other[0], 0.02800, 5e-6);
    must(tw_noise_scaling_error(2, a, 0.05, 1, 0, 2, &ok, &error));
    assert_true(ok);
    assert_near(error, hypot(other[0] - law[0], other[1] - law[1]) / hypot(law[0], law[1]), 1e-15);
}

static void bad_input_is_named(void **state)
{
    (void)state;
    problem *p = make(70, 0);
    tw_noise_opts opts = tw_noise_defaults();
    tw_noise_law *law = NULL;
    p->in.S = 0;
    must_fail(tw_noise_solve_population(&p->in, &opts, &law), TW_EINVAL, "S: found 0");
    p->in.S = 1;
    p->in.mu = 1;
    must_fail(tw_noise_solve_population(&p->in, &opts, &law), TW_EINVAL, "mu: found 1");
    p->in.mu = 0;
    const double impossible[][2] = {{2, -0.5}, {0.5, 0.4}}; // no distribution has these fourth moments
    for (int i = 0; i < 2; i++) {
        const double h = 0.5;
        double exact[4], c1 = p->in.c1 = impossible[i][0], c2 = p->in.c2 = impossible[i][1];
        tw_noise_lines lines;
        tw_noise_modes modes = {.k = 1, .a = &h, .weight = &h};
        double least, most;
        must_fail(tw_noise_modes_step_max(&modes, 4, 0, c1, c2, &least, &most), TW_EINVAL, "c1, c2: found");
        must_fail(tw_noise_step_max(1, &h, 4, 0, c1, c2, &least), TW_EINVAL, "c1, c2: found");
        must_fail(tw_noise_solve_population(&p->in, &opts, &law), TW_EINVAL, "c1, c2: found");
        must_fail(tw_noise_label(1, &h, 0.1, 4, 0, 1, c1, c2, &lines, exact), TW_EINVAL, "c1, c2: found");
    }
    p->in.c1 = 2;
    p->in.c2 = 1;
    p->Lambda[0] = -1;
    must_fail(tw_noise_solve_population(&p->in, &opts, &law), TW_EINVAL, "Lambda: found smallest eigenvalue");
    p->Lambda[0] = NAN;
    must_fail(tw_noise_solve_population(&p->in, &opts, &law), TW_EINVAL, "Lambda[0]: found nan");
    p->Lambda[0] = 1;
    p->A[1] += 1;
    must_fail(tw_noise_solve_population(&p->in, &opts, &law), TW_EINVAL, "A[1][0]");
    assert_null(law);
    free(p);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void a_bad_file_is_answered_with_place_found_and_expected(void **state)
{
    (void)state;
    const struct {
        const char *text, *message;
    } bad[] = {
        {"{", "line 1"},
        {"[]", "cases: found nothing, expected an array"},
        {"{\"cases\": 3}", "cases: found an integer, expected an array"},
        {"{\"cases\": [3]}", "case number 0: id: found an integer"},
        {"{\"cases\": [{\"id\": \"a\", \"family\": \"b\", \"in\": {}}]}", "case \"a\": family: found \"b\""},
        {"{\"cases\": [{\"id\": \"a\", \"family\": \"tail\"}]}", "in: found nothing, expected an object"},
        {"{\"cases\": [{\"id\": \"a\", \"family\": \"tail\", \"in\": {\"a\": null}}]}",
         "in.a: found null, expected a number"},
        {"{\"cases\": [{\"id\": \"a\", \"family\": \"tail\", \"in\": {\"a\": 1, \"lambda\": -1, \"S\": 1, \"D\": 1}}]}",
         "case \"a\": lambda: found -1"},
        {"{\"cases\": [{\"id\": \"a\", \"family\": \"tail\", \"in\": {\"a\": 1, \"lambda\": 1, \"S\": 1.5, \"D\": "
         "1}}]}",
         "in.S: found 1.5, expected an integer, at least 1"},
        {"{\"cases\": [{\"id\": \"a\", \"family\": \"ngd\", \"in\": {\"D\": 1099511627776, \"S\": 1, \"lambda\": 1, "
         "\"mu\": 0, "
         "\"sigma2\": 0, \"A\": [[1]]}}]}",
         "in.A: found 1 rows, expected 1099511627776"},
        {"{\"cases\": [{\"id\": \"a\", \"family\": \"ngd\", \"in\": {\"D\": 2, \"S\": 1, \"lambda\": 1, \"mu\": 0, "
         "\"sigma2\": 0, \"A\": [[1, 0], [\"x\", 1]]}}]}",
         "in.A[1][0]: found a string, expected a number"},
    };
    char path[] = "/tmp/thalweg-noise-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    fclose(fdopen(fd, "w"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *out = NULL;
        write_text(path, bad[i].text);
        tw_status st = tw_noise_solve_cases(path, &out);
        assert_int_not_equal(st, TW_OK);
        assert_null(out);
        if (!strstr(tw_error(), bad[i].message) || !strstr(tw_error(), path))
            fail_msg("message \"%s\" lacks \"%s\" or the file", tw_error(), bad[i].message);
    }
    remove(path);
}

// Each allocation in turn fails: the status says so, nothing leaks (the sanitizers look), and the next call works.
static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    problem *p = make(80, 0.3);
    tw_noise_opts opts = tw_noise_defaults();
    tw_noise_law *law = NULL;
    must(tw_threads_set(1));
    int64_t before = tw_alloc_calls();
    must(tw_noise_solve_population(&p->in, &opts, &law));
    int64_t calls = tw_alloc_calls() - before;
    tw_noise_law_free(law);
    for (int64_t i = 1; i <= calls; i += 1 + i / 16) {
        law = NULL;
        tw_alloc_fail_at(i);
        assert_int_equal(tw_noise_solve_population(&p->in, &opts, &law), TW_ENOMEM);
        assert_null(law);
    }
    tw_alloc_fail_at(0);
    must(tw_noise_solve_population(&p->in, &opts, &law));
    tw_noise_law_free(law);
    free(p);
}

// Truth: the laws for whole spectra (tw_noise_step_max, tw_noise_scaling_error), with multiplicities as weights, and
// the bracket's ends as limits: the rest in copies of the smallest eigenvalue, and in a million near 0.
static void a_spectrum_in_part_gives_the_laws_of_the_whole(void **state)
{
    (void)state;
    const double a[] = {2, 0.7, 0.3}, weight[] = {1, 2, 3}, all[] = {2, 0.7, 0.7, 0.3, 0.3, 0.3};
    for (int64_t S = 1; S < 100; S *= 4)
        for (int k = 0; k < 2; k++) {
            double mu = k ? 0.9 : 0, truth, least, most, factor, error;
            bool stable, ok;
            tw_noise_modes modes = {.k = 3, .a = a, .weight = weight, .noise = a};
            must(tw_noise_step_max(6, all, S, mu, 2, 1, &truth));
            must(tw_noise_modes_step_max(&modes, (double)S, mu, 2, 1, &least, &most));
            assert_near(least, truth, 1e-13 * truth);
            assert_near(most, truth, 1e-13 * truth);
            modes.k = 2; // 0.3 three times becomes 0.9 of trace
            modes.rest = 0.9;
            must(tw_noise_modes_step_max(&modes, (double)S, mu, 2, 1, &least, &most));
            assert_true(least <= truth && truth <= most && least < most);
            modes = (tw_noise_modes){.k = 3, .a = a, .weight = weight, .noise = a};
            double lambda = truth / 4;
            for (int up = 0; up < 2; up++) {
                double limit = 0.05;
                must(tw_noise_modes_break(&modes, lambda, (double)S, mu, 2, 1, limit, up, &stable, &factor));
                assert_true(stable);
                if (factor == 0) {
                    assert_false(up); // a larger step breaks it sooner or later
                    if (S == 1) continue;
                    must(tw_noise_scaling_error(6, all, lambda, (double)S, mu, 1 / (double)S, &ok, &error));
                    assert_true(ok && error < limit);
                    continue;
                }
                must(tw_noise_scaling_error(6, all, lambda, (double)S, mu, factor, &ok, &error));
                assert_true(ok);
                assert_near(error, limit, 1e-8);
            }
            must(tw_noise_modes_break(&modes, 1.01 * truth, (double)S, mu, 2, 1, 0.1, true, &stable, &factor));
            assert_false(stable);
        }
    tw_noise_modes wrong = {.k = 1, .a = a, .weight = weight, .rest = -1};
    double unused;
    must_fail(tw_noise_modes_step_max(&wrong, 1, 0, 2, 1, &unused, &unused), TW_EINVAL, "rest -1");
}

// Truth: section 15 of the paper's approximations by hand, with momentum: lambda/(2S(1-mu)), and G = 2(1-mu) - h/S.
static void continuous_time_lines_know_momentum(void **state)
{
    (void)state;
    const double a = 1;
    double law[4], tau = 0.5 / 0.95;
    tw_noise_lines lines;
    must(tw_noise_label(1, &a, 0.5, 10, 0.5, 1, 2, 1, &lines, law));
    assert_true(lines.exact && lines.ct_minibatch);
    assert_near(law[2], 0.05, 1e-15);
    assert_near(law[3], 0.05 / 0.95 / (1 - tau / 10), 1e-15);
}

// Truth: noise in a flat direction grows without end; a rank-one part above 2 L0 H0 leaves a negative C.
static void noise_outside_the_valley_and_an_indefinite_c_are_said(void **state)
{
    (void)state;
    const double H[] = {1, 0, 0, 0}, I[] = {1, 0, 0, 1}, one = 1, tenth = 0.1, zero = 0;
    double Sigma[4], C;
    tw_noise_status status;
    tw_noise_minimum found;
    must(tw_noise_lyapunov(2, 0, H, I, I, &status, Sigma));
    assert_int_equal(status, TW_NOISE_NOT_A_MINIMUM);
    must(tw_noise_at_minimum(1, 1, 0, &one, 0, &tenth, &one, &one, &found, &C, Sigma));
    assert_true(found.indefinite && C < 0);
    must(tw_noise_at_minimum(1, 1, 0, &one, 1, &zero, &one, &one, &found, &C, Sigma));
    assert_false(found.indefinite);
}

// Truth: one number, h = 0.9, S = 1, Gaussian: d = 2h - h^2 = 0.99 and N(X) = 2 h^2 X = 1.62 X, so L - N = -0.63 < 0;
// with h = 0.5 it is 0.75 - 0.5 = 0.25 and X = C0 / 0.25. In three dimensions, h and A alike, the sign is that of the
// gain's: 1 - sum h/(2 - h - h) < 0 for h = (0.6, 0.5, 0.2), from section 5.
static void conjugate_gradients_stop_where_curvature_is_negative(void **state)
{
    (void)state;
    double h[] = {0.9}, c[] = {2}, scratch[2], X[1];
    bool positive = true;
    tw_noise_frame frame = {.D = 1, .r = 1, .h = h};
    tw_noise_operator op = {
        .r = 1, .diagonal = true, .A = h, .c1 = 2, .c2 = 1, .scale = 1, .C0 = c, .scratch = scratch};
    must(tw_noise_stationary(&op, &frame, 1e-15, X, &positive));
    assert_false(positive);
    h[0] = 0.5;
    must(tw_noise_stationary(&op, &frame, 1e-15, X, &positive));
    assert_true(positive);
    assert_near(X[0], 8, 8 * 4 * DBL_EPSILON);

    double h3[] = {0.2, 0.5, 0.6}, c3[] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, scratch3[18], X3[9];
    tw_noise_frame frame3 = {.D = 3, .r = 3, .h = h3};
    tw_noise_operator op3 = {
        .r = 3, .diagonal = true, .A = h3, .c1 = 2, .c2 = 1, .scale = 1, .C0 = c3, .scratch = scratch3};
    must(tw_noise_stationary(&op3, &frame3, 1e-15, X3, &positive));
    assert_false(positive);
}

// Truth: section 7's T = Tr[A Sigma] = (lambda/S) [(t_U + sigma^2) kappa + r] against the Sigma of the general solver;
// and that form is for diagonal A and Gamma, a scalar step, Gaussian features, no momentum and no input noise alone:
// one condition broken at a time, nothing may be given. A direction that does not move at all (a = gamma = 0) adds
// nothing.
static void the_forms_of_decay_are_given_where_they_hold_and_nowhere_else(void **state)
{
    (void)state;
    enum { N = 3, KINDS = 9 };
    const double lambda = 0.2, S = 4, sigma2 = 0.3, u[N] = {1, -2, 3}, w0[N] = {0};
    for (int kind = 0; kind < KINDS; kind++) {
        double A[N * N] = {1, 0, 0, 0, 0.5}, Gamma[N * N] = {0.1, 0, 0, 0, 0.2}, B[N * N] = {0},
                     Lambda[N * N] = {lambda, 0, 0, 0, lambda, 0, 0, 0, lambda};
        tw_noise_population in = {.D = N,
                                  .S = (int64_t)S,
                                  .A = A,
                                  .B = B,
                                  .Gamma = Gamma,
                                  .Lambda = Lambda,
                                  .u = u,
                                  .w0 = w0,
                                  .sigma2 = sigma2,
                                  .c1 = 2,
                                  .c2 = 1};
        tw_noise_opts opts = tw_noise_defaults();
        tw_noise_law *law = NULL;
        switch (kind) {
        case 1:
            in.mu = 0.5;
            break;
        case 2:
            in.c1 = 1.5;
            break;
        case 3:
            in.c2 = 0.9;
            break;
        case 4:
            A[1] = A[3] = 0.1;
            break;
        case 5:
            Gamma[1] = Gamma[3] = 0.05;
            break;
        case 6:
            Lambda[4] = 0.1;
            break;
        case 7:
            B[0] = 0.1;
            break;
        case 8:
            Gamma[0] = Gamma[4] = 0;
            break;
        default:
            break;
        }
        must(tw_noise_solve_population(&in, &opts, &law));
        assert_int_equal(law->status, TW_NOISE_STABLE);
        assert_true(law->has_l2 == (kind == 0));
        assert_true(law->has_closed == (kind == 8));
        if (kind == 0) {
            double T = law->Sigma[0] + 0.5 * law->Sigma[4], t = 0;
            for (int i = 0; i < 2; i++) {
                double a = A[4 * i], g = Gamma[4 * i], k = a + g;
                t += a * g * g * u[i] * u[i] / (k * k);
            }
            assert_near(lambda / S * ((t + sigma2) * law->kappa_l2 + law->r_l2), T, 1e-12 * T);
        }
        tw_noise_law_free(law);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(continuous_time_lines_know_momentum),
        cmocka_unit_test(noise_outside_the_valley_and_an_indefinite_c_are_said),
        cmocka_unit_test(a_spectrum_in_part_gives_the_laws_of_the_whole),
        cmocka_unit_test(every_field_of_every_reference_case_agrees),
        cmocka_unit_test(sigma_is_the_fixed_point_of_the_moment_map),
        cmocka_unit_test(the_limit_is_where_the_gain_is_one),
        cmocka_unit_test(interpolation_is_without_noise_and_keeps_the_start),
        cmocka_unit_test(matrix_free_solution_agrees_with_the_closed_form),
        cmocka_unit_test(lyapunov_goes_both_ways),
        cmocka_unit_test(largest_step_of_isotropic_features),
        cmocka_unit_test(label_noise_lines_of_the_figure),
        cmocka_unit_test(tail_index_at_known_points),
        cmocka_unit_test(best_decay_is_below_every_point_of_a_grid),
        cmocka_unit_test(scaling_step_with_batch_changes_sigma_as_listed),
        cmocka_unit_test(bad_input_is_named),
        cmocka_unit_test(a_bad_file_is_answered_with_place_found_and_expected),
        cmocka_unit_test(every_failing_allocation_is_survived),
        cmocka_unit_test(the_forms_of_decay_are_given_where_they_hold_and_nowhere_else),
        cmocka_unit_test(conjugate_gradients_stop_where_curvature_is_negative),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
