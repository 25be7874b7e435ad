"""Clipping of gradients: the Euclidean norm of many arrays in one pass, and their product with a number in place."""
cimport numpy as cnp
from libc.math cimport isfinite, sqrt

cnp.import_array()

include "arrays.pxi"

cdef extern from "clip.h":
    double tp_sum_squares(int kind, const void* x, cnp.npy_intp n)
    void tp_rescale(int kind, void* x, double factor, cnp.npy_intp n)

cdef extern from "numpy/arrayobject.h":
    bint PyArray_ISWRITEABLE(cnp.ndarray)


def total_norm(arrays, order):
    cdef Py_ssize_t i, n
    cdef int kind = -1
    cdef double total = 0
    cdef cnp.npy_intp elements = 0
    cdef tuple held
    cdef PyThreadState* state
    if type(arrays) is not list or order != 2 or not arrays:
        return NotImplemented
    held = tuple(arrays)
    n = len(held)
    kind = tp_kind(held[0])
    for i in range(n):
        if kind < 0 or tp_kind(held[i]) != kind:
            return NotImplemented
        elements += tp_size(held[i])
    state = tp_release_gil(elements)
    for i in range(n):
        total += tp_sum_squares(kind, tp_data(held[i]), tp_size(held[i]))
    tp_take_gil(state)
    # Squares that overflowed or lost digits, and NaN: the reference divides by the largest first.
    if not isfinite(total) or (total < (1e-280 if kind else 1e-24) and elements):
        return NotImplemented
    norm = tp_empty(kind, 0, NULL)
    if kind:
        (<double*>tp_data(norm))[0] = sqrt(total)
    else:
        (<float*>tp_data(norm))[0] = <float>sqrt(total)
    return norm


def rescale(arrays, double factor):
    # In place, which needs memory that no other array of the list shares.
    cdef Py_ssize_t i, n
    cdef int kind
    cdef cnp.npy_intp elements = 0
    cdef tuple held
    cdef PyThreadState* state
    if type(arrays) is not list or len(set(map(id, arrays))) != len(arrays):
        return NotImplemented
    held = tuple(arrays)
    n = len(held)
    for i in range(n):
        if tp_kind(held[i]) < 0 or not PyArray_ISWRITEABLE(held[i]) or not owns(held[i]):
            return NotImplemented
        elements += tp_size(held[i])
    state = tp_release_gil(elements)
    for i in range(n):
        kind = cnp.PyArray_ITEMSIZE(held[i]) == 8
        tp_rescale(kind, tp_data(held[i]), factor, tp_size(held[i]))
    tp_take_gil(state)
    return arrays


cdef inline bint owns(object array):
    return cnp.PyArray_CHKFLAGS(array, cnp.NPY_ARRAY_OWNDATA)
