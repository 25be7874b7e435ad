# Forward: the one place where graphs are built.


cdef inline bint is_floating(object array):
    cdef int t
    if cnp.PyArray_Check(array):
        t = cnp.PyArray_TYPE(array)
        return (t >= cnp.NPY_FLOAT and t <= cnp.NPY_CLONGDOUBLE) or t == cnp.NPY_FLOAT16
    return table_of(array).is_differentiable(array)


cdef inline object call(object function, tuple args, object params):
    if params is None:
        return PyObject_Call(function, args, NULL)
    return PyObject_Call(function, args, <PyObject*>params)


cdef inline object as_array(object out):
    # NumPy turns 0-d results into scalars, which cannot be written in place.
    if cnp.PyArray_CheckExact(out):
        return out
    if cnp.PyArray_CheckScalar(out) and not cnp.PyArray_Check(out):
        return cnp.PyArray_FROM_O(out)
    return out


cdef tuple _NOTHING = ()


cdef inline Variable wrap(object array):
    if tensor_type is None:
        raise RuntimeError("the engine was not given its Tensor class; import tiny_pytorch first")
    cdef Variable v = <Variable>(<PyTypeObject*>tensor_type).tp_new(<type>tensor_type, <PyObject*>_NOTHING, NULL)
    v.array_ = array
    v.version = Version.__new__(Version)
    return v


cdef inline bint same_memory(object out, object source):
    # Whether a view op gave a view (a reshape of a strided array, for one, is a copy).
    cdef char* start
    cdef char* end
    cdef char* p
    cdef int i
    if not (cnp.PyArray_Check(out) and cnp.PyArray_Check(source)):
        return table_of(source).shares_memory(out, source)
    if out is source:
        return True
    start = end = cnp.PyArray_BYTES(source)
    for i in range(cnp.PyArray_NDIM(source)):
        if cnp.PyArray_DIM(source, i) == 0:
            return True
        if cnp.PyArray_STRIDE(source, i) > 0:
            end += (cnp.PyArray_DIM(source, i) - 1) * cnp.PyArray_STRIDE(source, i)
        else:
            start += (cnp.PyArray_DIM(source, i) - 1) * cnp.PyArray_STRIDE(source, i)
    p = cnp.PyArray_BYTES(out)
    return start <= p <= end


cdef enum:
    FEW = 12    # arguments, keyword ones and the table included, for which there is room on the stack


cdef object not_a_tensor(Op op, Py_ssize_t i, object value):
    # The error that an argument is no Tensor: in the words of autograd/errors.py.
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    name = kind.__name__ if library in ("builtins", "tiny_pytorch") else f"{library}.{kind.__name__}"
    remedy = "tp.tensor(x) copies it, tp.from_dlpack(x) shares its memory"
    if not hasattr(value, "__dlpack__"):
        remedy = "tp.tensor(...) makes one"
    return TypeError(f"{op.name}: argument {i} is a {name}; expected a Tensor ({remedy})")


cdef object apply_tuple(Op op, tuple args, dict params, bint promoted=False):
    # apply() for callers that hold their arguments as objects.
    cdef tuple row = args + tuple(params.values()) if params else args
    return apply(op, (<PyTupleObject*>row).ob_item, len(args), tuple(params) if params else None, promoted)


cdef object apply(Op op, PyObject** args, Py_ssize_t n, tuple names, bint promoted=False):
    # `names` are those of the keyword arguments, whose values follow the `n` positional ones, as in PEP 590.
    cdef PyObject* few[FEW]
    cdef PyObject** inputs = few
    cdef Py_ssize_t i, filled = 0, total = 1 + n + (0 if names is None else len(names))
    if total > FEW:
        inputs = <PyObject**>malloc(total * sizeof(PyObject*))
        if inputs == NULL:
            raise MemoryError()
    try:
        return apply_on(op, args, n, names, promoted, inputs, &filled)
    finally:
        for i in range(filled):
            Py_DECREF(<object>inputs[1 + i])
        if inputs != few:
            free(inputs)


