/* Layer normalisation: of each row of a contiguous array.
 *
 * A template: this file includes itself once for each type.
 */
#ifndef TP_LAYER_NORM_H
#define TP_LAYER_NORM_H

#include <math.h>

#include "arrays.h"
#include "row_norm.h"
#include "simd.h"
#include "sums.h"

#define REAL float
#define KIND(name) name##_f32
#include "layer_norm.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_f64
#include "layer_norm.h"
#undef REAL
#undef KIND

#define tp_layer_norm(kind, ...) TP_BY_KIND(tp_layer_norm, kind, __VA_ARGS__)
#define tp_layer_norm_grad(kind, ...) TP_BY_KIND(tp_layer_norm_grad, kind, __VA_ARGS__)

#elif defined(REAL)

#define SOURCE const REAL *TP_RESTRICT
#define RESULT REAL *TP_RESTRICT

static TP_SIMD void KIND(tp_layer_norm_slab)(RESULT y, RESULT mean, RESULT rstd, SOURCE x, SOURCE weight, SOURCE bias,
                                             int rows, ptrdiff_t n, double eps) {
    double total[TP_ROW_NORM_SLAB];
    for (int r = 0; r < rows; r++) {
        TP_SUM(REAL, total[r], i, n, x[r * n + i]);
        mean[r] = (REAL)(total[r] / (double)n);
    }
    for (int r = 0; r < rows; r++) {
        const REAL m = mean[r];
        TP_SUM(REAL, total[r], i, n, (x[r * n + i] - m) * (x[r * n + i] - m));
    }
    for (int r = 0; r < rows; r++) rstd[r] = (REAL)(1 / sqrt(total[r] / (double)n + eps));
    for (int r = 0; r < rows; r++, x += n, y += n) {
        const REAL m = mean[r], s = rstd[r];
        if (weight != NULL && bias != NULL)
            for (ptrdiff_t i = 0; i < n; i++) y[i] = (x[i] - m) * s * weight[i] + bias[i];
        else if (weight != NULL)
            for (ptrdiff_t i = 0; i < n; i++) y[i] = (x[i] - m) * s * weight[i];
        else if (bias != NULL)
            for (ptrdiff_t i = 0; i < n; i++) y[i] = (x[i] - m) * s + bias[i];
        else
            for (ptrdiff_t i = 0; i < n; i++) y[i] = (x[i] - m) * s;
    }
}

static void KIND(tp_layer_norm_chunk)(void *job, ptrdiff_t chunk, int worker) {
    const tp_row_norm *p = (const tp_row_norm *)job;
    const ptrdiff_t first = chunk * TP_ROW_NORM_CHUNK, n = p->n;
    const ptrdiff_t end = p->rows - first < TP_ROW_NORM_CHUNK ? p->rows : first + TP_ROW_NORM_CHUNK;
    (void)worker;
    for (ptrdiff_t r = first; r < end; r += TP_ROW_NORM_SLAB)
        KIND(tp_layer_norm_slab)((REAL *)p->y + r * n, (REAL *)p->mean + r, (REAL *)p->rstd + r,
                                 (const REAL *)p->x + r * n, (const REAL *)p->weight, (const REAL *)p->bias,
                                 (int)(end - r < TP_ROW_NORM_SLAB ? end - r : TP_ROW_NORM_SLAB), n, p->eps);
}

/* y = (x - mean) * rstd * weight + bias in each row */
static inline void KIND(tp_layer_norm)(tp_row_norm *p) { tp_row_norm_run(KIND(tp_layer_norm_chunk), p); }

/* What element i of a row adds to the sums in lane l. */
#define TP_LAYER_NORM_ADD(l, i)                                                 \
    do {                                                                        \
        const REAL away = x[i] - m, h = weighted ? g[i] * weight[i] : g[i];     \
        h_lane[l] += h;                                                         \
        v_lane[l] += h * away;                                                  \
        if (summed) {                                                           \
            w_sum[i] += g[i] * (away * rstd);                                   \
            b_sum[i] += g[i];                                                   \
        }                                                                       \
    } while (0)

/* gx = rstd * (h - mean of h - v * mean of h v) with v = (x - m) * rstd and h = g * weight, in one row. If `summed`,
 * g v is added to w_sum and g to b_sum. `weighted` and `summed` are constants of each call. */
