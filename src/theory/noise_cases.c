// SPDX-License-Identifier: MIT
// A file of noise problems, one family after another, each to its solver and back into words.
//
// {"cases": [{"id", "family", "in": {...}}]}; the fields of "in" and "out" by family are in docs/noise.md.
#include "theory/noise_cases.h"

#include "theory/cases.h"
#include "theory/noise.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

static void put_status(json_t *o, tw_noise_status status)
{
    json_object_set_new(o, "status", json_string(tw_noise_status_name(status)));
}

static tw_status put_law(const tw_case *r, const tw_noise_law *law, json_t *o)
{
    const json_t *lambda = json_object_get(r->in, "lambda");
    int64_t D = law->D;
    bool stable = law->status == TW_NOISE_STABLE;
    if (lambda && !json_is_null(lambda) && !json_is_number(lambda))
        return tw_case_wrong(r, "lambda", lambda, "a number or null");
    put_status(o, law->status);
    json_object_set_new(o, "rank", json_integer(law->rank));
    tw_out_number(o, "h_min", law->rank > 0, law->h_min);
    tw_out_number(o, "h_max", law->rank > 0, law->h_max);
    tw_out_number(o, "lr_scale_max", law->has_limit, law->lr_scale_max);
    tw_out_number(o, "lambda_max", law->has_limit && json_is_number(lambda),
                  law->lr_scale_max * json_number_value(lambda));
    tw_out_number(o, "gain", law->has_gain, law->gain);
    tw_out_number(o, "rho", law->has_gain, law->rho);
    tw_out_vector(o, "w_star", D, law->w_star);
    tw_out_matrix(o, "Sigma", D, D, law->Sigma);
    tw_out_matrix(o, "C", D, D, law->C);
    tw_out_vector(o, "eig_Sigma", D, law->eig_Sigma);
    tw_out_number(o, "tr_Sigma", stable, law->tr_Sigma);
    tw_out_number(o, "tr_AoSigma", stable, law->tr_AoSigma);
    tw_out_number(o, "res2", stable, law->res2);
    tw_out_number(o, "L_data", stable, law->L_data);
    tw_out_number(o, "L_reg", stable, law->L_reg);
    return TW_OK;
}

static tw_status population(const tw_case *r, json_t *o)
{
    tw_status st = TW_OK;
    tw_noise_population in = {0};
    tw_noise_law *law = NULL;
    tw_noise_opts opts = tw_noise_defaults();
    double *A = NULL, *B = NULL, *Gamma = NULL, *Lambda = NULL, *u = NULL, *w0 = NULL;

    TW_TRY(tw_case_int(r, "D", 1, &in.D));
    TW_TRY(tw_case_int(r, "S", 1, &in.S));
    TW_TRY(tw_case_real(r, "mu", &in.mu));
    TW_TRY(tw_case_real(r, "sigma2", &in.sigma2));
    TW_TRY(tw_case_real(r, "c1", &in.c1));
    TW_TRY(tw_case_real(r, "c2", &in.c2));
    TW_TRY(tw_case_matrix(r, "A", in.D, in.D, &A));
    TW_TRY(tw_case_matrix(r, "B", in.D, in.D, &B));
    TW_TRY(tw_case_matrix(r, "Gamma", in.D, in.D, &Gamma));
    TW_TRY(tw_case_matrix(r, "Lambda", in.D, in.D, &Lambda));
    TW_TRY(tw_case_vector(r, "u", in.D, &u));
    TW_TRY(tw_case_vector(r, "w0", in.D, &w0));
    in.A = A;
    in.B = B;
    in.Gamma = Gamma;
    in.Lambda = Lambda;
    in.u = u;
    in.w0 = w0;
    TW_TRY(tw_noise_solve_population(&in, &opts, &law));
    TW_TRY(put_law(r, law, o));
    tw_out_number(o, "L_test", law->has_test, law->L_test);
    tw_out_number(o, "tau", law->has_closed, law->tau);
    tw_out_number(o, "kappa", law->has_closed, law->kappa);
    tw_out_number(o, "kappa_l2", law->has_l2, law->kappa_l2);
    tw_out_number(o, "r_l2", law->has_l2, law->r_l2);
    tw_out_matrix(o, "Sigma_ct_hessian", in.D, in.D, law->Sigma_ct_hessian);
    tw_out_matrix(o, "Sigma_dt_hessian", in.D, in.D, law->Sigma_dt_printed);
    tw_out_matrix(o, "Sigma_dt_hessian_symmetric", in.D, in.D, law->Sigma_dt_hessian);
done:
    tw_noise_law_free(law);
    free(A);
    free(B);
    free(Gamma);
    free(Lambda);
    free(u);
    free(w0);
    return st;
}

