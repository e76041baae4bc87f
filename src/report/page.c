// SPDX-License-Identifier: MIT
// The page: a section a result, with its figure, its certificates, the command that made it, and the numbers to keep.
//
// Figures are pictures inside the page (base64, RFC 4648), so that the page is one file and nothing in it can clash.
#include "report/page.h"

#include "base/alloc.h"
#include "base/json.h"
#include "base/outfile.h"
#include "report/page_parts.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

// A number as people read it; what is no number as a dash.
static void put_number(FILE *out, const char *format, const json_t *number)
{
    char text[64];
    if (!json_is_number(number)) {
        fputs("–", out);
        return;
    }
    snprintf(text, sizeof text, format, json_number_value(number));
    bool negative = text[0] == '-';
    fputs(negative ? "−" : "", out);
    fputs(text + negative, out);
}

static void put_cell(FILE *out, const char *format, const json_t *number)
{
    fputs("<td>", out);
    put_number(out, format, number);
    fputs("</td>", out);
}

static const char *word(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void put_eigenvalues(FILE *out, const json_t *result)
{
    const json_t *value = json_object_get(result, "eigenvalues"), *residual = json_object_get(result, "residuals");
    const json_t *interval = json_object_get(result, "intervals"), *converged = json_object_get(result, "converged");
    if (json_array_size(value) == 0) return;
    fputs("<div class=\"wide\"><table>\n<tr><th>rank</th><th>eigenvalue</th><th>residual |Av − λv|</th>"
          "<th>interval that holds it</th><th>certified</th></tr>\n",
          out);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *ends = json_array_get(interval, i);
        bool yes = json_is_true(json_array_get(converged, i));
        fprintf(out, "<tr><td>%zu</td>", i + 1);
        put_cell(out, "%.9g", json_array_get(value, i));
        put_cell(out, "%.2e", json_array_get(residual, i));
        fputs("<td>[", out);
        put_number(out, "%.7g", json_array_get(ends, 0));
        fputs(", ", out);
        put_number(out, "%.7g", json_array_get(ends, 1));
        fprintf(out, "]</td><td class=\"%s\">%s</td></tr>\n", yes ? "yes" : "no", yes ? "yes" : "not converged");
    }
    fputs("</table></div>\n", out);
}

static void put_spectrum(FILE *out, const json_t *result)
{
    const json_t *trace = json_object_get(result, "trace"), *density = json_object_get(result, "density");
    fputs("<p>", out);
    put_number(out, "%.0f", json_object_get(result, "parameters"));
    fputs(" parameters, ", out);
    put_number(out, "%.0f", json_object_get(result, "samples"));
    fputs(" samples, loss ", out);
    put_number(out, "%.6g", json_object_get(result, "loss"));
    fputs("; ", out);
    put_number(out, "%.0f", json_object_get(result, "products"));
    fputs(" matrix-vector products in ", out);
    put_number(out, "%.3g", json_object_get(result, "seconds"));
    fputs(" s.</p>\n", out);
    if (trace) {
        fputs("<p>Trace ", out);
        put_number(out, "%.6g", json_object_get(trace, "estimate"));
        fputs(" ± ", out);
        put_number(out, "%.2g", json_object_get(trace, "stderr"));
        fputs(" (standard error).</p>\n", out);
    }
    if (density) {
        fputs("<p class=\"soft\">Density by stochastic Lanczos quadrature: ", out);
        put_number(out, "%.0f", json_object_get(density, "probes"));
        fputs(" probes of ", out);
        put_number(out, "%.0f", json_object_get(density, "steps"));
        fputs(" steps; the band is that of sampling, for each bin by itself.</p>\n", out);
    }
    put_eigenvalues(out, result);
}

static void put_training(FILE *out, const json_t *result)
{
    const json_t *curve = json_object_get(result, "curve");
    static const char *const columns[][3] = {{"epoch", "epoch", "%.0f"},
                                             {"loss", "loss", "%.5g"},
                                             {"accuracy", "accuracy", "%.4f"},
                                             {"test_loss", "test loss", "%.5g"},
                                             {"test_accuracy", "test accuracy", "%.4f"},
                                             {"validation_loss", "validation loss", "%.5g"},
                                             {"validation_accuracy", "validation accuracy", "%.4f"}};
    enum { COLUMNS = sizeof columns / sizeof *columns };
    fputs("<div class=\"wide\"><table>\n<tr>", out);
    for (int c = 0; c < COLUMNS; c++)
        if (json_object_get(curve, columns[c][0])) fprintf(out, "<th>%s</th>", columns[c][1]);
    fputs("</tr>\n", out);
    for (size_t i = 0; i < json_array_size(json_object_get(curve, "epoch")); i++) {
        fputs("<tr>", out);
        for (int c = 0; c < COLUMNS; c++) {
            const json_t *column = json_object_get(curve, columns[c][0]);
            if (column) put_cell(out, columns[c][2], json_array_get(column, i));
        }
        fputs("</tr>\n", out);
    }
    fputs("</table></div>\n", out);
}

typedef struct words {
    const char *matrix, *title, *about;
} words;

