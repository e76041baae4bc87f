// SPDX-License-Identifier: MIT
// A build without libcurl: the address is said, for another program to fetch.
#include "data/http.h"

bool tw_http_there(void) { return false; }

tw_status tw_http_fetch(const tw_http_get *get, bool *again)
{
    *again = false;
    return tw_fail(TW_EIO, "%s: this Thalweg was built without libcurl, so it cannot download", get->url);
}
