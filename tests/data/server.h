// SPDX-License-Identifier: MIT
// A small HTTP/1.1 server on the loopback, in a process of its own, that behaves as badly as asked: /WAY/NAME.
//
//   whole     ranges answered with 206 (RFC 9110, section 14)     noranges  Range is not looked at: 200, all of it
//   cut       half of what it promised, then the line is dead     stuck     the first half once, then not a byte
//   moved     302 to /whole/NAME                                  slow      4 KiB at a time, 5 ms apart
//   other     as many bytes, all 0xAA                             long      one byte more than there are
//   busy      503 twice, then as whole                            anything else: 404
#ifndef TESTS_DATA_SERVER_H
#define TESTS_DATA_SERVER_H

#include "test.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct server_log { // shared with the test
    int64_t requests, last_from, sent;
} server_log;

typedef struct server {
    pid_t process;
    int port;
    server_log *log;
} server;

typedef struct served {
    const char *name;
    const uint8_t *data;
    int64_t size;
} served;

static bool server_send(int line, const void *data, size_t size)
{
    const char *from = data;
    while (size > 0) {
        ssize_t done = send(line, from, size, MSG_NOSIGNAL);
        if (done <= 0) return false;
        from += done;
        size -= (size_t)done;
    }
    return true;
}

static void server_body(server_log *log, int line, const uint8_t *data, int64_t size, bool slow)
{
    for (int64_t at = 0; at < size;) {
        int64_t some = size - at < 4096 ? size - at : 4096;
        if (!server_send(line, data + at, (size_t)some)) return;
        log->sent += some;
        at += some;
        if (slow) nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
}

static void server_answer(server_log *log, int line, const char *way, const served *file, int64_t from)
{
    char head[256];
    int64_t size = file->size;
    bool ranged = from > 0 && strcmp(way, "noranges") != 0;
    if (!ranged) from = 0;
    if (strcmp(way, "busy") == 0 && log->requests <= 2) {
        snprintf(head, sizeof head, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        server_send(line, head, strlen(head));
        return;
    }
    if (from > size) {
        snprintf(head, sizeof head, "HTTP/1.1 416 Range\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        server_send(line, head, strlen(head));
        return;
    }
    if (strcmp(way, "stuck") == 0 && from > 0) return;
    int64_t promised = size - from + (strcmp(way, "long") == 0);
    int64_t given = strcmp(way, "cut") == 0 || strcmp(way, "stuck") == 0 ? (promised + 1) / 2 : promised;
    if (ranged)
        snprintf(head, sizeof head,
                 "HTTP/1.1 206 Partial\r\nContent-Range: bytes %" PRId64 "-%" PRId64 "/%" PRId64
                 "\r\nContent-Length: %" PRId64 "\r\nConnection: close\r\n\r\n",
                 from, size - 1, size, promised);
    else
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %" PRId64 "\r\nConnection: close\r\n\r\n",
                 promised);
    if (!server_send(line, head, strlen(head))) return;
    if (strcmp(way, "other") == 0) {
        uint8_t *wrong = malloc((size_t)promised);
        memset(wrong, 0xAA, (size_t)promised);
        server_body(log, line, wrong, promised, false);
        free(wrong);
        return;
    }
    int64_t there = given < size - from ? given : size - from;
    server_body(log, line, file->data + from, there, strcmp(way, "slow") == 0);
    if (given > there) server_body(log, line, (const uint8_t *)"x", 1, false);
}

static void server_one(server_log *log, int line, const served *files, int count)
{
    char request[4096] = "", way[64] = "", name[64] = "", head[256];
    size_t used = 0;
    while (!strstr(request, "\r\n\r\n") && used < sizeof request - 1) {
        ssize_t got = recv(line, request + used, sizeof request - 1 - used, 0);
        if (got <= 0) return;
        used += (size_t)got;
    }
    const char *range = strstr(request, "Range: bytes=");
    log->requests++;
    log->last_from = range ? strtoll(range + 13, NULL, 10) : 0;
    if (sscanf(request, "GET /%63[^/]/%63[^ ]", way, name) == 2 && strcmp(way, "missing") != 0) {
        if (strcmp(way, "moved") == 0) {
            snprintf(head, sizeof head,
                     "HTTP/1.1 302 Found\r\nLocation: /whole/%s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                     name);
            server_send(line, head, strlen(head));
            return;
        }
        for (int i = 0; i < count; i++)
            if (strcmp(files[i].name, name) == 0) {
                server_answer(log, line, way, &files[i], log->last_from);
                return;
            }
    }
    snprintf(head, sizeof head, "HTTP/1.1 404 Missing\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnone");
    server_send(line, head, strlen(head));
}

static void server_start(server *s, const served *files, int count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int door = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(door >= 0 && bind(door, (struct sockaddr *)&address, sizeof address) == 0 && listen(door, 64) == 0);
    assert_int_equal(getsockname(door, (struct sockaddr *)&address, &length), 0);
    s->port = ntohs(address.sin_port);
    s->log = mmap(NULL, sizeof *s->log, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(s->log != MAP_FAILED);
    s->process = fork();
    if (s->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            int line = accept(door, NULL, NULL);
            if (line < 0) continue;
            server_one(s->log, line, files, count);
            shutdown(line, SHUT_RDWR);
            close(line);
        }
    }
    close(door);
    assert_true(s->process > 0);
}

static void server_stop(server *s)
{
    kill(s->process, SIGKILL);
    waitpid(s->process, NULL, 0);
    munmap(s->log, sizeof *s->log);
}

#endif
