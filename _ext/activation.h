/* Smooth activations and their gradients without branches, so that their loops vectorise.
 *
 * GELU is max(x, 0) - t Phi(-t) with t = |x| and Phi the normal distribution's function, Phi(-t) = e^(-t^2/2 + D(t)) /
 * (2 (1 + t)): D is at most 0.17, so that a quotient of short polynomials gives it exactly enough. t^2 and 1 + t are
 * kept to twice the digits, as half a last place of t^2 would be worth t^2 / 2 of the result's; what rounding took goes
 * into the exponent. For the derivative Phi(-t) = e^(-t^2/2) K(t), K a quotient of polynomials too: at -t it is
 * e^(-t^2/2) (K(t) - t / sqrt(2 pi)), at t what is left of 1. SiLU is x / (1 + e^-x), one division; GELU's tanh form is
 * x / (1 + 2^-z) with z a cubic. The coefficients of float32 are weighted least squares fits over all t whose results
 * are not 0, the weights adapted in turns (C. L. Lawson, 1961), those of float64 interpolate.
 *
 * Measured on every instruction set: within 1.8 ulp everywhere, results that are subnormal included, but for float64's
 * tanh form, which is within 2 + 3 x^2 below -1. The derivatives, which pass through 0, are within 2 ulp of 1.
 */
#ifndef TP_ACTIVATION_H
#define TP_ACTIVATION_H

#include "arrays.h"
#include "exp.h"
#include "simd.h"

/* D(t) */
TP_INLINE float tp_normal_rest_f32(float t) {
    float p = -0.00386514515f, q = 0.0171182007f;
    p = p * t - 0.0144582866f;
    p = p * t - 0.0209933221f;
    p = p * t + 0.0686393976f;
    p = p * t + 0.202115268f;
    q = q * t + 0.139847025f;
    q = q * t + 0.598695695f;
    q = q * t + 1.44194698f;
    q = q * t + 1.91447568f;
    q = q * t + 1.0f;
    return p * t / q;
}

TP_INLINE double tp_normal_rest_f64(double t) {
    double p = -3.809122780652417e-07, q = 1.6870100364941352e-06;
    p = p * t - 8.035340603486569e-06;
    p = p * t - 9.115445302985155e-05;
    p = p * t - 0.0006719308956406365;
    p = p * t - 0.0034455706870972548;
    p = p * t - 0.012235163786728401;
    p = p * t - 0.02745485872309005;
    p = p * t - 0.02159838017991174;
    p = p * t + 0.08809313619604069;
    p = p * t + 0.36869940206852825;
    p = p * t + 0.6541631271292502;
    p = p * t + 0.5782986168009842;
    p = p * t + 0.20211543919713465;
    q = q * t + 4.3059003483088955e-05;
    q = q * t + 0.0005832063093461319;
    q = q * t + 0.005275273045176399;
    q = q * t + 0.03482942526321431;
    q = q * t + 0.17468916006751684;
    q = q * t + 0.6774309195964221;
    q = q * t + 2.0375154781428666;
    q = q * t + 4.71139263592189;
    q = q * t + 8.194217107932163;
    q = q * t + 10.304701402952569;
    q = q * t + 8.75354455258791;
    q = q * t + 4.436120795850047;
    q = q * t + 1.0;
    return p * t / q;
}

/* K(t) */
TP_INLINE float tp_mills_f32(float t) {
    float p = 0.0041225788f, q = 0.0103336548f;
    p = p * t + 0.0406780918f;
    p = p * t + 0.183371823f;
    p = p * t + 0.438484836f;
    p = p * t + 0.500000003f;
    q = q * t + 0.101971225f;
    q = q * t + 0.469830261f;
    q = q * t + 1.2030796f;
    q = q * t + 1.67485464f;
    q = q * t + 1.0f;
    return p / q;
}

