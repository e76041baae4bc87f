// SPDX-License-Identifier: MIT
// Which samples are wanted, where only a part is: what several ranks ask of a reader.
//
// A reader may give more than what is wanted, but labels and targets of all. NULL: all.
#ifndef DATA_WANTED_H
#define DATA_WANTED_H

#include <stdint.h>

typedef struct tw_wanted {
    int64_t first, count;
} tw_wanted;

// What of it lies in the m samples from `from` on, counted from there.
static inline tw_wanted tw_wanted_in(const tw_wanted *wanted, int64_t from, int64_t m)
{
    if (!wanted) return (tw_wanted){0, m};
    int64_t first = wanted->first - from, last = wanted->first + wanted->count - from;
    first = first < 0 ? 0 : first > m ? m : first;
    last = last < first ? first : last > m ? m : last;
    return (tw_wanted){first, last - first};
}

#endif
