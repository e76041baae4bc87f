// SPDX-License-Identifier: MIT
// Making failures: the only way to a status other than TW_OK is tw_fail, so none is ever without its message.
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "thalweg/base.h"

tw_status tw_fail(tw_status status, const char *format, ...) TW_PRINTF(2, 3);

// Prefix the current message ("layer fc1: " + message) and pass the status on.
tw_status tw_fail_in(tw_status status, const char *format, ...) TW_PRINTF(2, 3);

#define TW_TRY(call)                           \
    do {                                       \
        if ((st = (call)) != TW_OK) goto done; \
    } while (0)

#endif
