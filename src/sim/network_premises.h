// SPDX-License-Identifier: MIT
// What a predicted escape time of a network takes for granted, looked at.
#ifndef SIM_NETWORK_PREMISES_H
#define SIM_NETWORK_PREMISES_H

#include "sim/network_valley.h"

// The linear Gaussian chain about a minimum a: w* is where its stationary law is largest on the box or the plane.
//
//   level        |w* - a| in standard deviations of its direction: Pickands' rate wants 3
//   off_slope    |grad L(w*) - H (w* - a)| / |H (w* - a)|: is the valley a parabola as far as that? The worse of the
//   two
//                sides of a box
//   off_noise    n' C_1(w*) n / n' C_1(a) n - 1, n along w* - a: is the noise there that of the minimum? Minibatches
//   lone         samples that end it from a by being drawn once, and
//   lone_steps   ln(m / (B lone)): ln of the steps until one of them is drawn, which no law of the noise's covariance
//                knows; INFINITY without them
typedef struct tw_network_premises {
    double level, off_slope, off_noise, lone_steps;
    int64_t lone;
} tw_network_premises;

// White noise past a saddle has other premises (Kramers' time): all numbers are NAN then, and where there is no
// prediction. The weights of the net behind s are changed.
TW_NODISCARD tw_status tw_network_premises_find(tw_network_surface *s, const tw_network_valley *v,
                                                tw_network_noise noise, double D, tw_escape_rule rule, double size,
                                                double eta, double B, tw_network_premises *out);

// Which of them fails for a time with this logarithm: a sentence, or "" when none does. Bounds: level 3, a tenth of the
// slope (the exponent is off by about as much), a fifth of the noise.
void tw_network_premises_say(const tw_network_premises *p, double ln_steps, int64_t m, size_t size, char *out);

#endif
