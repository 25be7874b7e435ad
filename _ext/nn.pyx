"""Softmax and its relatives along the last axis, the fused cross-entropy, normalisation layers."""
cimport numpy as cnp
from libc.stdint cimport int64_t

cnp.import_array()

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object, int* overflow) except? -1

include "arrays.pxi"

cdef extern from "softmax.h":
    void tp_softmax(int kind, void* y, void* x, cnp.npy_intp rows, cnp.npy_intp n)
    void tp_log_softmax(int kind, void* y, void* x, cnp.npy_intp rows, cnp.npy_intp n)
    void tp_softmax_grad(int kind, void* gx, void* g, void* y, cnp.npy_intp rows, cnp.npy_intp n)
    void tp_log_softmax_grad(int kind, void* gx, void* g, void* y, cnp.npy_intp rows, cnp.npy_intp n)
    void tp_cross_entropy(int kind, void* loss, void* slope, void* x, int64_t* target, cnp.npy_intp rows,
                          cnp.npy_intp n, int64_t ignore, bint reduced, double scale)

cdef extern from "norm.h":
    void tp_layer_norm(int kind, void* y, void* mean, void* rstd, void* x, void* weight, void* bias,
                       cnp.npy_intp rows, cnp.npy_intp n, double eps)
    void tp_layer_norm_grad(int kind, void* gx, void* gw, void* gb, void* g, void* x, void* weight,
                            void* mean, void* rstd, cnp.npy_intp rows, cnp.npy_intp n)
    void tp_batch_norm(int kind, void* y, void* mean, void* var, void* rstd, void* x, void* weight,
                       void* bias, cnp.npy_intp samples, cnp.npy_intp channels, cnp.npy_intp length,
                       double eps)
    void tp_batch_norm_grad(int kind, void* gx, void* gw, void* gb, void* g, void* x, void* weight,
                            void* mean, void* rstd, cnp.npy_intp samples, cnp.npy_intp channels,
                            cnp.npy_intp length)


cdef inline cnp.npy_intp row_length(object x, object axis) except? -1:
    """The length of the last axis if `axis` is it and no size is 0, else 0."""
    cdef Py_ssize_t i = axis
    cdef int ndim = tp_ndim(x)
    return tp_shape(x)[ndim - 1] if ndim > 0 and (i == -1 or i == ndim - 1) and tp_size(x) > 0 else 0


