/* Layer and batch normalisation of contiguous arrays.
 *
 * A template: this file includes itself once for each type.
 */
#ifndef TP_NORM_H
#define TP_NORM_H

#include <math.h>

#include "arrays.h"
#include "simd.h"
#include "sums.h"

/* Numbers in a row up to which a sum over them by itself would be mostly its beginning and end. */
#define TP_SHORT_PLANE 64

#define REAL float
#define KIND(name) name##_f32
#include "norm.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_f64
#include "norm.h"
#undef REAL
#undef KIND

#define tp_layer_norm(kind, ...) TP_BY_KIND(tp_layer_norm, kind, __VA_ARGS__)
#define tp_layer_norm_grad(kind, ...) TP_BY_KIND(tp_layer_norm_grad, kind, __VA_ARGS__)
#define tp_batch_norm(kind, ...) TP_BY_KIND(tp_batch_norm, kind, __VA_ARGS__)
#define tp_batch_norm_eval(kind, ...) TP_BY_KIND(tp_batch_norm_eval, kind, __VA_ARGS__)
#define tp_batch_norm_grad(kind, ...) TP_BY_KIND(tp_batch_norm_grad, kind, __VA_ARGS__)

#elif defined(REAL)

#define SOURCE const REAL *TP_RESTRICT
#define RESULT REAL *TP_RESTRICT

/* y = (x - mean) * rstd * weight + bias in each row; weight and bias may be NULL. */
static TP_SIMD void KIND(tp_layer_norm)(RESULT y, RESULT mean, RESULT rstd, SOURCE x, SOURCE weight,
                                        SOURCE bias, ptrdiff_t rows, ptrdiff_t n, double eps) {
    for (ptrdiff_t r = 0; r < rows; r++, x += n, y += n) {
        double total;
        TP_SUM(REAL, total, i, n, x[i]);
        const REAL m = (REAL)(total / (double)n);
        TP_SUM(REAL, total, i, n, (x[i] - m) * (x[i] - m));
        const REAL s = (REAL)(1 / sqrt(total / (double)n + eps));
        mean[r] = m;
        rstd[r] = s;
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

/* gx = rstd * (h - mean of h - n * mean of h n) with n = (x - mean) * rstd, in each row i of h. */
#define TP_LAYER_NORM_GRAD_ROW(h)                                       \
    do {                                                                \
        double total;                                                   \
        TP_SUM(REAL, total, i, n, (h));                                 \
        const REAL shift = (REAL)(total / (double)n);                   \
        TP_SUM(REAL, total, i, n, (h) * (x[i] - m));                    \
        const REAL tilt = (REAL)(total / (double)n * s * s);            \
        for (ptrdiff_t i = 0; i < n; i++)                               \
            gx[i] = s * ((h) - shift - (x[i] - m) * tilt);              \
    } while (0)

static TP_SIMD void KIND(tp_layer_norm_grad_x)(RESULT gx, SOURCE g, SOURCE x, SOURCE weight, SOURCE mean,
                                               SOURCE rstd, ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t r = 0; r < rows; r++, gx += n, g += n, x += n) {
        const REAL m = mean[r], s = rstd[r];
        if (weight != NULL)
            TP_LAYER_NORM_GRAD_ROW(g[i] * weight[i]);
        else
            TP_LAYER_NORM_GRAD_ROW(g[i]);
    }
}
#undef TP_LAYER_NORM_GRAD_ROW

/* gw = sum over the rows of g * n */
static TP_SIMD void KIND(tp_layer_norm_grad_w)(RESULT gw, SOURCE g, SOURCE x, SOURCE mean, SOURCE rstd,
                                               ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t from = 0; from < n; from += TP_TILE) {
        const int width = n - from < TP_TILE ? (int)(n - from) : TP_TILE;
        double total[TP_TILE];
        TP_SUM_COLUMNS(REAL, total, r, rows, c, width,
                       g[r * n + from + c] * ((x[r * n + from + c] - mean[r]) * rstd[r]));
        for (int c = 0; c < width; c++) gw[from + c] = (REAL)total[c];
    }
}

