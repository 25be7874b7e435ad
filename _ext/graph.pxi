# What a graph is made of.


@cython.final
@cython.freelist(256)
cdef class Version:
    """How often the memory behind a family of aliases was written."""
    cdef public Py_ssize_t count


cdef enum Promotion:
    AS_THEY_ARE = 0     # the op takes its inputs' dtypes as they come
    COMMON = 1          # one dtype for all inputs
    FLOATING = 2        # one floating dtype for all inputs


cdef enum Keeping:
    KEEP_NONE = 0
    KEEP_INPUTS = 1
    KEEP_CROSS = 2      # input i only if another input needs a gradient
    KEEP_LISTED = 3     # `listed`: {i: inputs whose gradients need it}


cdef class Op:
    """A differentiable operation: a forward on raw arrays beside its gradient rule.

    Made by ``autograd.op``. Calling it applies it: Tensors in, Tensors out, the graph recorded.
    """
    cdef readonly str name
    cdef vectorcallfunc vectorcall
    cdef readonly object forward
    cdef readonly str kernel        # the kernel that the forward calls with the same arguments; None if more is done
    cdef readonly object rule
    cdef readonly bint extra        # forward returns (output, tuple of results for the rule)
    cdef readonly bint view         # the output may share the first input's memory
    cdef readonly bint many         # forward returns a tuple of outputs
    cdef readonly bint custom       # the rule is a user's Function.backward and works on Tensors
    cdef readonly bint keeps_output
    cdef Keeping keeping
    cdef dict listed
    cdef Promotion promotion
    cdef readonly str __doc__
    cdef dict __dict__

    def __cinit__(self):
        self.vectorcall = call_op

    def __init__(self, forward, *, rule=None, name=None, keeps=(), promotes=None, extra=False, view=False, many=False,
                 custom=False, kernel=None):
        self.forward = forward
        self.kernel = kernel
        self.rule = rule
        self.name = name or forward.__name__
        self.__doc__ = forward.__doc__
        self.extra = extra
        self.view = view
        self.many = many
        self.custom = custom
        self.promotion = {None: AS_THEY_ARE, "common": COMMON, "floating": FLOATING}[promotes]
        if isinstance(keeps, (str, dict)):
            keeps = (keeps,)
        for what in keeps:
            if isinstance(what, dict):
                self.keeping, self.listed = KEEP_LISTED, {i: tuple(needs) for i, needs in what.items()}
            elif what == "output":
                self.keeps_output = True
            elif what == "inputs":
                self.keeping = KEEP_INPUTS
            elif what == "cross":
                self.keeping = KEEP_CROSS
            else:
                raise ValueError(f'keeps: expected "inputs", "output", "cross" or a dict, got {what!r}')
        if extra:   # the results are computed again, from the inputs, when a higher derivative is asked for
            self.keeping = KEEP_INPUTS

    @property
    def __name__(self):
        return self.name

    @property
    def promotes(self):
        return (None, "common", "floating")[self.promotion]

    def gradient(self, rule):
        """Decorator: declares the op's gradient rule; hands the op back so that its name stays bound to it."""
        self.rule = rule
        return self

    def keeps_input(self, Py_ssize_t i):
        """Whether the rule may read input ``i``."""
        if self.keeping == KEEP_LISTED:
            return i in self.listed
        return self.keeping != KEEP_NONE

    def __call__(self, *args, **params):    # what introspection sees; calls go through `call_op`
        return self.called(args, params)

    cdef object called(self, tuple args, dict params):
        if unlikely(recorder is not None):
            return observed(self, args, params)
        return apply_tuple(self, args, params)

    def __get__(self, instance, owner):
        return self if instance is None else _Method(self, instance)

    def __repr__(self):
        return f"<op {self.name}>"


cdef PyObject* call_op(PyObject* op, PyObject* const* args, size_t nargsf, PyObject* names) except NULL:
    cdef Py_ssize_t i, n = PyVectorcall_NARGS(nargsf)
    cdef tuple named = None if names == NULL else <tuple>names
    cdef object result
    if unlikely(recorder is not None):
        params = {} if named is None else {named[i]: <object>args[n + i] for i in range(len(named))}
        result = observed(<Op>op, row_of(<PyObject**>args, n), params)
    else:
        result = apply(<Op>op, <PyObject**>args, n, named)
    Py_INCREF(result)
    return <PyObject*>result


