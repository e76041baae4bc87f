// SPDX-License-Identifier: MIT
// Recipes for Jastrzebski et al. (ICLR 2019), scaled down: a convolutional network of the paper's shape with 8 filters
// and a perceptron of four hidden layers, 2,000 samples, batches of 50, no augmentation, batch norm or dropout; at full
// scale the convolutional network is the paper's SimpleCNN, on 10,000 samples in batches of 128. Pixels are centred and
// divided by one standard deviation, weights start Glorot uniform, as in the paper.
#include "paper/sharpest_runs.h"

#define SHARPEST_DATA "data: {samples: 2000, random_subset: true, validation: 0.1, scale: one-scale}\n"
#define SHARPEST_LOSSES                    \
    "    - {kind: loss, every: 1 epoch}\n" \
    "    - {kind: loss, data: validation, samples: 2000, every: 1 epoch}\n"

static const char cnn[] = SHARPEST_DATA
    "model: {spec: 'seq:conv(8,3,pad=same) relu conv(8,3) relu maxpool(2) conv(16,3,pad=same) relu conv(16,3) relu "
    "maxpool(2) dense(32) relu dense(10)', init: paper}\n"
    "optim: {lr: 0.01}\n"
    "sampling: {batch: 50}\n"
    "outputs: {log: 10 steps}\n"
    "probes:\n"
    "  samples: 200\n"
    "  also:\n"
    "    - {kind: eigs, top: 2, tolerance: 0.03, products: 80, every: 1 epoch}\n" SHARPEST_LOSSES
    "    - {kind: trace, products: 24, every: 10 epochs}\n";

static const char cnn_step[] = SHARPEST_DATA
    "model: {spec: 'seq:conv(8,3,pad=same) relu conv(8,3) relu maxpool(2) conv(16,3,pad=same) relu conv(16,3) relu "
    "maxpool(2) dense(32) relu dense(10)', init: paper}\n"
    "optim: {lr: 0.01}\n"
    "sampling: {batch: 50}\n"
    "stop: {epochs: 8}\n"
    "outputs: {log: 10 steps}\n"
    "probes:\n"
    "  samples: 200\n"
    "  also:\n"
    "    - {kind: step, top: 2, along: 1, batches: 6, fresh: true, loss_samples: 2000, tolerance: 0.03, products: 80, "
    "every: 16 steps}\n" SHARPEST_LOSSES;

static const char mlp[] = SHARPEST_DATA
    "model: {spec: 'seq:dense(32) relu dense(32) relu dense(32) relu dense(32) relu dense(10)', init: paper}\n"
    "optim: {lr: 0.03}\n"
    "sampling: {batch: 50}\n"
    "outputs: {log: 10 steps}\n"
    "probes:\n"
    "  samples: 500\n"
    "  also:\n"
    "    - {kind: eigs, top: 2, tolerance: 0.01, products: 100, every: 1 epoch}\n" SHARPEST_LOSSES;

static const char mlp_step[] = SHARPEST_DATA
    "model: {spec: 'seq:dense(32) relu dense(32) relu dense(32) relu dense(32) relu dense(10)', init: paper}\n"
    "optim: {lr: 0.03}\n"
    "sampling: {batch: 50}\n"
    "outputs: {log: 10 steps, weights: 8 epochs}\n"
    "probes:\n"
    "  samples: 500\n"
    "  also:\n"
    "    - {kind: eigs, top: 2, tolerance: 0.01, products: 100, every: 1 epoch}\n" SHARPEST_LOSSES
    "    - {kind: step, top: 5, along: 1, batches: 20, loss_samples: 2000, tolerance: 0.01, products: 150, "
    "every: 1 epoch}\n";

static const char ablation[] = SHARPEST_DATA
    "model: {spec: 'seq:dense(32) relu dense(32) relu dense(32) relu dense(32) relu dense(10)', init: paper}\n"
    "optim: {lr: 0.03}\n"
    "sampling: {batch: 50}\n"
    "stop: {epochs: 100}\n"
    "outputs: {log: 10 steps}\n"
    "probes:\n"
    "  samples: 500\n"
    "  also:\n"
    "    - {kind: eigs, top: 2, tolerance: 0.01, products: 100, every: 5 steps}\n"
    "    - {kind: loss, every: 10 steps}\n";

