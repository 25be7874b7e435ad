# What an optimizer's step asks of Tensors, in one pass.


def collect(list params, state, tuple names):
    """The parameters that have a gradient: they, their raw arrays and gradients, their state, and columns of it.

    ``state`` is a dict of one dict for each parameter that has some. The columns are a dict of lists: for each name,
    the raw arrays of that state. They are None if some is missing.
    """
    cdef Py_ssize_t i, n = len(names)
    cdef Variable p
    cdef PyObject* own
    cdef PyObject* value
    cdef bint complete = True
    cdef list some = [], arrays = [], grads = [], states = [], columns = [[] for _ in names]
    if not isinstance(state, dict):
        raise TypeError(f"collect: state must be a dict, got {type(state).__name__}")
    for p in params:
        if p.grad_ is None:
            continue
        some.append(p)
        arrays.append(array_of(p))
        grads.append(array_of(<Variable>p.grad_))
        own = PyDict_GetItem(state, p)
        states.append(None if own == NULL else <object>own)
        for i in range(n):
            value = NULL if own == NULL or not isinstance(<object>own, dict) else PyDict_GetItem(<object>own, names[i])
            if value == NULL or not isinstance(<object>value, Variable):
                complete = False
                break
            (<list>columns[i]).append(array_of(<Variable><object>value))
    if not complete:
        return some, arrays, grads, states, None
    cdef dict named = {}
    for i in range(n):
        named[names[i]] = columns[i]
    return some, arrays, grads, states, named


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
