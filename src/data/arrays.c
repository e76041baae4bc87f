// SPDX-License-Identifier: MIT
// Named arrays in files: numbers of every width, and the choice of the format.
#include "data/arrays.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <stdio.h>
#include <math.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they lie in memory");

static uint64_t word_at(const uint8_t *p, const tw_number *number)
{
    uint64_t word = 0;
    for (int i = 0; i < number->bytes; i++) word |= (uint64_t)p[number->big ? number->bytes - 1 - i : i] << 8 * i;
    return word;
}

// IEEE 754 binary16: sign, 5 bits of exponent (bias 15), 10 bits of fraction. Exact in float.
static float half_to_float(uint16_t h)
{
    int exponent = h >> 10 & 31, fraction = h & 1023;
    float size = exponent == 31  ? (fraction ? NAN : INFINITY)
                 : exponent == 0 ? ldexpf((float)fraction, -24)
                                 : ldexpf((float)(fraction + 1024), exponent - 25);
    return h >> 15 ? -size : size;
}

static float bits_to_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float float_at(const uint8_t *p, const tw_number *number)
{
    uint64_t word = word_at(p, number);
    if (number->letter == 'g') return bits_to_float((uint32_t)word << 16);
    return number->bytes == 2 ? half_to_float((uint16_t)word) : bits_to_float((uint32_t)word);
}

// false: the number has no exact double, or is no boolean.
static bool double_at(const uint8_t *p, const tw_number *number, double *out)
{
    const int64_t exact = INT64_C(1) << 53;
    uint64_t word = word_at(p, number);
    if (number->letter == 'f') {
        memcpy(out, &word, sizeof *out);
        return true;
    }
    if (number->letter == 'b' && word > 1) return false;
    if (number->letter == 'i') {
        int shift = 64 - 8 * number->bytes;
        int64_t value = (int64_t)(word << shift) >> shift; // gcc and clang: arithmetic shift
        *out = (double)value;
        return value >= -exact && value <= exact;
    }
    *out = (double)word;
    return word <= (uint64_t)exact;
}

// The place in Fortran order of the element at `index` in row-major order.
static int64_t fortran_place(const tw_array *array, int64_t index)
{
    int64_t digit[8] = {0}, place = 0;
    for (int i = array->rank - 1; i >= 0; i--) {
        digit[i] = index % array->shape[i];
        index /= array->shape[i];
    }
    for (int i = array->rank - 1; i >= 0; i--) place = place * array->shape[i] + digit[i];
    return place;
}

tw_status tw_array_decode(const char *path, const tw_number *number, bool fortran, const uint8_t *data, int64_t count,
                          const tw_rows *rows, tw_array *out)
{
    bool narrow = (number->letter == 'f' && number->bytes < 8) || number->letter == 'g';
    size_t bytes = (size_t)number->bytes;
    void *x = NULL;
    int64_t first = 0;
    if (rows && out->rank > 0 && out->shape[0] > 0 && strcmp(rows->name, out->name ? out->name : "") == 0) {
        int64_t row = count / out->shape[0];
        tw_wanted kept = tw_wanted_in(rows->wanted, 0, out->shape[0]);
        first = kept.first * row;
        count = kept.count * row;
    }
    tw_status st = tw_alloc(count, narrow ? sizeof(float) : sizeof(double), &x);
    if (st != TW_OK) return st;

    fortran = fortran && out->rank > 1;
    if (number->letter == 'f' && bytes >= 4 && !number->big && !fortran) {
        memcpy(x, data + (size_t)first * bytes, (size_t)count * bytes);
    } else {
        for (int64_t i = 0; i < count; i++) {
            const uint8_t *p = data + (size_t)(fortran ? fortran_place(out, first + i) : first + i) * bytes;
            if (narrow) {
                ((float *)x)[i] = float_at(p, number);
            } else if (!double_at(p, number, &((double *)x)[i])) {
                free(x);
                return tw_fail(TW_EFORMAT, "%s: array \"%s\", number %" PRId64 ": found %s%" PRIu64 ", expected %s",
                               path, out->name ? out->name : "", first + i,
                               number->letter == 'i' ? "the 64-bit word " : "", word_at(p, number),
                               number->letter == 'b' ? "0 or 1" : "an integer of at most 2^53");
            }
        }
    }
    out->real = narrow ? 4 : 8;
    out->integer = number->letter == 'i' || number->letter == 'u' || number->letter == 'b';
    out->x = x;
    return TW_OK;
}

tw_status tw_array_count(const char *path, const tw_array *array, uint64_t most, int64_t *count)
{
    int64_t product = 1;
    bool empty = false;
    for (int i = 0; i < array->rank; i++) empty |= array->shape[i] == 0;
    for (int i = 0; i < array->rank; i++) {
        if (array->shape[i] < 0)
            return tw_fail(TW_EFORMAT, "%s: array \"%s\", size %d: found %" PRId64 ", expected at least 0", path,
                           array->name ? array->name : "", i, array->shape[i]);
        if (!empty && (__builtin_mul_overflow(product, array->shape[i], &product) || (uint64_t)product > most))
            return tw_fail(TW_EFORMAT,
                           "%s: array \"%s\": the shape claims more numbers than the %" PRIu64 " that the file holds",
                           path, array->name ? array->name : "", most);
    }
    *count = empty ? 0 : product;
    return TW_OK;
}

