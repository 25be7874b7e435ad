// What stands around a layer's matrix products; those are cuBLAS's.
#include "columns.cuh"

// y (rows, columns) += bias, in place.
extern "C" __global__ void add_bias(real* y, const real* bias, index_t columns, index_t n) {
    const bool small = n <= 0xffffffffll;  // a 64-bit remainder costs several times as much
    FOR_EACH(i, n) y[i] += bias[small ? (unsigned)i % (unsigned)columns : i % columns];
}

extern "C" __global__ void column_sum(const real* g, real* out, index_t rows, index_t columns) {
    sum_columns(out, rows, columns, [=](index_t row, index_t column) { return g[row * columns + column]; });
}
