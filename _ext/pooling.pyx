"""Largest elements and averages of windows over one or two axes, and their gradients."""
cimport numpy as cnp
from libc.stdint cimport int64_t

cnp.import_array()

include "arrays.pxi"

cdef extern from "parallel.h":
    int tp_import_parallel() except -1

cdef extern from "pooling.h":
    enum:
        TP_MAX_POOL
        TP_MAX_POOL_GRAD
        TP_AVG_POOL
        TP_AVG_POOL_GRAD
    ctypedef struct tp_pool_axis:
        Py_ssize_t in_ "in"
        Py_ssize_t out, kernel, stride, pad, dilation, counted_before, counted_after
    ctypedef struct tp_pool_job:
        tp_pool_axis v, h
        Py_ssize_t planes
        double divisor
        void* x
        void* y
        int64_t* indices
    bint tp_pool_run(int which, int kind, tp_pool_job* job)

tp_import_parallel()


cdef bint fill_axis(tp_pool_axis* axis, Py_ssize_t size, object kernel, object stride, object padding,
                    object dilation, object counted) except -1:
    """The sizes of one axis; False where they are not for us."""
    cdef Py_ssize_t before, after
    before, after = padding
    axis.in_, axis.kernel, axis.stride, axis.dilation, axis.pad = size, kernel, stride, dilation, before
    axis.counted_before, axis.counted_after = counted
    if axis.stride < 1 or axis.dilation < 1 or axis.kernel < 1 or size < 1:
        return False
    size += before + after - axis.dilation * (axis.kernel - 1) - 1
    if size < 0:
        return False
    axis.out = size // axis.stride + 1
    return True


cdef bint fill_job(tp_pool_job* job, cnp.npy_intp* shape, int ndim, object kernel, object stride, object padding,
                   object dilation, object counted) except -1:
    """The sizes for planes of the given shape; False where they are not for us. One axis counts as one row."""
    cdef int last = ndim - 3
    if not 3 <= ndim <= 4 or len(kernel) != ndim - 2 or len(stride) != ndim - 2 or len(padding) != ndim - 2:
        return False
    job.planes = shape[0] * shape[1]
    job.divisor = 0
    job.indices = NULL
    if job.planes == 0:
        return False
    if ndim == 3:
        if not fill_axis(&job.v, 1, 1, 1, (0, 0), 1, (0, 0)):
            return False
    elif not fill_axis(&job.v, shape[2], kernel[0], stride[0], padding[0], dilation[0], counted[0]):
        return False
    return fill_axis(&job.h, shape[ndim - 1], kernel[last], stride[last], padding[last], dilation[last],
                     counted[last])


cdef inline void fill_shape(cnp.npy_intp* shape, tp_pool_job* job, object x):
    """The shape of the windows' results."""
    shape[0], shape[1], shape[2] = tp_shape(x)[0], tp_shape(x)[1], job.v.out
    shape[tp_ndim(x) - 1] = job.h.out


def max_pool(x, kernel, stride, padding, dilation):
    cdef int kind = tp_kind(x)
    cdef tp_pool_job job
    cdef cnp.npy_intp[4] shape
    cdef PyThreadState* state
    if kind < 0 or not fill_job(&job, tp_shape(x), tp_ndim(x), kernel, stride, padding, dilation, padding):
        return NotImplemented
    fill_shape(shape, &job, x)
    y = tp_empty(kind, tp_ndim(x), shape)
    indices = tp_new(cnp.NPY_INT64, sizeof(int64_t), tp_ndim(x), shape)
    job.x, job.y, job.indices = tp_data(x), tp_data(y), <int64_t*>tp_data(indices)
    state = tp_release_gil(tp_size(x))
    tp_pool_run(TP_MAX_POOL, kind, &job)
    tp_take_gil(state)
    return y, indices


def max_pool_grad(g, indices, shape):
    cdef int kind = tp_kind(g), ndim, i
    cdef tp_pool_job job
    cdef cnp.npy_intp[4] sizes
    cdef PyThreadState* state
    cdef bint done
    if kind < 0 or not tp_is_int64(indices) or not tp_same_shape(g, indices):
        return NotImplemented
    ndim = tp_ndim(g)
    if not 3 <= ndim <= 4 or len(shape) != ndim:
        return NotImplemented
    for i in range(ndim):
        sizes[i] = shape[i]
        if sizes[i] < 1:
            return NotImplemented
    if not cnp.PyArray_CompareLists(tp_shape(g), sizes, 2):
        return NotImplemented
    job.planes = sizes[0] * sizes[1]
    job.v.in_ = sizes[2] if ndim == 4 else 1
    job.v.out = tp_shape(g)[2] if ndim == 4 else 1
    job.h.in_, job.h.out = sizes[ndim - 1], tp_shape(g)[ndim - 1]
    gx = tp_empty(kind, ndim, sizes)
    job.x, job.y, job.indices = tp_data(gx), tp_data(g), <int64_t*>tp_data(indices)
    state = tp_release_gil(tp_size(gx))
    done = tp_pool_run(TP_MAX_POOL_GRAD, kind, &job)
    tp_take_gil(state)
    return gx if done else NotImplemented


def avg_pool(x, kernel, stride, padding, counted, divisor):
    cdef int kind = tp_kind(x)
    cdef tp_pool_job job
    cdef cnp.npy_intp[4] shape
    cdef PyThreadState* state
    cdef bint done
    if kind < 0 or not fill_job(&job, tp_shape(x), tp_ndim(x), kernel, stride, padding, (1, 1), counted):
        return NotImplemented
    if divisor is not None and not tp_number(divisor, &job.divisor):
        return NotImplemented
    fill_shape(shape, &job, x)
    y = tp_empty(kind, tp_ndim(x), shape)
    job.x, job.y = tp_data(x), tp_data(y)
    state = tp_release_gil(tp_size(x))
    done = tp_pool_run(TP_AVG_POOL, kind, &job)
    tp_take_gil(state)
    return y if done else NotImplemented


def avg_pool_grad(g, shape, kernel, stride, padding, counted, divisor):
    cdef int kind = tp_kind(g), ndim, i
    cdef tp_pool_job job
    cdef cnp.npy_intp[4] sizes, windows
    cdef PyThreadState* state
    cdef bint done
    if kind < 0:
        return NotImplemented
    ndim = tp_ndim(g)
    if ndim > 4 or len(shape) != ndim:
        return NotImplemented
    for i in range(ndim):
        sizes[i] = shape[i]
    if not fill_job(&job, sizes, ndim, kernel, stride, padding, (1, 1), counted):
        return NotImplemented
    if divisor is not None and not tp_number(divisor, &job.divisor):
        return NotImplemented
    gx = tp_empty(kind, ndim, sizes)
    fill_shape(windows, &job, gx)
    if not cnp.PyArray_CompareLists(tp_shape(g), windows, ndim):
        return NotImplemented
    job.x, job.y = tp_data(gx), tp_data(g)
    state = tp_release_gil(tp_size(gx))
    done = tp_pool_run(TP_AVG_POOL_GRAD, kind, &job)
    tp_take_gil(state)
    return gx if done else NotImplemented
