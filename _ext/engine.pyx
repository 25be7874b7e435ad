"""The compiled heart of automatic differentiation.

Its parts, in the order in which a value meets them:

* ``graph.pxi``     what a graph is made of: Version, Op, Kept, Node;
* ``variable.pxi``  what it is about: Variable, an array and its place in the graph;
* ``rebinding.pxi`` aliases of memory that cannot be written;
* ``apply.pxi``     forward: unwrap, run the op, wrap the result, hang a node on it;
* ``backward.pxi``  reverse: visit the nodes newest first, run their rules, accumulate;
* ``propagate.pxi`` the ways into it, and what they see to around a pass;
* ``frontier.pxi``  the heap of nodes that are waiting for their turn;
* ``pending.pxi``   the gradients that are being summed;
* ``replay.pxi``    what a rule reads when its own computation is to be differentiated;
* ``collect.pxi``   what an optimizer's step reads off its parameters;
* ``step.pxi``      such a step where compiled rules can do all of it;
* ``module.pxi``    a module's call;
* ``profile.pxi``   when each operation began and ended, for whoever asks.

The engine knows arrays only as opaque objects; what it does faster for ``numpy.ndarray`` it also does, more slowly, for
any other. Everything that depends on the rest of the package (the kernel tables, the Tensor class, type promotion,
error messages) is handed down once by ``configure``.
"""
cimport cython
cimport numpy as cnp
from cpython.dict cimport PyDict_GetItem, PyDict_GetItemWithError
from cpython.list cimport PyList_New, PyList_SET_ITEM
from cpython.object cimport PyObject, PyObject_GetAttr, PyTypeObject
from cpython.pycapsule cimport PyCapsule_GetPointer
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF, Py_XINCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stddef cimport ptrdiff_t, size_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memset

import time
import weakref

import numpy

cnp.import_array()

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(object)
    object PyContextVar_Set_ "PyContextVar_Set"(object var, object value)
    int PyContextVar_Reset_ "PyContextVar_Reset"(object var, object token) except -1
    ctypedef PyObject* (*vectorcallfunc)(PyObject*, PyObject* const*, size_t, PyObject*) except NULL
    object PyObject_Call(object callable, object args, PyObject* kwargs)
    object PyObject_Vectorcall(object callable, PyObject** args, size_t nargsf, PyObject* names)
    object PyObject_VectorcallMethod(object name, PyObject** args, size_t nargsf, PyObject* names)
    Py_ssize_t PyVectorcall_NARGS(size_t nargsf) nogil
    ctypedef struct PyTupleObject:
        PyObject* ob_item[1]
    unsigned long PyThread_get_thread_ident()
    PyTypeObject* Py_TYPE(object)
    PyObject* _PyType_Lookup(PyTypeObject* of, object name)     # borrowed; NULL, without an error, if there is none
    object PyObject_GenericGetDict(object, void*)
    int Py_EnterRecursiveCall(const char* where) except -1
    void Py_LeaveRecursiveCall()

cdef extern from *:
    bint unlikely(bint) nogil       # Cython's own macro: keeps what is rare out of the way of what is hot

cdef extern from "vectorcall.h":
    void tp_enable_vectorcall(PyTypeObject* of, Py_ssize_t offset)
    void tp_enable_method(PyTypeObject* of)
    ctypedef PyObject* (*ternaryfunc)(PyObject*, PyObject*, PyObject*) except NULL
    void tp_set_call(PyTypeObject* of, ternaryfunc call)
    void tp_set_constructor(PyTypeObject* of, vectorcallfunc make)

cdef extern from "accumulate.h" nogil:
    void tp_accumulate_f32(float* total, const float* term, ptrdiff_t n)
    void tp_accumulate_f64(double* total, const double* term, ptrdiff_t n)

cdef extern from "simd.h":
    const char* tp_simd_level() nogil

cdef extern from "engine.h":
    const int TP_NO_GRAD
    const int TP_AUTOCAST
    int tp_modes_get() nogil
    void tp_modes_set(int modes) nogil
    void tp_mode_set(int mode, bint on) nogil
    bint tp_grad_get() nogil
    void tp_grad_set(bint) nogil

include "updates.pxi"

