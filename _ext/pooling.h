/* Largest elements and averages of windows in planes, a row of windows at a time: for each element of the window one
 * pass along the row, over the places where it meets the plane. */
#ifndef TP_POOLING_H
#define TP_POOLING_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "arrays.h"
#include "parallel.h"
#include "simd.h"

/* One axis of the planes and of the windows. Average: the places from -counted_before to in + counted_after count. */
typedef struct {
    ptrdiff_t in, out, kernel, stride, pad, dilation, counted_before, counted_after;
} tp_pool_axis;

typedef struct {
    tp_pool_axis v, h;
    ptrdiff_t planes, together; /* planes in a chunk */
    double divisor;             /* 0: how many places count */
    void *x, *y;                /* the planes; the windows' results or their gradients */
    int64_t *indices;
    int wrong;                  /* an index was not one of the plane's elements */
} tp_pool_job;

/* The places *from <= j < *upto of the window where its element k meets the axis. */
static inline void tp_pool_range(const tp_pool_axis *a, ptrdiff_t k, ptrdiff_t *from, ptrdiff_t *upto) {
    const ptrdiff_t start = k * a->dilation - a->pad; /* of place 0 */
    const ptrdiff_t end = a->in - start;
    *from = start >= 0 ? 0 : (-start + a->stride - 1) / a->stride;
    *upto = end <= 0 ? 0 : (end + a->stride - 1) / a->stride;
    if (*upto > a->out) *upto = a->out;
}

/* Whether the windows are pairs side by side, none of which reaches over the edge. */
static inline int tp_pool_in_pairs(const tp_pool_axis *a) {
    return a->kernel == 2 && a->stride == 2 && a->dilation == 1 && a->pad == 0 && 2 * a->out <= a->in;
}

/* How many elements of the window count at place j. */
static inline double tp_pool_counted(const tp_pool_axis *a, ptrdiff_t j) {
    const ptrdiff_t first = j * a->stride - a->pad;
    const ptrdiff_t from = first > -a->counted_before ? first : -a->counted_before;
    const ptrdiff_t upto = first + a->kernel < a->in + a->counted_after ? first + a->kernel : a->in + a->counted_after;
    return (double)(upto - from);
}

#define REAL float
#define KIND(name) name##_f32
#include "pooling_kernels.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_f64
#include "pooling_kernels.h"
#undef REAL
#undef KIND

/* Which of the four. */
enum { TP_MAX_POOL, TP_MAX_POOL_GRAD, TP_AVG_POOL, TP_AVG_POOL_GRAD };

/* Runs one over all planes; 0 if an index was wrong, or there was no memory. */
static int tp_pool_run(int which, int kind, tp_pool_job *job) {
    static const tp_chunk_function chunks[4][2] = {
        {tp_max_pool_chunk_f32, tp_max_pool_chunk_f64},
        {tp_max_pool_grad_chunk_f32, tp_max_pool_grad_chunk_f64},
        {tp_avg_pool_chunk_f32, tp_avg_pool_chunk_f64},
        {tp_avg_pool_grad_chunk_f32, tp_avg_pool_grad_chunk_f64},
    };
    const ptrdiff_t size = job->v.in * job->h.in;
    const int threads = tp_threads_for((double)(job->planes * size) / 4); /* of one thread, 4 elements a nanosecond */
    job->together = threads == 1 ? job->planes : (job->planes + 4 * threads - 1) / (4 * threads);
    job->wrong = 0;
    tp_parallel_for(chunks[which][kind], job, (job->planes + job->together - 1) / job->together, threads);
    return !job->wrong;
}

#endif
