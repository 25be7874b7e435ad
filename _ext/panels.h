/* Products of many thin matrices with one that stays: packed once into panels, which lie as they are read.
 *
 * BLAS reorders its operands anew in every product, which for a few rows costs as much as the product. Vectors of a
 * fixed size, in the compiler's own types, keep the sums in registers: 8 rows by 2 vectors where there are 32 registers
 * of 64 bytes, 4 by 2 elsewhere.
 */
#ifndef TP_PANELS_H
#define TP_PANELS_H

#include <string.h>

#include "simd.h"

/* What panels are cut for: 64-byte vectors, or 32-byte ones; 0: this compiler has no vector types. */
static inline int tp_panel_bytes(void) {
#if defined(__GNUC__)
#if defined(__AVX512F__)
    return 64;
#else
    return strcmp(tp_simd_level(), "x86-64-v4") == 0 ? 64 : 32;
#endif
#else
    return 0;
#endif
}

#if defined(__GNUC__)

#define REAL float
#define BYTES 64
#define ROWS 8
#define KIND(name) name##_64_f32
#include "panels.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_64_f64
#include "panels.h"
#undef REAL
#undef KIND
#undef BYTES
#undef ROWS

#define REAL float
#define BYTES 32
#define ROWS 4
#define KIND(name) name##_32_f32
#include "panels.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_32_f64
#include "panels.h"
#undef REAL
#undef KIND
#undef BYTES
#undef ROWS

#endif

/* Numbers in a row of a panel. */
static inline ptrdiff_t tp_panel_width(int kind) { return 2 * tp_panel_bytes() / (kind ? 8 : 4); }

/* Whether a matrix of so many columns can be cut into panels. */
static inline int tp_fits_panels(int kind, ptrdiff_t columns) {
    return tp_panel_bytes() != 0 && columns % tp_panel_width(kind) == 0;
}

/* packed = the matrix of (depth, columns) whose element (k, j) is w[k * down + j * across] */
static void tp_pack_panels(int kind, void *packed, const void *w, ptrdiff_t depth, ptrdiff_t columns, ptrdiff_t down,
                           ptrdiff_t across) {
    const ptrdiff_t width = tp_panel_width(kind);
    for (ptrdiff_t left = 0; left < columns; left += width)
        for (ptrdiff_t j = 0; j < width; j++) /* down a column: short strides in one of the two for either layout */
            for (ptrdiff_t k = 0; k < depth; k++) {
                const ptrdiff_t to = left * depth + k * width + j, from = k * down + (left + j) * across;
                if (kind) ((double *)packed)[to] = ((const double *)w)[from];
                else ((float *)packed)[to] = ((const float *)w)[from];
            }
}

/* c (rows, columns) = a (rows, depth) @ the packed matrix */
static inline void tp_panel_product(int kind, void *c, const void *a, const void *packed, ptrdiff_t rows,
                                    ptrdiff_t depth, ptrdiff_t columns) {
#if defined(__GNUC__)
    if (tp_panel_bytes() == 64) {
        if (kind) tp_panels_64_f64(c, a, packed, rows, depth, columns);
        else tp_panels_64_f32(c, a, packed, rows, depth, columns);
    } else {
        if (kind) tp_panels_32_f64(c, a, packed, rows, depth, columns);
        else tp_panels_32_f32(c, a, packed, rows, depth, columns);
    }
#endif
}

#elif defined(REAL)

#define LANES ((ptrdiff_t)(BYTES / sizeof(REAL)))

typedef REAL KIND(tp_panel_vector) __attribute__((vector_size(BYTES)));
typedef REAL KIND(tp_panel_loose) __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));

/* `rows` rows, a constant of each call, of one panel */
TP_INLINE void KIND(tp_panel_block)(REAL *c, ptrdiff_t columns, const REAL *a, const REAL *b, ptrdiff_t depth,
                                    const int rows) {
    KIND(tp_panel_vector) sum[ROWS][2];
    for (int r = 0; r < rows; r++) sum[r][0] = sum[r][1] = (KIND(tp_panel_vector)){0};
    for (ptrdiff_t k = 0; k < depth; k++, b += 2 * LANES) {
        const KIND(tp_panel_vector) left = *(const KIND(tp_panel_loose) *)b;
        const KIND(tp_panel_vector) right = *(const KIND(tp_panel_loose) *)(b + LANES);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            sum[r][0] += left * a[r * depth + k];
            sum[r][1] += right * a[r * depth + k];
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
        *(KIND(tp_panel_loose) *)(c + r * columns) = sum[r][0];
        *(KIND(tp_panel_loose) *)(c + r * columns + LANES) = sum[r][1];
    }
}

static TP_SIMD void KIND(tp_panels)(REAL *c, const REAL *a, const REAL *packed, ptrdiff_t rows, ptrdiff_t depth,
                                    ptrdiff_t columns) {
    for (ptrdiff_t left = 0; left < columns; left += 2 * LANES, packed += 2 * LANES * depth) {
        ptrdiff_t r = 0;
        for (; r + ROWS <= rows; r += ROWS)
            KIND(tp_panel_block)(c + r * columns + left, columns, a + r * depth, packed, depth, ROWS);
        if (r + 4 <= rows) {
            KIND(tp_panel_block)(c + r * columns + left, columns, a + r * depth, packed, depth, 4);
            r += 4;
        }
        for (; r < rows; r++)
            KIND(tp_panel_block)(c + r * columns + left, columns, a + r * depth, packed, depth, 1);
    }
}

#undef LANES

#endif
