// SPDX-License-Identifier: MIT
// A file of PAC-Bayes problems, one kind after another, each to its function and back into words: docs/bound.md.
#include "theory/bound_cases.h"

#include "theory/cases.h"
#include "thalweg/theory_bound.h"

static tw_status kl(const tw_case *c, json_t *out)
{
    tw_status st = TW_OK;
    double q = 0, p = 0, value;
    TW_TRY(tw_case_real(c, "q", &q));
    TW_TRY(tw_case_real(c, "p", &p));
    TW_TRY(tw_kl(q, p, &value));
    tw_out_number(out, "kl", true, value); // null where it is infinite
done:
    return st;
}

static tw_status kl_inverse(const tw_case *c, json_t *out)
{
    tw_status st = TW_OK;
    double q = 0, bound = 0;
    tw_kl_range range;
    TW_TRY(tw_case_real(c, "q", &q));
    TW_TRY(tw_case_real(c, "c", &bound));
    TW_TRY(tw_kl_inverse(q, bound, &range));
    tw_out_number(out, "upper", true, range.upper);
    tw_out_number(out, "one_minus_upper", true, range.one_minus_upper);
    tw_out_number(out, "lower", true, range.lower);
done:
    return st;
}

static tw_status mc_gibbs(const tw_case *c, json_t *out)
{
    tw_status st = TW_OK;
    int64_t errors = 0, draws = 0;
    double delta = 0, upper;
    TW_TRY(tw_case_int(c, "errors", 0, &errors));
    TW_TRY(tw_case_int(c, "draws", 1, &draws));
    TW_TRY(tw_case_real(c, "delta_mc", &delta));
    TW_TRY(tw_gibbs_upper(errors, draws, delta, &upper));
    tw_out_number(out, "upper", true, upper);
done:
    return st;
}

// The arrays of a bound; theta gives their length.
typedef struct arrays {
    double *theta, *theta0, *prior_var, *hess_diag;
} arrays;

static void free_arrays(arrays *a)
{
    free(a->theta);
    free(a->theta0);
    free(a->prior_var);
    free(a->hess_diag);
}

static tw_status read_input(const tw_case *c, bool prior, arrays *a, tw_pac_bayes_input *in)
{
    tw_status st = TW_OK;
    in->p = (int64_t)json_array_size(json_object_get(c->in, "theta"));
    in->beta = 1;
    TW_TRY(tw_case_int(c, "n", 1, &in->n));
    TW_TRY(tw_case_real(c, "delta", &in->delta));
    TW_TRY(tw_case_real(c, "emp_gibbs_loss", &in->gibbs));
    if (json_object_get(c->in, "beta")) TW_TRY(tw_case_real(c, "beta", &in->beta));
    TW_TRY(tw_case_vector(c, "theta", in->p, &a->theta));
    TW_TRY(tw_case_vector(c, "theta0", in->p, &a->theta0));
    TW_TRY(tw_case_vector(c, "hess_diag", in->p, &a->hess_diag));
    if (prior) TW_TRY(tw_case_vector(c, "prior_var", in->p, &a->prior_var));
    in->theta = a->theta;
    in->theta0 = a->theta0;
    in->hess_diag = a->hess_diag;
    in->prior_var = a->prior_var;
done:
    return st;
}

static void put_form(json_t *out, const char *name, const tw_pac_bayes_form *form)
{
    json_t *o = json_object();
    tw_out_number(o, "rhs", true, form->rhs);
    tw_out_number(o, "bound", true, form->bound);
    tw_out_number(o, "pinsker", true, form->pinsker);
    json_object_set_new(o, "vacuous", json_boolean(form->vacuous));
    json_object_set_new(out, name, o);
}

static tw_status pac_bayes(const tw_case *c, json_t *out)
{
    tw_status st = TW_OK;
    arrays a = {0};
    double *nu = NULL;
    tw_pac_bayes_input in = {0};
    tw_pac_bayes_value v;
    TW_TRY(read_input(c, true, &a, &in));
    TW_TRY(tw_alloc(in.p, sizeof *nu, &nu));
    TW_TRY(tw_pac_bayes(&in, nu, &v));
    tw_out_vector(out, "nu", in.p, nu);
    json_object_set_new(out, "n_active", json_integer(v.active));
    tw_out_number(out, "effective_curvature", true, v.effective_curvature);
    tw_out_number(out, "weighted_norm", true, v.weighted_norm);
    tw_out_number(out, "kl_exact", true, v.kl_exact);
    tw_out_number(out, "kl_paper_upper", true, v.kl_paper_upper);
    put_form(out, "langford_n_plus_1", &v.langford);
    put_form(out, "maurer_2sqrtn", &v.maurer);
    put_form(out, "paper_form", &v.paper);
done:
    free(nu);
    free_arrays(&a);
    return st;
}

static tw_status prior_grid(const tw_case *c, json_t *out)
{
    tw_status st = TW_OK;
    arrays a = {0};
    tw_pac_bayes_input in = {0};
    tw_prior_choice choice;
    double scale = 0, spacing = 0;
    int64_t most = 0;
    TW_TRY(read_input(c, false, &a, &in));
    TW_TRY(tw_case_real(c, "c", &scale));
    TW_TRY(tw_case_real(c, "b", &spacing));
    TW_TRY(tw_case_int(c, "jmax", 1, &most));
    TW_TRY(tw_prior_grid(&in, scale, spacing, most, &choice));
    json_object_set_new(out, "best_j", json_integer(choice.index));
    tw_out_number(out, "best_sigma2", true, choice.variance);
    tw_out_number(out, "rhs", true, choice.rhs);
    tw_out_number(out, "bound", true, choice.bound);
done:
    free_arrays(&a);
    return st;
}

static tw_status least_squares(const tw_case *c, json_t *out)
{
    tw_status st = TW_OK;
    double *x = NULL, *y = NULL, *theta = NULL, eta = 0;
    int64_t batch = 0, n = (int64_t)json_array_size(json_object_get(c->in, "y")),
            d = (int64_t)json_array_size(json_object_get(c->in, "theta"));
    tw_step_change change;
    TW_TRY(tw_case_matrix(c, "X", n, d, &x));
    TW_TRY(tw_case_vector(c, "y", n, &y));
    TW_TRY(tw_case_vector(c, "theta", d, &theta));
    TW_TRY(tw_case_real(c, "eta", &eta));
    TW_TRY(tw_case_int(c, "batch", 1, &batch));
    TW_TRY(tw_least_squares_step(n, d, x, y, theta, eta, batch, &change));
    tw_out_number(out, "f", true, change.loss);
    tw_out_number(out, "mean_with_replacement", true, change.mean[0]);
    tw_out_number(out, "var_with_replacement", true, change.var[0]);
    tw_out_number(out, "mean_without_replacement", true, change.mean[1]);
    tw_out_number(out, "var_without_replacement", true, change.var[1]);
done:
    free(x);
    free(y);
    free(theta);
    return st;
}

static const tw_case_kind kinds[] = {
    {"kl", kl},
    {"kl_inverse", kl_inverse},
    {"mc_gibbs", mc_gibbs},
    {"pac_bayes", pac_bayes},
    {"prior_grid", prior_grid},
    {"least_squares", least_squares},
};

tw_status tw_bound_solve_cases(const char *path, json_t **out)
{
    return tw_cases_solve(path, "kind", (int)(sizeof kinds / sizeof *kinds), kinds, out);
}
