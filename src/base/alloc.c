// SPDX-License-Identifier: MIT
// Aligned, overflow-checked memory that can be told to fail.
#include "base/alloc.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

enum { ALIGN = 64 }; // a cache line, and the width of an AVX-512 register

static atomic_int_fast64_t calls, fail_at;

void tw_alloc_fail_at(int64_t call) { atomic_store(&fail_at, call > 0 ? atomic_load(&calls) + call : 0); }

int64_t tw_alloc_calls(void) { return atomic_load(&calls); }

static tw_status allocate(int64_t count, size_t size, bool zero, void *out)
{
    int64_t call = atomic_fetch_add(&calls, 1) + 1;
    if (count < 0 || (size > 0 && (uint64_t)count > (PTRDIFF_MAX - ALIGN) / size))
        return tw_fail(TW_ENOMEM, "out of memory: %" PRId64 " items of %zu bytes exceed the address space", count,
                       size);
    size_t bytes = ((size_t)count * size + ALIGN - 1) / ALIGN * ALIGN;
    if (bytes == 0) bytes = ALIGN;
    void *memory = call == atomic_load(&fail_at) ? NULL : aligned_alloc(ALIGN, bytes);
    if (!memory) return tw_fail(TW_ENOMEM, "out of memory: %zu bytes could not be had", bytes);
    if (zero) memset(memory, 0, bytes);
    memcpy(out, &memory, sizeof memory);
    return TW_OK;
}

tw_status tw_alloc(int64_t count, size_t size, void *out) { return allocate(count, size, true, out); }

tw_status tw_alloc_room(int64_t count, size_t size, void *out) { return allocate(count, size, false, out); }

tw_status tw_strdup(const char *text, char **out)
{
    size_t length = strlen(text) + 1;
    char *copy = NULL;
    tw_status st = tw_alloc((int64_t)length, 1, &copy);
    if (st != TW_OK) return st;
    memcpy(copy, text, length);
    *out = copy;
    return TW_OK;
}
