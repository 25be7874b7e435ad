# What a graph is about: arrays, and their place in it.


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
    def _kind(self):
        # What kind of numbers the tensor holds: "float", "int", "uint", "bool" or "complex".
        cdef int t
        cdef object array = self.array_
        if cnp.PyArray_CheckExact(array):
            t = cnp.PyArray_TYPE(array)
            if t == cnp.NPY_FLOAT or t == cnp.NPY_DOUBLE or t == cnp.NPY_FLOAT16:
                return "float"
            if t == cnp.NPY_LONG or t == cnp.NPY_INT:
                return "int"
        return kind_of(array.dtype)

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


def is_table_of_classes(input, target):
    """Whether these are NumPy Tensors of floats (M, C) and of integers (M,): what a classifier's loss usually meets."""
    cdef object x, y
    if not (isinstance(input, Variable) and isinstance(target, Variable)):
        return False
    x, y = (<Variable>input).array_, (<Variable>target).array_
    return (cnp.PyArray_CheckExact(x) and cnp.PyArray_CheckExact(y)
            and cnp.PyArray_NDIM(x) == 2 and cnp.PyArray_NDIM(y) == 1 and cnp.PyArray_DIM(x, 0) == cnp.PyArray_DIM(y, 0)
            and cnp.PyArray_ISFLOAT(x) and cnp.PyArray_ISINTEGER(y))
