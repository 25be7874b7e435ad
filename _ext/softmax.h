/* Softmax, its logarithm and the cross-entropy, over the rows of contiguous arrays.
 *
 * A template: this file includes itself once for each type.
 */
#ifndef TP_SOFTMAX_H
#define TP_SOFTMAX_H

#include <math.h>
#include <stdint.h>

#include "arrays.h"
#include "exp.h"
#include "simd.h"
#include "sums.h"

/* Elements of short rows that pass through one exponential loop: they stay in the first cache. */
#define TP_ROWS_AT_ONCE 4096

/* Times any array's length, which is below 2^63, it is finite. */
#define TP_LARGE_PRODUCT 1e280

#define REAL float
#define KIND(name) name##_f32
#include "softmax.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_f64
#include "softmax.h"
#undef REAL
#undef KIND

#define tp_softmax(kind, ...) TP_BY_KIND(tp_softmax, kind, __VA_ARGS__)
#define tp_log_softmax(kind, ...) TP_BY_KIND(tp_log_softmax, kind, __VA_ARGS__)
#define tp_softmax_grad(kind, ...) TP_BY_KIND(tp_softmax_grad, kind, __VA_ARGS__)
#define tp_log_softmax_grad(kind, ...) TP_BY_KIND(tp_log_softmax_grad, kind, __VA_ARGS__)
#define tp_cross_entropy(kind, ...) TP_BY_KIND(tp_cross_entropy, kind, __VA_ARGS__)

#elif defined(REAL)

#define SOURCE const REAL *TP_RESTRICT
#define RESULT REAL *TP_RESTRICT

/* How many of the rows that are left to take at a time. */
TP_INLINE ptrdiff_t KIND(tp_rows_at_once)(ptrdiff_t left, ptrdiff_t n) {
    ptrdiff_t some = n < TP_ROWS_AT_ONCE ? TP_ROWS_AT_ONCE / n : 1;
    return some < left ? some : left;
}

/* y = x - its maximum, which is returned */
TP_INLINE REAL KIND(tp_shift)(RESULT y, SOURCE x, ptrdiff_t n) {
    REAL m;
    TP_MAXIMUM(REAL, m, x, n);
    for (ptrdiff_t i = 0; i < n; i++) y[i] = x[i] - m;
    return m;
}

/* e = exp(x - maximum of the row), for a few rows. Short rows are shifted one by one but exponentiated as
 * one, so that the vectors are full. */
TP_INLINE void KIND(tp_exp_rows)(RESULT e, SOURCE x, ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t r = 0; r < rows; r++) KIND(tp_shift)(e + r * n, x + r * n, n);
    for (ptrdiff_t i = 0; i < rows * n; i++) e[i] = KIND(tp_decay)(e[i]);
}

/* y = softmax of each row */
static TP_SIMD void KIND(tp_softmax)(RESULT y, SOURCE x, ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t from = 0, some; from < rows; from += some) {
        some = KIND(tp_rows_at_once)(rows - from, n);
        KIND(tp_exp_rows)(y + from * n, x + from * n, some, n);
        for (ptrdiff_t r = from; r < from + some; r++) {
            REAL *e = y + r * n;
            double total;
            TP_SUM(REAL, total, i, n, e[i]);
            const REAL factor = (REAL)(1 / total);
            for (ptrdiff_t i = 0; i < n; i++) e[i] *= factor;
        }
    }
}

/* y = logarithm of softmax of each row */
static TP_SIMD void KIND(tp_log_softmax)(RESULT y, SOURCE x, ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t from = 0, some; from < rows; from += some) {
        some = KIND(tp_rows_at_once)(rows - from, n);
        KIND(tp_exp_rows)(y + from * n, x + from * n, some, n);
        for (ptrdiff_t r = from; r < from + some; r++) {
            const REAL *row = x + r * n;
            REAL *e = y + r * n, m;
            double total;
            TP_MAXIMUM(REAL, m, row, n);
            TP_SUM(REAL, total, i, n, e[i]);
            const REAL shift = (REAL)log(total);
            for (ptrdiff_t i = 0; i < n; i++) e[i] = (row[i] - m) - shift;
        }
    }
}

