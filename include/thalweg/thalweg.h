// SPDX-License-Identifier: MIT
// All of Thalweg's public headers.
#ifndef THALWEG_H
#define THALWEG_H

#include "thalweg/base.h"
#include "thalweg/curv.h"
#include "thalweg/curv_compare.h"
#include "thalweg/curv_noise.h"
#include "thalweg/data.h"
#include "thalweg/kernel.h"
#include "thalweg/linalg.h"
#include "thalweg/net.h"
#include "thalweg/run.h"
#include "thalweg/theory_bound.h"
#include "thalweg/theory_escape.h"
#include "thalweg/theory_noise.h"
#include "thalweg/train.h"
#include "thalweg/train_bound.h"
#include "thalweg/train_dynamics.h"
#include "thalweg/train_noise.h"
#include "thalweg/trainer.h"

#endif
