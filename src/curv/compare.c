// SPDX-License-Identifier: MIT
// Matrices of curvature and noise side by side.
//
// Each matrix is a combination of H, G, M, M with labels from the model, and mu mu'. For a vector z the images A_i z of
// all of them follow from one product with each elementary matrix that occurs. Traces and Frobenius products come from
// z'A_i z and (A_i z)'(A_j z): with all n unit vectors they are exact and the images are the matrices themselves, which
// LAPACK then takes apart; with random signs they are unbiased, and ratios have the jackknife's standard error.
//
// M and C = M - mu mu' of m < n samples have the nonzero eigenvalues of the m x m matrices <g_i, g_j>/m and the same of
// g_i - mu: those are taken apart instead.
//
// Cosines of principal angles move by at most the gap |P - P'|_2 between the space that was found and the true one
// (Knyazev & Argentati 2002, section 2), and that is at most |R|_F / (distance to the next eigenvalue) with R the
// residuals (Davis & Kahan 1970).
#include "thalweg/curv_compare.h"

#include "base/alloc.h"
#include "base/options.h"
#include "base/rng.h"
#include "curv/samples.h"
#include "linalg/dense.h"
#include "net/net.h"
#include "net/sweep.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

enum { HESS, GGN, MOMENT, SAMPLED, RANK_ONE, PARTS };
enum { WIDE = 32, NARROW = 8 }; // directions at once: all unit vectors, and a few probes
enum { WITH_VECTORS = 1000 };   // parameters up to which LAPACK's vectors (10 n^3 flops) are a cheap start for Lanczos

static const struct {
    const char *name;
    double weight[PARTS];
    bool signs; // may have negative eigenvalues
} known[] = {
    {"hessian", {1, 0, 0, 0, 0}, true},   {"ggn", {0, 1, 0, 0, 0}, false},
    {"fisher", {0, 1, 0, 0, 0}, false},   {"fisher-sampled", {0, 0, 0, 1, 0}, false},
    {"moment", {0, 0, 1, 0, 0}, false},   {"covariance", {0, 0, 1, 0, -1}, false},
    {"residual", {-1, 0, 1, 0, 0}, true}, {"h-g", {1, -1, 0, 0, 0}, true},
};
enum { KNOWN = sizeof known / sizeof *known };

// What one vector says: lin[i] = z'A_i z, quad[i][j] = (A_i z)'(A_j z).
typedef struct said {
    double lin[TW_COMPARE_MOST], quad[TW_COMPARE_MOST][TW_COMPARE_MOST];
} said;

typedef struct job {
    const tw_net *net;
    const tw_data *data;
    const tw_compare_opts *opts;
    tw_compare *out;
    int kind[TW_COMPARE_MOST]; // rows of `known`
    int64_t block;
    double *g; // [n] mean gradient of the data loss
    tw_curv *curv[RANK_ONE];
    tw_linop rank_one;
    double *dense[TW_COMPARE_MOST]; // [n][n], of matrices that LAPACK takes apart
    double *start[TW_COMPARE_MOST]; // their leading vectors where LAPACK found them
    int64_t starts;                 // how many
    said sum, *probe;               // probe: [probes] when drawn
} job;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static tw_status tick(const job *j, const char *what, int64_t done, int64_t total)
{
    const tw_progress *p = &j->opts->progress;
    if (p->tick && !p->tick(p->ctx, what, (double)done, (double)total))
        return tw_fail(TW_ESTOPPED, "%s: stopped after %" PRId64 " of %" PRId64, what, done, total);
    return TW_OK;
}

// --- what is asked for ---

