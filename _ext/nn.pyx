"""Softmax and its relatives along the last axis, the fused cross-entropy, normalisation layers."""
cimport numpy as cnp
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

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
    void tp_batch_norm_eval(int kind, void* y, void* x, void* mean, void* var, void* weight, void* bias,
                            cnp.npy_intp samples, cnp.npy_intp channels, cnp.npy_intp length, double eps)
    void tp_batch_norm_grad(int kind, void* gx, void* gw, void* gb, void* g, void* x, void* weight,
                            void* mean, void* rstd, cnp.npy_intp samples, cnp.npy_intp channels,
                            cnp.npy_intp length)


cdef extern from "rms_norm.h":
    void tp_rms_norm(int kind, void* y, void* rstd, void* x, void* weight, cnp.npy_intp rows, cnp.npy_intp n,
                     double eps)
    void tp_rms_norm_grad(int kind, void* gx, void* gw, void* g, void* x, void* weight, void* rstd,
                          cnp.npy_intp rows, cnp.npy_intp n)

cdef extern from "group_norm.h":
    ctypedef struct tp_grouped:
        cnp.npy_intp samples, groups, channels, length
    void tp_group_norm(int kind, void* y, void* mean, void* rstd, void* x, void* weight, void* bias, tp_grouped,
                       double eps)
    void tp_group_norm_grad(int kind, void* gx, double* w_total, double* b_total, void* g, void* x, void* weight,
                            void* mean, void* rstd, tp_grouped)


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


def batch_norm_eval(x, mean, var, weight, bias, eps):
    cdef int kind = tp_kind(x)
    cdef cnp.npy_intp samples, channels, length
    cdef double epsilon
    cdef PyThreadState* state
    if kind < 0 or tp_ndim(x) < 2 or tp_size(x) == 0 or not tp_number(eps, &epsilon):
        return NotImplemented
    if mean is None or var is None:
        return NotImplemented
    samples, channels = tp_shape(x)[0], tp_shape(x)[1]
    length = tp_size(x) // (samples * channels)
    for v in (mean, var, weight, bias):
        if not tp_is_vector_or_none(v, kind, channels):
            return NotImplemented
    y = tp_empty_like(x, kind)
    state = tp_release_gil(tp_size(x))
    tp_batch_norm_eval(kind, tp_data(y), tp_data(x), tp_data(mean), tp_data(var), tp_data_or_null(weight),
                       tp_data_or_null(bias), samples, channels, length, epsilon)
    tp_take_gil(state)
    return y


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