/* gx, gw and gb, the sum of g over the rows; each may be NULL. */
static void KIND(tp_layer_norm_grad)(REAL *gx, REAL *gw, REAL *gb, const REAL *g, const REAL *x,
                                     const REAL *weight, const REAL *mean, const REAL *rstd, ptrdiff_t rows,
                                     ptrdiff_t n) {
    if (gx != NULL) KIND(tp_layer_norm_grad_x)(gx, g, x, weight, mean, rstd, rows, n);
    if (gw != NULL) KIND(tp_layer_norm_grad_w)(gw, g, x, mean, rstd, rows, n);
    if (gb != NULL) KIND(tp_sum_rows)(gb, g, rows, n);
}

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

/* Statistics of each channel of x (samples, channels, length), then y = (x - mean) * rstd * weight + bias. For channels
 * of at most TP_TILE numbers in a row: a tile of them at a time, as columns of one wide matrix. */
static TP_SIMD void KIND(tp_batch_norm_columns)(RESULT y, RESULT mean, RESULT var, RESULT rstd, SOURCE x,
                                                SOURCE weight, SOURCE bias, ptrdiff_t samples, ptrdiff_t channels,
                                                ptrdiff_t length, double eps) {
    const ptrdiff_t row = channels * length, most = TP_TILE / length;
    const double number = (double)samples * (double)length;
    for (ptrdiff_t from = 0; from < channels; from += most) {
        const int count = (int)(channels - from < most ? channels - from : most), width = count * (int)length;
        const REAL *TP_RESTRICT in = x + from * length;
        REAL *TP_RESTRICT out = y + from * length;
        double total[TP_TILE];
        REAL m[TP_TILE], scale[TP_TILE], shift[TP_TILE], each[TP_TILE];
        TP_SUM_COLUMNS(REAL, total, r, samples, c, width, in[r * row + c]);
        KIND(tp_gather_columns)(total, total, count, (int)length);
        for (int c = 0; c < count; c++) mean[from + c] = (REAL)(total[c] / number);
        KIND(tp_spread_columns)(m, mean + from, count, (int)length);
        TP_SUM_COLUMNS(REAL, total, r, samples, c, width, (in[r * row + c] - m[c]) * (in[r * row + c] - m[c]));
        KIND(tp_gather_columns)(total, total, count, (int)length);
        for (int c = 0; c < count; c++) {
            const double v = total[c] / number, s = 1 / sqrt(v + eps);
            var[from + c] = (REAL)v;
            rstd[from + c] = (REAL)s;
            each[c] = (REAL)s * (weight != NULL ? weight[from + c] : 1);
        }
        KIND(tp_spread_columns)(scale, each, count, (int)length);
        for (int c = 0; c < count; c++) each[c] = bias != NULL ? bias[from + c] : 0;
        KIND(tp_spread_columns)(shift, each, count, (int)length);
        for (ptrdiff_t r = 0; r < samples; r++)
            for (int c = 0; c < width; c++) out[r * row + c] = (in[r * row + c] - m[c]) * scale[c] + shift[c];
    }
}

/* The same, plane by plane. */
static TP_SIMD void KIND(tp_batch_norm_planes)(RESULT y, RESULT mean, RESULT var, RESULT rstd, SOURCE x,
                                               SOURCE weight, SOURCE bias, ptrdiff_t samples,
                                               ptrdiff_t channels, ptrdiff_t length, double eps) {
    const ptrdiff_t stride = channels * length;
    const double count = (double)samples * (double)length;
    for (ptrdiff_t c = 0; c < channels; c++, x += length, y += length) {
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
        const double v = tp_total_value(squares) / count, s = 1 / sqrt(v + eps);
        const REAL scale = (REAL)s * (weight != NULL ? weight[c] : 1), shift = bias != NULL ? bias[c] : 0;
        mean[c] = m;
        var[c] = (REAL)v;
        rstd[c] = (REAL)s;
        for (ptrdiff_t k = 0; k < samples; k++)
            for (ptrdiff_t i = k * stride; i < k * stride + length; i++) y[i] = (x[i] - m) * scale + shift;
    }
}

