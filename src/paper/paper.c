// SPDX-License-Identifier: MIT
// The papers there are.
#include "paper/paper.h"

#include <string.h>

#define PAPER(name) extern const tw_paper tw_paper_##name;
#include "paper/papers.def"
#undef PAPER

#define PAPER(name) &tw_paper_##name,
static const tw_paper *const papers[] = {
#include "paper/papers.def"
};
#undef PAPER

int tw_paper_count(void) { return sizeof papers / sizeof *papers; }

const tw_paper *tw_paper_at(int i) { return papers[i]; }

const tw_paper *tw_paper_find(const char *name)
{
    for (int i = 0; i < tw_paper_count(); i++)
        if (strcmp(papers[i]->name, name) == 0) return papers[i];
    return NULL;
}

const char *tw_verdict_name(tw_verdict verdict)
{
    static const char *const name[] = {"holds", "contradicted", "undecided", "reported"};
    return name[verdict];
}

bool tw_claim_is_wanted(const char *only, const char *id)
{
    size_t length = strlen(id);
    for (const char *at = only; at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
        if (strncmp(at, id, length) == 0 && (at[length] == '\0' || at[length] == '\n')) return true;
    return !only;
}
