# arrays.h, for the modules of kernels.
cdef extern from "arrays.h":
    ctypedef struct PyThreadState:
        pass
    int tp_kind(object)
    int tp_strided_kind(object)
    bint tp_one_stride(object, int start, int stop, cnp.npy_intp* stride)
    bint tp_is_int64(object)
    bint tp_is_bool(object)
    bint tp_is_numeric(object)
    int tp_ndim(object)
    cnp.npy_intp* tp_shape(object)
    cnp.npy_intp tp_size(object)
    void* tp_data(object)
    void* tp_data_or_null(object)
    bint tp_same_shape(object, object)
    bint tp_is_vector_or_none(object, int kind, cnp.npy_intp n)
    bint tp_number(object, double* value)
    object tp_new(int type, int item, int ndim, cnp.npy_intp* shape)
    object tp_empty(int kind, int ndim, cnp.npy_intp* shape)
    object tp_empty_like(object, int kind)
    PyThreadState* tp_release_gil(cnp.npy_intp work)
    void tp_take_gil(PyThreadState*)
    const int NPY_MAXDIMS
