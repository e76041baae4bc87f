// SPDX-License-Identifier: MIT
// Paper 3's regressions, simulated, beside its exact theory and the approximations that it argues against.
//
// A point is simulated only where the fourth moment of w is finite, else its standard error would mean nothing: in one
// dimension without momentum w <- (1 - gamma lambda - z q) w + ..., q = chi^2_S/S, and E(1 - gamma lambda - z q)^4 < 1
// is asked for; else a noise gain of at most 1/2.
#include "paper/evidence.h"
#include "paper/minibatch.h"

#include "base/alloc.h"
#include "linalg/dense.h"
#include "sim/regression.h"
#include "thalweg/theory_noise.h"
#include <math.h>
#include <stdio.h>

enum { MOST = 2 }; // dimensions

typedef struct setting {
    int64_t D, S;
    double mu, sigma2;
    double A[MOST * MOST], B[MOST * MOST], Gamma[MOST * MOST], Lambda[MOST * MOST], u[MOST];
} setting;

typedef struct point {
    tw_noise_law *law;        // exact
    tw_regression_law *seen;  // NULL: not simulated
    bool lines;               // the next are known: a scalar step and no decay
    double line[4][MOST];     // section 15 of the notes: exact, dt, ct, ct_minibatch, along the axes (diagonal A)
    double worst_z, worst_se; // over the entries of Sigma; relative to the largest entry
} point;

static const double start[MOST];

// Points draw from streams of their own, so that what one says is no news of another.
static uint64_t seed_of(const tw_effort *e, const setting *s)
{
    double mark = 1e4 * (s->Lambda[0] + 17 * s->mu + 291 * (1 + s->Gamma[0]) + 5 * s->Lambda[1]);
    return e->seed * 1000003 + (uint64_t)llround(mark) * 4099 + (uint64_t)s->S;
}

static void drop(point *p)
{
    tw_noise_law_free(p->law);
    tw_regression_law_free(p->seen);
    *p = (point){0};
}

static setting one(int64_t S, double a, double lambda, double sigma2)
{
    return (setting){.D = 1, .S = S, .sigma2 = sigma2, .A = {a}, .Lambda = {lambda}, .u = {1}};
}

// E(s - z q)^4 from the moments of chi^2.
static double fourth(double s, double z, double S)
{
    double m2 = (S + 2) / S, m3 = m2 * (S + 4) / S, m4 = m3 * (S + 6) / S;
    return s * s * s * s - 4 * s * s * s * z + 6 * s * s * z * z * m2 - 4 * s * z * z * z * m3 + z * z * z * z * m4;
}

static bool has_fourth(const setting *s, const tw_noise_law *law)
{
    if (s->D == 1 && s->mu == 0)
        return fourth(1 - s->Lambda[0] * s->Gamma[0], s->Lambda[0] * (s->A[0] + s->B[0]), (double)s->S) < 1;
    return law->gain <= 0.5;
}

static tw_status simulate_one(const tw_effort *e, const setting *s, int64_t replicas, int64_t steps, point *p)
{
    double a = s->A[0] + s->B[0], best = s->A[0] * s->u[0] / a, delta = p->law->w_star[0] - best;
    tw_regression_one in = {.S = s->S,
                            .replicas = replicas,
                            .burn = (int64_t)ceil(25 / (1 - p->law->rho)),
                            .steps = steps,
                            .a = a,
                            .s = sqrt(fmax(0, p->law->res2 - a * delta * delta)),
                            .lambda = s->Lambda[0],
                            .mu = s->mu,
                            .gamma = s->Gamma[0],
                            .delta = delta,
                            .seed = seed_of(e, s)};
    return tw_regression_run_one(&in, a, &e->progress, NULL, &p->seen);
}