static tw_status finite_data(const tw_case *r, json_t *o)
{
    tw_status st = TW_OK;
    tw_noise_data in = {0};
    tw_noise_law *law = NULL;
    tw_noise_opts opts = tw_noise_defaults();
    double *X = NULL, *y = NULL, *Gamma = NULL, *Lambda = NULL, *w0 = NULL;
    const char *sampling = json_string_value(json_object_get(r->in, "sampling"));

    if (!sampling || (strcmp(sampling, "with") != 0 && strcmp(sampling, "without") != 0))
        return tw_case_wrong(r, "sampling", json_object_get(r->in, "sampling"), "\"with\" or \"without\"");
    in.replacement = strcmp(sampling, "with") == 0;
    TW_TRY(tw_case_int(r, "N", 1, &in.N));
    TW_TRY(tw_case_int(r, "D", 1, &in.D));
    TW_TRY(tw_case_int(r, "S", 1, &in.S));
    TW_TRY(tw_case_real(r, "mu", &in.mu));
    TW_TRY(tw_case_matrix(r, "X", in.N, in.D, &X));
    TW_TRY(tw_case_vector(r, "y", in.N, &y));
    TW_TRY(tw_case_matrix(r, "Gamma", in.D, in.D, &Gamma));
    TW_TRY(tw_case_matrix(r, "Lambda", in.D, in.D, &Lambda));
    TW_TRY(tw_case_vector(r, "w0", in.D, &w0));
    in.X = X;
    in.y = y;
    in.Gamma = Gamma;
    in.Lambda = Lambda;
    in.w0 = w0;
    TW_TRY(tw_noise_solve_data(&in, &opts, &law));
    TW_TRY(put_law(r, law, o));
    tw_out_number(o, "c_SN", true, law->c_SN);
    tw_out_matrix(o, "C_at_min", in.D, in.D, law->C_at_min);
done:
    tw_noise_law_free(law);
    free(X);
    free(y);
    free(Gamma);
    free(Lambda);
    free(w0);
    return st;
}

static tw_status covariance(const tw_case *r, json_t *o)
{
    tw_status st = TW_OK;
    int64_t N = 0, P = 0, S = 0;
    double *g = NULL, *with = NULL, *without = NULL;
    TW_TRY(tw_case_int(r, "N", 1, &N));
    TW_TRY(tw_case_int(r, "P", 1, &P));
    TW_TRY(tw_case_int(r, "S", 1, &S));
    TW_TRY(tw_case_matrix(r, "gradients", N, P, &g));
    TW_TRY(tw_alloc(P * P, sizeof *with, &with));
    TW_TRY(tw_alloc(P * P, sizeof *without, &without));
    TW_TRY(tw_noise_covariance(N, P, S, g, with, without));
    tw_out_matrix(o, "C_with", P, P, with);
    tw_out_matrix(o, "C_without", P, P, without);
done:
    free(g);
    free(with);
    free(without);
    return st;
}

static double trace_of(int64_t n, const double *a)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i * n + i];
    return sum;
}

static void put_sigma(json_t *o, int64_t D, bool has, const double *Sigma)
{
    tw_out_matrix(o, "Sigma", D, D, has ? Sigma : NULL);
    tw_out_number(o, "tr_Sigma", has, trace_of(D, Sigma));
}

