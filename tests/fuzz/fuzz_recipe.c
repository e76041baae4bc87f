// SPDX-License-Identifier: MIT
// Recipes. What is accepted must read back from its own text as the same text.
#include "fuzz.h"
#include "thalweg/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tw_recipe *recipe = NULL, *again = NULL;
    char *text = NULL, *twice = NULL;
    tw_status st = tw_recipe_parse("f", (const char *)data, size, &recipe);
    refused(st);
    if (st != TW_OK) return 0;
    if (tw_recipe_text(recipe, &text) != TW_OK || tw_recipe_parse("f", text, strlen(text), &again) != TW_OK) abort();
    if (tw_recipe_text(again, &twice) != TW_OK || strcmp(text, twice) != 0) abort();
    free(twice);
    free(text);
    tw_recipe_free(again);
    tw_recipe_free(recipe);
    return 0;
}
