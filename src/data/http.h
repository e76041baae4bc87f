// SPDX-License-Identifier: MIT
// The door to libcurl: one GET, from a byte on. http_curl.c, or http_none.c where there was no libcurl at build time.
#ifndef DATA_HTTP_H
#define DATA_HTTP_H

#include "base/status.h"

typedef struct tw_http_get {
    const char *url; // http or https; up to five redirections to the same two are followed
    int64_t from;    // the first byte wanted
    // Before the first byte: where the server begins, `from`, or 0 when it does not answer to ranges.
    tw_status (*begin)(void *ctx, int64_t from);
    tw_status (*take)(void *ctx, const void *data, size_t size);
    bool (*tick)(void *ctx); // now and then, also when nothing comes; false stops with TW_ESTOPPED
    void *ctx;
} tw_http_get;

bool tw_http_there(void);

// TW_EIO: address, what was answered; *again: the connection broke, so another try may help (false for "404 not
// found"). TW_EFORMAT: another range than asked for, or none (416); whatever begin and take return. Proxies are
// libcurl's matter (http_proxy ...).
TW_NODISCARD tw_status tw_http_fetch(const tw_http_get *get, bool *again);

#endif
