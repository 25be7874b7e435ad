# The ways into a backward pass.


def run(list roots, list grads, list inputs, bint retain, bint create, bint accumulate):
    """Propagate ``grads`` from ``roots``.

    With ``accumulate`` the leaves' ``.grad`` are added to (``inputs``: only theirs) and None is returned; else the
    gradients of ``inputs`` are returned as a list, with None where there is no path. ``grads`` are raw arrays, or
    Tensors with ``create``.
    """
    global tensor_table
    if create and tensor_table is None:
        tensor_table = load_tensor_table()
    cdef Pass p = Pass.__new__(Pass)
    cdef Variable v
    cdef Sum* sum
    cdef list answer
    cdef object g
    if inputs is not None:
        p.select(roots, inputs)
    p.open(retain, create, "backward" if accumulate else "grad")
    try:
        for v, g in zip(roots, grads):
            p.deliver(v if v.current() is None else v.node, g, ROOT, False)
        g = None
        p.run()
        if accumulate:
            p.finish(inputs)
            return None
        answer = []
        for v in inputs:
            if v.node is not None:
                g = p.captured.get(v.node)
            else:
                sum = p.sums.find(v)
                g = None if sum == NULL else <object>sum.value
                if g is not None and v.hooks:
                    g = p.run_hooks(list(v.hooks.values()), g)
            if g is None or create:
                answer.append(g)
            else:
                answer.append(wrap(table_of(g).copy(g)))
        p.keep_retained()
        return answer
    finally:
        p.close()


def run_scalar(root, bint retain):
    """The usual backward: one recorded scalar, seed 1, into all leaves. False if ``root`` is anything else."""
    cdef object seed
    if not isinstance(root, Variable) or (<Variable>root).current() is None:
        return False
    if type((<Variable>root).array_) is not array_type:     # another library's, or nothing for one_like
        return False
    seed = one_like((<Variable>root).array_)
    if seed is None:
        return False
    cdef Pass p = Pass.__new__(Pass)
    p.open(retain, False, "backward")
    try:
        p.deliver((<Variable>root).node, seed, ROOT, False)
        seed = None
        p.run()
        p.finish(None)
    finally:
        p.close()
    return True


cdef object one_like(object array):
    # 1 in the dtype and shape of a NumPy array of one element; None for anything else.
    cdef object seed
    if not cnp.PyArray_CheckExact(array) or cnp.PyArray_SIZE(array) != 1:
        return None
    seed = cnp.PyArray_EMPTY(cnp.PyArray_NDIM(array), cnp.PyArray_DIMS(array), cnp.PyArray_TYPE(array), 0)
    if cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT:
        (<float*>cnp.PyArray_DATA(seed))[0] = 1.0
    elif cnp.PyArray_TYPE(array) == cnp.NPY_DOUBLE:
        (<double*>cnp.PyArray_DATA(seed))[0] = 1.0
    else:
        return None
    return seed


cdef Op ROOT = Op(lambda *args: None, name="backward")
