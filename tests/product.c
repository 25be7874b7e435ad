/* The matrix products of _ext/product.h for test_product.py, without Python: built there for one instruction set after
 * another. */
#include "product.h"

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

EXPORT const char *level(void) { return tp_simd_level(); }
EXPORT int vector_bytes(void) { return tp_vector_bytes(); }

/* As the plan says, or in a way of the caller's choice; 1, or 0 where that way is not for these strides. */
EXPORT int multiply(int kind, int bytes, const tp_plan *product, int own_way) {
    tp_plan p = *product;
    if (!own_way) {
        tp_make_plan(&p, kind, bytes);
    } else if (p.dots ? p.a.column != 1 || p.b.row != 1 : !p.pack_b && p.b.column != 1) {
        return 0;
    }
    tp_multiply_by(kind, bytes)(&p);
    return 1;
}
