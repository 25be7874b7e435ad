"""Update rules of the optimizers, compiled: many tensors in one call, in place, without the GIL.

Each function has a twin in ``backend/reference/optim.py``, which says what it computes. It takes lists of
arrays, writes the results into the parameters and their state, and returns the lists it was given. It returns
NotImplemented, and has then changed nothing, unless every array is an exact ndarray of float32 or float64 in
native order, C-contiguous and aligned; parameters and state are writeable and share memory with no other
array of the call; and gradient and state have their parameter's shape and dtype. A gradient that is merely
strided is copied. Gradients are never written to.

``rules`` holds the rules themselves by their kernel, for the engine, which needs no lists (``step.pxi``).
"""
cimport numpy as cnp
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_New
from libc.stddef cimport ptrdiff_t

cnp.import_array()

include "arrays.pxi"
include "updates.pxi"

cdef extern from "optim.h" nogil:
    const tp_rule tp_rule_sgd, tp_rule_sgd_dampened, tp_rule_adam, tp_rule_adamw, tp_rule_rmsprop
    int tp_import_parallel() except -1

cdef extern from "numpy/arrayobject.h":
    bint PyArray_ISNOTSWAPPED(cnp.ndarray)

tp_import_parallel()


cdef class Updates:
    """The tensors of one call, and memory to describe them, which grows to the longest list and is reused."""
    cdef tp_update* updates
    cdef tp_range* ranges
    cdef Py_ssize_t n, room, elements
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
        ranges = <tp_range*>PyMem_Realloc(self.ranges, 2 * TP_UPDATE_RANGES * n * sizeof(tp_range))
        if ranges == NULL:
            raise MemoryError()
        self.ranges = ranges
        self.room = n
        return 0

    cdef bint describe(self, const tp_rule* rule, tuple lists) except -1:
        """Whether these lists (parameters, gradients, state, which may be None) are what a compiled rule handles."""
        cdef Py_ssize_t i, k, arrays = tp_rule_arrays(rule)
        cdef PyObject* row[TP_UPDATE_ARRAYS]
        cdef int all_own = True
        self.elements, self.copies = 0, None
        if type(lists[0]) is not list:
            return False
        self.n = len(<list>lists[0])
        for k in range(1, arrays):
            if not (is_list(lists[k], self.n) or (k > 1 and lists[k] is None)):
                return False
        self.reserve(self.n)
        for i in range(self.n):
            for k in range(arrays):
                row[k] = NULL if lists[k] is None else <PyObject*>(<list>lists[k])[i]
            g = self.dense(<object>row[0], <object>row[1])
            row[1] = <PyObject*>g
            if not tp_describe(&self.updates[i], rule, row, &all_own):
                return False
            self.elements += self.updates[i].n
        return not tp_updates_overlap(self.updates, self.n, all_own, self.ranges)

    cdef object dense(self, object p, object g):
        """The gradient, or a copy of it where only its layout is not a rule's."""
        if (tp_kind(p) < 0 or tp_kind(g) >= 0 or not cnp.PyArray_CheckExact(g)
                or cnp.PyArray_TYPE(g) != cnp.PyArray_TYPE(p) or not PyArray_ISNOTSWAPPED(g)):
            return g
        g = cnp.PyArray_NewCopy(g, cnp.NPY_CORDER)
        if self.copies is None:
            self.copies = []
        self.copies.append(g)
        return g

    cdef int run(self, const tp_rule* rule, const double* numbers, tuple lists) except -1:
        """Work. While other threads may run Python, what is in the lists of the call is held."""
        cdef list _held
        if self.elements < TP_RELEASE_GIL_FROM:
            rule.run(self.updates, self.n, numbers)
        else:
            _held = [tuple(some) for some in lists if some is not None]
            with nogil:
                rule.run(self.updates, self.n, numbers)
        return 0


cdef inline bint is_list(object arrays, Py_ssize_t n):
    return type(arrays) is list and len(<list>arrays) == n


# The one that is not in use. A call takes it, or makes another if a call in another thread has it.
cdef Updates spare = None


cdef object apply(const tp_rule* rule, const double* numbers, tuple lists):
    """The lists but the gradients, updated, or NotImplemented."""
    global spare
    cdef Updates updates = spare if spare is not None else Updates.__new__(Updates)
    cdef bint handled
    spare = None
    handled = updates.describe(rule, lists)
    if handled:
        updates.run(rule, numbers, lists)
    updates.copies = None
    spare = updates
    return (lists[0], *lists[2:]) if handled else NotImplemented


def sgd(params, grads, velocities, double lr, double momentum, double weight_decay, bint nesterov):
    """The reference's ``sgd``, in place."""
    cdef double[4] numbers = [lr, momentum, weight_decay, nesterov]
    return apply(&tp_rule_sgd, numbers, (params, grads, velocities))


def sgd_dampened(params, grads, velocities, double lr, double momentum, double dampening, double weight_decay,
                 bint nesterov):
    """The reference's ``sgd_dampened``, in place. It leaves first steps (a velocity of None) to it."""
    cdef double[5] numbers = [lr, momentum, dampening, weight_decay, nesterov]
    return apply(&tp_rule_sgd_dampened, numbers, (params, grads, velocities))


def adam(params, grads, first, second, largest, steps, double lr, double beta1, double beta2, double eps,
         double weight_decay):
    """The reference's ``adam``, in place."""
    cdef double[5] numbers = [lr, beta1, beta2, eps, weight_decay]
    return apply(&tp_rule_adam, numbers, (params, grads, first, second, largest, steps))


def adamw(params, grads, first, second, largest, steps, double lr, double beta1, double beta2, double eps,
          double weight_decay):
    """The reference's ``adamw``, in place."""
    cdef double[5] numbers = [lr, beta1, beta2, eps, weight_decay]
    return apply(&tp_rule_adamw, numbers, (params, grads, first, second, largest, steps))


def rmsprop(params, grads, squares, means, velocities, steps, double lr, double alpha, double eps,
            double weight_decay, double momentum):
    """The reference's ``rmsprop``, in place."""
    cdef double[5] numbers = [lr, alpha, eps, weight_decay, momentum]
    return apply(&tp_rule_rmsprop, numbers, (params, grads, squares, means, velocities, steps))


cdef object capsule(const tp_rule* rule):
    return PyCapsule_New(<void*>rule, TP_RULE_CAPSULE, NULL)


rules = {
    sgd: capsule(&tp_rule_sgd), sgd_dampened: capsule(&tp_rule_sgd_dampened), adam: capsule(&tp_rule_adam),
    adamw: capsule(&tp_rule_adamw), rmsprop: capsule(&tp_rule_rmsprop),
}