/* gx = y * (g - sum of g * y) in each row */
static TP_SIMD void KIND(tp_softmax_grad)(RESULT gx, SOURCE g, SOURCE y, ptrdiff_t rows, ptrdiff_t n) {
    for (; rows > 0; rows--, gx += n, g += n, y += n) {
        double total;
        TP_SUM(REAL, total, i, n, g[i] * y[i]);
        const REAL mean = (REAL)total;
        for (ptrdiff_t i = 0; i < n; i++) gx[i] = y[i] * (g[i] - mean);
    }
}

/* gx = g - exp(y) * sum of g in each row */
static TP_SIMD void KIND(tp_log_softmax_grad)(RESULT gx, SOURCE g, SOURCE y, ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t from = 0, some; from < rows; from += some) {
        some = KIND(tp_rows_at_once)(rows - from, n);
        for (ptrdiff_t i = from * n; i < (from + some) * n; i++) gx[i] = KIND(tp_exp)(y[i]);
        for (ptrdiff_t r = from; r < from + some; r++) {
            const REAL *row = g + r * n;
            REAL *e = gx + r * n;
            double total;
            TP_SUM(REAL, total, i, n, row[i]);
            const REAL sum = (REAL)total;
            for (ptrdiff_t i = 0; i < n; i++) e[i] = row[i] - e[i] * sum;
        }
    }
}

/* loss = -log softmax of each row at its target, or, reduced, the sum of these times scale. slope = its
 * derivative, times scale. A target is a class, or `ignore` for a row that counts nothing.
 *
 * Reduced, the rows' totals, each from 1 to n, are multiplied and the logarithm is taken once for many rows. */
static TP_SIMD void KIND(tp_cross_entropy)(RESULT loss, RESULT slope, SOURCE x,
                                           const int64_t *TP_RESTRICT target, ptrdiff_t rows, ptrdiff_t n,
                                           int64_t ignore, int reduced, double scale) {
    tp_total all = {0, 0};
    double product = 1;
    for (ptrdiff_t from = 0, some; from < rows; from += some) {
        some = KIND(tp_rows_at_once)(rows - from, n);
        for (ptrdiff_t r = from; r < from + some; r++) {
            const REAL *row = x + r * n;
            const double own = KIND(tp_shift)(slope + r * n, row, n);
            if (!reduced)
                loss[r] = target[r] == ignore ? 0 : (REAL)(own - (double)row[target[r]]);
            else if (target[r] != ignore)
                tp_total_add(&all, own - (double)row[target[r]]);
        }
        for (ptrdiff_t i = from * n; i < (from + some) * n; i++) slope[i] = KIND(tp_decay)(slope[i]);
        for (ptrdiff_t r = from; r < from + some; r++) {
            REAL *e = slope + r * n;
            if (target[r] == ignore) {
                for (ptrdiff_t i = 0; i < n; i++) e[i] = 0;
                continue;
            }
            double total;
            TP_SUM(REAL, total, i, n, e[i]);
            const REAL factor = (REAL)(scale / total);
            for (ptrdiff_t i = 0; i < n; i++) e[i] *= factor;
            e[target[r]] -= (REAL)scale;
            if (!reduced) {
                loss[r] = (REAL)(log(total) + (double)loss[r]);
                continue;
            }
            product *= total;
            if (product > TP_LARGE_PRODUCT) {
                tp_total_add(&all, log(product));
                product = 1;
            }
        }
    }
    if (reduced) {
        tp_total_add(&all, log(product));
        *loss = (REAL)(tp_total_value(all) * scale);
    }
}

#undef SOURCE
#undef RESULT

#endif
