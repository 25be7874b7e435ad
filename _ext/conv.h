/* Convolution of planes: a direct kernel that never builds the matrix of windows, in both types and two widths.
 *
 * Needs the vector extensions of GCC and Clang; TP_HAS_CONV says whether they are there.
 */
#ifndef TP_CONV_H
#define TP_CONV_H

#include <stdint.h>
#include <string.h>

#include "arrays.h"
#include "conv_links.h"
#include "memory.h"
#include "parallel.h"
#include "simd.h"

#if defined(__GNUC__) || defined(__clang__)
#define TP_HAS_CONV 1

#include "sums.h"

/* About what one product takes of one thread: the multiplications, at the rate of AVX-512. */
static inline double tp_conv_nanoseconds(const tp_conv_plan *p) {
    return (double)p->samples * (double)p->groups * (double)p->filters * (double)p->channels *
           (double)(p->v.kernel * p->h.kernel) * (double)(p->v.out * p->h.out) / 64;
}

static inline int tp_conv_wide(void) {
#if defined(__AVX512F__)
    return 1;
#else
    return strcmp(tp_simd_level(), "x86-64-v4") == 0;
#endif
}

/* Lanes of two vectors of the same type by constant numbers, as many as one has. */
#if defined(__clang__)
#define TP_SHUFFLE(numbers, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define TP_SHUFFLE(numbers, a, b, ...) __builtin_shuffle(a, b, (numbers){__VA_ARGS__})
#endif
#define TP_LANES_4(f, s) f(0, s), f(1, s), f(2, s), f(3, s)
#define TP_LANES_8(f, s) TP_LANES_4(f, s), f(4, s), f(5, s), f(6, s), f(7, s)
#define TP_LANES_16(f, s) \
    TP_LANES_8(f, s), f(8, s), f(9, s), f(10, s), f(11, s), f(12, s), f(13, s), f(14, s), f(15, s)

/* Four numbers from anywhere; the same, 0 where those of a mask are not above it. */
#define TP_FOUR(at) (*(const TP_NAME(tp_four_loose) *)(at))
#define TP_PASSED(at, mask) \
    ((TP_NAME(tp_four))((TP_NAME(tp_four_lanes))TP_FOUR(at) & (TP_NAME(tp_four_lanes))(TP_FOUR(mask) > 0)))

#define TP_BYTES 64
#define TP_HIGH 8
#define TP_TALL 4
#define TP_LONG 6
#define TP_LANES_OF TP_LANES_16
#define TP_INTEGER int32_t
#define TP_REAL float
#define TP_TILE_NAME(name) name##_wide_f32
#include "conv_tile.h"
#undef TP_REAL
#undef TP_TILE_NAME
#undef TP_LANES_OF
#undef TP_INTEGER
#define TP_LANES_OF TP_LANES_8
#define TP_INTEGER int64_t
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
#undef TP_INTEGER
#define TP_INTEGER int32_t
#define TP_REAL float
#define TP_TILE_NAME(name) name##_narrow_f32
#include "conv_tile.h"
#undef TP_REAL
#undef TP_TILE_NAME
#undef TP_LANES_OF
#undef TP_INTEGER
#define TP_LANES_OF TP_LANES_4
#define TP_INTEGER int64_t
#define TP_REAL double
#define TP_TILE_NAME(name) name##_narrow_f64
#include "conv_tile.h"
#undef TP_LANES_OF
#undef TP_REAL
#undef TP_TILE_NAME
#undef TP_INTEGER

#define TP_REAL float
#define TP_INTEGER int32_t
#define TP_NAME(name) name##_f32
#define TP_WIDE(name) name##_wide_f32
#define TP_NARROW(name) name##_narrow_f32
#include "conv_choice.h"
#include "conv_turn.h"
#include "conv_job.h"
#include "conv_rows.h"
#include "conv_places.h"
#include "conv_kernels.h"
#undef TP_REAL
#undef TP_NAME
#undef TP_WIDE
#undef TP_NARROW
#undef TP_INTEGER
#define TP_REAL double
#define TP_INTEGER int64_t
#define TP_NAME(name) name##_f64
#define TP_WIDE(name) name##_wide_f64
#define TP_NARROW(name) name##_narrow_f64
#include "conv_choice.h"
#include "conv_turn.h"
#include "conv_job.h"
#include "conv_rows.h"
#include "conv_places.h"
#include "conv_kernels.h"
#undef TP_REAL
#undef TP_NAME
#undef TP_WIDE
#undef TP_NARROW

static int tp_conv(int kind, tp_conv_plan plan, void *y, void *x, void *w, void *b, int rectified) {
    return TP_BY_KIND(tp_conv, kind, plan, y, x, w, b, rectified);
}

static int tp_conv_grad(int kind, tp_conv_plan plan, void *gx, void *gw, void *gb, void *g, void *mask, void *x,
                        void *w) {
    return TP_BY_KIND(tp_conv_grad, kind, plan, gx, gw, gb, g, mask, x, w);
}
#else
#define TP_HAS_CONV 0

static int tp_conv(int kind, tp_conv_plan plan, void *y, void *x, void *w, void *b, int rectified) { return 0; }

static int tp_conv_grad(int kind, tp_conv_plan plan, void *gx, void *gw, void *gb, void *g, void *mask, void *x,
                        void *w) {
    return 0;
}
#endif

#endif
