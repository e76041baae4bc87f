// SPDX-License-Identifier: MIT
// Statuses, messages, threads and progress: what every other public header stands on.
#ifndef THALWEG_BASE_H
#define THALWEG_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TW_API __attribute__((visibility("default")))
#define TW_NODISCARD __attribute__((warn_unused_result))
#define TW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define TW_API
#define TW_NODISCARD
#define TW_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
extern "C" {
#endif

// What kind of thing went wrong. tw_error() says which file, where, what was found and what was expected.
typedef enum tw_status {
    TW_OK = 0,
    TW_EINVAL,   // an argument, option or shape is wrong
    TW_ENOMEM,   // memory could not be had, or the size does not fit
    TW_EFORMAT,  // a file's content is not what it should be
    TW_EIO,      // the system refused to open, read, write or rename
    TW_ENUMERIC, // a number that must be finite is not, or LAPACK gave up
    TW_ESTOPPED  // the caller's progress function asked to stop
} tw_status;

// The message of the last failure in this thread; "" when there was none. Valid until the next failure.
TW_API const char *tw_error(void);

// The library's version, "MAJOR.MINOR.PATCH".
TW_API const char *tw_version(void);

// Threads used by every sweep. Results do not depend on it, to the last bit. Default: the cores this process may use.
// TW_EINVAL  threads < 1.
TW_API TW_NODISCARD tw_status tw_threads_set(int threads);
TW_API int tw_threads(void);

// Long work reports here and asks whether to go on. done and total are in units of the caller's choice; false stops
// the work with TW_ESTOPPED. A NULL tick is never called.
typedef struct tw_progress {
    bool (*tick)(void *ctx, const char *what, double done, double total);
    void *ctx;
} tw_progress;

#ifdef __cplusplus
}
#endif
#endif
