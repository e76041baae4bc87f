// SPDX-License-Identifier: MIT
// Bytes cut into windows. The first two bytes are length and stride.
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    int64_t length = data[0] + 1, stride = data[1] + 1;
    tw_raw raw = {0};
    tw_status st = tw_text_windows("f", data + 2, size - 2, length, stride, &raw);
    if (st == TW_OK) {
        const float *x = raw.x;
        int64_t last = (raw.m - 1) * stride + length;
        if (last >= (int64_t)size - 2 || last + stride < (int64_t)size - 2) abort(); // as many as fit, and no more
        for (int64_t i = 0; i < raw.m * raw.features; i++)
            if (!(x[i] >= 0 && x[i] <= 255)) abort();
    }
    accepted_samples(st, &raw);
    return 0;
}
