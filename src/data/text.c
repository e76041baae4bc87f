// SPDX-License-Identifier: MIT
// Text as bytes: windows of a file, and the byte that follows each.
//
// Of a stretch of N bytes, sample i has the bytes b[i stride] ... b[i stride + length - 1] as numbers from 0 to 255 and
// b[i stride + length] as its class, so there are 1 + floor((N - length - 1) / stride) of them. A model that predicts
// at every position (loss "next") finds its answers inside the window. The test part is the end of the file: windows do
// not reach across the cut, so no byte is in both.
#include "data/raw.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { BYTES = 256, LENGTH = 33, MOST_LENGTH = 1 << 20 };

tw_status tw_text_windows(const char *path, const uint8_t *data, size_t size, int64_t length, int64_t stride,
                          tw_raw *out)
{
    tw_status st = TW_OK;
    tw_raw made = {
        .features = length, .channels = length, .height = 1, .width = 1, .kind = TW_RAW_F32, .classes = BYTES};
    float *x = NULL;
    if (size < (size_t)length + 1) {
        st =
            tw_fail(TW_EFORMAT,
                    "%s: found %zu bytes, expected at least %" PRId64 ": a window of %" PRId64 " and the byte after it",
                    path, size, length + 1, length);
        goto done;
    }
    made.m = 1 + ((int64_t)size - length - 1) / stride;
    TW_TRY(tw_alloc(made.m, (size_t)length * sizeof *x, &x));
    made.x = x;
    TW_TRY(tw_alloc(made.m, sizeof *made.label, &made.label));
    for (int64_t i = 0; i < made.m; i++) {
        const uint8_t *from = data + i * stride;
        for (int64_t j = 0; j < length; j++) x[i * length + j] = (float)from[j];
        made.label[i] = from[length];
    }
    *out = made;
    made = (tw_raw){0};
done:
    tw_raw_free(&made);
    return st;
}

// Bytes of the training part: the first floor((1 - part) N + 1/2).
static size_t train_bytes(size_t size, double part) { return (size_t)floor((1 - part) * (double)size + 0.5); }

static tw_status load(const char *path, tw_bytes *out)
{
    tw_status st = TW_OK;
    tw_bytes file = {0};
    TW_TRY(tw_bytes_load(path, &file));
    TW_TRY(tw_stream_all(path, file.data, file.size, out));
done:
    tw_bytes_free(&file);
    return st;
}

static tw_status windows_of(const char *path, bool end, double part, int64_t length, int64_t stride, tw_raw *out)
{
    tw_status st = TW_OK;
    tw_bytes all = {0};
    TW_TRY(load(path, &all));
    size_t train = train_bytes(all.size, part), from = end ? train : 0, count = end ? all.size - train : train;
    if (all.size >= (size_t)length + 1 && count < (size_t)length + 1) {
        st = tw_fail(TW_EFORMAT,
                     "%s: found %zu bytes, of which %zu are the %s part (test-part=%g), expected at least %" PRId64
                     " there: a window of %" PRId64 " and the byte after it",
                     path, all.size, count, end ? "test" : "training", part, length + 1, length);
        goto done;
    }
    if (count == 0 || all.size < (size_t)length + 1) from = 0, count = all.size; // for the message
    TW_TRY(tw_text_windows(path, all.data + from, count, length, stride, out));
done:
    tw_bytes_free(&all);
    return st;
}

tw_status tw_text_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out)
{
    (void)wanted; // everything is read through; what is not wanted is dropped later
    tw_status st = TW_OK;
    int64_t length = LENGTH, stride;
    const char *test = tw_spec_get(spec, "test");
    double aside = test ? 0 : 0.1;
    TW_TRY(tw_spec_check(spec, 1, 1, "length stride test test-part"));
    TW_TRY(tw_spec_int(spec, "length", 1, MOST_LENGTH, &length));
    stride = length;
    TW_TRY(tw_spec_int(spec, "stride", 1, INT64_MAX / 2, &stride));
    TW_TRY(tw_spec_real(spec, "test-part", 0, 0.99, &aside));
    if (test && tw_spec_get(spec, "test-part")) {
        st = tw_fail(TW_EINVAL, "data %s: found both test= and test-part=, expected one of them", spec->text);
        goto done;
    }
    bool end = part == TW_PART_TEST && !test;
    if (end && aside == 0) {
        st = tw_fail(TW_EINVAL, "data %s: has no test part: give test=FILE or test-part=FRACTION", spec->text);
        goto done;
    }
    TW_TRY(windows_of(part == TW_PART_TEST && test ? test : spec->value[0], end, aside, length, stride, out));
done:
    return st;
}