static tw_status read_matrices(job *j)
{
    tw_status st = TW_OK;
    char *text = NULL, *rest = NULL;
    tw_compare *o = j->out;
    TW_TRY(tw_strdup(j->opts->matrices, &text));
    for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        int kind = 0;
        bool again = false;
        while (kind < KNOWN && strcmp(word, known[kind].name) != 0) kind++;
        for (int64_t i = 0; i < o->count; i++) again = again || j->kind[i] == kind;
        if (kind == KNOWN || again) {
            st =
                tw_fail(TW_EINVAL,
                        "matrices: found \"%.40s\"%s, expected different ones of hessian, ggn, fisher, fisher-sampled, "
                        "moment, covariance, residual, h-g",
                        word, again ? " twice" : "");
            goto done;
        }
        j->kind[o->count++] = kind;
    }
    if (o->count == 0) {
        st = tw_fail(TW_EINVAL, "matrices: found none, expected one such as hessian");
        goto done;
    }
    TW_TRY(tw_alloc(o->count, sizeof *o->matrix, &o->matrix));
    for (int64_t i = 0; i < o->count; i++) o->matrix[i].name = known[j->kind[i]].name;
    TW_TRY(tw_alloc(o->count * (o->count - 1) / 2, sizeof *o->pair, &o->pair));
    for (int64_t a = 0; a < o->count; a++)
        for (int64_t b = a + 1; b < o->count; b++, o->pairs++) {
            o->pair[o->pairs].a = a;
            o->pair[o->pairs].b = b;
        }
done:
    free(text);
    return st;
}

static tw_status check(const tw_compare_opts *o)
{
    if (o->top < 1 || o->probes < 3 || o->full < 0)
        return tw_fail(TW_EINVAL,
                       "compare: found top %" PRId64 ", %" PRId64 " probes, full %" PRId64
                       ", expected at least 1, 3 and 0",
                       o->top, o->probes, o->full);
    if (!(o->tolerance > 0) || o->max_products < 1)
        return tw_fail(TW_EINVAL, "compare: found tolerance %g, %" PRId64 " products, expected positive numbers",
                       o->tolerance, o->max_products);
    return TW_OK;
}

static tw_status apply_rank_one(void *ctx, int64_t k, const double *x, double *y)
{
    const job *j = ctx;
    int64_t n = j->out->n;
    for (int64_t c = 0; c < k; c++, x += n, y += n) {
        double along = 0;
        for (int64_t i = 0; i < n; i++) along += j->g[i] * x[i];
        for (int64_t i = 0; i < n; i++) y[i] = along * j->g[i];
    }
    return TW_OK;
}

static tw_status open(job *j)
{
    static const char *const name[RANK_ONE] = {"hessian", "ggn", "moment", "fisher-sampled"};
    tw_status st = TW_OK;
    tw_compare *o = j->out;
    double *w = NULL, *norm = NULL, g2 = 0;
    TW_TRY(tw_alloc(o->n, sizeof *w, &w));
    TW_TRY(tw_alloc(o->n, sizeof *j->g, &j->g));
    TW_TRY(tw_alloc(o->samples, sizeof *norm, &norm));
    TW_TRY(tw_loss(j->net, j->data, j->g, NULL, &o->loss));
    tw_net_get_weights(j->net, w);
    for (int64_t i = 0; i < o->n; i++) {
        j->g[i] -= j->net->l2 * w[i];
        g2 += j->g[i] * j->g[i];
    }
    o->loss.gradient_norm = sqrt(g2);
    o->gradient_share = NAN;
    if (!tw_net_couples_samples(j->net)) {
        TW_TRY(tw_gradient_norms(j->net, j->data, norm));
        o->gradient_share = g2 / (tw_tree_sum(o->samples, norm) / (double)o->samples);
    }
    for (int part = 0; part < RANK_ONE; part++) {
        bool wanted = false;
        tw_curv_opts opts = tw_curv_defaults();
        for (int64_t i = 0; i < o->count; i++) wanted = wanted || known[j->kind[i]].weight[part] != 0;
        if (!wanted) continue;
        opts.matrix = name[part];
        opts.block = j->block;
        opts.seed = j->opts->seed;
        TW_TRY(tw_curv_new(j->net, j->data, &opts, &j->curv[part]));
    }
    for (int64_t i = 0; i < o->count; i++) // of a loss that is no likelihood they mean nothing
        if (strncmp(o->matrix[i].name, "fisher", 6) == 0 || strcmp(o->matrix[i].name, "residual") == 0) {
            tw_curv *unused = NULL;
            tw_curv_opts opts = tw_curv_defaults();
            opts.matrix = o->matrix[i].name;
            opts.block = 1;
            TW_TRY(tw_curv_new(j->net, j->data, &opts, &unused));
            tw_curv_free(unused);
        }
    j->rank_one = tw_linop_of(o->n, apply_rank_one, j);
done:
    free(norm);
    free(w);
    return st;
}

