// SPDX-License-Identifier: MIT
// Trains a small transformer to predict the next byte of a text, w <- w - lr g by Adam's rule, and then asks for
//
//   H v = lambda v,  the sharpest directions of its loss on windows of the end of the text, which it has not seen.
//
// Usage: 04_next_byte [FILE]; without one the text is 0 1 2 ... in words, written here and removed again.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thalweg/thalweg.h>

static void write_numbers(const char *path)
{
    static const char *const word[] = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
    FILE *file = fopen(path, "w");
    if (!file) abort();
    for (int i = 0; i < 700; i++) fprintf(file, "%s %s %s, ", word[i / 100], word[i / 10 % 10], word[i % 10]);
    fclose(file);
}

int main(int argc, char **argv)
{
    static const char own[] = "next_byte.txt";
    tw_status st;
    tw_data *train = NULL, *test = NULL;
    tw_net *net = NULL;
    tw_trainer *trainer = NULL;
    tw_curv *hessian = NULL;
    tw_eigs *eigs = NULL;
    tw_loss_value before, after;
    tw_step step;
    char spec[4200];

    snprintf(spec, sizeof spec, "text:%.4000s,length=17", argc > 1 ? argv[1] : own);
    if (argc < 2) write_numbers(own);
    tw_data_opts data_opts = tw_data_defaults();
    if ((st = tw_data_open(spec, &data_opts, &train)) != TW_OK) goto done;
    data_opts.split = "test";
    if ((st = tw_data_open(spec, &data_opts, &test)) != TW_OK) goto done;

    tw_net_opts net_opts = tw_net_defaults();
    if ((st = tw_net_new("gpt:1x2x16x16", train, &net_opts, &net)) != TW_OK) goto done; // loss "next" by itself
    if ((st = tw_loss(net, test, NULL, NULL, &before)) != TW_OK) goto done;

    tw_trainer_opts opts = tw_trainer_defaults();
    opts.optim = "adam";
    opts.lr = 0.003;
    if ((st = tw_trainer_new(net, train, &opts, &trainer)) != TW_OK) goto done;
    for (int i = 0; i < 200; i++)
        if ((st = tw_trainer_step(trainer, &step)) != TW_OK) goto done;
    if ((st = tw_loss(net, test, NULL, NULL, &after)) != TW_OK) goto done;
    printf("loss on unseen text: %.3f nats a byte before, %.3f after %d steps\n", before.loss, after.loss, 200);
    if (!(after.loss < before.loss)) st = TW_ENUMERIC;

    tw_curv_opts curv_opts = tw_curv_defaults();
    tw_lanczos_opts lanczos = tw_lanczos_defaults();
    lanczos.top = 2;
    lanczos.tolerance = 1e-2;
    if ((st = tw_curv_new(net, test, &curv_opts, &hessian)) != TW_OK) goto done;
    if ((st = tw_lanczos(tw_curv_linop(hessian), &lanczos, &eigs)) != TW_OK) goto done;
    for (int64_t i = 0; i < eigs->count; i++)
        printf("lambda = %.4f +- %.1g%s\n", eigs->value[i], eigs->residual[i],
               eigs->converged[i] ? "" : " (not converged)");
done:
    if (st != TW_OK) fprintf(stderr, "%s\n", tw_error());
    if (argc < 2) remove(own);
    tw_eigs_free(eigs);
    tw_curv_free(hessian);
    tw_trainer_free(trainer);
    tw_net_free(net);
    tw_data_free(test);
    tw_data_free(train);
    return st == TW_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
