/* Affine maps of contiguous rows. */
#ifndef TP_LINALG_H
#define TP_LINALG_H

#include "arrays.h"
#include "elementwise.h"
#include "gemm.h"
#include "sums.h"

/* y = x @ w.T + b;  x (rows, in), w (out, in), b (out) or NULL */
static void tp_linear(int kind, void *y, void *x, void *w, void *b, npy_intp rows, npy_intp in, npy_intp out) {
    tp_multiply(&(tp_product){.kind = kind, .batch = 1, .n = rows, .k = in, .m = out, .a = tp_rows(kind, x, rows, in),
                              .b = tp_transposed(tp_rows(kind, w, out, in)), .c = tp_rows(kind, y, rows, out),
                              .base = tp_every_row(kind, b)});
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
