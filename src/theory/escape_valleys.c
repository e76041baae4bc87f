// SPDX-License-Identifier: MIT
// Which valleys a process that jumps between them is found in.
//
// pi Q = 0 by elimination without subtractions (Grassmann, Taksar & Heyman, Oper. Res. 33 (1985) 1107): every pi is
// right to a few roundings however rare its valley. Proportional to mean residence times 1 / sum of rates is what the
// paper says, and is so for two valleys only (docs/escape.md).
#include "theory/escape.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

tw_status tw_escape_valleys(int64_t n, const double *rates, double *stationary, double *residence)
{
    tw_status st = TW_OK;
    double *a = NULL, sum = 1;
    if (n < 1) return tw_fail(TW_EINVAL, "rates: found none, expected at least one valley");
    for (int64_t i = 0; i < n * n; i++)
        if (i % (n + 1) != 0 && (!(rates[i] >= 0) || !isfinite(rates[i])))
            return tw_fail(TW_EINVAL,
                           "rates[%" PRId64 "][%" PRId64 "]: found %g, expected a number that is not negative", i / n,
                           i % n, rates[i]);
    TW_TRY(tw_alloc(n * n, sizeof *a, &a));
    memcpy(a, rates, (size_t)(n * n) * sizeof *a);
    for (int64_t k = n - 1; k > 0; k--) { // the chain as it is seen outside k, k + 1, ...
        double out = 0;
        for (int64_t j = 0; j < k; j++) out += a[k * n + j];
        if (!(out > 0)) {
            st = tw_fail(TW_EINVAL, "rates: found no way from valley %" PRId64 " back to those before it", k);
            goto done;
        }
        for (int64_t i = 0; i < k; i++) {
            a[i * n + k] /= out;
            for (int64_t j = 0; j < k; j++)
                if (j != i) a[i * n + j] += a[i * n + k] * a[k * n + j];
        }
    }
    for (int64_t i = 0; i < n; i++) {
        double out = 0;
        for (int64_t j = 0; j < n; j++) out += j != i ? rates[i * n + j] : 0;
        residence[i] = 1 / out;
    }
    stationary[0] = 1;
    for (int64_t k = 1; k < n; k++) {
        stationary[k] = 0;
        for (int64_t i = 0; i < k; i++) stationary[k] += stationary[i] * a[i * n + k];
        sum += stationary[k];
    }
    for (int64_t k = 0; k < n; k++) stationary[k] /= sum;
done:
    free(a);
    return st;
}
