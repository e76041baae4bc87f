// SPDX-License-Identifier: MIT
// Inside of a recipe: what the reader and the writer of YAML share with it.
#ifndef RUN_RECIPE_H
#define RUN_RECIPE_H

#include "base/status.h"
#include "thalweg/run.h"

typedef struct tw_recipe_entry {
    int row, item; // item: -1 where the row is of no list
    char *text;    // canonical
    int line;      // 0: not from a file
} tw_recipe_entry;

struct tw_recipe {
    int64_t count, room;
    tw_recipe_entry *entry;
    int items;
};

enum { TW_RECIPE_ITEMS = 64, TW_RECIPE_TEXT = 4096, TW_RECIPE_KEY = 128 };

int tw_recipe_rows(void);
const tw_recipe_key *tw_recipe_row(int row);

// Is `name` a part of keys ("optim", "probes.also.0")? And a list ("probes.also")?
bool tw_recipe_is_section(const char *name);
bool tw_recipe_is_list(const char *name);

// From a file: status TW_EFORMAT, message "NAME: line L: KEY: ...".
TW_NODISCARD tw_status tw_recipe_put(tw_recipe *recipe, const char *name, int line, const char *key, const char *value);

// Is this, of a file, the name of a key? TW_EFORMAT: no, with the nearest.
TW_NODISCARD tw_status tw_recipe_check_key(const char *name, int line, const char *key);

// The text of a row's entry, its default, or NULL.
const char *tw_recipe_value(const tw_recipe *recipe, int row, int item);

#endif
