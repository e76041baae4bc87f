// SPDX-License-Identifier: MIT
// Options of callers that were built on other headers than this library.
//
// Every public *_opts begins with its size, as the caller's headers had it, and new fields go to the end. A shorter one
// is from older headers: the fields it lacks have their defaults. A longer one is from newer headers: it is taken if
// all that this library does not know is 0, and refused otherwise, as it would ask for what is not done here.
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include "base/status.h"

// Fills own, size bytes that hold the defaults, from given; what names them in messages ("tw_lanczos_opts"). given NULL
// keeps the defaults. TW_EINVAL: sizes that no headers have had.
TW_NODISCARD tw_status tw_options_take(const char *what, const void *given, size_t size, void *own);

// First in a public function: its parameter opts points to complete options of kind tw_KIND_opts from here on.
#define TW_OPTIONS(kind, opts)                                                                   \
    kind##_opts own_options = kind##_defaults();                                                 \
    do {                                                                                         \
        tw_status took = tw_options_take(#kind "_opts", opts, sizeof own_options, &own_options); \
        if (took != TW_OK) return took;                                                          \
        opts = &own_options;                                                                     \
    } while (0)

#endif
