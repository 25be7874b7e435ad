"""Sigmoid, SiLU, GELU and their gradients; tanh's gradient (its forward is NumPy's, which is vectorised too)."""
cimport numpy as cnp

cnp.import_array()

include "arrays.pxi"


cdef extern from "activation.h" nogil:
    void tp_sigmoid(int kind, void* y, void* x, cnp.npy_intp n)
    void tp_sigmoid_grad(int kind, void* gx, void* g, void* y, cnp.npy_intp n)
    void tp_tanh_grad(int kind, void* gx, void* g, void* y, cnp.npy_intp n)
    void tp_silu(int kind, void* y, void* x, cnp.npy_intp n)
    void tp_silu_grad(int kind, void* gx, void* g, void* x, cnp.npy_intp n)
    void tp_gelu(int kind, void* y, void* x, cnp.npy_intp n, bint by_tanh)
    void tp_gelu_grad(int kind, void* gx, void* g, void* x, cnp.npy_intp n, bint by_tanh)

cdef extern from "parallel.h" nogil:
    int tp_import_parallel() except -1
    int tp_threads_for(double nanoseconds)
    void tp_parallel_for(void (*function)(void*, ptrdiff_t, int) noexcept nogil, void* job, ptrdiff_t n_chunks,
                         int threads)

cdef enum:
    WORK = 4                    # these take as long as so many elements of the other kernels
    CHUNK = 1 << 15             # elements that a thread takes at a time: 10 to 20 us
    RATE = 3                    # elements that a thread takes in a nanosecond

tp_import_parallel()


cdef enum Which:
    SIGMOID, SILU, GELU, GELU_TANH, SIGMOID_GRAD, TANH_GRAD, SILU_GRAD, GELU_GRAD, GELU_TANH_GRAD


cdef inline void compute(Which which, int kind, void* y, void* a, void* b, cnp.npy_intp n) noexcept nogil:
    if which == SIGMOID:
        tp_sigmoid(kind, y, a, n)
    elif which == SILU:
        tp_silu(kind, y, a, n)
    elif which == GELU or which == GELU_TANH:
        tp_gelu(kind, y, a, n, which == GELU_TANH)
    elif which == SIGMOID_GRAD:
        tp_sigmoid_grad(kind, y, a, b, n)
    elif which == TANH_GRAD:
        tp_tanh_grad(kind, y, a, b, n)
    elif which == SILU_GRAD:
        tp_silu_grad(kind, y, a, b, n)
    else:
        tp_gelu_grad(kind, y, a, b, n, which == GELU_TANH_GRAD)


ctypedef struct job_t:
    Which which
    int kind
    char* y
    char* a
    char* b
    cnp.npy_intp n


cdef void compute_chunk(void* data, ptrdiff_t chunk, int worker) noexcept nogil:
    cdef job_t* job = <job_t*>data
    cdef cnp.npy_intp first = chunk * CHUNK, n = min(job.n - first, CHUNK), at = first * (8 if job.kind else 4)
    compute(job.which, job.kind, job.y + at, job.a + at, NULL if job.b == NULL else job.b + at, n)


cdef object apply(Which which, object a, object b):
    """An array of one function's results; b is None for a function of one argument."""
    cdef int kind = tp_kind(a), threads
    cdef PyThreadState* state
    cdef job_t job
    if kind < 0 or (b is not None and (tp_kind(b) != kind or not tp_same_shape(a, b))):
        return NotImplemented
    y = tp_empty_like(a, kind)
    job = job_t(which, kind, <char*>tp_data(y), <char*>tp_data(a), <char*>tp_data_or_null(b), tp_size(a))
    threads = tp_threads_for(<double>job.n / RATE)
    state = tp_release_gil(job.n * WORK)
    if threads == 1:
        compute(which, kind, job.y, job.a, job.b, job.n)
    else:
        tp_parallel_for(compute_chunk, &job, (job.n + CHUNK - 1) // CHUNK, threads)
    tp_take_gil(state)
    return y


def sigmoid(x):
    return apply(SIGMOID, x, None)


def sigmoid_grad(g, y):
    return NotImplemented if y is None else apply(SIGMOID_GRAD, g, y)


def tanh_grad(g, y):
    return NotImplemented if y is None else apply(TANH_GRAD, g, y)


def silu(x):
    return apply(SILU, x, None)


def silu_grad(g, x):
    return NotImplemented if x is None else apply(SILU_GRAD, g, x)


def gelu(x, approximate):
    if approximate == "none":
        return apply(GELU, x, None)
    return apply(GELU_TANH, x, None) if approximate == "tanh" else NotImplemented


def gelu_grad(g, x, approximate):
    if x is None or (approximate != "none" and approximate != "tanh"):
        return NotImplemented
    return apply(GELU_GRAD if approximate == "none" else GELU_TANH_GRAD, g, x)
