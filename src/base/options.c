// SPDX-License-Identifier: MIT
// Options of callers that were built on other headers: see options.h.
#include "base/options.h"

#include <string.h>

tw_status tw_options_take(const char *what, const void *given, size_t size, void *own)
{
    enum { LEAST = 2 * sizeof(size_t), MOST = 1 << 16 };
    size_t theirs;
    if (!given) return TW_OK;
    memcpy(&theirs, given, sizeof theirs);
    if (theirs < LEAST || theirs > MOST)
        return tw_fail(TW_EINVAL, "%s.size: found %zu, expected %zu, as tw_..._defaults() sets it", what, theirs, size);
    for (size_t i = size; i < theirs; i++)
        if (((const unsigned char *)given)[i] != 0)
            return tw_fail(
                TW_EINVAL,
                "%s: found %zu bytes that set something at byte %zu, expected %zu: the program was built for a "
                "newer library than this, %s",
                what, theirs, i, size, tw_version());
    memcpy(own, given, theirs < size ? theirs : size);
    memcpy(own, &size, sizeof size);
    return TW_OK;
}
