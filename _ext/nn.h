/* The loops of nn.pyx, for contiguous arrays. A template: this file includes itself once for each type. */
#ifndef TP_NN_H
#define TP_NN_H

#include <math.h>
#include <stdint.h>

#include "arrays.h"
#include "exp.h"
#include "simd.h"
#include "sums.h"

#define TP_ROWS_AT_ONCE 4096 /* elements of short rows that pass through one exponential loop, in the first cache */

#define REAL float
#define KIND(name) name##_f32
#include "nn.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_f64
#include "nn.h"
#undef REAL
#undef KIND

#elif defined(REAL)

TP_INLINE ptrdiff_t KIND(tp_rows_at_once)(ptrdiff_t n, ptrdiff_t rows) {
    ptrdiff_t many = n < TP_ROWS_AT_ONCE ? TP_ROWS_AT_ONCE / n : 1;
    return many < rows ? many : rows;
}

/* e = exp(x - max of each row), total[r] = sum of each row of e, for a few rows. Short rows are shifted one by one
 * but exponentiated as one, so that the vectors are full. */
TP_INLINE void KIND(tp_exp_rows)(REAL *TP_RESTRICT e, const REAL *TP_RESTRICT x, ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t r = 0; r < rows; r++) {
        REAL m;
        TP_MAXIMUM(REAL, m, x + r * n, n);
        for (ptrdiff_t i = 0; i < n; i++) e[r * n + i] = x[r * n + i] - m;
    }
    for (ptrdiff_t i = 0; i < rows * n; i++) e[i] = KIND(tp_exp)(e[i]);
}

/* y = softmax of each row */
static TP_SIMD void KIND(tp_softmax)(REAL *TP_RESTRICT y, const REAL *TP_RESTRICT x, ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t many = KIND(tp_rows_at_once)(n, rows); rows > 0; rows -= many, x += many * n, y += many * n) {
        many = many < rows ? many : rows;
        KIND(tp_exp_rows)(y, x, many, n);
        for (ptrdiff_t r = 0; r < many; r++) {
            REAL *row = y + r * n;
            double total;
            TP_SUM(REAL, total, i, n, row[i]);
            const REAL scale = (REAL)(1 / total);
            for (ptrdiff_t i = 0; i < n; i++) row[i] *= scale;
        }
    }
}

/* y = log of softmax of each row */
static TP_SIMD void KIND(tp_log_softmax)(REAL *TP_RESTRICT y, const REAL *TP_RESTRICT x, ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t many = KIND(tp_rows_at_once)(n, rows); rows > 0; rows -= many, x += many * n, y += many * n) {
        many = many < rows ? many : rows;
        KIND(tp_exp_rows)(y, x, many, n);
        for (ptrdiff_t r = 0; r < many; r++) {
            const REAL *from = x + r * n;
            REAL *row = y + r * n;
            double total;
            REAL m;
            TP_MAXIMUM(REAL, m, from, n);
            TP_SUM(REAL, total, i, n, row[i]);
            const REAL shift = (REAL)log(total);
            for (ptrdiff_t i = 0; i < n; i++) row[i] = (from[i] - m) - shift;
        }
    }
}

/* gx = y * (g - sum of g * y) in each row */
static TP_SIMD void KIND(tp_softmax_grad)(REAL *TP_RESTRICT gx, const REAL *TP_RESTRICT g, const REAL *TP_RESTRICT y,
                                          ptrdiff_t rows, ptrdiff_t n) {
    for (; rows > 0; rows--, gx += n, g += n, y += n) {
        double total;
        TP_SUM(REAL, total, i, n, g[i] * y[i]);
        const REAL mean = (REAL)total;
        for (ptrdiff_t i = 0; i < n; i++) gx[i] = y[i] * (g[i] - mean);
    }
}

/* gx = g - exp(y) * sum of g in each row */
static TP_SIMD void KIND(tp_log_softmax_grad)(REAL *TP_RESTRICT gx, const REAL *TP_RESTRICT g,
                                              const REAL *TP_RESTRICT y, ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t many = KIND(tp_rows_at_once)(n, rows); rows > 0;
         rows -= many, gx += many * n, g += many * n, y += many * n) {
        many = many < rows ? many : rows;
        for (ptrdiff_t i = 0; i < many * n; i++) gx[i] = KIND(tp_exp)(y[i]);
        for (ptrdiff_t r = 0; r < many; r++) {
            const REAL *from = g + r * n;
            REAL *row = gx + r * n;
            double total;
            TP_SUM(REAL, total, i, n, from[i]);
            const REAL sum = (REAL)total;
            for (ptrdiff_t i = 0; i < n; i++) row[i] = from[i] - row[i] * sum;
        }
    }
}

