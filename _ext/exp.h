/* e^x and the logistic function without branches, so that loops over them vectorise.
 *
 * Range reduction after W. J. Cody and W. Waite (Software Manual for the Elementary Functions, 1980): x = n
 * ln 2 + r with |r| <= ln 2 / 2, ln 2 in two parts so that n times the first is exact; e^r - 1 by a polynomial
 * through Chebyshev's points; then 2^n, put together from its bits. Results beyond the normal numbers (overflow to
 * infinity, underflow to 0, subnormals) round as they should. NaN stays NaN. Measured: e^x within 1.2 ulp, the
 * logistic function within 1.8.
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

/* A number's bits and back, and the exponent's place in them. */
#define TP_DEFINE_BITS(real, bits, kind)             \
    TP_INLINE bits tp_bits_##kind(real x) {          \
        bits u;                                      \
        memcpy(&u, &x, sizeof u);                    \
        return u;                                    \
    }                                                \
    TP_INLINE real tp_from_bits_##kind(bits u) {     \
        real x;                                      \
        memcpy(&x, &u, sizeof x);                    \
        return x;                                    \
    }

TP_DEFINE_BITS(float, uint32_t, f32)
TP_DEFINE_BITS(double, uint64_t, f64)

/* 2^(n + plus), from the sum n + TP_ROUND. */
TP_INLINE float tp_power_f32(float n, int plus) {
    return tp_from_bits_f32((tp_bits_f32(n) << 23) + ((uint32_t)(127 + plus) << 23));
}

TP_INLINE double tp_power_f64(double n, int plus) {
    return tp_from_bits_f64((tp_bits_f64(n) << 52) + ((uint64_t)(1023 + plus) << 52));
}

/* x 2^n, where that is a normal number, from n + TP_ROUND. */
TP_INLINE float tp_times_power_f32(float x, float n) {
    return tp_from_bits_f32((tp_bits_f32(n) << 23) + tp_bits_f32(x));
}

TP_INLINE double tp_times_power_f64(double x, double n) {
    return tp_from_bits_f64((tp_bits_f64(n) << 52) + tp_bits_f64(x));
}

/* A power of 2 by which 2^n becomes small enough to be added to, from n + TP_ROUND: 1 where n is small, 2^-16 or 2^-32
 * where it is large (2^-128 or 2^-256), some such number where it is negative. */
TP_INLINE float tp_unit_f32(float n) { return tp_from_bits_f32((127u << 23) - ((tp_bits_f32(n) & 0xC0u) << 21)); }

TP_INLINE double tp_unit_f64(double n) {
    return tp_from_bits_f64(((uint64_t)1023 << 52) - ((tp_bits_f64(n) & 0x600u) << 50));
}

/* ln 2 in two parts */
#define TP_LN_2_HIGH_F32 0.693359375f
#define TP_LN_2_LOW_F32 -2.12194440e-4f
#define TP_LN_2_HIGH_F64 0.6931471803691238
#define TP_LN_2_LOW_F64 1.9082149292705878e-10

/* r of x = n ln 2 + r; n + TP_ROUND into n. */
TP_INLINE float tp_reduce_f32(float x, float *n) {
    *n = x * 1.44269504f + TP_ROUND_F32;
    const float whole = *n - TP_ROUND_F32;
    return (x - whole * TP_LN_2_HIGH_F32) - whole * TP_LN_2_LOW_F32;
}

TP_INLINE double tp_reduce_f64(double x, double *n) {
    *n = x * 1.4426950408889634074 + TP_ROUND_F64;
    const double whole = *n - TP_ROUND_F64;
    return (x - whole * TP_LN_2_HIGH_F64) - whole * TP_LN_2_LOW_F64;
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
    /* v / (1 + (1 + m) 2^n), from n + TP_ROUND, both sides times `unit`, a power of 2. What 1 + 2^n loses where 2^n   \
     * is the larger one is added again. */                                                       \
    TP_INLINE real tp_quotient_##kind(real v, real m, real n, real unit) {                        \
        const real power = tp_times_power_##kind(unit, n), sum = unit + power;                    \
        return v * unit / ((m * power + (unit - (sum - power))) + sum);                           \
    }                                                                                             \
    /* 1 / (1 + e^-x) */                                                                          \
    TP_INLINE real tp_logistic_##kind(real x) {                                                   \
        x = x < (lowest) ? (lowest) : x;                                                          \
        x = x > (certain) ? (certain) : x;                                                        \
        real n;                                                                                   \
        const real r = tp_reduce_##kind(-x, &n);                                                  \
        return tp_quotient_##kind(1, tp_expm1_##kind(r), n, TP_SCALE_##KIND);                     \
    }

TP_DEFINE_EXP(float, f32, F32, -104.0f, 89.0f, 40.0f)
TP_DEFINE_EXP(double, f64, F64, -746.0, 710.0, 60.0)

#endif
