// SPDX-License-Identifier: MIT
// The door to gnuplot, and the figures drawn through it.
//
// A figure appears whole or not at all, as SVG, PDF or PNG by the ending of its path. White background, labels beside
// what they name, colours that the colour-blind tell apart (Okabe and Ito 2008). What a figure shows can be written as
// CSV beside it. TW_EINVAL: another ending; TW_EIO: gnuplot is missing or refuses, with its own words.
#ifndef REPORT_FIGURE_H
#define REPORT_FIGURE_H

#include "base/json.h"
#include "base/outfile.h"

// --- the door: a gnuplot script, run when it is complete ---

typedef struct tw_figure {
    FILE *script;     // write the script here: terminal, fonts and line styles 1 ... 6 are already set
    tw_outfile image; // gnuplot's stdout
} tw_figure;

TW_NODISCARD tw_status tw_figure_open(tw_figure *figure, const char *path, int width, int height);
TW_NODISCARD tw_status tw_figure_commit(tw_figure *figure);
void tw_figure_discard(tw_figure *figure); // harmless after commit and on {0}

// text in double quotes as gnuplot reads it, without markup.
void tw_figure_quote(FILE *script, const char *text);

// Title and, below it, subtitle in the upper left corner of a figure of this height (as given to tw_figure_open).
void tw_figure_heading(FILE *script, const char *title, const char *subtitle, double height);

// Ticks of a logarithmic axis, 'x' or 'y', from least to most (0 < least < most): at least four, at round numbers,
// whether that is many decades or a part of one, where gnuplot's own are none.
void tw_figure_log_ticks(FILE *script, char axis, double least, double most);

#define TW_BLUE "#0072B2"
#define TW_RED "#D55E00"
#define TW_GREEN "#009E73"
#define TW_GREY "#6E6E6E"
#define TW_LIGHT "#D8D8D8"

// --- a spectrum ---

// A density over an axis: value and its confidence band low ... high at points x (eigenvalues, rising), as the fraction
// of all eigenvalues a unit of the axis (of s = asinh(x / threshold) / ln 10 on the symmetric-log axis).
typedef struct tw_figure_density {
    int64_t points; // 0: no such axis
    const double *x, *value, *low, *high;
} tw_figure_density;

typedef struct tw_figure_spectrum {
    const char *title, *subtitle;
    double threshold;               // of the symmetric-log axis
    double confidence;              // of the band: 0.95
    tw_figure_density log, linear;  // without both, eigenvalues are drawn by rank
    int64_t pairs;                  // eigenpairs, largest first
    const double *value, *residual; // value +- residual holds an eigenvalue
    const bool *converged;
} tw_figure_spectrum;

// csv: NULL, or where the numbers go.
TW_NODISCARD tw_status tw_figure_draw_spectrum(const tw_figure_spectrum *spectrum, const char *path, const char *csv);

// --- curves over a common axis, in panels side by side ---

typedef struct tw_figure_curve {
    const char *name;    // written at its last point
    int panel;           // 0, 1, ...: left to right
    const double *y;     // [points]; NaN: not measured there
    bool dots;           // points alone, as for what is measured beside a theory's line
    const double *error; // [points] standard errors, drawn as bars; NaN: none; NULL: no bars
} tw_figure_curve;

typedef struct tw_figure_curves {
    const char *title, *subtitle, *axis; // axis: "epoch"
    int panels;
    const char *const *panel; // [panels] what each shows: "loss"
    int64_t points;
    const double *x; // ascending; or, where panels have x of their own, one panel's behind another's
    int count;
    const tw_figure_curve *curve;
    bool log_x, log_y; // logarithmic axes: what is not positive is not drawn
} tw_figure_curves;

TW_NODISCARD tw_status tw_figure_draw_curves(const tw_figure_curves *curves, const char *path, const char *csv);
// The same from JSON (report/figure_json.c says its form). TW_EFORMAT: nothing to draw, or too much.
TW_NODISCARD tw_status tw_figure_draw_json(const json_t *figure, const char *path, const char *csv);

// --- a grid of images ---

typedef struct tw_figure_images {
    const char *title, *subtitle;
    int64_t count, columns, channels, height, width; // channels 1 (dark on light as on paper) or 3
    const float *x;                                  // [count][channels][height][width], 0 to 1
    const char *const *label;                        // [count] under each image; NULL: none
} tw_figure_images;

TW_NODISCARD tw_status tw_figure_draw_images(const tw_figure_images *images, const char *path);

#endif
