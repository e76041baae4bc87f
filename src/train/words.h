// SPDX-License-Identifier: MIT
// Reading NAME:key=value,... against a table of names and their keys.
#ifndef TRAIN_WORDS_H
#define TRAIN_WORDS_H

#include "base/status.h"
#include "thalweg/trainer.h"

enum { TW_MOST_WORDS = 16 };

// *name: place in the table. value[i]: of its i-th key, a choice as its place from 0. what begins the messages
// ("optim"). TW_EINVAL: unknown name or key (with the nearest), a key twice, a value out of range.
TW_NODISCARD tw_status tw_words_read(const char *what, const char *text, int64_t names, const tw_words *table,
                                     int64_t *name, double value[TW_MOST_WORDS]);

#endif
