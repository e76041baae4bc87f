// SPDX-License-Identifier: MIT
// A file of noise problems, one family after another, each to its solver and back into words.
//
// {"cases": [{"id", "family", "in": {...}}]}; the fields of "in" and "out" by family are in docs/noise.md.
#include "theory/noise_cases.h"

#include "theory/noise.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct reader {
    const char *path, *id;
    const json_t *in;
} reader;

static const char *kind(const json_t *value)
{
    static const char *const names[] = {"an object", "an array", "a string", "an integer",
                                        "a number",  "true",     "false",    "null"};
    return value ? names[json_typeof(value)] : "nothing";
}

static tw_status wrong(const reader *r, const char *field, const json_t *found, const char *expected)
{
    if (json_is_number(found))
        return tw_fail(TW_EFORMAT, "%s: case \"%s\": in.%s: found %.17g, expected %s", r->path, r->id, field,
                       json_number_value(found), expected);
    return tw_fail(TW_EFORMAT, "%s: case \"%s\": in.%s: found %s, expected %s", r->path, r->id, field, kind(found),
                   expected);
}

static tw_status get_int(const reader *r, const char *field, int64_t least, int64_t *out)
{
    const json_t *value = json_object_get(r->in, field);
    double x = json_number_value(value);
    char expected[64];
    if (!json_is_number(value) || x != floor(x) || !(x >= (double)least && x <= 0x1p40)) {
        snprintf(expected, sizeof expected, "an integer, at least %" PRId64, least);
        return wrong(r, field, value, expected);
    }
    *out = (int64_t)x;
    return TW_OK;
}

static tw_status get_real(const reader *r, const char *field, double *out)
{
    const json_t *value = json_object_get(r->in, field);
    if (!json_is_number(value)) return wrong(r, field, value, "a number");
    *out = json_number_value(value);
    return TW_OK;
}

static tw_status get_row(const reader *r, const char *field, const json_t *row, int64_t n, double *out)
{
    char at[96], expected[64];
    if (!json_is_array(row) || (int64_t)json_array_size(row) != n) {
        if (json_is_array(row)) {
            return tw_fail(TW_EFORMAT, "%s: case \"%s\": in.%s: found %zu numbers, expected %" PRId64, r->path, r->id,
                           field, json_array_size(row), n);
        }
        snprintf(expected, sizeof expected, "an array of %" PRId64 " numbers", n);
        return wrong(r, field, row, expected);
    }
    for (int64_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(row, (size_t)i);
        if (!json_is_number(value)) {
            snprintf(at, sizeof at, "%s[%" PRId64 "]", field, i);
            return wrong(r, at, value, "a number");
        }
        out[i] = json_number_value(value);
    }
    return TW_OK;
}

// Arrays are counted before memory is taken, so a large D in a short file costs nothing.
static tw_status get_vector(const reader *r, const char *field, int64_t n, double **out)
{
    tw_status st = TW_OK;
    const json_t *value = json_object_get(r->in, field);
    if (!json_is_array(value) || (int64_t)json_array_size(value) != n) return get_row(r, field, value, n, NULL);
    TW_TRY(tw_alloc(n, sizeof **out, out));
    TW_TRY(get_row(r, field, value, n, *out));
done:
    return st;
}

static tw_status get_matrix(const reader *r, const char *field, int64_t rows, int64_t cols, double **out)
{
    tw_status st = TW_OK;
    const json_t *value = json_object_get(r->in, field);
    char name[64];
    if (!json_is_array(value)) return wrong(r, field, value, "an array of rows");
    if ((int64_t)json_array_size(value) != rows)
        return tw_fail(TW_EFORMAT, "%s: case \"%s\": in.%s: found %zu rows, expected %" PRId64, r->path, r->id, field,
                       json_array_size(value), rows);
    for (int64_t i = 0; i < rows; i++) {
        const json_t *row = json_array_get(value, (size_t)i);
        if (json_is_array(row) && (int64_t)json_array_size(row) == cols) continue;
        snprintf(name, sizeof name, "%s[%" PRId64 "]", field, i);
        return get_row(r, name, row, cols, NULL);
    }
    TW_TRY(tw_alloc(rows, (size_t)cols * sizeof **out, out));
    for (int64_t i = 0; i < rows; i++) {
        snprintf(name, sizeof name, "%s[%" PRId64 "]", field, i);
        TW_TRY(get_row(r, name, json_array_get(value, (size_t)i), cols, *out + i * cols));
    }
done:
    return st;
}

