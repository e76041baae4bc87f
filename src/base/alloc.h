// SPDX-License-Identifier: MIT
// Every allocation: 64-byte aligned, zeroed, overflow checked, and able to fail on demand in tests. Freed with free().
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include "base/status.h"
#include <stdlib.h>

// *(void **)out = count * size zeroed bytes (at least one). TW_ENOMEM: overflow or no memory; *out is then untouched.
TW_NODISCARD tw_status tw_alloc(int64_t count, size_t size, void *out);

TW_NODISCARD tw_status tw_strdup(const char *text, char **out);

// Tests: make the call-th allocation from now (1 = the next) fail once; 0 switches it off. Counts calls of all threads.
void tw_alloc_fail_at(int64_t call);
int64_t tw_alloc_calls(void); // calls of tw_alloc since the program began

#endif