TP_INLINE void KIND(tp_layer_norm_grad_row)(RESULT gx, RESULT w_sum, RESULT b_sum, SOURCE g, SOURCE x, SOURCE weight,
                                            const REAL m, const REAL rstd, ptrdiff_t n, const int weighted,
                                            const int summed) {
    tp_total h_total = {0, 0}, v_total = {0, 0};
    for (ptrdiff_t at = 0, end; at < n; at = end) {
        REAL h_lane[TP_LANES(REAL)], v_lane[TP_LANES(REAL)];
        for (int l = 0; l < TP_LANES(REAL); l++) h_lane[l] = v_lane[l] = 0;
        end = n - at > TP_BLOCK ? at + TP_BLOCK : n;
        for (; at + TP_LANES(REAL) <= end; at += TP_LANES(REAL))
            for (int l = 0; l < TP_LANES(REAL); l++) TP_LAYER_NORM_ADD(l, at + l);
        for (ptrdiff_t i = at; i < end; i++) TP_LAYER_NORM_ADD(i - at, i);
        TP_FOLD(TP_ADD, h_lane, TP_LANES(REAL))
        TP_FOLD(TP_ADD, v_lane, TP_LANES(REAL))
        tp_total_add(&h_total, h_lane[0]);
        tp_total_add(&v_total, v_lane[0]);
    }
    if (gx == NULL) return;
    const REAL shift = (REAL)(tp_total_value(h_total) / (double)n);
    const REAL tilt = (REAL)(tp_total_value(v_total) / (double)n * rstd * rstd);
    for (ptrdiff_t i = 0; i < n; i++)
        gx[i] = rstd * ((weighted ? g[i] * weight[i] : g[i]) - shift - (x[i] - m) * tilt);
}
#undef TP_LAYER_NORM_ADD

static TP_SIMD void KIND(tp_layer_norm_grad_rows)(REAL *gx, REAL *w_sum, REAL *b_sum, const REAL *g, const REAL *x,
                                                  const REAL *weight, const REAL *mean, const REAL *rstd,
                                                  ptrdiff_t rows, ptrdiff_t n) {
    if (w_sum != NULL)
        for (ptrdiff_t i = 0; i < n; i++) w_sum[i] = b_sum[i] = 0;
    for (ptrdiff_t r = 0; r < rows; r++, g += n, x += n) {
        REAL *out = gx == NULL ? NULL : gx + r * n;
        if (w_sum != NULL && weight != NULL)
            KIND(tp_layer_norm_grad_row)(out, w_sum, b_sum, g, x, weight, mean[r], rstd[r], n, 1, 1);
        else if (w_sum != NULL)
            KIND(tp_layer_norm_grad_row)(out, w_sum, b_sum, g, x, weight, mean[r], rstd[r], n, 0, 1);
        else if (weight != NULL)
            KIND(tp_layer_norm_grad_row)(out, w_sum, b_sum, g, x, weight, mean[r], rstd[r], n, 1, 0);
        else
            KIND(tp_layer_norm_grad_row)(out, w_sum, b_sum, g, x, weight, mean[r], rstd[r], n, 0, 0);
    }
}

static void KIND(tp_layer_norm_grad_chunk)(void *job, ptrdiff_t chunk, int worker) {
    const tp_row_norm *p = (const tp_row_norm *)job;
    const ptrdiff_t first = chunk * TP_ROW_NORM_CHUNK, n = p->n;
    REAL *w_sum = p->sums == NULL ? NULL : (REAL *)p->sums + chunk * n;
    (void)worker;
    KIND(tp_layer_norm_grad_rows)(p->gx == NULL ? NULL : (REAL *)p->gx + first * n, w_sum,
                                  w_sum == NULL ? NULL : w_sum + tp_row_norm_chunks(p->rows) * n,
                                  (const REAL *)p->g + first * n, (const REAL *)p->x + first * n,
                                  (const REAL *)p->weight, (const REAL *)p->mean + first, (const REAL *)p->rstd + first,
                                  p->rows - first < TP_ROW_NORM_CHUNK ? p->rows - first : TP_ROW_NORM_CHUNK, n);
}

/* gx, gw and gb, the sum of g over the rows; each may be NULL. 0 if there is no memory for the sums. */
static inline int KIND(tp_layer_norm_grad)(tp_row_norm *p, REAL *gw, REAL *gb) {
    return KIND(tp_row_norm_grad)(KIND(tp_layer_norm_grad_chunk), p, gw, gb);
}

#undef SOURCE
#undef RESULT

#endif
