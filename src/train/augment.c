// SPDX-License-Identifier: MIT
// Images moved at random while training, so that a network never sees quite the same sample twice.
//
//   flip     left and right changed with probability 1/2
//   shift:r  moved by (down, right), each uniform on -r ... r, with zeros where the image has left; the same as cutting
//            a window of the image's size at random from the image with r zeros around it (He, Zhang, Ren & Sun, CVPR
//            2016, section 4.2, with r = 4)
//
// Three numbers are drawn from the stream (seed, augment, epoch 2^32 + sample), always in the order flip, down, right:
// adding one of the words does not change what another draws. Nothing is kept between steps, so order, threads and
// resuming cannot matter.
#include "train/augment.h"

#include "base/nearest.h"
#include "base/rng.h"
#include "thalweg/trainer.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SHIFT = 1 << 20 };

static tw_status read_shift(const char *text, const char *number, size_t length, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long value = length > 0 ? strtoll(number, &end, 10) : 0;
    if (length == 0 || end != number + length || errno || value < 1 || value > MOST_SHIFT)
        return tw_fail(TW_EINVAL, "augment %s: shift: found \"%.*s\", expected pixels from 1 to %d, as in shift:4",
                       text, (int)length, number, MOST_SHIFT);
    *out = value;
    return TW_OK;
}

tw_status tw_augment_read(const char *text, tw_augment *out)
{
    tw_augment made = {false, 0};
    if (!text || strcmp(text, "none") == 0) {
        *out = made;
        return TW_OK;
    }
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ","), name = strcspn(at, ":,");
        bool flips = name == length && length == 4 && memcmp(at, "flip", 4) == 0;
        bool shifts = name == 5 && memcmp(at, "shift", 5) == 0;
        if (!flips && !shifts) {
            char word[32], near[16];
            snprintf(word, sizeof word, "%.*s", (int)(name < 31 ? name : 31), at);
            tw_nearest(word, "none flip shift", near, sizeof near);
            return tw_fail(TW_EINVAL,
                           "augment %s: found \"%.*s\", expected none, flip or shift:PIXELS; did you mean %s?", text,
                           (int)length, at, near);
        }
        if (flips ? made.flip : made.shift > 0)
            return tw_fail(TW_EINVAL, "augment %s: found %s twice", text, flips ? "flip" : "shift");
        if (flips) made.flip = true;
        if (shifts) {
            bool given = at[name] == ':';
            tw_status st = read_shift(text, at + name + given, length - name - given, &made.shift);
            if (st != TW_OK) return st;
        }
        at += length;
        if (!*at) break;
    }
    *out = made;
    return TW_OK;
}

tw_status tw_augment_check(const char *words)
{
    tw_augment unused;
    return tw_augment_read(words, &unused);
}

bool tw_augment_is_on(const tw_augment *a) { return a->flip || a->shift > 0; }

tw_status tw_augment_fits(const tw_augment *a, const char *text, const tw_data *data)
{
    if (!tw_augment_is_on(a)) return TW_OK;
    if (data->height < 2 || data->width < 2)
        return tw_fail(TW_EINVAL,
                       "augment %s: data %s: found samples of %" PRId64 " x %" PRId64 " x %" PRId64
                       " numbers, expected images of at least 2 x 2 pixels",
                       text, data->name, data->channels, data->height, data->width);
    if (a->shift >= data->height || a->shift >= data->width)
        return tw_fail(TW_EINVAL,
                       "augment %s: data %s: found images of %" PRId64 " x %" PRId64
                       " pixels, expected more than the %" PRId64 " of the shift",
                       text, data->name, data->height, data->width, a->shift);
    return TW_OK;
}

tw_move tw_augment_draw(const tw_augment *a, uint64_t seed, int64_t epoch, int64_t sample)
{
    // Of the epoch 24 bits are left beside the purpose; 2^24 epochs on they would begin again.
    uint64_t index = ((uint64_t)epoch & 0xffffff) << 32 ^ (uint64_t)sample, sides = 2 * (uint64_t)a->shift + 1;
    tw_rng rng = tw_rng_at(seed, TW_RNG_AUGMENT, index);
    bool flip = tw_rng_below(&rng, 2) == 1;
    int64_t down = (int64_t)tw_rng_below(&rng, sides), right = (int64_t)tw_rng_below(&rng, sides);
    return (tw_move){a->flip && flip, down - a->shift, right - a->shift};
}

// A row of `width` pixels of `pixel` bytes.
static void move_row(const tw_move *move, int64_t width, size_t pixel, const char *from, char *to)
{
    int64_t first = move->right > 0 ? move->right : 0, last = move->right < 0 ? width + move->right : width;
    if (first > 0) memset(to, 0, (size_t)first * pixel);
    if (last < width) memset(to + (size_t)last * pixel, 0, (size_t)(width - last) * pixel);
    if (!move->flip) {
        memcpy(to + (size_t)first * pixel, from + (size_t)(first - move->right) * pixel,
               (size_t)(last - first) * pixel);
        return;
    }
    for (int64_t c = first; c < last; c++)
        memcpy(to + (size_t)c * pixel, from + (size_t)(width - 1 - (c - move->right)) * pixel, pixel);
}

void tw_augment_move(const tw_move *move, int64_t planes, int64_t height, int64_t width, int64_t inner, int64_t real,
                     const void *from, void *to)
{
    size_t pixel = (size_t)(inner * real), row = (size_t)width * pixel;
    for (int64_t p = 0; p < planes; p++)
        for (int64_t r = 0; r < height; r++) {
            int64_t source = r - move->down;
            char *line = (char *)to + (size_t)(p * height + r) * row;
            if (source < 0 || source >= height)
                memset(line, 0, row);
            else
                move_row(move, width, pixel, (const char *)from + (size_t)(p * height + source) * row, line);
        }
}
