/* Normalisation of rows by the root of their mean square.
 *
 * A template: this file includes itself once for each type.
 */
#ifndef TP_RMS_NORM_H
#define TP_RMS_NORM_H

#include <math.h>

#include "arrays.h"
#include "simd.h"
#include "sums.h"

#define REAL float
#define KIND(name) name##_f32
#include "rms_norm.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_f64
#include "rms_norm.h"
#undef REAL
#undef KIND

#define tp_rms_norm(kind, ...) TP_BY_KIND(tp_rms_norm, kind, __VA_ARGS__)
#define tp_rms_norm_grad(kind, ...) TP_BY_KIND(tp_rms_norm_grad, kind, __VA_ARGS__)

#elif defined(REAL)

#define SOURCE const REAL *TP_RESTRICT
#define RESULT REAL *TP_RESTRICT

/* y = x * rstd * weight in each row; weight may be NULL. */
static TP_SIMD void KIND(tp_rms_norm)(RESULT y, RESULT rstd, SOURCE x, SOURCE weight, ptrdiff_t rows, ptrdiff_t n,
                                      double eps) {
    for (ptrdiff_t r = 0; r < rows; r++, x += n, y += n) {
        double total;
        TP_SUM(REAL, total, i, n, x[i] * x[i]);
        const REAL s = (REAL)(1 / sqrt(total / (double)n + eps));
        rstd[r] = s;
        if (weight != NULL)
            for (ptrdiff_t i = 0; i < n; i++) y[i] = x[i] * s * weight[i];
        else
            for (ptrdiff_t i = 0; i < n; i++) y[i] = x[i] * s;
    }
}

/* gx = rstd * (h - x rstd * mean of h x rstd) in each row i of h. */
#define TP_RMS_NORM_GRAD_ROW(h)                                                         \
    do {                                                                                \
        double total;                                                                   \
        TP_SUM(REAL, total, i, n, (h) * x[i]);                                          \
        const REAL tilt = (REAL)(total / (double)n * s * s);                            \
        for (ptrdiff_t i = 0; i < n; i++) gx[i] = s * ((h) - x[i] * tilt);              \
    } while (0)

static TP_SIMD void KIND(tp_rms_norm_grad_x)(RESULT gx, SOURCE g, SOURCE x, SOURCE weight, SOURCE rstd, ptrdiff_t rows,
                                             ptrdiff_t n) {
    for (ptrdiff_t r = 0; r < rows; r++, gx += n, g += n, x += n) {
        const REAL s = rstd[r];
        if (weight != NULL)
            TP_RMS_NORM_GRAD_ROW(g[i] * weight[i]);
        else
            TP_RMS_NORM_GRAD_ROW(g[i]);
    }
}
#undef TP_RMS_NORM_GRAD_ROW

/* gw = sum over the rows of g * x * rstd */
static TP_SIMD void KIND(tp_rms_norm_grad_w)(RESULT gw, SOURCE g, SOURCE x, SOURCE rstd, ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t from = 0; from < n; from += TP_TILE) {
        const int width = n - from < TP_TILE ? (int)(n - from) : TP_TILE;
        double total[TP_TILE];
        TP_SUM_COLUMNS(REAL, total, r, rows, c, width, g[r * n + from + c] * (x[r * n + from + c] * rstd[r]));
        for (int c = 0; c < width; c++) gw[from + c] = (REAL)total[c];
    }
}

/* gx and gw, each of which may be NULL. */
static void KIND(tp_rms_norm_grad)(REAL *gx, REAL *gw, const REAL *g, const REAL *x, const REAL *weight,
                                   const REAL *rstd, ptrdiff_t rows, ptrdiff_t n) {
    if (gx != NULL) KIND(tp_rms_norm_grad_x)(gx, g, x, weight, rstd, rows, n);
    if (gw != NULL) KIND(tp_rms_norm_grad_w)(gw, g, x, rstd, rows, n);
}

#undef SOURCE
#undef RESULT

#endif
