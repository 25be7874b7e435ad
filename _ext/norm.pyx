"""Normalisation: of rows (layer, RMS), of channels over a batch, of groups of channels."""
cimport numpy as cnp
from libc.stdlib cimport calloc, free

cnp.import_array()

include "arrays.pxi"

cdef extern from "parallel.h":
    int tp_import_parallel() except -1

cdef extern from "row_norm.h":
    ctypedef struct tp_row_norm:
        cnp.npy_intp rows, n
        double eps
        void* y
        void* mean
        void* rstd
        void* g
        void* x
        void* weight
        void* bias
        void* gx

cdef extern from "layer_norm.h":
    void tp_layer_norm(int kind, tp_row_norm*)
    bint tp_layer_norm_grad(int kind, tp_row_norm*, void* gw, void* gb)

cdef extern from "rms_norm.h":
    void tp_rms_norm(int kind, tp_row_norm*)
    bint tp_rms_norm_grad(int kind, tp_row_norm*, void* gw)

cdef extern from "batch_norm.h":
    ctypedef struct tp_batch:
        cnp.npy_intp samples, channels, length
        double eps
        void* y
        void* mean
        void* var
        void* rstd
        void* g
        void* x
        void* weight
        void* bias
        void* gx
        void* gw
        void* gb
    void tp_batch_norm(int kind, tp_batch*)
    void tp_batch_norm_eval(int kind, tp_batch*)
    void tp_batch_norm_grad(int kind, tp_batch*)

cdef extern from "group_norm.h":
    ctypedef struct tp_grouped:
        cnp.npy_intp samples, groups, channels, length
        double eps
        void* y
        void* mean
        void* rstd
        void* g
        void* x
        void* weight
        void* bias
        void* gx
        double* w_total
        double* b_total
    void tp_group_norm(int kind, tp_grouped*)
    void tp_group_norm_grad(int kind, tp_grouped*)

tp_import_parallel()


cdef inline bint is_plane_or_none(object v, int kind, object x, int axes):
    """Whether v is None or has the dtype `kind` and the shape of the last `axes` axes of x."""
    return v is None or (
        tp_kind(v) == kind and tp_ndim(v) == axes
        and cnp.PyArray_CompareLists(tp_shape(v), tp_shape(x) + (tp_ndim(x) - axes), axes)
    )


cdef bint cut_rows(tp_row_norm* p, object x, object axes, cnp.npy_intp* shape):
    """Whether x has so many axes: then p holds the rows over which they run, and shape that of one number a row."""
    cdef int ndim = tp_ndim(x), over, i
    if type(axes) is not int or not 0 < axes <= ndim or tp_size(x) == 0:
        return False
    over = axes
    p.rows = 1
    for i in range(ndim):
        shape[i] = tp_shape(x)[i] if i < ndim - over else 1
        p.rows *= shape[i]
    p.n = tp_size(x) // p.rows
    p.x = tp_data(x)
    return True


cdef inline bint is_number_a_row(object v, int kind, object x, cnp.npy_intp* shape):
    return tp_kind(v) == kind and tp_ndim(v) == tp_ndim(x) and cnp.PyArray_CompareLists(tp_shape(v), shape, tp_ndim(x))


def layer_norm(x, weight, bias, axes, eps):
    cdef int kind = tp_kind(x)
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    cdef tp_row_norm p
    cdef PyThreadState* state
    if kind < 0 or not tp_number(eps, &p.eps) or not cut_rows(&p, x, axes, shape):
        return NotImplemented
    if not is_plane_or_none(weight, kind, x, axes) or not is_plane_or_none(bias, kind, x, axes):
        return NotImplemented
    y = tp_empty_like(x, kind)
    mean = tp_empty(kind, tp_ndim(x), shape)
    rstd = tp_empty(kind, tp_ndim(x), shape)
    p.y, p.mean, p.rstd = tp_data(y), tp_data(mean), tp_data(rstd)
    p.weight, p.bias = tp_data_or_null(weight), tp_data_or_null(bias)
    state = tp_release_gil(tp_size(x))
    tp_layer_norm(kind, &p)
    tp_take_gil(state)
    return y, mean, rstd


