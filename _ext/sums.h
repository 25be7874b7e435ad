/* Sums that vectorise without -ffast-math and stay exact to rounding, over any expression.
 *
 *     double total;
 *     TP_SUM(float, total, i, n, x[i] * x[i])
 *
 * A sum of floats may not be reordered by the compiler, so the order is written down: TP_LANES partial sums
 * side by side (a few registers of any width), folded after TP_BLOCK elements, the blocks' sums added in
 * double with the error of each addition carried along (D. E. Knuth, The Art of Computer Programming 2,
 * 4.2.2). So the error does not grow with n. TP_SUM_COLUMNS adds up the rows of a tile of columns in the
 * same spirit: short runs in the array's own type, the runs in double.
 */
#ifndef TP_SUMS_H
#define TP_SUMS_H

#include <math.h>

#include "simd.h"

#define TP_LANES(real) ((int)(128 / sizeof(real)))
#define TP_BLOCK 1024
#define TP_TILE 512 /* columns at a time: their sums stay in the first cache */
#define TP_RUN 128  /* rows added up before their sum goes into the double */

typedef struct {
    double sum, error;
} tp_total;

TP_INLINE void tp_total_add(tp_total *t, double v) {
    double sum = t->sum + v, part = sum - t->sum;
    t->error += (t->sum - (sum - part)) + (v - part);
    t->sum = sum;
}

TP_INLINE double tp_total_value(tp_total t) {
    return isfinite(t.sum) ? t.sum + t.error : t.sum; /* the error of an infinite sum is NaN */
}

#define TP_ADD(a, b) ((a) + (b))
#define TP_MAX(a, b) ((b) > (a) ? (b) : (a))

#define TP_FOLD(op, lane, lanes)                                                               \
    if ((lanes) > 16)                                                                          \
        for (int l_ = 0; l_ < 16; l_++) (lane)[l_] = op((lane)[l_], (lane)[(l_ + 16) % (lanes)]); \
    for (int l_ = 0; l_ < 8; l_++) (lane)[l_] = op((lane)[l_], (lane)[l_ + 8]);                \
    for (int l_ = 0; l_ < 4; l_++) (lane)[l_] = op((lane)[l_], (lane)[l_ + 4]);                \
    for (int l_ = 0; l_ < 2; l_++) (lane)[l_] = op((lane)[l_], (lane)[l_ + 2]);                \
    (lane)[0] = op((lane)[0], (lane)[1]);

/* total = sum over 0 <= i < n of expr */
#define TP_SUM(real, total, i, n, expr)                                                          \
    do {                                                                                         \
        const ptrdiff_t n_ = (n);                                                                \
        if (n_ < 32) { /* too short for lanes to pay */                                          \
            real sum_ = 0;                                                                       \
            for (ptrdiff_t i = 0; i < n_; i++) sum_ += (expr);                                   \
            (total) = sum_;                                                                      \
            break;                                                                               \
        }                                                                                        \
        tp_total all_ = {0, 0};                                                                  \
        for (ptrdiff_t at_ = 0, end_; at_ < n_; at_ = end_) {                                    \
            real lane_[TP_LANES(real)];                                                          \
            for (int l_ = 0; l_ < TP_LANES(real); l_++) lane_[l_] = 0;                           \
            end_ = n_ - at_ > TP_BLOCK ? at_ + TP_BLOCK : n_;                                    \
            for (; at_ + TP_LANES(real) <= end_; at_ += TP_LANES(real))                          \
                for (int l_ = 0; l_ < TP_LANES(real); l_++) {                                    \
                    const ptrdiff_t i = at_ + l_;                                                \
                    lane_[l_] += (expr);                                                         \
                }                                                                                \
            for (ptrdiff_t i = at_; i < end_; i++) lane_[i - at_] += (expr);                     \
            TP_FOLD(TP_ADD, lane_, TP_LANES(real))                                               \
            tp_total_add(&all_, lane_[0]);                                                       \
        }                                                                                        \
        (total) = tp_total_value(all_);                                                          \
    } while (0)