tw_status tw_arrays_add(tw_arrays *arrays, int64_t *room, const char *name, size_t length, tw_array **out)
{
    tw_status st = TW_OK;
    tw_array *grown = NULL;
    char *copy = NULL;

    if (arrays->count == *room) {
        int64_t more = *room ? 2 * *room : 8;
        TW_TRY(tw_alloc(more, sizeof *grown, &grown));
        if (arrays->count) memcpy(grown, arrays->array, (size_t)arrays->count * sizeof *grown);
        free(arrays->array);
        arrays->array = grown;
        *room = more;
    }
    TW_TRY(tw_alloc((int64_t)length + 1, 1, &copy));
    memcpy(copy, name, length);
    *out = &arrays->array[arrays->count++];
    **out = (tw_array){.name = copy};
done:
    return st;
}

static tw_status one_npy(const char *path, const uint8_t *data, size_t size, const tw_rows *rows, tw_arrays **out)
{
    tw_status st = TW_OK;
    tw_arrays *made = NULL;
    tw_array *array;
    int64_t room = 0;

    TW_TRY(tw_alloc(1, sizeof *made, &made));
    TW_TRY(tw_arrays_add(made, &room, "", 0, &array));
    TW_TRY(tw_npy_parse(path, 0, data, size, rows, array));
    *out = made;
    made = NULL;
done:
    tw_arrays_free(made);
    return st;
}

tw_status tw_arrays_parse(const char *path, const uint8_t *data, size_t size, const tw_rows *rows, tw_arrays **out)
{
    if (size == 0)
        return tw_fail(TW_EFORMAT, "%s: byte 0: found an empty file, expected npy, npz or safetensors", path);
    if (size >= 6 && memcmp(data, "\x93NUMPY", 6) == 0) return one_npy(path, data, size, rows, out);
    if (size >= 4 && memcmp(data, "PK", 2) == 0) return tw_npz_parse(path, data, size, rows, out);
    if (size >= 9 && data[8] == '{') return tw_safetensors_parse(path, data, size, rows, out);
    return tw_fail(TW_EFORMAT,
                   "%s: byte 0: found neither \"\\x93NUMPY\" (npy), \"PK\" (npz) nor a length and \"{\" (safetensors)",
                   path);
}

tw_status tw_arrays_load(const char *path, tw_arrays **out) { return tw_arrays_load_rows(path, NULL, out); }

tw_status tw_arrays_load_rows(const char *path, const tw_rows *rows, tw_arrays **out)
{
    tw_bytes file = {0};
    tw_status st = rows ? tw_bytes_map(path, &file) : tw_bytes_load(path, &file);
    if (st == TW_OK) st = tw_arrays_parse(path, file.data, file.size, rows, out);
    tw_bytes_free(&file);
    return st;
}

void tw_arrays_free(tw_arrays *arrays)
{
    if (!arrays) return;
    for (int64_t i = 0; i < arrays->count; i++) {
        free(arrays->array[i].name);
        free(arrays->array[i].x);
    }
    free(arrays->array);
    free(arrays);
}

const tw_array *tw_arrays_find(const tw_arrays *arrays, const char *name)
{
    for (int64_t i = 0; i < arrays->count; i++)
        if (strcmp(arrays->array[i].name, name) == 0) return &arrays->array[i];
    return NULL;
}

size_t tw_array_bytes(const tw_array *array)
{
    size_t bytes = (size_t)array->real;
    for (int i = 0; i < array->rank; i++) bytes *= (size_t)array->shape[i];
    return bytes;
}

static tw_status check_array(const char *path, int64_t count, const tw_array *array, int64_t i)
{
    const tw_array *a = &array[i];
    int64_t numbers = 0;
    if (a->real != 4 && a->real != 8)
        return tw_fail(TW_EINVAL, "%s: array %" PRId64 ": real: found %d, expected 4 or 8", path, i, a->real);
    if (a->rank < 0 || a->rank > 8)
        return tw_fail(TW_EINVAL, "%s: array %" PRId64 ": rank: found %d, expected 0 to 8", path, i, a->rank);
    if (tw_array_count(path, a, PTRDIFF_MAX / 16, &numbers) != TW_OK) return tw_fail(TW_EINVAL, "%s", tw_error());
    for (int64_t j = 0; count > 1 && j < i; j++) // one array needs no name
        if (strcmp(array[j].name, a->name) == 0)
            return tw_fail(TW_EINVAL, "%s: found two arrays called \"%s\"", path, a->name);
    return TW_OK;
}

static bool ends(const char *path, const char *ending)
{
    size_t have = strlen(path), want = strlen(ending);
    return have > want && strcmp(path + have - want, ending) == 0;
}

static void npy_write(tw_outfile *file, const tw_array *array)
{
    char head[TW_NPY_HEAD];
    size_t size;
    tw_npy_head(array, head, &size);
    fwrite(head, 1, size, file->stream); // errors stay on the stream for tw_outfile_commit
    if (tw_array_bytes(array)) fwrite(array->x, 1, tw_array_bytes(array), file->stream);
}

tw_status tw_arrays_save(const char *path, int64_t count, const tw_array *array)
{
    tw_status st = TW_OK;
    tw_outfile file = {0};
    bool npy = ends(path, ".npy"), npz = ends(path, ".npz");

    if (!npy && !npz && !ends(path, ".safetensors")) {
        st = tw_fail(TW_EINVAL, "%s: expected a name that ends in .safetensors, .npz or .npy", path);
        goto done;
    }
    if (npy && count != 1) {
        st = tw_fail(TW_EINVAL, "%s: found %" PRId64 " arrays, expected 1 for .npy", path, count);
        goto done;
    }
    for (int64_t i = 0; i < count; i++) TW_TRY(check_array(path, count, array, i));
    TW_TRY(tw_outfile_open(&file, path));
    if (npy)
        npy_write(&file, array);
    else if (npz)
        TW_TRY(tw_npz_write(&file, count, array));
    else
        TW_TRY(tw_safetensors_write(&file, count, array));
    TW_TRY(tw_outfile_commit(&file));
done:
    tw_outfile_discard(&file);
    return st;
}
