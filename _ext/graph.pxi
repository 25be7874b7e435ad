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


cdef enum Read:         # what a gradient kernel is called with: an input by its number, or
    READ_GRADIENT = -1
    READ_OUTPUT = -2
    READ_NEEDS = -3
    READ_EXTRA = -4     # all of the forward's further results
    READ_PARAM = -5     # a keyword parameter


cdef enum Keeping:
    KEEP_NONE = 0
    KEEP_INPUTS = 1
    KEEP_CROSS = 2      # input i only if another input needs a gradient
    KEEP_LISTED = 3     # `listed`: for input i, the inputs whose gradients need it, a bit for each


cdef enum:
    MAX_READS = 8
    MAX_LISTED = 66     # an indexed write has an array for each of NumPy's 64 dimensions


cdef tuple keywords_of(object function):
    code = function.__code__
    return code.co_varnames[code.co_argcount:code.co_argcount + code.co_kwonlyargcount]


cdef class Op:
    """A differentiable operation: a forward on raw arrays beside its gradient rule.

    Made by ``autograd.op``. Calling it applies it: Tensors in, Tensors out, the graph recorded.
    """
    cdef readonly str name
    cdef vectorcallfunc vectorcall
    cdef readonly object forward
    cdef readonly str kernel        # the kernel that the forward calls with the same arguments; None if more is done
    cdef readonly tuple keywords    # of a forward that is a kernel: its keyword parameters, in the kernel's order
    cdef readonly object rule
    cdef readonly str rule_kernel   # the kernel that the rule is a call of; None if more is done
    cdef tuple reads                # and with what: see `gradient`
    cdef int n_reads
    cdef int codes[MAX_READS]       # `reads` as numbers
    cdef readonly bint extra        # forward returns (output, tuple of results for the rule)
    cdef readonly bint view         # the output may share the first input's memory
    cdef readonly bint many         # forward returns a tuple of outputs
    cdef readonly bint custom       # the rule is a user's Function.backward and works on Tensors
    cdef readonly bint keeps_output
    cdef readonly str autocast      # "low", "float32", or None: in the dtypes of the inputs
    cdef public tuple arguments     # what callers may name the positional arguments
    cdef Keeping keeping
    cdef unsigned int listed[MAX_LISTED]
    cdef Promotion promotion
    cdef readonly str __doc__
    cdef dict __dict__

    def __cinit__(self):
        self.vectorcall = call_op
        self.arguments = ()

    def __init__(self, forward, *, rule=None, name=None, keeps=(), promotes=None, autocast=None, extra=False,
                 view=False, many=False, custom=False, kernel=None):
        self.forward = forward
        self.kernel = kernel
        self.keywords = None if kernel is None else keywords_of(forward)
        self.rule = rule
        self.name = name or forward.__name__
        self.__doc__ = forward.__doc__
        self.extra = extra
        self.view = view
        self.many = many
        self.custom = custom
        self.autocast = autocast
        self.promotion = {None: AS_THEY_ARE, "common": COMMON, "floating": FLOATING}[promotes]
        if isinstance(keeps, (str, dict)):
            keeps = (keeps,)
        for what in keeps:
            if isinstance(what, dict):
                self.keeping = KEEP_LISTED
                for i, needs in what.items():
                    if i >= MAX_LISTED or max(needs) >= 32:
                        raise ValueError(f"keeps: too many inputs, got {what!r}")
                    self.listed[i] = sum([1 << j for j in needs])
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

    def gradient(self, rule=None, *, kernel=None, reads=()):
        """Decorator: declares the op's gradient rule; hands the op back so that its name stays bound to it.

        Where all that the rule does is to call one kernel, ``kernel`` names it and ``reads`` what it is called with:
        "g", "output", "needs", "extra" (all of them), an input's number or a parameter's name. It returns the gradients
        of the first inputs; the others have none. The engine then calls a compiled one at once.
        """
        if kernel is not None:
            self.set_rule_kernel(kernel, reads)
        if rule is None:
            return self.gradient
        self.rule = rule
        return self

    cdef int set_rule_kernel(self, str kernel, tuple reads) except -1:
        cdef int i
        if len(reads) > MAX_READS:
            raise ValueError(f"gradient: a kernel may read {MAX_READS} things, got {len(reads)}")
        for i, what in enumerate(reads):
            if isinstance(what, int):
                self.codes[i] = what
            else:
                self.codes[i] = {"g": READ_GRADIENT, "output": READ_OUTPUT, "needs": READ_NEEDS,
                                 "extra": READ_EXTRA}.get(what, READ_PARAM)
        self.rule_kernel, self.reads, self.n_reads = kernel, reads, len(reads)
        return 0

    def __call__(self, *args, **params):    # what introspection sees; calls go through `call_op`
        return self.called(args, params)

    cdef object called(self, tuple args, dict params):
        if params and len(args) < len(self.arguments):
            args = self.placed(args, params)
        if unlikely(recorder is not None):
            return observed(self, args, params)
        return apply_tuple(self, args, params)

    cdef tuple placed(self, tuple args, dict params):
        # The arguments with those that came by name, which leave `params`, behind those that came by position.
        cdef str name
        for name in self.arguments[len(args):]:
            if name not in params:
                break
            args += (params.pop(name),)
        return args

    def __get__(self, instance, owner):
        return self if instance is None else _Method(self, instance)

    def __repr__(self):
        return f"<op {self.name}>"