TP_INLINE double tp_mills_f64(double t) {
    double p = 2.2108848321335286e-07, q = 5.541866432177326e-07;
    p = p * t + 6.895440133317237e-06;
    p = p * t + 0.00010553913311630978;
    p = p * t + 0.0010312764064003075;
    p = p * t + 0.007074997471027468;
    p = p * t + 0.03547289353708091;
    p = p * t + 0.13147714212493336;
    p = p * t + 0.35619201157463565;
    p = p * t + 0.6781247082268727;
    p = p * t + 0.8269804413092917;
    p = p * t + 0.5;
    q = q * t + 1.7284305204230445e-05;
    q = q * t + 0.0002651015617892212;
    q = q * t + 0.002602310904664066;
    q = q * t + 0.0179978276961465;
    q = q * t + 0.09146781621870463;
    q = q * t + 0.3467751501934583;
    q = q * t + 0.976761261263426;
    q = q * t + 1.9965042993626185;
    q = q * t + 2.8125390412345688;
    q = q * t + 2.451845443421449;
    q = q * t + 1.0;
    return p / q;
}

/* |x|; a comparison would leave -0 as it is */
TP_INLINE float tp_size_of_f32(float x) { return tp_from_bits_f32(tp_bits_f32(x) & 0x7FFFFFFFu); }
TP_INLINE double tp_size_of_f64(double x) { return tp_from_bits_f64(tp_bits_f64(x) & 0x7FFFFFFFFFFFFFFFu); }

/* The larger half of a number's digits: its square is exact. */
TP_INLINE float tp_half_f32(float x) { return tp_from_bits_f32(tp_bits_f32(x) & 0xFFFFF000u); }
TP_INLINE double tp_half_f64(double x) { return tp_from_bits_f64(tp_bits_f64(x) & 0xFFFFFFFFF8000000u); }

/* About 1 / x: a straight line through the logarithm is within an eighth. */
TP_INLINE float tp_near_inverse_f32(float x) { return tp_from_bits_f32(0x7EF311C7u - tp_bits_f32(x)); }
TP_INLINE double tp_near_inverse_f64(double x) { return tp_from_bits_f64(0x7FDE623822FC16E6u - tp_bits_f64(x)); }

#define TP_LOG2_E 1.4426950408889634074
#define TP_LN_2 0.69314718055994530942
#define TP_TANH_LINEAR 2.3022081981443247 /* 2 sqrt(2 / pi) / ln 2 */
#define TP_TANH_LINEAR_LOW 1.3132826040769715e-16
#define TP_TANH_CUBIC 0.10294323958002349 /* 0.044715 of it */

/* f, |f| <= 1/2, and n of -z = n + f with z = 2 sqrt(2 / pi) (x + 0.044715 x^3) / ln 2: the tanh form is
 * x / (1 + 2^-z). n + TP_ROUND into n. */
TP_INLINE float tp_tanh_exponent_f32(float x, float *n) {
    const double wide = x, z = wide * (TP_TANH_LINEAR + wide * wide * TP_TANH_CUBIC);
    *n = TP_ROUND_F32 - (float)z;
    return (float)((double)(TP_ROUND_F32 - *n) - z);
}

TP_INLINE double tp_tanh_exponent_f64(double x, double *n) {
    const double bend = x * x * TP_TANH_CUBIC, sum = TP_TANH_LINEAR + bend;
    const double lost = (bend - (sum - TP_TANH_LINEAR)) + TP_TANH_LINEAR_LOW;
    *n = TP_ROUND_F64 - x * sum;
    return ((TP_ROUND_F64 - *n) - x * sum) - x * lost;
}

#define TP_TANH_SLOPE 1.5957691216057307117 /* 2 sqrt(2 / pi) */
#define TP_TANH_BEND 0.21406444881780073  /* 3 * 0.044715 of it */
#define TP_ROOT_2_PI 0.39894228040143267794 /* 1 / sqrt(2 pi) */

