"""Rows by integer index: take, its adjoint, scatter-add, and the check of a range."""
cimport numpy as cnp
from libc.stdint cimport int64_t

cnp.import_array()

include "arrays.pxi"

cdef extern from "indexing.h":
    bint tp_in_range(int64_t* index, cnp.npy_intp n, cnp.npy_intp size)
    void tp_take(void* y, void* x, int64_t* index, cnp.npy_intp outer, cnp.npy_intp size, cnp.npy_intp n,
                 cnp.npy_intp bytes)
    void tp_scatter_add(int kind, void* y, int64_t* index, void* source, cnp.npy_intp many, cnp.npy_intp n)
    void tp_scatter_rows(int kind, void* y, int64_t* index, void* source, cnp.npy_intp row_step, bint spread,
                         cnp.npy_intp many, cnp.npy_intp n, int64_t skip)


def check_indices(index, size):
    if not tp_is_int64(index) or type(size) is not int:
        return NotImplemented
    return None if tp_in_range(<int64_t*>tp_data(index), tp_size(index), size) else NotImplemented


def take(x, index, axis):
    """Any numbers or booleans."""
    cdef int ndim, along, extra, i
    cdef cnp.npy_intp outer = 1, inner = 1, size
    cdef cnp.npy_intp[2 * NPY_MAXDIMS] shape
    cdef PyThreadState* state
    if not tp_is_numeric(x) or not tp_is_int64(index) or type(axis) is not int:
        return NotImplemented
    ndim, extra = tp_ndim(x), tp_ndim(index)
    if not -ndim <= axis < ndim or ndim - 1 + extra > NPY_MAXDIMS:
        return NotImplemented
    along = axis if axis >= 0 else axis + ndim
    size = tp_shape(x)[along]
    if not tp_in_range(<int64_t*>tp_data(index), tp_size(index), size):
        return NotImplemented
    for i in range(along):
        shape[i] = tp_shape(x)[i]
        outer *= shape[i]
    for i in range(extra):
        shape[along + i] = tp_shape(index)[i]
    for i in range(along + 1, ndim):
        shape[i - 1 + extra] = tp_shape(x)[i]
        inner *= tp_shape(x)[i]
    y = cnp.PyArray_SimpleNew(ndim - 1 + extra, shape, cnp.PyArray_TYPE(x))
    state = tp_release_gil(tp_size(y))
    tp_take(tp_data(y), tp_data(x), <int64_t*>tp_data(index), outer, size, tp_size(index),
            inner * cnp.PyArray_ITEMSIZE(x))
    tp_take_gil(state)
    return y


def scatter_add(x, index, source):
    cdef int kind = tp_kind(x), ndim
    cdef PyThreadState* state
    if kind < 0 or tp_kind(source) != kind or not tp_is_int64(index) or tp_ndim(index) != 1:
        return NotImplemented
    ndim = tp_ndim(x)
    if ndim < 1 or tp_ndim(source) != ndim or tp_shape(source)[0] != tp_shape(index)[0]:
        return NotImplemented
    if not cnp.PyArray_CompareLists(tp_shape(x) + 1, tp_shape(source) + 1, ndim - 1):
        return NotImplemented
    cdef cnp.npy_intp rows = tp_shape(x)[0], many = tp_shape(index)[0]
    if not tp_in_range(<int64_t*>tp_data(index), many, rows):
        return NotImplemented
    y = cnp.PyArray_NewCopy(x, cnp.NPY_CORDER)
    state = tp_release_gil(tp_size(x) + tp_size(source))
    tp_scatter_add(kind, tp_data(y), <int64_t*>tp_data(index), tp_data(source), many,
                   tp_size(x) // rows if rows else 0)
    tp_take_gil(state)
    return y


def scatter_rows(source, index, rows, skip):
    """The rows of ``source`` may lie apart, and be numbers broadcast: a gradient comes out of ``sum`` so."""
    cdef int kind = tp_strided_kind(source), extra, ndim, i
    cdef cnp.npy_intp row_step, step, n = 1, item = 8 if kind else 4
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    cdef int64_t left_out = -1
    cdef PyThreadState* state
    if kind < 0 or not tp_is_int64(index) or type(rows) is not int:
        return NotImplemented
    if skip is not None:
        if type(skip) is not int or not 0 <= skip < rows:
            return NotImplemented
        left_out = skip
    extra, ndim = tp_ndim(index), tp_ndim(source)
    if ndim < extra or not cnp.PyArray_CompareLists(tp_shape(source), tp_shape(index), extra):
        return NotImplemented
    if not tp_in_range(<int64_t*>tp_data(index), tp_size(index), rows):
        return NotImplemented
    if not tp_one_stride(source, 0, extra, &row_step) or not tp_one_stride(source, extra, ndim, &step):
        return NotImplemented
    shape[0] = rows
    for i in range(extra, ndim):
        shape[1 + i - extra] = tp_shape(source)[i]
        n *= tp_shape(source)[i]
    if ndim - extra + 1 > NPY_MAXDIMS or row_step % item or (n > 1 and step != item and step != 0):
        return NotImplemented
    y = cnp.PyArray_ZEROS(ndim - extra + 1, shape, cnp.NPY_DOUBLE if kind else cnp.NPY_FLOAT, 0)
    state = tp_release_gil(tp_size(source))
    tp_scatter_rows(kind, tp_data(y), <int64_t*>tp_data(index), tp_data(source), row_step // item,
                    n > 1 and step == 0, tp_size(index), n, left_out)
    tp_take_gil(state)
    return y
