# Reverse: nodes are visited newest first, so that each gradient is complete when its node's turn comes. Nothing
# recurses.


cdef inline bint is_exclusive(object array, Py_ssize_t references):
    # Whether nobody but the `references` that the caller knows of can see this memory.
    return (cnp.PyArray_CheckExact(array) and Py_REFCNT(array) <= references and cnp.PyArray_BASE(array) == NULL
            and cnp.PyArray_CHKFLAGS(array, cnp.NPY_ARRAY_OWNDATA | cnp.NPY_ARRAY_WRITEABLE))


cdef inline bint add_in_place(object total, object term):
    # total += term for plain arrays of one dtype and shape; False if they are not.
    cdef Py_ssize_t n
    cdef int d, t
    if not (cnp.PyArray_CheckExact(total) and cnp.PyArray_CheckExact(term)):
        return False
    t = cnp.PyArray_TYPE(total)
    if t != cnp.PyArray_TYPE(term) or cnp.PyArray_NDIM(total) != cnp.PyArray_NDIM(term) or not (
            cnp.PyArray_CHKFLAGS(total, cnp.NPY_ARRAY_CARRAY) and cnp.PyArray_CHKFLAGS(term, cnp.NPY_ARRAY_CARRAY_RO)):
        return False
    for d in range(cnp.PyArray_NDIM(total)):
        if cnp.PyArray_DIM(total, d) != cnp.PyArray_DIM(term, d):
            return False
    n = cnp.PyArray_SIZE(total)
    if t == cnp.NPY_FLOAT:
        tp_accumulate_f32(<float*>cnp.PyArray_DATA(total), <float*>cnp.PyArray_DATA(term), n)
    elif t == cnp.NPY_DOUBLE:
        tp_accumulate_f64(<double*>cnp.PyArray_DATA(total), <double*>cnp.PyArray_DATA(term), n)
    else:
        return False
    return True


cdef bint same_shape(object array, Node node, Variable leaf):
    cdef int d
    cdef object other
    if leaf is not None:
        other = leaf.array_
        if cnp.PyArray_CheckExact(array) and cnp.PyArray_CheckExact(other):
            if cnp.PyArray_NDIM(array) != cnp.PyArray_NDIM(other):
                return False
            for d in range(cnp.PyArray_NDIM(array)):
                if cnp.PyArray_DIM(array, d) != cnp.PyArray_DIM(other, d):
                    return False
            return True
        return tuple(array.shape) == tuple(other.shape)
    if cnp.PyArray_CheckExact(array) and node.ndim >= 0:
        if cnp.PyArray_NDIM(array) != node.ndim:
            return False
        for d in range(node.ndim):
            if cnp.PyArray_DIM(array, d) != node.dims[d]:
                return False
        return True
    return tuple(array.shape) == node.shape


