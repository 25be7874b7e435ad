/* Smooth activations and their gradients as polynomials without branches, so that their loops vectorise.
 *
 * float32 is computed in double: the polynomials are then short, their errors far below the result's last place,
 * and results are the correctly rounded ones for most arguments (measured: within 0.75 ulp). In double itself
 * sigmoid is within 2 ulp, SiLU within 3 and GELU within 6; GELU's tanh form, whose argument is rounded before it is
 * exponentiated, is so for x > -1 and loses |x|^3 ulp further down.
 *
 * GELU needs the normal distribution's tail, Phi(-t) for t >= 0, to full relative precision. It is e^(-t^2/2) r Q(r)
 * with r = 1 / (t + 4): what is left after the two factors is so smooth that one polynomial does for all t
 * (compare M. M. Shepherd and J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x", Math. Comp.
 * 36, 1981). Q's coefficients interpolate at Chebyshev's points.
 */
#ifndef TP_ACTIVATION_H
#define TP_ACTIVATION_H

#include <stdint.h>
#include <string.h>

#include "arrays.h"
#include "exp.h"
#include "simd.h"

#define TP_ROOT_2_PI 0.39894228040143267794 /* 1 / sqrt(2 pi) */
#define TP_TANH_SCALE 1.5957691216057307117 /* 2 sqrt(2 / pi) */
#define TP_TANH_CUBIC 0.044715

/* --- for float32: e^x for |x| < 700 and the tail for t <= 15, both to 1.4e-8, a quarter of its last place ---- */

TP_INLINE double tp_short_exp(double x) {
    double n = x * 1.4426950408889634074 + TP_ROUND_F64;
    double r = x - (n - TP_ROUND_F64) * 0.69314718055994530942;
    double p = 0.0013926183587713494;
    p = p * r + 0.008363179052722578;
    p = p * r + 0.041666554617204574;
    p = p * r + 0.16666576989698775;
    p = p * r + 0.5;
    return (p * r * r + r + 1.0) * tp_power_f64(n);
}

TP_INLINE double tp_short_tail(double r) {
    double u = 8.0 * r - 1.0, p = 0.0001255583856022561;
    p = p * u + 0.00018899651942026397;
    p = p * u - 0.0015668816877809047;
    p = p * u - 0.003520972823986374;
    p = p * u + 0.007525402418208545;
    p = p * u + 0.06040618551429179;
    p = p * u + 0.18652330675776782;
    p = p * u + 0.38713668307040544;
    p = p * u + 0.6078965941450818;
    p = p * u + 0.755285138596193;
    return p * r;
}

TP_INLINE double tp_clip(double x, double limit) { /* NaN stays NaN */
    x = x > limit ? limit : x;
    return x < -limit ? -limit : x;
}

/* e^-x may leave float32's numbers here, but not double's. At -infinity it is 0, whatever it is multiplied with. */
TP_INLINE double tp_sigmoid_of_f32(double x) {
    double s = 1.0 / (1.0 + tp_short_exp(-tp_clip(x, 200.0)));
    return x < -200.0 ? 0.0 : s;
}

/* Phi(x); x * Phi'(x) into slope */
TP_INLINE double tp_cdf_of_f32(double x, double *slope) {
    double t = x < 0 ? -x : x;
    t = t > 15.0 ? 15.0 : t;
    double e = tp_short_exp(-0.5 * t * t);
    e = t < 15.0 ? e : 0.0; /* Phi(-15) is less than half the smallest float32 */
    double tail = e * tp_short_tail(1.0 / (t + 4.0));
    *slope = (x < 0 ? -t : t) * e * TP_ROOT_2_PI;
    return x < 0 ? tail : 1.0 - tail;
}

/* --- for double ------------------------------------------------------------------------------------------ */

TP_INLINE double tp_tail(double r) {
    double u = 8.0 * r - 1.0, p = 7.262419810409579e-10;
    p = p * u - 2.5220994578780736e-09;
    p = p * u - 1.91827702037334e-09;
    p = p * u + 1.961961086135556e-08;
    p = p * u - 1.3280797787310328e-08;
    p = p * u - 8.540841815685125e-08;
    p = p * u + 1.549649174224745e-07;
    p = p * u + 2.7180452962592834e-07;
    p = p * u - 1.0215540371961016e-06;
    p = p * u - 6.296965605815823e-07;
    p = p * u + 5.9201733230161025e-06;
    p = p * u + 7.166663245221031e-07;
    p = p * u - 3.5144686053003464e-05;
    p = p * u - 1.9082584797734333e-06;
    p = p * u + 0.000231094935169459;
    p = p * u + 0.00013334431240964574;
    p = p * u - 0.0016308184575887011;
    p = p * u - 0.003479692367393595;
    p = p * u + 0.007540188966726791;
    p = p * u + 0.06039657489093656;
    p = p * u + 0.18652185795965726;
    p = p * u + 0.38713740074221453;
    p = p * u + 0.6078966419718921;
    p = p * u + 0.7552851304157515;
    return p * r;
}