cdef object apply_on(Op op, PyObject** args, Py_ssize_t n, tuple names, bint promoted, PyObject** inputs,
                     Py_ssize_t* filled):
    # `inputs` has room for the kernel table, the raw arrays (of which `filled` are to be released) and the keywords.
    cdef Py_ssize_t i
    cdef Variable v, result
    cdef Node node = None
    cdef int modes = tp_modes_get()
    cdef bint recording = not modes & TP_NO_GRAD, records = False
    cdef bint settled = promoted or op.promotion == AS_THEY_ARE
    cdef int type_num = -1, t, scalar = 0       # scalar kinds: 2 int, 3 float
    cdef bint bools = False, mixed = False
    cdef object a, array, out, extra = None, first = None, dtype = None, k = None
    cdef dict params = None
    cdef tuple edges

    if unlikely(modes & TP_AUTOCAST) and op.autocast is not None and not promoted:
        return apply_autocast(op, args, n, names)
    for i in range(n):
        a = <object>args[i]
        if isinstance(a, Variable):
            v = <Variable>a
            if v.view_ is not None and v.view_.epoch != v.view_.base.epoch:
                refresh_view(v)
            array = array_of(v)
            if table_at is not None:
                out = table_of(array)
                if k is None:
                    k = out
                elif out is not k:
                    mixed = True
            elif type(array) is not array_type:
                check_array(op, i, array)
            if recording and (v.wants or v.node is not None):
                records = True
            if not settled:
                if cnp.PyArray_CheckExact(array):
                    t = cnp.PyArray_TYPE(array)
                    if type_num == -1:
                        type_num = t
                    elif type_num != t:
                        type_num = -2
                elif dtype is None:
                    first, dtype = array, array.dtype
                elif dtype != array.dtype:
                    type_num = -2
        elif a is None:
            array = a
        elif type(a) is float:
            array, scalar = a, 3
        elif type(a) is int:
            array = a
            if scalar < 2:
                scalar = 2
        elif type(a) is bool:
            array, bools = a, True
        elif op.promotion != AS_THEY_ARE and not promoted:
            array, type_num = a, -2
        else:
            raise not_a_tensor(op, i, a)
        Py_INCREF(array)
        inputs[1 + i] = <PyObject*>array
        filled[0] = i + 1
    if names is not None:
        params = {}
        for i in range(len(names)):
            inputs[1 + n + i] = args[n + i]
            params[names[i]] = <object>args[n + i]
    if mixed:
        return apply_tuple(op, together(op, row_of(args, n)), params, promoted)
    if not settled:
        if dtype is not None and type_num == -1 and not bools and is_floating(first):
            pass                                            # the same, of another library
        elif (type_num == cnp.NPY_FLOAT or type_num == cnp.NPY_DOUBLE or type_num == cnp.NPY_FLOAT16) and not bools:
            pass                                            # floats of one dtype and Python scalars: the hot case
        elif op.promotion == COMMON and (
            (type_num == cnp.NPY_LONG or type_num == cnp.NPY_LONGLONG) and scalar <= 2 and not bools
            or type_num == cnp.NPY_BOOL and scalar == 0
        ):
            pass
        else:
            return apply_tuple(op, promote(op, row_of(args, n)), params, True)

    out = forward(op, table if k is None else k, inputs, n, names, params)
    if op.extra:
        out, extra = out

    if records and op.rule is not None:
        edges = PyTuple_New(n)
        for i in range(n):
            a = edge_of(<object>args[i])
            Py_INCREF(a)
            PyTuple_SET_ITEM(edges, i, a)
        node = new_node(op, edges)
        node.params = params
        node.extra_ = extra
        if op.keeping != KEEP_NONE:
            node.kept = keep_inputs(op, args, edges, inputs + 1, n)
    if op.many:
        return wrap_many(op, out, node)

    out = as_array(out)
    result = wrap(out)
    if op.view:
        v = <Variable>args[0]
        if (same_memory(out, v.array_) if layouts is None else n == 1 and cut_view(result, v, op, params)):
            view_of(result, v, op, params)
    if node is not None and is_floating(out):
        node.describe(out)
        if op.keeps_output:
            node.kept_output = keep(out, result.version)
        result.node = node
    return result


