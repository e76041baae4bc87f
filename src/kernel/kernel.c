// SPDX-License-Identifier: MIT
// Which table has which name.
#include "kernel/gemm.h"
#include "kernel/table.h"
#include <pthread.h>
#include <string.h>

static const tw_kernels *const table[] = {&tw_kernels_f32,   &tw_kernels_f64,    &tw_kernels_ref32,
                                          &tw_kernels_ref64, &tw_kernels_split3, &tw_kernels_split6};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char description[512];

static void setup(void)
{
    tw_gemm_setup();
    tw_gemm_describe(description, sizeof description);
}

const char *tw_kernels_describe(void)
{
    pthread_once(&once, setup);
    return description;
}

const tw_kernels *tw_kernels_find(const char *name)
{
    pthread_once(&once, setup);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i]->name, name) == 0)
            return strncmp(name, "split", 5) == 0 && !tw_gemm_split_here() ? NULL : table[i];
    return NULL;
}