@cython.final
@cython.freelist(4)
cdef class Pass:
    """One traversal: the gradients on their way, and what the caller wants of them."""
    cdef Sums pending           # of nodes
    cdef Sums sums              # of leaves
    cdef list leaves            # in the order in which they were met
    cdef Frontier frontier
    cdef set needed             # the nodes on a path to the wanted inputs; None: all
    cdef set wanted_leaves      # None: all
    cdef dict captured          # Node -> gradient of a wanted tensor that is not a leaf
    cdef list retained          # (weak reference to a tensor that is not a leaf, the gradient for its .grad), or None
    cdef Recorder log           # where a profiler wants each rule's time; None: nobody asks
    cdef object token           # of NumPy's error state before the pass; None: it was not touched
    cdef bint create
    cdef bint retain
    cdef int modes              # the caller's
    cdef Py_ssize_t event       # the profiler's

    def __cinit__(self):
        self.log = recorder
        self.pending = Sums.__new__(Sums)
        self.sums = Sums.__new__(Sums)
        self.leaves = []
        self.frontier = Frontier.__new__(Frontier)

    cdef int open(self, bint retain, bint create, object name) except -1:
        # What is so during a pass: rules compute in the forward's dtypes, and record only for a higher derivative.
        self.retain, self.create = retain, create
        self.modes = tp_modes_get()
        if self.log is not None:
            self.event = self.log.open(name, RANGE, None)
        tp_modes_set(0 if create else TP_NO_GRAD)
        return 0

    cdef int close(self) except -1:
        tp_modes_set(self.modes)
        if self.token is not None:
            PyContextVar_Reset_(_errors, self.token)
        if self.log is not None:
            self.log.close(self.event, 0)
        return 0

    cdef void select(self, list roots, list inputs) except *:
        # Which nodes lie on a path from the roots to the inputs. Sequence order makes one sweep enough.
        cdef Node node
        cdef Variable v
        cdef list stack = [], seen_list
        cdef set seen = set()
        self.wanted_leaves = set()
        self.needed = set()
        self.captured = {}
        for v in inputs:
            if v.current() is None:
                self.wanted_leaves.add(v)
            else:
                self.captured[v.node] = None
        for v in roots:
            if v.current() is not None:
                stack.append(v.node)
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            for e in node.edges:
                if isinstance(e, Node):
                    stack.append(e)
        seen_list = sorted(seen, key=lambda n: n.sequence)
        for node in seen_list:
            for e in node.edges:
                if e is not None and (e in self.wanted_leaves or e in self.needed or e in self.captured):
                    self.needed.add(node)
                    break

    cdef int deliver(self, object edge, object g, Op source, bint unshared) except -1:
        # Hand one contribution to a node or a leaf, in its shape and dtype.
        cdef Node node = None
        cdef Variable leaf = None
        cdef Sums home
        cdef Sum* sum
        cdef object raw, total
        if isinstance(edge, Node):
            node = <Node>edge
            if self.needed is not None and node not in self.needed and node not in self.captured:
                return 0
            home = self.pending
        else:
            leaf = <Variable>edge
            if self.wanted_leaves is not None and leaf not in self.wanted_leaves:
                return 0
            home = self.sums
        if not self.create:
            g = as_array(g)
        raw = (<Variable>g).array_ if self.create else g
        if not same_shape(raw, node, leaf):
            shape = node.shape if leaf is None else tuple(leaf.array_.shape)
            if source.custom and not broadcasts_to(shape, tuple(raw.shape)):
                raise RuntimeError(
                    f"{source.name}.backward returned a gradient of shape {tuple(raw.shape)} for an input of shape "
                    f"{shape}; they must be the same, or broadcast to it")
            g = (tensor_table if self.create else table_of(g)).sum_to(g, shape)
            unshared = False
        if not same_dtype(raw, node, leaf):
            dtype = node.dtype if leaf is None else leaf.array_.dtype
            if strict and not source.custom:
                raise AssertionError(f"{source.name}: the gradient has dtype {raw.dtype}, its input {dtype}")
            g = (tensor_table if self.create else table_of(g)).astype(g, dtype)
            unshared = False
        sum = home.find(edge)
        if sum == NULL:
            home.add(edge, g, unshared and not self.create)
            if node is not None:
                self.frontier.push(node)
            else:
                self.leaves.append(leaf)
            return 0
        total = <object>sum.value
        if not self.create and unshared and not sum.ours and add_in_place(g, total):
            Py_INCREF(g)    # the new contribution is ours, and holds the sum
            Py_DECREF(total)
            sum.value, sum.ours = <PyObject*>g, True
        elif self.create or not (sum.ours and add_in_place(total, g)):
            self.hush()
            total = total + g
            if not self.create:
                total = as_array(total)
            Py_INCREF(total)
            Py_DECREF(<object>sum.value)
            sum.value, sum.ours = <PyObject*>total, not self.create and cnp.PyArray_CheckExact(total)
        return 0

    cdef inline int hush(self) except -1:
        # IEEE results without warnings from here on. Setting the state costs 0.1 us: only where NumPy itself computes.
        if self.token is None:
            self.token = PyContextVar_Set_(_errors, quiet)
        return 0

    cdef int run(self) except -1:
        cdef Node node, parent
        cdef Sum* sum
        cdef object held, g, result, edge, gi
        cdef tuple results
        cdef Py_ssize_t i, n, event = -1
        cdef int64_t n_bytes = 0
        cdef Op op
        while self.frontier.size:
            node = self.frontier.pop()
            g = self.pending.take(node)
            if node.slots is None:
                if node.hooks is not None:
                    g = self.run_hooks(node.hooks[:], g)
                if node.retains is not None:
                    if self.retained is None:
                        self.retained = []
                    self.retained.append((node.retains, g))
                if self.needed is not None:
                    if node in self.captured:
                        self.captured[node] = g
                    if node not in self.needed:
                        continue
                if node.parent is not None:
                    parent = node.parent
                    sum = self.pending.find(parent)
                    if sum == NULL:
                        held = [None] * len(parent.slots)
                        self.pending.add(parent, held, False)
                        self.frontier.push(parent)
                    else:
                        held = <object>sum.value
                    (<list>held)[node.slot] = g
                    held = None
                    continue
            else:
                g = tuple(<list>g)
            op = node.op
            for edge in node.edges:
                if isinstance(edge, Variable) and (<Variable>edge).reshaped >= node.sequence:
                    raise RuntimeError(
                        f"{op.name}: an input was given data of another shape, {tuple((<Variable>edge).array_.shape)}, "
                        "after this operation used it; compute the result again before backward")
            if unlikely(self.log is not None):
                event = self.log.open(op, BACKWARD, None, node.sequence)
            result = self.call_rule(op, node, g)
            results = <tuple>result if isinstance(result, tuple) else (result,)
            result = None
            if unlikely(self.log is not None):
                n_bytes = self.log.bytes_of(results, g)
            g = None
            n = len(node.edges)
            if len(results) != n and op.rule_kernel is None:
                raise RuntimeError(f"{op.name}: the gradient rule returned {len(results)} gradients for {n} inputs; "
                                   "expected one for each, None where there is none")
            if not self.retain:
                node.release()
            for i in range(min(n, len(results))):
                edge = node.edges[i]
                gi = results[i]
                if edge is None or gi is None:
                    continue
                # two references: the tuple's and ours
                self.deliver(edge, gi, op, is_exclusive(gi, 2))
                gi = None
            if unlikely(self.log is not None):
                self.log.close(event, n_bytes)
        return 0

    cdef object call_rule(self, Op op, Node node, object g):
        cdef Replay replay
        if op.custom:
            self.hush()
            return op.rule(node, g, self.create, **node.params)
        if self.create:
            self.hush()
            node.check_alive()
            replay = Replay.__new__(Replay)
            replay.node = node
            if table_at is not None:
                return run_at(array_in(g), op.rule, (tensor_table, g, replay), node.params)
            return call(op.rule, (tensor_table, g, replay), node.params)
        k = table if table_at is None else table_of(array_in(g))
        if op.rule_kernel is not None:
            kernel = kernel_of(k, op.rule_kernel)
            if type(kernel) is gate_type:
                return self.call_kernel(op, node, kernel, g)
        self.hush()
        return call(op.rule, (k, g, node), node.params)

    cdef object call_kernel(self, Op op, Node node, object kernel, object g):
        # The rule is this kernel: no Python in between. What it reads is held here: in another thread, a second pass
        # over the same graph might release the node.
        cdef PyObject* row[FEW]
        cdef Py_ssize_t i, j = 0
        cdef int code
        cdef tuple needs, extra = <tuple>node.extra_
        cdef KeptInputs kept = node.kept
        cdef Kept output = node.kept_output
        cdef object value
        node.check_alive()
        for i in range(op.n_reads):
            code = op.codes[i]
            if code >= 0:
                value = None if kept is None else kept.checked(code, op.name)
            elif code == READ_GRADIENT:
                value = g
            elif code == READ_OUTPUT:
                value = output.checked(op.name)
            elif code == READ_NEEDS:
                value = needs = node.wanted()
            elif code == READ_PARAM:
                value = node.params[op.reads[i]]
            else:
                for value in extra[:FEW - MAX_READS]:
                    row[j] = <PyObject*>value
                    j += 1
                continue
            row[j] = <PyObject*>value
            j += 1
        return PyObject_Vectorcall(kernel, row, j, NULL)

    cdef object run_hooks(self, hooks, object g):
        cdef Variable v
        self.hush()
        for hook in hooks:
            v = <Variable>g if self.create else wrap(g)
            changed = hook(v)
            if changed is not None:
                if not isinstance(changed, Variable):
                    raise TypeError(f"a gradient hook returned a {type(changed).__name__}; expected a Tensor or None")
                if tuple((<Variable>changed).array_.shape) != tuple(v.array_.shape):
                    raise RuntimeError(f"a gradient hook returned shape {tuple((<Variable>changed).array_.shape)} "
                                       f"for a gradient of shape {tuple(v.array_.shape)}")
                if (<Variable>changed).array_.dtype != v.array_.dtype:
                    raise RuntimeError(f"a gradient hook returned dtype {(<Variable>changed).array_.dtype} "
                                       f"for a gradient of dtype {v.array_.dtype}; convert it with .to(dtype)")
                g = changed if self.create else (<Variable>changed).array_
        return g

    cdef void accumulate(self, Variable leaf, object g, bint unshared) except *:
        # leaf.grad += g. A first gradient is taken over if nobody else sees it, else copied.
        cdef Variable old = <Variable>leaf.grad_ if leaf.grad_ is not None else None
        if self.create:     # .grad shares memory with no other gradient: those of two leaves may be one Tensor
            leaf.grad_ = tensor_table.copy(g) if old is None else old + g
        elif old is None:
            leaf.grad_ = wrap(g if unshared else table_of(g).copy(g))
        else:
            if old.node is not None or old.cut is not None or not add_in_place(old.array_, g):
                self.hush()
                table_add(old, g)
            old.version.count += 1

    cdef void finish(self, list inputs) except *:
        # The traversal is over and every rule succeeded. Whatever may still refuse comes first: only then is anything
        # that a user sees changed.
        cdef Variable leaf, v
        cdef object g
        for leaf in self.leaves:
            if leaf.hooks:
                g = self.run_hooks(list(leaf.hooks.values()), self.sums.take(leaf))
                self.sums.add(leaf, g, False)
                g = None
            check_fits(leaf)
        for leaf in self.leaves:
            g = self.sums.take(leaf)
            self.accumulate(leaf, g, is_exclusive(g, 1))
            g = None
        self.keep_retained()
        if inputs is not None:
            for v in {id(v): v for v in inputs}.values():
                if v.node is not None and self.captured.get(v.node) is not None and not v.retains_grad:
                    self.accumulate(v, self.captured[v.node], False)

    cdef void keep_retained(self) except *:
        cdef Variable owner
        if self.retained is None:
            return
        for reference, g in self.retained:
            owner = reference()
            if owner is not None:
                self.accumulate(owner, g, False)