cdef Py_ssize_t offset_of_vectorcall(Op op):
    return <char*>&op.vectorcall - <char*><PyObject*>op


tp_enable_vectorcall(<PyTypeObject*>Op, offset_of_vectorcall(Op.__new__(Op)))
tp_enable_method(<PyTypeObject*>Op)


@cython.final
@cython.freelist(64)
cdef class _Method:
    # An op looked up on a Tensor: x.exp
    cdef Op op
    cdef object instance

    def __init__(self, op, instance):
        self.op = op
        self.instance = instance

    def __call__(self, *args, **params):
        return self.op.called((self.instance, *args), params)

    @property
    def __name__(self):
        return self.op.name

    @property
    def __doc__(self):
        return self.op.__doc__


@cython.final
@cython.freelist(256)
cdef class Kept:
    """An array that a rule will read, and the version that its memory had when it was kept."""
    cdef readonly object array
    cdef Version version
    cdef Py_ssize_t count

    cdef object checked(self, str op_name):
        if self.version is not None and self.version.count != self.count:
            raise RuntimeError(
                f"{op_name}: a value of shape {tuple(self.array.shape)} that its gradient needs was overwritten in "
                f"place after it was used (version {self.version.count}, expected {self.count}). Clone it before the "
                "in-place operation, or compute out of place.")
        return self.array


cdef inline Kept keep(object array, Version version):
    cdef Kept kept = Kept.__new__(Kept)
    kept.array = array
    kept.version = version
    kept.count = 0 if version is None else version.count
    return kept


cdef enum:
    MAX_DIMS = 6

cdef tuple _NEEDS_1 = ((False,), (True,))
cdef tuple _NEEDS_2 = ((False, False), (True, False), (False, True), (True, True))
cdef tuple _NEEDS_3 = tuple([((i & 1) > 0, (i & 2) > 0, (i & 4) > 0) for i in range(8)])
cdef uint64_t _sequence = 0


