// SPDX-License-Identifier: MIT
// A safetensors file.
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tw_arrays *arrays = NULL;
    accepted_arrays(tw_safetensors_parse("f", data, size, NULL, &arrays), arrays);
    return 0;
}