cdef object apply_autocast(Op op, PyObject** args, Py_ssize_t n, tuple names):
    # The op on arguments in the dtypes of its policy, which are then final.
    cdef Py_ssize_t i
    cdef dict params = None if names is None else {names[i]: <object>args[n + i] for i in range(len(names))}
    cdef tuple row = autocast(op, row_of(args, n))
    tp_mode_set(TP_AUTOCAST, False)
    try:
        return apply_tuple(op, row, params)
    finally:
        tp_mode_set(TP_AUTOCAST, True)


cdef object forward(Op op, object k, PyObject** inputs, Py_ssize_t n, tuple names, dict params):
    # The op's forward on raw arrays, with the kernels `k`. If it is a kernel, a compiled one is called at once, and
    # sees to warnings itself.
    cdef object kernel, token, out
    if op.kernel is not None and (len(op.keywords) == 0 if names is None else names == op.keywords):
        kernel = kernel_of(k, op.kernel)
        if type(kernel) is gate_type:
            try:
                out = PyObject_Vectorcall(kernel, inputs + 1, n + len(op.keywords), NULL)
                return ((<tuple>out)[0], (<tuple>out)[1:]) if op.extra else out
            except Exception:
                pass    # the forward will fail too, and may have more to say
    inputs[0] = <PyObject*>k
    token = PyContextVar_Set_(_errors, quiet)
    try:
        return PyObject_Vectorcall(op.forward, inputs, n + 1, NULL if names is None else <PyObject*>names)
    except Exception as error:
        refuse(op, inputs, n, params, error)
    finally:
        PyContextVar_Reset_(_errors, token)


cdef int refuse(Op op, PyObject** inputs, Py_ssize_t n, dict params, error) except -1:
    # Raises what a user should see of an op's error.
    clearer = explain(op, row_of(inputs + 1, n), params if params is not None else {}, error)
    if clearer is error:
        raise error
    raise clearer from error


cdef tuple row_of(PyObject** items, Py_ssize_t n):
    cdef Py_ssize_t i
    cdef tuple row = PyTuple_New(n)
    for i in range(n):
        Py_INCREF(<object>items[i])
        PyTuple_SET_ITEM(row, i, <object>items[i])
    return row


cdef inline object edge_of(object value):
    # Where the gradient of an argument goes, its view being up to date: its node, the leaf itself, or None.
    cdef Variable v
    if not isinstance(value, Variable):
        return None
    v = <Variable>value
    if v.node is not None:
        return v.node
    return v if v.wants else None


cdef Node new_node(Op op, tuple edges):
    global _sequence
    cdef Node node = Node.__new__(Node)
    node.op = op
    node.edges = edges
    _sequence += 1
    node.sequence = _sequence
    return node


cdef KeptInputs keep_inputs(Op op, PyObject** args, tuple edges, PyObject** arrays, Py_ssize_t n):
    cdef Py_ssize_t i, wanting = 0
    cdef unsigned int bits = 0      # the inputs whose gradients are wanted
    cdef bint wanted = True
    cdef Version version
    cdef KeptInputs kept = KeptInputs.__new__(KeptInputs)
    kept.reserve(n)
    for i in range(n):
        if edges[i] is not None:
            wanting += 1
            bits |= <unsigned int>1 << (i & 31)
    for i in range(n):
        if op.keeping == KEEP_CROSS:
            wanted = wanting > (edges[i] is not None)
        elif op.keeping == KEEP_LISTED:
            wanted = i < MAX_LISTED and (op.listed[i] & bits) != 0
        if wanted:
            version = (<Variable>args[i]).version if isinstance(<object>args[i], Variable) else None
            kept.put(i, <object>arrays[i], version)
    return kept


