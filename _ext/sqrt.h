/* A square root of multiplications alone, for loops that keep the processor's one divider busy otherwise.
 *
 * An approximation to 1/sqrt(x) from the bits of x (3.4 % off), two of Goldschmidt's iterations, which square the error
 * each, and a last correction by x - g^2: exact to 0.6 ulp with fused multiplication and addition, from 1e-30 on. Below, as
 * the correction is flushed to zero, it is 5e-6 off at worst, and what is not normal counts as zero. Roots of 0, infinity,
 * NaN and of negative numbers are IEEE's. Where a vector has 64 bytes its twelve operations take half the time of the root
 * that the divider computes; in narrower vectors they take longer.
 *
 * Source: R. E. Goldschmidt, "Applications of division by convergence", 1964.
 */
#ifndef TP_SQRT_H
#define TP_SQRT_H

#include <math.h>
#include <stdint.h>

#include "simd.h"

TP_INLINE float tp_sqrt_f32(float x) {
    union {
        float value;
        uint32_t bits;
    } guess = {x};
    guess.bits = 0x5f375a86u - (guess.bits >> 1);
    float g = x * guess.value, h = 0.5f * guess.value; /* they converge to sqrt(x) and 1 / (2 sqrt(x)) */
    float r = 0.5f - g * h;
    g += g * r;
    h += h * r;
    r = 0.5f - g * h;
    g += g * r;
    h += h * r;
    g += (x - g * g) * h;
    g = x < INFINITY ? g : x;
    return x < 0 ? NAN : g;
}

#endif
