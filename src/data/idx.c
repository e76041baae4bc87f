// SPDX-License-Identifier: MIT
// IDX files, plain or gzipped: the format of MNIST (LeCun & Cortes, http://yann.lecun.com/exdb/mnist).
//
//   0 0 TYPE RANK   TYPE 0x08: unsigned byte; then RANK sizes, 32 bits each, big endian; then the bytes, row-major
#include "data/raw.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static tw_status read_magic(tw_stream *s, uint32_t expected, const char *what)
{
    uint32_t magic;
    tw_status st = tw_stream_u32be(s, &magic);
    if (st == TW_OK && magic != expected)
        st = tw_fail(TW_EFORMAT, "%s: byte 0: found magic number 0x%08" PRIx32 ", expected 0x%08" PRIx32 " (idx %s)",
                     s->path, magic, expected, what);
    return st;
}

tw_status tw_idx_images(const char *path, const uint8_t *data, size_t size, const tw_wanted *wanted, tw_raw *out)
{
    tw_status st = TW_OK;
    tw_stream s = {0};
    uint8_t *x = NULL;
    uint32_t dim[3];

    TW_TRY(tw_stream_open(&s, path, data, size));
    TW_TRY(read_magic(&s, 0x00000803, "images"));
    for (int i = 0; i < 3; i++) {
        TW_TRY(tw_stream_u32be(&s, &dim[i]));
        if (dim[i] == 0) {
            st = tw_fail(TW_EFORMAT, "%s: byte %d: found 0 %s, expected at least 1", path, 4 + 4 * i,
                         i == 0   ? "images"
                         : i == 1 ? "rows"
                                  : "columns");
            goto done;
        }
    }
    uint64_t pixels = (uint64_t)dim[1] * dim[2];
    TW_TRY(tw_stream_holds(&s, dim[0], pixels));
    tw_wanted kept = tw_wanted_in(wanted, 0, dim[0]);
    int64_t after = dim[0] - kept.first - kept.count;
    TW_TRY(tw_alloc(kept.count, pixels, &x));
    TW_TRY(tw_stream_skip(&s, (uint64_t)kept.first * pixels));
    TW_TRY(tw_stream_read(&s, (size_t)kept.count * pixels, x));
    if (!s.gz || after == 0) { // what follows in a gzipped file is for those to check who want it
        TW_TRY(tw_stream_skip(&s, (uint64_t)after * pixels));
        TW_TRY(tw_stream_end(&s));
    }

    out->m = dim[0];
    out->before = kept.first;
    out->after = after;
    out->features = (int64_t)pixels;
    out->channels = 1;
    out->height = dim[1];
    out->width = dim[2];
    out->kind = TW_RAW_U8;
    out->x = x;
    x = NULL;
done:
    free(x);
    tw_stream_close(&s);
    return st;
}

tw_status tw_idx_labels(const char *path, const uint8_t *data, size_t size, int64_t m, int32_t **out)
{
    tw_status st = TW_OK;
    tw_stream s = {0};
    uint8_t *bytes = NULL;
    int32_t *label = NULL;
    uint32_t count;

    TW_TRY(tw_stream_open(&s, path, data, size));
    TW_TRY(read_magic(&s, 0x00000801, "labels"));
    TW_TRY(tw_stream_u32be(&s, &count));
    if (count != m) {
        st = tw_fail(TW_EFORMAT, "%s: byte 4: found %" PRIu32 " labels, expected %" PRId64 ", one an image", path,
                     count, m);
        goto done;
    }
    TW_TRY(tw_stream_holds(&s, count, 1));
    TW_TRY(tw_alloc(m, 1, &bytes));
    TW_TRY(tw_alloc(m, sizeof *label, &label));
    TW_TRY(tw_stream_read(&s, count, bytes));
    TW_TRY(tw_stream_end(&s));
    for (int64_t i = 0; i < m; i++) label[i] = bytes[i];
    *out = label;
    label = NULL;
done:
    free(label);
    free(bytes);
    tw_stream_close(&s);
    return st;
}

