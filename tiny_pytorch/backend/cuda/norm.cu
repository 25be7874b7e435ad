// Layer and batch normalisation, and their gradients. Variances are biased and taken in two passes.
#include "columns.cuh"

extern "C" __global__ void layer_norm(
    const real* x, const real* weight, const real* bias, real* y, real* mean, real* rstd, double eps, index_t rows,
    index_t n) {
    const Row row = row_of_team(rows, n, 1);
    const real centre = row.reduce(Sum(), [=](index_t i) { return x[i]; }) / n;
    const real variance = row.reduce(Sum(), [=](index_t i) { return (x[i] - centre) * (x[i] - centre); }) / n;
    const real scale = 1 / sqrt(variance + (real)eps);
    row.each([=](index_t i) {
        const index_t column = i - row.start;
        const real normal = (x[i] - centre) * scale;
        y[i] = (weight ? normal * weight[column] : normal) + (bias ? bias[column] : 0);
    });
    if (threadIdx.x == 0 && row.n) {
        mean[row.start / n] = centre;
        rstd[row.start / n] = scale;
    }
}

// gx = rstd * (h - mean of h - normal * mean of (h * normal)) with h = g * weight.
extern "C" __global__ void layer_norm_grad(
    const real* g, const real* x, const real* weight, const real* mean, const real* rstd, real* gx, index_t rows,
    index_t n) {
    const Row row = row_of_team(rows, n, 1);
    const real centre = row.n ? mean[row.start / n] : 0, scale = row.n ? rstd[row.start / n] : 0;
    const index_t start = row.start;
    const auto h = [=](index_t i) { return weight ? g[i] * weight[i - start] : g[i]; };
    const real shift = row.reduce(Sum(), h) / n;
    const real tilt = row.reduce(Sum(), [=](index_t i) { return h(i) * ((x[i] - centre) * scale); }) / n;
    row.each([=](index_t i) { gx[i] = scale * (h(i) - shift - (x[i] - centre) * scale * tilt); });
}

// Partial sums over rows, see columns.cuh. gw or gb is null where it is not wanted.
extern "C" __global__ void layer_norm_grad_affine(
    const real* g, const real* x, const real* mean, const real* rstd, real* gw, real* gb, index_t rows, index_t n) {
    if (gw)
        sum_columns(gw, rows, n, [=](index_t row, index_t column) {
            const index_t i = row * n + column;
            return g[i] * ((x[i] - mean[row]) * rstd[row]);
        });
    if (gb) sum_columns(gb, rows, n, [=](index_t row, index_t column) { return g[row * n + column]; });
}

// The elements of one channel of (batch, channels, inner): a block has one channel.
struct Channel {
    index_t batch, channels, inner;

    __device__ index_t count() const { return batch * inner; }

    template <class Work>
    __device__ void each(Work work) const {
        for (index_t j = threadIdx.x; j < count(); j += blockDim.x)
            work((j / inner * channels + blockIdx.x) * inner + j % inner);
    }

    template <class Value>
    __device__ real sum(Value value) const {
        real total = 0;
        each([&](index_t i) { total += value(i); });
        return block_reduce(total, Sum());
    }
};

extern "C" __global__ void batch_norm(
    const real* x, const real* weight, const real* bias, real* y, real* mean, real* var, real* rstd, double eps,
    index_t batch, index_t channels, index_t inner) {
    const Channel channel = Channel{batch, channels, inner};
    const index_t c = blockIdx.x;
    const real centre = channel.sum([=](index_t i) { return x[i]; }) / channel.count();
    const real variance =
        channel.sum([=](index_t i) { return (x[i] - centre) * (x[i] - centre); }) / channel.count();
    const real scale = 1 / sqrt(variance + (real)eps);
    const real slope = weight ? weight[c] : 1, shift = bias ? bias[c] : 0;
    channel.each([=](index_t i) { y[i] = (x[i] - centre) * scale * slope + shift; });
    if (threadIdx.x == 0) {
        mean[c] = centre;
        var[c] = variance;
        rstd[c] = scale;
    }
}

// gx, gw or gb is null where it is not wanted.
extern "C" __global__ void batch_norm_grad(
    const real* g, const real* x, const real* weight, const real* mean, const real* rstd, real* gx, real* gw, real* gb,
    index_t batch, index_t channels, index_t inner) {
    const Channel channel = Channel{batch, channels, inner};
    const index_t c = blockIdx.x;
    const real centre = mean[c], scale = rstd[c], slope = weight ? weight[c] : 1;
    const real tilt = channel.sum([=](index_t i) { return g[i] * ((x[i] - centre) * scale); });
    const real shift = channel.sum([=](index_t i) { return g[i]; });
    const real n = channel.count();
    if (gx)
        channel.each([=](index_t i) {
            const real normal = (x[i] - centre) * scale;
            gx[i] = scale * slope * (g[i] - shift / n - normal * (tilt / n));
        });
    if (threadIdx.x == 0) {
        if (gw) gw[c] = tilt;
        if (gb) gb[c] = shift;
    }
}
