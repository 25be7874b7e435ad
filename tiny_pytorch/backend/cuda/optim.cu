// Update rules over many tensors at once.
//
// One launch updates up to CAPACITY tensors. Their addresses travel with the launch, as a parameter that is passed by
// value: nothing is uploaded, and a captured graph carries them. Each block works on one chunk of one tensor.
#include "common.cuh"

constexpr int CAPACITY = 60;  // the largest table stays below the 4 KiB that a launch's parameters may have
constexpr int CHUNK = 16384;  // elements

// All entries are 64 bits wide: optim.py fills a table as an array of integers.
struct Header {
    index_t extra[CAPACITY];            // the address of the step, or for SGD whether the velocity is still empty
    index_t sizes[CAPACITY];
    index_t first_block[CAPACITY + 1];  // a tensor's blocks are those from its first to the next one's
    index_t count;

    // The tensor of this block, by bisection.
    __device__ int tensor() const {
        int low = 0, high = (int)count;
        while (high - low > 1) {
            const int middle = (low + high) / 2;
            if (first_block[middle] <= blockIdx.x)
                low = middle;
            else
                high = middle;
        }
        return low;
    }
};

template <int LISTS>
struct Table : Header {
    real* arrays[LISTS][CAPACITY];  // parameters, gradients, then state
};

constexpr int WIDTH = 16 / sizeof(real);

struct alignas(16) Vector {
    real lane[WIDTH];
};

// Applies rule(values of the lists at one element) to this block's chunk, and writes all lists but the gradients.
template <int LISTS, class Rule>
__device__ void update_chunk(const Table<LISTS>& table, int tensor, Rule rule) {
    const index_t start = (blockIdx.x - table.first_block[tensor]) * CHUNK;
    const index_t left = table.sizes[tensor] - start;
    const int n = left < CHUNK ? (int)left : CHUNK;
    real* arrays[LISTS];
    bool aligned = true;
    for (int k = 0; k < LISTS; k++) {
        arrays[k] = table.arrays[k][tensor] + start;
        aligned = aligned && (unsigned long long)arrays[k] % sizeof(Vector) == 0;
    }
    const int vectors = aligned ? n / WIDTH : 0;
    for (int i = threadIdx.x; i < vectors; i += blockDim.x) {
        Vector loaded[LISTS];
        for (int k = 0; k < LISTS; k++) loaded[k] = reinterpret_cast<const Vector*>(arrays[k])[i];
        for (int w = 0; w < WIDTH; w++) {
            real values[LISTS];
            for (int k = 0; k < LISTS; k++) values[k] = loaded[k].lane[w];
            rule(values);
            for (int k = 0; k < LISTS; k++) loaded[k].lane[w] = values[k];
        }
        for (int k = 0; k < LISTS; k++)
            if (k != 1) reinterpret_cast<Vector*>(arrays[k])[i] = loaded[k];
    }
    for (int i = vectors * WIDTH + threadIdx.x; i < n; i += blockDim.x) {
        real values[LISTS];
        for (int k = 0; k < LISTS; k++) values[k] = arrays[k][i];
        rule(values);
        for (int k = 0; k < LISTS; k++)
            if (k != 1) arrays[k][i] = values[k];
    }
}

// p = keep * p - lr * g
extern "C" __global__ void sgd(const Table<2> table, double lr, double keep) {
    const real rate = lr, kept = keep;
    update_chunk(table, table.tensor(), [=](real* v) { v[0] = kept * v[0] - rate * v[1]; });
}

// u = momentum * u + (1 - momentum) * g;  p = keep * p - lr * d, d = u or one step further
extern "C" __global__ void sgd_momentum(
    const Table<3> table, double lr, double keep, double momentum, index_t nesterov) {
    const real rate = lr, kept = keep, old = momentum, fresh = 1 - momentum;
    update_chunk(table, table.tensor(), [=](real* v) {
        v[2] = old * v[2] + fresh * v[1];
        const real direction = nesterov ? old * v[2] + fresh * v[1] : v[2];
        v[0] = kept * v[0] - rate * direction;
    });
}

// g = g + weight_decay * p;  p = p - lr * g
extern "C" __global__ void sgd_dampened(const Table<2> table, double lr, double weight_decay) {
    const real rate = lr, decay = weight_decay;
    update_chunk(table, table.tensor(), [=](real* v) {
        const real g = decay != 0 ? v[1] + decay * v[0] : v[1];
        v[0] -= rate * g;
    });
}

// g as above;  u = momentum * u + (1 - dampening) * g, or g where u is empty;  p = p - lr * d, d = u or g + momentum * u
extern "C" __global__ void sgd_dampened_momentum(
    const Table<3> table, double lr, double weight_decay, double momentum, double dampening, index_t nesterov) {
    const real rate = lr, decay = weight_decay, old = momentum, fresh = 1 - dampening;
    const int tensor = table.tensor();
    const bool empty = table.extra[tensor] != 0;
    update_chunk(table, tensor, [=](real* v) {
        const real g = decay != 0 ? v[1] + decay * v[0] : v[1];
        v[2] = empty ? g : old * v[2] + fresh * g;
        v[0] -= rate * (nesterov ? g + old * v[2] : v[2]);
    });
}

