// SPDX-License-Identifier: MIT
// Where data sets lie that are named without a place.
#include "data/fetch.h"

#include "base/alloc.h"
#include "data/raw.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char *home; // set before work begins: the program does so before anything else

tw_status tw_data_home_set(const char *folder)
{
    char *copy = NULL;
    tw_status st = folder ? tw_strdup(folder, &copy) : TW_OK;
    if (st == TW_OK) {
        free(home);
        home = copy;
    }
    return st;
}

const char *tw_data_home(void) { return home; }

tw_status tw_fetch_place(const char *name, char **out)
{
    *out = NULL;
    if (!home) return TW_OK;
    size_t room = strlen(home) + strlen(name) + 2;
    tw_status st = tw_alloc((int64_t)room, 1, out);
    if (st == TW_OK) snprintf(*out, room, "%s/%s", home, name);
    return st;
}

tw_status tw_data_place(const char *name, const char *given, const char *system, const char *what, char **out)
{
    tw_status st = TW_OK;
    char *fetched = NULL;
    const char *place = given;
    if (!place && system && access(system, F_OK) == 0) place = system;
    TW_TRY(tw_fetch_place(name, &fetched));
    if (!place && fetched && access(fetched, F_OK) == 0) place = fetched;
    if (!place || access(place, F_OK) != 0) {
        const char *missing = place ? place : fetched ? fetched : name;
        st = tw_fail(
            TW_EIO,
            "%s: not there: `thalweg data fetch %s` brings it, or put %s into a folder and name that: %s:FOLDER%s%s",
            missing, name, what, name, system ? "; Debian has it as the package dataset-" : "", system ? name : "");
        goto done;
    }
    TW_TRY(tw_strdup(place, out));
done:
    free(fetched);
    return st;
}