// --- images, traces, Frobenius products ---

// a [count][k][n] = A_i z; y: room for [k][n].
static tw_status images(job *j, int64_t k, const double *z, double *y, double *a)
{
    tw_status st = TW_OK;
    int64_t n = j->out->n, size = k * n;
    memset(a, 0, (size_t)(j->out->count * size) * sizeof *a);
    for (int part = 0; part < PARTS; part++) {
        bool wanted = false;
        for (int64_t i = 0; i < j->out->count; i++) wanted = wanted || known[j->kind[i]].weight[part] != 0;
        if (!wanted) continue;
        const tw_linop *op = part == RANK_ONE ? &j->rank_one : tw_curv_linop(j->curv[part]);
        double begin = now();
        TW_TRY(op->apply(op->ctx, k, z, y));
        j->out->product_seconds += now() - begin;
        if (part <= GGN && j->net->l2 != 0)
            for (int64_t q = 0; q < size; q++) y[q] -= j->net->l2 * z[q];
        for (int64_t i = 0; i < j->out->count; i++) {
            double weight = known[j->kind[i]].weight[part], *to = a + i * size;
            if (weight != 0)
                for (int64_t q = 0; q < size; q++) to[q] += weight * y[q];
        }
    }
done:
    return st;
}

static tw_status listen(const job *j, int64_t k, int64_t stride, const double *z, const double *a, said *s)
{
    int64_t n = j->out->n;
    for (int64_t p = 0; p < j->out->count; p++) {
        const double *x = a + p * stride + k * n;
        for (int64_t q = 0; q < n; q++) s->lin[p] += z[k * n + q] * x[q];
        for (int64_t r = 0; r <= p; r++) {
            const double *y = a + r * stride + k * n;
            double sum = 0;
            for (int64_t q = 0; q < n; q++) sum += x[q] * y[q];
            s->quad[p][r] += sum;
            if (r < p) s->quad[r][p] += sum;
        }
        if (!isfinite(s->quad[p][p]))
            return tw_fail(TW_ENUMERIC, "compare: %s: found a product that is not finite", j->out->matrix[p].name);
    }
    return TW_OK;
}

static void add(int64_t count, said *sum, const said *x, double factor)
{
    for (int64_t a = 0; a < count; a++) {
        sum->lin[a] += factor * x->lin[a];
        for (int64_t b = 0; b < count; b++) sum->quad[a][b] += factor * x->quad[a][b];
    }
}

static tw_status sweep(job *j)
{
    tw_status st = TW_OK;
    tw_compare *o = j->out;
    int64_t n = o->n, block = j->block, size = block * n;
    double *room = NULL;
    TW_TRY(tw_alloc(2 + o->count, (size_t)size * sizeof *room, &room));
    double *z = room, *y = z + size, *a = y + size;
    if (!o->exact) TW_TRY(tw_alloc(o->probes, sizeof *j->probe, &j->probe));
    for (int64_t done = 0, k; done < o->probes; done += k) {
        k = o->probes - done < block ? o->probes - done : block;
        memset(z, 0, (size_t)size * sizeof *z);
        for (int64_t c = 0; c < k; c++) {
            if (o->exact) {
                z[c * n + done + c] = 1;
                continue;
            }
            tw_rng rng = tw_rng_at(j->opts->seed, TW_RNG_PROBE, (uint64_t)(done + c));
            tw_rng_signs(&rng, n, z + c * n);
        }
        TW_TRY(images(j, k, z, y, a));
        for (int64_t c = 0; c < k; c++) {
            said one = {{0}, {{0}}};
            TW_TRY(listen(j, c, k * n, z, a, &one));
            add(o->count, &j->sum, &one, 1);
            if (!o->exact) j->probe[done + c] = one;
        }
        for (int64_t i = 0; i < o->count; i++)
            if (j->dense[i]) memcpy(j->dense[i] + done * n, a + i * k * n, (size_t)(k * n) * sizeof *a);
        TW_TRY(tick(j, o->exact ? "matrices" : "probes", done + k, o->probes));
    }
done:
    free(room);
    return st;
}

