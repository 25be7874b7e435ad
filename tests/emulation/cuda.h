// Enough of CUDA C++ to run a kernel's own code on the host, one thread at a time.
//
// The threads of a block are fibers. A warp runs until all its lanes have met a barrier, lane after lane from one shuffle
// to the next, and then hands over to the next warp; when all warps have arrived, the next round begins. So each warp
// gets as far ahead of the others as barriers allow, forwards, or with `backwards` in the reverse order. Where both agree
// no barrier is missing that the order of warps could show. Lanes or warps that end, or meet something else, while
// others wait are an error: on a device that is undefined.
#pragma once

#include <math.h>
#include <setjmp.h>
#include <string.h>
#include <ucontext.h>

#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __shared__ static __attribute__((section("shared_memory")))  // blocks run one after another, on one host thread

struct dim3 {
    unsigned x, y, z;
};

namespace emulation {

constexpr int MOST_THREADS = 1024, STACK = 1 << 16;
enum State { NEW, AT_BARRIER, AT_SHUFFLE, DONE };  // NEW: the fiber has no stack of its own yet

alignas(16) static char stacks[MOST_THREADS][STACK];
static jmp_buf scheduler, fibers[MOST_THREADS];
static State states[MOST_THREADS];
static double shuffled[MOST_THREADS];
static int current;
static void (*body)(void*);
static void* argument;

// Hands over to the scheduler, which comes back here. A jump costs no system call, as swapcontext would.
inline void wait(State state) {
    states[current] = state;
    if (_setjmp(fibers[current]) == 0) _longjmp(scheduler, 1);
}

// A fiber serves one thread of every block.
inline void serve() {
    for (;;) {
        body(argument);
        wait(DONE);
    }
}

__attribute__((noinline)) inline void resume() {
    if (_setjmp(scheduler) != 0) return;
    if (states[current] != NEW) _longjmp(fibers[current], 1);
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = stacks[current];
    context.uc_stack.ss_size = STACK;
    makecontext(&context, serve, 0);
    setcontext(&context);
}

}  // namespace emulation

static dim3 gridDim, blockDim, blockIdx, threadIdx;

inline void __syncthreads() { emulation::wait(emulation::AT_BARRIER); }
inline void __threadfence_system() {}

inline float __int_as_float(unsigned bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
    const int self = emulation::current;
    emulation::shuffled[self] = value;
    emulation::wait(emulation::AT_SHUFFLE);  // all have left their values
    const T received = (T)emulation::shuffled[self ^ mask];
    emulation::wait(emulation::AT_SHUFFLE);  // all have read them
    return received;
}

template <class T>
T atomicAdd(T* target, T value) {
    const T before = *target;
    *target += value;
    return before;
}

namespace emulation {

extern "C" __attribute__((weak)) char __start_shared_memory[], __stop_shared_memory[];  // the linker's, if there is any

// Runs one warp up to its next barrier, through the shuffles on the way. False if its lanes part.
inline bool run_warp(int first, int end, bool backwards) {
    do {
        for (int i = first; i < end; i++) {
            current = backwards ? first + end - 1 - i : i;
            threadIdx = dim3{current % blockDim.x, current / blockDim.x, 0};
            resume();
        }
        for (int i = first; i < end; i++)
            if (states[i] != states[first]) return false;
    } while (states[first] == AT_SHUFFLE);
    return true;
}

// One block. An error message, or null.
inline const char* run_block(bool backwards) {
    const int threads = blockDim.x * blockDim.y, warps = (threads + 31) / 32;
    memset(__start_shared_memory, 0xff, __stop_shared_memory - __start_shared_memory);  // NaN, until it is written
    do {
        bool together = true;
        for (int k = 0; k < warps && together; k++) {
            const int warp = backwards ? warps - 1 - k : k, end = warp * 32 + 32;
            together = run_warp(warp * 32, end < threads ? end : threads, backwards);
        }
        for (int warp = 1; warp < warps && together; warp++) together = states[warp * 32] == states[0];
        if (!together) {
            for (int i = 0; i < MOST_THREADS; i++) states[i] = NEW;  // none of them can be used again
            return "the threads of a block do not meet at one barrier";
        }
    } while (states[0] != DONE);
    return nullptr;
}

template <class... Parameters, size_t... I>
void call(void (*kernel)(Parameters...), void** arguments, std::index_sequence<I...>) {
    kernel(*static_cast<std::remove_const_t<Parameters>*>(arguments[I])...);
}

// Launches a kernel as the driver does: `arguments` are pointers to its parameters' values.
template <class... Parameters>
const char* launch(
    void (*kernel)(Parameters...), int n_arguments, void** arguments, const unsigned* grid, const unsigned* block,
    bool backwards) {
    if (n_arguments != (int)sizeof...(Parameters)) return "the kernel has another number of parameters";
    if (block[0] * block[1] > MOST_THREADS) return "a block has more than 1024 threads";
    gridDim = dim3{grid[0], grid[1], 1};
    blockDim = dim3{block[0], block[1], 1};
    auto thread = [&] { call(kernel, arguments, std::index_sequence_for<Parameters...>()); };
    body = [](void* it) { (*static_cast<decltype(thread)*>(it))(); };
    argument = &thread;
    for (unsigned y = 0; y < grid[1]; y++)
        for (unsigned x = 0; x < grid[0]; x++) {
            blockIdx = dim3{backwards ? grid[0] - 1 - x : x, y, 0};
            if (const char* error = run_block(backwards)) return error;
        }
    return nullptr;
}

// The size of each parameter, to compare with what the host packs.
template <class... Parameters>
int sizes(void (*)(Parameters...), size_t* out) {
    size_t all[] = {sizeof(Parameters)..., 0};
    memcpy(out, all, sizeof(all) - sizeof(size_t));
    return sizeof...(Parameters);
}

}  // namespace emulation
