/* Normalisation of groups of channels, each of which is one run of memory.
 *
 * Forward a chunk is one group of one sample, backward one group of all of them: results are the same for any number
 * of threads.
 *
 * A template: this file includes itself once for each type.
 */
#ifndef TP_GROUP_NORM_H
#define TP_GROUP_NORM_H

#include <math.h>

#include "arrays.h"
#include "parallel.h"
#include "simd.h"
#include "sums.h"

/* x (samples, groups, channels, length): `channels` are those of one group. Forward x, weight, bias -> y, mean, rstd;
 * backward g, x, weight, mean, rstd -> gx, w_total, b_total. mean and rstd (samples, groups); weight and bias NULL or
 * one number for each channel. */
typedef struct {
    ptrdiff_t samples, groups, channels, length;
    double eps;
    void *y, *mean, *rstd, *g, *x, *weight, *bias, *gx;
    double *w_total, *b_total;
} tp_grouped;

static inline void tp_grouped_run(tp_chunk_function function, tp_grouped *p, ptrdiff_t chunks) {
    const ptrdiff_t size = p->samples * p->groups * p->channels * p->length;
    tp_parallel_for(function, p, chunks, tp_threads_for((double)size / 3)); /* a thread takes 3 in a nanosecond */
}

#define REAL float
#define KIND(name) name##_f32
#include "group_norm.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_f64
#include "group_norm.h"
#undef REAL
#undef KIND

#define tp_group_norm(kind, ...) TP_BY_KIND(tp_group_norm, kind, __VA_ARGS__)
#define tp_group_norm_grad(kind, ...) TP_BY_KIND(tp_group_norm_grad, kind, __VA_ARGS__)

#elif defined(REAL)

#define SOURCE const REAL *TP_RESTRICT
#define RESULT REAL *TP_RESTRICT

static TP_SIMD void KIND(tp_group_norm_one)(const tp_grouped *p, RESULT y, SOURCE x, ptrdiff_t k) {
    const ptrdiff_t n = p->channels * p->length, length = p->length;
    const REAL *weight = (const REAL *)p->weight, *bias = (const REAL *)p->bias;
    double total;
    TP_SUM(REAL, total, i, n, x[i]);
    const REAL m = (REAL)(total / (double)n);
    TP_SUM(REAL, total, i, n, (x[i] - m) * (x[i] - m));
    const REAL s = (REAL)(1 / sqrt(total / (double)n + p->eps));
    ((REAL *)p->mean)[k] = m;
    ((REAL *)p->rstd)[k] = s;
    for (ptrdiff_t c = 0; c < p->channels; c++) {
        const ptrdiff_t channel = k % p->groups * p->channels + c;
        const REAL scale = weight != NULL ? s * weight[channel] : s, shift = bias != NULL ? bias[channel] : 0;
        for (ptrdiff_t i = c * length; i < (c + 1) * length; i++) y[i] = (x[i] - m) * scale + shift;
    }
}

static void KIND(tp_group_norm_chunk)(void *job, ptrdiff_t chunk, int worker) {
    const tp_grouped *p = (const tp_grouped *)job;
    const ptrdiff_t at = chunk * p->channels * p->length;
    (void)worker;
    KIND(tp_group_norm_one)(p, (REAL *)p->y + at, (const REAL *)p->x + at, chunk);
}

/* y = (x - mean) * rstd * weight + bias */
static inline void KIND(tp_group_norm)(tp_grouped *p) {
    tp_grouped_run(KIND(tp_group_norm_chunk), p, p->samples * p->groups);
}

/* Of group k of all samples' groups. */
static TP_SIMD void KIND(tp_group_norm_grad_one)(const tp_grouped *p, RESULT gx, SOURCE g, SOURCE x, ptrdiff_t k) {
    const ptrdiff_t n = p->channels * p->length, length = p->length, first = k % p->groups * p->channels;
    const REAL *weight = (const REAL *)p->weight;
    const REAL m = ((const REAL *)p->mean)[k], s = ((const REAL *)p->rstd)[k];
    double sum = 0, product = 0;
    for (ptrdiff_t c = 0; c < p->channels; c++) {
        const REAL *TP_RESTRICT gc = g + c * length, *TP_RESTRICT xc = x + c * length;
        const double w = weight != NULL ? weight[first + c] : 1;
        double slope, tilt;
        TP_SUM(REAL, slope, i, length, gc[i]);
        TP_SUM(REAL, tilt, i, length, gc[i] * (xc[i] - m));
        p->b_total[first + c] += slope;
        p->w_total[first + c] += tilt * s;
        sum += w * slope;
        product += w * tilt;
    }
    if (p->gx == NULL) return;
    const REAL shift = (REAL)(sum / (double)n), tilt = (REAL)(product / (double)n * s * s);
    for (ptrdiff_t c = 0; c < p->channels; c++) {
        const REAL w = weight != NULL ? weight[first + c] : 1;
        for (ptrdiff_t i = c * length; i < (c + 1) * length; i++)
            gx[i] = s * (g[i] * w - shift - (x[i] - m) * tilt);
    }
}

static void KIND(tp_group_norm_grad_chunk)(void *job, ptrdiff_t chunk, int worker) {
    const tp_grouped *p = (const tp_grouped *)job;
    (void)worker;
    for (ptrdiff_t k = chunk; k < p->samples * p->groups; k += p->groups) {
        const ptrdiff_t at = k * p->channels * p->length;
        KIND(tp_group_norm_grad_one)(p, p->gx == NULL ? NULL : (REAL *)p->gx + at, (const REAL *)p->g + at,
                                     (const REAL *)p->x + at, k);
    }
}

/* gw = sum of g v and gb = sum of g in each channel, with v = (x - mean) * rstd, are added to w_total and b_total;
 * gx = rstd * (h - mean of h - v * mean of h v) with h = g * weight in each group, unless NULL. */
static inline void KIND(tp_group_norm_grad)(tp_grouped *p) {
    tp_grouped_run(KIND(tp_group_norm_grad_chunk), p, p->groups);
}

#undef SOURCE
#undef RESULT

#endif