static void KIND(tp_batch_norm)(REAL *y, REAL *mean, REAL *var, REAL *rstd, const REAL *x,
                                const REAL *weight, const REAL *bias, ptrdiff_t samples, ptrdiff_t channels,
                                ptrdiff_t length, double eps) {
    if (length <= TP_SHORT_PLANE)
        KIND(tp_batch_norm_columns)(y, mean, var, rstd, x, weight, bias, samples, channels, length, eps);
    else
        KIND(tp_batch_norm_planes)(y, mean, var, rstd, x, weight, bias, samples, channels, length, eps);
}

/* y = (x - mean) / sqrt(var + eps) * weight + bias for given statistics; weight and bias may be NULL. */
static TP_SIMD void KIND(tp_batch_norm_eval)(RESULT y, SOURCE x, SOURCE mean, SOURCE var, SOURCE weight, SOURCE bias,
                                             ptrdiff_t samples, ptrdiff_t channels, ptrdiff_t length, double eps) {
    const int is_short = length <= TP_SHORT_PLANE;
    const ptrdiff_t most = is_short ? TP_TILE / length : 1, columns = is_short ? length : 1;
    for (ptrdiff_t from = 0; from < channels; from += most) {
        const int count = (int)(channels - from < most ? channels - from : most), width = count * (int)columns;
        REAL m[TP_TILE], scale[TP_TILE], shift[TP_TILE], each[TP_TILE];
        KIND(tp_spread_columns)(m, mean + from, count, (int)columns);
        for (int c = 0; c < count; c++)
            each[c] = (REAL)(1 / sqrt((double)var[from + c] + eps)) * (weight != NULL ? weight[from + c] : 1);
        KIND(tp_spread_columns)(scale, each, count, (int)columns);
        for (int c = 0; c < count; c++) each[c] = bias != NULL ? bias[from + c] : 0;
        KIND(tp_spread_columns)(shift, each, count, (int)columns);
        for (ptrdiff_t r = 0; r < samples; r++) {
            const ptrdiff_t start = (r * channels + from) * length;
            const REAL *TP_RESTRICT in = x + start;
            REAL *TP_RESTRICT out = y + start;
            if (is_short)
                for (int c = 0; c < width; c++) out[c] = (in[c] - m[c]) * scale[c] + shift[c];
            else
                for (ptrdiff_t i = 0; i < length; i++) out[i] = (in[i] - m[0]) * scale[0] + shift[0];
        }
    }
}

/* gw = sum of g * n, gb = sum of g, gx = rstd * weight * (g - gb / number - n * gw / number); each may be NULL.
 * As tp_batch_norm_columns. */