enum { COSINE, SLOPE, TRACE_SHARE, NORM_SHARE, TRACE_A, NORM_A, FIGURES };

typedef struct figures {
    double at[FIGURES];
} figures;

// scale: of the sums, to make them means over the right number of vectors.
static figures figures_of(const said *s, int64_t a, int64_t b, double scale)
{
    double aa = s->quad[a][a], bb = s->quad[b][b], ab = s->quad[a][b];
    figures f = {{NAN, NAN, NAN, NAN, s->lin[a] * scale, sqrt(fmax(aa, 0) * scale)}};
    if (aa > 0 && bb > 0) f.at[COSINE] = ab / sqrt(aa * bb);
    if (aa > 0) f.at[SLOPE] = ab / aa;
    if (s->lin[a] != 0) f.at[TRACE_SHARE] = s->lin[b] / s->lin[a];
    if (aa > 0) f.at[NORM_SHARE] = sqrt(fmax(bb, 0) / aa);
    return f;
}

static void jackknife(const job *j, int64_t a, int64_t b, figures *value, figures *error)
{
    int64_t k = j->out->probes;
    double all = j->out->exact ? 1 : 1 / (double)k;
    figures mean = {{0}};
    *value = figures_of(&j->sum, a, b, all);
    *error = (figures){{0}};
    if (j->out->exact) return;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t p = 0; p < k; p++) {
            said left = j->sum;
            add(j->out->count, &left, &j->probe[p], -1);
            figures f = figures_of(&left, a, b, 1 / (double)(k - 1));
            for (int i = 0; i < FIGURES; i++) {
                if (pass == 0)
                    mean.at[i] += f.at[i] / (double)k;
                else
                    error->at[i] += (f.at[i] - mean.at[i]) * (f.at[i] - mean.at[i]);
            }
        }
    for (int i = 0; i < FIGURES; i++) error->at[i] = sqrt(error->at[i] * (double)(k - 1) / (double)k);
}

static void conclude_sums(job *j)
{
    tw_compare *o = j->out;
    figures value, error;
    for (int64_t i = 0; i < o->count; i++) {
        jackknife(j, i, i, &value, &error);
        o->matrix[i].trace = (tw_measured){value.at[TRACE_A], error.at[TRACE_A]};
        o->matrix[i].norm = (tw_measured){value.at[NORM_A], error.at[NORM_A]};
    }
    for (int64_t i = 0; i < o->pairs; i++) {
        tw_compared_pair *p = &o->pair[i];
        jackknife(j, p->a, p->b, &value, &error);
        p->cosine_all = (tw_measured){value.at[COSINE], error.at[COSINE]};
        p->slope = (tw_measured){value.at[SLOPE], error.at[SLOPE]};
        p->trace_share = (tw_measured){value.at[TRACE_SHARE], error.at[TRACE_SHARE]};
        p->norm_share = (tw_measured){value.at[NORM_SHARE], error.at[NORM_SHARE]};
    }
}

// --- every eigenvalue ---

static bool from_samples(const job *j, int64_t i)
{
    const double *w = known[j->kind[i]].weight;
    return w[MOMENT] != 0 && w[HESS] == 0 && j->out->samples < j->out->n;
}

static void turn_round(int64_t n, double *value)
{
    for (int64_t i = 0; i < n / 2; i++) {
        double keep = value[i];
        value[i] = value[n - 1 - i];
        value[n - 1 - i] = keep;
    }
}