static void put(json_t *o, const char *name, bool has, double x)
{
    json_object_set_new(o, name, has ? tw_json_real(x) : json_null());
}

static void put_vector(json_t *o, const char *name, int64_t n, const double *x)
{
    json_object_set_new(o, name, x ? tw_json_reals(n, x) : json_null());
}

static void put_matrix(json_t *o, const char *name, int64_t rows, int64_t cols, const double *x)
{
    json_t *list = x ? json_array() : json_null();
    for (int64_t i = 0; x && i < rows; i++) json_array_append_new(list, tw_json_reals(cols, x + i * cols));
    json_object_set_new(o, name, list);
}

static void put_status(json_t *o, tw_noise_status status)
{
    json_object_set_new(o, "status", json_string(tw_noise_status_name(status)));
}

static tw_status put_law(const reader *r, const tw_noise_law *law, json_t *o)
{
    const json_t *lambda = json_object_get(r->in, "lambda");
    int64_t D = law->D;
    bool stable = law->status == TW_NOISE_STABLE;
    if (lambda && !json_is_null(lambda) && !json_is_number(lambda))
        return wrong(r, "lambda", lambda, "a number or null");
    put_status(o, law->status);
    json_object_set_new(o, "rank", json_integer(law->rank));
    put(o, "h_min", law->rank > 0, law->h_min);
    put(o, "h_max", law->rank > 0, law->h_max);
    put(o, "lr_scale_max", law->has_limit, law->lr_scale_max);
    put(o, "lambda_max", law->has_limit && json_is_number(lambda), law->lr_scale_max * json_number_value(lambda));
    put(o, "gain", law->has_gain, law->gain);
    put(o, "rho", law->has_gain, law->rho);
    put_vector(o, "w_star", D, law->w_star);
    put_matrix(o, "Sigma", D, D, law->Sigma);
    put_matrix(o, "C", D, D, law->C);
    put_vector(o, "eig_Sigma", D, law->eig_Sigma);
    put(o, "tr_Sigma", stable, law->tr_Sigma);
    put(o, "tr_AoSigma", stable, law->tr_AoSigma);
    put(o, "res2", stable, law->res2);
    put(o, "L_data", stable, law->L_data);
    put(o, "L_reg", stable, law->L_reg);
    return TW_OK;
}

