// SPDX-License-Identifier: MIT
// The thread's message.
#include "base/status.h"

#include "base/version.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[1024];

tw_status tw_fail(tw_status status, const char *format, ...)
{
    char text[sizeof message]; // an argument may be the old message
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(message, text, sizeof message);
    return status;
}

tw_status tw_fail_in(tw_status status, const char *format, ...)
{
    char prefix[256], text[sizeof message];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    memcpy(text, message, sizeof text);
    size_t used = strlen(prefix);
    memcpy(message, prefix, used);
    memcpy(message + used, text, sizeof message - used);
    message[sizeof message - 1] = '\0';
    return status;
}

const char *tw_error(void) { return message; }

const char *tw_version(void) { return TW_VERSION_STRING; }