static tw_status take_apart(job *j, int64_t i)
{
    tw_status st = TW_OK;
    tw_compared *m = &j->out->matrix[i];
    int64_t n = j->out->n;
    double *a = j->dense[i], *vector = NULL, off = 0, norm = m->norm.value;
    for (int64_t r = 0; r < n; r++)
        for (int64_t c = 0; c < r; c++) {
            double x = a[r * n + c], y = a[c * n + r];
            off += 2 * (x - y) * (x - y);
            a[r * n + c] = x / 2 + y / 2;
        }
    m->value_error = sqrt(off) + (double)n * DBL_EPSILON * norm;
    if (n <= WITH_VECTORS) TW_TRY(tw_alloc(n, (size_t)n * sizeof *vector, &vector));
    TW_TRY(vector ? tw_sym_eig(n, a, m->value, vector) : tw_sym_values(n, a, m->value));
    turn_round(n, m->value);
    if (vector) { // the leading ones, largest first
        TW_TRY(tw_alloc(j->starts, (size_t)n * sizeof *vector, &j->start[i]));
        for (int64_t k = 0; k < j->starts; k++)
            memcpy(j->start[i] + k * n, vector + (n - 1 - k) * n, (size_t)n * sizeof *vector);
    }
done:
    free(vector);
    free(j->dense[i]);
    j->dense[i] = NULL;
    return st;
}

static tw_status take_samples_apart(job *j, int64_t i, const double *gram)
{
    tw_status st = TW_OK;
    tw_compared *m = &j->out->matrix[i];
    int64_t n = j->out->n, s = j->out->samples;
    double *a = NULL, *row = NULL, all = 0, mean = (double)s, one = known[j->kind[i]].weight[RANK_ONE];
    TW_TRY(tw_alloc(s, (size_t)s * sizeof *a, &a));
    TW_TRY(tw_alloc(s, sizeof *row, &row));
    for (int64_t r = 0; one != 0 && r < s; r++) { // <g_r, mu>, |mu|^2
        for (int64_t c = 0; c < s; c++) row[r] += gram[r * s + c] / mean;
        all += row[r] / mean;
    }
    for (int64_t r = 0; r < s; r++)
        for (int64_t c = 0; c <= r; c++)
            a[r * s + c] = ((gram[r * s + c] + gram[c * s + r]) / 2 - row[r] - row[c] + all) / mean;
    TW_TRY(tw_sym_values(s, a, m->value + n - s));
    turn_round(s, m->value + n - s);
    for (int64_t k = 0; k < s; k++) m->value[k] = m->value[n - s + k]; // n - s exact zeros follow
    for (int64_t k = s; k < n; k++) m->value[k] = 0;
    m->value_error = ((double)n + (double)s) * DBL_EPSILON * m->trace.value; // n: rounding of the Gram matrix
    if (j->net->kern->real == TW_F32) m->value_error = ((double)n + (double)s) * FLT_EPSILON * m->trace.value;
done:
    free(a);
    free(row);
    return st;
}

static tw_status every_value(job *j)
{
    tw_status st = TW_OK;
    tw_compare *o = j->out;
    double *g = NULL, *gram = NULL, begin = now();
    bool samples = false;
    for (int64_t i = 0; i < o->count; i++) samples = samples || from_samples(j, i);
    if (samples) {
        TW_TRY(tw_alloc(o->samples, (size_t)o->n * sizeof *g, &g));
        TW_TRY(tw_alloc(o->samples, (size_t)o->samples * sizeof *gram, &gram));
        TW_TRY(tw_sample_gradients(j->net, j->data, g));
        TW_TRY(tw_row_products(o->samples, o->samples, o->n, g, g, gram));
    }
    for (int64_t i = 0; i < o->count; i++) {
        TW_TRY(tick(j, "eigenvalues", i, o->count));
        TW_TRY(from_samples(j, i) ? take_samples_apart(j, i, gram) : take_apart(j, i));
    }
    o->solve_seconds = now() - begin;
done:
    free(g);
    free(gram);
    return st;
}

static double counted_flops(const job *j)
{
    tw_flops f = tw_sweep_flops(j->net);
    double per = 0;
    if (j->curv[HESS]) per += f.tangent + f.hessian;
    if (j->curv[GGN]) per += f.tangent + f.ggn;
    if (j->curv[MOMENT]) per += f.tangent + f.moment;
    if (j->curv[SAMPLED]) per += f.tangent + f.moment;
    return per * (double)j->out->samples * (double)j->out->probes;
}

// --- leading pairs and their spaces ---

