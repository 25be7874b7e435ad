"""Update rules of the optimizers, compiled: many tensors in one call, in place, without the GIL.

Each function has a twin in ``backend/reference/optim.py``, which says what it computes. It takes lists of
arrays, writes the results into the parameters and their state, and returns the lists it was given. It returns
NotImplemented, and has then changed nothing, unless every array is an exact ndarray of float32 or float64 in
native order, C-contiguous and aligned; parameters and state are writeable and share memory with no other
array of the call; and gradient and state have their parameter's shape and dtype. A gradient that is merely
strided is copied. Gradients are never written to.
"""
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.math cimport pow, sqrt
from libc.stddef cimport ptrdiff_t

cnp.import_array()

cdef extern from "optim.h" nogil:
    ctypedef struct tp_sgd_rule:
        double lr, weight_decay, keep, momentum, gain
        int nesterov
    ctypedef struct tp_adam_rule:
        double lr, beta1, beta2, eps, weight_decay, keep
    ctypedef struct tp_rmsprop_rule:
        double lr, alpha, eps, weight_decay, momentum
    ctypedef struct tp_update:
        char* p
        const char* g
        char** state
        ptrdiff_t n, size
        double t, step, scale
    ctypedef struct tp_range:
        pass
    ctypedef void (*tp_update_function)(const tp_update*, ptrdiff_t, ptrdiff_t, const void*)
    tp_update_function tp_update_sgd, tp_update_sgd_dampened, tp_update_adam, tp_update_rmsprop
    int tp_import_parallel() except -1
    void tp_update_all(tp_update*, ptrdiff_t, tp_update_function, const void*)
    bint tp_updates_overlap(const tp_update*, ptrdiff_t, bint, tp_range*)

cdef extern from "arrays.h":
    int tp_kind(object)
    bint tp_same_shape(object, object)
    cnp.npy_intp tp_size(object)
    void* tp_data(object)
    const int TP_RELEASE_GIL_FROM

cdef extern from "numpy/arrayobject.h":
    bint PyArray_ISWRITEABLE(cnp.ndarray)
    bint PyArray_ISNOTSWAPPED(cnp.ndarray)

tp_import_parallel()


cdef class Updates:
    """The tensors of one call, and memory to describe them, which grows to the longest list and is reused."""
    cdef tp_update* updates
    cdef tp_range* ranges
    cdef Py_ssize_t n, room, elements
    cdef bint all_own               # no array is a view
    cdef list copies                # of strided gradients

    def __dealloc__(self):
        PyMem_Free(self.updates)
        PyMem_Free(self.ranges)

    cdef int reserve(self, Py_ssize_t n) except -1:
        if n <= self.room:
            return 0
        updates = <tp_update*>PyMem_Realloc(self.updates, n * sizeof(tp_update))
        if updates == NULL:
            raise MemoryError()
        self.updates = updates
        ranges = <tp_range*>PyMem_Realloc(self.ranges, 10 * n * sizeof(tp_range))
        if ranges == NULL:
            raise MemoryError()
        self.ranges = ranges
        self.room = n
        return 0

    cdef bint describe(self, params, grads, first=None, second=None, third=None) except -1:
        """Whether these lists (the last three: state, or None) are what the compiled rules handle."""
        cdef Py_ssize_t i
        self.elements, self.all_own = 0, True
        self.copies = None
        if type(params) is not list:
            return False
        self.n = len(<list>params)
        if not (is_list(grads, self.n) and (first is None or is_list(first, self.n))
                and (second is None or is_list(second, self.n)) and (third is None or is_list(third, self.n))):
            return False
        self.reserve(self.n)
        for i in range(self.n):
            if not self.describe_one(i, <list>params, <list>grads, first, second, third):
                return False
        return not tp_updates_overlap(self.updates, self.n, self.all_own, self.ranges)

    cdef bint describe_one(self, Py_ssize_t i, list params, list grads, list first, list second,
                           list third) except -1:
        cdef tp_update* update = &self.updates[i]
        cdef object p = params[i], g = grads[i]
        cdef int kind = tp_kind(p)
        if kind < 0 or not PyArray_ISWRITEABLE(p):
            return False
        if tp_kind(g) != kind:
            if not (cnp.PyArray_CheckExact(g) and cnp.PyArray_TYPE(g) == cnp.PyArray_TYPE(p)
                    and PyArray_ISNOTSWAPPED(g)):
                return False
            g = cnp.PyArray_NewCopy(g, cnp.NPY_CORDER)
            if self.copies is None:
                self.copies = []
            self.copies.append(g)
        if not tp_same_shape(g, p):
            return False
        update.p = <char*>tp_data(p)
        update.g = <char*>tp_data(g)
        update.n = tp_size(p)
        update.size = cnp.PyArray_ITEMSIZE(p)
        self.elements += update.n
        self.all_own &= owns(p) and owns(g)
        return (self.describe_state(first, i, p, kind, &update.state[0])
                and self.describe_state(second, i, p, kind, &update.state[1])
                and self.describe_state(third, i, p, kind, &update.state[2]))

    cdef bint describe_state(self, list state, Py_ssize_t i, object p, int kind, char** data):
        data[0] = NULL
        if state is None:
            return True
        cdef object s = state[i]
        if tp_kind(s) != kind or not PyArray_ISWRITEABLE(s) or not tp_same_shape(s, p):
            return False
        data[0] = <char*>tp_data(s)
        self.all_own &= owns(s)
        return True

    cdef int run(self, tp_update_function apply, const void* rule, object arrays) except -1:
        """Work. While other threads may run Python, what is in ``arrays``, the lists of the call, is held."""
        cdef list _held
        if self.elements < TP_RELEASE_GIL_FROM:
            tp_update_all(self.updates, self.n, apply, rule)
        else:
            _held = [tuple(some) for some in arrays if some is not None]
            with nogil:
                tp_update_all(self.updates, self.n, apply, rule)
        return 0


