// SPDX-License-Identifier: MIT
// Potentials from words: an expression becomes a postfix program, evaluated on second-order Taylor expansions.
//
//   (u v)'' = u'' v + 2 u' v' + u v'',   f(u)'' = f''(u) u'^2 + f'(u) u''.
//
// A program without functions and with constant divisors is a polynomial; its coefficients are found by running the
// same program on polynomials.
#include "theory/potential.h"

#include "base/alloc.h"
#include <errno.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 256, STACK = 64, TERMS = 17 };

typedef enum kind { NUMBER, X, ADD, SUB, MUL, DIV, POWER, NEGATE, EXP, LOG, SIN, COS, TANH, SQRT } kind;

static const struct {
    const char *name;
    kind op;
} functions[] = {{"exp", EXP}, {"log", LOG}, {"sin", SIN}, {"cos", COS}, {"tanh", TANH}, {"sqrt", SQRT}};

typedef struct jet {
    double d[3];
} jet;

typedef struct poly {
    int terms; // 0: not a polynomial
    double c[TERMS];
} poly;

struct tw_potential {
    double k, height, root;
    int length;
    struct {
        kind op;
        double number;
    } program[MOST];
    int64_t terms; // > 0: a polynomial, scaled
    double coef[TERMS];
    bool piecewise;
    double ha, hb, dl; // scaled
    int64_t knots;     // > 0: a table
    double *x, *y, *bend;
};

// ---- from text to program: expression, term, factor, power ----

typedef struct reader {
    const char *text, *at;
    tw_potential *p;
    int depth;
} reader;

static tw_status wrong(const reader *r, const char *expected)
{
    return tw_fail(TW_EINVAL, "potential \"%.80s\": column %d: found \"%.12s\", expected %s", r->text,
                   (int)(r->at - r->text) + 1, *r->at ? r->at : "the end", expected);
}

static tw_status put(reader *r, kind op, double number)
{
    if (r->p->length == MOST) return wrong(r, "a shorter expression");
    r->p->program[r->p->length].op = op;
    r->p->program[r->p->length++].number = number;
    return TW_OK;
}

static char peek(reader *r)
{
    while (isspace((unsigned char)*r->at)) r->at++;
    return *r->at;
}

static tw_status expression(reader *r);
static tw_status unary(reader *r);

static tw_status primary(reader *r)
{
    tw_status st = TW_OK;
    char c = peek(r), *end;
    if (c == '(') {
        r->at++;
        TW_TRY(expression(r));
        if (peek(r) != ')') return wrong(r, "\")\"");
        r->at++;
        return TW_OK;
    }
    if (isdigit((unsigned char)c) || c == '.') {
        double number = strtod(r->at, &end);
        if (end == r->at || !isfinite(number)) return wrong(r, "a number");
        r->at = end;
        return put(r, NUMBER, number);
    }
    size_t letters = 0;
    while (isalpha((unsigned char)r->at[letters])) letters++;
    if (letters == 1 && c == 'x') {
        r->at++;
        return put(r, X, 0);
    }
    if (letters == 2 && strncmp(r->at, "pi", 2) == 0) {
        r->at += 2;
        return put(r, NUMBER, 3.14159265358979323846);
    }
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strlen(functions[i].name) != letters || strncmp(r->at, functions[i].name, letters) != 0) continue;
        r->at += letters;
        if (peek(r) != '(') return wrong(r, "\"(\"");
        TW_TRY(primary(r));
        return put(r, functions[i].op, 0);
    }
    st = wrong(r, "x, a number, pi, \"(\", exp, log, sin, cos, tanh or sqrt");
done:
    return st;
}

static tw_status power(reader *r)
{
    tw_status st = TW_OK;
    TW_TRY(primary(r));
    if (peek(r) == '^') {
        r->at++;
        TW_TRY(unary(r));
        TW_TRY(put(r, POWER, 0));
    }
done:
    return st;
}