/* Each row's -log softmax[target] into loss (reduced: one sum of them, times scale), and its slope, times scale.
 * Targets are classes, or `ignore`: a row that counts nothing. */
static TP_SIMD void KIND(tp_cross_entropy)(REAL *TP_RESTRICT loss, REAL *TP_RESTRICT slope,
                                           const REAL *TP_RESTRICT x, const int64_t *TP_RESTRICT target,
                                           ptrdiff_t rows, ptrdiff_t n, int64_t ignore, int reduced, double scale) {
    tp_total all = {0, 0};
    const double mean = scale;
    for (ptrdiff_t many = KIND(tp_rows_at_once)(n, rows); rows > 0;
         rows -= many, x += many * n, slope += many * n, target += many) {
        many = many < rows ? many : rows;
        KIND(tp_exp_rows)(slope, x, many, n);
        for (ptrdiff_t r = 0; r < many; r++) {
            REAL *row = slope + r * n;
            const int64_t t = target[r];
            double total, own = 0;
            if (t == ignore) {
                for (ptrdiff_t i = 0; i < n; i++) row[i] = 0;
            } else {
                REAL m;
                TP_MAXIMUM(REAL, m, x + r * n, n);
                TP_SUM(REAL, total, i, n, row[i]);
                own = log(total) - ((double)x[r * n + t] - (double)m);
                const REAL factor = (REAL)(mean / total);
                for (ptrdiff_t i = 0; i < n; i++) row[i] *= factor;
                row[t] -= (REAL)mean;
            }
            if (reduced)
                tp_total_add(&all, own);
            else
                *loss++ = (REAL)own;
        }
    }
    if (reduced) *loss = (REAL)(tp_total_value(all) * mean);
}

/* y = (x - mean) * rstd * weight + bias in each row; weight and bias may be NULL. */
static TP_SIMD void KIND(tp_layer_norm)(REAL *TP_RESTRICT y, REAL *TP_RESTRICT mean, REAL *TP_RESTRICT rstd,
                                        const REAL *TP_RESTRICT x, const REAL *TP_RESTRICT weight,
                                        const REAL *TP_RESTRICT bias, ptrdiff_t rows, ptrdiff_t n, double eps) {
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

static TP_SIMD void KIND(tp_layer_norm_grad_x)(REAL *TP_RESTRICT gx, const REAL *TP_RESTRICT g,
                                               const REAL *TP_RESTRICT x, const REAL *TP_RESTRICT weight,
                                               const REAL *TP_RESTRICT mean, const REAL *TP_RESTRICT rstd,
                                               ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t r = 0; r < rows; r++, gx += n, g += n, x += n) {
        const REAL m = mean[r], s = rstd[r];
        if (weight != NULL)
            TP_LAYER_NORM_GRAD_ROW(g[i] * weight[i]);
        else
            TP_LAYER_NORM_GRAD_ROW(g[i]);
    }
}
#undef TP_LAYER_NORM_GRAD_ROW

/* gw = sum over the rows of g * n; gb, the sum of g, is tp_sum_rows. */
static TP_SIMD void KIND(tp_layer_norm_grad_w)(REAL *TP_RESTRICT gw, const REAL *TP_RESTRICT g,
                                               const REAL *TP_RESTRICT x, const REAL *TP_RESTRICT mean,
                                               const REAL *TP_RESTRICT rstd, ptrdiff_t rows, ptrdiff_t n) {
    for (ptrdiff_t from = 0; from < n; from += TP_TILE) {
        const int width = n - from < TP_TILE ? (int)(n - from) : TP_TILE;
        double total[TP_TILE];
        TP_SUM_COLUMNS(REAL, total, r, rows, c, width,
                       g[r * n + from + c] * ((x[r * n + from + c] - mean[r]) * rstd[r]));
        for (int c = 0; c < width; c++) gw[from + c] = (REAL)total[c];
    }
}

