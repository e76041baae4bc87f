// SPDX-License-Identifier: MIT
// Rows of text. The first byte chooses separator, header, label column and kind of answer.
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int separators[] = {0, 44, 59, 9, 32, 0, 0, 0}; // comma, semicolon, tab, blank
    static const char *const labels[] = {"last", "1", "kind", "2"};
    if (size == 0) return 0;
    tw_csv_opts opts = {.separator = separators[data[0] & 7],
                        .header = (data[0] >> 3) % 3 - 1,
                        .label = labels[data[0] >> 5 & 3],
                        .regression = data[0] >> 7};
    tw_raw raw = {0};
    tw_status st = tw_csv_parse("f", data + 1, size - 1, &opts, NULL, &raw);
    if (st == TW_OK && raw.label && raw.names.count != raw.classes) abort();
    accepted_samples(st, &raw);
    return 0;
}
