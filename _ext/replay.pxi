# Higher derivatives: a rule's saved values as Tensors in the graph.


@cython.final
cdef class Replay:
    """What a rule receives as ``saved`` when a higher derivative is wanted: kept values as Tensors in the graph."""
    cdef Node node
    cdef tuple variables
    cdef object extra_

    @property
    def shape(self):
        return self.node.shape

    @property
    def dtype(self):
        return self.node.dtype

    @property
    def shapes(self):
        return self.node.shapes

    @property
    def dtypes(self):
        return self.node.dtypes

    @property
    def needs(self):
        return self.node.needs

    @property
    def inputs(self):
        if self.variables is None:
            self.variables = tuple([reattach(a, e) for a, e in zip(self.node.inputs, self.node.edges)])
        return self.variables

    @property
    def output(self):
        cdef Variable v
        if self.node.output is None:
            return None
        v = wrap(self.node.output)
        v.node = self.node
        return v

    @property
    def extra(self):
        # A bare array cannot be differentiated: compute the results again from the input Tensors.
        if self.extra_ is None and self.node.extra is not None:
            _, self.extra_ = call(self.node.op.forward, (tensor_table, *self.inputs), self.node.params)
        return self.extra_


cdef object reattach(object array, object edge):
    cdef Variable v
    if array is None or isinstance(array, (bool, int, float)):
        return array
    if isinstance(edge, Variable) and (<Variable>edge).array_ is array:
        return edge
    v = wrap(array)
    if isinstance(edge, Node):
        v.node = <Node>edge
    return v


def reattached(array, edge):
    """An array as the Tensor that the graph's edge stands for (a Function's saved tensors)."""
    return reattach(array, edge)
