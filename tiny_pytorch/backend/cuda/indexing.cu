// Rows by integer index. An index out of range touches nothing and is reported.
#include "common.cuh"

extern "C" __global__ void check_indices(const index_t* index, index_t low, index_t size, index_t* fault, index_t n) {
    FOR_EACH(i, n) in_range(index[i], low, size, fault);
}

// y (m, width) = x[index], x (size, width).
extern "C" __global__ void take_rows(
    const real* x, const index_t* index, real* y, index_t width, index_t size, index_t* fault, index_t n) {
    FOR_EACH(i, n) {
        const index_t row = index[i / width];
        y[i] = in_range(row, 0, size, fault) ? x[row * width + i % width] : 0;
    }
}

// y[index] += source (m, width), y (size, width). Duplicates are added in no fixed order. Where `skips` is set, rows whose
// index is `skip` are left out.
extern "C" __global__ void scatter_add(
    real* y, const index_t* index, const real* source, index_t skips, index_t skip, index_t width, index_t size,
    index_t* fault, index_t n) {
    FOR_EACH(i, n) {
        const index_t row = index[i / width];
        if (skips && row == skip) continue;
        if (in_range(row, 0, size, fault)) atomicAdd(&y[row * width + i % width], source[i]);
    }
}