static tw_status population(const reader *r, json_t *o)
{
    tw_status st = TW_OK;
    tw_noise_population in = {0};
    tw_noise_law *law = NULL;
    tw_noise_opts opts = tw_noise_defaults();
    double *A = NULL, *B = NULL, *Gamma = NULL, *Lambda = NULL, *u = NULL, *w0 = NULL;

    TW_TRY(get_int(r, "D", 1, &in.D));
    TW_TRY(get_int(r, "S", 1, &in.S));
    TW_TRY(get_real(r, "mu", &in.mu));
    TW_TRY(get_real(r, "sigma2", &in.sigma2));
    TW_TRY(get_real(r, "c1", &in.c1));
    TW_TRY(get_real(r, "c2", &in.c2));
    TW_TRY(get_matrix(r, "A", in.D, in.D, &A));
    TW_TRY(get_matrix(r, "B", in.D, in.D, &B));
    TW_TRY(get_matrix(r, "Gamma", in.D, in.D, &Gamma));
    TW_TRY(get_matrix(r, "Lambda", in.D, in.D, &Lambda));
    TW_TRY(get_vector(r, "u", in.D, &u));
    TW_TRY(get_vector(r, "w0", in.D, &w0));
    in.A = A;
    in.B = B;
    in.Gamma = Gamma;
    in.Lambda = Lambda;
    in.u = u;
    in.w0 = w0;
    TW_TRY(tw_noise_solve_population(&in, &opts, &law));
    TW_TRY(put_law(r, law, o));
    put(o, "L_test", law->has_test, law->L_test);
    put(o, "tau", law->has_closed, law->tau);
    put(o, "kappa", law->has_closed, law->kappa);
    put(o, "kappa_l2", law->has_l2, law->kappa_l2);
    put(o, "r_l2", law->has_l2, law->r_l2);
    put_matrix(o, "Sigma_ct_hessian", in.D, in.D, law->Sigma_ct_hessian);
    put_matrix(o, "Sigma_dt_hessian", in.D, in.D, law->Sigma_dt_printed);
    put_matrix(o, "Sigma_dt_hessian_symmetric", in.D, in.D, law->Sigma_dt_hessian);
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

static tw_status finite_data(const reader *r, json_t *o)
{
    tw_status st = TW_OK;
    tw_noise_data in = {0};
    tw_noise_law *law = NULL;
    tw_noise_opts opts = tw_noise_defaults();
    double *X = NULL, *y = NULL, *Gamma = NULL, *Lambda = NULL, *w0 = NULL;
    const char *sampling = json_string_value(json_object_get(r->in, "sampling"));

    if (!sampling || (strcmp(sampling, "with") != 0 && strcmp(sampling, "without") != 0))
        return wrong(r, "sampling", json_object_get(r->in, "sampling"), "\"with\" or \"without\"");
    in.replacement = strcmp(sampling, "with") == 0;
    TW_TRY(get_int(r, "N", 1, &in.N));
    TW_TRY(get_int(r, "D", 1, &in.D));
    TW_TRY(get_int(r, "S", 1, &in.S));
    TW_TRY(get_real(r, "mu", &in.mu));
    TW_TRY(get_matrix(r, "X", in.N, in.D, &X));
    TW_TRY(get_vector(r, "y", in.N, &y));
    TW_TRY(get_matrix(r, "Gamma", in.D, in.D, &Gamma));
    TW_TRY(get_matrix(r, "Lambda", in.D, in.D, &Lambda));
    TW_TRY(get_vector(r, "w0", in.D, &w0));
    in.X = X;
    in.y = y;
    in.Gamma = Gamma;
    in.Lambda = Lambda;
    in.w0 = w0;
    TW_TRY(tw_noise_solve_data(&in, &opts, &law));
    TW_TRY(put_law(r, law, o));
    put(o, "c_SN", true, law->c_SN);
    put_matrix(o, "C_at_min", in.D, in.D, law->C_at_min);
done:
    tw_noise_law_free(law);
    free(X);
    free(y);
    free(Gamma);
    free(Lambda);
    free(w0);
    return st;
}

static tw_status covariance(const reader *r, json_t *o)
{
    tw_status st = TW_OK;
    int64_t N = 0, P = 0, S = 0;
    double *g = NULL, *with = NULL, *without = NULL;
    TW_TRY(get_int(r, "N", 1, &N));
    TW_TRY(get_int(r, "P", 1, &P));
    TW_TRY(get_int(r, "S", 1, &S));
    TW_TRY(get_matrix(r, "gradients", N, P, &g));
    TW_TRY(tw_alloc(P * P, sizeof *with, &with));
    TW_TRY(tw_alloc(P * P, sizeof *without, &without));
    TW_TRY(tw_noise_covariance(N, P, S, g, with, without));
    put_matrix(o, "C_with", P, P, with);
    put_matrix(o, "C_without", P, P, without);
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
    put_matrix(o, "Sigma", D, D, has ? Sigma : NULL);
    put(o, "tr_Sigma", has, trace_of(D, Sigma));
}

static tw_status lyapunov(const reader *r, json_t *o)
{
    tw_status st = TW_OK;
    int64_t D = 0;
    double mu = 0, *H = NULL, *Lambda = NULL, *C = NULL, *Sigma = NULL;
    tw_noise_status status;
    TW_TRY(get_int(r, "D", 1, &D));
    TW_TRY(get_real(r, "mu", &mu));
    TW_TRY(get_matrix(r, "H", D, D, &H));
    TW_TRY(get_matrix(r, "Lambda", D, D, &Lambda));
    TW_TRY(get_matrix(r, "C", D, D, &C));
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

static tw_status minimum(const reader *r, json_t *o)
{
    tw_status st = TW_OK;
    int64_t D = 0, S = 0;
    double mu = 0, L0 = 0, *H0 = NULL, *Gamma = NULL, *w = NULL, *Lambda = NULL, *C = NULL, *Sigma = NULL;
    tw_noise_minimum found;
    TW_TRY(get_int(r, "D", 1, &D));
    TW_TRY(get_int(r, "S", 1, &S));
    TW_TRY(get_real(r, "mu", &mu));
    TW_TRY(get_real(r, "L0", &L0));
    TW_TRY(get_matrix(r, "H0", D, D, &H0));
    TW_TRY(get_matrix(r, "Gamma", D, D, &Gamma));
    TW_TRY(get_vector(r, "w_star", D, &w));
    TW_TRY(get_matrix(r, "Lambda", D, D, &Lambda));
    TW_TRY(tw_alloc(D * D, sizeof *C, &C));
    TW_TRY(tw_alloc(D * D, sizeof *Sigma, &Sigma));
    TW_TRY(tw_noise_at_minimum(D, S, mu, H0, L0, Gamma, w, Lambda, &found, C, Sigma));
    put_status(o, found.status);
    json_object_set_new(o, "C_indefinite", json_boolean(found.indefinite));
    put_matrix(o, "C", D, D, C);
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

static tw_status highdim(const reader *r, json_t *o)
{
    tw_status st = TW_OK;
    int64_t S, D = (int64_t)json_array_size(json_object_get(r->in, "a"));
    double *a = NULL, lambda = 0, sigma2 = 0, alpha = 0;
    tw_noise_highdim v;
    TW_TRY(get_vector(r, "a", D, &a));
    TW_TRY(get_real(r, "lambda", &lambda));
    TW_TRY(get_int(r, "S", 1, &S));
    TW_TRY(get_real(r, "sigma2", &sigma2));
    TW_TRY(get_real(r, "alpha", &alpha));
    TW_TRY(tw_noise_high_dimension(D, a, lambda, S, sigma2, alpha, &v));
    put_status(o, v.status);
    put(o, "tr_ASigma_paper", v.paper_stable, v.tr_ASigma_paper);
    put(o, "kappa_paper", v.paper_stable, v.kappa_paper);
    put(o, "lambda_max_paper", true, v.lambda_max_paper);
    put(o, "tr_ASigma_gauss", v.gauss_stable, v.tr_ASigma_gauss);
    put(o, "kappa_gauss", v.gauss_stable, v.kappa_gauss);
    put(o, "lambda_max_gauss", true, v.lambda_max_gauss);
done:
    free(a);
    return st;
}

static tw_status decay_1d(const reader *r, json_t *o)
{
    tw_status st = TW_OK;
    int64_t S = 0;
    double a = 0, lambda = 0, u = 0, sigma2 = 0;
    tw_noise_decay v;
    TW_TRY(get_real(r, "a", &a));
    TW_TRY(get_real(r, "lambda", &lambda));
    TW_TRY(get_int(r, "S", 1, &S));
    TW_TRY(get_real(r, "u", &u));
    TW_TRY(get_real(r, "sigma2", &sigma2));
    TW_TRY(tw_noise_decay_1d(a, lambda, S, u, sigma2, &v));
    put_status(o, v.status);
    put(o, "gamma_lo", v.exists, v.gamma_lo);
    put(o, "gamma_hi", v.exists, v.gamma_hi);
    put(o, "gamma_star", v.exists, v.gamma_star);
    put(o, "L_test_star", v.exists, v.L_test_star);
    json_object_set_new(o, "stable_at_zero", json_boolean(v.stable_at_zero));
done:
    return st;
}

static tw_status ngd(const reader *r, json_t *o)
{
    tw_status st = TW_OK;
    int64_t D = 0, S = 0;
    double lambda = 0, mu = 0, sigma2 = 0, *A = NULL, *Sigma = NULL, *C = NULL;
    tw_noise_ngd v;
    TW_TRY(get_int(r, "D", 1, &D));
    TW_TRY(get_int(r, "S", 1, &S));
    TW_TRY(get_real(r, "lambda", &lambda));
    TW_TRY(get_real(r, "mu", &mu));
    TW_TRY(get_real(r, "sigma2", &sigma2));
    TW_TRY(get_matrix(r, "A", D, D, &A));
    TW_TRY(tw_alloc(D * D, sizeof *Sigma, &Sigma));
    TW_TRY(tw_alloc(D * D, sizeof *C, &C));
    TW_TRY(tw_noise_natural_gradient(D, A, lambda, S, mu, sigma2, &v, Sigma, C));
    put_status(o, v.status);
    put(o, "s", true, v.s);
    put(o, "l", true, v.l);
    put(o, "l_max", true, v.l_max);
    put_matrix(o, "Sigma", D, D, Sigma);
    put_matrix(o, "C", D, D, C);
done:
    free(A);
    free(Sigma);
    free(C);
    return st;
}

static tw_status tail(const reader *r, json_t *o)
{
    tw_status st = TW_OK;
    int64_t S = 0, D = 0;
    double a = 0, lambda = 0;
    tw_noise_tail v;
    TW_TRY(get_real(r, "a", &a));
    TW_TRY(get_real(r, "lambda", &lambda));
    TW_TRY(get_int(r, "S", 1, &S));
    TW_TRY(get_int(r, "D", 1, &D));
    TW_TRY(tw_noise_tail_index(a, lambda, S, D, &v));
    put_status(o, v.status);
    put(o, "beta_exact", v.has_exact, v.beta_exact);
    put(o, "beta_moment", v.has_estimates, v.beta_moment);
    put(o, "beta_continuous", v.has_estimates, v.beta_continuous);
    put(o, "log_mean", v.has_log_mean, v.log_mean);
    json_object_set_new(o, "second_moment_finite", json_boolean(v.second_moment_finite));
done:
    return st;
}

static const struct {
    const char *name;
    tw_status (*solve)(const reader *r, json_t *o);
} families[] = {
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

static tw_status solve_case(const char *path, size_t number, const json_t *entry, json_t *list)
{
    char place[32];
    snprintf(place, sizeof place, "number %zu", number);
    const char *id = json_string_value(json_object_get(entry, "id"));
    const char *family = json_string_value(json_object_get(entry, "family"));
    reader r = {path, id ? id : place, json_object_get(entry, "in")};
    if (!json_is_object(entry) || !id)
        return tw_fail(TW_EFORMAT, "%s: case %s: id: found %s, expected a string", path, place,
                       kind(json_is_object(entry) ? json_object_get(entry, "id") : entry));
    if (!family)
        return tw_fail(TW_EFORMAT, "%s: case \"%s\": family: found %s, expected a string", path, id,
                       kind(json_object_get(entry, "family")));
    if (!json_is_object(r.in))
        return tw_fail(TW_EFORMAT, "%s: case \"%s\": in: found %s, expected an object", path, id, kind(r.in));
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (strcmp(family, families[i].name) != 0) continue;
        json_t *o = json_object(), *item = json_object();
        if (!o || !item) {
            json_decref(o);
            json_decref(item);
            return tw_fail(TW_ENOMEM, "%s: case \"%s\": no memory for its answer", path, id);
        }
        tw_status st = families[i].solve(&r, o);
        json_object_set_new(item, "id", json_string(id));
        json_object_set_new(item, "out", o);
        json_array_append_new(list, item);
        // Messages about the file name it already; those of the solvers know only the numbers.
        if (st == TW_EINVAL || st == TW_ENUMERIC) st = tw_fail_in(st, "%s: case \"%s\": ", path, id);
        return st;
    }
    return tw_fail(TW_EFORMAT,
                   "%s: case \"%s\": family: found \"%.40s\", expected population, finite, covariance, lyapunov, "
                   "minimum, highdim, decay_1d, ngd or tail",
                   path, id, family);
}

tw_status tw_noise_solve_cases(const char *path, json_t **out)
{
    tw_status st = TW_OK;
    json_t *file = NULL, *result = json_object(), *list = json_array();

    TW_TRY(tw_json_load(path, &file));
    json_t *cases = json_object_get(file, "cases");
    if (!json_is_array(cases)) {
        st = tw_fail(TW_EFORMAT, "%s: cases: found %s, expected an array", path, kind(cases));
        goto done;
    }
    for (size_t i = 0; i < json_array_size(cases); i++) TW_TRY(solve_case(path, i, json_array_get(cases, i), list));
    json_object_set(result, "cases", list);
    *out = json_incref(result);
done:
    json_decref(list);
    json_decref(result);
    json_decref(file);
    return st;
}