def layer_norm_grad(g, x, weight, mean, rstd, axes, needs):
    cdef int kind = tp_kind(x), over
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    cdef tp_row_norm p
    cdef bint done
    cdef PyThreadState* state
    if kind < 0 or tp_kind(g) != kind or not tp_same_shape(g, x) or not cut_rows(&p, x, axes, shape):
        return NotImplemented
    if not is_number_a_row(mean, kind, x, shape) or not is_number_a_row(rstd, kind, x, shape):
        return NotImplemented
    if not is_plane_or_none(weight, kind, x, axes):
        return NotImplemented
    need_x, need_w, need_b = needs
    over = axes
    gx = tp_empty_like(x, kind) if need_x else None
    gw = tp_empty(kind, over, tp_shape(x) + (tp_ndim(x) - over)) if need_w else None
    gb = tp_empty(kind, over, tp_shape(x) + (tp_ndim(x) - over)) if need_b else None
    p.g, p.weight, p.mean, p.rstd = tp_data(g), tp_data_or_null(weight), tp_data(mean), tp_data(rstd)
    p.gx = tp_data_or_null(gx)
    state = tp_release_gil(tp_size(x))
    done = tp_layer_norm_grad(kind, &p, tp_data_or_null(gw), tp_data_or_null(gb))
    tp_take_gil(state)
    if not done:
        raise MemoryError()
    return gx, gw, gb


def rms_norm(x, weight, axes, eps):
    cdef int kind = tp_kind(x)
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    cdef tp_row_norm p
    cdef PyThreadState* state
    if kind < 0 or not tp_number(eps, &p.eps) or not cut_rows(&p, x, axes, shape):
        return NotImplemented
    if not is_plane_or_none(weight, kind, x, axes):
        return NotImplemented
    y = tp_empty_like(x, kind)
    rstd = tp_empty(kind, tp_ndim(x), shape)
    p.y, p.rstd, p.weight = tp_data(y), tp_data(rstd), tp_data_or_null(weight)
    state = tp_release_gil(tp_size(x))
    tp_rms_norm(kind, &p)
    tp_take_gil(state)
    return y, rstd


def rms_norm_grad(g, x, weight, rstd, axes, needs):
    cdef int kind = tp_kind(x), over
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    cdef tp_row_norm p
    cdef bint done
    cdef PyThreadState* state
    if kind < 0 or tp_kind(g) != kind or not tp_same_shape(g, x) or not cut_rows(&p, x, axes, shape):
        return NotImplemented
    if not is_number_a_row(rstd, kind, x, shape) or not is_plane_or_none(weight, kind, x, axes):
        return NotImplemented
    need_x, need_w = needs
    over = axes
    gx = tp_empty_like(x, kind) if need_x else None
    gw = tp_empty(kind, over, tp_shape(x) + (tp_ndim(x) - over)) if need_w else None
    p.g, p.weight, p.rstd, p.gx = tp_data(g), tp_data_or_null(weight), tp_data(rstd), tp_data_or_null(gx)
    state = tp_release_gil(tp_size(x))
    done = tp_rms_norm_grad(kind, &p, tp_data_or_null(gw))
    tp_take_gil(state)
    if not done:
        raise MemoryError()
    return gx, gw


cdef bint cut_channels(tp_batch* p, object x):
    """Whether x is (N, C, ...) and not empty: then p holds it and its sizes."""
    if tp_ndim(x) < 2 or tp_size(x) == 0:
        return False
    p.samples, p.channels = tp_shape(x)[0], tp_shape(x)[1]
    p.length = tp_size(x) // (p.samples * p.channels)
    p.x = tp_data(x)
    return True


def batch_norm(x, weight, bias, eps):
    cdef int kind = tp_kind(x)
    cdef tp_batch p
    cdef PyThreadState* state
    if kind < 0 or not tp_number(eps, &p.eps) or not cut_channels(&p, x):
        return NotImplemented
    if not tp_is_vector_or_none(weight, kind, p.channels) or not tp_is_vector_or_none(bias, kind, p.channels):
        return NotImplemented
    y = tp_empty_like(x, kind)
    mean = tp_empty(kind, 1, &p.channels)
    var = tp_empty(kind, 1, &p.channels)
    rstd = tp_empty(kind, 1, &p.channels)
    p.y, p.mean, p.var, p.rstd = tp_data(y), tp_data(mean), tp_data(var), tp_data(rstd)
    p.weight, p.bias = tp_data_or_null(weight), tp_data_or_null(bias)
    state = tp_release_gil(tp_size(x))
    tp_batch_norm(kind, &p)
    tp_take_gil(state)
    return y, mean, var, rstd


