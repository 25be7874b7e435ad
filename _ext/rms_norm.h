/* Normalisation of rows by the root of their mean square.
 *
 * A template: this file includes itself once for each type.
 */
#ifndef TP_RMS_NORM_H
#define TP_RMS_NORM_H

#include <math.h>

#include "arrays.h"
#include "row_norm.h"
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

static TP_SIMD void KIND(tp_rms_norm_slab)(RESULT y, RESULT rstd, SOURCE x, SOURCE weight, int rows, ptrdiff_t n,
                                           double eps) {
    double total[TP_ROW_NORM_SLAB];
    for (int r = 0; r < rows; r++) TP_SUM(REAL, total[r], i, n, x[r * n + i] * x[r * n + i]);
    for (int r = 0; r < rows; r++) rstd[r] = (REAL)(1 / sqrt(total[r] / (double)n + eps));
    for (int r = 0; r < rows; r++, x += n, y += n) {
        const REAL s = rstd[r];
        if (weight != NULL)
            for (ptrdiff_t i = 0; i < n; i++) y[i] = x[i] * s * weight[i];
        else
            for (ptrdiff_t i = 0; i < n; i++) y[i] = x[i] * s;
    }
}

static void KIND(tp_rms_norm_chunk)(void *job, ptrdiff_t chunk, int worker) {
    const tp_row_norm *p = (const tp_row_norm *)job;
    const ptrdiff_t first = chunk * TP_ROW_NORM_CHUNK, n = p->n;
    const ptrdiff_t end = p->rows - first < TP_ROW_NORM_CHUNK ? p->rows : first + TP_ROW_NORM_CHUNK;
    (void)worker;
    for (ptrdiff_t r = first; r < end; r += TP_ROW_NORM_SLAB)
        KIND(tp_rms_norm_slab)((REAL *)p->y + r * n, (REAL *)p->rstd + r, (const REAL *)p->x + r * n,
                               (const REAL *)p->weight,
                               (int)(end - r < TP_ROW_NORM_SLAB ? end - r : TP_ROW_NORM_SLAB), n, p->eps);
}

/* y = x * rstd * weight in each row */
static inline void KIND(tp_rms_norm)(tp_row_norm *p) { tp_row_norm_run(KIND(tp_rms_norm_chunk), p); }

/* What element i of a row adds to the sums in lane l. */
#define TP_RMS_NORM_ADD(l, i)                                      \
    do {                                                           \
        lane[l] += (weighted ? g[i] * weight[i] : g[i]) * x[i];    \
        if (summed) w_sum[i] += g[i] * (x[i] * rstd);              \
    } while (0)

/* gx = rstd * (h - v * mean of h v) with v = x * rstd and h = g * weight, in one row. If `summed`, g v is added to
 * w_sum. `weighted` and `summed` are constants of each call. */
TP_INLINE void KIND(tp_rms_norm_grad_row)(RESULT gx, RESULT w_sum, SOURCE g, SOURCE x, SOURCE weight, const REAL rstd,
                                          ptrdiff_t n, const int weighted, const int summed) {
    tp_total total = {0, 0};
    for (ptrdiff_t at = 0, end; at < n; at = end) {
        REAL lane[TP_LANES(REAL)];
        for (int l = 0; l < TP_LANES(REAL); l++) lane[l] = 0;
        end = n - at > TP_BLOCK ? at + TP_BLOCK : n;
        for (; at + TP_LANES(REAL) <= end; at += TP_LANES(REAL))
            for (int l = 0; l < TP_LANES(REAL); l++) TP_RMS_NORM_ADD(l, at + l);
        for (ptrdiff_t i = at; i < end; i++) TP_RMS_NORM_ADD(i - at, i);
        TP_FOLD(TP_ADD, lane, TP_LANES(REAL))
        tp_total_add(&total, lane[0]);
    }
    if (gx == NULL) return;
    const REAL tilt = (REAL)(tp_total_value(total) / (double)n * rstd * rstd);
    for (ptrdiff_t i = 0; i < n; i++) gx[i] = rstd * ((weighted ? g[i] * weight[i] : g[i]) - x[i] * tilt);
}
#undef TP_RMS_NORM_ADD

static TP_SIMD void KIND(tp_rms_norm_grad_rows)(REAL *gx, REAL *w_sum, const REAL *g, const REAL *x, const REAL *weight,
                                                const REAL *rstd, ptrdiff_t rows, ptrdiff_t n) {
    if (w_sum != NULL)
        for (ptrdiff_t i = 0; i < n; i++) w_sum[i] = 0;
    for (ptrdiff_t r = 0; r < rows; r++, g += n, x += n) {
        REAL *out = gx == NULL ? NULL : gx + r * n;
        if (w_sum != NULL && weight != NULL)
            KIND(tp_rms_norm_grad_row)(out, w_sum, g, x, weight, rstd[r], n, 1, 1);
        else if (w_sum != NULL)
            KIND(tp_rms_norm_grad_row)(out, w_sum, g, x, weight, rstd[r], n, 0, 1);
        else if (weight != NULL)
            KIND(tp_rms_norm_grad_row)(out, w_sum, g, x, weight, rstd[r], n, 1, 0);
        else
            KIND(tp_rms_norm_grad_row)(out, w_sum, g, x, weight, rstd[r], n, 0, 0);
    }
}

static void KIND(tp_rms_norm_grad_chunk)(void *job, ptrdiff_t chunk, int worker) {
    const tp_row_norm *p = (const tp_row_norm *)job;
    const ptrdiff_t first = chunk * TP_ROW_NORM_CHUNK, n = p->n;
    (void)worker;
    KIND(tp_rms_norm_grad_rows)(p->gx == NULL ? NULL : (REAL *)p->gx + first * n,
                                p->sums == NULL ? NULL : (REAL *)p->sums + chunk * n, (const REAL *)p->g + first * n,
                                (const REAL *)p->x + first * n, (const REAL *)p->weight, (const REAL *)p->rstd + first,
                                p->rows - first < TP_ROW_NORM_CHUNK ? p->rows - first : TP_ROW_NORM_CHUNK, n);
}

/* gx and gw, each of which may be NULL. 0 if there is no memory for the sums. */
static inline int KIND(tp_rms_norm_grad)(tp_row_norm *p, REAL *gw) {
    return KIND(tp_row_norm_grad)(KIND(tp_rms_norm_grad_chunk), p, gw, NULL);
}

#undef SOURCE
#undef RESULT

#endif