@cython.final
@cython.freelist(128)
@cython.trashcan(True)
cdef class Node:
    """One application of an op: its inputs' nodes, what the rule will read, and how many came before it.

    ``sequence`` numbers are a topological order for free: what a node consumes was made before it. This is also what
    a rule receives as ``saved``.
    """
    cdef readonly Op op
    cdef tuple edges            # per input: its Node, the leaf Variable, or None where no gradient goes
    cdef tuple kept             # per input: Kept or None; None when nothing is kept
    cdef Kept kept_output
    cdef object extra_
    cdef readonly object params
    cdef bint freed
    cdef readonly uint64_t sequence
    cdef Node parent            # of one of several outputs: the node of the op
    cdef readonly Py_ssize_t slot       # and which output it is
    cdef readonly tuple slots   # of the op: (shape, dtype) of each output
    cdef list hooks
    cdef object retains         # weak reference to the Tensor whose .grad is to be kept
    # The output's shape and dtype: in C for a NumPy array of few dimensions, else as objects.
    cdef int ndim
    cdef cnp.npy_intp dims[MAX_DIMS]
    cdef int type_num
    cdef object shape_
    cdef object dtype_

    cdef void describe(self, object array) except *:
        cdef int i
        if cnp.PyArray_CheckExact(array) and cnp.PyArray_NDIM(array) <= MAX_DIMS:
            self.ndim = cnp.PyArray_NDIM(array)
            for i in range(self.ndim):
                self.dims[i] = cnp.PyArray_DIM(array, i)
            self.type_num = cnp.PyArray_TYPE(array)
        else:
            self.ndim = -1
            self.shape_ = tuple(array.shape)
            self.dtype_ = array.dtype
            self.type_num = cnp.PyArray_TYPE(array) if cnp.PyArray_Check(array) else -1

    cdef void release(self):
        if self.kept is not None or self.kept_output is not None or self.extra_ is not None:
            self.freed = True
            self.kept = None
            self.kept_output = None
            self.extra_ = None

    cdef int check_alive(self) except -1:
        if self.freed:
            raise RuntimeError(
                f"backward through {self.op.name} a second time: the values that its gradient needs were released "
                "after the first pass. Pass retain_graph=True to the first backward() or grad() to keep them.")
        return 0

    @property
    def shape(self):
        """The output's shape."""
        if self.ndim < 0:
            return self.shape_
        return tuple([self.dims[i] for i in range(self.ndim)])

    @property
    def dtype(self):
        """The output's dtype."""
        return self.dtype_ if self.type_num < 0 else cnp.PyArray_DescrFromType(self.type_num)

    @property
    def shapes(self):
        """The shapes of the inputs that need a gradient, None for the others."""
        return tuple([None if e is None else (e.shape if isinstance(e, Node) else tuple((<Variable>e).array.shape))
                      for e in self.edges])

    @property
    def dtypes(self):
        """The dtypes of the inputs that need a gradient, None for the others."""
        return tuple([None if e is None else (e.dtype if isinstance(e, Node) else (<Variable>e).array.dtype)
                      for e in self.edges])

    @property
    def needs(self):
        """For each input, whether its gradient is wanted."""
        cdef Py_ssize_t n = len(self.edges)
        if n == 1:
            return _NEEDS_1[self.edges[0] is not None]
        if n == 2:
            return _NEEDS_2[(self.edges[0] is not None) + 2 * (self.edges[1] is not None)]
        if n == 3:
            return _NEEDS_3[(self.edges[0] is not None) + 2 * (self.edges[1] is not None)
                            + 4 * (self.edges[2] is not None)]
        return tuple([e is not None for e in self.edges])

    @property
    def inputs(self):
        """The input arrays that were kept, None for the others."""
        cdef Py_ssize_t i, n = len(self.edges)
        cdef tuple found
        cdef object array
        self.check_alive()
        if self.kept is None:
            return (None,) * n
        found = PyTuple_New(n)
        for i in range(n):
            array = self.kept[i]
            if array is not None:
                array = (<Kept>array).checked(self.op.name)
            Py_INCREF(array)
            PyTuple_SET_ITEM(found, i, array)
        return found

    @property
    def output(self):
        """The output array, if it was kept."""
        self.check_alive()
        return None if self.kept_output is None else self.kept_output.checked(self.op.name)

    @property
    def extra(self):
        """The forward's results for the rule."""
        self.check_alive()
        return self.extra_

    @property
    def next_functions(self):
        """The nodes (or leaf Tensors) that the gradients go to."""
        return self.edges

    def name(self):
        return self.op.name

    def __repr__(self):
        return f"<gradient of {self.op.name}>"


@cython.final
cdef class View:
    """How a Tensor's memory was cut out of another's: the ops from base to view, and the base's history then."""
    cdef readonly Variable base
    cdef readonly tuple chain           # ((op, params), ...)
    cdef Py_ssize_t epoch


