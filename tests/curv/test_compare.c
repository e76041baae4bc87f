// SPDX-License-Identifier: MIT
// Matrices side by side against the same matrices written out column by column and taken apart by LAPACK.
#include "curv/tiny.h"

#include "base/shards.h"
#include "curv/samples.h"
#include "linalg/dense.h"
#include "thalweg/curv_compare.h"

static const char every[] = "hessian,ggn,moment,covariance,residual,h-g";

static void written_out(const toy *t, const char *matrix, double l2, double *a)
{
    tw_curv_opts opts = tw_curv_defaults();
    tw_curv *curv = NULL;
    double asymmetry;
    bool has_l2 = strcmp(matrix, "hessian") == 0 || strcmp(matrix, "ggn") == 0;
    opts.matrix = matrix;
    must(tw_curv_new(t->net, &t->data, &opts, &curv));
    must(tw_linop_assemble(tw_curv_linop(curv), (tw_progress){NULL, NULL}, a, &asymmetry));
    for (int64_t i = 0; has_l2 && i < t->n; i++) a[i * t->n + i] -= l2;
    tw_curv_free(curv);
}

static double trace(int64_t n, const double *a)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i * n + i];
    return sum;
}

static tw_compare *compare(const toy *t, const char *matrices, int64_t top, int64_t full)
{
    tw_compare *o = NULL;
    tw_compare_opts opts = tw_compare_defaults();
    opts.matrices = matrices;
    opts.top = top;
    opts.full = full;
    opts.tolerance = 1e-10;
    must(tw_compare_new(t->net, &t->data, &opts, &o));
    return o;
}

// Truth: each matrix by single products and LAPACK. Tolerance: sums of n^2 products of numbers of size |A|.
static void check_against_written_out(int64_t samples, double l2)
{
    toy t;
    tw_net_opts net = toy_opts(8);
    net.l2 = l2;
    toy_open(&t, "mlp:3-4-3,act=tanh", samples, 3, 3, 0, net);
    int64_t n = t.n, n2 = n * n;
    tw_compare *o = compare(&t, every, 4, 1000);
    double *a = NULL, *value = NULL, *vector = NULL;
    must(tw_alloc(o->count * n2, sizeof *a, &a));
    must(tw_alloc(o->count * n, sizeof *value, &value));
    must(tw_alloc(o->count * n2, sizeof *vector, &vector));
    assert_true(o->exact);
    assert_int_equal(o->count, 6);
    assert_int_equal(o->pairs, 15);
    for (int64_t i = 0; i < o->count; i++) {
        const tw_compared *m = &o->matrix[i];
        double *x = a + i * n2, *v = value + i * n;
        written_out(&t, m->name, l2, x);
        must(tw_sym_eig(n, x, v, vector + i * n2));
        double size = norm2(n2, x), least = (double)n2 * DBL_EPSILON * size;
        assert_near(m->trace.value, trace(n, x), least);
        assert_near(m->norm.value, size, least);
        for (int64_t k = 0; k < n; k++) assert_near(m->value[k], v[n - 1 - k], m->value_error + least);
        for (int64_t k = 0; k < m->eigs->top; k++) assert_true(m->eigs->converged[k]);
        for (int64_t k = m->eigs->top; k < m->eigs->count; k++)
            assert_near(m->eigs->value[k], v[k - m->eigs->top], m->eigs->residual[k] + least);
    }
    for (int64_t i = 0; i < o->pairs; i++) {
        const tw_compared_pair *p = &o->pair[i];
        const double *x = a + p->a * n2, *y = a + p->b * n2;
        double overlap = 0, xx = dot(n2, x, x), yy = dot(n2, y, y), xy = dot(n2, x, y);
        for (int64_t r = 0; r < 4; r++)
            for (int64_t c = 0; c < 4; c++)
                overlap +=
                    pow(dot(n, vector + p->a * n2 + (n - 1 - r) * n, vector + p->b * n2 + (n - 1 - c) * n), 2) / 4;
        assert_true(p->cosine_error < 1e-3);
        assert_near(p->overlap, overlap, 2 * p->cosine_error + 1e-9); // cos^2 moves by at most twice as much
        assert_near(p->distance, sqrt(8 * (1 - p->overlap)), 1e-7);   // |P - P'|^2 = 2 k - 2 sum cos^2
        assert_near(p->cosine_all.value, xy / sqrt(xx * yy), 1e-11);
        assert_near(p->slope.value, xy / xx, 1e-11 * (1 + fabs(xy / xx)));
        assert_near(p->trace_share.value, trace(n, y) / trace(n, x), 1e-10 * (1 + fabs(p->trace_share.value)));
        assert_near(p->norm_share.value, sqrt(yy / xx), 1e-10 * (1 + sqrt(yy / xx)));
        // The bound holds for the spaces it speaks of.
        double sin2 = 0;
        for (int64_t k = 0; k < o->top; k++) sin2 += 1 - p->cosine[k] * p->cosine[k];
        assert_true(sqrt(sin2) <= p->bound + 1e-9);
    }
    free(a);
    free(value);
    free(vector);
    tw_compare_free(o);
    toy_close(&t);
}

