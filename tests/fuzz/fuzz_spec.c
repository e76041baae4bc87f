// SPDX-License-Identifier: MIT
// The words after --data.
#include "fuzz.h"

#include "base/nearest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (size) memcpy(text, data, size);
    text[size] = 0;
    tw_spec spec = {0};
    if (tw_spec_parse(text, &spec) == TW_OK) {
        int64_t n = 1;
        double sep = 1;
        int choice = 0;
        char near[64];
        tw_nearest(spec.kind, "fashion-mnist mnist idx csv", near, sizeof near);
        bool right = tw_spec_check(&spec, 0, 2, "n sep law") == TW_OK && tw_spec_int(&spec, "n", 1, 100, &n) == TW_OK &&
                     tw_spec_real(&spec, "sep", 0, 2, &sep) == TW_OK &&
                     tw_spec_choice(&spec, "law", "gaussian uniform sphere", &choice) == TW_OK;
        if (right && (n < 1 || n > 100 || !(sep >= 0 && sep <= 2) || choice < 0 || choice > 2)) abort();
    } else if (spec.text) {
        abort();
    }
    tw_spec_free(&spec);
    free(text);
    return 0;
}
