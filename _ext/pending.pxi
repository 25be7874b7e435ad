# The gradients that are being summed.


cdef struct Sum:
    PyObject* edge      # a Node or a leaf Variable; owned. NULL: the place is free
    PyObject* value     # its gradient so far (of a node with several outputs, a list of theirs); owned
    bint ours           # whether the memory of `value` may be added to: nobody else sees it


cdef enum:
    FIRST_PLACES = 16   # a power of 2


@cython.final
@cython.freelist(8)
cdef class Sums:
    """From an edge of the graph to the gradient that is being summed for it: a hash table with linear probing.

    The first contribution is borrowed. The second is added into whichever of the two nobody else sees, else into a new
    array; every later one into the buffer that is then ours. A dict, with an object for each entry, took a fifth of a
    small network's backward.
    """
    cdef Sum first[FIRST_PLACES]        # enough for a small network
    cdef Sum* places
    cdef Py_ssize_t room, count         # `room` is a power of 2, at least twice `count`

    def __cinit__(self):
        self.places, self.room = self.first, FIRST_PLACES

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.room if self.count else 0):
            Py_XDECREF(self.places[i].edge)
            Py_XDECREF(self.places[i].value)
        if self.places != self.first:
            free(self.places)

    cdef inline Py_ssize_t home(self, PyObject* edge) noexcept:
        # Objects lie 16 bytes apart; multiplying by an odd number spreads their addresses (D. E. Knuth, TAOCP 3, 6.4).
        return <Py_ssize_t>(((<uint64_t><size_t>edge >> 4) * <uint64_t>0x9E3779B97F4A7C15) >> 32) & (self.room - 1)

    cdef inline Sum* find(self, object edge) noexcept:
        # The entry, or NULL. It stays where it is until the next `add` or `take`.
        cdef Py_ssize_t i = self.home(<PyObject*>edge)
        while self.places[i].edge != NULL:
            if self.places[i].edge == <PyObject*>edge:
                return &self.places[i]
            i = (i + 1) & (self.room - 1)
        return NULL

    cdef int add(self, object edge, object value, bint ours) except -1:
        # A new entry; there is none for this edge.
        if 2 * (self.count + 1) > self.room:
            self.grow()
        cdef Py_ssize_t i = self.home(<PyObject*>edge)
        while self.places[i].edge != NULL:
            i = (i + 1) & (self.room - 1)
        Py_INCREF(edge)
        Py_INCREF(value)
        self.places[i].edge, self.places[i].value, self.places[i].ours = <PyObject*>edge, <PyObject*>value, ours
        self.count += 1
        return 0

    cdef int grow(self) except -1:
        cdef Sum* old = self.places
        cdef Py_ssize_t i, j, before = self.room, room = 2 * before
        cdef Sum* new = <Sum*>calloc(room, sizeof(Sum))
        if new == NULL:
            raise MemoryError()
        self.places, self.room = new, room
        for i in range(before):
            if old[i].edge != NULL:
                j = self.home(old[i].edge)
                while new[j].edge != NULL:
                    j = (j + 1) & (room - 1)
                new[j] = old[i]
        if old != self.first:
            free(old)
        return 0

    cdef object take(self, object edge):
        # The value of an entry, which there is; it is removed, and those behind it close the gap.
        cdef Sum* places = self.places
        cdef Py_ssize_t i = self.find(edge) - places, j = i, k
        cdef PyObject* value = places[i].value
        while True:
            j = (j + 1) & (self.room - 1)
            if places[j].edge == NULL:
                break
            k = self.home(places[j].edge)
            if ((j - k) & (self.room - 1)) >= ((j - i) & (self.room - 1)):     # its home is not behind the gap
                places[i] = places[j]
                i = j
        places[i].edge = places[i].value = NULL
        self.count -= 1
        Py_DECREF(edge)     # the caller holds it as well
        cdef object taken = <object>value
        Py_DECREF(taken)
        return taken
