/* Smooth activations and their gradients without branches, so that their loops vectorise.
 *
 * GELU's factor is the normal distribution's function, whose lower half is Phi(-t) = 2^(-1 - t (b + t R(t))) for t >= 0
 * with b = 2 / (sqrt(2 pi) ln 2): as a power of 2 it may be as small as it must. R is smooth, and t R small beside b
 * where rounding matters most, so that a quotient of short polynomials gives it; t is multiplied with the sum and with
 * what rounding took from it. For the derivative Phi(-t) = e^(-t^2/2) K(t), K a quotient of polynomials too: at -t it
 * is e^(-t^2/2) (K(t) - t / sqrt(2 pi)), at t what is left of 1. GELU's tanh form is x / (1 + 2^-z) with z a cubic.
 * The coefficients are weighted least squares fits over all t whose results are not 0; the weights, adapted in turns
 * (C. L. Lawson, 1961), even out the error that the result has.
 *
 * Measured, float32 and float64 alike, on every instruction set: within 2.2 ulp for x > -1. Further down sigmoid is
 * within 2.5 and SiLU within 3, GELU and its tanh form within 2 + 3 x^2 (half a last place of x itself is worth
 * x^2 / 2 of the result's); what is below the normal numbers has lost the digits of the factor that is. The
 * derivatives, which pass through 0, are within 2 ulp of 1.
 */
#ifndef TP_ACTIVATION_H
#define TP_ACTIVATION_H

#include "arrays.h"
#include "exp.h"
#include "simd.h"

/* t R(t) */
TP_INLINE float tp_bend_f32(float t) {
    float p = 1.89513657e-07f, q = 0.0146661963f;
    p = p * t + 0.0105627586f;
    p = p * t + 0.0920196793f;
    p = p * t + 0.316896804f;
    p = p * t + 0.459224667f;
    q = q * t + 0.149666648f;
    q = q * t + 0.575920998f;
    q = q * t + 1.0f;
    return t * p / q;
}

