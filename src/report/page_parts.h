// SPDX-License-Identifier: MIT
// What pages are made of: the style, text that is never markup, files inside the page.
#ifndef REPORT_PAGE_PARTS_H
#define REPORT_PAGE_PARTS_H

#include "base/status.h"
#include <stdio.h>

extern const char tw_page_style[];                            // CSS: light and dark, phones, paper
void tw_page_text(FILE *out, const char *text);               // escaped
void tw_page_base64(FILE *out, FILE *in);                     // RFC 4648, until the end of in
void tw_page_begin(FILE *out, const char *title);             // doctype to <body>, h1
void tw_page_number(FILE *out, const char *format, double x); // a true minus; a dash for what is missing

// <img> of the SVG file, and a link to the CSV file as NAME.csv, both inside the page. TW_EIO.
TW_NODISCARD tw_status tw_page_figure(FILE *out, const char *svg, const char *csv, const char *name, const char *alt);

#endif
