// SPDX-License-Identifier: MIT
// Edit distance: letters put in, left out, changed or swapped with their neighbour cost one each (optimal string
// alignment), case costs nothing, and a name cut short costs one: "fashion" is near "fashion-mnist".
#include "base/nearest.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 64 }; // what is longer is simply far away

static int least(int a, int b) { return a < b ? a : b; }

static int distance(const char *a, size_t la, const char *b, size_t lb)
{
    int d[LONGEST][LONGEST];
    if (la >= LONGEST || lb >= LONGEST) return INT_MAX;
    char x[LONGEST], y[LONGEST];
    for (size_t i = 0; i < la; i++) x[i] = (char)tolower((unsigned char)a[i]);
    for (size_t j = 0; j < lb; j++) y[j] = (char)tolower((unsigned char)b[j]);
    for (size_t i = 0; i <= la; i++) d[i][0] = (int)i;
    for (size_t j = 0; j <= lb; j++) d[0][j] = (int)j;
    for (size_t i = 1; i <= la; i++)
        for (size_t j = 1; j <= lb; j++) {
            d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (x[i - 1] != y[j - 1]));
            if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    int best = d[la][lb];
    for (size_t j = 1; j < lb; j++) best = least(best, d[la][j] + 1);
    return best;
}

const char *tw_nearest_of(const char *word, int count, const char *const *names)
{
    const char *best = NULL;
    size_t length = strnlen(word, LONGEST);
    int reach = (int)length / 3 + 2; // one more than accepted
    for (int i = 0; i < count; i++) {
        int here = distance(word, length, names[i], strnlen(names[i], LONGEST));
        if (here < reach) {
            reach = here;
            best = names[i];
        }
    }
    return best;
}

void tw_nearest(const char *word, const char *names, char *near, size_t size)
{
    int best = INT_MAX;
    near[0] = '\0';
    for (const char *at = names + strspn(names, " "); *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        int here = distance(word, strnlen(word, LONGEST), at, length);
        if (here < best) {
            best = here;
            snprintf(near, size, "%.*s", (int)length, at);
        }
        at += length;
    }
}