def batch_norm_eval(x, mean, var, weight, bias, eps):
    cdef int kind = tp_kind(x)
    cdef tp_batch p
    cdef PyThreadState* state
    if kind < 0 or mean is None or var is None or not tp_number(eps, &p.eps) or not cut_channels(&p, x):
        return NotImplemented
    for v in (mean, var, weight, bias):
        if not tp_is_vector_or_none(v, kind, p.channels):
            return NotImplemented
    y = tp_empty_like(x, kind)
    p.y, p.mean, p.var = tp_data(y), tp_data(mean), tp_data(var)
    p.weight, p.bias = tp_data_or_null(weight), tp_data_or_null(bias)
    state = tp_release_gil(tp_size(x))
    tp_batch_norm_eval(kind, &p)
    tp_take_gil(state)
    return y


def batch_norm_grad(g, x, weight, mean, rstd, needs):
    cdef int kind = tp_kind(x)
    cdef tp_batch p
    cdef PyThreadState* state
    if kind < 0 or tp_kind(g) != kind or not tp_same_shape(g, x) or mean is None or rstd is None:
        return NotImplemented
    if not cut_channels(&p, x):
        return NotImplemented
    for v in (weight, mean, rstd):
        if not tp_is_vector_or_none(v, kind, p.channels):
            return NotImplemented
    need_x, need_w, need_b = needs
    gx = tp_empty_like(x, kind) if need_x else None
    gw = tp_empty(kind, 1, &p.channels) if need_w else None
    gb = tp_empty(kind, 1, &p.channels) if need_b else None
    p.g, p.weight, p.mean, p.rstd = tp_data(g), tp_data_or_null(weight), tp_data(mean), tp_data(rstd)
    p.gx, p.gw, p.gb = tp_data_or_null(gx), tp_data_or_null(gw), tp_data_or_null(gb)
    state = tp_release_gil(tp_size(x))
    tp_batch_norm_grad(kind, &p)
    tp_take_gil(state)
    return gx, gw, gb


cdef bint cut_groups(tp_grouped* p, object x, int kind, object weight, cnp.npy_intp groups):
    """Whether x is (N, C, ...) with C a multiple of the groups, and weight (C,) or None: then p holds them."""
    if tp_ndim(x) < 2 or tp_size(x) == 0 or groups < 1 or tp_shape(x)[1] % groups:
        return False
    if not tp_is_vector_or_none(weight, kind, tp_shape(x)[1]):
        return False
    p.samples, p.groups, p.channels = tp_shape(x)[0], groups, tp_shape(x)[1] // groups
    p.length = tp_size(x) // (tp_shape(x)[0] * tp_shape(x)[1])
    p.x, p.weight = tp_data(x), tp_data_or_null(weight)
    return True


def group_norm(x, weight, bias, groups, eps):
    cdef int kind = tp_kind(x)
    cdef tp_grouped p
    cdef PyThreadState* state
    if kind < 0 or type(groups) is not int or not tp_number(eps, &p.eps):
        return NotImplemented
    if not cut_groups(&p, x, kind, weight, groups) or not tp_is_vector_or_none(bias, kind, tp_shape(x)[1]):
        return NotImplemented
    y = tp_empty_like(x, kind)
    mean = tp_empty(kind, 2, [p.samples, p.groups])
    rstd = tp_empty(kind, 2, [p.samples, p.groups])
    p.y, p.mean, p.rstd, p.bias = tp_data(y), tp_data(mean), tp_data(rstd), tp_data_or_null(bias)
    state = tp_release_gil(tp_size(x))
    tp_group_norm(kind, &p)
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
    cdef PyThreadState* state
    if kind < 0 or tp_kind(g) != kind or tp_kind(mean) != kind or tp_kind(rstd) != kind or not tp_same_shape(g, x):
        return NotImplemented
    if tp_ndim(mean) != 2 or not tp_same_shape(mean, rstd):
        return NotImplemented
    if not cut_groups(&p, x, kind, weight, tp_shape(mean)[1]) or tp_shape(mean)[0] != p.samples:
        return NotImplemented
    need_x, need_w, need_b = needs
    channels = tp_shape(x)[1]
    gx = tp_empty_like(x, kind) if need_x else None
    p.g, p.mean, p.rstd, p.gx = tp_data(g), tp_data(mean), tp_data(rstd), tp_data_or_null(gx)
    p.w_total = <double*>calloc(2 * channels, sizeof(double))
    if p.w_total == NULL:
        raise MemoryError()
    p.b_total = p.w_total + channels
    state = tp_release_gil(tp_size(x))
    tp_group_norm_grad(kind, &p)
    tp_take_gil(state)
    try:
        return (gx, as_array(kind, channels, p.w_total) if need_w else None,
                as_array(kind, channels, p.b_total) if need_b else None)
    finally:
        free(p.w_total)
