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


@cython.final
cdef class Direct:
    """Says of a class of modules that its ``forward(input)`` is ``op(input, *the attributes of these names)``.

    A call of such a module is then a call of the op, without a Python frame, unless a subclass, an instance or somebody
    at run time has put another ``forward`` in its place.
    """
    cdef readonly object op
    cdef readonly object forward
    cdef readonly tuple names

    def __init__(self, op, forward, *names):
        if len(names) > FEW - 2:
            raise ValueError(f"Direct: at most {FEW - 2} attributes, got {len(names)}")
        self.op, self.forward, self.names = op, forward, names


cdef inline bint is_untouched(object module, object forward):
    # Whether calling the module is calling this function of its class: no hook, and no other `forward`.
    if <object>_PyType_Lookup(Py_TYPE(module), "forward") is not forward:
        return False
    if PyObject_GetAttr(module, "_hooks") is not None:
        return False
    return PyDict_GetItem(PyObject_GenericGetDict(module, NULL), "forward") == NULL


cdef object call_on_attributes(object op, object input, object module, tuple names):
    # op(input, module.a, module.b, ...)
    cdef PyObject* row[FEW]
    cdef Py_ssize_t i, n = 1
    cdef object value, own = PyObject_GenericGetDict(module, NULL)
    row[0] = <PyObject*>input
    try:
        for i in range(len(names)):
            # The instance's dict first, which costs less, unless the class has the name too: a property precedes it.
            row[n] = NULL
            if _PyType_Lookup(Py_TYPE(module), names[i]) == NULL:
                row[n] = PyDict_GetItem(own, names[i])
            if row[n] == NULL:
                value = PyObject_GetAttr(module, names[i])
                row[n] = <PyObject*>value
            Py_INCREF(<object>row[n])
            n += 1
        return PyObject_Vectorcall(op, row, n, NULL)
    finally:
        for i in range(1, n):
            Py_DECREF(<object>row[i])


@cython.final
cdef class Chain:
    """Says of a class of modules that its ``forward(input)`` feeds each of ``self._steps`` with the one before.

    ``self._plan()`` makes these when they are None. See :class:`Direct`.
    """
    cdef readonly object forward

    def __init__(self, forward):
        self.forward = forward


cdef object call_chain(object module, object input):
    cdef object step, steps = PyObject_GetAttr(module, "_steps")
    if steps is None:
        steps = module._plan()
    for step in <tuple>steps:
        if type(step) is Fused:
            input = (<Fused>step).both(input)
        elif <void*>Py_TYPE(step).tp_call == <void*>call_forward:
            input = call_on_one(step, input)
        else:
            input = step(input)
    return input


cdef object call_on_one(object module, object input):
    # module(input), where the call is ForwardCall's
    cdef PyObject* row[2]
    cdef PyObject* declared = _PyType_Lookup(Py_TYPE(module), "_direct")
    if declared != NULL:
        if type(<object>declared) is Direct:
            if is_untouched(module, (<Direct>declared).forward):
                return call_on_attributes((<Direct>declared).op, input, module, (<Direct>declared).names)
        elif type(<object>declared) is Chain and is_untouched(module, (<Chain>declared).forward):
            Py_EnterRecursiveCall(" while calling a module")    # one that holds itself never ends
            try:
                return call_chain(module, input)
            finally:
                Py_LeaveRecursiveCall()
    if PyObject_GetAttr(module, "_hooks") is not None:
        return forward_of(module, (input,), {})
    row[0], row[1] = <PyObject*>module, <PyObject*>input
    return PyObject_VectorcallMethod("forward", row, 2, NULL)


cdef PyObject* call_forward(PyObject* self, PyObject* args, PyObject* kwargs) except NULL:
    cdef PyObject* row[FEW]
    cdef Py_ssize_t i, n = len(<tuple>args)
    cdef object result
    if kwargs == NULL and n == 1:
        result = call_on_one(<object>self, (<tuple>args)[0])
    elif kwargs == NULL and n < FEW and PyObject_GetAttr(<object>self, "_hooks") is None:
        row[0] = self
        for i in range(n):
            row[1 + i] = (<PyTupleObject*>args).ob_item[i]
        result = PyObject_VectorcallMethod("forward", row, n + 1, NULL)
    else:
        result = forward_of(<object>self, <tuple>args, {} if kwargs == NULL else <dict>kwargs)
    Py_INCREF(result)
    return <PyObject*>result


tp_set_call(<PyTypeObject*>ForwardCall, call_forward)


@cython.final
cdef class Fused:
    """``second(first(input))`` as ``op(input, *attributes of first)``, while nobody watches or changes either's call.

    ``direct`` is how the first is called alone, ``forward`` the second's.
    """
    cdef vectorcallfunc vectorcall
    cdef readonly object first, second
    cdef object op, forward
    cdef Direct direct

    def __cinit__(self):
        self.vectorcall = call_fused

    def __init__(self, op, first, Direct direct, second, forward):
        self.op, self.first, self.direct, self.second, self.forward = op, first, direct, second, forward

    cdef object both(self, object input):
        if is_untouched(self.first, self.direct.forward) and is_untouched(self.second, self.forward):
            return call_on_attributes(self.op, input, self.first, self.direct.names)
        return self.second(self.first(input))

    def __call__(self, input):      # what introspection sees; calls go through `call_fused`
        return self.both(input)


cdef PyObject* call_fused(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* names) except NULL:
    if names != NULL or PyVectorcall_NARGS(nargsf) != 1:
        raise TypeError("a fused pair of modules takes one positional argument")
    cdef object result = (<Fused>self).both(<object>args[0])
    Py_INCREF(result)
    return <PyObject*>result


cdef Py_ssize_t offset_of_fused(Fused fused):
    return <char*>&fused.vectorcall - <char*><PyObject*>fused


tp_enable_vectorcall(<PyTypeObject*>Fused, offset_of_fused(Fused.__new__(Fused)))