def rms_norm(x, weight, axes, eps):
    cdef int kind = tp_kind(x), ndim, over, i
    cdef cnp.npy_intp rows = 1
    cdef double epsilon
    cdef PyThreadState* state
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    if kind < 0 or type(axes) is not int or not tp_number(eps, &epsilon):
        return NotImplemented
    ndim = tp_ndim(x)
    if not 0 < axes <= ndim or tp_size(x) == 0:
        return NotImplemented
    over = axes
    if not is_plane_or_none(weight, kind, x, over):
        return NotImplemented
    for i in range(ndim):
        shape[i] = tp_shape(x)[i] if i < ndim - over else 1
        rows *= shape[i]
    y = tp_empty_like(x, kind)
    rstd = tp_empty(kind, ndim, shape)
    state = tp_release_gil(tp_size(x))
    tp_rms_norm(kind, tp_data(y), tp_data(rstd), tp_data(x), tp_data_or_null(weight), rows, tp_size(x) // rows, epsilon)
    tp_take_gil(state)
    return y, rstd


def rms_norm_grad(g, x, weight, rstd, axes, needs):
    cdef int kind = tp_kind(x), ndim, over, i
    cdef cnp.npy_intp rows = 1
    cdef PyThreadState* state
    if kind < 0 or tp_kind(g) != kind or tp_kind(rstd) != kind or type(axes) is not int:
        return NotImplemented
    ndim = tp_ndim(x)
    if not 0 < axes <= ndim or tp_size(x) == 0 or not tp_same_shape(g, x):
        return NotImplemented
    over = axes
    for i in range(ndim - over):
        rows *= tp_shape(x)[i]
    if tp_ndim(rstd) != ndim or tp_size(rstd) != rows or not is_plane_or_none(weight, kind, x, over):
        return NotImplemented
    if not cnp.PyArray_CompareLists(tp_shape(rstd), tp_shape(x), ndim - over):
        return NotImplemented
    need_x, need_w = needs
    gx = tp_empty_like(x, kind) if need_x else None
    gw = tp_empty(kind, over, tp_shape(x) + (ndim - over)) if need_w else None
    state = tp_release_gil(tp_size(x))
    tp_rms_norm_grad(kind, tp_data_or_null(gx), tp_data_or_null(gw), tp_data(g), tp_data(x), tp_data_or_null(weight),
                     tp_data(rstd), rows, tp_size(x) // rows)
    tp_take_gil(state)
    return gx, gw


cdef bint is_grouped(object x, int kind, object weight, cnp.npy_intp groups, tp_grouped* p):
    """Whether x is (N, C, ...) with C a multiple of the groups, and weight (C,) or None: then p holds the sizes."""
    if tp_ndim(x) < 2 or tp_size(x) == 0 or groups < 1 or tp_shape(x)[1] % groups:
        return False
    if not tp_is_vector_or_none(weight, kind, tp_shape(x)[1]):
        return False
    p.samples, p.groups, p.channels = tp_shape(x)[0], groups, tp_shape(x)[1] // groups
    p.length = tp_size(x) // (tp_shape(x)[0] * tp_shape(x)[1])
    return True


def group_norm(x, weight, bias, groups, eps):
    cdef int kind = tp_kind(x)
    cdef double epsilon
    cdef tp_grouped p
    cdef PyThreadState* state
    if kind < 0 or type(groups) is not int or not tp_number(eps, &epsilon):
        return NotImplemented
    if not is_grouped(x, kind, weight, groups, &p) or not tp_is_vector_or_none(bias, kind, tp_shape(x)[1]):
        return NotImplemented
    y = tp_empty_like(x, kind)
    mean = tp_empty(kind, 2, [p.samples, p.groups])
    rstd = tp_empty(kind, 2, [p.samples, p.groups])
    state = tp_release_gil(tp_size(x))
    tp_group_norm(kind, tp_data(y), tp_data(mean), tp_data(rstd), tp_data(x), tp_data_or_null(weight),
                  tp_data_or_null(bias), p, epsilon)
    tp_take_gil(state)
    return y, mean, rstd


cdef object as_array(int kind, cnp.npy_intp n, double* values):
    cdef cnp.npy_intp i
    result = tp_empty(kind, 1, &n)
    for i in range(n):
        if kind:
            (<double*>tp_data(result))[i] = values[i]
        else:
            (<float*>tp_data(result))[i] = <float>values[i]
    return result


def group_norm_grad(g, x, weight, mean, rstd, needs):
    cdef int kind = tp_kind(x)
    cdef tp_grouped p
    cdef cnp.npy_intp channels
    cdef double* totals
    cdef PyThreadState* state
    if kind < 0 or tp_kind(g) != kind or tp_kind(mean) != kind or tp_kind(rstd) != kind or not tp_same_shape(g, x):
        return NotImplemented
    if tp_ndim(mean) != 2 or not tp_same_shape(mean, rstd):
        return NotImplemented
    if not is_grouped(x, kind, weight, tp_shape(mean)[1], &p) or tp_shape(mean)[0] != p.samples:
        return NotImplemented
    need_x, need_w, need_b = needs
    channels = tp_shape(x)[1]
    gx = tp_empty_like(x, kind) if need_x else None
    totals = <double*>calloc(2 * channels, sizeof(double))
    if totals == NULL:
        raise MemoryError()
    state = tp_release_gil(tp_size(x))
    tp_group_norm_grad(kind, tp_data_or_null(gx), totals, totals + channels, tp_data(g), tp_data(x),
                       tp_data_or_null(weight), tp_data(mean), tp_data(rstd), p)
    tp_take_gil(state)
    try:
        return (gx, as_array(kind, channels, totals) if need_w else None,
                as_array(kind, channels, totals + channels) if need_b else None)
    finally:
        free(totals)
