// SPDX-License-Identifier: MIT
// What every test includes: cmocka, must, assert_near.
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <float.h>
#include <cmocka.h>
#include "thalweg/base.h"

// Fails the test with tw_error() unless the call is TW_OK.
#define must(call)                                                  \
    do {                                                            \
        if ((call) != TW_OK) fail_msg("%s: %s", #call, tw_error()); \
    } while (0)

// The call must fail with this status and a message that holds this text.
#define must_fail(call, status, text)                                                                            \
    do {                                                                                                         \
        assert_int_equal((call), (status));                                                                      \
        if (!strstr(tw_error(), (text))) fail_msg("%s: message \"%s\" lacks \"%s\"", #call, tw_error(), (text)); \
    } while (0)

// |found - truth| <= bound; NaN fails; prints all three.
#define assert_near(found, truth, bound) test_near((found), (truth), (bound), #found, __FILE__, __LINE__)

static inline void test_near(double found, double truth, double bound, const char *what, const char *file, int line)
{
    if (!(fabs(found - truth) <= bound)) {
        print_error("%s: found %.17g, truth %.17g, difference %.3g, bound %.3g\n", what, found, truth,
                    fabs(found - truth), bound);
        _fail(file, line);
    }
}

#endif
