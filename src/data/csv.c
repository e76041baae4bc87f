// SPDX-License-Identifier: MIT
// Rows of numbers with a class or a target, as text: comma, semicolon, tab or blanks between fields; plain or gzipped.
//
// A field may stand in double quotes ("" inside is one quote); a quoted field ends on its line. Empty lines are passed
// over. Nothing is guessed about missing values: whatever is no finite number is named with its line and column.
#include "data/raw.h"

#include "base/alloc.h"
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FIELD = 128 }; // longest number or class name, in bytes, with its end

typedef struct reader {
    const char *path;
    const char *text, *end;
    const char *at; // next line
    int64_t line;   // of the row last begun, from 1
    int separator;
} reader;

// One row, cut. Quotes are still on.
typedef struct row {
    const char *at, *end; // what is left of the line
    int64_t column;       // of the field last read, from 1
    bool more;
} row;

static bool blank(char c) { return c == ' ' || c == '\t'; }

// The next line that is not empty; false at the end of the text.
static bool next_row(reader *r, row *out)
{
    while (r->at < r->end) {
        const char *start = r->at, *stop = memchr(start, '\n', (size_t)(r->end - start));
        r->at = stop ? stop + 1 : r->end;
        r->line++;
        stop = stop ? stop : r->end;
        if (stop > start && stop[-1] == '\r') stop--;
        while (start < stop && blank(*start) && r->separator != '\t') start++;
        while (stop > start && blank(stop[-1]) && r->separator != '\t') stop--;
        if (start == stop) continue;
        *out = (row){.at = start, .end = stop, .more = true};
        return true;
    }
    return false;
}

static tw_status bad(const reader *r, int64_t column, const char *found, const char *expected)
{
    return tw_fail(TW_EFORMAT, "%s: line %" PRId64 ", column %" PRId64 ": found \"%.40s\", expected %s", r->path,
                   r->line, column, found, expected);
}

// The next field of the row, unquoted and trimmed, in field[FIELD]. Call while row->more.
static tw_status next_field(const reader *r, row *w, char *field)
{
    size_t length = 0;
    const char *at = w->at;
    w->column++;
    while (at < w->end && blank(*at) && *at != r->separator) at++;
    bool quoted = at < w->end && *at == '"';
    for (at += quoted; at < w->end; at++) {
        if (quoted && *at == '"') {
            if (at + 1 == w->end || at[1] != '"') break;
            at++;
        } else if (!quoted && (*at == r->separator || (r->separator == ' ' && blank(*at)))) {
            break;
        }
        if (length == FIELD - 1 || *at == '\0') {
            field[length] = '\0';
            return bad(r, w->column, field, *at ? "a field of at most 127 bytes" : "text without zero bytes");
        }
        field[length++] = *at;
    }
    while (!quoted && length > 0 && blank(field[length - 1])) length--;
    field[length] = '\0';
    if (quoted) {
        if (at == w->end) return bad(r, w->column, field, "a closing quote on the same line");
        at++;
    }
    while (at < w->end && blank(*at) && (r->separator == ' ' || *at != r->separator)) at++;
    w->more = r->separator == ' ' ? at < w->end : at < w->end && *at == r->separator;
    if (!w->more && at < w->end) return bad(r, w->column, (char[2]){*at}, "a separator after the quoted field");
    w->at = r->separator == ' ' || !w->more ? at : at + 1;
    return TW_OK;
}

// Decimal notation only: no hexadecimal. The caller has set the C locale.
static bool number(const char *field, double *out)
{
    char *end;
    if (!*field || field[strspn(field, "+-.0123456789eEnNaAiIfFtTyY")]) return false;
    *out = strtod(field, &end);
    return *end == '\0';
}

static int find_separator(const char *text, const char *end)
{
    const char *stop = memchr(text, '\n', (size_t)(end - text));
    size_t length = (size_t)((stop ? stop : end) - text);
    return memchr(text, ';', length) ? ';' : memchr(text, ',', length) ? ',' : ' ';
}

// What the first line says: how many columns, which is the label, whether it is a header.
typedef struct layout {
    int64_t columns, label; // label from 1
    bool header;
} layout;

static bool whole_number(const char *text, int64_t *out)
{
    char *end;
    *out = strtoll(text, &end, 10);
    return end != text && *end == '\0';
}

static tw_status find_label(const reader *r, const tw_csv_opts *opts, int64_t named, layout *out)
{
    int64_t place = 0;
    if (whole_number(opts->label, &place) && place >= 1 && place <= out->columns)
        out->label = place;
    else if (named > 0)
        out->label = named;
    else if (strcmp(opts->label, "last") == 0)
        out->label = out->columns;
    else
        return tw_fail(TW_EINVAL, "%s: line %" PRId64 ": found no column \"%s\", expected %s1 to %" PRId64 " or last",
                       r->path, r->line, opts->label, opts->header == 0 ? "" : "a name in the header, ", out->columns);
    if (out->columns < 2)
        return tw_fail(TW_EFORMAT,
                       "%s: line %" PRId64 ": found %" PRId64 " column, expected at least one feature and "
                       "the %s; is the separator right?",
                       r->path, r->line, out->columns, opts->regression ? "target" : "label");
    return TW_OK;
}

