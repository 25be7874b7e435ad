/* Convolution of planes: a direct kernel that never builds the matrix of windows, in both types and two widths.
 *
 * Needs the vector extensions of GCC and Clang; TP_HAS_CONV says whether they are there.
 */
#ifndef TP_CONV_H
#define TP_CONV_H

#include <string.h>

#include "arrays.h"
#include "conv_plan.h"
#include "parallel.h"
#include "simd.h"

#if defined(__GNUC__) || defined(__clang__)
#define TP_HAS_CONV 1

#include "sums.h"

/* Multiplications from which the threads' start is worth it: a few hundred microseconds of work for one. */
#define TP_CONV_PARALLEL_FROM 4e6

static inline int tp_conv_wide(void) {
#if defined(__AVX512F__)
    return 1;
#else
    return strcmp(tp_simd_level(), "x86-64-v4") == 0;
#endif
}

#define TP_BYTES 64
#define TP_HIGH 8
#define TP_TALL 4
#define TP_LONG 6
#define TP_REAL float
#define TP_TILE_NAME(name) name##_wide_f32
#include "conv_tile.h"
#undef TP_REAL
#undef TP_TILE_NAME
#define TP_REAL double
#define TP_TILE_NAME(name) name##_wide_f64
#include "conv_tile.h"
#undef TP_REAL
#undef TP_TILE_NAME
#undef TP_BYTES
#undef TP_HIGH
#undef TP_TALL
#undef TP_LONG

#define TP_BYTES 32
#define TP_HIGH 4
#define TP_TALL 3
#define TP_LONG 4
#define TP_REAL float
#define TP_TILE_NAME(name) name##_narrow_f32
#include "conv_tile.h"
#undef TP_REAL
#undef TP_TILE_NAME
#define TP_REAL double
#define TP_TILE_NAME(name) name##_narrow_f64
#include "conv_tile.h"
#undef TP_REAL
#undef TP_TILE_NAME

#define TP_REAL float
#define TP_NAME(name) name##_f32
#define TP_WIDE(name) name##_wide_f32
#define TP_NARROW(name) name##_narrow_f32
#include "conv_kernels.h"
#undef TP_REAL
#undef TP_NAME
#undef TP_WIDE
#undef TP_NARROW
#define TP_REAL double
#define TP_NAME(name) name##_f64
#define TP_WIDE(name) name##_wide_f64
#define TP_NARROW(name) name##_narrow_f64
#include "conv_kernels.h"
#undef TP_REAL
#undef TP_NAME
#undef TP_WIDE
#undef TP_NARROW

static int tp_conv(int kind, tp_conv_plan plan, void *y, void *x, void *w, void *b) {
    return TP_BY_KIND(tp_conv, kind, plan, y, x, w, b);
}

static int tp_conv_grad(int kind, tp_conv_plan plan, void *gx, void *gw, void *gb, void *g, void *x, void *w) {
    return TP_BY_KIND(tp_conv_grad, kind, plan, gx, gw, gb, g, x, w);
}
#else
#define TP_HAS_CONV 0

static int tp_conv(int kind, tp_conv_plan plan, void *y, void *x, void *w, void *b) { return 0; }

static int tp_conv_grad(int kind, tp_conv_plan plan, void *gx, void *gw, void *gb, void *g, void *x, void *w) {
    return 0;
}
#endif

#endif
