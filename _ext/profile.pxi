# What a profiler sees: when each operation began and ended. ``tiny_pytorch.profiler`` makes tables and traces of it.

cdef enum Kind:
    FORWARD = 0
    BACKWARD = 1
    RANGE = 2       # a stretch of the caller's code, with a name

cdef struct Event:
    PyObject* what          # an Op or a name; owned
    PyObject* shapes        # of the inputs, a tuple, or NULL; owned
    int64_t began, ended    # nanoseconds; `ended` is -1 while it is under way
    int64_t bytes
    Py_ssize_t parent       # the event around it in its thread; -1: none
    uint64_t sequence       # of the node that it made or visits; 0: none
    unsigned long thread
    int kind


@cython.final
cdef class Recorder:
    """Events in the order in which they began, from every thread.

    An event closes after those inside it; one that an error left open is closed with the one around it.
    """
    cdef Event* log
    cdef Py_ssize_t size, room
    cdef unsigned long thread       # the one whose innermost open event is `top`; the others' are in `tops`
    cdef Py_ssize_t top
    cdef dict tops
    cdef bint shapes
    cdef object measure             # (raw array) -> its bytes, for arrays that are not NumPy's; None: no bytes
    cdef object wait                # () -> None: returns when the device is done; None: nothing to wait for

    def __init__(self, bint shapes, measure=None, wait=None):
        self.shapes = shapes
        self.measure = measure
        self.wait = wait
        self.top = -1
        self.tops = {}
        self.thread = PyThread_get_thread_ident()

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.size):
            Py_XDECREF(self.log[i].what)
            Py_XDECREF(self.log[i].shapes)
        free(self.log)

    cdef void turn(self) noexcept:
        # The calling thread takes its place.
        cdef unsigned long here = PyThread_get_thread_ident()
        if here != self.thread:
            self.tops[self.thread] = self.top
            self.thread = here
            self.top = self.tops.get(here, -1)

    cdef Py_ssize_t open(self, object what, Kind kind, object shapes, uint64_t sequence=0) except -1:
        cdef Event* event
        cdef Py_ssize_t i
        if self.wait is not None:
            self.wait()
        if self.size == self.room:
            i = 1024 if self.room == 0 else 2 * self.room
            event = <Event*>realloc(self.log, i * sizeof(Event))
            if event == NULL:
                raise MemoryError()
            self.log = event
            self.room = i
        self.turn()
        i = self.size
        self.size += 1
        event = &self.log[i]
        event.what, event.shapes = <PyObject*>what, <PyObject*>shapes if shapes is not None else NULL
        Py_XINCREF(event.what)
        Py_XINCREF(event.shapes)
        event.ended, event.bytes, event.sequence = -1, 0, sequence
        event.parent, event.thread, event.kind = self.top, self.thread, kind
        self.top = i
        self.log[i].began = _now()
        return i

    cdef int close(self, Py_ssize_t i, int64_t n_bytes) except -1:
        cdef int64_t now
        if self.wait is not None:
            self.wait()
        now = _now()
        self.turn()
        while self.top > i:
            self.log[self.top].ended = now
            self.top = self.log[self.top].parent
        if self.top == i:
            self.log[i].ended, self.log[i].bytes = now, n_bytes
            self.top = self.log[i].parent
        return 0

    cdef int64_t bytes_of(self, object value, object given=None) except -1:
        # What a result holds in memory of its own: no views of inputs, nothing of the gradient that was given.
        cdef int64_t total = 0
        cdef object own
        if value is None or value is given or self.measure is None:
            return 0
        if isinstance(value, tuple):
            for part in <tuple>value:
                total += self.bytes_of(part, given)
            return total
        if isinstance(value, Variable):
            return 0 if (<Variable>value).view_ is not None else self.bytes_of((<Variable>value).array_, given)
        if not cnp.PyArray_Check(value):
            return self.measure(value)
        own = owner(value)
        return 0 if own is owner(given) else min(cnp.PyArray_NBYTES(value), cnp.PyArray_NBYTES(own))

    def begin(self, what, str kind="range"):
        """Open an event; returns its number, for ``end``."""
        return self.open(what, FORWARD if kind == "forward" else RANGE, None)

    def end(self, Py_ssize_t i):
        """Close an event, and all that were left open inside it."""
        self.close(i, 0)

    def __len__(self):
        return self.size

    def events(self, Py_ssize_t first):
        """``(name, kind, thread, began, ended, parent, shapes, bytes, sequence)`` of each from number ``first`` on.

        Times are in nanoseconds; what is under way ends now. Parents are counted from ``first``, -1: none. A rule's
        event has the ``sequence`` of the operation whose rule it is.
        """
        cdef Event* event
        cdef Py_ssize_t i
        cdef list found = []
        cdef object now = _now(), what
        for i in range(first, self.size):
            event = &self.log[i]
            what = <object>event.what
            found.append((
                (<Op>what).name if isinstance(what, Op) else what, _KINDS[event.kind], event.thread, event.began,
                now if event.ended < 0 else event.ended, max(event.parent - first, -1),
                None if event.shapes == NULL else <object>event.shapes, event.bytes, event.sequence))
        return found


cdef tuple _KINDS = ("forward", "backward", "range")
cdef object _now = time.perf_counter_ns

# Where events go. Whether it is None is the one test that every operation pays for: see Op.__call__ and Pass.run.
cdef Recorder recorder = None


cdef inline object owner(object array):
    # The array whose memory a NumPy array is cut out of.
    if not cnp.PyArray_Check(array) or cnp.PyArray_BASE(array) == NULL:
        return array
    base = <object>cnp.PyArray_BASE(array)
    return base if cnp.PyArray_Check(base) else array


cdef uint64_t sequence_of(object out):
    # The number of the node that an operation hung on its results; 0: none.
    cdef Node node
    if isinstance(out, tuple):
        for part in <tuple>out:
            if sequence_of(part):
                return sequence_of(part)
        return 0
    node = (<Variable>out).node if isinstance(out, Variable) else None
    return 0 if node is None else (node if node.parent is None else node.parent).sequence


cdef object observed(Op op, tuple args, dict params):
    # apply, while somebody records.
    cdef Recorder log = recorder
    cdef object out = None
    cdef object shapes = None
    if log.shapes:
        shapes = tuple([tuple((<Variable>a).array_.shape) if isinstance(a, Variable) else () for a in args])
    cdef Py_ssize_t i = log.open(op, FORWARD, shapes)
    try:
        out = apply_tuple(op, args, params)
        log.log[i].sequence = sequence_of(out)
        return out
    finally:
        log.close(i, log.bytes_of(out))


def record_to(Recorder log):
    """Let every operation from now on, in every thread, be recorded; None: no more."""
    global recorder
    recorder = log


def recording():
    """The Recorder in use, or None."""
    return recorder
