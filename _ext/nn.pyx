"""Softmax and its relatives along the last axis, and the fused cross-entropy."""
cimport numpy as cnp
from libc.stdint cimport int64_t

cnp.import_array()

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object, int* overflow) except? -1

include "arrays.pxi"

cdef extern from "parallel.h" nogil:
    int tp_import_parallel() except -1
    int tp_threads_for(double nanoseconds)
    void tp_parallel_for(void (*function)(void*, ptrdiff_t, int) noexcept nogil, void* job, ptrdiff_t n_chunks,
                         int threads)

cdef extern from "softmax.h" nogil:
    void tp_softmax(int kind, void* y, void* x, cnp.npy_intp rows, cnp.npy_intp n)
    void tp_log_softmax(int kind, void* y, void* x, cnp.npy_intp rows, cnp.npy_intp n)
    void tp_softmax_grad(int kind, void* gx, void* g, void* y, cnp.npy_intp rows, cnp.npy_intp n)
    void tp_log_softmax_grad(int kind, void* gx, void* g, void* y, cnp.npy_intp rows, cnp.npy_intp n)
    void tp_cross_entropy(int kind, void* loss, void* slope, void* x, int64_t* target, cnp.npy_intp rows,
                          cnp.npy_intp n, int64_t ignore, bint reduced, double scale)


tp_import_parallel()


cdef inline cnp.npy_intp row_length(object x, object axis) except? -1:
    """The length of the last axis if `axis` is it and no size is 0, else 0."""
    cdef Py_ssize_t i = axis
    cdef int ndim = tp_ndim(x)
    return tp_shape(x)[ndim - 1] if ndim > 0 and (i == -1 or i == ndim - 1) and tp_size(x) > 0 else 0


cdef enum Which:
    SOFTMAX, LOG_SOFTMAX, SOFTMAX_GRAD, LOG_SOFTMAX_GRAD

cdef enum:
    CHUNK = 1 << 15             # elements that a thread takes at a time: 10 to 20 us
    RATE = 3                    # elements that a thread takes in a nanosecond


ctypedef struct job_t:
    Which which
    int kind
    char* y
    char* a                     # x, or g
    char* b                     # y of a gradient
    cnp.npy_intp rows, n, some


cdef void compute_chunk(void* data, ptrdiff_t chunk, int worker) noexcept nogil:
    cdef job_t* job = <job_t*>data
    cdef cnp.npy_intp first = chunk * job.some, rows = min(job.rows - first, job.some)
    cdef cnp.npy_intp at = first * job.n * (8 if job.kind else 4)
    cdef void* y = job.y + at
    cdef void* a = job.a + at
    if job.which == SOFTMAX:
        tp_softmax(job.kind, y, a, rows, job.n)
    elif job.which == LOG_SOFTMAX:
        tp_log_softmax(job.kind, y, a, rows, job.n)
    elif job.which == SOFTMAX_GRAD:
        tp_softmax_grad(job.kind, y, a, <void*>(job.b + at), rows, job.n)
    else:
        tp_log_softmax_grad(job.kind, y, a, <void*>(job.b + at), rows, job.n)


cdef object by_rows(Which which, object a, object b, object axis):
    """One of the four, over rows, which are independent: the same results for any number of threads."""
    cdef int kind = tp_kind(a)
    cdef job_t job
    cdef PyThreadState* state
    if kind < 0 or (b is not None and (tp_kind(b) != kind or not tp_same_shape(a, b))):
        return NotImplemented
    job.n = row_length(a, axis)
    if job.n == 0:
        return NotImplemented
    y = tp_empty_like(a, kind)
    job.which, job.kind, job.rows, job.some = which, kind, tp_size(a) // job.n, max(1, CHUNK // job.n)
    job.y, job.a, job.b = <char*>tp_data(y), <char*>tp_data(a), <char*>tp_data_or_null(b)
    state = tp_release_gil(tp_size(a))
    tp_parallel_for(compute_chunk, &job, (job.rows + job.some - 1) // job.some,
                    tp_threads_for(<double>tp_size(a) / RATE))
    tp_take_gil(state)
    return y


def softmax(x, axis):
    return by_rows(SOFTMAX, x, None, axis)


def log_softmax(x, axis):
    return by_rows(LOG_SOFTMAX, x, None, axis)


def softmax_grad(g, y, axis):
    return NotImplemented if y is None else by_rows(SOFTMAX_GRAD, g, y, axis)


def log_softmax_grad(g, y, axis):
    return NotImplemented if y is None else by_rows(LOG_SOFTMAX_GRAD, g, y, axis)


def cross_entropy(logits, target, reduction, ignore_index):
    cdef int kind = tp_kind(logits)
    cdef cnp.npy_intp rows, n, i, counted = 0
    cdef int64_t* classes
    cdef int overflow
    cdef PyThreadState* state
    cdef double scale = 1
    if kind < 0 or not tp_is_int64(target) or tp_ndim(logits) != 2 or tp_ndim(target) != 1:
        return NotImplemented
    rows, n = tp_shape(logits)[0], tp_shape(logits)[1]
    if n == 0 or tp_shape(target)[0] != rows or type(ignore_index) is not int:
        return NotImplemented
    cdef int64_t ignore = PyLong_AsLongLongAndOverflow(ignore_index, &overflow)
    if overflow:
        return NotImplemented
    classes = <int64_t*>tp_data(target)
    for i in range(rows):
        if classes[i] != ignore:
            counted += 1
            if classes[i] < 0 or classes[i] >= n:
                return NotImplemented
    cdef bint reduced = True
    if reduction == "mean":
        scale = 1.0 / counted if counted else float("nan")
    elif reduction == "none":
        reduced = False
    elif reduction != "sum":
        return NotImplemented
    loss = tp_empty(kind, 0, NULL) if reduced else tp_empty(kind, 1, &rows)
    slope = tp_empty_like(logits, kind)
    state = tp_release_gil(rows * n)
    tp_cross_entropy(kind, tp_data(loss), tp_data(slope), tp_data(logits), classes, rows, n, ignore, reduced,
                     scale)
    tp_take_gil(state)
    return loss, slope


def cross_entropy_grad(g, slope):
    """The reference's for a loss that is one number. Where backward starts from the loss, that is 1."""
    cdef int kind = tp_kind(g)
    cdef cnp.npy_intp i
    cdef double scale
    if kind < 0 or tp_kind(slope) != kind or tp_ndim(g) != 0:
        return NotImplemented
    scale = (<float*>tp_data(g))[0] if kind == 0 else (<double*>tp_data(g))[0]
    if scale == 1:
        return slope
    gx = tp_empty_like(slope, kind)
    for i in range(tp_size(slope)):
        if kind == 0:
            (<float*>tp_data(gx))[i] = <float>scale * (<float*>tp_data(slope))[i]
        else:
            (<double*>tp_data(gx))[i] = scale * (<double*>tp_data(slope))[i]
    return gx