cdef void view_of(Variable result, Variable source, Op op, dict params) except *:
    cdef View view = View.__new__(View), before = source.view_
    cdef object step = result.array_ if cnp.PyArray_Check(result.array_) else None
    cdef Py_ssize_t n
    if before is None:
        view.base, view.chain, view.steps = source, ((op, params),), (step,)
    else:
        view.base = before.base
        n = steps_to(before.steps, step)
        view.chain = before.chain[:n] if n else before.chain + ((op, params),)
        view.steps = before.steps[:n] if n else before.steps + (step,)
    view.epoch = view.base.epoch
    result.view_ = view
    result.version = source.version


cdef object wrap_many(Op op, object outs, Node node):
    # Several outputs: each has a node of its own, whose only gradient rule is to hand on to the op's node.
    cdef list results = []
    cdef list slots = []
    cdef Py_ssize_t i
    cdef Variable result
    for i, out in enumerate(outs):
        out = as_array(out)
        result = wrap(out)
        if node is not None and is_floating(out):
            result.node = new_slot(node, i, out)
        slots.append((tuple(out.shape), out.dtype))
        results.append(result)
    if node is not None:
        node.slots = tuple(slots)
        node.ndim, node.shape_, node.type_num = -1, None, -1
    return tuple(results)


def attach(Op op, tuple args, tuple outputs, dict params, object saved, set constant):
    """Hang one node on outputs that were computed outside ``apply`` (a user's Function)."""
    cdef Node node, slot
    cdef Variable v
    cdef list slots = []
    cdef Py_ssize_t i
    node = new_node(op, tuple([edge(a) for a in args]))
    node.params = params
    node.extra_ = saved
    for i, v in enumerate(outputs):
        slots.append((tuple(v.array_.shape), v.array_.dtype))
        if id(v) not in constant and is_floating(v.array_):
            v.wants = False
            v.node = new_slot(node, i, v.array_)
            v.epoch += 1
    node.slots = tuple(slots)
    node.ndim = -1
    node.type_num = -1


cdef Node new_slot(Node parent, Py_ssize_t i, object array):
    cdef Node slot = new_node(parent.op, (parent,))
    slot.parent = parent
    slot.slot = i
    slot.describe(array)
    return slot


def output_of(Node parent, Py_ssize_t i, object array):
    """Output ``i`` of an op of several outputs, as a Tensor in the graph."""
    cdef Variable v = wrap(array)
    v.node = new_slot(parent, i, array)
    return v


def edge(value):
    """Where a value's gradient goes: its node, the leaf itself, or None."""
    cdef Variable v
    if not isinstance(value, Variable):
        return None
    v = <Variable>value
    if v.current() is not None:
        return v.node
    return v if v.wants else None


def leaf(array):
    """A Tensor on a raw array, without history."""
    return wrap(as_array(array))


def alias(Variable v, array):
    """A Tensor at the same place in the graph as ``v``, on another array."""
    cdef Variable other = wrap(array)
    other.node = v.current()
    other.wants = v.wants
    return other


def shared(Variable v):
    """A Tensor on the same memory, without history. Writes to one are seen by the other's checks."""
    cdef Variable other = wrap(array_of(v))
    other.version = v.version
    share_memory(other, v)
    return other


def old_variable(data, requires_grad=False):
    """``Variable(data)`` of scripts from before 2018: a Tensor on the same memory, without history."""
    if not isinstance(data, Variable):
        raise TypeError(f"Variable: expected a Tensor, got a {type(data).__name__}; tp.tensor(...) makes one, and no "
                        "Variable is needed around it")
    cdef Variable v = shared(data)
    v.requires_grad = requires_grad
    return v


cdef PyObject* construct_variable(PyObject* of, PyObject* const* args, size_t nargsf, PyObject* names) except NULL:
    cdef object result = PyObject_Vectorcall(old_variable, <PyObject**>args, PyVectorcall_NARGS(nargsf), names)
    Py_INCREF(result)
    return <PyObject*>result


tp_set_constructor(<PyTypeObject*>Variable, construct_variable)


def keep_variable(Variable v):
    """A Kept of a tensor's array and version, for ``Function`` contexts."""
    return keep(array_of(v), v.version)


def kept_array(Kept kept, str name):
    """The array of a Kept, or the error that it was overwritten."""
    return kept.checked(name)
