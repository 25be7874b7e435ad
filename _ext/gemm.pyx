"""Matrix products for all the other kernels, which reach them through the capsule ``products`` (gemm.h)."""
from cpython.pycapsule cimport PyCapsule_New

cdef extern from "gemm_batch.h" nogil:
    const char* TP_GEMM_CAPSULE
    ctypedef struct tp_products:
        bint available
    const tp_products tp_the_products
    int tp_import_parallel() except -1

tp_import_parallel()
available = tp_the_products.available
products = PyCapsule_New(<void*>&tp_the_products, TP_GEMM_CAPSULE, NULL)