cdef PyObject* call_op(PyObject* op, PyObject* const* args, size_t nargsf, PyObject* names) except NULL:
    cdef Py_ssize_t i, n = PyVectorcall_NARGS(nargsf)
    cdef tuple named = None if names == NULL else <tuple>names
    cdef object result
    if unlikely(recorder is not None) or named is not None and n < len((<Op>op).arguments):
        params = {} if named is None else {named[i]: <object>args[n + i] for i in range(len(named))}
        result = (<Op>op).called(row_of(<PyObject**>args, n), params)
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
            raise_overwritten(op_name, self.array, self.version, self.count)
        return self.array


cdef int raise_overwritten(str op_name, object array, Version version, Py_ssize_t count) except -1:
    raise RuntimeError(
        f"{op_name}: a value of shape {tuple(array.shape)} that its gradient needs was overwritten in place after it "
        f"was used (version {version.count}, expected {count}). Clone it before the in-place operation, or compute "
        "out of place.")


cdef struct KeptInput:
    PyObject* array         # owned; NULL: nothing was kept
    PyObject* version       # a Version, owned; NULL: the array is nobody's to write
    Py_ssize_t count


cdef enum:
    FEW_INPUTS = 3


@cython.final
@cython.freelist(256)
cdef class KeptInputs:
    """What a Kept says, of all inputs of an op: one object where they would be as many, and a tuple."""
    cdef KeptInput few[FEW_INPUTS]
    cdef KeptInput* items
    cdef Py_ssize_t n

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.n):
            Py_XDECREF(self.items[i].array)
            Py_XDECREF(self.items[i].version)
        if self.items != self.few:
            free(self.items)

    cdef int reserve(self, Py_ssize_t n) except -1:
        self.items = self.few
        if n > FEW_INPUTS:
            self.items = <KeptInput*>calloc(n, sizeof(KeptInput))
            if self.items == NULL:
                raise MemoryError()
        self.n = n
        return 0

    cdef inline void put(self, Py_ssize_t i, object array, Version version):
        # Once for each: the place is empty.
        Py_INCREF(array)
        self.items[i].array = <PyObject*>array
        if version is not None:
            Py_INCREF(version)
            self.items[i].version, self.items[i].count = <PyObject*>version, version.count

    cdef inline object checked(self, Py_ssize_t i, str op_name):
        # The array, or None; an error if it was overwritten.
        cdef KeptInput* item = &self.items[i]
        if item.array == NULL:
            return None
        if item.version != NULL and (<Version>item.version).count != item.count:
            raise_overwritten(op_name, <object>item.array, <Version>item.version, item.count)
        return <object>item.array


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
    cdef KeptInputs kept        # None when nothing is kept
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
        return self.wanted()

    cdef tuple wanted(self):
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
        cdef KeptInputs kept = self.kept
        self.check_alive()
        if kept is None:
            return (None,) * n
        found = PyTuple_New(n)
        for i in range(n):
            array = kept.checked(i, self.op.name)
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
    cdef tuple steps                    # what each op of the chain gave: NumPy arrays, None for other libraries'
    cdef Py_ssize_t epoch


cdef Py_ssize_t steps_to(tuple steps, object array):
    # How many steps of a chain lead to the layout of `array`, 0 if none does: views of views in a loop (x = x.t()) come
    # back to where they were, and their chain must not grow.
    cdef Py_ssize_t n
    if cnp.PyArray_Check(array):
        for n in range(len(steps), 0, -1):
            if same_layout(steps[n - 1], array):
                return n
    return 0


cdef bint same_layout(object a, object b):
    cdef int i
    if a is None or cnp.PyArray_BYTES(a) != cnp.PyArray_BYTES(b) or cnp.PyArray_TYPE(a) != cnp.PyArray_TYPE(b):
        return False
    if cnp.PyArray_NDIM(a) != cnp.PyArray_NDIM(b):
        return False
    for i in range(cnp.PyArray_NDIM(a)):
        if cnp.PyArray_DIM(a, i) != cnp.PyArray_DIM(b, i):
            return False
        if cnp.PyArray_DIM(a, i) > 1 and cnp.PyArray_STRIDE(a, i) != cnp.PyArray_STRIDE(b, i):
            return False
    return True
