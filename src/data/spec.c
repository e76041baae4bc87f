// SPDX-License-Identifier: MIT
// Cutting and checking the words that name a data set.
#include "data/spec.h"

#include "base/alloc.h"
#include "base/nearest.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <math.h>
#include <string.h>

static bool among(const char *word, const char *words, int *place)
{
    size_t wanted = strlen(word);
    *place = 0;
    for (const char *at = words + strspn(words, " "); *at; at += strspn(at, " "), ++*place) {
        size_t length = strcspn(at, " ");
        if (length == wanted && memcmp(word, at, length) == 0) return true;
        at += length;
    }
    return false;
}

// The end of one value: a comma outside brackets, or the end.
static char *value_end(char *at)
{
    int depth = 0;
    for (; *at && (*at != ',' || depth > 0); at++) depth += (*at == '[') - (*at == ']' && depth > 0);
    return at;
}

tw_status tw_spec_parse(const char *text, tw_spec *out)
{
    tw_status st = TW_OK;
    tw_spec made = {0};

    if (!text || !*text) {
        st = tw_fail(TW_EINVAL, "data: found nothing, expected a data set such as fashion-mnist or csv:FILE");
        goto done;
    }
    TW_TRY(tw_strdup(text, &made.text));
    TW_TRY(tw_strdup(text, &made.words));
    made.kind = made.words;
    char *at = strchr(made.words, ':');
    if (at) *at++ = '\0';
    while (at && *at) {
        char *end = value_end(at), *equals = memchr(at, '=', (size_t)(end - at));
        bool more = *end == ',';
        *end = '\0';
        if (made.pairs == TW_SPEC_MOST || made.values == TW_SPEC_MOST) {
            st = tw_fail(TW_EINVAL, "data %s: found more than %d values", text, TW_SPEC_MOST);
            goto done;
        }
        if (end == at) {
            st = tw_fail(TW_EINVAL, "data %s: found an empty value before character %td", text, end - made.words + 1);
            goto done;
        }
        if (equals) {
            *equals = '\0';
            if (tw_spec_get(&made, at)) {
                st = tw_fail(TW_EINVAL, "data %s: found %s= twice", text, at);
                goto done;
            }
            made.key[made.pairs] = at;
            made.set[made.pairs++] = equals + 1;
        } else if (made.pairs > 0) {
            st = tw_fail(TW_EINVAL, "data %s: found \"%s\", expected key=value after %s=", text, at,
                         made.key[made.pairs - 1]);
            goto done;
        } else {
            made.value[made.values++] = at;
        }
        at = more ? end + 1 : NULL;
        if (more && !*at) {
            st = tw_fail(TW_EINVAL, "data %s: found nothing after the last comma", text);
            goto done;
        }
    }
    *out = made;
    made = (tw_spec){0};
done:
    tw_spec_free(&made);
    return st;
}

void tw_spec_free(tw_spec *spec)
{
    free(spec->text);
    free(spec->words);
    *spec = (tw_spec){0};
}

tw_status tw_spec_check(const tw_spec *spec, int least, int most, const char *keys)
{
    if (spec->values < least || spec->values > most)
        return tw_fail(TW_EINVAL, "data %s: found %d values before the options, expected %d%s%.0d", spec->text,
                       spec->values, least, most > least ? " to " : "", most > least ? most : 0);
    for (int i = 0; i < spec->pairs; i++) {
        int place;
        char near[64];
        if (among(spec->key[i], keys, &place)) continue;
        tw_nearest(spec->key[i], keys, near, sizeof near);
        if (!near[0]) return tw_fail(TW_EINVAL, "data %s: found %s=, expected no option", spec->text, spec->key[i]);
        return tw_fail(TW_EINVAL, "data %s: found %s=, expected one of: %s; did you mean %s=?", spec->text,
                       spec->key[i], keys, near);
    }
    return TW_OK;
}

const char *tw_spec_get(const tw_spec *spec, const char *key)
{
    for (int i = 0; i < spec->pairs; i++)
        if (strcmp(spec->key[i], key) == 0) return spec->set[i];
    return NULL;
}

tw_status tw_spec_int(const tw_spec *spec, const char *key, int64_t least, int64_t most, int64_t *out)
{
    const char *text = tw_spec_get(spec, key);
    char *end;
    if (!text) return TW_OK;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (!*text || *end || errno || number < least || number > most)
        return tw_fail(TW_EINVAL, "data %s: %s: found \"%s\", expected a whole number from %" PRId64 " to %" PRId64,
                       spec->text, key, text, least, most);
    *out = number;
    return TW_OK;
}

tw_status tw_spec_real(const tw_spec *spec, const char *key, double least, double most, double *out)
{
    const char *text = tw_spec_get(spec, key);
    char *end;
    if (!text) return TW_OK;
    double number = strtod(text, &end);
    if (!*text || *end || !(number >= least && number <= most))
        return tw_fail(TW_EINVAL, "data %s: %s: found \"%s\", expected a number from %g to %g", spec->text, key, text,
                       least, most);
    *out = number;
    return TW_OK;
}

tw_status tw_spec_choice(const tw_spec *spec, const char *key, const char *choices, int *out)
{
    const char *text = tw_spec_get(spec, key);
    char near[64];
    int place;
    if (!text) return TW_OK;
    if (!among(text, choices, &place)) {
        tw_nearest(text, choices, near, sizeof near);
        return tw_fail(TW_EINVAL, "data %s: %s: found \"%s\", expected one of: %s; did you mean %s?", spec->text, key,
                       text, choices, near);
    }
    *out = place;
    return TW_OK;
}
