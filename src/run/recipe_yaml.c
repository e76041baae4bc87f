// SPDX-License-Identifier: MIT
// The door to libyaml: recipes in and out. Of YAML 1.1 a recipe uses mappings, lists and plain or quoted scalars;
// aliases are refused, so that what one reads on a line is what is meant there.
#include "run/recipe.h"

#include "base/alloc.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

// --- in ---

typedef struct reader {
    yaml_parser_t parser;
    const char *name;
    tw_recipe *recipe;
} reader;

static tw_status out_of_memory(void) { return tw_fail(TW_ENOMEM, "recipe: no memory"); }

static int line_of(const yaml_event_t *event) { return (int)event->start_mark.line + 1; }

static tw_status next(reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event)) return TW_OK;
    if (r->parser.error == YAML_MEMORY_ERROR) return out_of_memory();
    return tw_fail(TW_EFORMAT, "%s: line %zu: %s, expected YAML", r->name, r->parser.problem_mark.line + 1,
                   r->parser.problem ? r->parser.problem : "not readable");
}

static const char *what(yaml_event_type_t type)
{
    switch (type) {
    case YAML_SCALAR_EVENT:
        return "a value";
    case YAML_SEQUENCE_START_EVENT:
        return "a list";
    case YAML_MAPPING_START_EVENT:
        return "keys and values";
    case YAML_ALIAS_EVENT:
        return "an alias";
    default:
        return "the end";
    }
}

static tw_status unexpected(const reader *r, const yaml_event_t *event, const char *key, const char *expected)
{
    return tw_fail(TW_EFORMAT, "%s: line %d: %s%sfound %s, expected %s", r->name, line_of(event), key, *key ? ": " : "",
                   what(event->type), expected);
}

// The text of a scalar, which YAML allows to hold a NUL.
static tw_status scalar(const reader *r, const yaml_event_t *event, const char **out)
{
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length)
        return tw_fail(TW_EFORMAT, "%s: line %d: found a NUL in a text, expected none", r->name, line_of(event));
    *out = text;
    return TW_OK;
}

static bool is_null(const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*text || !strcmp(text, "~") || !strcmp(text, "null"));
}

static tw_status read_mapping(reader *r, const char *prefix);

static tw_status read_list(reader *r, const char *list)
{
    tw_status st = TW_OK;
    char prefix[TW_RECIPE_KEY];
    yaml_event_t event = {0};
    for (int item = 0;; item++) {
        TW_TRY(next(r, &event));
        if (event.type == YAML_SEQUENCE_END_EVENT) break;
        if (event.type != YAML_MAPPING_START_EVENT) {
            st = unexpected(r, &event, list, "items of keys and values");
            goto done;
        }
        snprintf(prefix, sizeof prefix, "%.100s.%d", list, item);
        int line = line_of(&event), before = r->recipe->items;
        yaml_event_delete(&event);
        TW_TRY(read_mapping(r, prefix));
        if (r->recipe->items == before) {
            st = tw_fail(TW_EFORMAT, "%s: line %d: %s: found no key, expected at least kind", r->name, line, prefix);
            goto done;
        }
    }
done:
    yaml_event_delete(&event);
    return st;
}

static tw_status read_value(reader *r, const char *key)
{
    tw_status st = TW_OK;
    yaml_event_t event = {0};
    const char *text = NULL;
    TW_TRY(next(r, &event));
    bool section = tw_recipe_is_section(key), list = tw_recipe_is_list(key);
    switch (event.type) {
    case YAML_SCALAR_EVENT:
        TW_TRY(scalar(r, &event, &text));
        if (is_null(&event) && (section || list)) break;
        if (section || list)
            st = unexpected(r, &event, key, list ? "a list" : "keys and values");
        else if (!is_null(&event))
            st = tw_recipe_put(r->recipe, r->name, line_of(&event), key, text);
        break;
    case YAML_MAPPING_START_EVENT:
        if (section)
            st = read_mapping(r, key);
        else
            st = unexpected(r, &event, key, list ? "a list" : "a value");
        break;
    case YAML_SEQUENCE_START_EVENT:
        if (list)
            st = read_list(r, key);
        else
            st = unexpected(r, &event, key, section ? "keys and values" : "a value");
        break;
    default:
        st = unexpected(r, &event, key, "a value");
    }
done:
    yaml_event_delete(&event);
    return st;
}

