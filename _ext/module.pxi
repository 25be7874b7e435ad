# A module's call, without a Python frame of its own.


@cython.auto_pickle(False)
cdef class ForwardCall:
    """``self(...)`` is ``self.forward(...)``, by way of ``self._hooks.call`` if there are any."""

    def __call__(self, *args, **kwargs):    # what introspection sees; calls go through `call_forward`
        return forward_of(self, args, kwargs)


cdef object forward_of(object self, tuple args, dict kwargs):
    hooks = self._hooks
    if hooks is None:
        return self.forward(*args, **kwargs)
    return hooks.call(self, args, kwargs)


cdef PyObject* call_forward(PyObject* self, PyObject* args, PyObject* kwargs) except NULL:
    cdef PyObject* row[FEW]
    cdef Py_ssize_t i, n = len(<tuple>args)
    cdef object result
    if kwargs == NULL and n < FEW and PyObject_GetAttr(<object>self, "_hooks") is None:
        row[0] = self
        for i in range(n):
            row[1 + i] = (<PyTupleObject*>args).ob_item[i]
        result = PyObject_VectorcallMethod("forward", row, n + 1, NULL)
    else:
        result = forward_of(<object>self, <tuple>args, {} if kwargs == NULL else <dict>kwargs)
    Py_INCREF(result)
    return <PyObject*>result


tp_set_call(<PyTypeObject*>ForwardCall, call_forward)
