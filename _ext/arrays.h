/* What a compiled kernel asks of an array before it touches it, and how it makes its results.
 *
 * A kernel handles exact numpy.ndarrays that are C-contiguous, aligned and in native byte order; anything
 * else goes to the reference. "Kind" 0 is float32, 1 is float64.
 */
#ifndef TP_ARRAYS_H
#define TP_ARRAYS_H

#include <Python.h>
#include <numpy/arrayobject.h>

#include "memory.h"

/* The type number of an array in that layout, -1 for anything else. */
static inline int tp_type(PyObject *object) {
    PyArrayObject *a = (PyArrayObject *)object;
    return PyArray_CheckExact(object) && PyArray_ISCARRAY_RO(a) ? PyArray_TYPE(a) : -1;
}

/* 0 float32, 1 float64, -1 not for us. */
static inline int tp_kind(PyObject *object) {
    int type = tp_type(object);
    return type == NPY_FLOAT ? 0 : type == NPY_DOUBLE ? 1 : -1;
}

/* The same for an array with any strides. */
static inline int tp_strided_kind(PyObject *object) {
    PyArrayObject *a = (PyArrayObject *)object;
    if (!PyArray_CheckExact(object) || !PyArray_ISBEHAVED_RO(a)) return -1;
    int type = PyArray_TYPE(a);
    return type == NPY_FLOAT ? 0 : type == NPY_DOUBLE ? 1 : -1;
}

static inline int tp_is_bool(PyObject *object) { return tp_type(object) == NPY_BOOL; }

/* 8-byte signed integers. */
static inline int tp_is_int64(PyObject *object) {
    int type = tp_type(object);
    return PyTypeNum_ISSIGNED(type) && PyArray_ITEMSIZE((PyArrayObject *)object) == 8;
}

/* Numbers of any type, or booleans. */
static inline int tp_is_numeric(PyObject *object) {
    int type = tp_type(object);
    return PyTypeNum_ISNUMBER(type) || type == NPY_BOOL;
}

/* The next ones are for objects that are known to be arrays. */
static inline int tp_ndim(PyObject *a) { return PyArray_NDIM((PyArrayObject *)a); }
static inline npy_intp *tp_shape(PyObject *a) { return PyArray_DIMS((PyArrayObject *)a); }
static inline npy_intp tp_size(PyObject *a) { return PyArray_SIZE((PyArrayObject *)a); }
static inline void *tp_data(PyObject *a) { return PyArray_DATA((PyArrayObject *)a); }

/* Whether the axes from..to-1 step through memory as one axis of n elements would: then its stride in bytes. */
static inline int tp_one_stride(PyObject *object, int from, int to, npy_intp *stride) {
    PyArrayObject *a = (PyArrayObject *)object;
    npy_intp n = 1;
    *stride = 0;
    for (int i = to - 1; i >= from; i--) {
        if (PyArray_DIM(a, i) == 1) continue;
        if (n == 1)
            *stride = PyArray_STRIDE(a, i);
        else if (PyArray_STRIDE(a, i) != n * *stride)
            return 0;
        n *= PyArray_DIM(a, i);
    }
    return 1;
}

static inline int tp_same_shape(PyObject *a, PyObject *b) {
    int n = tp_ndim(a);
    return n == tp_ndim(b) && PyArray_CompareLists(tp_shape(a), tp_shape(b), n);
}

/* A vector of n elements of this kind, or None (which counts as one that is not there). */
static inline int tp_is_vector_or_none(PyObject *v, int kind, npy_intp n) {
    return v == Py_None || (tp_kind(v) == kind && tp_ndim(v) == 1 && tp_shape(v)[0] == n);
}

static inline void *tp_data_or_null(PyObject *v) { return v == Py_None ? NULL : tp_data(v); }

/* A number from a Python float or int (a bool or a NumPy scalar has a dtype). 0 if it is not one. */
static inline int tp_number(PyObject *object, double *value) {
    if (PyFloat_CheckExact(object)) {
        *value = PyFloat_AS_DOUBLE(object);
        return 1;
    }
    if (!PyLong_CheckExact(object)) return 0;
    *value = PyLong_AsDouble(object);
    if (*value != -1.0 || !PyErr_Occurred()) return 1;
    PyErr_Clear();
    return 0;
}

/* A new C-contiguous array with unset elements. */
static inline PyObject *tp_empty(int kind, int ndim, npy_intp *shape) {
    return kind ? tp_new(NPY_DOUBLE, sizeof(double), ndim, shape) : tp_new(NPY_FLOAT, sizeof(float), ndim, shape);
}

static inline PyObject *tp_empty_like(PyObject *a, int kind) {
    return tp_empty(kind, tp_ndim(a), tp_shape(a));
}

/* Letting the other threads run costs about as much as a few thousand elements of work. */
#define TP_RELEASE_GIL_FROM 8192

static inline PyThreadState *tp_release_gil(npy_intp work) {
    return work >= TP_RELEASE_GIL_FROM ? PyEval_SaveThread() : NULL;
}

static inline void tp_take_gil(PyThreadState *state) {
    if (state != NULL) PyEval_RestoreThread(state);
}

/* name(arguments) in the version for a kind. */
#define TP_BY_KIND(name, kind, ...) ((kind) ? name##_f64(__VA_ARGS__) : name##_f32(__VA_ARGS__))

#endif
