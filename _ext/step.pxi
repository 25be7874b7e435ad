# An optimizer's step without lists: from its Tensors to the memory that a compiled rule works on.

cdef enum:
    HELD = 1 + TP_UPDATE_ARRAYS

cdef object unsure = object()       # is no hyper-parameter


@cython.final
cdef class GroupPlan:
    """What a parameter group's step is while its hyper-parameters stay, and memory to describe its arrays in."""
    cdef object group               # a dict
    cdef list values                # its hyper-parameters when last looked at; `unsure` for what may change inside
    cdef const tp_rule* rule        # NULL: the step is not a compiled rule's
    cdef tuple columns              # the names of its state; None for what the rule does without
    cdef bint stateless             # it does without any
    cdef double[TP_NUMBERS] numbers
    cdef Py_ssize_t n, room, elements, apart    # apart: so many of `updates` were found not to overlap
    cdef tp_update* updates
    cdef tp_range* ranges
    cdef PyObject** held            # of each tensor: the Variable, and its arrays in the rule's order; all owned

    def __cinit__(self):
        self.values = []

    def __dealloc__(self):
        free(self.updates)
        free(self.ranges)
        free(self.held)

    cdef inline bint unchanged(self, object group, tuple names):
        # Whether the hyper-parameters are the very objects that they were.
        cdef Py_ssize_t i
        if group is not self.group:
            return False
        for i in range(len(names)):
            if PyDict_GetItemWithError(group, names[i]) != <PyObject*>self.values[i]:
                return False
        return True

    cdef int learn(self, object optimizer, object group, tuple names) except -1:
        # Ask the optimizer, which checks the hyper-parameters, what the step is.
        cdef Py_ssize_t i
        self.group, self.apart, self.rule = None, 0, NULL
        compiled = optimizer._compiled(group)
        self.values = [plain(group[name]) for name in names]
        if compiled is not None:
            capsule, self.columns, numbers = compiled
            self.rule = <const tp_rule*>PyCapsule_GetPointer(capsule, TP_RULE_CAPSULE)
            if len(self.columns) != tp_rule_arrays(self.rule) - 2 or len(numbers) != self.rule.numbers:
                raise TypeError(f"a compiled rule does not take the state {self.columns} and the numbers {numbers}")
            self.stateless = all([name is None for name in self.columns])
            for i in range(self.rule.numbers):
                self.numbers[i] = numbers[i]
        self.group = group
        return 0

    cdef int reserve(self, Py_ssize_t n) except -1:
        cdef void* updates
        cdef void* ranges
        cdef void* held
        if n <= self.room:
            return 0
        updates = realloc(self.updates, n * sizeof(tp_update))
        self.updates = <tp_update*>updates if updates != NULL else self.updates
        ranges = realloc(self.ranges, 2 * TP_UPDATE_RANGES * n * sizeof(tp_range))
        self.ranges = <tp_range*>ranges if ranges != NULL else self.ranges
        held = realloc(self.held, HELD * n * sizeof(PyObject*))
        self.held = <PyObject**>held if held != NULL else self.held
        if updates == NULL or ranges == NULL or held == NULL:
            raise MemoryError()
        self.room = n
        return 0

    cdef bint describe(self, object state) except -1:
        # Whether the rule can take every parameter that has a gradient. Keeps what it found for `run`.
        cdef object params = self.group["params"]
        cdef Variable p
        cdef tp_update found
        cdef int all_own = True
        if type(params) is not list:
            return False
        self.elements = 0
        self.reserve(len(<list>params))
        for item in <list>params:
            if not isinstance(item, Variable) or self.n == self.room:
                return False
            p = <Variable>item
            if p.grad_ is None:
                continue
            row = self.held + HELD * self.n
            self.n += 1
            memset(row, 0, HELD * sizeof(PyObject*))
            if not (self.hold(row, p, state) and tp_describe(&found, self.rule, row + 1, &all_own)):
                return False
            if self.n > self.apart or not tp_same_memory(&found, &self.updates[self.n - 1]):
                self.apart = 0
                self.updates[self.n - 1] = found
            self.elements += found.n
        if self.n > self.apart:
            if tp_updates_overlap(self.updates, self.n, all_own, self.ranges):
                return False
            self.apart = self.n
        return True

    cdef bint hold(self, PyObject** row, Variable p, object state) except -1:
        # Fill a row. Whether all the state is there: it is not before a parameter's first step.
        cdef Py_ssize_t i
        cdef PyObject* own
        cdef PyObject* value
        put_held(&row[0], p)
        put_held(&row[1], array_of(p))
        put_held(&row[2], array_of(<Variable>p.grad_))
        if self.stateless:
            return True
        own = PyDict_GetItemWithError(state, p)
        if own == NULL or not isinstance(<object>own, dict):
            return False
        for i in range(len(self.columns)):
            if self.columns[i] is None:
                continue
            value = PyDict_GetItemWithError(<object>own, self.columns[i])
            if value == NULL or not isinstance(<object>value, Variable):
                return False
            put_held(&row[3 + i], array_of(<Variable>value))
        return True

    cdef void run(self):
        cdef Py_ssize_t i
        for i in range(self.n):
            (<Variable>self.held[HELD * i]).version.count += 1
        if self.elements < TP_RELEASE_GIL_FROM:
            self.rule.run(self.updates, self.n, self.numbers)
        else:
            with nogil:
                self.rule.run(self.updates, self.n, self.numbers)

    cdef void release(self):
        cdef Py_ssize_t i
        for i in range(HELD * self.n):
            Py_XDECREF(self.held[i])
        self.n = 0