static tw_status unary(reader *r)
{
    tw_status st = TW_OK;
    if (++r->depth > STACK / 2) return wrong(r, "fewer nested parts");
    if (peek(r) == '-') {
        r->at++;
        TW_TRY(unary(r));
        TW_TRY(put(r, NEGATE, 0));
    } else {
        TW_TRY(power(r));
    }
    r->depth--;
done:
    return st;
}

static tw_status term(reader *r)
{
    tw_status st = TW_OK;
    TW_TRY(unary(r));
    for (char c = peek(r); c == '*' || c == '/'; c = peek(r)) {
        r->at++;
        TW_TRY(unary(r));
        TW_TRY(put(r, c == '*' ? MUL : DIV, 0));
    }
done:
    return st;
}

static tw_status expression(reader *r)
{
    tw_status st = TW_OK;
    TW_TRY(term(r));
    for (char c = peek(r); c == '+' || c == '-'; c = peek(r)) {
        r->at++;
        TW_TRY(term(r));
        TW_TRY(put(r, c == '+' ? ADD : SUB, 0));
    }
done:
    return st;
}

// ---- the program on expansions and on polynomials ----

static jet compose(jet u, double f, double f1, double f2)
{
    return (jet){{f, f1 * u.d[1], f2 * u.d[1] * u.d[1] + f1 * u.d[2]}};
}

static jet times(jet u, jet v)
{
    return (jet){
        {u.d[0] * v.d[0], u.d[1] * v.d[0] + u.d[0] * v.d[1], u.d[2] * v.d[0] + 2 * u.d[1] * v.d[1] + u.d[0] * v.d[2]}};
}

static jet to_power(jet u, double e)
{
    double f1 = e == 0 ? 0 : e * pow(u.d[0], e - 1), f2 = e == 0 || e == 1 ? 0 : e * (e - 1) * pow(u.d[0], e - 2);
    return compose(u, pow(u.d[0], e), f1, f2);
}

static jet apply_function(kind op, jet u)
{
    double x = u.d[0], f;
    switch (op) {
    case EXP:
        return compose(u, exp(x), exp(x), exp(x));
    case LOG:
        return compose(u, log(x), 1 / x, -1 / (x * x));
    case SIN:
        return compose(u, sin(x), cos(x), -sin(x));
    case COS:
        return compose(u, cos(x), -sin(x), -cos(x));
    case TANH:
        f = tanh(x);
        return compose(u, f, 1 - f * f, -2 * f * (1 - f * f));
    default:
        f = sqrt(x);
        return compose(u, f, 0.5 / f, -0.25 / (f * x));
    }
}

static jet evaluate(const tw_potential *p, double x)
{
    jet stack[STACK] = {{{0}}};
    int top = 0;
    for (int i = 0; i < p->length; i++) {
        kind op = p->program[i].op;
        if (op == NUMBER || op == X) {
            stack[top++] = op == X ? (jet){{x, 1, 0}} : (jet){{p->program[i].number, 0, 0}};
            continue;
        }
        if (op >= NEGATE) {
            jet *u = &stack[top - 1];
            *u = op == NEGATE ? compose(*u, -u->d[0], -1, 0) : apply_function(op, *u);
            continue;
        }
        jet v = stack[--top], *u = &stack[top - 1];
        if (op == MUL)
            *u = times(*u, v);
        else if (op == DIV)
            *u = times(*u, to_power(v, -1));
        else if (op == POWER)
            *u = to_power(*u, v.d[0]);
        else
            for (int d = 0; d < 3; d++) u->d[d] += op == ADD ? v.d[d] : -v.d[d];
    }
    return stack[0];
}

static poly poly_times(const poly *u, const poly *v)
{
    poly w = {0};
    if (!u->terms || !v->terms || u->terms + v->terms - 1 > TERMS) return w;
    w.terms = u->terms + v->terms - 1;
    for (int i = 0; i < u->terms; i++)
        for (int j = 0; j < v->terms; j++) w.c[i + j] += u->c[i] * v->c[j];
    return w;
}