static tw_status leading(job *j, int64_t i)
{
    tw_status st = TW_OK;
    tw_compared *m = &j->out->matrix[i];
    const tw_linop *term[PARTS];
    double used[PARTS], shift = 0;
    int64_t count = 0, n = j->out->n, three = 3 * j->out->classes;
    tw_linop *op = NULL;
    tw_lanczos_opts opts = tw_lanczos_defaults();
    for (int part = 0; part < PARTS; part++) {
        double weight = known[j->kind[i]].weight[part];
        if (weight == 0) continue;
        used[count] = weight;
        term[count++] = part == RANK_ONE ? &j->rank_one : tw_curv_linop(j->curv[part]);
        if (part <= GGN) shift -= weight * j->net->l2;
    }
    TW_TRY(tw_linop_sum(count, used, term, shift, &op));
    opts.top = j->out->top < n ? j->out->top + 1 : n;
    opts.bottom = known[j->kind[i]].signs && opts.top + 2 <= n ? 2 : 0;
    opts.tolerance = j->opts->tolerance;
    opts.max_products = j->opts->max_products;
    opts.block = 1;
    opts.seed = j->opts->seed;
    opts.starts = j->start[i] ? j->starts : 0;
    opts.start = j->start[i];
    opts.progress = j->opts->progress;
    TW_TRY(tw_lanczos(op, &opts, &m->eigs));
    for (int64_t k = 0; m->value && k < m->eigs->top; k++) // two ways to the same number
        if (m->value[k] > m->eigs->hi[k] + m->value_error || m->value[k] < m->eigs->lo[k] - m->value_error)
            m->eigs->converged[k] = false;
    const double *v = m->value ? m->value : m->eigs->value;
    int64_t have = m->value ? n : m->eigs->top;
    for (int64_t k = 0; k + 1 < have && k < three && k < j->out->top && v[k + 1] > 0; k++)
        if (v[k] / v[k + 1] > m->gap) {
            m->gap = v[k] / v[k + 1];
            m->gap_at = k + 1;
        }
    while (m->above_tenth < have && v[m->above_tenth] > v[0] / 10) m->above_tenth++;
    if (m->above_tenth == have && have < n) m->above_tenth = -1;
done:
    tw_linop_free(op);
    return st;
}

// sin of the largest angle by which the space of the first k pairs can miss the true one.
static double miss(const tw_compared *m, int64_t k)
{
    const tw_eigs *e = m->eigs;
    double residual2 = 0, lowest = INFINITY;
    if (k >= e->n) return 0;
    for (int64_t i = 0; i < k; i++) {
        residual2 += e->residual[i] * e->residual[i];
        lowest = fmin(lowest, e->value[i]);
        if (!e->converged[i]) return 1;
    }
    double next = m->value ? m->value[k] + m->value_error : e->hi[k], gap = lowest - next;
    return gap > 0 ? fmin(1, sqrt(residual2) / gap) : 1;
}

static tw_status angles_at(const job *j, const tw_compared_pair *p, int64_t k, double *cosine, double *error,
                           double *overlap, double *distance)
{
    tw_status st = TW_OK;
    const tw_compared *a = &j->out->matrix[p->a], *b = &j->out->matrix[p->b];
    tw_angles *angles = NULL;
    double sin2 = 0;
    TW_TRY(tw_angles_new(j->out->n, k, a->eigs->vector, k, b->eigs->vector, &angles));
    for (int64_t i = 0; i < k; i++) {
        cosine[i] = cos(angles->angle[i]);
        sin2 += sin(angles->angle[i]) * sin(angles->angle[i]);
    }
    *error = fmin(1, miss(a, k) + miss(b, k));
    *overlap = angles->overlap;
    *distance = sqrt(2 * sin2);
    tw_angles_free(angles);
done:
    return st;
}

static double gap_after(const tw_compared *m, int64_t k)
{
    const tw_eigs *e = m->eigs;
    return k < e->top ? (e->value[k - 1] - e->value[k]) / e->value[0] : NAN;
}

