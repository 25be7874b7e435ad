"""Recurrent layers over whole sequences, and their gradients through time, each in one call without the GIL."""
cimport numpy as cnp

cnp.import_array()

include "arrays.pxi"

cdef extern from "rnn.h":
    const int TP_RNN_TANH, TP_RNN_RELU, TP_LSTM, TP_GRU
    ctypedef struct tp_rnn_layer:
        int mode, kind, reverse
        cnp.npy_intp T, N, n_in, H, G
        void* x
        void* h
        void* c
        void* w_ih
        void* w_hh
        void* b_ih
        void* b_hh
    ctypedef struct tp_rnn_results:
        void* y
        void* h_n
        void* c_n
        void* saved
        void* cells
    ctypedef struct tp_rnn_slopes:
        void* gy
        void* gh_n
        void* gc_n
        void* gx
        void* gh
        void* gc
        void* gw_ih
        void* gw_hh
        void* gb_ih
        void* gb_hh
    int tp_import_memory() except -1
    int tp_import_parallel() except -1
    bint tp_rnn_forward(const tp_rnn_layer*, tp_rnn_results)
    bint tp_rnn_backward(const tp_rnn_layer*, tp_rnn_results, tp_rnn_slopes)

cdef extern from "numpy/arrayobject.h":
    bint PyArray_ISNOTSWAPPED(cnp.ndarray)

tp_import_memory()
tp_import_parallel()

cdef enum:
    WORK = 64   # multiplications that take as long as one element of the other kernels


cdef inline object contiguous(object a, int type_num):
    """A sequence that is merely strided, as one with the batch first, is copied."""
    if cnp.PyArray_CheckExact(a) and cnp.PyArray_TYPE(a) == type_num and tp_kind(a) < 0 and PyArray_ISNOTSWAPPED(a):
        return cnp.PyArray_NewCopy(a, cnp.NPY_CORDER)
    return a


cdef inline bint is_matrix(object a, int kind, cnp.npy_intp rows, cnp.npy_intp columns):
    return tp_kind(a) == kind and tp_ndim(a) == 2 and tp_shape(a)[0] == rows and tp_shape(a)[1] == columns


cdef inline bint is_sequence(object a, int kind, tp_rnn_layer* layer, cnp.npy_intp width):
    return (tp_kind(a) == kind and tp_ndim(a) == 3 and tp_shape(a)[0] == layer.T and tp_shape(a)[1] == layer.N
            and tp_shape(a)[2] == width)


cdef bint describe(tp_rnn_layer* layer, int mode, object x, object h, object c, object w_ih, object w_hh,
                   bint reverse):
    """Whether these arrays are what the compiled layers handle."""
    cdef int kind = tp_kind(x)
    cdef int gates = 4 if mode == TP_LSTM else 3 if mode == TP_GRU else 1
    if kind < 0 or tp_ndim(x) != 3 or tp_size(x) == 0 or tp_kind(h) != kind or tp_ndim(h) != 2:
        return False
    layer.mode, layer.kind, layer.reverse = mode, kind, reverse
    layer.T, layer.N, layer.n_in = tp_shape(x)[0], tp_shape(x)[1], tp_shape(x)[2]
    layer.H, layer.G = tp_shape(h)[1], gates
    if layer.H == 0 or not is_matrix(h, kind, layer.N, layer.H):
        return False
    if mode == TP_LSTM and not is_matrix(c, kind, layer.N, layer.H):
        return False
    if not is_matrix(w_ih, kind, gates * layer.H, layer.n_in) or not is_matrix(w_hh, kind, gates * layer.H, layer.H):
        return False
    layer.x, layer.h, layer.w_ih, layer.w_hh = tp_data(x), tp_data(h), tp_data(w_ih), tp_data(w_hh)
    layer.c = tp_data(c) if mode == TP_LSTM else NULL
    layer.b_ih = layer.b_hh = NULL
    return True


cdef inline cnp.npy_intp work_of(tp_rnn_layer* layer):
    return layer.T * layer.N * layer.G * layer.H * (layer.n_in + layer.H) // WORK


cdef object forward(int mode, object x, object h, object c, object w_ih, object w_hh, object b_ih, object b_hh,
                    bint reverse):
    cdef tp_rnn_layer layer
    cdef tp_rnn_results results
    cdef PyThreadState* state
    cdef bint done
    if not cnp.PyArray_CheckExact(h):
        return NotImplemented
    x = contiguous(x, cnp.PyArray_TYPE(h))
    if not describe(&layer, mode, x, h, c, w_ih, w_hh, reverse):
        return NotImplemented
    if (b_ih is None) != (b_hh is None):
        return NotImplemented
    if b_ih is not None:
        if not tp_is_vector_or_none(b_ih, layer.kind, layer.G * layer.H):
            return NotImplemented
        if not tp_is_vector_or_none(b_hh, layer.kind, layer.G * layer.H):
            return NotImplemented
        layer.b_ih, layer.b_hh = tp_data(b_ih), tp_data(b_hh)
    cdef cnp.npy_intp* shape = [layer.T, layer.N, layer.H]
    cdef cnp.npy_intp* wide = [layer.T, layer.N, 4 * layer.H]
    y = tp_empty(layer.kind, 3, shape)
    h_n = tp_empty(layer.kind, 2, shape + 1)
    saved = tp_empty(layer.kind, 3, wide if mode == TP_LSTM or mode == TP_GRU else shape)
    c_n = tp_empty(layer.kind, 2, shape + 1) if mode == TP_LSTM else None
    cells = tp_empty(layer.kind, 3, shape) if mode == TP_LSTM else None
    results.y, results.h_n, results.saved = tp_data(y), tp_data(h_n), tp_data(saved)
    results.c_n, results.cells = tp_data_or_null(c_n), tp_data_or_null(cells)
    state = tp_release_gil(work_of(&layer))
    done = tp_rnn_forward(&layer, results)
    tp_take_gil(state)
    if not done:
        raise MemoryError("no memory for the scratch arrays of a recurrent layer; make the batch smaller")
    return (y, h_n, c_n, saved, cells) if mode == TP_LSTM else (y, h_n, saved)


