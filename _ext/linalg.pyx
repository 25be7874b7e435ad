"""Matrix products and the affine map."""
cimport numpy as cnp

cnp.import_array()

include "arrays.pxi"

cdef extern from "linalg.h":
    ctypedef struct tp_matrix:
        pass
    bint tp_import_gemm() except -1
    tp_matrix tp_rows(int kind, void* data, cnp.npy_intp rows, cnp.npy_intp columns)
    void tp_gemm(int kind, cnp.npy_intp batch, cnp.npy_intp n, cnp.npy_intp k, cnp.npy_intp m,
                 tp_matrix a, tp_matrix b, tp_matrix c)
    void tp_linear(int kind, void* y, void* x, void* w, void* b,
                   cnp.npy_intp rows, cnp.npy_intp n_in, cnp.npy_intp n_out)
    void tp_linear_grad(int kind, void* gx, void* gw, void* gb, void* g, void* x, void* w,
                        cnp.npy_intp rows, cnp.npy_intp n_in, cnp.npy_intp n_out)

cdef bint has_gemm = tp_import_gemm()     # without products every kernel here declines

cdef enum:
    WORK = 64   # multiplications that take as long as one element of the other kernels


def matmul(a, b):
    cdef int kind = tp_kind(a), ndim
    cdef cnp.npy_intp n, k, m, batch
    cdef PyThreadState* state
    if kind < 0 or tp_kind(b) != kind or not has_gemm:
        return NotImplemented
    ndim = tp_ndim(a)
    if ndim < 2 or tp_ndim(b) < 2 or tp_ndim(b) > ndim or tp_size(a) == 0 or tp_size(b) == 0:
        return NotImplemented
    cdef cnp.npy_intp* left = tp_shape(a)
    cdef cnp.npy_intp* right = tp_shape(b)
    n, k, m = left[ndim - 2], left[ndim - 1], right[tp_ndim(b) - 1]
    if right[tp_ndim(b) - 2] != k:
        return NotImplemented
    batch = tp_size(a) // (n * k)
    if tp_ndim(b) == 2:         # one matrix for all: one tall product
        n, batch = n * batch, 1
    elif tp_ndim(b) != ndim or not cnp.PyArray_CompareLists(left, right, ndim - 2):
        return NotImplemented
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    for i in range(ndim - 1):
        shape[i] = left[i]
    shape[ndim - 1] = m
    out = tp_empty(kind, ndim, shape)
    cdef tp_matrix first = tp_rows(kind, tp_data(a), n, k)
    cdef tp_matrix second = tp_rows(kind, tp_data(b), k, m)
    cdef tp_matrix result = tp_rows(kind, tp_data(out), n, m)
    state = tp_release_gil(batch * n * k * m // WORK)
    tp_gemm(kind, batch, n, k, m, first, second, result)
    tp_take_gil(state)
    return out


def linear(x, weight, bias):
    cdef int kind = tp_kind(x), ndim, i
    cdef cnp.npy_intp n_in, n_out, rows
    cdef PyThreadState* state
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
    tp_take_gil(state)
    return y


def linear_grad(g, x, weight, needs):
    # x is None where only gx is wanted, weight is None where gx is not.
    cdef int kind = tp_kind(g), ndim
    cdef cnp.npy_intp n_in, n_out, rows
    cdef bint need_x, need_w, need_b
    cdef PyThreadState* state
    need_x, need_w, need_b = needs
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