/* Statistics of the columns of x (rows, channels), then y from them. */
static TP_SIMD void KIND(tp_batch_norm_columns)(REAL *TP_RESTRICT y, REAL *TP_RESTRICT mean, REAL *TP_RESTRICT var,
                                                REAL *TP_RESTRICT rstd, const REAL *TP_RESTRICT x,
                                                const REAL *TP_RESTRICT weight, const REAL *TP_RESTRICT bias,
                                                ptrdiff_t rows, ptrdiff_t channels, double eps) {
    for (ptrdiff_t from = 0; from < channels; from += TP_TILE) {
        const int width = channels - from < TP_TILE ? (int)(channels - from) : TP_TILE;
        double total[TP_TILE];
        REAL m[TP_TILE], scale[TP_TILE], shift[TP_TILE];
        TP_SUM_COLUMNS(REAL, total, r, rows, c, width, x[r * channels + from + c]);
        for (int c = 0; c < width; c++) m[c] = (REAL)(total[c] / (double)rows);
        TP_SUM_COLUMNS(REAL, total, r, rows, c, width,
                       (x[r * channels + from + c] - m[c]) * (x[r * channels + from + c] - m[c]));
        for (int c = 0; c < width; c++) {
            const double v = total[c] / (double)rows, s = 1 / sqrt(v + eps);
            mean[from + c] = m[c];
            var[from + c] = (REAL)v;
            rstd[from + c] = (REAL)s;
            scale[c] = (REAL)s * (weight != NULL ? weight[from + c] : 1);
            shift[c] = bias != NULL ? bias[from + c] : 0;
        }
        for (ptrdiff_t r = 0; r < rows; r++)
            for (int c = 0; c < width; c++)
                y[r * channels + from + c] = (x[r * channels + from + c] - m[c]) * scale[c] + shift[c];
    }
}

/* The same for x (samples, channels, length). */
static TP_SIMD void KIND(tp_batch_norm_planes)(REAL *TP_RESTRICT y, REAL *TP_RESTRICT mean, REAL *TP_RESTRICT var,
                                               REAL *TP_RESTRICT rstd, const REAL *TP_RESTRICT x,
                                               const REAL *TP_RESTRICT weight, const REAL *TP_RESTRICT bias,
                                               ptrdiff_t samples, ptrdiff_t channels, ptrdiff_t length, double eps) {
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
            for (ptrdiff_t i = 0; i < length; i++) y[k * stride + i] = (x[k * stride + i] - m) * scale + shift;
    }
}

/* gw = sum of g * n, gb = sum of g, gx = rstd * weight * (g - gb / count - n * gw / count); each may be NULL.
 * x and g are (rows, channels). */
static TP_SIMD void KIND(tp_batch_norm_grad_columns)(REAL *TP_RESTRICT gx, REAL *TP_RESTRICT gw, REAL *TP_RESTRICT gb,
                                                     const REAL *TP_RESTRICT g, const REAL *TP_RESTRICT x,
                                                     const REAL *TP_RESTRICT weight, const REAL *TP_RESTRICT mean,
                                                     const REAL *TP_RESTRICT rstd, ptrdiff_t rows,
                                                     ptrdiff_t channels) {
    for (ptrdiff_t from = 0; from < channels; from += TP_TILE) {
        const int width = channels - from < TP_TILE ? (int)(channels - from) : TP_TILE;
        double sum[TP_TILE], product[TP_TILE];
        REAL m[TP_TILE], scale[TP_TILE], shift[TP_TILE], tilt[TP_TILE];
        for (int c = 0; c < width; c++) m[c] = mean[from + c];
        TP_SUM_COLUMNS(REAL, sum, r, rows, c, width, g[r * channels + from + c]);
        TP_SUM_COLUMNS(REAL, product, r, rows, c, width,
                       g[r * channels + from + c] * (x[r * channels + from + c] - m[c]));
        for (int c = 0; c < width; c++) {
            const double s = rstd[from + c];
            if (gw != NULL) gw[from + c] = (REAL)(product[c] * s);
            if (gb != NULL) gb[from + c] = (REAL)sum[c];
            scale[c] = (REAL)s * (weight != NULL ? weight[from + c] : 1);
            shift[c] = (REAL)(sum[c] / (double)rows);
            tilt[c] = (REAL)(product[c] / (double)rows * s * s);
        }
        if (gx == NULL) continue;
        for (ptrdiff_t r = 0; r < rows; r++)
            for (int c = 0; c < width; c++) {
                const ptrdiff_t i = r * channels + from + c;
                gx[i] = scale[c] * (g[i] - shift[c] - (x[i] - m[c]) * tilt[c]);
            }
    }
}

/* The same for x and g (samples, channels, length). */
static TP_SIMD void KIND(tp_batch_norm_grad_planes)(REAL *TP_RESTRICT gx, REAL *TP_RESTRICT gw, REAL *TP_RESTRICT gb,
                                                    const REAL *TP_RESTRICT g, const REAL *TP_RESTRICT x,
                                                    const REAL *TP_RESTRICT weight, const REAL *TP_RESTRICT mean,
                                                    const REAL *TP_RESTRICT rstd, ptrdiff_t samples,
                                                    ptrdiff_t channels, ptrdiff_t length) {
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

#endif