cdef object backward(int mode, object gy, object gh_n, object gc_n, object x, object h, object c, object w_ih,
                     object w_hh, object saved, object cells, bint reverse, tuple needs):
    # needs: of x, h, c (LSTM only), w_ih, w_hh, b_ih, b_hh
    cdef tp_rnn_layer layer
    cdef tp_rnn_results results
    cdef tp_rnn_slopes slopes
    cdef PyThreadState* state
    cdef bint done, is_lstm = mode == TP_LSTM
    cdef int kind
    if not cnp.PyArray_CheckExact(h):
        return NotImplemented
    x = contiguous(x, cnp.PyArray_TYPE(h))
    gy = contiguous(gy, cnp.PyArray_TYPE(h))
    gh_n = contiguous(gh_n, cnp.PyArray_TYPE(h))
    gc_n = contiguous(gc_n, cnp.PyArray_TYPE(h))
    if not describe(&layer, mode, x, h, c, w_ih, w_hh, reverse):
        return NotImplemented
    kind = layer.kind
    if not is_sequence(saved, kind, &layer, 4 * layer.H if mode == TP_LSTM or mode == TP_GRU else layer.H):
        return NotImplemented
    if is_lstm and not is_sequence(cells, kind, &layer, layer.H):
        return NotImplemented
    if gy is not None and not is_sequence(gy, kind, &layer, layer.H):
        return NotImplemented
    for g in (gh_n, gc_n):
        if g is not None and not is_matrix(g, kind, layer.N, layer.H):
            return NotImplemented
    cdef cnp.npy_intp* rows = [layer.G * layer.H]
    need_x, need_h, *_, need_w_ih, need_w_hh, need_b_ih, need_b_hh = needs
    gx = tp_empty_like(x, kind) if need_x else None
    gh = tp_empty_like(h, kind)
    gc = tp_empty_like(h, kind) if is_lstm else None
    gw_ih = tp_empty_like(w_ih, kind) if need_w_ih else None
    gw_hh = tp_empty_like(w_hh, kind) if need_w_hh else None
    gb_ih = tp_empty(kind, 1, rows) if need_b_ih else None
    gb_hh = tp_empty(kind, 1, rows) if need_b_hh else None
    results.saved = tp_data(saved)
    results.cells = tp_data(cells) if is_lstm else NULL
    slopes.gy, slopes.gh_n, slopes.gc_n = tp_data_or_null(gy), tp_data_or_null(gh_n), tp_data_or_null(gc_n)
    slopes.gx, slopes.gh, slopes.gc = tp_data_or_null(gx), tp_data(gh), tp_data_or_null(gc)
    slopes.gw_ih, slopes.gw_hh = tp_data_or_null(gw_ih), tp_data_or_null(gw_hh)
    slopes.gb_ih, slopes.gb_hh = tp_data_or_null(gb_ih), tp_data_or_null(gb_hh)
    state = tp_release_gil(work_of(&layer))
    done = tp_rnn_backward(&layer, results, slopes)
    tp_take_gil(state)
    if not done:
        raise MemoryError("no memory for the scratch arrays of a recurrent layer; make the batch smaller")
    first = (gx, gh if need_h else None)
    return (*first, gc if needs[2] else None, gw_ih, gw_hh, gb_ih, gb_hh) if is_lstm else (
        *first, gw_ih, gw_hh, gb_ih, gb_hh)


cdef inline int mode_of(object nonlinearity):
    return TP_RNN_TANH if nonlinearity == "tanh" else TP_RNN_RELU if nonlinearity == "relu" else -1


def rnn(x, h, w_ih, w_hh, b_ih, b_hh, nonlinearity, reverse):
    cdef int mode = mode_of(nonlinearity)
    return NotImplemented if mode < 0 else forward(mode, x, h, None, w_ih, w_hh, b_ih, b_hh, reverse)


def rnn_grad(gy, gh, x, h, w_ih, w_hh, states, nonlinearity, reverse, needs):
    cdef int mode = mode_of(nonlinearity)
    if mode < 0:
        return NotImplemented
    return backward(mode, gy, gh, None, x, h, None, w_ih, w_hh, states, None, reverse, needs)


def lstm(x, h, c, w_ih, w_hh, b_ih, b_hh, reverse):
    return forward(TP_LSTM, x, h, c, w_ih, w_hh, b_ih, b_hh, reverse)


def lstm_grad(gy, gh, gc, x, h, c, w_ih, w_hh, gates, cells, reverse, needs):
    return backward(TP_LSTM, gy, gh, gc, x, h, c, w_ih, w_hh, gates, cells, reverse, needs)


def gru(x, h, w_ih, w_hh, b_ih, b_hh, reverse):
    return forward(TP_GRU, x, h, None, w_ih, w_hh, b_ih, b_hh, reverse)


def gru_grad(gy, gh, x, h, w_ih, w_hh, gates, reverse, needs):
    return backward(TP_GRU, gy, gh, None, x, h, None, w_ih, w_hh, gates, None, reverse, needs)