// The paper's own network (root), on 10,000 samples; directions and probes from 256 of them.
#define CNN_FULL "model.spec=simplecnn\ndata.samples=10000\nsampling.batch=128\nprobes.samples=256\nstop.epochs=20\n"
#define NUDGED(gamma) "optim.name=nudged:gamma=" gamma ",k=5,samples=200\n"
#define NUDGED_FULL(gamma) CNN_FULL "optim.name=nudged:gamma=" gamma ",k=5,samples=256,tolerance=1e-2\n"
#define VARIANT(words) "optim.name=nudged:" words ",k=1,refresh=steps,samples=500,tolerance=1e-2\n"
#define ABLATED {"stop.steps=60\n", "stop.steps=150\n", NULL}, "mlp-0.03", 8

const tw_paper_run tw_sharpest_run[] = {
    {"cnn-0.01", cnn, "", {"stop.epochs=7\n", "stop.epochs=10\n", CNN_FULL}, NULL, 0},
    {"cnn-0.03", cnn, "optim.lr=0.03\n", {"stop.epochs=7\n", "stop.epochs=10\n", CNN_FULL}, NULL, 0},
    {"cnn-0.1", cnn, "optim.lr=0.1\n", {NULL, "stop.epochs=10\n", CNN_FULL}, NULL, 0},
    {"cnn-step", cnn_step, "", {NULL, "", NULL}, NULL, 0},
    {"cnn-nudged-5", cnn, NUDGED("5"), {NULL, "stop.epochs=10\n", NUDGED_FULL("5")}, NULL, 0},
    {"cnn-nudged-0.1", cnn, NUDGED("0.1"), {NULL, "stop.epochs=10\n", NUDGED_FULL("0.1")}, NULL, 0},
    {"cnn-nudged-0.01", cnn, NUDGED("0.01"), {NULL, "stop.epochs=10\n", NUDGED_FULL("0.01")}, NULL, 0},
    {"cnn-adam-0.003", cnn, "optim.name=adam:eps=1e-7\noptim.lr=0.003\n", {NULL, "stop.epochs=6\n", NULL}, NULL, 0},
    {"cnn-adam-0.001", cnn, "optim.name=adam:eps=1e-7\noptim.lr=0.001\n", {NULL, "stop.epochs=6\n", NULL}, NULL, 0},
    {"cnn-adam-0.0003", cnn, "optim.name=adam:eps=1e-7\noptim.lr=0.0003\n", {NULL, "stop.epochs=6\n", NULL}, NULL, 0},
    {"cnn-he", cnn, "model.init=he-normal\n", {NULL, "stop.epochs=6\n", NULL}, NULL, 0},
    {"cnn-momentum", cnn, "optim.name=sgd:momentum=0.9\noptim.lr=0.001\n", {NULL, "stop.epochs=6\n", NULL}, NULL, 0},
    {"cnn-drop",
     cnn,
     "optim.lr=0.1\nschedule.name=step:every=4,factor=0.1\n",
     {NULL, "stop.epochs=8\n", NULL},
     NULL,
     0},
    {"mlp-0.03", mlp_step, "", {"stop.epochs=10\n", "stop.epochs=40\n", NULL}, NULL, 0},
    {"mlp-0.1", mlp, "optim.lr=0.1\n", {NULL, "stop.epochs=40\n", NULL}, NULL, 0},
    {"mlp-0.01", mlp, "optim.lr=0.01\n", {NULL, "stop.epochs=40\n", NULL}, NULL, 0},
    {"mlp-batch-8", mlp, "optim.lr=0.05\nsampling.batch=8\n", {NULL, "stop.epochs=40\n", NULL}, NULL, 0},
    {"mlp-batch-32", mlp, "optim.lr=0.05\nsampling.batch=32\n", {NULL, "stop.epochs=40\n", NULL}, NULL, 0},
    {"mlp-batch-256", mlp, "optim.lr=0.05\nsampling.batch=256\n", {NULL, "stop.epochs=40\n", NULL}, NULL, 0},
    {"mlp-nudged-5",
     mlp,
     "optim.name=nudged:gamma=5,k=5,samples=500\n",
     {"stop.epochs=10\n", "stop.epochs=20\n", NULL},
     NULL,
     0},
    {"mlp-nudged-0.1",
     mlp,
     "optim.name=nudged:gamma=0.1,k=5,samples=500\n",
     {"stop.epochs=10\n", "stop.epochs=20\n", NULL},
     NULL,
     0},
    {"mlp-k1", mlp, "optim.name=nudged:gamma=0.01,k=1,samples=500\n", {NULL, "stop.epochs=20\n", NULL}, NULL, 0},
    {"mlp-k5", mlp, "optim.name=nudged:gamma=0.01,k=5,samples=500\n", {NULL, "stop.epochs=20\n", NULL}, NULL, 0},
    {"mlp-k10", mlp, "optim.name=nudged:gamma=0.01,k=10,samples=500\n", {NULL, "stop.epochs=20\n", NULL}, NULL, 0},
    {"mlp-random", mlp, "optim.name=nudged:gamma=0.01,k=5,random=yes\n", {NULL, "stop.epochs=20\n", NULL}, NULL, 0},
    {"mlp-normal", ablation, "", ABLATED},
    {"mlp-onlytop", ablation, VARIANT("variant=onlytop"), ABLATED},
    {"mlp-removetop", ablation, VARIANT("variant=removetop"), ABLATED},
    {"mlp-constanttop",
     ablation,
     "optim.name=nudged:variant=onlytop,k=1,refresh=once,samples=500\n",
     {NULL, "stop.steps=150\n", NULL},
     "mlp-0.03",
     8},
    {"mlp-scaled-0.25",
     ablation,
     VARIANT("variant=topscaled,factor=0.25"),
     {NULL, "stop.steps=150\n", NULL},
     "mlp-0.03",
     8},
    {"mlp-scaled-2", ablation, VARIANT("variant=topscaled,factor=2"), {NULL, "stop.steps=150\n", NULL}, "mlp-0.03", 8},
    {"mlp-scaled-4", ablation, VARIANT("variant=topscaled,factor=4"), {NULL, "stop.steps=150\n", NULL}, "mlp-0.03", 8},
    {0},
};

