/* Affine maps of contiguous rows: matrix products, with the bias added while the result is in cache. */
#ifndef TP_LINALG_H
#define TP_LINALG_H

#include <stdlib.h>

#include "arrays.h"
#include "gemm.h"
#include "simd.h"
#include "sums.h"

/* tp_add_row: y += b for every row.  tp_add_row_transposed: y = z.T + b, in blocks that stay in cache. */
#define TP_DEFINE_ADD_ROW(real, suffix)                                                                 \
    static TP_SIMD void tp_add_row_##suffix(real *TP_RESTRICT y, const real *TP_RESTRICT b,             \
                                            npy_intp rows, npy_intp n) {                                \
        for (npy_intp r = 0; r < rows; r++)                                                             \
            for (npy_intp i = 0; i < n; i++) y[r * n + i] += b[i];                                      \
    }                                                                                                   \
    static TP_SIMD void tp_add_row_transposed_##suffix(real *TP_RESTRICT y, const real *TP_RESTRICT z,  \
                                                       const real *TP_RESTRICT b, npy_intp rows,        \
                                                       npy_intp n) {                                    \
        for (npy_intp left = 0; left < n; left += 16)                                                   \
            for (npy_intp top = 0; top < rows; top += 16) {                                             \
                const npy_intp right = left + 16 < n ? left + 16 : n;                                   \
                const npy_intp bottom = top + 16 < rows ? top + 16 : rows;                              \
                for (npy_intp r = top; r < bottom; r++)                                                 \
                    for (npy_intp i = left; i < right; i++) y[r * n + i] = z[i * rows + r] + b[i];      \
            }                                                                                           \
    }

TP_DEFINE_ADD_ROW(float, f32)
TP_DEFINE_ADD_ROW(double, f64)

/* Rows whose results stay in the second cache until the bias is added; enough that BLAS does not notice. */
static inline npy_intp tp_linear_rows(npy_intp out) {
    npy_intp rows = ((npy_intp)1 << 17) / out;
    return rows < 512 ? 512 : rows;
}

/* Whether y.T = w @ x.T, transposed while the bias is added, is the faster way. BLAS reorders its operands
 * first, which costs more for a transposed one, so the larger had better not be that. Measured with OpenBLAS
 * 0.3.31 in float32, one thread: 32x784 -> 128 in 75 instead of 95 microseconds, 32x1024 -> 1024 in 670
 * instead of 990. No gain for fewer rows, more rows than outputs, or float64. */
static inline int tp_linear_by_transpose(int kind, npy_intp rows, npy_intp out) {
    return kind == 0 && rows >= 32 && out >= 2 * rows;
}

/* y = x @ w.T + b;  x (rows, in), w (out, in), b (out) or NULL */
static void tp_linear(int kind, void *y, void *x, void *w, void *b, npy_intp rows, npy_intp in,
                      npy_intp out) {
    const npy_intp item = kind ? sizeof(double) : sizeof(float);
    if (b != NULL && tp_linear_by_transpose(kind, rows, out)) {
        void *z = malloc((size_t)(out * rows * item));
        if (z != NULL) {
            tp_gemm(kind, 1, out, in, rows, tp_rows(kind, w, out, in),
                    tp_transposed(tp_rows(kind, x, rows, in)), tp_rows(kind, z, out, rows));
            TP_BY_KIND(tp_add_row_transposed, kind, y, z, b, rows, out);
            free(z);
            return;
        }
    }
    const npy_intp step = b == NULL ? rows : tp_linear_rows(out);
    for (npy_intp from = 0; from < rows; from += step) {
        const npy_intp some = rows - from < step ? rows - from : step;
        char *part = (char *)y + from * out * item;
        tp_gemm(kind, 1, some, in, out, tp_rows(kind, (char *)x + from * in * item, some, in),
                tp_transposed(tp_rows(kind, w, out, in)), tp_rows(kind, part, some, out));
        if (b != NULL) TP_BY_KIND(tp_add_row, kind, (void *)part, b, some, out);
    }
}

/* gx = g @ w, gw = g.T @ x, gb = sum of the rows of g; each may be NULL. */
static void tp_linear_grad(int kind, void *gx, void *gw, void *gb, void *g, void *x, void *w, npy_intp rows,
                           npy_intp in, npy_intp out) {
    const tp_matrix slope = tp_rows(kind, g, rows, out);
    if (gx != NULL)
        tp_gemm(kind, 1, rows, out, in, slope, tp_rows(kind, w, out, in), tp_rows(kind, gx, rows, in));
    if (gw != NULL)
        tp_gemm(kind, 1, out, rows, in, tp_transposed(slope), tp_rows(kind, x, rows, in),
                tp_rows(kind, gw, out, in));
    if (gb != NULL) TP_BY_KIND(tp_sum_rows, kind, gb, g, rows, out);
}

#endif
