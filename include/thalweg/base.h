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

// Options: every tw_..._opts begins with its size and is made by tw_..._defaults(), which sets it; new fields go to the
// end alone. A library takes options of older headers, with the defaults of what they lack, and options of newer
// headers as long as they ask for nothing that it does not know (all of it is 0); else, and without a size, TW_EINVAL.
// NULL: defaults.

// The library's version, "MAJOR.MINOR.PATCH".
TW_API const char *tw_version(void);

// Threads used by every sweep. Results do not depend on it, to the last bit. Default: the cores this process may use.
// TW_EINVAL  threads < 1.
TW_API TW_NODISCARD tw_status tw_threads_set(int threads);
TW_API int tw_threads(void);

// Several processes of one program, started by mpirun or srun, as ranks that share the work. tw_ranks_open makes this
// process one of them, once, before anything else here is called and while MPI is not yet initialised; without it, and
// where one rank was started, tw_ranks() is 1. Every rank must make the same calls with the same arguments, from one
// thread; each gets the same results, to the bits that one process alone would have found. A rank whose call fails
// alone should end the others (MPI_Abort). Where the ranks of a host may use the same cores, each takes its share as
// its threads.
// TW_EIO  built without MPI, or MPI could not be started.
TW_API TW_NODISCARD tw_status tw_ranks_open(void);
TW_API int tw_rank(void);  // 0 ... tw_ranks() - 1
TW_API int tw_ranks(void); // 1: alone

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
