// Activations and masks, one element at a time.
#include "common.cuh"

// A clip that keeps NaN, so that far from 0 no power of x overflows.
__device__ inline real clip(real x, real bound) { return x < -bound ? -bound : x > bound ? bound : x; }

__device__ inline real logistic(real x) {
    const real e = exp(x >= 0 ? -x : x);  // the exponential that cannot overflow
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

// The normal distribution at x, and x times its density: D. Hendrycks and K. Gimpel, 2016, for the one by tanh.
struct Normal {
    real cdf, slope;
};

__device__ inline Normal normal(real x, int by_tanh) {
    if (by_tanh) {
        const real c = (real)0.7978845608028654, cubic = (real)0.044715;  // sqrt(2 / pi)
        x = clip(x, 10);
        const real t = tanh(c * x * (1 + cubic * x * x));
        return Normal{(1 + t) / 2, c / 2 * x * (1 - t * t) * (1 + 3 * cubic * x * x)};
    }
    x = clip(x, 40);
    const real density = (real)0.3989422804014327 * exp(-x * x / 2);  // 1 / sqrt(2 pi)
    return Normal{(1 + erf((real)0.7071067811865476 * x)) / 2, x * density};
}

extern "C" __global__ void relu(const real* x, real* y, index_t n) {
    FOR_EACH(i, n) y[i] = x[i] <= 0 ? 0 : x[i];  // a NaN is not <= 0
}

extern "C" __global__ void relu_grad(const real* g, const real* y, real* gx, index_t n) {
    FOR_EACH(i, n) gx[i] = y[i] > 0 ? g[i] : 0;
}

extern "C" __global__ void sigmoid(const real* x, real* y, index_t n) {
    FOR_EACH(i, n) y[i] = logistic(x[i]);
}

extern "C" __global__ void silu(const real* x, real* y, index_t n) {
    FOR_EACH(i, n) y[i] = x[i] * logistic(x[i]);
}

extern "C" __global__ void silu_grad(const real* g, const real* x, real* gx, index_t n) {
    FOR_EACH(i, n) {
        const real s = logistic(x[i]);
        gx[i] = g[i] * (s * (1 + x[i] * (1 - s)));
    }
}

extern "C" __global__ void error_function(const real* x, real* y, index_t n) {
    FOR_EACH(i, n) y[i] = erf(x[i]);
}

extern "C" __global__ void gelu(const real* x, real* y, index_t by_tanh, index_t n) {
    FOR_EACH(i, n) y[i] = x[i] * normal(x[i], by_tanh).cdf;
}

extern "C" __global__ void gelu_grad(const real* g, const real* x, real* gx, index_t by_tanh, index_t n) {
    FOR_EACH(i, n) {
        const Normal p = normal(x[i], by_tanh);
        gx[i] = g[i] * (p.cdf + p.slope);
    }
}

extern "C" __global__ void masked_scale(const real* x, const bool* mask, real* y, double scale, index_t n) {
    FOR_EACH(i, n) y[i] = mask[i] ? x[i] * (real)scale : 0;
}
