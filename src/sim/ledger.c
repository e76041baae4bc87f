// SPDX-License-Identifier: MIT
// A ledger of finished work (sim/ledger.h):
//
//   thalweg ledger 1 RECIPE
//   NAME COUNT X1 X2 ... #CHECKSUM
//
// Numbers are hexadecimal floats: exact, and the same everywhere. The checksum is that of FNV-1a over the line before
// it.
#include "sim/ledger.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct entry {
    char *name;
    int64_t count;
    double *x;
} entry;

struct tw_ledger {
    int file;
    int64_t entries, room, found;
    entry *entry;
};

static const char magic[] = "thalweg ledger 1 ";

static uint64_t fnv(size_t length, const char *text)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (size_t i = 0; i < length; i++) h = (h ^ (uint8_t)text[i]) * 0x100000001B3u;
    return h;
}

static tw_status keep(tw_ledger *l, const char *name, int64_t count, const double *x)
{
    tw_status st = TW_OK;
    entry e = {.count = count};
    if (l->entries == l->room) {
        entry *more = NULL;
        int64_t room = l->room ? 2 * l->room : 64;
        TW_TRY(tw_alloc(room, sizeof *more, &more));
        if (l->entries) memcpy(more, l->entry, (size_t)l->entries * sizeof *more);
        free(l->entry);
        l->entry = more;
        l->room = room;
    }
    TW_TRY(tw_strdup(name, &e.name));
    TW_TRY(tw_alloc(count, sizeof *e.x, &e.x));
    memcpy(e.x, x, (size_t)count * sizeof *x);
    l->entry[l->entries++] = e;
    e = (entry){0};
done:
    free(e.name);
    free(e.x);
    return st;
}

// One line without its end. A line that is not whole is no error: it was being written.
static tw_status read_line(tw_ledger *l, char *line, size_t length)
{
    tw_status st = TW_OK;
    double *x = NULL;
    char *mark = strrchr(line, '#'), *end;
    if (!mark || strlen(mark) != 17 || strlen(line) != length) return TW_OK;
    if (strtoull(mark + 1, &end, 16) != fnv((size_t)(mark - line), line) || *end) return TW_OK;
    *mark = '\0';
    char *rest = strchr(line, ' ');
    if (!rest) return TW_OK;
    *rest++ = '\0';
    int64_t count = strtoll(rest, &end, 10);
    if (count < 0 || (size_t)count > length) return TW_OK;
    TW_TRY(tw_alloc(count, sizeof *x, &x));
    for (int64_t i = 0; i < count; i++) x[i] = strtod(end, &end);
    TW_TRY(keep(l, line, count, x));
    l->found++;
done:
    free(x);
    return st;
}

static tw_status write_all(int file, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t now = write(file, text, length);
        if (now < 0 && errno == EINTR) continue;
        if (now <= 0) return tw_fail(TW_EIO, "ledger: %s", strerror(errno));
        text += now;
        length -= (size_t)now;
    }
    return TW_OK;
}

// What stands in the file; whole: where the last line that ends lies.
static tw_status read_file(tw_ledger *l, const char *path, const char *recipe, off_t size, off_t *whole)
{
    tw_status st = TW_OK;
    char *text = NULL;
    size_t head = strlen(magic);
    off_t got = 0;
    TW_TRY(tw_alloc(size + 1, 1, &text));
    while (got < size) {
        ssize_t now = pread(l->file, text + got, (size_t)(size - got), got);
        if (now < 0 && errno == EINTR) continue;
        if (now <= 0) {
            st = tw_fail(TW_EIO, "%s: %s", path, now ? strerror(errno) : "ends early");
            goto done;
        }
        got += now;
    }
    char *line = text, *end = memchr(text, '\n', (size_t)size);
    *whole = 0;
    if (!end && (size_t)size < head + strlen(recipe) + 1) { // the first line was being written, or nothing of ours
        size_t same = (size_t)size < head ? (size_t)size : head;
        if (memcmp(text, magic, same) != 0)
            st = tw_fail(TW_EFORMAT, "%s: byte 0: found \"%.20s\", expected a file that begins \"%s\"", path, text,
                         magic);
        goto done;
    }
    if ((size_t)size < head || memcmp(text, magic, head) != 0 || !end) {
        st = tw_fail(TW_EFORMAT, "%s: byte 0: found \"%.20s\", expected a file that begins \"%s\"", path, text, magic);
        goto done;
    }
    *end = '\0';
    if (strcmp(text + head, recipe) != 0) {
        st = tw_fail(TW_EINVAL, "%s: found the work \"%s\", expected \"%s\"; name another file, or remove it", path,
                     text + head, recipe);
        goto done;
    }
    for (line = end + 1; (end = memchr(line, '\n', (size_t)(text + size - line))); line = end + 1) {
        *end = '\0';
        TW_TRY(read_line(l, line, (size_t)(end - line)));
    }
    *whole = line - text;
done:
    free(text);
    return st;
}