static tw_status spaces(job *j)
{
    tw_status st = TW_OK;
    tw_compare *o = j->out;
    double unused;
    for (int64_t i = 0; i < o->count; i++) TW_TRY(leading(j, i));
    for (int64_t i = 0; i < o->pairs; i++) {
        tw_compared_pair *p = &o->pair[i];
        const double(*q)[TW_COMPARE_MOST] = (const double(*)[TW_COMPARE_MOST])j->sum.quad;
        double scale = o->exact ? 1 : 1 / (double)o->probes, bb = q[p->b][p->b];
        double away = fmax(0, q[p->a][p->a] - (bb > 0 ? q[p->a][p->b] * q[p->a][p->b] / bb : 0)) * scale;
        const tw_compared *a = &o->matrix[p->a];
        TW_TRY(tw_alloc(o->top, sizeof *p->cosine, &p->cosine));
        TW_TRY(angles_at(j, p, o->top, p->cosine, &p->cosine_error, &p->overlap, &p->distance));
        p->bound = 2 * sqrt(away) / fmax(0, gap_after(a, o->top) * a->eigs->value[0]);
        p->class_gap[0] = p->class_gap[1] = p->class_overlap = p->class_error = NAN;
        if (o->classes > o->top) continue;
        TW_TRY(tw_alloc(o->classes, sizeof *p->class_cosine, &p->class_cosine));
        TW_TRY(angles_at(j, p, o->classes, p->class_cosine, &p->class_error, &p->class_overlap, &unused));
        p->class_gap[0] = gap_after(a, o->classes);
        p->class_gap[1] = gap_after(&o->matrix[p->b], o->classes);
    }
done:
    return st;
}

tw_status tw_compare_new(const tw_net *net, const tw_data *data, const tw_compare_opts *opts, tw_compare **out)
{
    TW_OPTIONS(tw_compare, opts);
    tw_status st = TW_OK;
    job j = {.net = net, .data = data, .opts = opts};
    tw_compare *o = NULL;

    TW_TRY(tw_net_fits(net, data));
    TW_TRY(check(opts));
    TW_TRY(tw_alloc(1, sizeof *o, &o));
    j.out = o;
    o->n = net->n;
    o->samples = data->m;
    o->top = opts->top < o->n ? opts->top : o->n;
    o->classes = data->classes > 0 ? data->classes : net->out;
    o->exact = o->n <= opts->full || opts->probes >= o->n;
    o->probes = o->exact ? o->n : opts->probes;
    j.block = o->exact && o->n > NARROW ? WIDE : NARROW;
    j.starts = o->top < o->n ? o->top + 1 : o->n;
    TW_TRY(read_matrices(&j));
    for (int64_t i = 0; i < o->count; i++) {
        o->matrix[i].value_error = NAN;
        if (o->n > opts->full) continue;
        o->matrix[i].values = o->n;
        TW_TRY(tw_alloc(o->n, sizeof(double), &o->matrix[i].value));
        if (!from_samples(&j, i)) TW_TRY(tw_alloc(o->n, (size_t)o->n * sizeof(double), &j.dense[i]));
    }
    TW_TRY(open(&j));
    TW_TRY(sweep(&j));
    o->product_flops = counted_flops(&j);
    conclude_sums(&j);
    if (o->n <= opts->full) TW_TRY(every_value(&j));
    TW_TRY(spaces(&j));
    for (int part = 0; part < RANK_ONE; part++)
        if (j.curv[part]) o->products += tw_curv_products(j.curv[part]);
    *out = o;
    o = NULL;
done:
    tw_compare_free(o);
    for (int part = 0; part < RANK_ONE; part++) tw_curv_free(j.curv[part]);
    for (int64_t i = 0; i < TW_COMPARE_MOST; i++) {
        free(j.dense[i]);
        free(j.start[i]);
    }
    free(j.probe);
    free(j.g);
    return st;
}

void tw_compare_free(tw_compare *compare)
{
    if (!compare) return;
    for (int64_t i = 0; compare->matrix && i < compare->count; i++) {
        tw_eigs_free(compare->matrix[i].eigs);
        free(compare->matrix[i].value);
    }
    for (int64_t i = 0; compare->pair && i < compare->pairs; i++) {
        free(compare->pair[i].cosine);
        free(compare->pair[i].class_cosine);
    }
    free(compare->matrix);
    free(compare->pair);
    free(compare);
}
