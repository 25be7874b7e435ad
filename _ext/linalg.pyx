"""Matrix products and the affine map."""
cimport numpy as cnp

cnp.import_array()

include "arrays.pxi"

cdef extern from "linalg.h":
    ctypedef struct tp_matrix:
        void* data
        cnp.npy_intp row, column, batch
    ctypedef struct tp_product:
        int kind
        cnp.npy_intp batch, n, k, m
        tp_matrix a, b, c, base
    bint tp_import_gemm() except -1
    tp_matrix tp_rows(int kind, void* data, Py_ssize_t rows, Py_ssize_t columns)
    void tp_multiply(const tp_product* product)
    void tp_linear(int kind, void* y, void* x, void* w, void* b,
                   cnp.npy_intp rows, cnp.npy_intp n_in, cnp.npy_intp n_out)
    void tp_relu(int kind, void* y, void* x, cnp.npy_intp n)
    void tp_relu_grad(int kind, void* gx, void* g, void* y, cnp.npy_intp n)
    void tp_linear_grad(int kind, void* gx, void* gw, void* gb, void* g, void* x, void* w,
                        cnp.npy_intp rows, cnp.npy_intp n_in, cnp.npy_intp n_out)

cdef bint has_gemm = tp_import_gemm()     # without products every kernel here declines

cdef enum:
    WORK = 64   # multiplications that take as long as one element of the other kernels


cdef bint place_matrices(tp_matrix* matrix, object array, int kind):
    """Whether ``array`` is (..., rows, columns) with one stride for all its leading axes: then where it is."""
    cdef int ndim = tp_ndim(array)
    cdef cnp.npy_intp* strides = cnp.PyArray_STRIDES(array)
    cdef cnp.npy_intp item = 8 if kind else 4
    matrix.data = tp_data(array)
    matrix.row, matrix.column = strides[ndim - 2], strides[ndim - 1]
    return tp_one_stride(array, 0, ndim - 2, &matrix.batch) and (matrix.row | matrix.column | matrix.batch) % item == 0