#define REAL float
#define KIND(name) name##_f32
#define CONSTANT(name) name##_F32
#define FAR_TAIL 14.5f  /* from here on t Phi(-t) rounds to 0 */
#define FAR_TANH 10.9f  /* and the tanh form; at 8 already it is x */
#define FAR_SILU 110.0f /* and SiLU; at 40 already it is x */
#include "activation.h"
#undef REAL
#undef KIND
#undef CONSTANT
#undef FAR_TAIL
#undef FAR_TANH
#undef FAR_SILU
#define REAL double
#define KIND(name) name##_f64
#define CONSTANT(name) name##_F64
#define FAR_TAIL 38.65
#define FAR_TANH 21.6
#define FAR_SILU 753.0
#include "activation.h"
#undef REAL
#undef KIND
#undef CONSTANT
#undef FAR_TAIL
#undef FAR_TANH
#undef FAR_SILU

#define tp_sigmoid(kind, ...) TP_BY_KIND(tp_sigmoid, kind, __VA_ARGS__)
#define tp_sigmoid_grad(kind, ...) TP_BY_KIND(tp_sigmoid_grad, kind, __VA_ARGS__)
#define tp_tanh_grad(kind, ...) TP_BY_KIND(tp_tanh_grad, kind, __VA_ARGS__)
#define tp_silu(kind, ...) TP_BY_KIND(tp_silu, kind, __VA_ARGS__)
#define tp_silu_grad(kind, ...) TP_BY_KIND(tp_silu_grad, kind, __VA_ARGS__)
#define tp_gelu(kind, ...) TP_BY_KIND(tp_gelu, kind, __VA_ARGS__)
#define tp_gelu_grad(kind, ...) TP_BY_KIND(tp_gelu_grad, kind, __VA_ARGS__)

#elif defined(REAL)

#define SOURCE const REAL *TP_RESTRICT
#define RESULT REAL *TP_RESTRICT

TP_INLINE REAL KIND(tp_within)(REAL x, REAL low, REAL high) { /* NaN stays NaN */
    x = x > high ? high : x;
    return x < low ? low : x;
}

/* x, or a 0 of its sign below `low`; of -infinity NaN, as infinity times 0 is */
TP_INLINE REAL KIND(tp_until)(REAL x, REAL low) { return x < low ? x * 0 : x; }

/* t Phi(-t) for t >= 0 */
TP_INLINE REAL KIND(tp_normal_tail)(REAL t) {
    const REAL unit = 1 / CONSTANT(TP_SCALE);
    t = t < FAR_TAIL ? t : FAR_TAIL; /* a NaN goes on in the other part of GELU */
    /* -t^2 / 2 = square + part of rest */
    const REAL half = KIND(tp_half)(t), side = half * (REAL)-0.5, square = half * side;
    REAL rest = (t + half) * (t * (REAL)-0.5 - side) + KIND(tp_normal_rest)(t);
    const REAL n = (square + rest) * (REAL)TP_LOG2_E + CONSTANT(TP_ROUND), whole = n - CONSTANT(TP_ROUND);
    /* the sum's rounding times about 1 / sum */
    const REAL sum = t * unit + unit, lost = (sum - unit) - t * unit;
    rest += lost * KIND(tp_near_inverse)(sum);
    const REAL r = (square - whole * CONSTANT(TP_LN_2_HIGH)) + (rest - whole * CONSTANT(TP_LN_2_LOW));
    const REAL scaled = t * KIND(tp_power)(n, CONSTANT(TP_DOWN) - 1) / sum;
    return scaled * KIND(tp_expm1)(r) + scaled;
}

/* Phi(x) + x Phi'(x) */
TP_INLINE REAL KIND(tp_gelu_slope)(REAL x) {
    REAL t = x < 0 ? -x : x, n;
    t = t > FAR_TAIL ? FAR_TAIL : t;
    const REAL m = KIND(tp_expm1)(KIND(tp_reduce)(t * t * (REAL)-0.5, &n));
    const REAL slope = (KIND(tp_mills)(t) - t * (REAL)TP_ROOT_2_PI) * KIND(tp_small)(m, n, 0);
    return x < 0 ? slope : 1 - slope;
}

