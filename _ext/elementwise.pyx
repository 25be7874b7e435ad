"""Arithmetic on whole arrays, ReLU, dropout and its mask, and the sum that undoes broadcasting.

For small arrays the cost is the call, so the arithmetic stands here in front of NumPy's own, with the same
results.
"""
cimport numpy as cnp
from libc.stdint cimport uint64_t
from libc.string cimport memset

import numpy

cnp.import_array()

include "arrays.pxi"

cdef extern from "elementwise.h" nogil:
    cdef enum:
        TP_OP_ADD, TP_OP_SUBTRACT, TP_OP_MULTIPLY, TP_OP_DIVIDE
    void tp_arithmetic(int kind, int op, void* y, void* a, int a_step, void* b, int b_step, cnp.npy_intp n)
    void tp_relu(int kind, void* y, void* x, cnp.npy_intp n)
    void tp_relu_grad(int kind, void* gx, void* g, void* y, cnp.npy_intp n)
    void tp_masked_scale(int kind, void* y, void* x, void* mask, double scale, cnp.npy_intp n)
    void tp_sum_middle(int kind, void* y, void* x, cnp.npy_intp outer, cnp.npy_intp summed,
                       cnp.npy_intp inner)

cdef extern from "arrays.h":
    const cnp.npy_intp TP_RELEASE_GIL_FROM

cdef extern from "memory.h":
    const cnp.npy_intp TP_MEMORY_FROM

cdef extern from "philox.h" nogil:
    void tp_keep_blocks(unsigned char* mask, cnp.npy_intp n, uint64_t key, uint64_t threshold, cnp.npy_intp first,
                        cnp.npy_intp last)

cdef extern from "parallel.h" nogil:
    int tp_import_parallel() except -1
    int tp_threads_for(double nanoseconds)
    void tp_parallel_for(void (*function)(void*, ptrdiff_t, int) noexcept nogil, void* job, ptrdiff_t n_chunks,
                         int threads)

cdef enum:
    CHUNK = 1 << 15             # elements that a thread takes at a time: 5 to 10 us, of a mask 25
    RATE = 5                    # elements that a thread takes in a nanosecond, of a mask one

tp_import_parallel()

cdef object np_add = numpy.add
cdef object np_subtract = numpy.subtract
cdef object np_multiply = numpy.multiply
cdef object np_divide = numpy.divide


cdef union number:
    float f32
    double f64


cdef inline bint as_number(object value, int kind, number* out) noexcept:
    """A Python number in the type of the other operand, as NumPy converts it."""
    cdef double v
    if not tp_number(value, &v):
        return False
    if kind:
        out.f64 = v
    else:
        out.f32 = <float>v
    return True


cdef enum Which:                # beside TP_OP_ADD and its like
    RELU = 16, RELU_GRAD, MASKED_SCALE


ctypedef struct job_t:
    int which, kind
    char* y
    char* a
    char* b                     # of a mask one byte each
    int a_step, b_step          # 0: one number
    double scale
    cnp.npy_intp n


cdef void compute_chunk(void* data, ptrdiff_t chunk, int worker) noexcept nogil:
    cdef job_t* job = <job_t*>data
    cdef cnp.npy_intp first = chunk * CHUNK, n = min(job.n - first, CHUNK), item = 8 if job.kind else 4
    cdef void* y = job.y + first * item
    cdef void* a = job.a + first * item * job.a_step
    cdef void* b = job.b + first * (1 if job.which == MASKED_SCALE else item * job.b_step)
    if job.which == RELU:
        tp_relu(job.kind, y, a, n)
    elif job.which == RELU_GRAD:
        tp_relu_grad(job.kind, y, a, b, n)
    elif job.which == MASKED_SCALE:
        tp_masked_scale(job.kind, y, a, b, job.scale, n)
    else:
        tp_arithmetic(job.kind, job.which, y, a, job.a_step, b, job.b_step, n)


