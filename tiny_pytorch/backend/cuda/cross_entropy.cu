// The cross-entropy of integer targets over softmax(logits), and its slope, in one pass.
//
// A loss and its slope are scaled by what the reduction asks for: 1, or 1 over the number of rows that count. Small
// problems are one block's work, in one launch; large ones take three: the scale, the rows, the sum.
#include "common.cuh"

// 1 / (rows whose target counts), NaN if there are none. For a whole block.
__device__ real mean_scale(const index_t* target, index_t rows, index_t ignore) {
    const int thread = threadIdx.x + threadIdx.y * blockDim.x, threads = blockDim.x * blockDim.y;
    real counting = 0;
    for (index_t i = thread; i < rows; i += threads) counting += target[i] != ignore;
    counting = block_reduce(counting, Sum());
    return counting > 0 ? 1 / counting : not_a_number();
}

// One row's loss (unscaled; 0 if it does not count), for a team. A target out of range gives NaN and is reported.
__device__ real row_loss(
    const real* logits, const index_t* target, real* slope, index_t row, index_t rows, index_t classes, index_t ignore,
    real scale, index_t* fault) {
    const bool inside = row < rows;
    const index_t hit = inside ? target[row] : ignore;
    const bool counts = hit != ignore;
    const bool valid = !counts || in_range(hit, 0, classes, fault);
    const Row span = Row{row * classes, 1, inside ? classes : 0};
    const real top = span.reduce(Maximum(), [=](index_t i) { return logits[i]; });
    const real total = log(span.reduce(Sum(), [=](index_t i) { return exp(logits[i] - top); }));
    span.each([=](index_t i) {
        const real one = i - span.start == hit;
        slope[i] = counts ? (exp(logits[i] - top - total) - one) * scale : 0;
    });
    if (!counts) return 0;
    return valid ? -(logits[span.start + hit] - top - total) : not_a_number();
}

// All in one block of (32, k) threads. `losses` receives each row's loss, or `loss` their scaled sum; the other is null.
extern "C" __global__ void cross_entropy(
    const real* logits, const index_t* target, real* losses, real* loss, real* slope, index_t rows, index_t classes,
    index_t ignore, index_t mean, index_t* fault) {
    const real scale = mean ? mean_scale(target, rows, ignore) : 1;
    real sum = 0;
    for (index_t first = 0; first < rows; first += blockDim.y) {
        const index_t row = first + threadIdx.y;
        const real value = row_loss(logits, target, slope, row, rows, classes, ignore, scale, fault);
        if (threadIdx.x == 0) sum += value;
        if (losses && threadIdx.x == 0 && row < rows) losses[row] = value;
    }
    sum = block_reduce(sum, Sum());
    if (loss && threadIdx.x == 0 && threadIdx.y == 0) *loss = sum * scale;
}

extern "C" __global__ void cross_entropy_scale(const index_t* target, real* scale, index_t rows, index_t ignore) {
    const real value = mean_scale(target, rows, ignore);
    if (threadIdx.x == 0) *scale = value;
}

// `scale` is null where it is 1.
extern "C" __global__ void cross_entropy_rows(
    const real* logits, const index_t* target, const real* scale, real* losses, real* slope, index_t rows,
    index_t classes, index_t ignore, index_t* fault) {
    const index_t row = blockIdx.x * (index_t)blockDim.y + threadIdx.y;
    const real value =
        row_loss(logits, target, slope, row, rows, classes, ignore, scale ? *scale : 1, fault);
    if (threadIdx.x == 0 && row < rows) losses[row] = value;
}

extern "C" __global__ void cross_entropy_sum(const real* losses, const real* scale, real* loss, index_t rows) {
    const Row row = Row{0, 1, rows};
    const real sum = row.reduce(Sum(), [=](index_t i) { return losses[i]; });
    if (threadIdx.x == 0) *loss = scale ? sum * *scale : sum;
}