static tw_status simulate_many(const tw_effort *e, const setting *s, int64_t replicas, int64_t steps, point *p)
{
    tw_status st = TW_OK;
    double root_A[MOST * MOST], root_B[MOST * MOST];
    bool noisy = s->B[0] > 0;
    for (int i = 0; i < MOST * MOST; i++) {
        root_A[i] = s->A[i];
        root_B[i] = s->B[i];
    }
    TW_TRY(tw_cholesky(s->D, root_A));
    if (noisy) TW_TRY(tw_cholesky(s->D, root_B));
    tw_regression_many in = {.D = s->D,
                             .S = s->S,
                             .replicas = replicas,
                             .burn = (int64_t)ceil(25 / (1 - p->law->rho)),
                             .steps = steps,
                             .mu = s->mu,
                             .sigma = sqrt(s->sigma2),
                             .root_A = root_A,
                             .root_B = noisy ? root_B : NULL,
                             .u = s->u,
                             .Gamma = s->Gamma,
                             .Lambda = s->Lambda,
                             .start = p->law->w_star,
                             .centre = p->law->w_star,
                             .replacement = true,
                             .seed = seed_of(e, s)};
    TW_TRY(tw_regression_run_many(&in, s->A, &e->progress, NULL, &p->seen));
done:
    return st;
}

// Replica-steps a point: kept ones decide the standard error.
static void sizes(const tw_effort *e, int64_t D, int64_t *replicas, int64_t *steps)
{
    static const int64_t one_dim[][2] = {{512, 500}, {4096, 4000}, {16384, 16000}},
                         more[][2] = {{256, 500}, {1024, 2000}, {4096, 8000}};
    *replicas = D > 1 ? more[e->scale][0] : one_dim[e->scale][0];
    *steps = D > 1 ? more[e->scale][1] : one_dim[e->scale][1];
}

static tw_status measure(const tw_effort *e, const setting *s, point *p)
{
    tw_status st = TW_OK;
    int64_t D = s->D, replicas, steps;
    tw_noise_opts opts = tw_noise_defaults();
    tw_noise_lines lines;
    tw_noise_population in = {.D = D,
                              .S = s->S,
                              .mu = s->mu,
                              .A = s->A,
                              .B = s->B,
                              .Gamma = s->Gamma,
                              .Lambda = s->Lambda,
                              .u = s->u,
                              .w0 = start,
                              .sigma2 = s->sigma2,
                              .c1 = 2,
                              .c2 = 1};
    opts.want_limit = false;
    *p = (point){.worst_se = NAN};
    TW_TRY(tw_noise_solve_population(&in, &opts, &p->law));
    if (p->law->status != TW_NOISE_STABLE) goto done;
    p->lines = s->Gamma[0] == 0 && (D == 1 || (s->A[1] == 0 && s->Lambda[1] == 0 && s->Lambda[0] == s->Lambda[3]));
    if (p->lines) {
        double a[MOST], law[4 * MOST];
        for (int64_t i = 0; i < D; i++) a[i] = s->A[i * D + i] + s->B[i * D + i];
        TW_TRY(tw_noise_label(D, a, s->Lambda[0], s->S, s->mu, p->law->res2, 2, 1, &lines, law));
        for (int k = 0; k < 4; k++)
            for (int64_t i = 0; i < D; i++) p->line[k][i] = k == 3 && !lines.ct_minibatch ? NAN : law[k * D + i];
    }
    if (!has_fourth(s, p->law)) goto done;
    sizes(e, D, &replicas, &steps);
    TW_TRY(D == 1 ? simulate_one(e, s, replicas, steps, p) : simulate_many(e, s, replicas, steps, p));
    p->worst_se = 0;
    for (int64_t k = 0; k < D * D; k++) {
        p->worst_z = fmax(p->worst_z, fabs(p->seen->Sigma[k] - p->law->Sigma[k]) / p->seen->error[k]);
        if (k % (D + 1) == 0) p->worst_se = fmax(p->worst_se, p->seen->error[k] / p->law->Sigma[k]);
    }
done:
    if (st != TW_OK) drop(p);
    return st;
}