# What the rest of the package hands down (see configure).
cdef object table = None            # the kernels on raw arrays of the current backend
cdef object tensor_table = None     # the same names on Tensors, over the standard's face
cdef object load_tensor_table = None    # makes it, when a higher derivative is first asked for
cdef object tensor_type = None      # the class that results are wrapped in
cdef object promote = None          # (op, args) -> args with one dtype, cast by recorded ops
cdef object autocast = None         # (op, args) -> args in the dtypes that the op's autocast policy asks for
cdef object kind_of = None          # (a library's dtype) -> "float", "int", ...
cdef object explain = None          # (op, args, params, error) -> the error a user should see
cdef object refresh_view = None     # (view) -> None: gives a view whose base was written its new node
cdef object gate_type = None        # the class of kernels that are compiled, and see to warnings themselves
cdef object array_type = None       # the class of the current backend's arrays
cdef object check_array = None      # (op, i, array) -> None, or the error that it is another library's
cdef object table_at = None         # (array) -> the kernels at its device; None while one device is in use
cdef bint type_decides = False      # whether arrays of array_type are all on one device, whose kernels are `table`
cdef object together = None         # (op, args) -> args on one device, or the error that they are on several
cdef object run_at = None           # (array, function, args, params) -> the result, new arrays being made at its device
cdef object layouts = None          # where arrays cannot be written: the kernels that say what would be a view
cdef object replace_part = None     # (content, chain, part) -> the content with another part
cdef bint strict = False            # tests: a rule that changes the dtype of a gradient is an error


cdef inline object table_of(object array):
    # The kernels for an array. With one device in use, which is the rule, they are the same for all.
    return table if table_at is None or (type_decides and type(array) is array_type) else table_at(array)


cdef inline object kernel_of(object k, str name):
    # k.name. A table keeps its kernels in its dict, where a look costs a third of an attribute's.
    cdef PyObject* kernel = PyDict_GetItem(PyObject_GenericGetDict(k, NULL), name)
    return <object>kernel if kernel != NULL else PyObject_GetAttr(k, name)


# IEEE results without warnings, as in PyTorch: NumPy's error state is a context variable, and setting it costs 50 ns
# where numpy.errstate costs a microsecond.
cdef object _errors = numpy._core.umath._extobj_contextvar
with numpy.errstate(all="ignore"):
    _quiet = _errors.get()
cdef object quiet = _quiet

include "graph.pxi"
include "variable.pxi"
include "rebinding.pxi"
include "apply.pxi"
include "replay.pxi"
include "frontier.pxi"
include "pending.pxi"
include "backward.pxi"
include "propagate.pxi"
include "collect.pxi"
include "step.pxi"
include "module.pxi"
include "profile.pxi"


def configure(**settings):
    """Hand the engine what stands above it: any of table, gate_type, array_type, check_array, table_at, type_decides,
    together, run_at, layouts, replace_part, load_tensor_table, tensor_type, promote, autocast, kind_of, explain,
    refresh, strict."""
    global table, gate_type, array_type, check_array, table_at, type_decides, together, run_at, layouts, replace_part
    global load_tensor_table, tensor_type, promote, autocast, kind_of, explain, refresh_view, strict
    for name, value in settings.items():
        if name == "table":
            table = value
        elif name == "gate_type":
            gate_type = value
        elif name == "array_type":
            array_type = value
        elif name == "check_array":
            check_array = value
        elif name == "table_at":
            table_at = value
        elif name == "type_decides":
            type_decides = value
        elif name == "together":
            together = value
        elif name == "run_at":
            run_at = value
        elif name == "layouts":
            layouts = value
        elif name == "replace_part":
            replace_part = value
        elif name == "load_tensor_table":
            load_tensor_table = value
        elif name == "tensor_type":
            tensor_type = value
        elif name == "promote":
            promote = value
        elif name == "autocast":
            autocast = value
        elif name == "kind_of":
            kind_of = value
        elif name == "explain":
            explain = value
        elif name == "refresh":
            refresh_view = value
        elif name == "strict":
            strict = value
        else:
            raise TypeError(f"configure() has no setting {name!r}")


def is_grad_enabled():
    """Whether operations of this thread record a graph."""
    return tp_grad_get()


def set_grad_enabled(bint enabled):
    """Switch recording for this thread; returns the previous state."""
    cdef bint before = tp_grad_get()
    tp_grad_set(enabled)
    return before


def set_autocast_enabled(bint enabled):
    """Switch autocast for this thread; returns the previous state."""
    cdef bint before = tp_modes_get() & TP_AUTOCAST
    tp_mode_set(TP_AUTOCAST, enabled)
    return before


def simd_level():
    """The instruction set that the compiled loops use on this processor."""
    return tp_simd_level().decode()