/* By the one of its two forms whose exponential cannot overflow. */
TP_INLINE double tp_sigmoid_of_f64(double x) {
    double e = tp_exp_f64(x < 0 ? x : -x);
    return (x < 0 ? e : 1.0) / (1.0 + e);
}

TP_INLINE double tp_cdf_of_f64(double x, double *slope) {
    x = tp_clip(x, 39.0);
    double t = x < 0 ? -x : x, high;
    uint64_t bits;
    memcpy(&bits, &t, sizeof bits);
    bits &= ~(uint64_t)0x7ffffff; /* t = high + low, and the square of high is exact */
    memcpy(&high, &bits, sizeof bits);
    double low = (t - high) * (t + high) * 0.5;
    double e = tp_exp_f64(-0.5 * high * high);
    e -= e * (low - low * low * (0.5 - low / 6.0));
    double tail = e * tp_tail(1.0 / (t + 4.0));
    *slope = x * e * TP_ROOT_2_PI;
    return x < 0 ? tail : 1.0 - tail;
}

/* --- the functions, each from what precedes, for one element --------------------------------------------- */

#define REAL float
#define KIND(name) name##_f32
#define OF(name) name##_of_f32
#include "activation.h"
#undef REAL
#undef KIND
#undef OF
#define REAL double
#define KIND(name) name##_f64
#define OF(name) name##_of_f64
#include "activation.h"
#undef REAL
#undef KIND
#undef OF

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

/* sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)), which is (1 + tanh(half of that)) / 2; x times its derivative into slope */
TP_INLINE double KIND(tp_tanh_cdf)(double x, double *slope) {
    x = tp_clip(x, 30.0);
    double square = x * x, s = OF(tp_sigmoid)(TP_TANH_SCALE * x * (1.0 + TP_TANH_CUBIC * square));
    *slope = s * (1.0 - s) * (TP_TANH_SCALE * x * (1.0 + 3 * TP_TANH_CUBIC * square));
    return s;
}

static TP_SIMD void KIND(tp_sigmoid)(RESULT y, SOURCE x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) y[i] = (REAL)OF(tp_sigmoid)(x[i]);
}

static TP_SIMD void KIND(tp_sigmoid_grad)(RESULT gx, SOURCE g, SOURCE y, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) gx[i] = g[i] * (y[i] * (1 - y[i]));
}

static TP_SIMD void KIND(tp_tanh_grad)(RESULT gx, SOURCE g, SOURCE y, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) gx[i] = g[i] * (1 - y[i] * y[i]);
}

static TP_SIMD void KIND(tp_silu)(RESULT y, SOURCE x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) y[i] = (REAL)(x[i] * OF(tp_sigmoid)(x[i]));
}

static TP_SIMD void KIND(tp_silu_grad)(RESULT gx, SOURCE g, SOURCE x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        const double s = OF(tp_sigmoid)(x[i]);
        gx[i] = (REAL)(g[i] * (s * (1.0 + x[i] * (1.0 - s))));
    }
}

static TP_SIMD void KIND(tp_gelu)(RESULT y, SOURCE x, ptrdiff_t n, int by_tanh) {
    double slope;
    if (by_tanh)
        for (ptrdiff_t i = 0; i < n; i++) y[i] = (REAL)(x[i] * KIND(tp_tanh_cdf)(x[i], &slope));
    else
        for (ptrdiff_t i = 0; i < n; i++) y[i] = (REAL)(x[i] * OF(tp_cdf)(x[i], &slope));
}

static TP_SIMD void KIND(tp_gelu_grad)(RESULT gx, SOURCE g, SOURCE x, ptrdiff_t n, int by_tanh) {
    if (by_tanh)
        for (ptrdiff_t i = 0; i < n; i++) {
            double slope, cdf = KIND(tp_tanh_cdf)(x[i], &slope);
            gx[i] = (REAL)(g[i] * (cdf + slope));
        }
    else
        for (ptrdiff_t i = 0; i < n; i++) {
            double slope, cdf = OF(tp_cdf)(x[i], &slope);
            gx[i] = (REAL)(g[i] * (cdf + slope));
        }
}

#undef SOURCE
#undef RESULT

#endif