static tw_status read_layout(reader r, const tw_csv_opts *opts, layout *out)
{
    tw_status st = TW_OK;
    row w, first;
    char field[FIELD];
    double value;
    int64_t named = 0, numbers = 0;

    *out = (layout){0};
    if (!next_row(&r, &first)) return tw_fail(TW_EFORMAT, "%s: found no rows, expected at least one sample", r.path);
    for (w = first; w.more; out->columns++) {
        TW_TRY(next_field(&r, &w, field));
        if (named == 0 && opts->header != 0 && strcmp(field, opts->label) == 0) named = w.column;
    }
    TW_TRY(find_label(&r, opts, named, out));
    for (w = first; w.more;) {
        TW_TRY(next_field(&r, &w, field));
        if (w.column != out->label) numbers += number(field, &value);
    }
    out->header = opts->header >= 0 ? opts->header : numbers == 0 || out->label == named;
done:
    return st;
}

// The text of a class, with its number once all are known.
typedef struct word {
    double value;
    bool numeric; // all words of the file are numbers
    char text[FIELD];
} word;

static int by_name(const void *a_, const void *b_)
{
    const word *a = a_, *b = b_;
    if (a->numeric && a->value != b->value) return a->value < b->value ? -1 : 1;
    return strcmp(a->text, b->text);
}

// Distinct class names are kept in a list as they come and sorted at the end: there are few.
typedef struct words {
    int64_t count, room;
    word *word;
} words;

enum { CLASSES_MOST = 4096 }; // more distinct words are no classes but numbers: a target

static tw_status find_word(const reader *r, int64_t column, const char *text, words *all, int32_t *out)
{
    tw_status st = TW_OK;
    word *grown = NULL;
    for (int64_t i = 0; i < all->count; i++)
        if (strcmp(all->word[i].text, text) == 0) {
            *out = (int32_t)i;
            return TW_OK;
        }
    if (all->count == CLASSES_MOST) return bad(r, column, text, "at most 4096 classes (target= for regression)");
    if (all->count == all->room) {
        int64_t room = all->room ? 2 * all->room : 16;
        TW_TRY(tw_alloc(room, sizeof *grown, &grown));
        if (all->count) memcpy(grown, all->word, (size_t)all->count * sizeof *grown);
        free(all->word);
        all->word = grown;
        all->room = room;
    }
    word *w = &all->word[all->count];
    memcpy(w->text, text, strlen(text) + 1);
    w->numeric = number(text, &w->value) && isfinite(w->value);
    *out = (int32_t)all->count++;
done:
    return st;
}

// Renumbers labels from the order of appearance to the sorted order and hands the names over.
static tw_status sort_classes(words *all, int64_t m, int32_t *label, tw_names *names)
{
    tw_status st = TW_OK;
    word *sorted = NULL;
    const char **text = NULL;
    int32_t *rank = NULL;
    bool numeric = true;

    for (int64_t i = 0; i < all->count; i++) numeric &= all->word[i].numeric;
    for (int64_t i = 0; i < all->count; i++) all->word[i].numeric = numeric;
    TW_TRY(tw_alloc(all->count, sizeof *sorted, &sorted));
    TW_TRY(tw_alloc(all->count, sizeof *rank, &rank));
    TW_TRY(tw_alloc(all->count, sizeof *text, &text));
    memcpy(sorted, all->word, (size_t)all->count * sizeof *sorted);
    qsort(sorted, (size_t)all->count, sizeof *sorted, by_name);
    for (int64_t i = 0; i < all->count; i++) {
        text[i] = sorted[i].text;
        rank[i] =
            (int32_t)((word *)bsearch(&all->word[i], sorted, (size_t)all->count, sizeof *sorted, by_name) - sorted);
    }
    for (int64_t i = 0; i < m; i++) label[i] = rank[label[i]];
    TW_TRY(tw_names_copy(all->count, text, names));
done:
    free(sorted);
    free(text);
    free(rank);
    return st;
}

static tw_status known_label(const reader *r, int64_t column, const char *text, const tw_names *known, int32_t *out)
{
    for (int64_t i = 0; i < known->count; i++)
        if (strcmp(known->name[i], text) == 0) {
            *out = (int32_t)i;
            return TW_OK;
        }
    return bad(r, column, text, "a class of the training part");
}

