// SPDX-License-Identifier: MIT
// Every allocation: 64-byte aligned, zeroed or said not to be, overflow checked, and able to fail on demand in tests.
// Freed with free().
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include "base/status.h"
#include <stdlib.h>

// *(void **)out = count * size zeroed bytes (at least one). TW_ENOMEM: overflow or no memory; *out is then untouched.
TW_NODISCARD tw_status tw_alloc(int64_t count, size_t size, void *out);

// The same without zeros: for room that is written before it is read. Its pages are then first touched, and made by the
// system, by the threads that work there. Every use of it must do with what another shard left behind.
TW_NODISCARD tw_status tw_alloc_room(int64_t count, size_t size, void *out);

TW_NODISCARD tw_status tw_strdup(const char *text, char **out);

// Tests: make the call-th allocation from now (1 = the next) fail once; 0 switches it off. Counts calls of all threads.
void tw_alloc_fail_at(int64_t call);
int64_t tw_alloc_calls(void); // calls of both since the program began

#endif
