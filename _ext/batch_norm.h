/* Batch normalisation of contiguous arrays (samples, channels, length).
 *
 * A chunk is a tile of channels, which are independent: results are the same for any number of threads.
 *
 * A template: this file includes itself once for each type.
 */
#ifndef TP_BATCH_NORM_H
#define TP_BATCH_NORM_H

#include <math.h>

#include "arrays.h"
#include "parallel.h"
#include "simd.h"
#include "sums.h"

/* Numbers in a row up to which a sum over them by itself would be mostly its beginning and end. */
#define TP_SHORT_PLANE 64

/* Forward x, weight, bias -> y, mean, var, rstd; with given statistics x, mean, var, weight, bias -> y; backward g, x,
 * weight, mean, rstd -> gx, gw, gb. weight, bias, gx, gw and gb may be NULL. */
typedef struct {
    ptrdiff_t samples, channels, length;
    ptrdiff_t tile; /* channels of a chunk: one with long planes, or several short ones as a tile of columns */
    double eps;
    void *y, *mean, *var, *rstd, *g, *x, *weight, *bias, *gx, *gw, *gb;
} tp_batch;

static inline void tp_batch_run(tp_chunk_function function, tp_batch *p) {
    /* A thread takes 3 elements in a nanosecond. */
    const int threads = tp_threads_for((double)(p->samples * p->channels * p->length) / 3);
    const ptrdiff_t share = (p->channels + threads - 1) / threads, most = TP_TILE / p->length;
    p->tile = p->length > TP_SHORT_PLANE ? 1 : share < most ? share : most;
    tp_parallel_for(function, p, (p->channels + p->tile - 1) / p->tile, threads);
}

#define REAL float
#define KIND(name) name##_f32
#include "batch_norm.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_f64
#include "batch_norm.h"
#undef REAL
#undef KIND

#define tp_batch_norm(kind, ...) TP_BY_KIND(tp_batch_norm, kind, __VA_ARGS__)
#define tp_batch_norm_eval(kind, ...) TP_BY_KIND(tp_batch_norm_eval, kind, __VA_ARGS__)
#define tp_batch_norm_grad(kind, ...) TP_BY_KIND(tp_batch_norm_grad, kind, __VA_ARGS__)

#elif defined(REAL)

#define SOURCE const REAL *TP_RESTRICT
#define RESULT REAL *TP_RESTRICT

/* What each channel has, for each of its columns. */
static inline void KIND(tp_spread_columns)(RESULT columns, SOURCE channels, int count, int length) {
    for (int c = 0; c < count; c++)
        for (int i = 0; i < length; i++) columns[c * length + i] = channels[c];
}

/* The sum over each channel's columns; in the same array, as it reads no column that it has written. */
static inline void KIND(tp_gather_columns)(double *channels, const double *columns, int count, int length) {
    for (int c = 0; c < count; c++) {
        double total = 0;
        for (int i = 0; i < length; i++) total += columns[c * length + i];
        channels[c] = total;
    }
}

/* Statistics of the channels from..from+count-1 of x, then y = (x - mean) * rstd * weight + bias. For channels of at
 * most TP_TILE numbers in a row together: as columns of one wide matrix. */
static TP_SIMD void KIND(tp_batch_norm_columns)(const tp_batch *p, SOURCE x, RESULT y, ptrdiff_t from, int count) {
    const ptrdiff_t samples = p->samples, row = p->channels * p->length, length = p->length;
    const double number = (double)samples * (double)length;
    const REAL *weight = (const REAL *)p->weight, *bias = (const REAL *)p->bias;
    REAL *mean = (REAL *)p->mean + from, *var = (REAL *)p->var + from, *rstd = (REAL *)p->rstd + from;
    const int width = count * (int)length;
    double total[TP_TILE];
    REAL m[TP_TILE], scale[TP_TILE], shift[TP_TILE], each[TP_TILE];
    TP_SUM_COLUMNS(REAL, total, r, samples, c, width, x[r * row + c]);
    KIND(tp_gather_columns)(total, total, count, (int)length);
    for (int c = 0; c < count; c++) mean[c] = (REAL)(total[c] / number);
    KIND(tp_spread_columns)(m, mean, count, (int)length);
    TP_SUM_COLUMNS(REAL, total, r, samples, c, width, (x[r * row + c] - m[c]) * (x[r * row + c] - m[c]));
    KIND(tp_gather_columns)(total, total, count, (int)length);
    for (int c = 0; c < count; c++) {
        const double v = total[c] / number, s = 1 / sqrt(v + p->eps);
        var[c] = (REAL)v;
        rstd[c] = (REAL)s;
        each[c] = (REAL)s * (weight != NULL ? weight[from + c] : 1);
    }
    KIND(tp_spread_columns)(scale, each, count, (int)length);
    for (int c = 0; c < count; c++) each[c] = bias != NULL ? bias[from + c] : 0;
    KIND(tp_spread_columns)(shift, each, count, (int)length);
    for (ptrdiff_t r = 0; r < samples; r++)
        for (int c = 0; c < width; c++) y[r * row + c] = (x[r * row + c] - m[c]) * scale[c] + shift[c];
}

