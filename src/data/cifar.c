// SPDX-License-Identifier: MIT
// CIFAR-10 and CIFAR-100 in their binary versions, plain or gzipped (Krizhevsky, "Learning multiple layers of features
// from tiny images", 2009; https://www.cs.toronto.edu/~kriz/cifar.html).
//
//   CIFAR-10:  LABEL then 3072 bytes: 1024 red, 1024 green, 1024 blue, each 32 rows of 32, top row first
//   CIFAR-100: COARSE (0 to 19) FINE (0 to 99) then the same
#include "data/raw.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { PIXELS = 3 * 32 * 32 };

tw_status tw_cifar_records(const char *path, const uint8_t *data, size_t size, int label_bytes, int which, int classes,
                           const tw_wanted *wanted, tw_raw *out)
{
    tw_status st = TW_OK;
    tw_bytes whole = {0};
    tw_raw made = {.features = PIXELS, .channels = 3, .height = 32, .width = 32, .kind = TW_RAW_U8, .classes = classes};
    size_t record = (size_t)label_bytes + PIXELS;

    bool gz = size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
    if (gz) TW_TRY(tw_stream_all(path, data, size, &whole));
    if (!gz) whole = (tw_bytes){(uint8_t *)(uintptr_t)data, size, false}; // the caller's
    if (whole.size == 0 || whole.size % record != 0) {
        st = tw_fail(TW_EFORMAT,
                     "%s: found %zu bytes, expected a positive multiple of %zu (label and 3 x 32 x 32 pixels)", path,
                     whole.size, record);
        goto done;
    }
    made.m = (int64_t)(whole.size / record);
    tw_wanted kept = tw_wanted_in(wanted, 0, made.m);
    made.before = kept.first;
    made.after = made.m - kept.first - kept.count;
    TW_TRY(tw_alloc(kept.count, PIXELS, &made.x));
    TW_TRY(tw_alloc(made.m, sizeof *made.label, &made.label));
    for (int64_t i = 0; i < made.m; i++) {
        const uint8_t *from = whole.data + (size_t)i * record;
        made.label[i] = from[which];
        if (from[which] >= classes) {
            st = tw_fail(TW_EFORMAT, "%s: byte %zu (record %" PRId64 "): found label %d, expected 0 to %d", path,
                         (size_t)i * record + (size_t)which, i, from[which], classes - 1);
            goto done;
        }
        if (i >= kept.first && i < kept.first + kept.count)
            memcpy((uint8_t *)made.x + (size_t)(i - kept.first) * PIXELS, from + label_bytes, PIXELS);
    }
    *out = made;
    made = (tw_raw){0};
done:
    tw_raw_free(&made);
    if (gz) tw_bytes_free(&whole);
    return st;
}

typedef struct kind {
    int label_bytes, which, classes;
    const char *name, *files;
} kind;

static tw_status read_file(const char *path, const kind *k, const tw_wanted *wanted, tw_raw *out)
{
    tw_bytes file = {0};
    tw_status st = wanted ? tw_bytes_map(path, &file) : tw_bytes_load(path, &file);
    if (st == TW_OK)
        st = tw_cifar_records(path, file.data, file.size, k->label_bytes, k->which, k->classes, wanted, out);
    tw_bytes_free(&file);
    return st;
}

// The files of a part, in the order of the batches; `names` is separated by blanks.
static tw_status read_folder(const char *dir, const char *names, const kind *k, const tw_wanted *wanted, tw_raw *out)
{
    tw_status st = TW_OK;
    tw_raw made = {0}, more = {0};
    size_t room = strlen(dir) + 64;
    char *path = NULL;

    TW_TRY(tw_alloc((int64_t)room, 1, &path));
    for (const char *at = names; *at; at += strspn(at, " ")) {
        int length = (int)strcspn(at, " ");
        struct stat info;
        snprintf(path, room, "%s/%.*s", dir, length, at);
        if (stat(path, &info) != 0) snprintf(path, room, "%s/%.*s.gz", dir, length, at);
        if (stat(path, &info) != 0) {
            st =
                tw_fail(TW_EIO, "%s/%.*s: not there, plain or as .gz; expected %s; `thalweg data fetch %s` brings them",
                        dir, length, at, k->files, k->name);
            goto done;
        }
        tw_wanted here = {0, 0};
        if (wanted) here = (tw_wanted){wanted->first - made.m, wanted->count}; // counted from this file's first
        TW_TRY(read_file(path, k, wanted ? &here : NULL, made.x ? &more : &made));
        if (more.x) TW_TRY(tw_raw_append(path, &made, &more));
        tw_raw_free(&more);
        at += length;
    }
    *out = made;
    made = (tw_raw){0};
done:
    tw_raw_free(&made);
    tw_raw_free(&more);
    free(path);
    return st;
}

// The value is a folder with the official names, or one file; then the test part is test=FILE. Without a value: the
// folder where it is fetched to.
static tw_status read_part(const tw_spec *spec, tw_part part, const char *train, const char *test, const kind *k,
                           const tw_wanted *wanted, tw_raw *out)
{
    tw_status st = TW_OK;
    struct stat info;
    char *path = NULL;
    const char *other = tw_spec_get(spec, "test");
    bool tests = part == TW_PART_TEST;

    if (tests && other) return read_file(other, k, wanted, out);
    TW_TRY(tw_data_place(k->name, spec->values ? spec->value[0] : NULL, NULL, k->files, &path));
    bool folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    if (folder)
        st = read_folder(path, tests ? test : train, k, wanted, out);
    else if (tests)
        st = tw_fail(TW_EINVAL, "data %s: has no test part: give a folder or test=FILE", spec->text);
    else
        st = read_file(path, k, wanted, out);
done:
    free(path);
    return st;
}

tw_status tw_cifar10_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out)
{
    static const kind k = {1, 0, 10, "cifar10", "data_batch_1.bin ... data_batch_5.bin and test_batch.bin"};
    static const char batches[] =
        "data_batch_1.bin data_batch_2.bin data_batch_3.bin data_batch_4.bin data_batch_5.bin";
    static const char *const names[10] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                          "dog",      "frog",       "horse", "ship", "truck"};
    tw_status st = TW_OK;
    tw_raw made = {0};
    TW_TRY(tw_spec_check(spec, 0, 1, "test"));
    TW_TRY(read_part(spec, part, batches, "test_batch.bin", &k, wanted, &made));
    TW_TRY(tw_names_copy(10, names, &made.names));
    *out = made;
    made = (tw_raw){0};
done:
    tw_raw_free(&made);
    return st;
}

tw_status tw_cifar100_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out)
{
    static const kind kinds[] = {{2, 1, 100, "cifar100", "train.bin and test.bin"},
                                 {2, 0, 20, "cifar100", "train.bin and test.bin"}};
    int which = 0;
    tw_status st = tw_spec_check(spec, 0, 1, "test labels");
    if (st == TW_OK) st = tw_spec_choice(spec, "labels", "fine coarse", &which);
    return st == TW_OK ? read_part(spec, part, "train.bin", "test.bin", &kinds[which], wanted, out) : st;
}