cdef inline bint is_list(object arrays, Py_ssize_t n):
    return type(arrays) is list and len(<list>arrays) == n


cdef inline bint owns(object array):
    return cnp.PyArray_CHKFLAGS(array, cnp.NPY_ARRAY_OWNDATA)


# The one that is not in use. A call takes it, or makes another if a call in another thread has it.
cdef Updates spare = None


cdef Updates take_updates():
    global spare
    cdef Updates updates = spare
    spare = None
    return Updates.__new__(Updates) if updates is None else updates


cdef void give_back(Updates updates):
    global spare
    updates.copies = None
    spare = updates


def sgd(params, grads, velocities, double lr, double momentum, double weight_decay, bint nesterov):
    """The reference's ``sgd``, in place."""
    cdef tp_sgd_rule rule
    rule.lr, rule.keep, rule.weight_decay = lr, 1 - lr * weight_decay, weight_decay
    rule.momentum, rule.gain, rule.nesterov = momentum, 1 - momentum, nesterov
    cdef Updates updates = take_updates()
    cdef bint handled = updates.describe(params, grads, velocities)
    if handled:
        updates.run(tp_update_sgd, &rule, (params, grads, velocities))
    give_back(updates)
    return (params, velocities) if handled else NotImplemented


def sgd_dampened(params, grads, velocities, double lr, double momentum, double dampening, double weight_decay,
                 bint nesterov):
    """The reference's ``sgd_dampened``, in place. It leaves first steps (a velocity of None) to it."""
    cdef tp_sgd_rule rule
    rule.lr, rule.keep, rule.weight_decay = lr, 1, weight_decay
    rule.momentum, rule.gain, rule.nesterov = momentum, 1 - dampening, nesterov
    cdef Updates updates = take_updates()
    cdef bint handled = updates.describe(params, grads, velocities)
    if handled:
        updates.run(tp_update_sgd_dampened, &rule, (params, grads, velocities))
    give_back(updates)
    return (params, velocities) if handled else NotImplemented


def adam(params, grads, first, second, steps, double lr, double beta1, double beta2, double eps,
         double weight_decay):
    """The reference's ``adam``, in place."""
    cdef tp_adam_rule rule
    rule.lr, rule.beta1, rule.beta2, rule.eps = lr, beta1, beta2, eps
    rule.weight_decay, rule.keep = weight_decay, 1
    return run_adam(params, grads, first, second, steps, &rule)


def adamw(params, grads, first, second, steps, double lr, double beta1, double beta2, double eps,
          double weight_decay):
    """The reference's ``adamw``, in place."""
    cdef tp_adam_rule rule
    rule.lr, rule.beta1, rule.beta2, rule.eps = lr, beta1, beta2, eps
    rule.weight_decay, rule.keep = 0, 1 - lr * weight_decay
    return run_adam(params, grads, first, second, steps, &rule)


cdef object run_adam(params, grads, first, second, steps, const tp_adam_rule* rule):
    cdef Updates updates = take_updates()
    cdef bint handled = updates.describe(params, grads, first, second) and correct_bias(updates, steps, rule)
    if handled:
        count_steps(updates, steps)
        updates.run(tp_update_adam, rule, (params, grads, first, second))
    give_back(updates)
    return (params, first, second, steps) if handled else NotImplemented


def rmsprop(params, grads, squares, means, velocities, steps, double lr, double alpha, double eps,
            double weight_decay, double momentum):
    """The reference's ``rmsprop``, in place."""
    cdef tp_rmsprop_rule rule
    rule.lr, rule.alpha, rule.eps = lr, alpha, eps
    rule.weight_decay, rule.momentum = weight_decay, momentum
    cdef Updates updates = take_updates()
    cdef bint handled = (squares is not None and updates.describe(params, grads, squares, means, velocities)
                         and next_counts(updates, steps))
    if handled:
        count_steps(updates, steps)
        updates.run(tp_update_rmsprop, &rule, (params, grads, squares, means, velocities))
    give_back(updates)
    return (params, squares, means, velocities, steps) if handled else NotImplemented


cdef bint next_counts(Updates updates, steps):
    """Each tensor's own count of steps. Whether they are a list of float32 arrays of one element."""
    cdef Py_ssize_t i
    if not is_list(steps, updates.n):
        return False
    for i in range(updates.n):
        count = (<list>steps)[i]
        if tp_kind(count) != 0 or tp_size(count) != 1 or not PyArray_ISWRITEABLE(count):
            return False
        updates.updates[i].t = (<float*>tp_data(count))[0] + 1
    return True


cdef bint correct_bias(Updates updates, steps, const tp_adam_rule* rule):
    """Counts, and the corrections for them: the counts are mostly equal, and powers are dear."""
    cdef Py_ssize_t i
    cdef double t, before = 0, step = 0, scale = 0
    if not next_counts(updates, steps):
        return False
    for i in range(updates.n):
        t = updates.updates[i].t
        if t != before:
            step = rule.lr / (1 - pow(rule.beta1, t))
            scale = 1 / sqrt(1 - pow(rule.beta2, t))
            before = t
        updates.updates[i].step, updates.updates[i].scale = step, scale
    return True


cdef void count_steps(Updates updates, list steps):
    """Write the new counts, which ``next_counts`` found; tensors may share one."""
    cdef Py_ssize_t i
    for i in range(updates.n):
        (<float*>tp_data(steps[i]))[0] = <float>updates.updates[i].t
