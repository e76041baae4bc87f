// SPDX-License-Identifier: MIT
// "Did you mean ...": the known word that a mistyped one is nearest to.
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

// Of count names; NULL when none is within a third of the word's letters, plus one.
const char *tw_nearest_of(const char *word, int count, const char *const *names);

// Of names separated by blanks, however far it is; copied into near[size].
void tw_nearest(const char *word, const char *names, char *near, size_t size);

#endif
