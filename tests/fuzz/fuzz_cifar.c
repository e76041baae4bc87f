// SPDX-License-Identifier: MIT
// CIFAR records with one or two bytes of label, plain or gzipped.
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tw_raw raw = {0};
    accepted_samples(tw_cifar_records("f", data, size, 1, 0, 10, NULL, &raw), &raw);
    accepted_samples(tw_cifar_records("f", data, size, 2, 1, 100, NULL, &raw), &raw);
    return 0;
}
