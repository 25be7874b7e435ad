"""Convolution over one or two axes, forward and its gradients: each one call."""
cimport numpy as cnp

cnp.import_array()

include "arrays.pxi"

cdef extern from "parallel.h":
    int tp_import_parallel() except -1

cdef extern from "memory.h":
    int tp_import_memory() except -1

cdef extern from "conv.h":
    enum:
        TP_HAS_CONV
    ctypedef struct tp_conv_axis:
        Py_ssize_t in_ "in"
        Py_ssize_t out, kernel, stride, pad, dilation
    ctypedef struct tp_conv_plan:
        Py_ssize_t samples, channels, filters, groups
        tp_conv_axis v, h
    bint tp_conv(int kind, tp_conv_plan plan, void* y, void* x, void* w, void* b, bint rectified)
    bint tp_conv_grad(int kind, tp_conv_plan plan, void* gx, void* gw, void* gb, void* g, void* mask, void* x, void* w)

tp_import_parallel()
tp_import_memory()

cdef enum:
    WORK = 64   # multiplications that take as long as one element of the other kernels


cdef bint fill_axis(tp_conv_axis* axis, Py_ssize_t size, Py_ssize_t kernel, object stride, object padding,
                    object dilation) except -1:
    """The sizes of one axis; False where they are not for us."""
    cdef Py_ssize_t before, after
    before, after = padding
    axis.in_, axis.kernel, axis.stride, axis.dilation, axis.pad = size, kernel, stride, dilation, before
    if axis.stride < 1 or axis.dilation < 1 or before < 0 or after < 0 or kernel < 1 or size < 1:
        return False
    size += before + after - axis.dilation * (kernel - 1) - 1
    if size < 0:
        return False
    axis.out = size // axis.stride + 1
    return True


cdef bint fill_plan(tp_conv_plan* plan, cnp.npy_intp* x, object weight, object stride, object padding,
                    object dilation, object groups) except -1:
    """The plan for an input of shape x; False where it is not for us. One axis counts as a plane of one row."""
    cdef int ndim = tp_ndim(weight)
    cdef cnp.npy_intp* w = tp_shape(weight)
    if not 3 <= ndim <= 4 or len(stride) != ndim - 2 or len(padding) != ndim - 2 or len(dilation) != ndim - 2:
        return False
    plan.groups = groups
    if plan.groups < 1 or tp_size(weight) == 0 or x[0] == 0 or w[0] % plan.groups or x[1] != w[1] * plan.groups:
        return False
    plan.samples, plan.channels, plan.filters = x[0], w[1], w[0] // plan.groups
    if ndim == 3:
        if not fill_axis(&plan.v, 1, 1, 1, (0, 0), 1):
            return False
    elif not fill_axis(&plan.v, x[2], w[2], stride[0], padding[0], dilation[0]):
        return False
    return fill_axis(&plan.h, x[ndim - 1], w[ndim - 1], stride[ndim - 3], padding[ndim - 3], dilation[ndim - 3])


cdef inline Py_ssize_t work_of(tp_conv_plan* plan):
    return (plan.samples * plan.groups * plan.filters * plan.channels * plan.v.kernel * plan.h.kernel
            * plan.v.out * plan.h.out // WORK)


def conv(x, weight, bias, stride, padding, dilation, groups):
    return convolve(x, weight, bias, stride, padding, dilation, groups, False)


def conv_relu(x, weight, bias, stride, padding, dilation, groups):
    return convolve(x, weight, bias, stride, padding, dilation, groups, True)


cdef object convolve(x, weight, bias, stride, padding, dilation, groups, bint rectified):
    cdef int kind = tp_kind(x), ndim
    cdef tp_conv_plan plan
    cdef PyThreadState* state
    cdef bint done
    if not TP_HAS_CONV or kind < 0 or tp_kind(weight) != kind or tp_ndim(x) != tp_ndim(weight):
        return NotImplemented
    if not fill_plan(&plan, tp_shape(x), weight, stride, padding, dilation, groups):
        return NotImplemented
    if not tp_is_vector_or_none(bias, kind, tp_shape(weight)[0]):
        return NotImplemented
    ndim = tp_ndim(x)
    cdef cnp.npy_intp[4] shape
    shape[0], shape[1], shape[2], shape[ndim - 1] = plan.samples, tp_shape(weight)[0], plan.v.out, plan.h.out
    y = tp_empty(kind, ndim, shape)
    state = tp_release_gil(work_of(&plan))
    done = tp_conv(kind, plan, tp_data(y), tp_data(x), tp_data(weight), tp_data_or_null(bias), rectified)
    tp_take_gil(state)
    if not done:
        raise MemoryError("conv: no memory for the padded images")
    return y


def conv_grad(g, x, weight, shape, stride, padding, dilation, groups, needs):
    # x is None where gw is not wanted.
    return gradients(g, None, x, weight, shape, stride, padding, dilation, groups, needs)


def conv_relu_grad(g, y, x, weight, shape, stride, padding, dilation, groups, needs):
    if tp_kind(y) < 0 or tp_kind(y) != tp_kind(g) or not tp_same_shape(y, g):
        return NotImplemented
    return gradients(g, y, x, weight, shape, stride, padding, dilation, groups, needs)


cdef object gradients(g, mask, x, weight, shape, stride, padding, dilation, groups, needs):
    cdef int kind = tp_kind(g), ndim, i
    cdef tp_conv_plan plan
    cdef PyThreadState* state
    cdef cnp.npy_intp[4] sizes
    cdef bint need_x, need_w, need_b, done
    need_x, need_w, need_b = needs
    if not TP_HAS_CONV or kind < 0 or tp_kind(weight) != kind:
        return NotImplemented
    ndim = tp_ndim(g)
    if ndim != tp_ndim(weight) or ndim > 4 or len(shape) != ndim:
        return NotImplemented
    for i in range(ndim):
        sizes[i] = shape[i]
    if not fill_plan(&plan, sizes, weight, stride, padding, dilation, groups):
        return NotImplemented
    if tp_shape(g)[0] != plan.samples or tp_shape(g)[1] != tp_shape(weight)[0]:
        return NotImplemented
    if tp_shape(g)[ndim - 1] != plan.h.out or (ndim == 4 and tp_shape(g)[2] != plan.v.out):
        return NotImplemented
    if need_w and (tp_kind(x) != kind or tp_ndim(x) != ndim or not cnp.PyArray_CompareLists(tp_shape(x), sizes, ndim)):
        return NotImplemented
    gx = tp_empty(kind, ndim, sizes) if need_x else None
    gw = tp_empty_like(weight, kind) if need_w else None
    gb = tp_empty(kind, 1, tp_shape(weight)) if need_b else None
    state = tp_release_gil(work_of(&plan))
    done = tp_conv_grad(kind, plan, tp_data_or_null(gx), tp_data_or_null(gw), tp_data_or_null(gb), tp_data(g),
                        tp_data_or_null(mask), tp_data(x) if need_w else NULL, tp_data(weight))
    tp_take_gil(state)
    if not done:
        raise MemoryError("conv_grad: no memory for the padded images")
    return gx, gw, gb