static TP_SIMD void KIND(tp_batch_norm_grad_columns)(RESULT gx, RESULT gw, RESULT gb, SOURCE g, SOURCE x,
                                                     SOURCE weight, SOURCE mean, SOURCE rstd, ptrdiff_t samples,
                                                     ptrdiff_t channels, ptrdiff_t length) {
    const ptrdiff_t row = channels * length, most = TP_TILE / length;
    const double number = (double)samples * (double)length;
    for (ptrdiff_t from = 0; from < channels; from += most) {
        const int count = (int)(channels - from < most ? channels - from : most), width = count * (int)length;
        const REAL *TP_RESTRICT slope = g + from * length, *TP_RESTRICT in = x + from * length;
        double sum[TP_TILE], product[TP_TILE];
        REAL m[TP_TILE], scale[TP_TILE], shift[TP_TILE], tilt[TP_TILE], each[TP_TILE];
        KIND(tp_spread_columns)(m, mean + from, count, (int)length);
        TP_SUM_COLUMNS(REAL, sum, r, samples, c, width, slope[r * row + c]);
        TP_SUM_COLUMNS(REAL, product, r, samples, c, width, slope[r * row + c] * (in[r * row + c] - m[c]));
        KIND(tp_gather_columns)(sum, sum, count, (int)length);
        KIND(tp_gather_columns)(product, product, count, (int)length);
        for (int c = 0; c < count; c++) {
            if (gw != NULL) gw[from + c] = (REAL)(product[c] * rstd[from + c]);
            if (gb != NULL) gb[from + c] = (REAL)sum[c];
        }
        if (gx == NULL) continue;
        for (int c = 0; c < count; c++) each[c] = rstd[from + c] * (weight != NULL ? weight[from + c] : 1);
        KIND(tp_spread_columns)(scale, each, count, (int)length);
        for (int c = 0; c < count; c++) each[c] = (REAL)(sum[c] / number);
        KIND(tp_spread_columns)(shift, each, count, (int)length);
        for (int c = 0; c < count; c++) {
            const double s = rstd[from + c];
            each[c] = (REAL)(product[c] / number * s * s);
        }
        KIND(tp_spread_columns)(tilt, each, count, (int)length);
        REAL *TP_RESTRICT out = gx + from * length;
        for (ptrdiff_t r = 0; r < samples; r++)
            for (int c = 0; c < width; c++) {
                const ptrdiff_t i = r * row + c;
                out[i] = scale[c] * (slope[i] - shift[c] - (in[i] - m[c]) * tilt[c]);
            }
    }
}

/* The same, plane by plane. */
static TP_SIMD void KIND(tp_batch_norm_grad_planes)(RESULT gx, RESULT gw, RESULT gb, SOURCE g, SOURCE x,
                                                    SOURCE weight, SOURCE mean, SOURCE rstd,
                                                    ptrdiff_t samples, ptrdiff_t channels,
                                                    ptrdiff_t length) {
    const ptrdiff_t stride = channels * length;
    const double count = (double)samples * (double)length;
    for (ptrdiff_t c = 0; c < channels; c++, g += length, x += length) {
        const REAL m = mean[c];
        tp_total sums = {0, 0}, products = {0, 0};
        for (ptrdiff_t k = 0; k < samples; k++) {
            double part;
            TP_SUM(REAL, part, i, length, g[k * stride + i]);
            tp_total_add(&sums, part);
            TP_SUM(REAL, part, i, length, g[k * stride + i] * (x[k * stride + i] - m));
            tp_total_add(&products, part);
        }
        const double s = rstd[c], sum = tp_total_value(sums), product = tp_total_value(products);
        if (gw != NULL) gw[c] = (REAL)(product * s);
        if (gb != NULL) gb[c] = (REAL)sum;
        if (gx == NULL) continue;
        const REAL scale = (REAL)s * (weight != NULL ? weight[c] : 1);
        const REAL shift = (REAL)(sum / count), tilt = (REAL)(product / count * s * s);
        for (ptrdiff_t k = 0; k < samples; k++)
            for (ptrdiff_t i = 0; i < length; i++) {
                const ptrdiff_t at = k * stride + c * length + i;
                gx[at] = scale * (g[k * stride + i] - shift - (x[k * stride + i] - m) * tilt);
            }
    }
}

static void KIND(tp_batch_norm_grad)(REAL *gx, REAL *gw, REAL *gb, const REAL *g, const REAL *x,
                                     const REAL *weight, const REAL *mean, const REAL *rstd,
                                     ptrdiff_t samples, ptrdiff_t channels, ptrdiff_t length) {
    if (length <= TP_SHORT_PLANE)
        KIND(tp_batch_norm_grad_columns)(gx, gw, gb, g, x, weight, mean, rstd, samples, channels, length);
    else
        KIND(tp_batch_norm_grad_planes)(gx, gw, gb, g, x, weight, mean, rstd, samples, channels, length);
}

#undef SOURCE
#undef RESULT

#endif