cdef void compute(job_t* job):
    """All of it, cut into chunks of any order: the same results for any number of threads."""
    cdef PyThreadState* state = tp_release_gil(job.n)
    if job.n <= CHUNK:
        compute_chunk(job, 0, 0)
    else:
        tp_parallel_for(compute_chunk, job, (job.n + CHUNK - 1) // CHUNK, tp_threads_for(<double>job.n / RATE))
    tp_take_gil(state)


cdef object broadcast(int kind, object function, object a, object b):
    """function(a, b) for arrays of one type that broadcast. A large result's memory comes from the cache."""
    cdef int ndim = max(tp_ndim(a), tp_ndim(b)), i
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    cdef cnp.npy_intp m, n, size = 8 if kind else 4
    for i in range(1, ndim + 1):
        m = tp_shape(a)[tp_ndim(a) - i] if i <= tp_ndim(a) else 1
        n = tp_shape(b)[tp_ndim(b) - i] if i <= tp_ndim(b) else 1
        if m != n and m != 1 and n != 1:
            return function(a, b)   # raises
        shape[ndim - i] = n if m == 1 else m
        size *= shape[ndim - i]
    if size < TP_MEMORY_FROM:
        return cnp.PyArray_FROM_O(function(a, b))
    return function(a, b, tp_empty(kind, ndim, shape))


cdef object operate(int op, object function, object a, object b):
    """a op b: here for two arrays of one shape, or an array and a number, of one type; else by NumPy."""
    cdef int a_kind = tp_kind(a), b_kind = tp_kind(b), kind, a_step = 1, b_step = 1
    cdef void* first
    cdef void* second
    cdef number scalar
    cdef cnp.npy_intp n
    cdef job_t job
    like = a
    if a_kind >= 0 and a_kind == b_kind:
        kind, first, second = a_kind, tp_data(a), tp_data(b)
        if not tp_same_shape(a, b):
            if tp_ndim(b) == 0:
                b_step = 0
            elif tp_ndim(a) == 0:
                a_step, like = 0, b
            else:
                return broadcast(a_kind, function, a, b)
    elif a_kind >= 0 and as_number(b, a_kind, &scalar):
        kind, first, second, b_step = a_kind, tp_data(a), &scalar, 0
    elif b_kind >= 0 and as_number(a, b_kind, &scalar):
        kind, first, second, a_step, like = b_kind, &scalar, tp_data(b), 0, b
    else:
        return cnp.PyArray_FROM_O(function(a, b))
    y = tp_empty_like(like, kind)
    n = tp_size(like)
    if n < TP_RELEASE_GIL_FROM:     # the fewest instructions for the smallest arrays
        tp_arithmetic(kind, op, tp_data(y), first, a_step, second, b_step, n)
    else:
        job = job_t(op, kind, <char*>tp_data(y), <char*>first, <char*>second, a_step, b_step, 0, n)
        compute(&job)
    return y


def add(a, b):
    return operate(TP_OP_ADD, np_add, a, b)


def subtract(a, b):
    return operate(TP_OP_SUBTRACT, np_subtract, a, b)


def multiply(a, b):
    return operate(TP_OP_MULTIPLY, np_multiply, a, b)


def divide(a, b):
    return operate(TP_OP_DIVIDE, np_divide, a, b)


def relu(x):
    cdef int kind = tp_kind(x)
    cdef job_t job
    if kind < 0:
        return NotImplemented
    y = tp_empty_like(x, kind)
    job = job_t(RELU, kind, <char*>tp_data(y), <char*>tp_data(x), NULL, 1, 0, 0, tp_size(x))
    compute(&job)
    return y


def relu_grad(g, y):
    cdef int kind = tp_kind(g)
    cdef job_t job
    if kind < 0 or tp_kind(y) != kind or not tp_same_shape(g, y):
        return NotImplemented
    gx = tp_empty_like(g, kind)
    job = job_t(RELU_GRAD, kind, <char*>tp_data(gx), <char*>tp_data(g), <char*>tp_data(y), 1, 1, 0, tp_size(g))
    compute(&job)
    return gx


def masked_scale(x, mask, scale):
    cdef int kind = tp_kind(x)
    cdef double factor
    cdef job_t job
    if kind < 0 or not tp_is_bool(mask) or not tp_same_shape(x, mask) or not tp_number(scale, &factor):
        return NotImplemented
    y = tp_empty_like(x, kind)
    job = job_t(MASKED_SCALE, kind, <char*>tp_data(y), <char*>tp_data(x), <char*>tp_data(mask), 1, 1, factor,
                tp_size(x))
    compute(&job)
    return y


ctypedef struct mask_t:
    unsigned char* data
    cnp.npy_intp n, blocks
    uint64_t key, threshold


cdef void keep_chunk(void* data, ptrdiff_t chunk, int worker) noexcept nogil:
    cdef mask_t* mask = <mask_t*>data
    cdef cnp.npy_intp first = chunk * (CHUNK // 4)
    tp_keep_blocks(mask.data, mask.n, mask.key, mask.threshold, first, min(first + CHUNK // 4, mask.blocks))


def keep_mask(shape, p, key):
    cdef cnp.npy_intp[NPY_MAXDIMS] sizes
    cdef int i, ndim, threads
    cdef double probability
    cdef mask_t mask
    cdef PyThreadState* state
    if type(shape) is not tuple or len(<tuple>shape) > NPY_MAXDIMS or type(key) is not int:
        return NotImplemented
    if not tp_number(p, &probability) or not 0 <= probability <= 1 or not 0 <= key < 1 << 63:
        return NotImplemented
    ndim = len(<tuple>shape)
    for i in range(ndim):
        sizes[i] = (<tuple>shape)[i]
    keep = cnp.PyArray_SimpleNew(ndim, sizes, cnp.NPY_BOOL)
    mask.data, mask.n = <unsigned char*>tp_data(keep), tp_size(keep)
    mask.blocks, mask.key, mask.threshold = (mask.n + 3) // 4, key, round(p * 4294967296.0)
    threads = tp_threads_for(<double>mask.n)
    state = tp_release_gil(mask.n * 4)
    if mask.threshold == 0:
        memset(mask.data, 1, mask.n)
    elif threads == 1:
        tp_keep_blocks(mask.data, mask.n, mask.key, mask.threshold, 0, mask.blocks)
    else:
        tp_parallel_for(keep_chunk, &mask, (mask.n + CHUNK - 1) // CHUNK, threads)
    tp_take_gil(state)
    return keep


def sum_to(g, shape):
    """For one run of neighbouring axes to sum over: leading ones, trailing ones, all, some in the middle."""
    cdef int kind = tp_kind(g), ndim, added, i
    cdef cnp.npy_intp outer = 1, summed = 1, inner = 1, size
    cdef cnp.npy_intp* have
    cdef cnp.npy_intp[NPY_MAXDIMS] want
    cdef PyThreadState* state
    if kind < 0 or type(shape) is not tuple:
        return NotImplemented
    ndim = tp_ndim(g)
    have = tp_shape(g)
    added = ndim - len(<tuple>shape)
    if added < 0 or tp_size(g) == 0:
        return NotImplemented
    for i in range(ndim):
        size = 1 if i < added else (<tuple>shape)[i - added]
        if i >= added:
            want[i - added] = size
        if size == have[i]:
            if summed == 1:
                outer *= size
            else:
                inner *= size
        elif size != 1 or inner > 1:    # cannot come from broadcasting, or a second run
            return NotImplemented
        else:
            summed *= have[i]
    if summed == 1 and added == 0:
        return g
    y = tp_empty(kind, ndim - added, want)
    state = tp_release_gil(tp_size(g))
    tp_sum_middle(kind, tp_data(y), tp_data(g), outer, summed, inner)
    tp_take_gil(state)
    return y