static void every_figure_is_that_of_the_matrices_written_out(void **state)
{
    (void)state;
    check_against_written_out(40, 0);   // more samples than parameters: M and C written out
    check_against_written_out(12, 0.3); // fewer: from the samples' Gram matrix
}

// Truth: the specification's reference networks. Tolerance: 1e-9 relative, as it says; its cosines to 1e-8, where
// eigenvectors of nearly equal values are worse conditioned than the values.
static void reference_networks_have_their_spectra_and_angles(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        toy t;
        json_t *file = NULL;
        const json_t *c;
        tiny_open(TW_TESTS "/curv/data/tiny_nets.json", i, &file, &c, &t);
        int64_t top = (int64_t)tiny_real(c, "topk");
        tw_compare *o = compare(&t, "hessian,moment,covariance,residual", top, 1000);
        static const char *const name[] = {"H", "M", "Sigma", "Hp"};
        assert_near(o->loss.data_loss, tiny_real(c, "loss"), 1e-12);
        for (int64_t m = 0; m < 4; m++) {
            assert_near(o->matrix[m].trace.value, tiny_real(json_object_get(c, "trace"), name[m]), 1e-9);
            assert_near(o->matrix[m].norm.value, tiny_real(json_object_get(c, "frobenius"), name[m]), 1e-9);
        }
        for (int64_t k = 0; k < t.n; k++) {
            assert_near(o->matrix[0].value[k], tiny_at(c, "eig_H", (size_t)k), 1e-9);
            assert_near(o->matrix[3].value[k], tiny_at(c, "eig_Hp", (size_t)k), 1e-9);
        }
        for (size_t k = 0; k < json_array_size(json_object_get(c, "eig_M_top")); k++)
            assert_near(o->matrix[1].value[k], tiny_at(c, "eig_M_top", k), 1e-9);
        for (int64_t k = 0; k < top; k++) {
            assert_near(o->pair[0].cosine[k], tiny_at(c, "cos_principal_H_M", (size_t)k), 1e-8);
            assert_near(o->pair[1].cosine[k], tiny_at(c, "cos_principal_H_Sigma", (size_t)k), 1e-8);
        }
        assert_near(o->pair[0].distance, tiny_real(c, "proj_frobenius_distance_H_M"), 1e-8);
        tw_compare_free(o);
        toy_close(&t);
        json_decref(file);
    }
}

// Truth: the gradients of the samples average to the gradient of the data loss, and their Gram matrix has the norms
// that are found layer by layer on its diagonal.
static void gradients_of_samples_average_to_the_gradient(void **state)
{
    (void)state;
    toy t;
    tw_net_opts net = toy_opts(8);
    net.l2 = 0.7;
    toy_open(&t, "mlp:5-4-3,act=relu", 70, 5, 3, 0, net); // more than a slab of rows
    int64_t n = t.n, m = t.data.m;
    double *g = NULL, *gram = NULL, *full = NULL, *norm = NULL;
    tw_loss_value value;
    must(tw_alloc(m * n, sizeof *g, &g));
    must(tw_alloc(m * m, sizeof *gram, &gram));
    must(tw_alloc(n, sizeof *full, &full));
    must(tw_alloc(m, sizeof *norm, &norm));
    must(tw_sample_gradients(t.net, &t.data, g));
    must(tw_row_products(m, m, n, g, g, gram));
    must(tw_loss(t.net, &t.data, full, NULL, &value));
    must(tw_gradient_norms(t.net, &t.data, norm));
    for (int64_t k = 0; k < n; k++) {
        double mean = 0.7 * t.w[k];
        for (int64_t i = 0; i < m; i++) mean += g[i * n + k] / (double)m;
        assert_near(mean, full[k], 1e-13);
    }
    for (int64_t i = 0; i < m; i++) {
        assert_near(gram[i * m + i], norm[i], 1e-12);
        for (int64_t k = 0; k < m; k++) assert_near(gram[i * m + k], dot(n, g + i * n, g + k * n), 1e-12);
    }
    free(g);
    free(gram);
    free(full);
    free(norm);
    toy_close(&t);
}