static TP_SIMD void KIND(tp_sigmoid)(RESULT y, SOURCE x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) y[i] = KIND(tp_logistic)(x[i]);
}

static TP_SIMD void KIND(tp_sigmoid_grad)(RESULT gx, SOURCE g, SOURCE y, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) gx[i] = g[i] * (y[i] * (1 - y[i]));
}

static TP_SIMD void KIND(tp_tanh_grad)(RESULT gx, SOURCE g, SOURCE y, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) gx[i] = g[i] * (1 - y[i] * y[i]);
}

static TP_SIMD void KIND(tp_silu)(RESULT y, SOURCE x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        REAL whole;
        const REAL m = KIND(tp_expm1)(KIND(tp_reduce)(-KIND(tp_within)(x[i], -FAR_SILU, 40), &whole));
        y[i] = KIND(tp_quotient)(KIND(tp_until)(x[i], -FAR_SILU), m, whole, KIND(tp_unit)(whole));
    }
}

/* s (1 + x (1 - s)) with s = 1 / (1 + e) and 1 - s = e / (1 + e); e = e^-|x| for x > 0, else the two change places */
static TP_SIMD void KIND(tp_silu_grad)(RESULT gx, SOURCE g, SOURCE x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL v = x[i], e = KIND(tp_decay)(v < 0 ? v : -v), large = 1 / (1 + e), small = e * large;
        const REAL s = v < 0 ? small : large;
        gx[i] = g[i] * (s + small * large * v);
    }
}

static TP_SIMD void KIND(tp_gelu)(RESULT y, SOURCE x, ptrdiff_t n, int by_tanh) {
    if (by_tanh)
        for (ptrdiff_t i = 0; i < n; i++) {
            const REAL v = KIND(tp_within)(x[i], -FAR_TANH, 8);
            REAL whole;
            const REAL m = KIND(tp_expm1)(KIND(tp_tanh_exponent)(v, &whole) * (REAL)TP_LN_2);
            y[i] = KIND(tp_quotient)(KIND(tp_until)(x[i], -FAR_TANH), m, whole, KIND(tp_unit)(whole));
        }
    else
        for (ptrdiff_t i = 0; i < n; i++)
            y[i] = KIND(tp_until)(x[i], 0) - KIND(tp_normal_tail)(KIND(tp_size_of)(x[i]));
}

static TP_SIMD void KIND(tp_gelu_grad)(RESULT gx, SOURCE g, SOURCE x, ptrdiff_t n, int by_tanh) {
    if (by_tanh)
        for (ptrdiff_t i = 0; i < n; i++) {
            const REAL v = KIND(tp_within)(x[i], -FAR_TANH, 8);
            /* e^-z = (1 + m) 2^n; what rounding takes counts little, since only where z is small the slope is neither 0
             * nor 1 */
            const REAL each = (REAL)TP_TANH_LINEAR + v * v * (REAL)TP_TANH_CUBIC, whole = CONSTANT(TP_ROUND) - v * each;
            const REAL m = KIND(tp_expm1)(((CONSTANT(TP_ROUND) - whole) - v * each) * (REAL)TP_LN_2);
            const REAL power = KIND(tp_power)(whole, -CONSTANT(TP_DOWN));
            const REAL e = m * power + power, inverse = 1 / (CONSTANT(TP_SCALE) + e);
            const REAL s = CONSTANT(TP_SCALE) * inverse, rest = e * inverse; /* the logistic, and 1 less it */
            const REAL z = v * ((REAL)TP_TANH_SLOPE + v * v * (REAL)TP_TANH_BEND);
            gx[i] = g[i] * (s + s * rest * z);
        }
    else
        for (ptrdiff_t i = 0; i < n; i++) gx[i] = g[i] * KIND(tp_gelu_slope)(x[i]);
}

#undef SOURCE
#undef RESULT

#endif
