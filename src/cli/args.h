// SPDX-License-Identifier: MIT
// A command is a row: its words, its flags, an example that a test runs, and the function that does the work.
//
// A new command is one file cli/cmd_NAME.c that defines `const tw_command tw_cmd_NAME`, and one line in
// cli/commands.def. Its name may be two words ("noise solve"); main finds the longest match.
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "base/status.h"

typedef struct tw_flag {
    const char *name;     // "top", for --top
    const char *value;    // "N": what its value is called in help; NULL: a switch without value
    const char *fallback; // default, as one would type it; NULL: none
    const char *text;     // one line of help
    const char *choices;  // "hessian|ggn|fisher": the only values allowed; NULL: free
    bool required;
    bool neutral; // cannot change a number of the result (--threads, --json): left out of the recipe
    bool many;    // may be given again: the values stand in lines
} tw_flag;

// Which of the shared flags (cli/flags.c) a command has. Every command has --json, --quiet, --explain, --threads,
// --seed.
enum {
    TW_USE_DATA = 1,        // --data --split --samples --random-subset --random-labels --validation --scale --add-to-sd
    TW_USE_NET = 2,         // --model --loss --l2 --init --dtype --arith --shard
    TW_USE_WEIGHTS = 4,     // --weights, required
    TW_USE_MATRIX = 8,      // --matrix --layers --block --noise-batch --without-replacement --memory
    TW_USE_FIGURE = 16,     // --figure --csv
    TW_USE_OUT = 32,        // --out
    TW_USE_DTYPE = 64,      // --dtype alone, where there are data and no network
    TW_USE_ANY_MODEL = 128, // with TW_USE_NET: --model may be absent
    TW_USE_ANY_DATA = 256,  // with TW_USE_DATA: --data may be absent, or stand as the first word
    TW_USE_BOUND = 512      // prior, posterior and training of bounds of networks: cli/bound.h
};

typedef struct tw_args tw_args;

typedef struct tw_command {
    const char *name;     // "spectrum" or "noise solve"
    const char *summary;  // one line, begins in lower case, no full stop
    const char *about;    // what it computes, in which convention; lines of at most 100 characters
    const char *example;  // "thalweg spectrum --model ...": a test runs it in an empty folder, one command a line
    const char *words;    // names of arguments that are not flags ("FILE..."); NULL: none are taken
    unsigned uses;        // TW_USE_... together
    const tw_flag *flags; // its own, ended by {0}; NULL: none
    tw_status (*run)(const tw_args *args);
    bool one_rank; // there is no work to deal: rank 0 does it alone
} tw_command;

// Reads argv[0 ... argc) (what follows the command's name). The args keep pointers into argv. TW_EINVAL: unknown flag
// (with the nearest one), missing value, value not among the choices, required flag absent, flag given twice.
TW_NODISCARD tw_status tw_args_parse(const tw_command *command, int argc, char **argv, tw_args **out);
void tw_args_free(tw_args *args);

const tw_command *tw_args_command(const tw_args *args);
bool tw_args_help(const tw_args *args); // --help was given

// The getters assert that the command declares the flag. Without the flag on the line its fallback is read; without a
// fallback *out stays as it is, so defaults can live in the library's options.
bool tw_args_flag(const tw_args *args, const char *name);       // a switch, or: was it given?
const char *tw_args_str(const tw_args *args, const char *name); // NULL: not given and no fallback
TW_NODISCARD tw_status tw_args_int(const tw_args *args, const char *name, int64_t least, int64_t most, int64_t *out);
TW_NODISCARD tw_status tw_args_seed(const tw_args *args, const char *name, uint64_t *out);
TW_NODISCARD tw_status tw_args_real(const tw_args *args, const char *name, double least, double most, double *out);
TW_NODISCARD tw_status tw_args_bytes(const tw_args *args, const char *name, int64_t *out); // "2G", "512M", "1000"

// The words that are not flags.
int tw_args_words(const tw_args *args, char *const **out);

// The command line that gives the same numbers: flags in the order of the tables, without neutral ones. The caller's.
TW_NODISCARD tw_status tw_args_recipe(const tw_args *args, char **out);

// The help page, to stdout.
void tw_args_show_help(const tw_command *command);

// Shared flags, ended by {0}, with the TW_USE_ bits that bring each in (0: always).
typedef struct tw_shared_flag {
    unsigned uses;
    tw_flag flag;
} tw_shared_flag;
extern const tw_shared_flag tw_shared_flags[];

#endif