cdef object array_in(object g):
    # The array of a gradient: itself, that of a Tensor, or of several outputs' that of the first that has one.
    if isinstance(g, tuple):
        g = next(gi for gi in <tuple>g if gi is not None)
    return array_of(<Variable>g) if isinstance(g, Variable) else g


cdef int check_fits(Variable leaf) except -1:
    # Whether a gradient can be added to .grad: a tensor may have been given other data since it got one.
    cdef object old
    if leaf.grad_ is None:
        return 0
    old = (<Variable>leaf.grad_).array_
    if not (same_shape(old, None, leaf) and same_dtype(old, None, leaf)):
        raise RuntimeError(
            f"backward: a tensor of shape {tuple(leaf.array_.shape)} and dtype {leaf.array_.dtype} has a .grad of "
            f"shape {tuple(old.shape)} and dtype {old.dtype} from before its data changed; reset it first "
            "(.grad = None)")
    return 0


cdef bint same_dtype(object array, Node node, Variable leaf):
    if leaf is not None:
        if cnp.PyArray_Check(array) and cnp.PyArray_Check(leaf.array_):
            return cnp.PyArray_TYPE(array) == cnp.PyArray_TYPE(leaf.array_)
        return array.dtype == leaf.array_.dtype
    if cnp.PyArray_Check(array):
        return cnp.PyArray_TYPE(array) == node.type_num
    return array.dtype == node.dtype_


cdef bint broadcasts_to(tuple small, tuple big):
    cdef Py_ssize_t i, offset = len(big) - len(small)
    if offset < 0:
        return False
    for i in range(len(small)):
        if small[i] != 1 and small[i] != big[offset + i]:
            return False
    return True


cdef int table_add(Variable old, object g) except -1:
    # In place where the library can, so that every alias of the gradient sees the sum.
    cdef object array = old.array_
    if old.node is not None:
        old.node = None
        old.array_ = array + g
        return 0
    if old.cut is not None:
        write(old, array_of(old) + g)
        return 0
    array += g
    old.array_ = as_array(array)
    return 0