static poly poly_apply(kind op, const poly *u, const poly *v)
{
    poly w = {0};
    if (!u->terms || !v->terms) return w;
    if (op == MUL) return poly_times(u, v);
    if (op == ADD || op == SUB) {
        w.terms = u->terms > v->terms ? u->terms : v->terms;
        for (int i = 0; i < w.terms; i++) w.c[i] = u->c[i] + (op == ADD ? v->c[i] : -v->c[i]);
        return w;
    }
    double e = v->c[0];
    if (v->terms != 1 || (op == DIV && e == 0)) return w;
    if (op == DIV) {
        w = *u;
        for (int i = 0; i < w.terms; i++) w.c[i] /= e;
    } else if (e >= 0 && e < TERMS && e == floor(e)) {
        w = (poly){1, {1}};
        for (int i = 0; i < (int)e && w.terms; i++) w = poly_times(&w, u);
    }
    return w;
}

static poly as_polynomial(const tw_potential *p)
{
    poly stack[STACK] = {{0}};
    int top = 0;
    for (int i = 0; i < p->length; i++) {
        kind op = p->program[i].op;
        if (op == NUMBER || op == X) {
            stack[top++] = op == X ? (poly){2, {0, 1}} : (poly){1, {p->program[i].number}};
        } else if (op == NEGATE) {
            for (int j = 0; j < TERMS; j++) stack[top - 1].c[j] = -stack[top - 1].c[j];
        } else if (op > NEGATE) {
            stack[top - 1].terms = 0;
        } else {
            poly v = stack[--top];
            stack[top - 1] = poly_apply(op, &stack[top - 1], &v);
        }
    }
    return stack[0];
}

// Exponents that depend on x, and more than STACK values at a time, are refused before anything runs.
static tw_status check_program(const reader *r)
{
    bool constant[STACK];
    int top = 0;
    for (int i = 0; i < r->p->length; i++) {
        kind op = r->p->program[i].op;
        if (op == NUMBER || op == X) {
            if (top == STACK) return wrong(r, "fewer nested parts");
            constant[top++] = op == NUMBER;
        } else if (op < NEGATE) {
            bool fixed = constant[--top];
            if (op == POWER && !fixed) return wrong(r, "constant exponents");
            constant[top - 1] = constant[top - 1] && fixed;
        }
    }
    return TW_OK;
}

// ---- tables ----

// Natural cubic spline: second derivatives at the knots by elimination of the tridiagonal system.
static tw_status bend(tw_potential *p)
{
    tw_status st = TW_OK;
    int64_t n = p->knots;
    double *upper = NULL;
    TW_TRY(tw_alloc(n, sizeof *p->bend, &p->bend));
    TW_TRY(tw_alloc(n, sizeof *upper, &upper));
    for (int64_t i = 1; i + 1 < n; i++) {
        double h0 = p->x[i] - p->x[i - 1], h1 = p->x[i + 1] - p->x[i];
        double pivot = 2 * (h0 + h1) - h0 * upper[i - 1];
        double right = 6 * ((p->y[i + 1] - p->y[i]) / h1 - (p->y[i] - p->y[i - 1]) / h0);
        upper[i] = h1 / pivot;
        p->bend[i] = (right - h0 * p->bend[i - 1]) / pivot;
    }
    for (int64_t i = n - 2; i > 0; i--) p->bend[i] -= upper[i] * p->bend[i + 1];
done:
    free(upper);
    return st;
}