static tw_status lyapunov(const tw_case *r, json_t *o)
{
    tw_status st = TW_OK;
    int64_t D = 0;
    double mu = 0, *H = NULL, *Lambda = NULL, *C = NULL, *Sigma = NULL;
    tw_noise_status status;
    TW_TRY(tw_case_int(r, "D", 1, &D));
    TW_TRY(tw_case_real(r, "mu", &mu));
    TW_TRY(tw_case_matrix(r, "H", D, D, &H));
    TW_TRY(tw_case_matrix(r, "Lambda", D, D, &Lambda));
    TW_TRY(tw_case_matrix(r, "C", D, D, &C));
    TW_TRY(tw_alloc(D * D, sizeof *Sigma, &Sigma));
    TW_TRY(tw_noise_lyapunov(D, mu, H, Lambda, C, &status, Sigma));
    put_status(o, status);
    put_sigma(o, D, status == TW_NOISE_STABLE, Sigma);
done:
    free(H);
    free(Lambda);
    free(C);
    free(Sigma);
    return st;
}

static tw_status minimum(const tw_case *r, json_t *o)
{
    tw_status st = TW_OK;
    int64_t D = 0, S = 0;
    double mu = 0, L0 = 0, *H0 = NULL, *Gamma = NULL, *w = NULL, *Lambda = NULL, *C = NULL, *Sigma = NULL;
    tw_noise_minimum found;
    TW_TRY(tw_case_int(r, "D", 1, &D));
    TW_TRY(tw_case_int(r, "S", 1, &S));
    TW_TRY(tw_case_real(r, "mu", &mu));
    TW_TRY(tw_case_real(r, "L0", &L0));
    TW_TRY(tw_case_matrix(r, "H0", D, D, &H0));
    TW_TRY(tw_case_matrix(r, "Gamma", D, D, &Gamma));
    TW_TRY(tw_case_vector(r, "w_star", D, &w));
    TW_TRY(tw_case_matrix(r, "Lambda", D, D, &Lambda));
    TW_TRY(tw_alloc(D * D, sizeof *C, &C));
    TW_TRY(tw_alloc(D * D, sizeof *Sigma, &Sigma));
    TW_TRY(tw_noise_at_minimum(D, S, mu, H0, L0, Gamma, w, Lambda, &found, C, Sigma));
    put_status(o, found.status);
    json_object_set_new(o, "C_indefinite", json_boolean(found.indefinite));
    tw_out_matrix(o, "C", D, D, C);
    put_sigma(o, D, found.status == TW_NOISE_STABLE, Sigma);
done:
    free(H0);
    free(Gamma);
    free(w);
    free(Lambda);
    free(C);
    free(Sigma);
    return st;
}

static tw_status highdim(const tw_case *r, json_t *o)
{
    tw_status st = TW_OK;
    int64_t S, D = (int64_t)json_array_size(json_object_get(r->in, "a"));
    double *a = NULL, lambda = 0, sigma2 = 0, alpha = 0;
    tw_noise_highdim v;
    TW_TRY(tw_case_vector(r, "a", D, &a));
    TW_TRY(tw_case_real(r, "lambda", &lambda));
    TW_TRY(tw_case_int(r, "S", 1, &S));
    TW_TRY(tw_case_real(r, "sigma2", &sigma2));
    TW_TRY(tw_case_real(r, "alpha", &alpha));
    TW_TRY(tw_noise_high_dimension(D, a, lambda, S, sigma2, alpha, &v));
    put_status(o, v.status);
    tw_out_number(o, "tr_ASigma_paper", v.paper_stable, v.tr_ASigma_paper);
    tw_out_number(o, "kappa_paper", v.paper_stable, v.kappa_paper);
    tw_out_number(o, "lambda_max_paper", true, v.lambda_max_paper);
    tw_out_number(o, "tr_ASigma_gauss", v.gauss_stable, v.tr_ASigma_gauss);
    tw_out_number(o, "kappa_gauss", v.gauss_stable, v.kappa_gauss);
    tw_out_number(o, "lambda_max_gauss", true, v.lambda_max_gauss);
done:
    free(a);
    return st;
}

