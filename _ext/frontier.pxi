# The nodes whose gradients are under way, the newest on top.


cdef class Frontier:
    """A heap of nodes, the newest on top. The nodes are kept alive by the caller's table of gradients."""
    cdef uint64_t* keys
    cdef PyObject** nodes
    cdef Py_ssize_t size, room

    def __dealloc__(self):
        free(self.keys)
        free(self.nodes)

    cdef int push(self, Node node) except -1:
        cdef Py_ssize_t i, up
        cdef uint64_t* keys
        cdef PyObject** nodes
        if self.size == self.room:
            i = 64 if self.room == 0 else 2 * self.room
            keys = <uint64_t*>realloc(self.keys, i * sizeof(uint64_t))
            if keys == NULL:
                raise MemoryError()
            self.keys = keys
            nodes = <PyObject**>realloc(self.nodes, i * sizeof(PyObject*))
            if nodes == NULL:
                raise MemoryError()
            self.nodes = nodes
            self.room = i
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
