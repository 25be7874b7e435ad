/* Matrix products of our own: c = a @ b + base, with any strides, in float32 and float64.
 *
 * For a few thousand multiplications a BLAS spends more time on getting ready than on multiplying; here operands are
 * read where they lie as long as that is cheap. Needs the vector types of GCC and Clang, of 64, 32 or 16 bytes.
 *
 * The order in which an element's terms are added depends on the sizes and strides of the whole product only, not on
 * the threads that share it.
 */
#ifndef TP_PRODUCT_H
#define TP_PRODUCT_H

#include <string.h>

#include "simd.h"

#if defined(__clang__) || __GNUC__ >= 12
#define TP_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define TP_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (__typeof__(a == b)){__VA_ARGS__})
#endif

/* A value of which the compiler shall not know where it comes from. */
#define TP_OPAQUE(x) __asm__("" : "+r"(x))
#define TP_NOINLINE __attribute__((noinline))

/* Where a matrix starts, and its strides, in elements. */
typedef struct {
    void *data;
    ptrdiff_t row, column;
} tp_operand;

/* A product, and how it is to be computed. */
typedef struct {
    ptrdiff_t n, k, m;        /* a (n, k), b (k, m), c (n, m) */
    tp_operand a, b, c, base; /* base (n, m) is added (it may be c, or have strides 0); data NULL: nothing is */
    int dots, pack_a, pack_b;
} tp_plan;

/* So many steps in one pass, in which a panel of b fills a first cache of 48 KB; fewer where one pass is not enough,
 * since what else is in the cache then gains more than fewer passes do. And the bytes of a block of a. */
#define TP_DEPTH 256
#define TP_DEPTH_OF_MANY 208
#define TP_BLOCK (512 * 1024)

/* The size of parts that make up `all`: about the same for each, in whole grains, as `most` is, which it is at most. */
static inline ptrdiff_t tp_part(ptrdiff_t all, ptrdiff_t most, ptrdiff_t grain) {
    const ptrdiff_t parts = all > most ? (all + most - 1) / most : 1;
    return ((parts == 1 ? all : (all + parts - 1) / parts) + grain - 1) / grain * grain;
}

/* Recycled by every product of a thread: fresh memory of that size costs as much as the product. */
static _Thread_local char tp_packed_a[TP_BLOCK] __attribute__((aligned(64)));
static _Thread_local char tp_packed_b[TP_DEPTH * 192] __attribute__((aligned(64)));

#if TP_HAS_64 /* 32 registers */
#define BYTES 64
#define ROWS 8
#define SIMD TP_SIMD_64
#define REAL float
#define LANES (BYTES / 4)
#define TP_EIGHTS (BYTES >= 32)
#define KIND(name) name##_64_f32
#include "product_pack.h"
#include "product_tile.h"
#include "product_blocks.h"
#undef REAL
#undef LANES
#undef TP_EIGHTS
#undef KIND
#define REAL double
#define LANES (BYTES / 8)
#define TP_EIGHTS 0
#define KIND(name) name##_64_f64
#include "product_pack.h"
#include "product_tile.h"
#include "product_blocks.h"
#undef REAL
#undef LANES
#undef TP_EIGHTS
#undef KIND
#undef BYTES
#undef ROWS
#undef SIMD
#endif

#if TP_HAS_32 /* 16 registers */
#define BYTES 32
#define ROWS 4
#define SIMD TP_SIMD_32
#define REAL float
#define LANES (BYTES / 4)
#define TP_EIGHTS (BYTES >= 32)
#define KIND(name) name##_32_f32
#include "product_pack.h"
#include "product_tile.h"
#include "product_blocks.h"
#undef REAL
#undef LANES
#undef TP_EIGHTS
#undef KIND
#define REAL double
#define LANES (BYTES / 8)
#define TP_EIGHTS 0
#define KIND(name) name##_32_f64
#include "product_pack.h"
#include "product_tile.h"
#include "product_blocks.h"
#undef REAL
#undef LANES
#undef TP_EIGHTS
#undef KIND
#undef BYTES
#undef ROWS
#undef SIMD
#endif

