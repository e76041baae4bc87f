// SPDX-License-Identifier: MIT
// One GET with libcurl. Ranges: RFC 9110, section 14 (206 with Content-Range; 200 when the server ignores Range).
#include "data/http.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CONNECT_SECONDS = 30, SILENT_SECONDS = 60, REDIRECTIONS = 5 };

typedef struct transfer {
    const tw_http_get *get;
    CURL *curl;
    int64_t range_from; // of Content-Range; -1: none was sent
    bool begun, stopped;
    tw_status st; // of begin and take
} transfer;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void start(void) { (void)curl_global_init(CURL_GLOBAL_DEFAULT); }

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    transfer *t = ctx;
    size_t length = size * count;
    char text[256] = "";
    memcpy(text, line, length < sizeof text - 1 ? length : sizeof text - 1);
    if (strncmp(text, "HTTP/", 5) == 0) t->range_from = -1; // of an answer after a redirection
    if (strncasecmp(text, "content-range:", 14) == 0) {
        const char *bytes = strstr(text, "bytes ");
        if (bytes) t->range_from = strtoll(bytes + 6, NULL, 10);
    }
    return length;
}

static tw_status begin(transfer *t)
{
    long code = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    int64_t from = code == 206 ? t->range_from : 0;
    if (from != 0 && from != t->get->from)
        return tw_fail(TW_EFORMAT, "%s: found bytes from %" PRId64 " on, expected from %" PRId64 " as asked",
                       t->get->url, from, t->get->from);
    return t->get->begin(t->get->ctx, from);
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    transfer *t = ctx;
    if (!t->begun) t->st = begin(t);
    t->begun = true;
    if (t->st == TW_OK) t->st = t->get->take(t->get->ctx, data, size * count);
    return t->st == TW_OK ? size * count : 0;
}

static int on_time(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    transfer *t = ctx;
    (void)a, (void)b, (void)c, (void)d;
    t->stopped = t->get->tick && !t->get->tick(t->get->ctx);
    return t->stopped;
}

static CURLcode prepare(transfer *t, char *message)
{
    CURL *c = t->curl;
    CURLcode code = curl_easy_setopt(c, CURLOPT_URL, t->get->url);
#if LIBCURL_VERSION_NUM >= 0x075500
    if (!code) code = curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!code) code = curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
    if (!code) code = curl_easy_setopt(c, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
    if (!code) code = curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    if (!code) code = curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    if (!code) code = curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTIONS);
    if (!code) code = curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    if (!code) code = curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    if (!code) code = curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    if (!code) code = curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    if (!code) code = curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)SILENT_SECONDS);
    if (!code) code = curl_easy_setopt(c, CURLOPT_USERAGENT, "thalweg");
    if (!code) code = curl_easy_setopt(c, CURLOPT_ERRORBUFFER, message);
    if (!code) code = curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    if (!code) code = curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
    if (!code) code = curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    if (!code) code = curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    if (!code) code = curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    if (!code) code = curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_time);
    if (!code) code = curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
    if (!code && t->get->from > 0) {
        char range[32];
        snprintf(range, sizeof range, "%" PRId64 "-", t->get->from);
        code = curl_easy_setopt(c, CURLOPT_RANGE, range);
    }
    return code;
}

static tw_status explain(const transfer *t, CURLcode code, const char *message, bool *again)
{
    const char *url = t->get->url, *said = *message ? message : curl_easy_strerror(code);
    long http = 0;
    if (t->st != TW_OK) return t->st;
    if (t->stopped) return tw_fail(TW_ESTOPPED, "%s: stopped", url);
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &http);
    switch (code) {
    case CURLE_HTTP_RETURNED_ERROR:
        *again = http >= 500 || http == 408 || http == 429;
        if (http == 416)
            return tw_fail(TW_EFORMAT, "%s: the server has no byte %" PRId64 " of it (it answered 416)", url,
                           t->get->from);
        return tw_fail(TW_EIO, "%s: the server answered %ld, expected 200 or 206%s", url, http,
                       http == 404 ? ": there is no such file" : "");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return tw_fail(TW_EIO, "%s: %s (Debian keeps the certificates in the package ca-certificates)", url, said);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_TOO_MANY_REDIRECTS:
        return tw_fail(TW_EIO, "%s: %s", url, said);
    case CURLE_OUT_OF_MEMORY:
        return tw_fail(TW_ENOMEM, "%s: libcurl found no memory", url);
    default:
        *again = true;
        return tw_fail(TW_EIO, "%s: %s", url, said);
    }
}

bool tw_http_there(void) { return true; }

tw_status tw_http_fetch(const tw_http_get *get, bool *again)
{
    char message[CURL_ERROR_SIZE] = "";
    *again = false;
    pthread_once(&once, start);
    transfer t = {.get = get, .curl = curl_easy_init(), .range_from = -1};
    if (!t.curl) return tw_fail(TW_ENOMEM, "%s: libcurl found no memory", get->url);
    CURLcode code = prepare(&t, message);
    if (!code) code = curl_easy_perform(t.curl);
    tw_status st = code ? explain(&t, code, message, again) : TW_OK;
    curl_easy_cleanup(t.curl);
    return st;
}
