// SPDX-License-Identifier: MIT
// Long work that may be killed: finished pieces stand in a file as they come, one a line, and are found again.
//
// The file begins with what the work is (its recipe); a file of other work is refused. Each line ends with its own
// checksum, so one that was being written when the program died is not believed. Lines come in any order.
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "base/status.h"

typedef struct tw_ledger tw_ledger;

// Opens or creates it. TW_EFORMAT: the file is no ledger; TW_EINVAL: of other work, with both recipes; TW_EIO.
TW_NODISCARD tw_status tw_ledger_open(const char *path, const char *recipe, tw_ledger **out);
void tw_ledger_close(tw_ledger *ledger);          // NULL is fine
int64_t tw_ledger_found(const tw_ledger *ledger); // lines believed when it was opened

// Numbers under a name without blanks. get: *count as put, false when there is none; x has room for most. Threads may
// call them at once. put: on disk when it returns.
bool tw_ledger_get(tw_ledger *ledger, const char *name, int64_t most, int64_t *count, double *x);
TW_NODISCARD tw_status tw_ledger_put(tw_ledger *ledger, const char *name, int64_t count, const double *x);

#endif