static tw_status read_mapping(reader *r, const char *prefix)
{
    tw_status st = TW_OK;
    char key[TW_RECIPE_KEY];
    const char *name = NULL;
    yaml_event_t event = {0};
    for (;;) {
        TW_TRY(next(r, &event));
        if (event.type == YAML_MAPPING_END_EVENT) break;
        if (event.type != YAML_SCALAR_EVENT) {
            st = unexpected(r, &event, prefix, "a key");
            goto done;
        }
        TW_TRY(scalar(r, &event, &name));
        // A dot inside a key is the same as a section ("optim.lr: 0.1"), as on the command line.
        if ((size_t)snprintf(key, sizeof key, "%s%s%s", prefix, *prefix ? "." : "", name) >= sizeof key || !*name) {
            st = tw_fail(TW_EFORMAT, "%s: line %d: found a key of %zu bytes, expected a key of a recipe", r->name,
                         line_of(&event), strlen(name));
            goto done;
        }
        TW_TRY(tw_recipe_check_key(r->name, line_of(&event), key)); // before its value
        yaml_event_delete(&event);
        TW_TRY(read_value(r, key));
    }
done:
    yaml_event_delete(&event);
    return st;
}

// A stream of one document that is a mapping.
static tw_status read_stream(reader *r)
{
    tw_status st = TW_OK;
    yaml_event_t event = {0};
    TW_TRY(next(r, &event)); // the beginning of the stream
    yaml_event_delete(&event);
    TW_TRY(next(r, &event));
    if (event.type == YAML_DOCUMENT_START_EVENT) {
        yaml_event_delete(&event);
        TW_TRY(next(r, &event));
    }
    if (event.type != YAML_MAPPING_START_EVENT) {
        st = unexpected(r, &event, "", "keys and values, such as \"optim: {lr: 0.1}\"");
        goto done;
    }
    yaml_event_delete(&event);
    TW_TRY(read_mapping(r, ""));
    TW_TRY(next(r, &event)); // the end of the document
    yaml_event_delete(&event);
    TW_TRY(next(r, &event));
    if (event.type != YAML_STREAM_END_EVENT)
        st = tw_fail(TW_EFORMAT, "%s: line %d: found a second document, expected one", r->name, line_of(&event));
done:
    yaml_event_delete(&event);
    return st;
}

tw_status tw_recipe_parse(const char *name, const char *text, size_t size, tw_recipe **out)
{
    tw_status st = TW_OK;
    reader r = {.name = name};
    bool open = false;

    TW_TRY(tw_recipe_new(&r.recipe));
    if (!yaml_parser_initialize(&r.parser)) {
        st = out_of_memory();
        goto done;
    }
    open = true;
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, size);
    TW_TRY(read_stream(&r));
    *out = r.recipe;
    r.recipe = NULL;
done:
    if (open) yaml_parser_delete(&r.parser);
    tw_recipe_free(r.recipe);
    return st;
}

tw_status tw_recipe_load(const char *path, tw_recipe **out)
{
    enum { MOST = 1 << 20 };
    tw_status st = TW_OK;
    char *text = NULL;
    FILE *file = fopen(path, "rb");
    if (!file) return tw_fail(TW_EIO, "%s: cannot be read: %s", path, strerror(errno));
    TW_TRY(tw_alloc(MOST + 1, 1, &text));
    size_t size = fread(text, 1, MOST + 1, file);
    if (ferror(file)) {
        st = tw_fail(TW_EIO, "%s: cannot be read: %s", path, strerror(errno));
        goto done;
    }
    if (size > MOST) {
        st = tw_fail(TW_EFORMAT, "%s: found more than %d bytes, expected a recipe", path, MOST);
        goto done;
    }
    TW_TRY(tw_recipe_parse(path, text, size, out));
done:
    fclose(file);
    free(text);
    return st;
}

// --- out ---

typedef struct writer {
    yaml_emitter_t emitter;
    FILE *stream;
    bool bad;
} writer;

static void emit(writer *w, yaml_event_t *event, int made)
{
    if (!made)
        w->bad = true;
    else if (!yaml_emitter_emit(&w->emitter, event))
        w->bad = true;
}

static void put_scalar(writer *w, const char *text, bool quoted)
{
    yaml_event_t event;
    emit(w, &event,
         yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text, (int)strlen(text), 1, 1,
                                      quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE));
}