static tw_status read_table(const char *path, tw_potential *p)
{
    tw_status st = TW_OK;
    char line[256];
    int64_t room = 0, number = 0;
    double *block = NULL;
    FILE *file = fopen(path, "r");
    if (!file) return tw_fail(TW_EIO, "%s: cannot be read: %s", path, strerror(errno));
    while (fgets(line, sizeof line, file)) {
        double x, y;
        char *end = line, *next;
        number++;
        line[strcspn(line, "\r\n")] = '\0';
        if (line[strspn(line, " \t\r\n")] == '\0' || line[0] == '#') continue;
        x = strtod(line, &end);
        next = end + strspn(end, " \t,;");
        y = strtod(next, &next);
        if (end == line || next == end || next[strspn(next, " \t\r\n")] != '\0' || !isfinite(x) || !isfinite(y)) {
            st = tw_fail(TW_EFORMAT, "%s: line %lld: found \"%.30s\", expected two numbers: x and L", path,
                         (long long)number, line);
            goto done;
        }
        if (p->knots && !(x > p->x[p->knots - 1])) {
            st = tw_fail(TW_EFORMAT, "%s: line %lld: found x = %g after %g, expected ascending x", path,
                         (long long)number, x, p->x[p->knots - 1]);
            goto done;
        }
        if (p->knots == room) {
            int64_t more = room ? 2 * room : 256;
            TW_TRY(tw_alloc(2 * more, sizeof *block, &block));
            for (int64_t i = 0; i < room; i++) {
                block[i] = p->x[i];
                block[more + i] = p->y[i];
            }
            free(p->x);
            p->x = block;
            p->y = block + more;
            block = NULL;
            room = more;
        }
        p->x[p->knots] = x;
        p->y[p->knots++] = y;
    }
    if (p->knots < 4) {
        st = tw_fail(TW_EFORMAT, "%s: found %lld points, expected at least 4", path, (long long)p->knots);
        goto done;
    }
    TW_TRY(bend(p));
done:
    fclose(file);
    return st;
}

static double spline(const tw_potential *p, int d, double x)
{
    int64_t lo = 0, hi = p->knots - 1;
    while (hi - lo > 1) {
        int64_t mid = (lo + hi) / 2;
        *(p->x[mid] <= x ? &lo : &hi) = mid;
    }
    double h = p->x[hi] - p->x[lo], b = (x - p->x[lo]) / h, a = 1 - b, m0 = p->bend[lo], m1 = p->bend[hi];
    if (d == 0) return a * p->y[lo] + b * p->y[hi] + ((a * a * a - a) * m0 + (b * b * b - b) * m1) * h * h / 6;
    if (d == 1) return (p->y[hi] - p->y[lo]) / h + ((3 * b * b - 1) * m1 - (3 * a * a - 1) * m0) * h / 6;
    return a * m0 + b * m1;
}

// ---- the whole ----

static double value(const void *ctx, int d, double x)
{
    const tw_potential *p = ctx;
    double at = p->root * x, factor = d == 0 ? p->height : d == 1 ? p->height * p->root : p->height * p->k;
    return factor * (p->knots ? spline(p, d, at) : evaluate(p, at).d[d]);
}

static int64_t commas(const char *text)
{
    int64_t count = 0;
    for (; *text; text++) count += *text == ',';
    return count;
}

