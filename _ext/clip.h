/* Sums of squares, exact to rounding while no square leaves the range of the type, and products in place. */
#ifndef TP_CLIP_H
#define TP_CLIP_H

#include "arrays.h"
#include "simd.h"
#include "sums.h"

#define TP_DEFINE_CLIP(real, suffix)                                                      \
    static TP_SIMD double tp_sum_squares_##suffix(const real *x, npy_intp n) {            \
        double total;                                                                     \
        TP_SUM(real, total, i, n, x[i] * x[i]);                                           \
        return total;                                                                     \
    }                                                                                     \
    static TP_SIMD void tp_rescale_##suffix(real *x, real factor, npy_intp n) {           \
        for (npy_intp i = 0; i < n; i++) x[i] *= factor;                                  \
    }

TP_DEFINE_CLIP(float, f32)
TP_DEFINE_CLIP(double, f64)

static inline double tp_sum_squares(int kind, const void *x, npy_intp n) {
    return kind ? tp_sum_squares_f64(x, n) : tp_sum_squares_f32(x, n);
}

static inline void tp_rescale(int kind, void *x, double factor, npy_intp n) {
    if (kind) tp_rescale_f64(x, factor, n);
    else tp_rescale_f32(x, (float)factor, n);
}

#endif
