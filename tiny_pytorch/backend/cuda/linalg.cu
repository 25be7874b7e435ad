// What stands around a layer's matrix products; those are cuBLAS's.
#include "columns.cuh"

__device__ static real biased(real y, const real* bias, index_t columns, index_t n, index_t i) {
    const bool small = n <= 0xffffffffll;  // a 64-bit remainder costs several times as much
    return y + bias[small ? (unsigned)i % (unsigned)columns : i % columns];
}

// y (rows, columns) += bias, in place.
extern "C" __global__ void add_bias(real* y, const real* bias, index_t columns, index_t n) {
    FOR_EACH(i, n) y[i] = biased(y[i], bias, columns, n, i);
}

// y = max(y + bias, 0), in place.
extern "C" __global__ void add_bias_relu(real* y, const real* bias, index_t columns, index_t n) {
    FOR_EACH(i, n) {
        const real z = biased(y[i], bias, columns, n, i);
        y[i] = z <= 0 ? 0 : z;  // a NaN is not <= 0
    }
}

extern "C" __global__ void column_sum(const real* g, real* out, index_t rows, index_t columns) {
    sum_columns(out, rows, columns, [=](index_t row, index_t column) { return g[row * columns + column]; });
}
