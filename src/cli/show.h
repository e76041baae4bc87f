// SPDX-License-Identifier: MIT
// What a command says: text or JSON on stdout, progress and explanations on stderr, and whether the work fell short.
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "base/json.h"
#include "cli/args.h"

// Reports to stderr: a line that rewrites itself with the time left on a terminal, a plain line every ten seconds in a
// log, nothing with --quiet. Ctrl-C asks the work to stop (TW_ESTOPPED); a second one ends the program at once.
tw_progress tw_show_progress(const tw_args *args);
tw_progress tw_show_interrupt(const tw_args *args); // the same Ctrl-C, without a word
void tw_show_progress_end(void); // clears the line; main calls it, and whoever prints to stdout in between

// Prints the object to stdout, fields in the order they were set, 17 digits, and releases it. TW_ENOMEM, TW_EIO.
TW_NODISCARD tw_status tw_show_json(json_t *result);

// Sets version, kernels and recipe: what every JSON result ends with.
TW_NODISCARD tw_status tw_show_provenance(const tw_args *args, json_t *result);

// The work was done but fell short (not converged, diverged): said on stderr, exit code 1. Results are still shown.
void tw_show_shortfall(const char *format, ...) TW_PRINTF(1, 2);
bool tw_show_fell_short(void);

// "--explain": one "key: value" line on stderr when the flag is given.
void tw_explain(const tw_args *args, const char *key, const char *format, ...) TW_PRINTF(3, 4);

// 1234567 as "1,234,567" and 1.5e9 bytes as "1.4 GiB", in a buffer of the caller's (at least 32 bytes); returns it.
const char *tw_show_count(int64_t count, char *buffer);
const char *tw_show_bytes(double bytes, char *buffer);
const char *tw_show_seconds(double seconds, char *buffer);

double tw_show_clock(void); // seconds, monotonic

#endif