#define BYTES 16
#if defined(__aarch64__) /* 32 registers, of which GCC takes one for each number broadcast */
#define ROWS 6
#else
#define ROWS 4
#endif
#define SIMD
#define REAL float
#define LANES (BYTES / 4)
#define TP_EIGHTS (BYTES >= 32)
#define KIND(name) name##_16_f32
#include "product_pack.h"
#include "product_tile.h"
#include "product_blocks.h"
#undef REAL
#undef LANES
#undef TP_EIGHTS
#undef KIND
#define REAL double
#define LANES (BYTES / 8)
#define TP_EIGHTS 0
#define KIND(name) name##_16_f64
#include "product_pack.h"
#include "product_tile.h"
#include "product_blocks.h"
#undef REAL
#undef LANES
#undef TP_EIGHTS
#undef KIND
#undef BYTES
#undef ROWS
#undef SIMD

typedef void (*tp_multiply_function)(const tp_plan *);

static inline tp_multiply_function tp_multiply_by(int kind, int bytes) {
#if TP_HAS_64
    if (bytes == 64) return kind ? tp_multiply_64_f64 : tp_multiply_64_f32;
#endif
#if TP_HAS_32
    if (bytes == 32) return kind ? tp_multiply_32_f64 : tp_multiply_32_f32;
#endif
    (void)bytes;
    return kind ? tp_multiply_16_f64 : tp_multiply_16_f32;
}

static inline tp_operand tp_flipped(tp_operand a) { return (tp_operand){a.data, a.column, a.row}; }

/* c.T = b.T @ a.T + base.T */
static inline void tp_flip(tp_plan *p) {
    const tp_operand a = p->a;
    const ptrdiff_t n = p->n;
    p->n = p->m;
    p->m = n;
    p->a = tp_flipped(p->b);
    p->b = tp_flipped(a);
    p->c = tp_flipped(p->c);
    p->base = tp_flipped(p->base);
}

/* What a product costs, roughly, in cycles. Two vectors are multiplied in each; moving a number to where a vector wants
 * it takes half of one; a tile of fewer than eight sums waits for its additions. */
static inline double tp_cost(const tp_plan *p, ptrdiff_t lanes) {
    const double n = (double)p->n, k = (double)p->k, m = (double)p->m;
    const double vectors = (double)((p->m + lanes - 1) / lanes), each = n * vectors > 8 ? n * vectors / 2 : 4;
    double cost = k * each;
    if (p->b.column != 1) cost += 0.5 * k * m;
    if (p->c.column != 1) cost += n * m * (p->k > 256 ? k / 256 : 1);
    return cost;
}

static inline double tp_cost_of_dots(const tp_plan *p, ptrdiff_t lanes) {
    const double steps = (double)((p->k + lanes - 1) / lanes);
    return (double)(p->n * p->m) * (5 + steps / 2) + (double)(p->k % lanes ? 10 * p->m : 0);
}

/* Which way round, and what is copied together first; 1 if the other way round. Measured on AVX-512 and AVX2. */
static int tp_make_plan(tp_plan *p, int kind, int bytes) {
    const ptrdiff_t item = kind ? 8 : 4, lanes = bytes / item;
    tp_plan flipped = *p;
    tp_flip(&flipped);
    const double cost = tp_cost(p, lanes), other = tp_cost(&flipped, lanes);
    if (p->a.column == 1 && p->b.row == 1) {
        const int few = p->n <= p->m;
        const double dots = tp_cost_of_dots(few ? p : &flipped, lanes);
        if ((few ? p->n : p->m) <= 3 && dots < cost && dots < other) {
            if (!few) *p = flipped;
            p->dots = 1;
            return !few;
        }
    }
    if (other < cost) *p = flipped;
    p->dots = 0;
    p->pack_b = p->b.column != 1 || (p->n >= 64 && p->k * p->m * item > 16384);
    p->pack_a = p->a.column != 1 && p->m >= 64 && p->k * p->a.column * item > 65536;
    return other < cost;
}

#endif