// Rank 0 has the file; what was in it reaches all.
static tw_status share(tw_ledger *l)
{
    tw_status st = TW_OK;
    int64_t entries = l->entries;
    TW_TRY(tw_ranks_share(&entries, sizeof entries));
    for (int64_t i = 0; i < entries; i++) {
        bool mine = tw_rank() == 0;
        int64_t length = mine ? (int64_t)strlen(l->entry[i].name) + 1 : 0;
        int64_t bytes = mine ? l->entry[i].count * (int64_t)sizeof(double) : 0;
        char *name = mine ? l->entry[i].name : NULL;
        double *x = mine ? l->entry[i].x : NULL;
        st = tw_ranks_share_block(&length, (void **)&name);
        if (st == TW_OK) st = tw_ranks_share_block(&bytes, (void **)&x);
        if (st == TW_OK && !mine) st = keep(l, name, bytes / (int64_t)sizeof(double), x);
        if (!mine) {
            free(name);
            free(x);
        }
        TW_TRY(st);
    }
    TW_TRY(tw_ranks_share(&l->found, sizeof l->found));
done:
    return st;
}

tw_status tw_ledger_open(const char *path, const char *recipe, tw_ledger **out)
{
    tw_status st = TW_OK;
    tw_ledger *l = NULL;
    struct stat about;
    off_t whole = 0;
    TW_TRY(tw_alloc(1, sizeof *l, &l));
    l->file = -1;
    if (tw_rank() > 0) {
        TW_TRY(share(l));
        *out = l;
        l = NULL;
        goto done;
    }
    l->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (l->file >= 0 && flock(l->file, LOCK_EX | LOCK_NB) != 0) {
        st = tw_fail(TW_EIO, "%s: another program is writing it", path);
        goto done;
    }
    if (l->file < 0 || fstat(l->file, &about) != 0) {
        st = tw_fail(TW_EIO, "%s: %s", path, strerror(errno));
        goto done;
    }
    TW_TRY(read_file(l, path, recipe, about.st_size, &whole));
    if (ftruncate(l->file, whole) != 0 || lseek(l->file, 0, SEEK_END) < 0) {
        st = tw_fail(TW_EIO, "%s: %s", path, strerror(errno));
        goto done;
    }
    if (whole == 0) {
        TW_TRY(write_all(l->file, magic, strlen(magic)));
        TW_TRY(write_all(l->file, recipe, strlen(recipe)));
        TW_TRY(write_all(l->file, "\n", 1));
        if (fdatasync(l->file) != 0) {
            st = tw_fail(TW_EIO, "%s: %s", path, strerror(errno));
            goto done;
        }
    }
    TW_TRY(share(l));
    *out = l;
    l = NULL;
done:
    tw_ledger_close(l);
    return st;
}

void tw_ledger_close(tw_ledger *l)
{
    if (!l) return;
    for (int64_t i = 0; i < l->entries; i++) {
        free(l->entry[i].name);
        free(l->entry[i].x);
    }
    free(l->entry);
    if (l->file >= 0) close(l->file);
    free(l);
}

int64_t tw_ledger_found(const tw_ledger *l) { return l->found; }

bool tw_ledger_get(tw_ledger *l, const char *name, int64_t most, int64_t *count, double *x)
{
    bool found = false;
#pragma omp critical(tw_ledger)
    for (int64_t i = 0; i < l->entries && !found; i++) {
        if (strcmp(l->entry[i].name, name) != 0 || l->entry[i].count > most) continue;
        *count = l->entry[i].count;
        memcpy(x, l->entry[i].x, (size_t)*count * sizeof *x);
        found = true;
    }
    return found;
}

tw_status tw_ledger_put(tw_ledger *l, const char *name, int64_t count, const double *x)
{
    tw_status st = TW_OK;
    char *line = NULL;
    size_t room = strlen(name) + 64 + (size_t)count * 32, at;
    TW_TRY(tw_alloc((int64_t)room, 1, &line));
    at = (size_t)snprintf(line, room, "%s %" PRId64 " ", name, count);
    for (int64_t i = 0; i < count; i++) at += (size_t)snprintf(line + at, room - at, "%a ", x[i]);
    at += (size_t)snprintf(line + at, room - at, "#%016" PRIx64 "\n", fnv(at, line));
#pragma omp critical(tw_ledger)
    {
        st = keep(l, name, count, x);
        if (st == TW_OK && l->file >= 0) st = write_all(l->file, line, at);
        if (st == TW_OK && l->file >= 0 && fdatasync(l->file) != 0) st = tw_fail(TW_EIO, "ledger: %s", strerror(errno));
    }
done:
    free(line);
    return st;
}
