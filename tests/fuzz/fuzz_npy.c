// SPDX-License-Identifier: MIT
// A single array of NumPy.
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tw_array array = {0};
    tw_status st = tw_npy_parse("f", 0, data, size, NULL, &array);
    refused(st);
    if (st != TW_OK && array.x) abort();
    free(array.x);
    return 0;
}