/* The same of one channel, plane by plane. */
static TP_SIMD void KIND(tp_batch_norm_planes)(const tp_batch *p, SOURCE x, RESULT y, ptrdiff_t c) {
    const ptrdiff_t samples = p->samples, stride = p->channels * p->length, length = p->length;
    const double count = (double)samples * (double)length;
    tp_total sum = {0, 0}, squares = {0, 0};
    for (ptrdiff_t k = 0; k < samples; k++) {
        double part;
        TP_SUM(REAL, part, i, length, x[k * stride + i]);
        tp_total_add(&sum, part);
    }
    const REAL m = (REAL)(tp_total_value(sum) / count);
    for (ptrdiff_t k = 0; k < samples; k++) {
        double part;
        TP_SUM(REAL, part, i, length, (x[k * stride + i] - m) * (x[k * stride + i] - m));
        tp_total_add(&squares, part);
    }
    const double v = tp_total_value(squares) / count, s = 1 / sqrt(v + p->eps);
    const REAL scale = (REAL)s * (p->weight != NULL ? ((const REAL *)p->weight)[c] : 1);
    const REAL shift = p->bias != NULL ? ((const REAL *)p->bias)[c] : 0;
    ((REAL *)p->mean)[c] = m;
    ((REAL *)p->var)[c] = (REAL)v;
    ((REAL *)p->rstd)[c] = (REAL)s;
    for (ptrdiff_t k = 0; k < samples; k++)
        for (ptrdiff_t i = k * stride; i < k * stride + length; i++) y[i] = (x[i] - m) * scale + shift;
}

static void KIND(tp_batch_norm_chunk)(void *job, ptrdiff_t chunk, int worker) {
    const tp_batch *p = (const tp_batch *)job;
    const ptrdiff_t tile = p->tile, from = chunk * tile, at = from * p->length;
    const REAL *x = (const REAL *)p->x + at;
    REAL *y = (REAL *)p->y + at;
    (void)worker;
    if (p->length <= TP_SHORT_PLANE)
        KIND(tp_batch_norm_columns)(p, x, y, from, (int)(p->channels - from < tile ? p->channels - from : tile));
    else
        KIND(tp_batch_norm_planes)(p, x, y, from);
}

static inline void KIND(tp_batch_norm)(tp_batch *p) { tp_batch_run(KIND(tp_batch_norm_chunk), p); }

/* y = (x - mean) / sqrt(var + eps) * weight + bias for given statistics */
static TP_SIMD void KIND(tp_batch_norm_eval_channels)(const tp_batch *p, SOURCE x, RESULT y, ptrdiff_t from,
                                                      int count) {
    const ptrdiff_t samples = p->samples, row = p->channels * p->length, length = p->length;
    const int is_short = length <= TP_SHORT_PLANE, columns = is_short ? (int)length : 1, width = count * columns;
    const REAL *mean = (const REAL *)p->mean, *var = (const REAL *)p->var;
    const REAL *weight = (const REAL *)p->weight, *bias = (const REAL *)p->bias;
    REAL m[TP_TILE], scale[TP_TILE], shift[TP_TILE], each[TP_TILE];
    KIND(tp_spread_columns)(m, mean + from, count, columns);
    for (int c = 0; c < count; c++)
        each[c] = (REAL)(1 / sqrt((double)var[from + c] + p->eps)) * (weight != NULL ? weight[from + c] : 1);
    KIND(tp_spread_columns)(scale, each, count, columns);
    for (int c = 0; c < count; c++) each[c] = bias != NULL ? bias[from + c] : 0;
    KIND(tp_spread_columns)(shift, each, count, columns);
    for (ptrdiff_t r = 0; r < samples; r++, x += row, y += row)
        if (is_short)
            for (int c = 0; c < width; c++) y[c] = (x[c] - m[c]) * scale[c] + shift[c];
        else
            for (ptrdiff_t i = 0; i < length; i++) y[i] = (x[i] - m[0]) * scale[0] + shift[0];
}

static void KIND(tp_batch_norm_eval_chunk)(void *job, ptrdiff_t chunk, int worker) {
    const tp_batch *p = (const tp_batch *)job;
    const ptrdiff_t tile = p->tile, from = chunk * tile, at = from * p->length;
    (void)worker;
    KIND(tp_batch_norm_eval_channels)(p, (const REAL *)p->x + at, (REAL *)p->y + at, from,
                                      (int)(p->channels - from < tile ? p->channels - from : tile));
}

static inline void KIND(tp_batch_norm_eval)(tp_batch *p) { tp_batch_run(KIND(tp_batch_norm_eval_chunk), p); }

/* gw = sum of g * n, gb = sum of g, gx = rstd * weight * (g - gb / number - n * gw / number); each may be NULL.
 * As tp_batch_norm_columns. */