static void put_start(writer *w, bool list)
{
    yaml_event_t event;
    int made = list ? yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE)
                    : yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE);
    emit(w, &event, made);
}

static void put_end(writer *w, bool list)
{
    yaml_event_t event;
    emit(w, &event, list ? yaml_sequence_end_event_initialize(&event) : yaml_mapping_end_event_initialize(&event));
}

static void put_pair(writer *w, const char *leaf, int row, const char *value)
{
    bool text = strcmp(tw_recipe_row(row)->kind, "text") == 0;
    put_scalar(w, leaf, false);
    put_scalar(w, value, text && (!strcmp(value, "null") || !strcmp(value, "~")));
}

// Rows row ... up to the first that is of another list; returns that one.
static int put_list(writer *w, const tw_recipe *recipe, int row)
{
    const char *star = strchr(tw_recipe_row(row)->key, '*'), *key = tw_recipe_row(row)->key;
    size_t prefix = (size_t)(star - key);
    int end = row;
    while (end < tw_recipe_rows() && strncmp(tw_recipe_row(end)->key, key, prefix + 1) == 0) end++;
    if (recipe->items == 0) return end;
    char name[TW_RECIPE_KEY];
    snprintf(name, sizeof name, "%.*s", (int)prefix - 1, key);
    put_scalar(w, strrchr(name, '.') + 1, false);
    put_start(w, true);
    for (int item = 0; item < recipe->items; item++) {
        put_start(w, false);
        for (int i = row; i < end; i++) {
            const char *value = tw_recipe_value(recipe, i, item);
            if (value) put_pair(w, tw_recipe_row(i)->key + prefix + 2, i, value);
        }
        put_end(w, false);
    }
    put_end(w, true);
    return end;
}

// The default number of epochs is none where steps alone were given: written down it would end the run before them.
static bool is_void(const tw_recipe *recipe, const char *key)
{
    return strcmp(key, "stop.epochs") == 0 && tw_recipe_has(recipe, "stop.steps") && !tw_recipe_given(recipe, key);
}

static void put_recipe(writer *w, const tw_recipe *recipe)
{
    char open[TW_RECIPE_KEY] = "";
    yaml_event_t event;
    emit(w, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
    emit(w, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
    put_start(w, false);
    for (int row = 0; row < tw_recipe_rows();) {
        const char *key = tw_recipe_row(row)->key, *dot = strchr(key, '.'), *value;
        bool list = strchr(key, '*') != NULL;
        if (list ? recipe->items == 0 : !tw_recipe_value(recipe, row, -1) || is_void(recipe, key)) {
            row++;
            continue;
        }
        char section[TW_RECIPE_KEY];
        snprintf(section, sizeof section, "%.*s", dot ? (int)(dot - key) : 0, key);
        if (strcmp(section, open) != 0) {
            if (*open) put_end(w, false);
            if (*section) {
                put_scalar(w, section, false);
                put_start(w, false);
            }
            strcpy(open, section);
        }
        if (list) {
            row = put_list(w, recipe, row);
            continue;
        }
        value = tw_recipe_value(recipe, row, -1);
        put_pair(w, dot ? dot + 1 : key, row, value);
        row++;
    }
    if (*open) put_end(w, false);
    put_end(w, false);
    emit(w, &event, yaml_document_end_event_initialize(&event, 1));
    emit(w, &event, yaml_stream_end_event_initialize(&event));
}

tw_status tw_recipe_text(const tw_recipe *recipe, char **out)
{
    tw_status st = TW_OK;
    writer w = {0};
    char *text = NULL;
    size_t size = 0;
    bool open = false;

    w.stream = open_memstream(&text, &size);
    if (!w.stream || !yaml_emitter_initialize(&w.emitter)) {
        st = out_of_memory();
        goto done;
    }
    open = true;
    yaml_emitter_set_output_file(&w.emitter, w.stream);
    yaml_emitter_set_unicode(&w.emitter, 1);
    yaml_emitter_set_width(&w.emitter, -1);
    put_recipe(&w, recipe);
    if (w.bad)
        st = tw_fail(TW_EINVAL, "recipe: cannot be written: %s", w.emitter.problem ? w.emitter.problem : "memory");
done:
    if (open) yaml_emitter_delete(&w.emitter);
    if (w.stream && fclose(w.stream) != 0 && st == TW_OK) st = out_of_memory();
    if (st == TW_OK)
        *out = text;
    else
        free(text);
    return st;
}
