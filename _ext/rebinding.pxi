# Memory of libraries whose arrays cannot be written.  There a write makes a new array. So that every alias sees it,
# the tensors on one memory share a Content, and each has a Cut: how its own array is taken out of that content, and
# of which write its array is. A read of an old one takes it anew; a write through a view replaces its part of the
# content. A tensor gets its Cut with its first alias. Where arrays can be written nobody has one, and nothing in this
# file runs.


@cython.final
@cython.no_gc
cdef class Content:
    """What is in a memory: the array of the tensor that everything was cut from, and how often it was replaced."""
    cdef object array
    cdef Py_ssize_t writes


@cython.final
cdef class Cut:
    """One tensor's part of a content."""
    cdef Content content
    cdef tuple chain            # ((op, params), ...): from the content to the part; () is all of it
    cdef tuple steps            # the layouts that each op of the chain gave
    cdef object layout          # a NumPy array laid out as this tensor would be if it had memory: says what is a view
    cdef Py_ssize_t seen        # of which write the tensor's array is


cdef Cut new_cut(Content content, tuple chain, tuple steps, object layout):
    cdef Cut cut = Cut.__new__(Cut)
    cut.content = content
    cut.chain = chain
    cut.steps = steps
    cut.layout = layout
    cut.seen = content.writes
    return cut


cdef Cut cut_of(Variable v):
    cdef Content content
    if v.cut is None:
        content = Content.__new__(Content)
        content.array = v.array_
        v.cut = new_cut(content, (), (), numpy.empty(tuple(v.array_.shape), dtype=bool))
    return v.cut


cdef int share_memory(Variable v, Variable source) except -1:
    # v, which has the array of source, is another name for its memory.
    cdef Cut cut
    if layouts is not None:
        cut = cut_of(source)
        v.cut = new_cut(cut.content, cut.chain, cut.steps, cut.layout)
    return 0


cdef bint cut_view(Variable result, Variable source, Op op, dict params) except -1:
    # Whether a view op gave a view, by NumPy's rules; if it did, the result gets its Cut.
    cdef Cut cut = cut_of(source)
    cdef object layout = call(op.forward, (layouts, cut.layout), params if params else None)
    if not same_memory(layout, cut.layout):
        return False
    cdef Py_ssize_t n = steps_to(cut.steps, layout)
    if n:
        result.cut = new_cut(cut.content, cut.chain[:n], cut.steps[:n], layout)
    else:
        result.cut = new_cut(cut.content, cut.chain + ((op, params),), cut.steps + (layout,), layout)
    return True


cdef int cut_again(Variable v) except -1:
    cdef object array = v.cut.content.array
    for op, params in v.cut.chain:
        array = call((<Op>op).forward, (table_of(array), array), params if params else None)
    v.array_ = as_array(array)
    v.cut.seen = v.cut.content.writes
    return 0


cdef inline object array_of(Variable v):
    # The tensor's array, as the last write through any alias left it.
    if v.cut is not None and v.cut.seen != v.cut.content.writes:
        cut_again(v)
    return v.array_


def layout(Variable v):
    """A NumPy array without values, laid out as the tensor would be if its library's arrays had memory that can be
    written; None if they have, or if the tensor has no aliases."""
    return None if v.cut is None else v.cut.layout


def write(Variable v, array):
    """Note that ``array`` is now what a tensor holds, in its memory or, where that cannot be written, in its place."""
    cdef Cut cut = v.cut
    array = as_array(array)
    if cut is not None:
        if not cut.layout.flags.writeable:
            raise ValueError("a broadcast tensor cannot be written: several of its elements are one; .clone() it first")
        cut.content.array = replace_part(cut.content.array, cut.chain, array) if cut.chain else array
        cut.content.writes += 1
        cut.seen = cut.content.writes
    v.array_ = array
    v.version.count += 1
