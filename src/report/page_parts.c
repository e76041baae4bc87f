// SPDX-License-Identifier: MIT
// What pages are made of. Figures are pictures inside the page (base64, RFC 4648), so that the page is one file and
// nothing in it can clash.
#include "report/page_parts.h"

#include <errno.h>
#include <math.h>
#include <string.h>

const char tw_page_style[] =
    ":root{--ink:#1a1a1a;--soft:#666;--line:#ddd;--paper:#fff;--card:#fff;--code:#f4f4f2;--good:#00704f;--bad:#b3400a}"
    "\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e6e3;--soft:#a3a3a0;--line:#3c3c3a;--paper:#191918;--card:#"
    "1a1a1a;"
    "--code:#262624;--good:#4fc99f;--bad:#f28a55}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;padding:2.5rem 1.25rem 4rem;max-width:60rem;background:var(--paper);"
    "color:var(--ink);font:16px/1.55 system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}\n"
    "h1{font-size:1.7rem;line-height:1.25;margin:0 0 .3rem}h2{font-size:1.25rem;margin:3rem 0 .2rem}\n"
    "p{margin:.35rem 0;max-width:46rem}.soft{color:var(--soft)}figure{margin:1rem 0;background:var(--card);"
    "border:1px solid var(--line);border-radius:6px;padding:.5rem}figure img{display:block;width:100%;height:auto}\n"
    // Figures are drawn on white: in the dark they are turned over, hues kept.
    "@media screen and (prefers-color-scheme:dark){figure img{filter:invert(.9) hue-rotate(180deg)}}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.92rem;"
    "margin:.8rem 0}th,td{padding:.22rem .9rem .22rem 0;text-align:right;border-bottom:1px solid var(--line);"
    "white-space:nowrap}th{font-weight:600;color:var(--soft);text-align:right}th:first-child,td:first-child"
    "{text-align:left}.facts "
    "td{text-align:left;white-space:normal}td.yes{color:var(--good)}td.no{color:var(--bad);font-weight:600}\n"
    "pre{background:var(--code);padding:.7rem .9rem;border-radius:6px;white-space:pre-wrap;overflow-wrap:anywhere;"
    "font:.85rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}a{color:inherit}details{margin:.6rem "
    "0}summary{cursor:pointer}"
    "a:focus-visible,summary:focus-visible,pre:focus-visible,.wide:focus-visible{outline:2px solid "
    "var(--good);outline-offset:2px}\n"
    "footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line);font-size:.85rem;color:var(--soft)}\n"
    "@media(max-width:40rem){figure{overflow-x:auto}figure img{min-width:31rem}}\n"
    "@media "
    "print{body{max-width:none;padding:0;font-size:10pt}section{break-inside:avoid}section.long{break-inside:auto}tr"
    "{break-inside:avoid}h2{margin-top:1.2rem}a{text-decoration:none}.csv{display:none}figure{margin:.5rem 0}figure "
    "img{width:86%;margin:0 auto}}\n";

void tw_page_text(FILE *out, const char *text)
{
    for (; *text; text++) switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*text, out);
        }
}

void tw_page_base64(FILE *out, FILE *in)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char byte[3];
    for (size_t got; (got = fread(byte, 1, 3, in)) > 0;) {
        for (size_t i = got; i < 3; i++) byte[i] = 0;
        unsigned bits = (unsigned)byte[0] << 16 | (unsigned)byte[1] << 8 | byte[2];
        for (size_t i = 0; i < 4; i++) fputc(i <= got ? digit[bits >> (18 - 6 * i) & 63] : '=', out);
    }
}

void tw_page_begin(FILE *out, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
          "content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light "
          "dark\">\n<title>",
          out);
    tw_page_text(out, title);
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", tw_page_style);
    tw_page_text(out, title);
    fputs("</h1>\n", out);
}

void tw_page_number(FILE *out, const char *format, double x)
{
    char text[64];
    if (!isfinite(x)) {
        fputs(isinf(x) ? x > 0 ? "∞" : "−∞" : "–", out);
        return;
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, format, x);
#pragma GCC diagnostic pop
    fputs(text[0] == '-' ? "−" : "", out);
    fputs(text + (text[0] == '-'), out);
}

tw_status tw_page_figure(FILE *out, const char *svg, const char *csv, const char *name, const char *alt)
{
    FILE *image = fopen(svg, "rb"), *numbers = fopen(csv, "rb");
    tw_status st = TW_OK;
    if (!image || !numbers) {
        st = tw_fail(TW_EIO, "%s: cannot be read: %s", image ? csv : svg, strerror(errno));
        goto done;
    }
    fputs("<figure tabindex=\"0\"><img alt=\"", out);
    tw_page_text(out, alt);
    fputs("\" src=\"data:image/svg+xml;base64,", out);
    tw_page_base64(out, image);
    fputs("\"></figure>\n<p class=\"soft csv\"><a download=\"", out);
    tw_page_text(out, name);
    fputs("\" href=\"data:text/csv;base64,", out);
    tw_page_base64(out, numbers);
    fputs("\">what it shows, as CSV</a></p>\n", out);
done:
    if (image) fclose(image);
    if (numbers) fclose(numbers);
    return st;
}