def matmul(a, b):
    # One matrix may stand against many on the other side.
    cdef int kind = tp_strided_kind(a), ndim, axes
    cdef tp_product p
    cdef cnp.npy_intp rows
    cdef PyThreadState* state
    if kind < 0 or tp_strided_kind(b) != kind or not has_gemm:
        return NotImplemented
    axes, ndim = tp_ndim(b), tp_ndim(a)
    if ndim < 2 or axes < 2 or tp_size(a) == 0 or tp_size(b) == 0:
        return NotImplemented
    if not place_matrices(&p.a, a, kind) or not place_matrices(&p.b, b, kind):
        return NotImplemented
    cdef cnp.npy_intp* left = tp_shape(a)
    cdef cnp.npy_intp* right = tp_shape(b)
    p.kind, p.n, p.k, p.m = kind, left[ndim - 2], left[ndim - 1], right[axes - 1]
    if right[axes - 2] != p.k:
        return NotImplemented
    p.batch = max(tp_size(a) // (p.n * p.k), tp_size(b) // (p.k * p.m))
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    if axes == 2:
        for i in range(ndim - 2):
            shape[i] = left[i]
        p.b.batch = 0
        if p.batch > 1 and tp_one_stride(a, 0, ndim - 1, &rows):     # one tall product
            p.n, p.batch, p.a.row = p.n * p.batch, 1, rows
    else:
        if ndim == 2:
            p.a.batch = 0
        elif axes != ndim or not cnp.PyArray_CompareLists(left, right, ndim - 2):
            return NotImplemented
        for i in range(axes - 2):
            shape[i] = right[i]
        ndim = axes
    shape[ndim - 2], shape[ndim - 1] = left[tp_ndim(a) - 2], p.m
    out = tp_empty(kind, ndim, shape)
    p.c = tp_rows(kind, tp_data(out), p.n, p.m)
    p.base.data = NULL
    state = tp_release_gil(p.batch * p.n * p.k * p.m // WORK)
    tp_multiply(&p)
    tp_take_gil(state)
    return out


cdef inline object in_rows(object array):
    """The array, row-major: a product costs so much more than the copy that strided operands are worth one."""
    return cnp.PyArray_GETCONTIGUOUS(array) if tp_kind(array) < 0 and tp_strided_kind(array) >= 0 else array


def linear(x, weight, bias):
    return affine(x, weight, bias, False)


def linear_relu(x, weight, bias):
    return affine(x, weight, bias, True)


cdef object affine(x, weight, bias, bint rectified):
    cdef int kind, ndim, i
    cdef cnp.npy_intp n_in, n_out, rows
    cdef PyThreadState* state
    x, weight = in_rows(x), in_rows(weight)
    kind = tp_kind(x)
    if kind < 0 or tp_kind(weight) != kind or tp_ndim(weight) != 2 or not has_gemm:
        return NotImplemented
    ndim = tp_ndim(x)
    n_out, n_in = tp_shape(weight)[0], tp_shape(weight)[1]
    if ndim < 1 or tp_size(x) == 0 or n_out == 0 or tp_shape(x)[ndim - 1] != n_in:
        return NotImplemented
    if not tp_is_vector_or_none(bias, kind, n_out):
        return NotImplemented
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    rows = 1
    for i in range(ndim - 1):
        shape[i] = tp_shape(x)[i]
        rows *= shape[i]
    shape[ndim - 1] = n_out
    y = tp_empty(kind, ndim, shape)
    state = tp_release_gil(rows * n_in * n_out // WORK)
    tp_linear(kind, tp_data(y), tp_data(x), tp_data(weight), tp_data_or_null(bias), rows, n_in, n_out)
    if rectified:
        tp_relu(kind, tp_data(y), tp_data(y), rows * n_out)
    tp_take_gil(state)
    return y


def linear_relu_grad(g, y, x, weight, needs):
    cdef int kind
    g = in_rows(g)
    kind = tp_kind(g)
    if kind < 0 or tp_kind(y) != kind or not tp_same_shape(g, y):
        return NotImplemented
    passed = tp_empty_like(g, kind)
    tp_relu_grad(kind, tp_data(passed), tp_data(g), tp_data(y), tp_size(g))
    return affine_grad(passed, x, weight, needs)


def linear_grad(g, x, weight, needs):
    return affine_grad(g, x, weight, needs)


cdef object affine_grad(g, x, weight, needs):
    # x is None where only gx is wanted, weight is None where gx is not.
    cdef int kind, ndim
    cdef cnp.npy_intp n_in, n_out, rows
    cdef bint need_x, need_w, need_b
    cdef PyThreadState* state
    need_x, need_w, need_b = needs
    g, x, weight = in_rows(g), in_rows(x), in_rows(weight)
    kind = tp_kind(g)
    if kind < 0 or not has_gemm or tp_ndim(g) < 1 or tp_size(g) == 0:
        return NotImplemented
    ndim = tp_ndim(g)
    n_out = tp_shape(g)[ndim - 1]
    n_in = 0
    if need_x:
        if tp_kind(weight) != kind or tp_ndim(weight) != 2 or tp_shape(weight)[0] != n_out:
            return NotImplemented
        n_in = tp_shape(weight)[1]
    if need_w:
        if tp_kind(x) != kind or tp_ndim(x) != ndim:
            return NotImplemented
        if not cnp.PyArray_CompareLists(tp_shape(g), tp_shape(x), ndim - 1):
            return NotImplemented
        if need_x and tp_shape(x)[ndim - 1] != n_in:
            return NotImplemented
        n_in = tp_shape(x)[ndim - 1]
    if n_in == 0 and (need_x or need_w):
        return NotImplemented
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    for i in range(ndim - 1):
        shape[i] = tp_shape(g)[i]
    shape[ndim - 1] = n_in
    cdef cnp.npy_intp* sides = [n_out, n_in]
    gx = tp_empty(kind, ndim, shape) if need_x else None
    gw = tp_empty(kind, 2, sides) if need_w else None
    gb = tp_empty(kind, 1, &n_out) if need_b else None
    rows = tp_size(g) // n_out
    state = tp_release_gil(rows * n_in * n_out // WORK)
    tp_linear_grad(kind, tp_data_or_null(gx), tp_data_or_null(gw), tp_data_or_null(gb),
                   tp_data(g), tp_data(x) if need_w else NULL, tp_data(weight) if need_x else NULL,
                   rows, n_in, n_out)
    tp_take_gil(state)
    return gx, gw, gb
