/* Gradients that are added up. A script may hand the same memory as both. */
#ifndef TP_ACCUMULATE_H
#define TP_ACCUMULATE_H

#include <stddef.h>

#include "simd.h"

static TP_SIMD void tp_accumulate_f32(float *total, const float *term, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) total[i] += term[i];
}

static TP_SIMD void tp_accumulate_f64(double *total, const double *term, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) total[i] += term[i];
}

#endif