// classes = 0: as many as the largest label says.
static tw_status read_pair(const char *images, const char *labels, int32_t classes, const tw_wanted *wanted,
                           tw_raw *out)
{
    tw_status st = TW_OK;
    tw_bytes file = {0};
    tw_raw made = {0};

    TW_TRY(wanted ? tw_bytes_map(images, &file) : tw_bytes_load(images, &file));
    TW_TRY(tw_idx_images(images, file.data, file.size, wanted, &made));
    tw_bytes_free(&file);
    TW_TRY(tw_bytes_load(labels, &file));
    TW_TRY(tw_idx_labels(labels, file.data, file.size, made.m, &made.label));
    for (int64_t i = 0; i < made.m; i++) {
        if (classes > 0 && made.label[i] >= classes) {
            st = tw_fail(TW_EFORMAT, "%s: label %" PRId64 ": found %" PRId32 ", expected 0 to %" PRId32, labels, i,
                         made.label[i], classes - 1);
            goto done;
        }
        if (made.label[i] >= made.classes) made.classes = made.label[i] + 1;
    }
    if (classes > 0) made.classes = classes;
    *out = made;
    made = (tw_raw){0};
done:
    tw_raw_free(&made);
    tw_bytes_free(&file);
    return st;
}

// dir/name.gz, or dir/name when only that is there.
static tw_status find_file(const char *dir, const char *name, char **out)
{
    size_t room = strlen(dir) + strlen(name) + 8;
    char *path = NULL;
    tw_status st = tw_alloc((int64_t)room, 1, &path);
    if (st != TW_OK) return st;
    snprintf(path, room, "%s/%s", dir, name);
    if (access(path, F_OK) != 0) snprintf(path, room, "%s/%s.gz", dir, name);
    *out = path;
    return TW_OK;
}

#define FILES "train-images-idx3-ubyte.gz and its three relatives"

static tw_status read_folder(const char *dir, tw_part part, const tw_wanted *wanted, tw_raw *out)
{
    tw_status st = TW_OK;
    char *images = NULL, *labels = NULL;
    bool test = part == TW_PART_TEST;

    TW_TRY(find_file(dir, test ? "t10k-images-idx3-ubyte" : "train-images-idx3-ubyte", &images));
    TW_TRY(find_file(dir, test ? "t10k-labels-idx1-ubyte" : "train-labels-idx1-ubyte", &labels));
    TW_TRY(read_pair(images, labels, 10, wanted, out));
done:
    free(images);
    free(labels);
    return st;
}

tw_status tw_fashion_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out)
{
    // Xiao, Rasul & Vollgraf, arXiv:1708.07747, table 2
    static const char *const names[10] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                          "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    tw_status st = TW_OK;
    tw_raw made = {0};
    char *dir = NULL;
    TW_TRY(tw_spec_check(spec, 0, 1, ""));
    TW_TRY(tw_data_place("fashion-mnist", spec->values ? spec->value[0] : NULL, TW_FASHION_HOME, FILES, &dir));
    TW_TRY(read_folder(dir, part, wanted, &made));
    TW_TRY(tw_names_copy(10, names, &made.names));
    *out = made;
    made = (tw_raw){0};
done:
    free(dir);
    tw_raw_free(&made);
    return st;
}

tw_status tw_mnist_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out)
{
    tw_status st = TW_OK;
    char *dir = NULL;
    TW_TRY(tw_spec_check(spec, 0, 1, ""));
    TW_TRY(tw_data_place("mnist", spec->values ? spec->value[0] : NULL, NULL, FILES, &dir));
    TW_TRY(read_folder(dir, part, wanted, out));
done:
    free(dir);
    return st;
}

tw_status tw_idx_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out)
{
    tw_status st = TW_OK;
    tw_raw train = {0};
    int64_t classes = 0;
    TW_TRY(tw_spec_check(spec, 2, 2, "test-images test-labels classes"));
    TW_TRY(tw_spec_int(spec, "classes", 1, 256, &classes));
    const char *images = spec->value[0], *labels = spec->value[1];
    if (part == TW_PART_TEST) {
        images = tw_spec_get(spec, "test-images");
        labels = tw_spec_get(spec, "test-labels");
        if (!images || !labels) {
            st = tw_fail(TW_EINVAL, "data %s: has no test part: give test-images=FILE,test-labels=FILE", spec->text);
            goto done;
        }
        if (classes == 0) { // as many as the training part has: its last class may be missing here
            TW_TRY(read_pair(spec->value[0], spec->value[1], 0, &(tw_wanted){0, 0}, &train));
            classes = train.classes;
        }
    }
    TW_TRY(read_pair(images, labels, (int32_t)classes, wanted, out));
done:
    tw_raw_free(&train);
    return st;
}