// x = factor * x, and whether an element was inf or NaN
extern "C" __global__ void unscale(const Table<1> table, double factor, bool* found) {
    const real scale = factor;
    bool here = false;
    update_chunk(table, table.tensor(), [&](real* v) {
        here = here || !isfinite(v[0]);
        v[0] *= scale;
    });
    if (here) *found = true;  // whoever writes it writes the same
}

// One more step for every tensor: a launch of its own, before the update, whose blocks all read it.
extern "C" __global__ void count_steps(const Header table) {
    if (threadIdx.x < table.count) *reinterpret_cast<float*>(table.extra[threadIdx.x]) += 1;
}

// m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g^2;  p = keep * p - lr * m^ / (sqrt(v^) + eps),
// where g = g + weight_decay * p: a penalty has weight_decay and keep = 1, decoupled decay has keep < 1. A fifth list
// keeps the largest v so far, which then stands for v in v^ (AMSGrad).
template <int LISTS>
__device__ void adam_chunk(
    const Table<LISTS>& table, double lr, double beta1, double beta2, double eps, double weight_decay, double keep) {
    __shared__ real corrections[2];
    const int tensor = table.tensor();
    if (threadIdx.x == 0) {  // in double precision, by one thread: 1 - beta^t loses digits in single
        const double step = *reinterpret_cast<const float*>(table.extra[tensor]);
        corrections[0] = lr / (1 - pow(beta1, step));
        corrections[1] = 1 / sqrt(1 - pow(beta2, step));
    }
    __syncthreads();
    const real rate = corrections[0], root = corrections[1], epsilon = eps, decay = weight_decay, kept = keep;
    const real old1 = beta1, fresh1 = 1 - beta1, old2 = beta2, fresh2 = 1 - beta2;
    update_chunk(table, tensor, [=](real* v) {
        const real g = decay != 0 ? v[1] + decay * v[0] : v[1];
        v[2] = old1 * v[2] + fresh1 * g;
        v[3] = old2 * v[3] + fresh2 * (g * g);
        if (LISTS > 4 && (v[3] > v[LISTS - 1] || v[3] != v[3])) v[LISTS - 1] = v[3];
        v[0] = kept * v[0] - rate * v[2] / (sqrt(v[LISTS - 1]) * root + epsilon);
    });
}

extern "C" __global__ void adam(
    const Table<4> table, double lr, double beta1, double beta2, double eps, double weight_decay, double keep) {
    adam_chunk(table, lr, beta1, beta2, eps, weight_decay, keep);
}

extern "C" __global__ void adam_amsgrad(
    const Table<5> table, double lr, double beta1, double beta2, double eps, double weight_decay, double keep) {
    adam_chunk(table, lr, beta1, beta2, eps, weight_decay, keep);
}

// v = alpha * v + (1 - alpha) * g^2;  d = g / (sqrt(v) + eps), where the variance v - m^2 may stand for v;
// u = momentum * u + d, or d;  p = p - lr * u.  The lists are p, g, v, then m and u where they are kept.
template <bool CENTERED, bool MOVING, int LISTS>
__device__ void rmsprop_chunk(
    const Table<LISTS>& table, real rate, real old, real fresh, real epsilon, real decay, real momentum) {
    update_chunk(table, table.tensor(), [=](real* v) {
        const real g = decay != 0 ? v[1] + decay * v[0] : v[1];
        v[2] = old * v[2] + fresh * (g * g);
        real variance = v[2];
        if (CENTERED) {
            v[3] = old * v[3] + fresh * g;
            variance -= v[3] * v[3];
            variance = variance < 0 ? 0 : variance;  // by rounding, where gradients do not change
        }
        real move = g / (sqrt(variance) + epsilon);
        if (MOVING) move = v[LISTS - 1] = momentum * v[LISTS - 1] + move;
        v[0] -= rate * move;
    });
}

extern "C" __global__ void rmsprop(
    const Table<3> table, double lr, double alpha, double eps, double weight_decay, double momentum) {
    rmsprop_chunk<false, false>(table, lr, alpha, 1 - alpha, eps, weight_decay, momentum);
}

extern "C" __global__ void rmsprop_momentum(
    const Table<4> table, double lr, double alpha, double eps, double weight_decay, double momentum) {
    rmsprop_chunk<false, true>(table, lr, alpha, 1 - alpha, eps, weight_decay, momentum);
}

extern "C" __global__ void rmsprop_centered(
    const Table<4> table, double lr, double alpha, double eps, double weight_decay, double momentum) {
    rmsprop_chunk<true, false>(table, lr, alpha, 1 - alpha, eps, weight_decay, momentum);
}

extern "C" __global__ void rmsprop_centered_momentum(
    const Table<5> table, double lr, double alpha, double eps, double weight_decay, double momentum) {
    rmsprop_chunk<true, true>(table, lr, alpha, 1 - alpha, eps, weight_decay, momentum);
}
