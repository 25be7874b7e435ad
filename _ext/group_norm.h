/* Normalisation of groups of channels, each of which is one run of memory.
 *
 * A template: this file includes itself once for each type.
 */
#ifndef TP_GROUP_NORM_H
#define TP_GROUP_NORM_H

#include <math.h>

#include "arrays.h"
#include "simd.h"
#include "sums.h"

/* x (samples, groups, channels, length): `channels` are those of one group. */
typedef struct {
    ptrdiff_t samples, groups, channels, length;
} tp_grouped;

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

/* y = (x - mean) * rstd * weight + bias; mean and rstd (samples, groups), weight and bias NULL or one number for each
 * channel. */
static TP_SIMD void KIND(tp_group_norm)(RESULT y, RESULT mean, RESULT rstd, SOURCE x, SOURCE weight, SOURCE bias,
                                        tp_grouped p, double eps) {
    const ptrdiff_t n = p.channels * p.length;
    for (ptrdiff_t k = 0; k < p.samples * p.groups; k++, x += n, y += n) {
        double total;
        TP_SUM(REAL, total, i, n, x[i]);
        const REAL m = (REAL)(total / (double)n);
        TP_SUM(REAL, total, i, n, (x[i] - m) * (x[i] - m));
        const REAL s = (REAL)(1 / sqrt(total / (double)n + eps));
        mean[k] = m;
        rstd[k] = s;
        for (ptrdiff_t c = 0; c < p.channels; c++) {
            const ptrdiff_t channel = k % p.groups * p.channels + c;
            const REAL scale = weight != NULL ? s * weight[channel] : s, shift = bias != NULL ? bias[channel] : 0;
            for (ptrdiff_t i = c * p.length; i < (c + 1) * p.length; i++) y[i] = (x[i] - m) * scale + shift;
        }
    }
}

/* gw = sum of g n and gb = sum of g in each channel, with n = (x - mean) * rstd, are added to w_total and b_total;
 * gx = rstd * (h - mean of h - n * mean of h n) with h = g * weight in each group, unless NULL. */
static TP_SIMD void KIND(tp_group_norm_grad)(RESULT gx, double *TP_RESTRICT w_total, double *TP_RESTRICT b_total,
                                             SOURCE g, SOURCE x, SOURCE weight, SOURCE mean, SOURCE rstd,
                                             tp_grouped p) {
    const ptrdiff_t n = p.channels * p.length;
    for (ptrdiff_t k = 0; k < p.samples * p.groups; k++, g += n, x += n) {
        const ptrdiff_t first = k % p.groups * p.channels;
        const REAL m = mean[k], s = rstd[k];
        double sum = 0, product = 0;
        for (ptrdiff_t c = 0; c < p.channels; c++) {
            const REAL *TP_RESTRICT gc = g + c * p.length, *TP_RESTRICT xc = x + c * p.length;
            const double w = weight != NULL ? weight[first + c] : 1;
            double slope, tilt;
            TP_SUM(REAL, slope, i, p.length, gc[i]);
            TP_SUM(REAL, tilt, i, p.length, gc[i] * (xc[i] - m));
            b_total[first + c] += slope;
            w_total[first + c] += tilt * s;
            sum += w * slope;
            product += w * tilt;
        }
        if (gx == NULL) continue;
        const REAL shift = (REAL)(sum / (double)n), tilt = (REAL)(product / (double)n * s * s);
        for (ptrdiff_t c = 0; c < p.channels; c++) {
            const REAL w = weight != NULL ? weight[first + c] : 1;
            for (ptrdiff_t i = c * p.length; i < (c + 1) * p.length; i++)
                gx[k * n + i] = s * (g[i] * w - shift - (x[i] - m) * tilt);
        }
    }
}

#undef SOURCE
#undef RESULT

#endif