static tw_status decay_1d(const tw_case *r, json_t *o)
{
    tw_status st = TW_OK;
    int64_t S = 0;
    double a = 0, lambda = 0, u = 0, sigma2 = 0;
    tw_noise_decay v;
    TW_TRY(tw_case_real(r, "a", &a));
    TW_TRY(tw_case_real(r, "lambda", &lambda));
    TW_TRY(tw_case_int(r, "S", 1, &S));
    TW_TRY(tw_case_real(r, "u", &u));
    TW_TRY(tw_case_real(r, "sigma2", &sigma2));
    TW_TRY(tw_noise_decay_1d(a, lambda, S, u, sigma2, &v));
    put_status(o, v.status);
    tw_out_number(o, "gamma_lo", v.exists, v.gamma_lo);
    tw_out_number(o, "gamma_hi", v.exists, v.gamma_hi);
    tw_out_number(o, "gamma_star", v.exists, v.gamma_star);
    tw_out_number(o, "L_test_star", v.exists, v.L_test_star);
    json_object_set_new(o, "stable_at_zero", json_boolean(v.stable_at_zero));
done:
    return st;
}

static tw_status ngd(const tw_case *r, json_t *o)
{
    tw_status st = TW_OK;
    int64_t D = 0, S = 0;
    double lambda = 0, mu = 0, sigma2 = 0, *A = NULL, *Sigma = NULL, *C = NULL;
    tw_noise_ngd v;
    TW_TRY(tw_case_int(r, "D", 1, &D));
    TW_TRY(tw_case_int(r, "S", 1, &S));
    TW_TRY(tw_case_real(r, "lambda", &lambda));
    TW_TRY(tw_case_real(r, "mu", &mu));
    TW_TRY(tw_case_real(r, "sigma2", &sigma2));
    TW_TRY(tw_case_matrix(r, "A", D, D, &A));
    TW_TRY(tw_alloc(D * D, sizeof *Sigma, &Sigma));
    TW_TRY(tw_alloc(D * D, sizeof *C, &C));
    TW_TRY(tw_noise_natural_gradient(D, A, lambda, S, mu, sigma2, &v, Sigma, C));
    put_status(o, v.status);
    tw_out_number(o, "s", true, v.s);
    tw_out_number(o, "l", true, v.l);
    tw_out_number(o, "l_max", true, v.l_max);
    tw_out_matrix(o, "Sigma", D, D, Sigma);
    tw_out_matrix(o, "C", D, D, C);
done:
    free(A);
    free(Sigma);
    free(C);
    return st;
}

static tw_status tail(const tw_case *r, json_t *o)
{
    tw_status st = TW_OK;
    int64_t S = 0, D = 0;
    double a = 0, lambda = 0;
    tw_noise_tail v;
    TW_TRY(tw_case_real(r, "a", &a));
    TW_TRY(tw_case_real(r, "lambda", &lambda));
    TW_TRY(tw_case_int(r, "S", 1, &S));
    TW_TRY(tw_case_int(r, "D", 1, &D));
    TW_TRY(tw_noise_tail_index(a, lambda, S, D, &v));
    put_status(o, v.status);
    tw_out_number(o, "beta_exact", v.has_exact, v.beta_exact);
    tw_out_number(o, "beta_moment", v.has_estimates, v.beta_moment);
    tw_out_number(o, "beta_continuous", v.has_estimates, v.beta_continuous);
    tw_out_number(o, "log_mean", v.has_log_mean, v.log_mean);
    json_object_set_new(o, "second_moment_finite", json_boolean(v.second_moment_finite));
done:
    return st;
}

static const tw_case_kind families[] = {
    {"population", population},
    {"finite", finite_data},
    {"covariance", covariance},
    {"lyapunov", lyapunov},
    {"minimum", minimum},
    {"highdim", highdim},
    {"decay_1d", decay_1d},
    {"ngd", ngd},
    {"tail", tail},
};

tw_status tw_noise_solve_cases(const char *path, json_t **out)
{
    return tw_cases_solve(path, "family", (int)(sizeof families / sizeof families[0]), families, out);
}
