# The nodes whose gradients are under way, the newest on top.


cdef enum:
    FIRST_NODES = 16


@cython.final
@cython.freelist(4)
cdef class Frontier:
    """A heap of nodes, the newest on top. The nodes are kept alive by the caller's table of gradients."""
    cdef uint64_t* keys
    cdef PyObject** nodes
    cdef Py_ssize_t size, room
    cdef uint64_t first_keys[FIRST_NODES]       # enough for a small network
    cdef PyObject* first_nodes[FIRST_NODES]

    def __cinit__(self):
        self.keys, self.nodes, self.room = self.first_keys, self.first_nodes, FIRST_NODES

    def __dealloc__(self):
        self.release()

    cdef void release(self) noexcept:
        if self.keys != self.first_keys:
            free(self.keys)
            free(self.nodes)

    cdef int grow(self) except -1:
        cdef Py_ssize_t room = 2 * self.room
        cdef uint64_t* keys = <uint64_t*>malloc(room * sizeof(uint64_t))
        cdef PyObject** nodes = <PyObject**>malloc(room * sizeof(PyObject*))
        if keys == NULL or nodes == NULL:
            free(keys)
            free(nodes)
            raise MemoryError()
        memcpy(keys, self.keys, self.size * sizeof(uint64_t))
        memcpy(nodes, self.nodes, self.size * sizeof(PyObject*))
        self.release()
        self.keys, self.nodes, self.room = keys, nodes, room
        return 0

    cdef int push(self, Node node) except -1:
        cdef Py_ssize_t i, up
        if self.size == self.room:
            self.grow()
        i = self.size
        self.size += 1
        while i > 0:
            up = (i - 1) // 2
            if self.keys[up] >= node.sequence:
                break
            self.keys[i] = self.keys[up]
            self.nodes[i] = self.nodes[up]
            i = up
        self.keys[i] = node.sequence
        self.nodes[i] = <PyObject*>node
        return 0

    cdef Node pop(self):
        cdef Node top = <Node>self.nodes[0]
        cdef Py_ssize_t i = 0, child
        cdef uint64_t key
        self.size -= 1
        key = self.keys[self.size]
        while True:
            child = 2 * i + 1
            if child >= self.size:
                break
            if child + 1 < self.size and self.keys[child + 1] > self.keys[child]:
                child += 1
            if key >= self.keys[child]:
                break
            self.keys[i] = self.keys[child]
            self.nodes[i] = self.nodes[child]
            i = child
        self.keys[i] = key
        self.nodes[i] = self.nodes[self.size]
        return top