cdef class Variable:
    """An array and its place in the graph. ``Tensor`` is the readable class over it."""
    cdef object array_
    cdef object grad_
    cdef Node node                      # what made it; None for a leaf
    cdef bint wants                     # of a leaf: requires_grad
    cdef Version version
    cdef View view_
    cdef Cut cut                        # only where arrays cannot be written: see rebinding.pxi
    cdef Py_ssize_t epoch               # how often an in-place operation gave the memory a new history
    cdef uint64_t reshaped              # the number of the last node made before the array was given another shape
    cdef dict hooks                     # of a leaf

    def __cinit__(self, *args, **kwargs):
        pass

    cdef inline Node current(self):
        # The node that made the present content. A view of memory that was written meanwhile first gets its new one.
        if self.view_ is not None and self.view_.epoch != self.view_.base.epoch:
            refresh_view(self)
        return self.node

    @property
    def array(self):
        """The raw array of the current backend. Assigning gives the tensor another memory."""
        return array_of(self)

    @array.setter
    def array(self, value):
        if value is not self.array_ and self.array_ is not None and tuple(value.shape) != tuple(self.array_.shape):
            self.reshaped = _sequence
        self.array_ = value
        self.cut = None

    @property
    def requires_grad(self):
        """Whether gradients flow to this tensor."""
        return self.wants or self.current() is not None

    @requires_grad.setter
    def requires_grad(self, bint value):
        if self.current() is not None:
            if not value:
                raise RuntimeError("requires_grad: only a leaf's can be switched off; .detach() gives a tensor that is "
                                   "cut from the graph")
            return
        if value and not is_floating(self.array_):
            raise RuntimeError(f"requires_grad: only floating-point tensors can require a gradient, this one is "
                               f"{self.array_.dtype}; convert it with .float() first")
        self.wants = value
        if value:
            self.view_ = None   # a leaf owns its history

    @property
    def is_leaf(self):
        """Whether no recorded operation made this tensor."""
        return self.current() is None

    @property
    def grad_fn(self):
        """The node of the operation that made this tensor; None for a leaf."""
        return self.current()

    @property
    def grad(self):
        """The gradient accumulated by backward(), or None."""
        return self.grad_

    @grad.setter
    def grad(self, value):
        if value is not None:
            if not isinstance(value, Variable):
                raise TypeError(f"grad: expected a Tensor or None, got {type(value).__name__}")
            if value is self:
                raise ValueError("grad: a tensor cannot be its own gradient")
            if tuple((<Variable>value).array_.shape) != tuple(self.array_.shape):
                raise RuntimeError(
                    f"grad: got a gradient of shape {tuple((<Variable>value).array_.shape)} for a tensor of shape "
                    f"{tuple(self.array_.shape)}; they must be the same")
            if (<Variable>value).array_.dtype != self.array_.dtype:
                raise RuntimeError(
                    f"grad: got a gradient of dtype {(<Variable>value).array_.dtype} for a tensor of dtype "
                    f"{self.array_.dtype}; convert it with .to(dtype)")
        self.grad_ = value

    @grad.deleter
    def grad(self):
        self.grad_ = None

    @property
    def _version(self):
        """How often the memory was written in place."""
        return self.version.count

    @property
    def _view(self):
        return self.view_

    def bump_version(self):
        """Note that the memory was written: gradients that still need its old content will refuse."""
        self.version.count += 1

    def _set_leaf(self, array):
        # Used by constructors: a fresh leaf on a raw array.
        self.array_ = as_array(array)
        self.version = Version.__new__(Version)

    def _set_shared(self, Variable other):
        # Used by constructors: a leaf on another tensor's memory.
        self.array_ = array_of(other)
        self.version = other.version
        share_memory(self, other)

    def _set_data(self, Variable other):
        # Take over another tensor's memory, keeping the history. What was kept of the old content is out of date.
        self.version.count += 1
        self.array = array_of(other)
        self._set_shared(other)

    def _rebase(self, Variable other):
        # An in-place operation: from now on the content was made by what made `other`.
        self.node = None if other is None else other.node
        self.wants = False
        self.epoch += 1

    def _refreshed(self, Variable other):
        # A view of a rewritten base: its content was made by what made `other`.
        self.node = None if other is None else other.node
        self.view_.epoch = self.view_.base.epoch

    def _retain(self):
        # Keep .grad of a tensor that is not a leaf.
        self.current().retains = weakref.ref(self)

    @property
    def retains_grad(self):
        """Whether retain_grad() was called on this tensor (False for leaves, whose .grad is always kept)."""
        cdef Node node = self.current()
        return node is not None and node.retains is not None and node.retains() is self

    def _add_hook(self, hook):
        # A callable gradient -> gradient or None, run when the gradient is complete. Returns what removes it.
        cdef Node node = self.current()
        if node is not None:
            if node.hooks is None:
                node.hooks = []
            hooks = node.hooks
            hooks.append(hook)
            return lambda: hooks.remove(hook) if hook in hooks else None
        if self.hooks is None:
            self.hooks = {}
        leaf_hooks = self.hooks
        key = object()
        leaf_hooks[key] = hook
        return lambda: leaf_hooks.pop(key, None)