// ---- what a sweep adds up ------------------------------------------------------------------------------------------

typedef struct tally {
    int seen, skipped, unstable;
    double z, se; // the worst
    double off;   // largest error of the discrete Hessian approximation, relative
    double off_z; // and in standard errors
    bool lost;    // replicas diverged
    json_t *figure;
} tally;

// One entry of Sigma against x: theory lines and the measured dot.
static void plot(tally *t, const point *p, double x, int entry, int panel)
{
    static const char *const name[] = {"exact", "Hessian, discrete", "Hessian, continuous", "continuous, exact C"};
    int64_t D = p->law->D;
    if (panel == 0) tw_evidence_x(t->figure, x);
    if (p->law->status != TW_NOISE_STABLE) return;
    tw_evidence_line(t->figure, panel, name[0], p->law->Sigma[entry * D + entry]);
    for (int k = 1; p->lines && k < 4; k++) tw_evidence_line(t->figure, panel, name[k], p->line[k][entry]);
    if (p->seen)
        tw_evidence_dot(t->figure, panel, "simulated", p->seen->Sigma[entry * D + entry],
                        p->seen->error[entry * D + entry]);
}

static void add(tally *t, tw_finding *f, const point *p, double x)
{
    tw_evidence_append(f, "x", x);
    bool stable = p->law->status == TW_NOISE_STABLE;
    tw_evidence_append(f, "exact", stable ? p->law->Sigma[0] : NAN);
    tw_evidence_append(f, "simulated", p->seen ? p->seen->Sigma[0] : NAN);
    tw_evidence_append(f, "standard_error", p->seen ? p->seen->error[0] : NAN);
    tw_evidence_append(f, "worst_z", p->seen ? p->worst_z : NAN);
    if (!stable) t->unstable++;
    if (stable && !p->seen) t->skipped++;
    if (!p->seen) return;
    t->seen++;
    t->z = fmax(t->z, p->worst_z);
    t->se = fmax(t->se, p->worst_se);
    t->lost = t->lost || p->seen->diverged > 0;
    double off = p->lines ? fabs(p->line[1][0] / p->seen->Sigma[0] - 1) : 0;
    if (off > t->off) {
        t->off = off;
        t->off_z = fabs(p->line[1][0] - p->seen->Sigma[0]) / p->seen->error[0];
    }
}

// The rule of every claim here: within 4 standard errors at each point; undecided where the errors exceed 5 %.
static void judge(const tally *t, tw_finding *f)
{
    tw_evidence_put(f, "worst_z_of_all", t->z);
    tw_evidence_put(f, "worst_relative_error", t->se);
    f->verdict = t->lost || t->z > 4 ? TW_CONTRADICTED : t->seen < 1 || t->se > 0.05 ? TW_UNDECIDED : TW_HOLDS;
}

static void say(const tally *t, tw_finding *f, const char *more)
{
    snprintf(f->measured, sizeof f->measured,
             "%d simulated points, at most %.1f standard errors off (errors up to %.2f %%); %d stable without a fourth "
             "moment and %d unstable not simulated%s",
             t->seen, t->z, 100 * t->se, t->skipped, t->unstable, more);
}

static void say_rival(const tally *t, tw_finding *f)
{
    char more[120];
    snprintf(more, sizeof more, "; C = sigma^2 A/S is off by up to %.0f %%, %.0f standard errors", 100 * t->off,
             t->off_z);
    say(t, f, more);
}

// ---- figures 3 and 4 -----------------------------------------------------------------------------------------------

