"""Attention: each head's scores, softmax and weighted sum in one call, forward and backward.

The operands may be strided but for their last axis, so heads are cut out of a projection without a copy.
"""
cimport numpy as cnp
from libc.string cimport memset

cnp.import_array()

include "arrays.pxi"

cdef extern from "attention.h":
    ctypedef struct tp_heads:
        char* data
        cnp.npy_intp row
        cnp.npy_intp* outer
    ctypedef struct tp_attention:
        int kind, ndim
        cnp.npy_intp* shape
        cnp.npy_intp heads, rows, keys, width, value_width
        bint causal
        int mask_kind
        double scale, gain
        tp_heads q, k, v, mask, kept, y, lse, g, gq, gk, gv
    bint tp_import_gemm() except -1
    bint tp_attend(tp_attention*, bint back) nogil

cdef bint has_gemm = tp_import_gemm()


cdef bint place(tp_attention* a, tp_heads* operand, object array, cnp.npy_intp rows, cnp.npy_intp columns):
    """Whether ``array`` is (*heads, rows, columns) with dense columns: then ``operand`` says where each head is."""
    cdef int ndim = tp_ndim(array), i
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(array)
    if ndim != a.ndim + 2 or cnp.PyArray_DIM(array, ndim - 2) != rows or cnp.PyArray_DIM(array, ndim - 1) != columns:
        return False
    if not cnp.PyArray_CompareLists(tp_shape(array), a.shape, a.ndim):
        return False
    operand.data = cnp.PyArray_BYTES(array)
    operand.row = cnp.PyArray_STRIDE(array, ndim - 2)
    for i in range(a.ndim):
        operand.outer[i] = cnp.PyArray_STRIDE(array, i)
    if columns > 1 and cnp.PyArray_STRIDE(array, ndim - 1) != item:
        return False
    # BLAS takes rows that lie apart, not ones that overlap; a single row may have any stride.
    if rows == 1:
        operand.row = columns * item
    return operand.row >= columns * item and operand.row % item == 0


cdef bint spread(tp_attention* a, tp_heads* operand, object array):
    """Whether ``array`` broadcasts to (*heads, rows, keys): then ``operand`` says where each row is."""
    cdef int ndim = tp_ndim(array), i, axis
    cdef cnp.npy_intp size, full, step
    if ndim > a.ndim + 2:
        return False
    memset(operand, 0, sizeof(tp_heads))
    operand.data = cnp.PyArray_BYTES(array)
    for i in range(1, ndim + 1):
        size, step = cnp.PyArray_DIM(array, ndim - i), cnp.PyArray_STRIDE(array, ndim - i)
        axis = a.ndim + 2 - i
        full = a.keys if i == 1 else a.rows if i == 2 else a.shape[axis]
        if size != full and size != 1:
            return False
        if i == 1:
            if size != full or (full > 1 and step != cnp.PyArray_ITEMSIZE(array)):
                return False
        elif i == 2:
            operand.row = 0 if size == 1 else step
        else:
            operand.outer[axis] = 0 if size == 1 else step
    return ndim > 0


cdef bint is_behaved(object array, int type_num):
    return cnp.PyArray_CheckExact(array) and cnp.PyArray_ISBEHAVED_RO(array) and cnp.PyArray_TYPE(array) == type_num


cdef bint describe(tp_attention* a, object mask, object kept, object causal, object scale, object gain):
    """Mask, dropout and numbers; the shapes are there already."""
    if type(causal) is not bool or not tp_number(scale, &a.scale) or not tp_number(gain, &a.gain):
        return False
    a.causal = causal
    a.mask.data, a.kept.data, a.mask_kind = NULL, NULL, 0
    if mask is not None:
        a.mask_kind = 1 if is_behaved(mask, cnp.NPY_BOOL) else 2
        if a.mask_kind == 2 and tp_strided_kind(mask) != a.kind:
            return False
        if not spread(a, &a.mask, mask):
            return False
    return kept is None or (is_behaved(kept, cnp.NPY_BOOL) and spread(a, &a.kept, kept))