static const words matrices[] = {
    {"hessian", "Hessian H",
     "The second derivative of the loss. Gradient descent with step lr is stable along an eigenvector only while its "
     "eigenvalue is below 2/lr."},
    {"ggn", "Gauss-Newton matrix G",
     "H without the curvature of the network itself: never negative, and close to H where H is large."},
    {"fisher", "Fisher matrix", "The mean of gg' over labels drawn from the model: G, for these losses."},
    {"moment", "Second moment M of per-sample gradients",
     "The mean of gg' over the gradients g of single samples, the “empirical Fisher”: what drives the noise of SGD."},
    {"covariance", "Covariance C of the batch gradient", "(M − gg')/S with the mean gradient g and batches of S."},
    {"residual", "Log-loss residual M − H", "Zero in the mean where the model is right about its own labels."},
    {"h-g", "H − G", "The curvature that the network itself adds to that of the loss."},
};

static words describe(const json_t *result)
{
    if (json_object_get(result, "curve"))
        return (words){"", "Training", "The weights it ends with are where everything else is measured."};
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        if (strcmp(matrices[i].matrix, word(result, "matrix")) == 0) return matrices[i];
    return (words){"", word(result, "matrix"), ""};
}

// `path` with its ending replaced by .svg: the figure, when there is one.
static void put_figure(FILE *out, const char *path, const char *title)
{
    char name[4096];
    size_t length = strlen(path);
    const char *dot = strrchr(path, '.');
    if (dot && !strchr(dot, '/')) length = (size_t)(dot - path);
    if (length + 5 > sizeof name) return;
    snprintf(name, sizeof name, "%.*s.svg", (int)length, path);
    FILE *svg = fopen(name, "rb");
    if (!svg) return;
    fputs("<figure><img alt=\"", out);
    tw_page_text(out, title);
    fputs("\" src=\"data:image/svg+xml;base64,", out);
    tw_page_base64(out, svg);
    fputs("\"></figure>\n", out);
    fclose(svg);
}

static tw_status put_section(FILE *out, const char *path, const json_t *result)
{
    FILE *json = fopen(path, "rb");
    if (!json) return tw_fail(TW_EIO, "%s: cannot be read: %s", path, strerror(errno));
    const char *slash = strrchr(path, '/');
    words about = describe(result);
    fprintf(out, "<section>\n<h2>");
    tw_page_text(out, about.title);
    fputs("</h2>\n<p>", out);
    tw_page_text(out, about.about);
    fputs("</p>\n", out);
    put_figure(out, path, about.title);
    if (json_object_get(result, "curve"))
        put_training(out, result);
    else
        put_spectrum(out, result);
    fputs("<pre>", out);
    tw_page_text(out, word(result, "recipe"));
    fputs("</pre>\n<p class=\"soft\">Data checksum ", out);
    tw_page_text(out, word(json_object_get(result, "data"), "checksum"));
    fputs("; <a download=\"", out);
    tw_page_text(out, slash ? slash + 1 : path);
    fputs("\" href=\"data:application/json;base64,", out);
    tw_page_base64(out, json);
    fputs("\">numbers as JSON</a></p>\n</section>\n", out);
    fclose(json);
    return TW_OK;
}

static void put_head(FILE *out, const char *title, const json_t *first)
{
    const json_t *network = json_object_get(first, "network"), *data = json_object_get(first, "data");
    tw_page_begin(out, title);
    fputs("<p class=\"soft\">", out);
    tw_page_text(out, word(network, "model"));
    fputs(" on ", out);
    tw_page_text(out, word(data, "name"));
    fputs(", loss ", out);
    tw_page_text(out, word(network, "loss"));
    fputs("</p>\n<p>Every eigenvalue stands with its residual, recomputed by a fresh product, and an interval that "
          "holds an "
          "eigenvalue of its own. A pair that did not converge says so.</p>\n",
          out);
}

tw_status tw_page_write(const char *path, const char *title, int64_t count, char *const *file)
{
    tw_status st = TW_OK;
    json_t **result = NULL;
    tw_outfile page = {0};

    TW_TRY(tw_alloc(count, sizeof *result, &result));
    for (int64_t i = 0; i < count; i++) {
        TW_TRY(tw_json_load(file[i], &result[i]));
        if (json_object_get(result[i], "eigenvalues") || json_object_get(result[i], "curve")) continue;
        st = tw_fail(TW_EFORMAT,
                     "%s: found no \"eigenvalues\" and no \"curve\", expected a result of thalweg spectrum or "
                     "train --json",
                     file[i]);
        goto done;
    }
    TW_TRY(tw_outfile_open(&page, path));
    put_head(page.stream, title, result[0]);
    for (int64_t i = 0; i < count; i++) TW_TRY(put_section(page.stream, file[i], result[i]));
    fprintf(page.stream, "<footer>Thalweg %s<br>", word(result[0], "version"));
    tw_page_text(page.stream, word(result[0], "kernels"));
    fputs("</footer>\n</body>\n</html>\n", page.stream);
    TW_TRY(tw_outfile_commit(&page));
done:
    tw_outfile_discard(&page);
    for (int64_t i = 0; result && i < count; i++) json_decref(result[i]);
    free(result);
    return st;
}