def softmax(x, axis):
    cdef int kind = tp_kind(x)
    cdef cnp.npy_intp n = row_length(x, axis) if kind >= 0 else 0
    cdef PyThreadState* state
    if n == 0:
        return NotImplemented
    y = tp_empty_like(x, kind)
    state = tp_release_gil(tp_size(x))
    tp_softmax(kind, tp_data(y), tp_data(x), tp_size(x) // n, n)
    tp_take_gil(state)
    return y


def log_softmax(x, axis):
    cdef int kind = tp_kind(x)
    cdef cnp.npy_intp n = row_length(x, axis) if kind >= 0 else 0
    cdef PyThreadState* state
    if n == 0:
        return NotImplemented
    y = tp_empty_like(x, kind)
    state = tp_release_gil(tp_size(x))
    tp_log_softmax(kind, tp_data(y), tp_data(x), tp_size(x) // n, n)
    tp_take_gil(state)
    return y


def softmax_grad(g, y, axis):
    cdef int kind = tp_kind(g)
    cdef PyThreadState* state
    if kind < 0 or tp_kind(y) != kind or not tp_same_shape(g, y):
        return NotImplemented
    cdef cnp.npy_intp n = row_length(y, axis)
    if n == 0:
        return NotImplemented
    gx = tp_empty_like(y, kind)
    state = tp_release_gil(tp_size(y))
    tp_softmax_grad(kind, tp_data(gx), tp_data(g), tp_data(y), tp_size(y) // n, n)
    tp_take_gil(state)
    return gx


def log_softmax_grad(g, y, axis):
    cdef int kind = tp_kind(g)
    cdef PyThreadState* state
    if kind < 0 or tp_kind(y) != kind or not tp_same_shape(g, y):
        return NotImplemented
    cdef cnp.npy_intp n = row_length(y, axis)
    if n == 0:
        return NotImplemented
    gx = tp_empty_like(y, kind)
    state = tp_release_gil(tp_size(y))
    tp_log_softmax_grad(kind, tp_data(gx), tp_data(g), tp_data(y), tp_size(y) // n, n)
    tp_take_gil(state)
    return gx


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


cdef inline bint is_plane_or_none(object v, int kind, object x, int axes):
    """Whether v is None or has the dtype `kind` and the shape of the last `axes` axes of x."""
    return v is None or (
        tp_kind(v) == kind and tp_ndim(v) == axes
        and cnp.PyArray_CompareLists(tp_shape(v), tp_shape(x) + (tp_ndim(x) - axes), axes)
    )


def layer_norm(x, weight, bias, axes, eps):
    cdef int kind = tp_kind(x), ndim, over, i
    cdef cnp.npy_intp rows = 1
    cdef double epsilon
    cdef PyThreadState* state
    if kind < 0 or type(axes) is not int or not tp_number(eps, &epsilon):
        return NotImplemented
    ndim = tp_ndim(x)
    if not 0 < axes <= ndim or tp_size(x) == 0:
        return NotImplemented
    over = axes
    if not is_plane_or_none(weight, kind, x, over) or not is_plane_or_none(bias, kind, x, over):
        return NotImplemented
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    for i in range(ndim):
        shape[i] = tp_shape(x)[i] if i < ndim - over else 1
        rows *= shape[i]
    y = tp_empty_like(x, kind)
    mean = tp_empty(kind, ndim, shape)
    rstd = tp_empty(kind, ndim, shape)
    state = tp_release_gil(tp_size(x))
    tp_layer_norm(kind, tp_data(y), tp_data(mean), tp_data(rstd), tp_data(x), tp_data_or_null(weight),
                  tp_data_or_null(bias), rows, tp_size(x) // rows, epsilon)
    tp_take_gil(state)
    return y, mean, rstd


def layer_norm_grad(g, x, weight, mean, rstd, axes, needs):
    cdef int kind = tp_kind(x), ndim, over, i
    cdef cnp.npy_intp rows, n
    cdef PyThreadState* state
    if kind < 0 or tp_kind(g) != kind or tp_kind(mean) != kind or tp_kind(rstd) != kind:
        return NotImplemented
    ndim = tp_ndim(x)
    if type(axes) is not int or not 0 < axes <= ndim or tp_size(x) == 0 or not tp_same_shape(g, x):
        return NotImplemented
    over = axes
    rows = 1
    for i in range(ndim - over):
        rows *= tp_shape(x)[i]
    n = tp_size(x) // rows
    if not tp_same_shape(mean, rstd) or tp_ndim(mean) != ndim or tp_size(mean) != rows:
        return NotImplemented
    if not cnp.PyArray_CompareLists(tp_shape(mean), tp_shape(x), ndim - over):
        return NotImplemented
    if not is_plane_or_none(weight, kind, x, over):
        return NotImplemented
    need_x, need_w, need_b = needs
    gx = tp_empty_like(x, kind) if need_x else None
    gw = tp_empty(kind, over, tp_shape(x) + (ndim - over)) if need_w else None
    gb = tp_empty(kind, over, tp_shape(x) + (ndim - over)) if need_b else None
    state = tp_release_gil(tp_size(x))
    tp_layer_norm_grad(kind, tp_data_or_null(gx), tp_data_or_null(gw), tp_data_or_null(gb), tp_data(g),
                       tp_data(x), tp_data_or_null(weight), tp_data(mean), tp_data(rstd), rows, n)
    tp_take_gil(state)
    return gx, gw, gb


def batch_norm(x, weight, bias, eps):
    cdef int kind = tp_kind(x)
    cdef cnp.npy_intp samples, channels, length
    cdef double epsilon
    cdef PyThreadState* state
    if kind < 0 or tp_ndim(x) < 2 or tp_size(x) == 0 or not tp_number(eps, &epsilon):
        return NotImplemented
    samples, channels = tp_shape(x)[0], tp_shape(x)[1]
    length = tp_size(x) // (samples * channels)
    if not tp_is_vector_or_none(weight, kind, channels) or not tp_is_vector_or_none(bias, kind, channels):
        return NotImplemented
    y = tp_empty_like(x, kind)
    mean = tp_empty(kind, 1, &channels)
    var = tp_empty(kind, 1, &channels)
    rstd = tp_empty(kind, 1, &channels)
    state = tp_release_gil(tp_size(x))
    tp_batch_norm(kind, tp_data(y), tp_data(mean), tp_data(var), tp_data(rstd), tp_data(x),
                  tp_data_or_null(weight), tp_data_or_null(bias), samples, channels, length, epsilon)
    tp_take_gil(state)
    return y, mean, var, rstd


def batch_norm_grad(g, x, weight, mean, rstd, needs):
    cdef int kind = tp_kind(x)
    cdef cnp.npy_intp samples, channels, length
    cdef PyThreadState* state
    if kind < 0 or tp_kind(g) != kind or tp_ndim(x) < 2 or tp_size(x) == 0 or not tp_same_shape(g, x):
        return NotImplemented
    samples, channels = tp_shape(x)[0], tp_shape(x)[1]
    length = tp_size(x) // (samples * channels)
    if mean is None or rstd is None:
        return NotImplemented
    for v in (weight, mean, rstd):
        if not tp_is_vector_or_none(v, kind, channels):
            return NotImplemented
    need_x, need_w, need_b = needs
    gx = tp_empty_like(x, kind) if need_x else None
    gw = tp_empty(kind, 1, &channels) if need_w else None
    gb = tp_empty(kind, 1, &channels) if need_b else None
    state = tp_release_gil(tp_size(x))
    tp_batch_norm_grad(kind, tp_data_or_null(gx), tp_data_or_null(gw), tp_data_or_null(gb), tp_data(g),
                       tp_data(x), tp_data_or_null(weight), tp_data(mean), tp_data(rstd), samples, channels,
                       length)
    tp_take_gil(state)
    return gx, gw, gb
