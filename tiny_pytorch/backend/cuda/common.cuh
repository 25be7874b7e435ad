// What all kernels share. REAL is defined by the compiler's options: float or double.
//
// A kernel's threads work in teams, one team for each row of the array. Blocks of (32, k) threads are k teams of one
// warp, for short rows; blocks of (32 k, 1) threads are one team. All threads of a team call its reductions together.

typedef REAL real;
typedef long long index_t;

// Every element from this thread's first to the last, in steps of the whole grid.
#define FOR_EACH(i, n)                                                                                           \
    for (index_t i = blockIdx.x * (index_t)blockDim.x + threadIdx.x; i < (n); i += (index_t)gridDim.x * blockDim.x)

__device__ inline real infinity() { return __int_as_float(0x7f800000); }
__device__ inline real not_a_number() { return __int_as_float(0x7fc00000); }

struct Sum {
    static __device__ real neutral() { return 0; }
    __device__ real operator()(real a, real b) const { return a + b; }
};

struct Maximum {
    static __device__ real neutral() { return -infinity(); }
    __device__ real operator()(real a, real b) const { return a > b ? a : b; }
};

// All lanes of the warp receive the result.
template <class Combine>
__device__ real warp_reduce(real value, Combine combine) {
    for (int step = 16; step > 0; step /= 2) value = combine(value, __shfl_xor_sync(0xffffffffu, value, step));
    return value;
}

// All threads of the block receive the result. The block has whole warps, 32 of them at most.
template <class Combine>
__device__ real block_reduce(real value, Combine combine) {
    __shared__ real partial[32];
    const int thread = threadIdx.x + threadIdx.y * blockDim.x, lane = thread % 32;
    const int warps = blockDim.x * blockDim.y / 32;
    value = warp_reduce(value, combine);
    __syncthreads();  // what the reduction before this one left there has been read
    if (lane == 0) partial[thread / 32] = value;
    __syncthreads();
    return warp_reduce(lane < warps ? partial[lane] : Combine::neutral(), combine);
}

template <class Combine>
__device__ real team_reduce(real value, Combine combine) {
    return blockDim.x == 32 ? warp_reduce(value, combine) : block_reduce(value, combine);
}

// The row of this thread's team: elements start, start + stride, ..., n of them (0 beyond the last row).
struct Row {
    index_t start, stride, n;

    template <class Combine, class Value>
    __device__ real reduce(Combine combine, Value value) const {
        real result = Combine::neutral();
        for (index_t i = threadIdx.x; i < n; i += blockDim.x) result = combine(result, value(start + i * stride));
        return team_reduce(result, combine);
    }

    template <class Work>
    __device__ void each(Work work) const {
        for (index_t i = threadIdx.x; i < n; i += blockDim.x) work(start + i * stride);
    }
};

// An array (outer, n, inner) seen as its outer * inner rows along the middle axis.
__device__ inline Row row_of_team(index_t rows, index_t n, index_t inner) {
    const index_t row = blockIdx.x * (index_t)blockDim.y + threadIdx.y;
    return Row{row / inner * n * inner + row % inner, inner, row < rows ? n : 0};
}

// A bad index is reported in host memory that the device can write: {set, index, size}. See faults.py.
__device__ inline bool in_range(index_t index, index_t low, index_t size, volatile index_t* fault) {
    if (index >= low && index < size) return true;
    fault[1] = index;
    fault[2] = size;
    __threadfence_system();
    fault[0] = 1;
    return false;
}