cdef inline void put_held(PyObject** into, object value) noexcept:
    Py_INCREF(value)
    into[0] = <PyObject*>value


cdef object plain(object value):
    # A hyper-parameter if it is what it is for ever, so that its identity tells that it is unchanged.
    if value is None or type(value) in (float, int, bool, str):
        return value
    if type(value) is tuple and all([plain(v) is v for v in <tuple>value]):
        return value
    return unsure


@cython.final
cdef class StepPlan:
    """Takes an optimizer's step where compiled rules of NumPy's arrays can do all of it.

    Parameters, gradients and state are looked up at every step, wherever they are by then, and so are
    hyper-parameters. What is remembered is only what those imply: a group's numbers, while its hyper-parameters are the
    same objects, and that no arrays overlap, while all of them lie where they did.
    """
    cdef tuple names        # of the hyper-parameters
    cdef list plans         # of the groups
    cdef object table       # the kernels that they were made for
    cdef bint busy          # in a step, perhaps another thread's

    def __init__(self, names):
        self.names = tuple(names)
        self.plans = []

    def __reduce__(self):
        return StepPlan, (self.names,)

    def take(self, optimizer):
        """Whether the step of an optimizer was done. If not, nothing was changed."""
        cdef GroupPlan plan
        if self.busy or table_at is not None:
            return False
        self.busy = True
        try:
            if not self.describe(optimizer):
                return False
            for plan in self.plans:
                plan.run()
            return True
        finally:
            for plan in self.plans:
                plan.release()
            self.busy = False

    cdef bint describe(self, object optimizer) except -1:
        cdef object groups = optimizer.param_groups, state = optimizer.state, group
        cdef Py_ssize_t i = 0
        cdef GroupPlan plan
        if type(groups) is not list or not isinstance(state, dict):
            return False
        if table is not self.table or len(self.plans) != len(<list>groups):
            self.table, self.plans = table, [GroupPlan.__new__(GroupPlan) for _ in <list>groups]
        for group in <list>groups:
            if not isinstance(group, dict) or i == len(self.plans):
                return False
            plan = self.plans[i]
            if not plan.unchanged(group, self.names):
                plan.learn(optimizer, group, self.names)
            if plan.rule == NULL or not plan.describe(state):
                return False
            i += 1
        return i == len(self.plans)
