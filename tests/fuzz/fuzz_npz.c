// SPDX-License-Identifier: MIT
// A ZIP archive of NumPy arrays.
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tw_arrays *arrays = NULL;
    accepted_arrays(tw_npz_parse("f", data, size, NULL, &arrays), arrays);
    return 0;
}
