/* Rows of contiguous arrays, found by 8-byte integers. */
#ifndef TP_INDEXING_H
#define TP_INDEXING_H

#include <stdint.h>
#include <string.h>

#include "arrays.h"
#include "simd.h"

/* Whether every index is in 0..size-1. As unsigned numbers, negative ones are too large as well. */
static TP_SIMD int tp_in_range(const int64_t *TP_RESTRICT index, npy_intp n, npy_intp size) {
    int outside = 0;
    for (npy_intp i = 0; i < n; i++) outside |= (uint64_t)index[i] >= (uint64_t)size;
    return !outside;
}

/* y[k][j] = x[k][index[j]], rows of `bytes` bytes;  x (outer, size), y (outer, n) */
static void tp_take(char *TP_RESTRICT y, const char *TP_RESTRICT x, const int64_t *TP_RESTRICT index,
                    npy_intp outer, npy_intp size, npy_intp n, npy_intp bytes) {
    for (npy_intp k = 0; k < outer; k++, x += size * bytes)
        for (npy_intp j = 0; j < n; j++, y += bytes) {
            const char *from = x + index[j] * bytes;
            if (bytes == 4)
                memcpy(y, from, 4); /* a constant size is one instruction */
            else if (bytes == 8)
                memcpy(y, from, 8);
            else
                memcpy(y, from, (size_t)bytes);
        }
}

/* y[index[j]] += source[j], rows of n elements */
#define TP_DEFINE_SCATTER_ADD(real, suffix)                                                             \
    static TP_SIMD void tp_scatter_add_##suffix(real *TP_RESTRICT y, const int64_t *TP_RESTRICT index,  \
                                                const real *TP_RESTRICT source, npy_intp many,          \
                                                npy_intp n) {                                           \
        for (npy_intp j = 0; j < many; j++) {                                                           \
            real *TP_RESTRICT row = y + index[j] * n;                                                   \
            for (npy_intp i = 0; i < n; i++) row[i] += source[j * n + i];                               \
        }                                                                                               \
    }

TP_DEFINE_SCATTER_ADD(float, f32)
TP_DEFINE_SCATTER_ADD(double, f64)
#define tp_scatter_add(kind, ...) TP_BY_KIND(tp_scatter_add, kind, __VA_ARGS__)

/* y[index[j]] += source[j], rows of n elements; those at `skip` are left out. The rows of source lie
 * row_step elements apart; their own elements lie side by side, or (spread) all in one place. */
#define TP_DEFINE_SCATTER_ROWS(real, suffix)                                                            \
    static TP_SIMD void tp_scatter_rows_##suffix(real *TP_RESTRICT y, const int64_t *TP_RESTRICT index, \
                                                 const real *TP_RESTRICT source, npy_intp row_step,     \
                                                 int spread, npy_intp many, npy_intp n, int64_t skip) { \
        for (npy_intp j = 0; j < many; j++, source += row_step) {                                       \
            real *TP_RESTRICT row = y + index[j] * n;                                                   \
            if (index[j] == skip) continue;                                                             \
            if (spread)                                                                                 \
                for (npy_intp i = 0; i < n; i++) row[i] += *source;                                     \
            else                                                                                        \
                for (npy_intp i = 0; i < n; i++) row[i] += source[i];                                   \
        }                                                                                               \
    }

TP_DEFINE_SCATTER_ROWS(float, f32)
TP_DEFINE_SCATTER_ROWS(double, f64)
#define tp_scatter_rows(kind, ...) TP_BY_KIND(tp_scatter_rows, kind, __VA_ARGS__)

#endif
