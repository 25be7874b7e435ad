# What an optimizer's step asks of Tensors, in one pass.


def collect(list params, state, tuple names):
    """The parameters that have a gradient: they, their raw arrays and gradients, their state, and columns of it.

    ``state`` is a dict of one dict for each parameter that has some. The columns are a dict of lists: for each name,
    the raw arrays of that state. They are None if some is missing.
    """
    cdef Py_ssize_t i, j = 0, m = 0, n = len(names)
    cdef Variable p
    cdef PyObject* own
    cdef PyObject* value
    cdef list some, arrays, grads, states, column
    cdef dict columns = {}
    if not isinstance(state, dict):
        raise TypeError(f"collect: state must be a dict, got {type(state).__name__}")
    for p in params:
        m += p.grad_ is not None
    some, arrays, grads, states = PyList_New(m), PyList_New(m), PyList_New(m), PyList_New(m)
    for i in range(n):
        columns[names[i]] = PyList_New(m)
    for p in params:
        if p.grad_ is None:
            continue
        put(some, j, p)
        put(arrays, j, array_of(p))
        put(grads, j, array_of(<Variable>p.grad_))
        own = PyDict_GetItem(state, p)
        put(states, j, None if own == NULL else <object>own)
        if columns is not None:
            for name, column in columns.items():
                value = NULL
                if own != NULL and isinstance(<object>own, dict):
                    value = PyDict_GetItem(<object>own, name)
                if value == NULL or not isinstance(<object>value, Variable):
                    columns = None
                    break
                put(column, j, array_of(<Variable><object>value))
        j += 1
    return some, arrays, grads, states, columns


cdef inline void put(list into, Py_ssize_t i, object value) noexcept:
    # A new list's item: PyList_New left the place empty.
    Py_INCREF(value)
    PyList_SET_ITEM(into, i, value)


def drop_gradients(list params):
    """Set ``.grad`` of each to None."""
    cdef Variable p
    for p in params:
        p.grad_ = None


def bump_versions(list variables):
    """Note that the memory of each was written."""
    cdef Variable v
    for v in variables:
        v.version.count += 1
