/* Sums of squares, exact to rounding while no square leaves the range of the type; products in place. */
#ifndef TP_CLIP_H
#define TP_CLIP_H

#include <float.h>
#include <math.h>

#include "arrays.h"
#include "simd.h"
#include "sums.h"

#define TP_DEFINE_CLIP(real, suffix, largest)                                             \
    static TP_SIMD double tp_sum_squares_##suffix(const real *x, npy_intp n) {            \
        double total;                                                                     \
        TP_SUM(real, total, i, n, x[i] * x[i]);                                           \
        return total;                                                                     \
    }                                                                                     \
    static TP_SIMD void tp_rescale_##suffix(real *x, real factor, npy_intp n) {           \
        for (npy_intp i = 0; i < n; i++) x[i] *= factor;                                  \
    }                                                                                     \
    /* Whether an element was inf or NaN: the one comparison is false for both. */        \
    static TP_SIMD int tp_unscale_##suffix(real *x, real factor, npy_intp n) {            \
        int found = 0;                                                                    \
        for (npy_intp i = 0; i < n; i++) {                                                \
            real value = x[i];                                                            \
            found |= !((value < 0 ? -value : value) <= largest);                          \
            x[i] = value * factor;                                                        \
        }                                                                                 \
        return found;                                                                     \
    }

TP_DEFINE_CLIP(float, f32, FLT_MAX)
TP_DEFINE_CLIP(double, f64, DBL_MAX)

static inline double tp_sum_squares(int kind, const void *x, npy_intp n) {
    return kind ? tp_sum_squares_f64(x, n) : tp_sum_squares_f32(x, n);
}

static inline void tp_rescale(int kind, void *x, double factor, npy_intp n) {
    if (kind) tp_rescale_f64(x, factor, n);
    else tp_rescale_f32(x, (float)factor, n);
}

static inline int tp_unscale(int kind, void *x, double factor, npy_intp n) {
    return kind ? tp_unscale_f64(x, factor, n) : tp_unscale_f32(x, (float)factor, n);
}

#endif
