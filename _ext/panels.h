/* Products of many thin matrices with one that stays, for sequences: step after step, while all is in cache.
 *
 * BLAS reorders its operands anew in every product, which for a few rows costs as much as the product. Here the matrix
 * that stays is packed once into panels, which lie as they are read, and a sum over all steps reads both its operands
 * as they are. Vectors of a fixed size, in the compiler's own types, keep sums in registers: 8 rows by 2 or 3 vectors
 * where there are 32 registers of 64 bytes, 4 elsewhere.
 */
#ifndef TP_PANELS_H
#define TP_PANELS_H

#include <string.h>

#include "simd.h"

/* What panels are cut for: 64-byte vectors, or 32-byte ones. */
static inline int tp_panel_bytes(void) {
#if defined(__AVX512F__)
    return 64;
#else
    return strcmp(tp_simd_level(), "x86-64-v4") == 0 ? 64 : 32;
#endif
}

#define REAL float
#define BYTES 64
#define ROWS 8
#define KIND(name) name##_64_f32
#include "panel_kernels.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_64_f64
#include "panel_kernels.h"
#undef REAL
#undef KIND
#undef BYTES
#undef ROWS

#define REAL float
#define BYTES 32
#define ROWS 4
#define KIND(name) name##_32_f32
#include "panel_kernels.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_32_f64
#include "panel_kernels.h"
#undef REAL
#undef KIND
#undef BYTES
#undef ROWS

#define TP_BY_PANEL(name, kind, ...)                                                           \
    (tp_panel_bytes() == 64 ? ((kind) ? name##_64_f64(__VA_ARGS__) : name##_64_f32(__VA_ARGS__)) \
                            : ((kind) ? name##_32_f64(__VA_ARGS__) : name##_32_f32(__VA_ARGS__)))

/* Numbers in a row of a panel. */
static inline ptrdiff_t tp_panel_width(int kind) { return 2 * tp_panel_bytes() / (kind ? 8 : 4); }

/* Numbers that a packed matrix of (depth, columns) takes: the last panel is as wide as the others. */
static inline ptrdiff_t tp_panels_size(int kind, ptrdiff_t depth, ptrdiff_t columns) {
    const ptrdiff_t width = tp_panel_width(kind);
    return depth * ((columns + width - 1) / width * width);
}

/* packed = the matrix of (depth, columns) whose element (k, j) is w[k * columns + j], or if transposed
 * w[j * depth + k] */
static inline void tp_pack_panels(int kind, void *packed, const void *w, ptrdiff_t depth, ptrdiff_t columns,
                                  int transposed) {
    TP_BY_PANEL(tp_pack, kind, packed, w, depth, columns, transposed);
}

/* c[s] (rows, columns) = a[s] (rows, depth) @ the packed matrix, for each of `steps`; c[s] and a[s] start c_step and
 * a_step numbers behind c[s - 1] and a[s - 1] */
static inline void tp_panel_product(int kind, void *c, ptrdiff_t c_step, const void *a, ptrdiff_t a_step,
                                    const void *packed, ptrdiff_t steps, ptrdiff_t rows, ptrdiff_t depth,
                                    ptrdiff_t columns) {
    TP_BY_PANEL(tp_panels, kind, c, c_step, a, a_step, packed, steps, rows, depth, columns);
}

/* c (m, n) += sum over the steps of a[s].T @ b[s];  a[s] (rows, m), b[s] (rows, n) */
static inline void tp_panel_update(int kind, void *c, const void *a, ptrdiff_t a_step, const void *b, ptrdiff_t b_step,
                                   ptrdiff_t steps, ptrdiff_t rows, ptrdiff_t m, ptrdiff_t n) {
    TP_BY_PANEL(tp_update, kind, c, a, a_step, b, b_step, steps, rows, m, n);
}

#endif