// Truth: the exact figures of the same network. Tolerance: five standard errors, and the estimate must have one.
static void probes_agree_with_unit_vectors(void **state)
{
    (void)state;
    toy t;
    toy_open(&t, "mlp:4-6-3,act=tanh", 30, 4, 3, 0, toy_opts(8));
    tw_compare *exact = compare(&t, "hessian,moment,covariance", 3, 1000),
               *drawn = compare(&t, "hessian,moment,covariance", 3, 0);
    assert_false(drawn->exact);
    assert_int_equal(drawn->matrix[0].values, 0);
    for (int64_t i = 0; i < 3; i++) {
        assert_true(drawn->matrix[i].trace.error > 0);
        assert_near(drawn->matrix[i].trace.value, exact->matrix[i].trace.value, 5 * drawn->matrix[i].trace.error);
        assert_near(drawn->matrix[i].norm.value, exact->matrix[i].norm.value, 5 * drawn->matrix[i].norm.error);
        assert_near(drawn->pair[i].cosine_all.value, exact->pair[i].cosine_all.value,
                    5 * drawn->pair[i].cosine_all.error);
        assert_near(drawn->pair[i].overlap, exact->pair[i].overlap, 1e-6); // eigenpairs do not depend on probes
        for (int64_t k = 0; k < 4; k++)                                    // an interval holds the eigenvalue
            assert_true(drawn->matrix[i].eigs->lo[k] - 1e-12 <= exact->matrix[i].value[k] &&
                        exact->matrix[i].value[k] <= drawn->matrix[i].eigs->hi[k] + 1e-12);
    }
    tw_compare_free(exact);
    tw_compare_free(drawn);
    toy_close(&t);
}

// Truth: H = M - R, so that traces add up; labels sure of themselves (huge logits) make M, C and R those of no
// gradient.
static void the_residual_is_what_the_moment_lacks(void **state)
{
    (void)state;
    toy t;
    toy_open(&t, "mlp:4-5-3,act=relu", 25, 4, 3, 0, toy_opts(8));
    tw_compare *o = compare(&t, "hessian,moment,residual", 2, 1000);
    assert_near(o->matrix[0].trace.value, o->matrix[1].trace.value - o->matrix[2].trace.value, 1e-12);
    tw_compare_free(o);
    toy_close(&t);
}

static void same_bits_on_any_number_of_threads(void **state)
{
    (void)state;
    toy t;
    toy_open(&t, "mlp:4-9-3,act=tanh", 200, 4, 3, 0, toy_opts(8));
    const int threads = tw_threads();
    tw_compare *o[2];
    for (int i = 0; i < 2; i++) {
        must(tw_threads_set(1 + 2 * i));
        o[i] = compare(&t, "hessian,covariance", 3, 1000);
    }
    must(tw_threads_set(threads));
    for (int64_t i = 0; i < 2; i++)
        assert_memory_equal(o[0]->matrix[i].value, o[1]->matrix[i].value, (size_t)t.n * sizeof(double));
    assert_memory_equal(o[0]->pair[0].cosine, o[1]->pair[0].cosine, 3 * sizeof(double));
    for (int i = 0; i < 2; i++) tw_compare_free(o[i]);
    toy_close(&t);
}

static void wrong_words_are_named(void **state)
{
    (void)state;
    toy t;
    tw_compare *o = NULL;
    tw_compare_opts opts = tw_compare_defaults();
    toy_open(&t, "mlp:3-2", 5, 3, 2, 0, toy_opts(8));
    opts.matrices = "hessian,hesian";
    must_fail(tw_compare_new(t.net, &t.data, &opts, &o), TW_EINVAL, "hesian");
    opts.matrices = "moment,moment";
    must_fail(tw_compare_new(t.net, &t.data, &opts, &o), TW_EINVAL, "twice");
    opts.matrices = "";
    must_fail(tw_compare_new(t.net, &t.data, &opts, &o), TW_EINVAL, "none");
    opts.matrices = "hessian";
    opts.top = 0;
    must_fail(tw_compare_new(t.net, &t.data, &opts, &o), TW_EINVAL, "top 0");
    toy_close(&t);
    tw_net_opts net = toy_opts(8);
    toy_open(&t, "mlp:3-2", 5, 3, 0, 2, net); // mse is no likelihood
    opts = tw_compare_defaults();
    must_fail(tw_compare_new(t.net, &t.data, &opts, &o), TW_EINVAL, "likelihood");
    assert_null(o);
    toy_close(&t);
}

static void a_failing_allocation_leaves_nothing_behind(void **state)
{
    (void)state;
    toy t;
    toy_open(&t, "mlp:3-2-2", 6, 3, 2, 0, toy_opts(8));
    tw_compare_opts opts = tw_compare_defaults();
    opts.matrices = "hessian,covariance";
    opts.top = 2;
    for (int64_t call = 1;; call += 1 + call / 40) { // each early one, then some
        tw_compare *o = NULL;
        tw_alloc_fail_at(call);
        tw_status st = tw_compare_new(t.net, &t.data, &opts, &o);
        tw_alloc_fail_at(0);
        if (st == TW_OK) {
            tw_compare_free(o);
            break;
        }
        assert_int_equal(st, TW_ENOMEM);
        assert_null(o);
    }
    toy_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_figure_is_that_of_the_matrices_written_out),
        cmocka_unit_test(reference_networks_have_their_spectra_and_angles),
        cmocka_unit_test(gradients_of_samples_average_to_the_gradient),
        cmocka_unit_test(probes_agree_with_unit_vectors),
        cmocka_unit_test(the_residual_is_what_the_moment_lacks),
        cmocka_unit_test(same_bits_on_any_number_of_threads),
        cmocka_unit_test(wrong_words_are_named),
        cmocka_unit_test(a_failing_allocation_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
