// SPDX-License-Identifier: MIT
// Files of theory's problems. Fields of every kind and size are read; what is accepted is answered in the same number.
#include "fuzz.h"
#include "theory/cases.h"

// Sizes come from the file: the readers must check them against what is there before they take memory.
static tw_status fields(const tw_case *c, json_t *out)
{
    tw_status st = TW_OK;
    int64_t n = 0, m = 0;
    double x = 0, *v = NULL, *a = NULL;
    TW_TRY(tw_case_int(c, "n", 1, &n));
    TW_TRY(tw_case_int(c, "m", 1, &m));
    TW_TRY(tw_case_real(c, "x", &x));
    TW_TRY(tw_case_vector(c, "v", n, &v));
    TW_TRY(tw_case_matrix(c, "A", n, m, &a));
    tw_out_number(out, "x", true, x);
    tw_out_vector(out, "v", n, v);
    tw_out_matrix(out, "A", n, m, a);
done:
    free(v);
    free(a);
    return st;
}

// Two numbers and no more: what the solvers' own refusals look like.
static tw_status refusing(const tw_case *c, json_t *out)
{
    tw_status st = TW_OK;
    double x = 0;
    TW_TRY(tw_case_real(c, "x", &x));
    tw_out_number(out, "x", x > 0, x);
    if (!(x > 0)) st = tw_fail(TW_EINVAL, "x: found %g, expected more than 0", x);
done:
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const tw_case_kind kinds[] = {{"fields", fields}, {"refusing", refusing}};
    json_t *file = NULL, *out = NULL;
    tw_status st = tw_json_parse("f", (const char *)data, size, &file);
    if (st == TW_OK) st = tw_cases_answer("f", file, "family", 2, kinds, &out);
    refused(st);
    if (st == TW_OK &&
        json_array_size(json_object_get(out, "cases")) != json_array_size(json_object_get(file, "cases")))
        abort();
    if (st != TW_OK && out) abort(); // outputs are untouched on failure
    json_decref(out);
    json_decref(file);
    return 0;
}