/* largest = maximum of x[0..n-1], n >= 1. NaN: may be NaN or another element. */
#define TP_MAXIMUM(real, largest, x, n)                                                          \
    do {                                                                                         \
        const ptrdiff_t n_ = (n);                                                                \
        real max_ = (x)[0];                                                                      \
        if (n_ < 32) {                                                                           \
            for (ptrdiff_t i_ = 1; i_ < n_; i_++) max_ = TP_MAX(max_, (x)[i_]);                  \
        } else {                                                                                 \
            real lane_[TP_LANES(real)];                                                          \
            ptrdiff_t at_ = 0;                                                                   \
            for (int l_ = 0; l_ < TP_LANES(real); l_++) lane_[l_] = max_;                        \
            for (; at_ + TP_LANES(real) <= n_; at_ += TP_LANES(real))                            \
                for (int l_ = 0; l_ < TP_LANES(real); l_++)                                      \
                    lane_[l_] = TP_MAX(lane_[l_], (x)[at_ + l_]);                                \
            for (ptrdiff_t i_ = at_; i_ < n_; i_++)                                              \
                lane_[i_ - at_] = TP_MAX(lane_[i_ - at_], (x)[i_]);                              \
            TP_FOLD(TP_MAX, lane_, TP_LANES(real))                                               \
            max_ = lane_[0];                                                                     \
        }                                                                                        \
        (largest) = max_;                                                                        \
    } while (0)

/* total[c] = sum over 0 <= r < rows of expr, for 0 <= c < width <= TP_TILE; total is double[TP_TILE] */
#define TP_SUM_COLUMNS(real, total, r, rows, c, width, expr)                                     \
    do {                                                                                         \
        const ptrdiff_t rows_ = (rows);                                                          \
        const int width_ = (width);                                                              \
        for (int c = 0; c < width_; c++) (total)[c] = 0;                                         \
        for (ptrdiff_t at_ = 0, end_; at_ < rows_; at_ = end_) {                                 \
            real run_[TP_TILE];                                                                  \
            for (int c = 0; c < width_; c++) run_[c] = 0;                                        \
            end_ = rows_ - at_ > TP_RUN ? at_ + TP_RUN : rows_;                                  \
            for (; at_ + 4 <= end_; at_ += 4) /* four rows for each visit to the run */          \
                for (int c = 0; c < width_; c++) {                                               \
                    ptrdiff_t r = at_;                                                           \
                    const real a_ = (expr);                                                      \
                    r++;                                                                         \
                    const real b_ = (expr);                                                      \
                    r++;                                                                         \
                    const real c_ = (expr);                                                      \
                    r++;                                                                         \
                    run_[c] += (a_ + b_) + (c_ + (expr));                                        \
                }                                                                                \
            for (ptrdiff_t r = at_; r < end_; r++)                                               \
                for (int c = 0; c < width_; c++) run_[c] += (expr);                              \
            for (int c = 0; c < width_; c++) (total)[c] += run_[c];                              \
        }                                                                                        \
    } while (0)

/* y[c] = sum of x[r][c] over the rows of x (rows, columns) */
#define TP_DEFINE_SUM_ROWS(real, suffix)                                                         \
    static TP_SIMD void tp_sum_rows_##suffix(real *TP_RESTRICT y, const real *TP_RESTRICT x,     \
                                             ptrdiff_t rows, ptrdiff_t columns) {                \
        if (columns == 1) {                                                                      \
            double total;                                                                        \
            TP_SUM(real, total, i, rows, x[i]);                                                  \
            y[0] = (real)total;                                                                  \
            return;                                                                              \
        }                                                                                        \
        for (ptrdiff_t from = 0; from < columns; from += TP_TILE) {                              \
            const int width = columns - from < TP_TILE ? (int)(columns - from) : TP_TILE;        \
            double total[TP_TILE];                                                               \
            TP_SUM_COLUMNS(real, total, r, rows, c, width, x[r * columns + from + c]);           \
            for (int c = 0; c < width; c++) y[from + c] = (real)total[c];                        \
        }                                                                                        \
    }

TP_DEFINE_SUM_ROWS(float, f32)
TP_DEFINE_SUM_ROWS(double, f64)

#endif