cdef bint begin(tp_attention* a, object q, object k, object v):
    """Whether the three are what can be handled: then ``a`` holds their sizes and places."""
    cdef int i, ndim
    a.kind = tp_strided_kind(q)
    if a.kind < 0 or tp_strided_kind(k) != a.kind or tp_strided_kind(v) != a.kind or not has_gemm:
        return False
    ndim = tp_ndim(q)
    if ndim < 2 or tp_ndim(k) != ndim or tp_ndim(v) != ndim:
        return False
    if tp_size(q) == 0 or tp_size(k) == 0 or tp_size(v) == 0:
        return False
    a.ndim = ndim - 2
    a.heads = 1
    for i in range(a.ndim):
        a.shape[i] = tp_shape(q)[i]
        a.heads *= a.shape[i]
    a.rows, a.width = tp_shape(q)[ndim - 2], tp_shape(q)[ndim - 1]
    a.keys, a.value_width = tp_shape(k)[ndim - 2], tp_shape(v)[ndim - 1]
    return (place(a, &a.q, q, a.rows, a.width) and place(a, &a.k, k, a.keys, a.width)
            and place(a, &a.v, v, a.keys, a.value_width))


cdef object run(tp_attention* a, bint back):
    cdef bint done
    cdef PyThreadState* state = tp_release_gil(a.heads * a.rows * a.keys)
    done = tp_attend(a, back)
    tp_take_gil(state)
    if not done:
        raise MemoryError()


cdef object new_statistics(tp_attention* a):
    """An array (*heads, rows), and its place as lse."""
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    cdef int i
    for i in range(a.ndim):
        shape[i] = a.shape[i]
    shape[a.ndim] = a.rows
    lse = tp_empty(a.kind, a.ndim + 1, shape)
    place_statistics(a, lse)
    return lse


cdef bint place_statistics(tp_attention* a, object lse):
    cdef int i
    if tp_kind(lse) != a.kind or tp_ndim(lse) != a.ndim + 1 or tp_shape(lse)[a.ndim] != a.rows:
        return False
    if not cnp.PyArray_CompareLists(tp_shape(lse), a.shape, a.ndim):
        return False
    a.lse.data = <char*>tp_data(lse)
    for i in range(a.ndim):
        a.lse.outer[i] = cnp.PyArray_STRIDE(lse, i)
    return True


cdef object new_operand(tp_attention* a, tp_heads* operand, cnp.npy_intp rows, cnp.npy_intp columns):
    """A new array (*heads, rows, columns), and its place."""
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    cdef int i
    for i in range(a.ndim):
        shape[i] = a.shape[i]
    shape[a.ndim], shape[a.ndim + 1] = rows, columns
    array = tp_empty(a.kind, a.ndim + 2, shape)
    place(a, operand, array, rows, columns)
    return array


def attention(q, k, v, mask, kept, causal, scale, gain):
    cdef tp_attention a
    if not begin(&a, q, k, v) or not describe(&a, mask, kept, causal, scale, gain):
        return NotImplemented
    lse = new_statistics(&a)
    y = new_operand(&a, &a.y, a.rows, a.value_width)
    run(&a, False)
    return y, lse


def attention_grad(g, q, k, v, mask, kept, y, lse, causal, scale, gain, needs):
    cdef tp_attention a
    need_q, need_k, need_v, need_mask = needs
    if need_mask or not begin(&a, q, k, v) or not describe(&a, mask, kept, causal, scale, gain):
        return NotImplemented
    if tp_strided_kind(g) != a.kind or tp_strided_kind(y) != a.kind or not place_statistics(&a, lse):
        return NotImplemented
    if not place(&a, &a.g, g, a.rows, a.value_width) or not place(&a, &a.y, y, a.rows, a.value_width):
        return NotImplemented
    a.gq.data = a.gk.data = a.gv.data = NULL
    gq = new_operand(&a, &a.gq, a.rows, a.width) if need_q else None
    gk = new_operand(&a, &a.gk, a.keys, a.width) if need_k else None
    gv = new_operand(&a, &a.gv, a.keys, a.value_width) if need_v else None
    run(&a, True)
    return gq, gk, gv, None