tw_status tw_minibatch_over_batch(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    static const int64_t batch[] = {5, 6, 7, 8, 10, 12, 16, 24, 32, 64, 128, 256};
    point p = {0};
    tally t = {.figure = tw_evidence_figure(f, "Variance of w over the batch size", "a = 1.5, step 1, label noise 1",
                                            "batch size", TW_LOG_BOTH, "variance of w", NULL)};
    for (size_t i = 0; i < sizeof batch / sizeof *batch; i++) {
        setting s = one(batch[i], 1.5, 1, 1);
        TW_TRY(measure(e, &s, &p));
        if (p.law->status == TW_NOISE_STABLE) plot(&t, &p, (double)batch[i], 0, 0);
        add(&t, f, &p, (double)batch[i]);
        drop(&p);
    }
    judge(&t, f);
    say_rival(&t, f);
done:
    drop(&p);
    return st;
}

tw_status tw_minibatch_over_step(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    point p = {0};
    tally t = {.figure = tw_evidence_figure(f, "Variance of w over the step", "a = 1, batch 10, label noise 1", "step",
                                            TW_LOG_Y, "variance of w", NULL)};
    for (int i = 1; i <= 17; i++) {
        setting s = one(10, 1, 0.1 * i, 1);
        TW_TRY(measure(e, &s, &p));
        if (p.law->status == TW_NOISE_STABLE) plot(&t, &p, 0.1 * i, 0, 0);
        add(&t, f, &p, 0.1 * i);
        drop(&p);
    }
    judge(&t, f);
    say_rival(&t, f);
done:
    drop(&p);
    return st;
}

tw_status tw_minibatch_two_dimensions(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    static const int64_t batch[] = {8, 10, 16, 24, 32, 50, 100};
    point p = {0};
    tally t = {.figure =
                   tw_evidence_figure(f, "Two dimensions", "A = diag(1, 0.5), step 1.5, label noise 1", "batch size",
                                      TW_LOG_BOTH, "variance along the steep axis", "along the flat axis")};
    for (size_t i = 0; i < sizeof batch / sizeof *batch; i++) {
        setting s = {.D = 2, .S = batch[i], .sigma2 = 1, .A = {1, 0, 0, 0.5}, .Lambda = {1.5, 0, 0, 1.5}, .u = {1, 1}};
        TW_TRY(measure(e, &s, &p));
        for (int k = 0; k < 2 && p.law->status == TW_NOISE_STABLE; k++) plot(&t, &p, (double)batch[i], k, k);
        add(&t, f, &p, (double)batch[i]);
        drop(&p);
    }
    judge(&t, f);
    say_rival(&t, f);
done:
    drop(&p);
    return st;
}

// Theorem 4: the test loss is a Sigma/2 plus what decay costs.
tw_status tw_minibatch_over_decay(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    point p = {0};
    tally t = {.figure = tw_evidence_figure(f, "Test loss over weight decay", "a = 1, no label noise", "weight decay",
                                            TW_LINEAR, "test loss, batch 1, step 0.5", "batch 4, step 0.7")};
    for (int i = -4; i <= 12; i++) {
        double gamma = 0.1 * i;
        if (i == 0) continue; // nothing fluctuates there
        tw_evidence_x(t.figure, gamma);
        for (int panel = 0; panel < 2; panel++) { // the paper's batch of 1 has no fourth moment
            setting s = one(panel ? 4 : 1, 1, panel ? 0.7 : 0.5, 0);
            s.Gamma[0] = gamma;
            TW_TRY(measure(e, &s, &p));
            if (p.law->status == TW_NOISE_STABLE) {
                double rest = p.law->L_test - p.law->Sigma[0] / 2;
                tw_evidence_line(t.figure, panel, "exact", p.law->L_test);
                if (p.seen)
                    tw_evidence_dot(t.figure, panel, "simulated", rest + p.seen->Sigma[0] / 2, p.seen->error[0] / 2);
            }
            add(&t, f, &p, gamma);
            drop(&p);
        }
    }
    judge(&t, f);
    say(&t, f, "");
done:
    drop(&p);
    return st;
}

// ---- theorems 2 and 3 ----------------------------------------------------------------------------------------------

