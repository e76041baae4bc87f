// SPDX-License-Identifier: MIT
// Nodes by Newton's method on P_n; the integration matrix by expanding in Legendre polynomials, whose integrals are
// (P_{k+1} - P_{k-1}) / (2k + 1).
#include "theory/gauss.h"

#include <math.h>

static void legendre(double t, int most, double *p)
{
    p[0] = 1;
    p[1] = t;
    for (int k = 1; k < most; k++) p[k + 1] = ((2 * k + 1) * t * p[k] - k * p[k - 1]) / (k + 1);
}

void tw_gauss_init(tw_gauss *g)
{
    double p[TW_GAUSS][TW_GAUSS + 2];
    for (int i = 0; i < TW_GAUSS; i++) {
        double t = -cos(M_PI * (i + 0.75) / (TW_GAUSS + 0.5)), slope = 1;
        for (int step = 0; step < 20; step++) {
            legendre(t, TW_GAUSS, p[i]);
            slope = TW_GAUSS * (t * p[i][TW_GAUSS] - p[i][TW_GAUSS - 1]) / (t * t - 1);
            double change = p[i][TW_GAUSS] / slope;
            t -= change;
            if (fabs(change) < 1e-16) break;
        }
        legendre(t, TW_GAUSS + 1, p[i]);
        g->t[i] = t;
        g->w[i] = 2 / ((1 - t * t) * slope * slope);
    }
    for (int i = 0; i < TW_GAUSS; i++)
        for (int j = 0; j < TW_GAUSS; j++) {
            double sum = (g->t[i] + 1) / 2;
            for (int k = 1; k < TW_GAUSS; k++) sum += p[j][k] * (p[i][k + 1] - p[i][k - 1]) / 2;
            g->upto[i][j] = g->w[j] * sum;
        }
}
