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

/* Elements from which the threads' start is worth it: some hundred microseconds of work for one. */
#define TP_POOL_PARALLEL_FROM ((ptrdiff_t)1 << 17)

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

#define TP_DEFINE_POOL(real, suffix)                                                                                 \
    /* One element of the window along a row; the first of equals stays, and the first NaN. */                       \
    TP_INLINE void tp_pool_larger_##suffix(real *TP_RESTRICT y, int64_t *TP_RESTRICT at,                             \
                                           const real *TP_RESTRICT x, int64_t base, ptrdiff_t n,                     \
                                           const ptrdiff_t step) {                                                   \
        for (ptrdiff_t j = 0; j < n; j++) {                                                                          \
            const real v = x[j * step], best = y[j];                                                                 \
            const int take = (v > best) | (at[j] < 0) | ((v != v) & (best == best));                                 \
            y[j] = take ? v : best;                                                                                  \
            at[j] = take ? base + j * step : at[j];                                                                  \
        }                                                                                                            \
    }                                                                                                                \
    /* Windows of 2 x 2, side by side, of which all elements are there: 1 if that was all, 0 where there is NaN. */  \
    TP_INLINE int tp_max_pool_quads_##suffix(real *TP_RESTRICT y, int64_t *TP_RESTRICT at,                           \
                                             const real *TP_RESTRICT x, ptrdiff_t wide, int64_t base, ptrdiff_t n) { \
        int nan = 0;                                                                                                 \
        for (ptrdiff_t j = 0; j < n; j++) {                                                                          \
            const real a = x[2 * j], b = x[2 * j + 1], c = x[wide + 2 * j], d = x[wide + 2 * j + 1];                 \
            const real top = b > a ? b : a, low = d > c ? d : c;                                                     \
            const int64_t left = b > a, right = wide + (d > c);                                                      \
            y[j] = low > top ? low : top;                                                                            \
            at[j] = base + 2 * j + (low > top ? right : left);                                                       \
            nan |= (a != a) | (b != b) | (c != c) | (d != d);                                                        \
        }                                                                                                            \
        return !nan;                                                                                                 \
    }                                                                                                                \
    static TP_SIMD void tp_max_pool_planes_##suffix(const tp_pool_job *job, ptrdiff_t first, ptrdiff_t last) {       \
        const tp_pool_axis *v = &job->v, *h = &job->h;                                                               \
        const int quads = tp_pool_in_pairs(v) && tp_pool_in_pairs(h);                                                \
        for (ptrdiff_t plane = first; plane < last; plane++)                                                         \
            for (ptrdiff_t i = 0; i < v->out; i++) {                                                                 \
                const real *x = (const real *)job->x + plane * v->in * h->in;                                        \
                real *y = (real *)job->y + (plane * v->out + i) * h->out;                                            \
                int64_t *at = job->indices + (plane * v->out + i) * h->out;                                          \
                const ptrdiff_t two = 2 * i * h->in;                                                                 \
                if (quads && tp_max_pool_quads_##suffix(y, at, x + two, h->in, two, h->out)) continue;               \
                for (ptrdiff_t j = 0; j < h->out; j++) y[j] = -INFINITY, at[j] = -1;                                 \
                for (ptrdiff_t p = 0; p < v->kernel; p++) {                                                          \
                    const ptrdiff_t row = i * v->stride - v->pad + p * v->dilation;                                  \
                    if (row < 0 || row >= v->in) continue;                                                           \
                    for (ptrdiff_t q = 0, from, upto; q < h->kernel; q++) {                                          \
                        tp_pool_range(h, q, &from, &upto);                                                           \
                        const ptrdiff_t base = row * h->in + from * h->stride - h->pad + q * h->dilation;            \
                        if (h->stride == 2)                                                                          \
                            tp_pool_larger_##suffix(y + from, at + from, x + base, base, upto - from, 2);            \
                        else                                                                                         \
                            tp_pool_larger_##suffix(y + from, at + from, x + base, base, upto - from, h->stride);    \
                    }                                                                                                \
                }                                                                                                    \
            }                                                                                                        \
    }                                                                                                                \
    static void tp_max_pool_chunk_##suffix(void *shared, ptrdiff_t chunk, int worker) {                              \
        const tp_pool_job *job = shared;                                                                             \
        const ptrdiff_t first = chunk * job->together, last = first + job->together;                                 \
        (void)worker;                                                                                                \
        tp_max_pool_planes_##suffix(job, first, last < job->planes ? last : job->planes);                            \
    }                                                                                                                \
    static void tp_max_pool_grad_chunk_##suffix(void *shared, ptrdiff_t chunk, int worker) {                         \
        tp_pool_job *job = shared;                                                                                   \
        const ptrdiff_t size = job->v.in * job->h.in, windows = job->v.out * job->h.out;                             \
        const ptrdiff_t first = chunk * job->together;                                                               \
        (void)worker;                                                                                                \
        for (ptrdiff_t plane = first; plane < first + job->together && plane < job->planes; plane++) {               \
            real *x = (real *)job->x + plane * size;                                                                 \
            const real *g = (const real *)job->y + plane * windows;                                                  \
            const int64_t *at = job->indices + plane * windows;                                                      \
            memset(x, 0, (size_t)size * sizeof *x);                                                                  \
            for (ptrdiff_t j = 0; j < windows; j++) {                                                                \
                if ((uint64_t)at[j] < (uint64_t)size)                                                                \
                    x[at[j]] += g[j];                                                                                \
                else                                                                                                 \
                    job->wrong = 1;                                                                                  \
            }                                                                                                        \
        }                                                                                                            \
    }                                                                                                                \
    /* y = sums of the windows / divisor, or (back) the gradients y / divisor added to each window */                \
    static TP_SIMD void tp_avg_pool_planes_##suffix(const tp_pool_job *job, ptrdiff_t first, ptrdiff_t last,         \
                                                    int back, real *TP_RESTRICT part) {                              \
        const tp_pool_axis *v = &job->v, *h = &job->h;                                                               \
        for (ptrdiff_t plane = first; plane < last; plane++) {                                                       \
            real *x = (real *)job->x + plane * v->in * h->in;                                                        \
            if (back) memset(x, 0, (size_t)(v->in * h->in) * sizeof *x);                                             \
            for (ptrdiff_t i = 0; i < v->out; i++) {                                                                 \
                real *y = (real *)job->y + (plane * v->out + i) * h->out;                                            \
                const double tall = tp_pool_counted(v, i);                                                           \
                for (ptrdiff_t j = 0; j < h->out; j++) part[j] = back ? y[j] : 0;                                    \
                for (ptrdiff_t j = 0; back && j < h->out; j++)                                                       \
                    part[j] /= (real)(job->divisor ? job->divisor : tall * tp_pool_counted(h, j));                   \
                for (ptrdiff_t p = 0; p < v->kernel; p++) {                                                          \
                    const ptrdiff_t row = i * v->stride - v->pad + p;                                                \
                    if (row < 0 || row >= v->in) continue;                                                           \
                    for (ptrdiff_t q = 0, from, upto; q < h->kernel; q++) {                                          \
                        tp_pool_range(h, q, &from, &upto);                                                           \
                        real *at = x + row * h->in + q - h->pad;                                                     \
                        if (back)                                                                                    \
                            for (ptrdiff_t j = from; j < upto; j++) at[j * h->stride] += part[j];                    \
                        else                                                                                         \
                            for (ptrdiff_t j = from; j < upto; j++) part[j] += at[j * h->stride];                    \
                    }                                                                                                \
                }                                                                                                    \
                for (ptrdiff_t j = 0; !back && j < h->out; j++)                                                      \
                    y[j] = part[j] / (real)(job->divisor ? job->divisor : tall * tp_pool_counted(h, j));             \
            }                                                                                                        \
        }                                                                                                            \
    }                                                                                                                \
    TP_INLINE void tp_avg_pool_some_##suffix(tp_pool_job *job, ptrdiff_t chunk, int back) {                          \
        const ptrdiff_t first = chunk * job->together, last = first + job->together;                                 \
        real *part = malloc((size_t)job->h.out * sizeof *part);                                                      \
        if (part == NULL)                                                                                            \
            job->wrong = 1;                                                                                          \
        else                                                                                                         \
            tp_avg_pool_planes_##suffix(job, first, last < job->planes ? last : job->planes, back, part);            \
        free(part);                                                                                                  \
    }                                                                                                                \
    static void tp_avg_pool_chunk_##suffix(void *shared, ptrdiff_t chunk, int worker) {                              \
        (void)worker;                                                                                                \
        tp_avg_pool_some_##suffix(shared, chunk, 0);                                                                 \
    }                                                                                                                \
    static void tp_avg_pool_grad_chunk_##suffix(void *shared, ptrdiff_t chunk, int worker) {                         \
        (void)worker;                                                                                                \
        tp_avg_pool_some_##suffix(shared, chunk, 1);                                                                 \
    }

TP_DEFINE_POOL(float, f32)
TP_DEFINE_POOL(double, f64)

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
    const int threads = job->planes * size < TP_POOL_PARALLEL_FROM ? 1 : tp_num_threads();
    job->together = threads == 1 ? job->planes : (job->planes + 4 * threads - 1) / (4 * threads);
    job->wrong = 0;
    tp_parallel_for(chunks[which][kind], job, (job->planes + job->together - 1) / job->together, threads);
    return !job->wrong;
}

#endif