tw_status tw_minibatch_over_momentum(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    point p = {0};
    tally t = {.figure =
                   tw_evidence_figure(f, "Variance of w over momentum", "a = 1, batch 10, step 0.3 (1 - momentum)",
                                      "momentum", TW_LINEAR, "variance of w", NULL)};
    for (int i = 0; i < 10; i++) {
        double mu = 0.1 * i;
        setting s = one(10, 1, 0.3 * (1 - mu), 1);
        s.mu = mu;
        TW_TRY(measure(e, &s, &p));
        plot(&t, &p, mu, 0, 0);
        add(&t, f, &p, mu);
        drop(&p);
    }
    judge(&t, f);
    say_rival(&t, f);
done:
    drop(&p);
    return st;
}

tw_status tw_minibatch_matrix_step(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    point p = {0};
    tally t = {0};
    double asymmetry = 0;
    for (int i = 0; i < 4; i++) {
        double mu = i % 2 ? 0.5 : 0, c = i < 2 ? 0 : 0.15;
        setting s = {
            .D = 2, .S = 8, .mu = mu, .sigma2 = 1, .A = {1, 0.3, 0.3, 0.5}, .Lambda = {0.4, c, c, 0.4}, .u = {1, -1}};
        TW_TRY(measure(e, &s, &p));
        // Lambda G^-1 with Lambda A inside, as printed: G = 2(1-mu) I - k Lambda A, and how far from symmetric it is.
        double k = (1 - mu) / (1 + mu) + 1 / 8.0, G[4], X[4];
        for (int r = 0; r < 2; r++)
            for (int q = 0; q < 2; q++)
                G[r * 2 + q] =
                    (r == q ? 2 * (1 - mu) : 0) - k * (s.Lambda[r * 2] * s.A[q] + s.Lambda[r * 2 + 1] * s.A[2 + q]);
        double det = G[0] * G[3] - G[1] * G[2], inverse[4] = {G[3] / det, -G[1] / det, -G[2] / det, G[0] / det};
        for (int r = 0; r < 2; r++)
            for (int q = 0; q < 2; q++)
                X[r * 2 + q] = s.Lambda[r * 2] * inverse[q] + s.Lambda[r * 2 + 1] * inverse[2 + q];
        double off = fabs(X[1] - X[2]) / fmax(fabs(X[1]), fabs(X[2]));
        tw_evidence_append(f, "off_diagonal_of_step", c);
        tw_evidence_append(f, "asymmetry_as_printed", off);
        asymmetry = fmax(asymmetry, off);
        add(&t, f, &p, mu);
        drop(&p);
    }
    char more[160];
    judge(&t, f);
    snprintf(more, sizeof more,
             "; written G^-1 Lambda it holds for steps that do not commute with A (as printed its off-diagonals differ "
             "by %.0f %% there)",
             100 * asymmetry);
    say(&t, f, more);
done:
    drop(&p);
    return st;
}

tw_status tw_minibatch_input_noise(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    point p = {0};
    tally t = {0};
    for (int64_t S = 4; S <= 64; S *= 4) {
        setting s = {.D = 2,
                     .S = S,
                     .sigma2 = 0.25,
                     .A = {1, 0.3, 0.3, 0.5},
                     .B = {0.2, -0.1, -0.1, 0.3},
                     .Lambda = {0.3, 0.05, 0.05, 0.2},
                     .u = {1, -2}};
        TW_TRY(measure(e, &s, &p));
        add(&t, f, &p, (double)S);
        drop(&p);
    }
    judge(&t, f);
    say(&t, f, "; A, B, u and the step commute with nothing");
done:
    drop(&p);
    return st;
}

// ---- second-order methods ------------------------------------------------------------------------------------------

static setting newton_setting(double l, int64_t S)
{
    return (setting){.D = 2, .S = S, .sigma2 = 1, .A = {1, 0, 0, 0.25}, .Lambda = {l, 0, 0, 4 * l}, .u = {1, 1}};
}