tw_status tw_potential_new(const char *text, double k, double height, tw_potential **out)
{
    tw_status st = TW_OK;
    tw_potential *p = NULL;
    if (!(k > 0 && height > 0 && isfinite(k) && isfinite(height)))
        return tw_fail(TW_EINVAL, "found k = %g and height = %g, expected positive numbers", k, height);
    TW_TRY(tw_alloc(1, sizeof *p, &p));
    p->k = k;
    p->height = height;
    p->root = sqrt(k);
    if (strncmp(text, "table:", 6) == 0) {
        TW_TRY(read_table(text + 6, p));
    } else if (strncmp(text, "poly:", 5) == 0) {
        for (const char *at = text + 5; p->terms < TERMS;) {
            char *end;
            double c = strtod(at, &end);
            if (end == at || !isfinite(c) || (*end && *end != ',')) break;
            p->coef[p->terms] = height * c * pow(p->root, (double)p->terms);
            p->terms++;
            at = end + 1;
            if (!*end) break;
        }
        if (p->terms == 0 || text[strlen(text) - 1] == ',' || commas(text) != p->terms - 1) {
            st = tw_fail(TW_EINVAL, "potential \"%.80s\": expected poly:C0,C1,... with 1 to %d numbers", text,
                         (int)TERMS);
            goto done;
        }
    } else if (strncmp(text, "piecewise:", 10) == 0) {
        int used = 0;
        if (sscanf(text + 10, "%lf,%lf,%lf%n", &p->ha, &p->hb, &p->dl, &used) != 3 || text[10 + used] ||
            !(p->ha > 0 && p->hb > 0 && p->dl > 0)) {
            st = tw_fail(TW_EINVAL, "potential \"%.80s\": expected piecewise:HA,HB,DL with three positive numbers",
                         text);
            goto done;
        }
        p->piecewise = true;
        p->ha *= k * height;
        p->hb *= k * height;
        p->dl *= height;
    } else {
        const char *formula = strcmp(text, "quartic") == 0           ? "(x^2-1)^2"
                              : strcmp(text, "styblinski-tang") == 0 ? "(x^4-16*x^2+5*x)/2"
                                                                     : text;
        reader r = {formula, formula, p, 0};
        TW_TRY(expression(&r));
        if (peek(&r)) {
            st = wrong(&r, "+, -, *, /, ^ or the end");
            goto done;
        }
        TW_TRY(check_program(&r));
        poly found = as_polynomial(p);
        p->terms = found.terms;
        for (int i = 0; i < found.terms; i++) p->coef[i] = height * found.c[i] * pow(p->root, i);
    }
    *out = p;
    p = NULL;
done:
    tw_potential_free(p);
    return st;
}

void tw_potential_free(tw_potential *p)
{
    if (!p) return;
    free(p->x);
    free(p->bend);
    free(p);
}

tw_escape_landscape tw_potential_landscape(const tw_potential *p)
{
    if (p->piecewise) return (tw_escape_landscape){.shape = TW_ESCAPE_PIECEWISE, .ha = p->ha, .hb = p->hb, .dl = p->dl};
    if (p->terms) return (tw_escape_landscape){.shape = TW_ESCAPE_POLY, .terms = p->terms, .coef = p->coef};
    return (tw_escape_landscape){.shape = TW_ESCAPE_FUNCTION, .value = value, .ctx = p};
}

bool tw_potential_range(const tw_potential *p, double *lo, double *hi)
{
    if (!p->knots) return false;
    *lo = p->x[0] / p->root;
    *hi = p->x[p->knots - 1] / p->root;
    return true;
}

static double root_between(const tw_escape_landscape *l, double a, double b)
{
    double sign = tw_escape_value(l, 1, a);
    for (int i = 0; i < 100; i++) {
        double mid = (a + b) / 2;
        if (mid == a || mid == b) break;
        *((tw_escape_value(l, 1, mid) > 0) == (sign > 0) ? &a : &b) = mid;
    }
    return (a + b) / 2;
}

tw_status tw_potential_well(const tw_escape_landscape *l, double lo, double hi, double near, double *minimum,
                            double *maximum)
{
    enum { GRID = 20011 }; // prime: kinks at round numbers do not fall on the grid
    double well = NAN, best = INFINITY, found_min = NAN, found_max = NAN, step = (hi - lo) / GRID;
    for (int i = 0; i < GRID; i++) {
        double a = lo + i * step, b = lo + (i + 1) * step;
        bool falls = tw_escape_value(l, 1, a) <= 0, then = tw_escape_value(l, 1, b) <= 0;
        if (falls == then) continue;
        double x = root_between(l, a, b);
        if (falls) {
            well = x;
        } else if (isfinite(well)) {
            double distance = isnan(near) ? 0 : fabs(well - near);
            if (distance < best) {
                best = distance;
                found_min = well;
                found_max = x;
            }
            well = NAN;
        }
    }
    if (isnan(found_min))
        return tw_fail(TW_EINVAL, "found no minimum with a maximum to its right between %g and %g", lo, hi);
    *minimum = found_min;
    *maximum = found_max;
    return TW_OK;
}
