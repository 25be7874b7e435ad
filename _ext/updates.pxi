# updates.h, for the two that describe arrays to a rule.
cdef extern from "updates.h" nogil:
    enum:
        TP_NUMBERS
        TP_UPDATE_ARRAYS
        TP_UPDATE_RANGES
    const char* TP_RULE_CAPSULE
    ctypedef struct tp_update:
        ptrdiff_t n
    ctypedef struct tp_range:
        pass
    ctypedef struct tp_rule:
        int counts, numbers
        void (*run)(tp_update*, ptrdiff_t, const double*) noexcept nogil
    int tp_rule_arrays(const tp_rule*)
    bint tp_describe(tp_update*, const tp_rule*, PyObject**, int* all_own)
    bint tp_same_memory(const tp_update*, const tp_update*)
    bint tp_updates_overlap(const tp_update*, ptrdiff_t, bint all_own, tp_range*)

cdef extern from "arrays.h":
    const int TP_RELEASE_GIL_FROM