#define TOP "eigs/hessian/top/1"
#define SHARPNESS "largest eigenvalue"

const tw_paper_figure tw_sharpest_figure[] = {
    {"The top of the spectrum along SGD, by step size", "Convolutional network, batches of 50.", SHARPNESS, TOP,
     "cnn-0.01 cnn-0.03 cnn-0.1", true},
    {"The same for the perceptron", "Batches of 50.", SHARPNESS, TOP, "mlp-0.01 mlp-0.03 mlp-0.1", true},
    {"By batch size", "Perceptron, step 0.05.", SHARPNESS, TOP, "mlp-batch-8 mlp-batch-32 mlp-batch-256", true},
    {"Two eigenvalues rise together", "Convolutional network, step 0.01.", "eigenvalue",
     "eigs/hessian/top/1 eigs/hessian/top/2", "cnn-0.01", true},
    {"Half, all and twice the step along the sharpest direction",
     "Change of the loss on all training samples, in percent; eigenvector from a fresh subset. Convolutional network, "
     "step 0.01.",
     "percent", "step/train/delta/1/0.5 step/train/delta/1/1 step/train/delta/1/2", "cnn-step", false},
    {"Alignment of batch gradients with the top five eigenvectors",
     "Mean |cos|, and the part of the squared norm in their span. Perceptron, step 0.03.", "part",
     "step/train/cosine step/train/share", "mlp-0.03", true},
    {"Following, leaving out and rescaling the sharpest direction",
     "From one state of the perceptron after eight epochs; the direction is found anew at every step.", SHARPNESS, TOP,
     "mlp-normal mlp-onlytop mlp-constanttop mlp-removetop", false},
    {"Another step length along the sharpest direction alone", "The same, by the factor on that component.", SHARPNESS,
     TOP, "mlp-scaled-0.25 mlp-normal mlp-scaled-2 mlp-scaled-4", false},
    {"Nudged SGD: loss", "Convolutional network, step 0.01 elsewhere, gamma times that along five directions.",
     "training loss", "loss/train/loss", "cnn-nudged-5 cnn-0.01 cnn-nudged-0.1 cnn-nudged-0.01", true},
    {"Nudged SGD: sharpness", "The same runs.", SHARPNESS, TOP, "cnn-nudged-5 cnn-0.01 cnn-nudged-0.1 cnn-nudged-0.01",
     true},
    {"Nudged SGD: accuracy on samples put aside", "The same runs.", "accuracy", "loss/validation/accuracy",
     "cnn-nudged-5 cnn-0.01 cnn-nudged-0.1 cnn-nudged-0.01", false},
    {"Nudged SGD: more directions", "Perceptron, gamma 0.01; random directions as control.", SHARPNESS, TOP,
     "mlp-0.03 mlp-random mlp-k1 mlp-k5 mlp-k10", true},
    {"Adam", "Convolutional network, by step size.", SHARPNESS, TOP, "cnn-adam-0.0003 cnn-adam-0.001 cnn-adam-0.003",
     true},
    {"A drop of the step size", "From 0.1 to 0.01 after four epochs, beside 0.1 throughout.", SHARPNESS, TOP,
     "cnn-0.1 cnn-drop", true},
    {0},
};