tw_status tw_minibatch_newton(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    point p = {0};
    tally t = {0};
    const double S = 10, D = 2, limit = 2 * S / (S + 1 + D); // mu = 0
    double worst = 0;
    for (int i = 1; i <= 5; i++) {
        double l = 0.2 * i, g = 2 - (1 + 1 / S) * l, closed = l / (g * S - l * D); // Sigma = closed A^-1
        setting s = newton_setting(l, 10);
        TW_TRY(measure(e, &s, &p));
        if (p.law->status == TW_NOISE_STABLE) {
            worst = fmax(worst, fabs(p.law->Sigma[0] / closed - 1));
            worst = fmax(worst, fabs(p.law->Sigma[3] / (4 * closed) - 1));
        }
        add(&t, f, &p, l);
        drop(&p);
    }
    setting at = newton_setting(limit, 10);
    TW_TRY(measure(e, &at, &p));
    char more[160];
    judge(&t, f);
    if (worst > 1e-10) f->verdict = TW_CONTRADICTED;
    snprintf(more, sizeof more,
             "; closed form right to %.0e; noise gain at the printed limit %.6f, so stability is strict", worst,
             p.law->gain);
    say(&t, f, more);
    tw_evidence_put(f, "gain_at_limit", p.law->gain);
done:
    drop(&p);
    return st;
}

tw_status tw_minibatch_natural(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    point p = {0};
    tally t = {0};
    double worst = 0;
    for (int i = 1; i <= 4; i++) {
        double A[] = {1, 0, 0, 0.25}, Sigma[4], C[4], lambda = 0.25 * i;
        tw_noise_ngd found;
        TW_TRY(tw_noise_natural_gradient(2, A, lambda, 16, 0, 1, &found, Sigma, C));
        setting s = newton_setting(found.l, 16); // Lambda = (lambda/S) C^-1 with this C is l A^-1
        TW_TRY(measure(e, &s, &p));
        if (p.law->status == TW_NOISE_STABLE) worst = fmax(worst, fabs(p.law->Sigma[0] / found.s - 1));
        add(&t, f, &p, lambda);
        drop(&p);
    }
    char more[120];
    judge(&t, f);
    if (worst > 1e-10) f->verdict = TW_CONTRADICTED;
    snprintf(more, sizeof more, "; self-consistent solution right to %.0e with label noise 1", worst);
    say(&t, f, more);
done:
    drop(&p);
    return st;
}

// ---- linear scaling ------------------------------------------------------------------------------------------------

tw_status tw_minibatch_linear_scaling(const tw_effort *e, tw_finding *f)
{
    tw_status st = TW_OK;
    point p = {0};
    tally t = {.figure = tw_evidence_figure(f, "Batch and step scaled together",
                                            "A = diag(1, 0.3), step / batch = 0.05 (1 - momentum)", "batch size",
                                            TW_LOG_X, "variance along the steep axis, momentum 0", "momentum 0.9")};
    double first = 0, last = 0;
    for (int64_t S = 1; S <= 32; S *= 2)
        for (int k = 0; k < 2; k++) {
            double mu = k ? 0.9 : 0, l = 0.05 * (1 - mu) * (double)S;
            setting s = {
                .D = 2, .S = S, .mu = mu, .sigma2 = 1, .A = {1, 0, 0, 0.3}, .Lambda = {l, 0, 0, l}, .u = {1, 1}};
            TW_TRY(measure(e, &s, &p));
            plot(&t, &p, (double)S, 0, k);
            add(&t, f, &p, (double)S);
            if (p.seen && k == 0) last = p.seen->Sigma[0];
            if (p.seen && k == 0 && S == 1) first = p.seen->Sigma[0];
            drop(&p);
        }
    char more[120];
    judge(&t, f);
    if (last < 1.5 * first && f->verdict == TW_HOLDS) f->verdict = TW_CONTRADICTED;
    snprintf(more, sizeof more, "; the variance rises %.1f-fold from batch 1 to the largest simulated without momentum",
             last / first);
    say(&t, f, more);
done:
    drop(&p);
    return st;
}
