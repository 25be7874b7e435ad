"""Many gradients in one pass: their Euclidean norm, their product with a number, and whether all are finite."""
cimport numpy as cnp
from libc.math cimport isfinite, sqrt

import numpy

cnp.import_array()

include "arrays.pxi"

cdef extern from "clip.h":
    double tp_sum_squares(int kind, const void* x, cnp.npy_intp n)
    void tp_rescale(int kind, void* x, double factor, cnp.npy_intp n)
    int tp_unscale(int kind, void* x, double factor, cnp.npy_intp n)

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
    cdef Py_ssize_t i
    cdef cnp.npy_intp elements = 0
    cdef tuple held = writeable(arrays, &elements)
    cdef PyThreadState* state
    if held is None:
        return NotImplemented
    state = tp_release_gil(elements)
    for i in range(len(held)):
        tp_rescale(is_double(held[i]), tp_data(held[i]), factor, tp_size(held[i]))
    tp_take_gil(state)
    return arrays


def unscale(arrays, double factor):
    cdef Py_ssize_t i
    cdef cnp.npy_intp elements = 0
    cdef bint found = False
    cdef tuple held = writeable(arrays, &elements)
    cdef PyThreadState* state
    if held is None:
        return NotImplemented
    state = tp_release_gil(elements)
    for i in range(len(held)):
        found |= tp_unscale(is_double(held[i]), tp_data(held[i]), factor, tp_size(held[i]))
    tp_take_gil(state)
    return arrays, numpy.asarray(found)


cdef tuple writeable(arrays, cnp.npy_intp* elements):
    # The arrays, if each can be written and is the only one of the list on its memory, else None.
    cdef Py_ssize_t i
    cdef tuple held
    if type(arrays) is not list or len(set(map(id, arrays))) != len(arrays):
        return None
    held = tuple(arrays)
    for i in range(len(held)):
        if tp_kind(held[i]) < 0 or not PyArray_ISWRITEABLE(held[i]) or not owns(held[i]):
            return None
        elements[0] += tp_size(held[i])
    return held


cdef inline bint is_double(object array):
    return cnp.PyArray_ITEMSIZE(array) == 8


cdef inline bint owns(object array):
    return cnp.PyArray_CHKFLAGS(array, cnp.NPY_ARRAY_OWNDATA)
