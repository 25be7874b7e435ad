// Sums down the columns of a matrix.
//
// Blocks are (32, 8) threads over 32 columns: each thread adds up every 8th of its block's rows, then the 8 meet in
// shared memory. gridDim.y blocks share the rows and leave that many partial sums, a row of `out` each.
#include "common.cuh"

template <class Value>
__device__ void sum_columns(real* out, index_t rows, index_t columns, Value value) {
    __shared__ real partial[8][32];
    const index_t column = blockIdx.x * 32ll + threadIdx.x;
    real total = 0;
    if (column < columns) {
        for (index_t row = blockIdx.y * 8ll + threadIdx.y; row < rows; row += gridDim.y * 8ll)
            total += value(row, column);
    }
    __syncthreads();  // the sums before these have been read
    partial[threadIdx.y][threadIdx.x] = total;
    __syncthreads();
    if (threadIdx.y == 0 && column < columns) {
        for (int i = 1; i < 8; i++) total += partial[i][threadIdx.x];
        out[blockIdx.y * columns + column] = total;
    }
}
