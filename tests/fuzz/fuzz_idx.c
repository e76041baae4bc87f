// SPDX-License-Identifier: MIT
// Images and labels in IDX files, plain or gzipped.
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tw_raw raw = {0};
    int32_t *label = NULL;
    accepted_samples(tw_idx_images("f", data, size, NULL, &raw), &raw);
    refused(tw_idx_labels("f", data, size, 3, &label));
    free(label);
    return 0;
}
