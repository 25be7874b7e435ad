"""The gate in front of a compiled kernel."""
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from libc.stddef cimport size_t

import numpy

cdef extern from "Python.h":
    ctypedef PyObject* (*vectorcallfunc)(PyObject*, PyObject* const*, size_t, PyObject*) except NULL
    object PyObject_Vectorcall(object callable, PyObject* const* args, size_t nargsf, PyObject* names)
    Py_ssize_t PyVectorcall_NARGS(size_t nargsf)
    object PyContextVar_Set_ "PyContextVar_Set"(object var, object value)
    int PyContextVar_Reset_ "PyContextVar_Reset"(object var, object token) except -1

cdef extern from "vectorcall.h":
    void tp_enable_vectorcall(PyTypeObject* of, Py_ssize_t offset)

# NumPy's error state, a context variable: the reference computes without warnings, as compiled loops do.
cdef object _errors = numpy._core.umath._extobj_contextvar
with numpy.errstate(all="ignore"):
    _quiet = _errors.get()
cdef object quiet = _quiet


cdef class Gate:
    """Calls the compiled function; where it answers NotImplemented, the reference over a namespace.

    A compiled function declines arrays that it is not made for (strided, of mixed dtypes, read-only, ...).
    """
    cdef vectorcallfunc vectorcall
    cdef readonly object compiled
    cdef readonly object reference
    cdef readonly object xp

    def __cinit__(self):
        self.vectorcall = call_gate

    def __init__(self, compiled, reference, xp):
        self.compiled = compiled
        self.reference = reference
        self.xp = xp

    cdef object refer(self, tuple args, dict kwargs):
        cdef object token = PyContextVar_Set_(_errors, quiet)
        try:
            return self.reference(self.xp, *args, **kwargs)
        finally:
            PyContextVar_Reset_(_errors, token)

    def __call__(self, *args, **kwargs):    # what introspection sees; calls go through `call_gate`
        cdef object result
        if not kwargs:
            result = self.compiled(*args)
            if result is not NotImplemented:
                return result
        return self.refer(args, kwargs)

    @property
    def __name__(self):
        return self.reference.__name__

    @property
    def __doc__(self):
        return self.reference.__doc__

    @property
    def __signature__(self):
        import inspect

        signature = inspect.signature(self.reference)
        return signature.replace(parameters=list(signature.parameters.values())[1:])

    def __repr__(self):
        return f"<compiled kernel {self.reference.__name__}>"


cdef PyObject* call_gate(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* names) except NULL:
    cdef Gate gate = <Gate>self
    cdef Py_ssize_t i, n = PyVectorcall_NARGS(nargsf)
    cdef object result = NotImplemented
    cdef dict kwargs
    if names == NULL:
        result = PyObject_Vectorcall(gate.compiled, args, nargsf, NULL)
    if result is NotImplemented:
        kwargs = {}
        if names != NULL:
            for i in range(len(<tuple>names)):
                kwargs[(<tuple>names)[i]] = <object>args[n + i]
        result = gate.refer(tuple([<object>args[i] for i in range(n)]), kwargs)
    Py_INCREF(result)
    return <PyObject*>result


cdef Py_ssize_t offset_of_vectorcall(Gate gate):
    return <char*>&gate.vectorcall - <char*><PyObject*>gate


tp_enable_vectorcall(<PyTypeObject*>Gate, offset_of_vectorcall(Gate.__new__(Gate)))
