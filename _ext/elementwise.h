/* Arithmetic, ReLU, masks and reductions of contiguous arrays.
 *
 * A template: this file includes itself once for each type.
 */
#ifndef TP_ELEMENTWISE_H
#define TP_ELEMENTWISE_H

#include "arrays.h"
#include "simd.h"
#include "sums.h"

enum { TP_OP_ADD, TP_OP_SUBTRACT, TP_OP_MULTIPLY, TP_OP_DIVIDE };

#define REAL float
#define KIND(name) name##_f32
#include "elementwise.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_f64
#include "elementwise.h"
#undef REAL
#undef KIND

#define tp_arithmetic(kind, ...) TP_BY_KIND(tp_arithmetic, kind, __VA_ARGS__)
#define tp_relu(kind, ...) TP_BY_KIND(tp_relu, kind, __VA_ARGS__)
#define tp_relu_grad(kind, ...) TP_BY_KIND(tp_relu_grad, kind, __VA_ARGS__)
#define tp_masked_scale(kind, ...) TP_BY_KIND(tp_masked_scale, kind, __VA_ARGS__)
#define tp_sum_middle(kind, ...) TP_BY_KIND(tp_sum_middle, kind, __VA_ARGS__)

#elif defined(REAL)

#define SOURCE const REAL *TP_RESTRICT
#define RESULT REAL *TP_RESTRICT

#define TP_EACH(operator)                                                  \
    if (a_step && b_step)                                                  \
        for (ptrdiff_t i = 0; i < n; i++) y[i] = a[i] operator b[i];       \
    else if (a_step)                                                       \
        for (ptrdiff_t i = 0; i < n; i++) y[i] = a[i] operator *b;         \
    else                                                                   \
        for (ptrdiff_t i = 0; i < n; i++) y[i] = *a operator b[i];         \
    break;

/* y = a op b; a_step or b_step 0: that operand is one number. */
static TP_SIMD void KIND(tp_arithmetic)(int op, RESULT y, const REAL *a, int a_step, const REAL *b,
                                        int b_step, ptrdiff_t n) {
    switch (op) {
    case TP_OP_ADD: TP_EACH(+)
    case TP_OP_SUBTRACT: TP_EACH(-)
    case TP_OP_MULTIPLY: TP_EACH(*)
    default: TP_EACH(/)
    }
}
#undef TP_EACH

/* The two may be the same array. */
static TP_SIMD void KIND(tp_relu)(REAL *y, const REAL *x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i]; /* so written, NaN stays NaN */
}

static TP_SIMD void KIND(tp_relu_grad)(RESULT gx, const REAL *g, const REAL *y, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) gx[i] = y[i] > 0 ? g[i] : 0;
}

static TP_SIMD void KIND(tp_masked_scale)(RESULT y, SOURCE x, const npy_bool *TP_RESTRICT mask, REAL scale,
                                          ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) y[i] = mask[i] ? x[i] * scale : 0;
}

/* y (outer) = x (outer, summed) summed over its last axis */
static TP_SIMD void KIND(tp_sum_last)(RESULT y, SOURCE x, ptrdiff_t outer, ptrdiff_t summed) {
    for (ptrdiff_t k = 0; k < outer; k++, x += summed) {
        double total;
        TP_SUM(REAL, total, i, summed, x[i]);
        y[k] = (REAL)total;
    }
}

/* y (outer, inner) = x (outer, summed, inner) summed over its middle axis */
static void KIND(tp_sum_middle)(REAL *y, const REAL *x, ptrdiff_t outer, ptrdiff_t summed, ptrdiff_t inner) {
    if (inner == 1)
        KIND(tp_sum_last)(y, x, outer, summed);
    else
        for (ptrdiff_t k = 0; k < outer; k++)
            KIND(tp_sum_rows)(y + k * inner, x + k * summed * inner, summed, inner);
}

#undef SOURCE
#undef RESULT

#endif
