// Normalised exponentials along the middle axis of (outer, n, inner), a team of threads for each row.
#include "common.cuh"

extern "C" __global__ void softmax(const real* x, real* y, index_t rows, index_t n, index_t inner) {
    const Row row = row_of_team(rows, n, inner);
    const real top = row.reduce(Maximum(), [=](index_t i) { return x[i]; });
    const real total = row.reduce(Sum(), [=](index_t i) { return exp(x[i] - top); });
    row.each([=](index_t i) { y[i] = exp(x[i] - top) / total; });
}

extern "C" __global__ void softmax_grad(
    const real* g, const real* y, real* gx, index_t rows, index_t n, index_t inner) {
    const Row row = row_of_team(rows, n, inner);
    const real total = row.reduce(Sum(), [=](index_t i) { return g[i] * y[i]; });
    row.each([=](index_t i) { gx[i] = y[i] * (g[i] - total); });
}

extern "C" __global__ void log_softmax(const real* x, real* y, index_t rows, index_t n, index_t inner) {
    const Row row = row_of_team(rows, n, inner);
    const real top = row.reduce(Maximum(), [=](index_t i) { return x[i]; });
    const real total = log(row.reduce(Sum(), [=](index_t i) { return exp(x[i] - top); }));
    row.each([=](index_t i) { y[i] = x[i] - top - total; });
}

extern "C" __global__ void log_softmax_grad(
    const real* g, const real* y, real* gx, index_t rows, index_t n, index_t inner) {
    const Row row = row_of_team(rows, n, inner);
    const real total = row.reduce(Sum(), [=](index_t i) { return g[i]; });
    row.each([=](index_t i) { gx[i] = g[i] - exp(y[i]) * total; });
}
