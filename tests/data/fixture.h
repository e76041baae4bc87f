// SPDX-License-Identifier: MIT
// What tests of readers share: files made by make_fixtures.py, and copies of them that are hurt in every way.
#ifndef TESTS_DATA_FIXTURE_H
#define TESTS_DATA_FIXTURE_H

#include "test.h"

#include "base/alloc.h"
#include "data/stream.h"

static inline const char *fixture(const char *name)
{
    static char path[4][512]; // four may be in use at once
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", TW_TEST_DATA, name);
    return path[turn];
}

static inline tw_bytes fixture_bytes(const char *name)
{
    tw_bytes bytes = {0};
    must(tw_bytes_load(fixture(name), &bytes));
    return bytes;
}

// A reader of bytes that frees what it made.
typedef tw_status (*reads)(const uint8_t *data, size_t size);

// Every proper beginning of the bytes is refused, with a message that names the file ("f"). The copy has exactly the
// bytes that it should, so that a sanitizer sees a reader that looks further.
static inline void every_cut_is_refused(const tw_bytes *whole, reads read)
{
    for (size_t size = 0; size < whole->size; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        memcpy(copy, whole->data, size);
        tw_status st = read(copy, size);
        if (st != TW_EFORMAT)
            fail_msg("cut to %zu of %zu bytes: status %d, message %s", size, whole->size, st, tw_error());
        if (strncmp(tw_error(), "f:", 2) != 0) fail_msg("message names no file: %s", tw_error());
        free(copy);
    }
}

// No flipped bit brings the reader down; returns how many were accepted.
static inline int64_t flipped_bits_accepted(const tw_bytes *whole, reads read)
{
    int64_t accepted = 0;
    for (size_t i = 0; i < whole->size; i++)
        for (int bit = 0; bit < 8; bit++) {
            whole->data[i] ^= (uint8_t)(1 << bit);
            tw_status st = read(whole->data, whole->size);
            if (st != TW_OK && st != TW_EFORMAT) fail_msg("byte %zu bit %d: status %d, %s", i, bit, st, tw_error());
            accepted += st == TW_OK;
            whole->data[i] ^= (uint8_t)(1 << bit);
        }
    return accepted;
}

// Each allocation in turn fails: TW_ENOMEM each time (leaks are the sanitizer's to find), and then it works.
static inline void every_failing_allocation_is_reported(const tw_bytes *whole, reads read)
{
    int64_t before = tw_alloc_calls();
    must(read(whole->data, whole->size));
    int64_t calls = tw_alloc_calls() - before;
    assert_true(calls > 0);
    for (int64_t i = 1; i <= calls; i++) {
        tw_alloc_fail_at(i);
        assert_int_equal(read(whole->data, whole->size), TW_ENOMEM);
    }
    tw_alloc_fail_at(0);
    must(read(whole->data, whole->size));
}

#endif
