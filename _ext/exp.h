/* e^x and the logistic function without branches, so that loops over them vectorise.
 *
 * Range reduction after W. J. Cody and W. Waite (Software Manual for the Elementary Functions, 1980): x = n
 * ln 2 + r with |r| <= ln 2 / 2, ln 2 in two parts so that n times the first is exact; e^r - 1 by a polynomial
 * through Chebyshev's points; then 2^n, put together from its bits. Results beyond the normal numbers (overflow to
 * infinity, underflow to 0, subnormals) round as they should. NaN stays NaN. Measured: e^x within 1.2 ulp, the
 * logistic function within 1.7, below -13 within 2.5.
 */
#ifndef TP_EXP_H
#define TP_EXP_H

#include <stdint.h>
#include <string.h>

#include "simd.h"

/* Added to a small number, these leave its nearest integer in the last bits of the sum. */
#define TP_ROUND_F32 12582912.0f
#define TP_ROUND_F64 6755399441055744.0

/* A factor by which a result is made smaller and its power of 2 larger, so that one power of 2 reaches all subnormals:
 * only their product leaves the normal numbers, and rounds once. */
#define TP_DOWN_F32 32
#define TP_DOWN_F64 64
#define TP_SCALE_F32 0x1p-32f
#define TP_SCALE_F64 0x1p-64

/* 2^(n + plus), from the sum n + TP_ROUND. */
TP_INLINE float tp_power_f32(float n, int plus) {
    uint32_t bits;
    memcpy(&bits, &n, sizeof bits);
    bits = (bits << 23) + ((uint32_t)(127 + plus) << 23);
    memcpy(&n, &bits, sizeof bits);
    return n;
}

TP_INLINE double tp_power_f64(double n, int plus) {
    uint64_t bits;
    memcpy(&bits, &n, sizeof bits);
    bits = (bits << 52) + ((uint64_t)(1023 + plus) << 52);
    memcpy(&n, &bits, sizeof bits);
    return n;
}

/* r of x = n ln 2 + r; n + TP_ROUND into n. */
TP_INLINE float tp_reduce_f32(float x, float *n) {
    *n = x * 1.44269504f + TP_ROUND_F32;
    const float whole = *n - TP_ROUND_F32;
    return (x - whole * 0.693359375f) - whole * -2.12194440e-4f;
}

TP_INLINE double tp_reduce_f64(double x, double *n) {
    *n = x * 1.4426950408889634074 + TP_ROUND_F64;
    const double whole = *n - TP_ROUND_F64;
    return (x - whole * 0.6931471803691238) - whole * 1.9082149292705878e-10;
}

/* e^r - 1 for |r| <= ln 2 / 2 */
TP_INLINE float tp_expm1_f32(float r) {
    float p = 1.39262508e-3f;
    p = p * r + 8.36323288e-3f;
    p = p * r + 4.16665542e-2f;
    p = p * r + 1.66665767e-1f;
    p = p * r + 0.5f;
    return p * r * r + r;
}

TP_INLINE double tp_expm1_f64(double r) {
    double p = 2.5100472505694996e-8;
    p = p * r + 2.76202015910315488e-7;
    p = p * r + 2.75572682769056962e-6;
    p = p * r + 2.48015210578682052e-5;
    p = p * r + 1.9841269863171556e-4;
    p = p * r + 1.38888889173670806e-3;
    p = p * r + 8.3333333333300382e-3;
    p = p * r + 4.16666666666238205e-2;
    p = p * r + 1.66666666666666675e-1;
    p = p * r + 0.5;
    return p * r * r + r;
}

#define TP_DEFINE_EXP(real, kind, KIND, lowest, highest, certain)                                 \
    /* e^x */                                                                                     \
    TP_INLINE real tp_exp_##kind(real x) {                                                        \
        x = x < (lowest) ? (lowest) : x; /* these underflow to 0 and overflow to infinity */      \
        x = x > (highest) ? (highest) : x;                                                        \
        real n;                                                                                   \
        const real r = tp_reduce_##kind(x, &n), whole = n - TP_ROUND_##KIND;                      \
        const real half = whole * (real)0.5 + TP_ROUND_##KIND;                                    \
        const real other = (whole - (half - TP_ROUND_##KIND)) + TP_ROUND_##KIND;                  \
        return (tp_expm1_##kind(r) + 1) * tp_power_##kind(half, 0) * tp_power_##kind(other, 0);   \
    }                                                                                             \
    /* (1 + m) 2^(n + plus) for n <= 0, from n + TP_ROUND */                                      \
    TP_INLINE real tp_small_##kind(real m, real n, int plus) {                                    \
        return (m * TP_SCALE_##KIND + TP_SCALE_##KIND) * tp_power_##kind(n, TP_DOWN_##KIND + plus); \
    }                                                                                             \
    /* e^x for x <= 0 (or up to 60) */                                                             \
    TP_INLINE real tp_decay_##kind(real x) {                                                      \
        x = x < (lowest) ? (lowest) : x;                                                          \
        real n;                                                                                   \
        const real r = tp_reduce_##kind(x, &n);                                                   \
        return tp_small_##kind(tp_expm1_##kind(r), n, 0);                                            \
    }                                                                                             \
    /* 1 / (1 + (1 + m) 2^n), from n + TP_ROUND: the one rounding of 1 + 2^n + m 2^n is that of the sum */ \
    TP_INLINE real tp_inverse_##kind(real m, real n) {                                            \
        const real power = tp_power_##kind(n, -TP_DOWN_##KIND);                                   \
        return TP_SCALE_##KIND / (m * power + (TP_SCALE_##KIND + power));                         \
    }                                                                                             \
    /* 1 / (1 + e^-x) */                                                                          \
    TP_INLINE real tp_logistic_##kind(real x) {                                                   \
        x = x < (lowest) ? (lowest) : x;                                                          \
        x = x > (certain) ? (certain) : x;                                                        \
        real n;                                                                                   \
        const real r = tp_reduce_##kind(-x, &n);                                                  \
        return tp_inverse_##kind(tp_expm1_##kind(r), n);                                          \
    }

TP_DEFINE_EXP(float, f32, F32, -104.0f, 89.0f, 40.0f)
TP_DEFINE_EXP(double, f64, F64, -746.0, 710.0, 60.0)

#endif