cdef bint place_packed(tp_attention* a, tp_heads* operand, object array, int part, int parts):
    """Head h of part p of ``array`` (..., rows, parts * heads * width) starts at column (p * heads + h) * width."""
    cdef int ndim = tp_ndim(array), i
    cdef cnp.npy_intp item = cnp.PyArray_ITEMSIZE(array), heads = a.shape[a.ndim - 1]
    cdef cnp.npy_intp columns = parts * heads * a.width
    if ndim != a.ndim + 1 or cnp.PyArray_DIM(array, ndim - 2) != a.rows or cnp.PyArray_DIM(array, ndim - 1) != columns:
        return False
    if not cnp.PyArray_CompareLists(tp_shape(array), a.shape, ndim - 2):
        return False
    operand.data = cnp.PyArray_BYTES(array) + part * heads * a.width * item
    operand.row = cnp.PyArray_STRIDE(array, ndim - 2)
    for i in range(ndim - 2):
        operand.outer[i] = cnp.PyArray_STRIDE(array, i)
    operand.outer[a.ndim - 1] = a.width * item
    if columns > 1 and cnp.PyArray_STRIDE(array, ndim - 1) != item:
        return False
    if a.rows == 1:
        operand.row = columns * item
    return operand.row >= columns * item and operand.row % item == 0


cdef bint begin_packed(tp_attention* a, object qkv, object heads):
    cdef int i, ndim
    cdef cnp.npy_intp number
    a.kind = tp_strided_kind(qkv)
    if a.kind < 0 or not has_gemm or type(heads) is not int or heads < 1:
        return False
    ndim, number = tp_ndim(qkv), heads
    if ndim < 2 or tp_size(qkv) == 0 or tp_shape(qkv)[ndim - 1] % (3 * number) or ndim == NPY_MAXDIMS:
        return False
    a.ndim, a.heads = ndim - 1, number
    for i in range(ndim - 2):
        a.shape[i] = tp_shape(qkv)[i]
        a.heads *= a.shape[i]
    a.shape[ndim - 2] = number
    a.rows = a.keys = tp_shape(qkv)[ndim - 2]
    a.width = a.value_width = tp_shape(qkv)[ndim - 1] // (3 * number)
    return (place_packed(a, &a.q, qkv, 0, 3) and place_packed(a, &a.k, qkv, 1, 3)
            and place_packed(a, &a.v, qkv, 2, 3))


cdef object new_packed(tp_attention* a, int parts):
    """A new array (..., rows, parts * heads * width)."""
    cdef cnp.npy_intp[NPY_MAXDIMS] shape
    cdef int i
    for i in range(a.ndim - 1):
        shape[i] = a.shape[i]
    shape[a.ndim - 1], shape[a.ndim] = a.rows, parts * a.shape[a.ndim - 1] * a.width
    return tp_empty(a.kind, a.ndim + 1, shape)


def self_attention(qkv, mask, kept, heads, causal, scale, gain):
    cdef tp_attention a
    if not begin_packed(&a, qkv, heads) or not describe(&a, mask, kept, causal, scale, gain):
        return NotImplemented
    lse = new_statistics(&a)
    y = new_packed(&a, 1)
    place_packed(&a, &a.y, y, 0, 1)
    run(&a, False)
    return y, lse


def self_attention_grad(g, qkv, mask, kept, y, lse, heads, causal, scale, gain, needs):
    cdef tp_attention a
    need_qkv, need_mask = needs
    if not need_qkv or need_mask or not begin_packed(&a, qkv, heads):
        return NotImplemented
    if not describe(&a, mask, kept, causal, scale, gain):
        return NotImplemented
    if tp_strided_kind(g) != a.kind or tp_strided_kind(y) != a.kind or not place_statistics(&a, lse):
        return NotImplemented
    if not place_packed(&a, &a.g, g, 0, 1) or not place_packed(&a, &a.y, y, 0, 1):
        return NotImplemented
    gqkv = new_packed(&a, 3)
    place_packed(&a, &a.gq, gqkv, 0, 3)
    place_packed(&a, &a.gk, gqkv, 1, 3)
    place_packed(&a, &a.gv, gqkv, 2, 3)
    run(&a, True)
    return gqkv, None