TP_INLINE double tp_bend_f64(double t) {
    double p = 1.6358926922101086e-11, q = 2.2678316066323532e-11;
    p = p * t + 6.061907245069247e-09;
    p = p * t + 6.214385677810835e-07;
    p = p * t + 2.517860088100044e-05;
    p = p * t + 0.00048240850097525724;
    p = p * t + 0.005056263318678834;
    p = p * t + 0.0328768917515858;
    p = p * t + 0.14120557930673014;
    p = p * t + 0.4074196275124814;
    p = p * t + 0.7703198453896039;
    p = p * t + 0.8724702213474255;
    p = p * t + 0.45922409426325805;
    q = q * t + 8.439717458870265e-09;
    q = q * t + 8.746448910257447e-07;
    q = q * t + 3.620928139290108e-05;
    q = q * t + 0.0007188964563233759;
    q = q * t + 0.007899104316144963;
    q = q * t + 0.0540168850107703;
    q = q * t + 0.24444035775555625;
    q = q * t + 0.7442071137647501;
    q = q * t + 1.4886174829336796;
    q = q * t + 1.7857273567786163;
    q = q * t + 1.0;
    return t * p / q;
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

/* The constants in two parts: the first times t needs more digits than it has. */
#define TP_TAIL_F32 1.1511041f
#define TP_TAIL_LOW_F32 0.0f /* R is fitted beside the first part */
#define TP_TAIL_F64 1.1511040990721624
#define TP_TAIL_LOW_F64 6.5664130203848558e-17
#define TP_TANH_F32 2.3022082f /* 2 sqrt(2 / pi) / ln 2 */
#define TP_TANH_LOW_F32 1.2948402e-8f
#define TP_TANH_F64 2.3022081981443247
#define TP_TANH_LOW_F64 1.3132826040769715e-16
#define TP_TANH_CUBIC 0.10294323958002349 /* 0.044715 of it */

#define TP_TANH_SLOPE 1.5957691216057307117 /* 2 sqrt(2 / pi) */
#define TP_TANH_BEND 0.21406444881780073  /* 3 * 0.044715 of it */
#define TP_LN_2 0.69314718055994530942
#define TP_ROOT_2_PI 0.39894228040143267794 /* 1 / sqrt(2 pi) */

#define REAL float
#define KIND(name) name##_f32
#define CONSTANT(name) name##_F32
#define FAR_TAIL 14.5f  /* from here on Phi(-t) rounds to 0 */
#define FAR_TANH 10.75f /* and the tanh form to 0; at 8 already it is x */
#include "activation.h"
#undef REAL
#undef KIND
#undef CONSTANT
#undef FAR_TAIL
#undef FAR_TANH
#define REAL double
#define KIND(name) name##_f64
#define CONSTANT(name) name##_F64
#define FAR_TAIL 38.65
#define FAR_TANH 21.55
#include "activation.h"
#undef REAL
#undef KIND
#undef CONSTANT
#undef FAR_TAIL
#undef FAR_TANH

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

/* m and n of 2^(x (b + bend)) = (1 + m) 2^n, the sum in brackets kept to twice the digits; n + TP_ROUND into n. */
TP_INLINE REAL KIND(tp_bent_power)(REAL x, REAL b, REAL b_low, REAL bend, REAL *n) {
    const REAL sum = b + bend, lost = (bend - (sum - b)) + b_low;
    *n = x * sum + CONSTANT(TP_ROUND);
    const REAL f = (x * sum - (*n - CONSTANT(TP_ROUND))) + x * lost;
    return KIND(tp_expm1)(f * (REAL)TP_LN_2);
}

TP_INLINE REAL KIND(tp_within)(REAL x, REAL low, REAL high) { /* NaN stays NaN */
    x = x > high ? high : x;
    return x < low ? low : x;
}

/* Phi(x) */
TP_INLINE REAL KIND(tp_normal_cdf)(REAL x) {
    REAL t = x < 0 ? -x : x, n;
    t = t > FAR_TAIL ? FAR_TAIL : t;
    const REAL m = KIND(tp_bent_power)(-t, CONSTANT(TP_TAIL), CONSTANT(TP_TAIL_LOW), KIND(tp_bend)(t), &n);
    const REAL tail = KIND(tp_small)(m, n, -1);
    return x < 0 ? tail : 1 - tail;
}

/* Phi(x) + x Phi'(x) */
TP_INLINE REAL KIND(tp_gelu_slope)(REAL x) {
    REAL t = x < 0 ? -x : x, n;
    t = t > FAR_TAIL ? FAR_TAIL : t;
    const REAL m = KIND(tp_expm1)(KIND(tp_reduce)(t * t * (REAL)-0.5, &n));
    const REAL slope = (KIND(tp_mills)(t) - t * (REAL)TP_ROOT_2_PI) * KIND(tp_small)(m, n, 0);
    return x < 0 ? slope : 1 - slope;
}

/* m and n of e^-z = (1 + m) 2^n with z = 2 sqrt(2/pi) (x + 0.044715 x^3), of which (1 + tanh(z / 2)) / 2 is the
 * logistic function */
TP_INLINE REAL KIND(tp_tanh_power)(REAL x, REAL *n) {
    return KIND(tp_bent_power)(-x, CONSTANT(TP_TANH), CONSTANT(TP_TANH_LOW), x * x * (REAL)TP_TANH_CUBIC, n);
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
    for (ptrdiff_t i = 0; i < n; i++) y[i] = x[i] * KIND(tp_logistic)(x[i]);
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
            REAL power;
            const REAL m = KIND(tp_tanh_power)(KIND(tp_within)(x[i], -FAR_TANH, 8), &power);
            y[i] = x[i] * KIND(tp_inverse)(m, power);
        }
    else
        for (ptrdiff_t i = 0; i < n; i++) y[i] = x[i] * KIND(tp_normal_cdf)(x[i]);
}

static TP_SIMD void KIND(tp_gelu_grad)(RESULT gx, SOURCE g, SOURCE x, ptrdiff_t n, int by_tanh) {
    if (by_tanh)
        for (ptrdiff_t i = 0; i < n; i++) {
            const REAL v = KIND(tp_within)(x[i], -FAR_TANH, 8);
            REAL whole;
            const REAL m = KIND(tp_tanh_power)(v, &whole), power = KIND(tp_power)(whole, -CONSTANT(TP_DOWN));
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