static TP_SIMD void KIND(tp_batch_norm_grad_columns)(const tp_batch *p, SOURCE g, SOURCE x, RESULT gx, ptrdiff_t from,
                                                     int count) {
    const ptrdiff_t samples = p->samples, row = p->channels * p->length, length = p->length;
    const double number = (double)samples * (double)length;
    const REAL *mean = (const REAL *)p->mean + from, *rstd = (const REAL *)p->rstd + from;
    const REAL *weight = (const REAL *)p->weight;
    REAL *gw = (REAL *)p->gw, *gb = (REAL *)p->gb;
    const int width = count * (int)length;
    double sum[TP_TILE], product[TP_TILE];
    REAL m[TP_TILE], scale[TP_TILE], shift[TP_TILE], tilt[TP_TILE], each[TP_TILE];
    KIND(tp_spread_columns)(m, mean, count, (int)length);
    TP_SUM_COLUMNS(REAL, sum, r, samples, c, width, g[r * row + c]);
    TP_SUM_COLUMNS(REAL, product, r, samples, c, width, g[r * row + c] * (x[r * row + c] - m[c]));
    KIND(tp_gather_columns)(sum, sum, count, (int)length);
    KIND(tp_gather_columns)(product, product, count, (int)length);
    for (int c = 0; c < count; c++) {
        if (gw != NULL) gw[from + c] = (REAL)(product[c] * rstd[c]);
        if (gb != NULL) gb[from + c] = (REAL)sum[c];
    }
    if (p->gx == NULL) return;
    for (int c = 0; c < count; c++) each[c] = rstd[c] * (weight != NULL ? weight[from + c] : 1);
    KIND(tp_spread_columns)(scale, each, count, (int)length);
    for (int c = 0; c < count; c++) each[c] = (REAL)(sum[c] / number);
    KIND(tp_spread_columns)(shift, each, count, (int)length);
    for (int c = 0; c < count; c++) {
        const double s = rstd[c];
        each[c] = (REAL)(product[c] / number * s * s);
    }
    KIND(tp_spread_columns)(tilt, each, count, (int)length);
    for (ptrdiff_t r = 0; r < samples; r++)
        for (int c = 0; c < width; c++) {
            const ptrdiff_t i = r * row + c;
            gx[i] = scale[c] * (g[i] - shift[c] - (x[i] - m[c]) * tilt[c]);
        }
}

/* The same of one channel, plane by plane. */
static TP_SIMD void KIND(tp_batch_norm_grad_planes)(const tp_batch *p, SOURCE g, SOURCE x, RESULT gx, ptrdiff_t c) {
    const ptrdiff_t samples = p->samples, stride = p->channels * p->length, length = p->length;
    const double count = (double)samples * (double)length, s = ((const REAL *)p->rstd)[c];
    const REAL m = ((const REAL *)p->mean)[c];
    tp_total sums = {0, 0}, products = {0, 0};
    for (ptrdiff_t k = 0; k < samples; k++) {
        double part;
        TP_SUM(REAL, part, i, length, g[k * stride + i]);
        tp_total_add(&sums, part);
        TP_SUM(REAL, part, i, length, g[k * stride + i] * (x[k * stride + i] - m));
        tp_total_add(&products, part);
    }
    const double sum = tp_total_value(sums), product = tp_total_value(products);
    if (p->gw != NULL) ((REAL *)p->gw)[c] = (REAL)(product * s);
    if (p->gb != NULL) ((REAL *)p->gb)[c] = (REAL)sum;
    if (p->gx == NULL) return;
    const REAL scale = (REAL)s * (p->weight != NULL ? ((const REAL *)p->weight)[c] : 1);
    const REAL shift = (REAL)(sum / count), tilt = (REAL)(product / count * s * s);
    for (ptrdiff_t k = 0; k < samples; k++)
        for (ptrdiff_t i = k * stride; i < k * stride + length; i++)
            gx[i] = scale * (g[i] - shift - (x[i] - m) * tilt);
}

static void KIND(tp_batch_norm_grad_chunk)(void *job, ptrdiff_t chunk, int worker) {
    const tp_batch *p = (const tp_batch *)job;
    const ptrdiff_t tile = p->tile, from = chunk * tile, at = from * p->length;
    const REAL *g = (const REAL *)p->g + at, *x = (const REAL *)p->x + at;
    REAL *gx = p->gx == NULL ? NULL : (REAL *)p->gx + at;
    (void)worker;
    if (p->length <= TP_SHORT_PLANE)
        KIND(tp_batch_norm_grad_columns)(p, g, x, gx, from,
                                         (int)(p->channels - from < tile ? p->channels - from : tile));
    else
        KIND(tp_batch_norm_grad_planes)(p, g, x, gx, from);
}

static inline void KIND(tp_batch_norm_grad)(tp_batch *p) { tp_batch_run(KIND(tp_batch_norm_grad_chunk), p); }

#undef SOURCE
#undef RESULT

#endif