static tw_status read_rows(reader r, const tw_csv_opts *opts, const layout *lay, const tw_names *known, words *all,
                           tw_raw *raw)
{
    tw_status st = TW_OK;
    row w;
    char field[FIELD];

    if (lay->header) (void)next_row(&r, &w);
    for (int64_t i = 0; i < raw->m && next_row(&r, &w); i++) {
        double *x = (double *)raw->x + i * raw->features;
        while (w.more) {
            TW_TRY(next_field(&r, &w, field));
            if (w.column > lay->columns) break;
            double value = 0;
            bool label = w.column == lay->label;
            if (label && !opts->regression) {
                if (!*field) return bad(&r, w.column, field, "a class");
                TW_TRY(known ? known_label(&r, w.column, field, known, &raw->label[i])
                             : find_word(&r, w.column, field, all, &raw->label[i]));
                continue;
            }
            if (!number(field, &value) || !isfinite(value)) return bad(&r, w.column, field, "a finite number");
            if (label)
                raw->target[i] = value;
            else
                x[w.column - 1 - (w.column > lay->label)] = value;
        }
        if (w.column != lay->columns)
            return tw_fail(TW_EFORMAT,
                           "%s: line %" PRId64 ": found %s%" PRId64 " columns, expected %" PRId64
                           " as in the first line",
                           r.path, r.line, w.more ? "at least " : "", w.column, lay->columns);
    }
done:
    return st;
}

tw_status tw_csv_parse(const char *path, const uint8_t *data, size_t size, const tw_csv_opts *opts,
                       const tw_names *known, tw_raw *out)
{
    tw_status st = TW_OK;
    const char *text = (const char *)data;
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) text += 3, size -= 3; // the mark of UTF-8
    reader r = {.path = path, .text = text, .end = text + size, .at = text, .separator = opts->separator};
    tw_raw made = {.kind = TW_RAW_F64, .height = 1, .width = 1};
    words all = {0};
    layout lay;
    row w;
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0); // the caller's locale may write 1,5
    locale_t old = plain ? uselocale(plain) : (locale_t)0;

    if (!plain) {
        st = tw_fail(TW_ENOMEM, "out of memory: no locale for numbers");
        goto done;
    }
    if (!r.separator) r.separator = find_separator(text, r.end);
    TW_TRY(read_layout(r, opts, &lay));
    for (reader count = r; next_row(&count, &w);) made.m++;
    made.m -= lay.header;
    if (made.m < 1) {
        st = tw_fail(TW_EFORMAT, "%s: found a header and no rows, expected at least one sample", path);
        goto done;
    }
    made.features = made.channels = lay.columns - 1;
    TW_TRY(tw_alloc(made.m, (size_t)made.features * sizeof(double), &made.x));
    if (opts->regression) {
        made.targets = 1;
        TW_TRY(tw_alloc(made.m, sizeof *made.target, &made.target));
    } else {
        TW_TRY(tw_alloc(made.m, sizeof *made.label, &made.label));
    }
    TW_TRY(read_rows(r, opts, &lay, known, &all, &made));
    if (known)
        TW_TRY(tw_names_copy(known->count, (const char *const *)known->name, &made.names));
    else if (made.label)
        TW_TRY(sort_classes(&all, made.m, made.label, &made.names));
    made.classes = made.names.count;
    *out = made;
    made = (tw_raw){0};
done:
    if (plain) {
        uselocale(old);
        freelocale(plain);
    }
    tw_raw_free(&made);
    free(all.word);
    return st;
}

static tw_status read_file(const char *path, const tw_csv_opts *opts, const tw_names *known, tw_raw *out)
{
    tw_bytes file = {0}, text = {0};
    tw_status st = TW_OK;
    TW_TRY(tw_bytes_load(path, &file));
    TW_TRY(tw_stream_all(path, file.data, file.size, &text));
    TW_TRY(tw_csv_parse(path, text.data, text.size, opts, known, out));
done:
    tw_bytes_free(&file);
    tw_bytes_free(&text);
    return st;
}

tw_status tw_csv_read(const tw_spec *spec, tw_part part, const tw_wanted *wanted, tw_raw *out)
{
    (void)wanted; // everything is read through; what is not wanted is dropped later
    static const int separators[] = {',', ';', '\t', ' '};
    tw_status st = TW_OK;
    int separator = -1, header = -1;
    tw_raw train = {0};
    const char *label = tw_spec_get(spec, "label"), *target = tw_spec_get(spec, "target"), *test;

    TW_TRY(tw_spec_check(spec, 1, 1, "label target sep header test"));
    TW_TRY(tw_spec_choice(spec, "sep", "comma semicolon tab blank", &separator));
    TW_TRY(tw_spec_choice(spec, "header", "no yes", &header));
    test = tw_spec_get(spec, "test");
    if ((label && target) || (part == TW_PART_TEST && !test)) {
        st = label && target ? tw_fail(TW_EINVAL, "data %s: found both label= and target=", spec->text)
                             : tw_fail(TW_EINVAL, "data %s: has no test part: give test=FILE", spec->text);
        goto done;
    }
    tw_csv_opts opts = {.separator = separator < 0 ? 0 : separators[separator],
                        .header = header,
                        .label = target  ? target
                                 : label ? label
                                         : "last",
                        .regression = target != NULL};
    TW_TRY(read_file(spec->value[0], &opts, NULL, &train));
    if (part == TW_PART_TRAIN) {
        *out = train;
        train = (tw_raw){0};
    } else { // after the training part, for its classes
        TW_TRY(read_file(test, &opts, target ? NULL : &train.names, out));
    }
done:
    tw_raw_free(&train);
    return st;
}
