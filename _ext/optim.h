/* Multi-tensor updates: what one tensor's update is, how a list of them is cut for threads, which lists are
 * refused.
 *
 * A list is cut into blocks, each within one tensor, and chunks of neighbouring blocks go to the thread pool:
 * many small tensors and one large tensor are the same case. Cuts lie at multiples of TP_BLOCK elements, so
 * that vector bodies and scalar tails hold the same elements, and give the same bits, on any number of
 * threads.
 */
#ifndef TP_OPTIM_H
#define TP_OPTIM_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "parallel.h"
#include "simd.h"

#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

typedef struct {
    double lr, weight_decay, keep; /* keep = 1 - lr * weight_decay */
    double momentum, gain;         /* gain is what a fresh gradient is multiplied with */
    int nesterov;
} tp_sgd_rule;

typedef struct {
    double lr, beta1, beta2, eps, weight_decay, keep; /* keep = 1, or AdamW's 1 - lr * weight_decay */
} tp_adam_rule;

typedef struct {
    double lr, alpha, eps, weight_decay, momentum;
} tp_rmsprop_rule;

#define REAL float
#define SQRT sqrtf
#define NAME(x) tp_##x##_float
#include "optim_loops.h"
#undef REAL
#undef SQRT
#undef NAME

#define REAL double
#define SQRT sqrt
#define NAME(x) tp_##x##_double
#include "optim_loops.h"
#undef REAL
#undef SQRT
#undef NAME

/* One tensor of a list. */
typedef struct {
    char *p;              /* the parameter */
    const char *g;        /* its gradient */
    char *state[3];       /* moments and velocity in the rule's order; NULL where it has none */
    ptrdiff_t n, size;    /* elements, and bytes in each */
    ptrdiff_t first_block;
    double t, step, scale; /* Adam's count and corrections: lr / (1 - beta1^t) and 1 / sqrt(1 - beta2^t) */
} tp_update;

/* Apply a rule to the elements from `start` on, `n` of them. */
typedef void (*tp_update_function)(const tp_update *update, ptrdiff_t start, ptrdiff_t n, const void *rule);

/* Denormal numbers cost 15 to 80 times the time here, and they are no rarity: with weight decay, or where
 * gradients vanish, velocities and moments decay into them and, rounding to nearest, stay there for ever.
 * While a rule runs, numbers below the smallest normal one (1e-38 in float32) count as zero. The mode belongs
 * to the thread and is put back; setting it costs 5 ns. Processors other than x86 need no help. */
#if defined(__SSE2__) || defined(_M_X64)
enum { TP_FLUSH_TO_ZERO = 0x8000, TP_DENORMALS_ARE_ZERO = 0x0040 };
static inline unsigned tp_flush_denormals(int flush) {
    unsigned mode = _mm_getcsr();
    if (flush) _mm_setcsr(mode | TP_FLUSH_TO_ZERO | TP_DENORMALS_ARE_ZERO);
    return mode;
}
static inline void tp_restore_denormals(unsigned mode) { _mm_setcsr(mode); }
#else
static inline unsigned tp_flush_denormals(int flush) { return (unsigned)flush; }
static inline void tp_restore_denormals(unsigned mode) { (void)mode; }
#endif

/* What every loop is called with: the arrays of an update from an element on. */
#define TP_SLICE(REAL, array, start) ((array) ? (REAL *)(array) + (start) : NULL)
#define TP_ONE_STATE(REAL, w, start) \
    TP_SLICE(REAL, (w)->p, start), TP_SLICE(const REAL, (w)->g, start), TP_SLICE(REAL, (w)->state[0], start)
#define TP_TWO_STATES(REAL, w, start) TP_ONE_STATE(REAL, w, start), TP_SLICE(REAL, (w)->state[1], start)
#define TP_THREE_STATES(REAL, w, start) TP_TWO_STATES(REAL, w, start), TP_SLICE(REAL, (w)->state[2], start)

static void tp_update_sgd(const tp_update *w, ptrdiff_t start, ptrdiff_t n, const void *rule) {
    const unsigned mode = tp_flush_denormals(1);
    if (w->size == sizeof(float)) tp_sgd_float(TP_ONE_STATE(float, w, start), n, rule);
    else tp_sgd_double(TP_ONE_STATE(double, w, start), n, rule);
    tp_restore_denormals(mode);
}

static void tp_update_sgd_dampened(const tp_update *w, ptrdiff_t start, ptrdiff_t n, const void *rule) {
    const unsigned mode = tp_flush_denormals(1);
    if (w->size == sizeof(float)) tp_sgd_dampened_float(TP_ONE_STATE(float, w, start), n, rule);
    else tp_sgd_dampened_double(TP_ONE_STATE(double, w, start), n, rule);
    tp_restore_denormals(mode);
}

/* A second moment that was flushed lacks up to the smallest normal number, so the denominator lacks up to
 * scale * sqrt(smallest). That is invisible beside a large eps; beside a tiny one, denormals stay. */
static inline int tp_hides_denormals(double eps, double scale, int is_float) {
    return scale * sqrt(is_float ? FLT_MIN : DBL_MIN) <= eps * (is_float ? FLT_EPSILON : DBL_EPSILON);
}

static void tp_update_adam(const tp_update *w, ptrdiff_t start, ptrdiff_t n, const void *rule) {
    const double eps = ((const tp_adam_rule *)rule)->eps;
    const int is_float = w->size == sizeof(float);
    const unsigned mode = tp_flush_denormals(tp_hides_denormals(eps, w->scale, is_float));
    if (is_float) tp_adam_float(TP_TWO_STATES(float, w, start), n, rule, w->step, w->scale);
    else tp_adam_double(TP_TWO_STATES(double, w, start), n, rule, w->step, w->scale);
    tp_restore_denormals(mode);
}

static void tp_update_rmsprop(const tp_update *w, ptrdiff_t start, ptrdiff_t n, const void *rule) {
    const double eps = ((const tp_rmsprop_rule *)rule)->eps;
    const int is_float = w->size == sizeof(float);
    const unsigned mode = tp_flush_denormals(tp_hides_denormals(eps, 1, is_float));
    if (is_float) tp_rmsprop_float(TP_THREE_STATES(float, w, start), n, rule);
    else tp_rmsprop_double(TP_THREE_STATES(double, w, start), n, rule);
    tp_restore_denormals(mode);
}

enum {
    TP_BLOCK = 8192,              /* elements; 128 KiB of float32 Adam */
    TP_CHUNKS_PER_THREAD = 4,     /* so that threads of unequal speed end together */
    TP_PARALLEL_FROM = 32 * 8192, /* elements; waking a thread costs 30 to 50 us */
};

typedef struct {
    const tp_update *updates;
    ptrdiff_t n_updates, n_blocks, blocks_per_chunk;
    tp_update_function apply;
    const void *rule;
} tp_update_job;

static inline ptrdiff_t tp_min(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

static void tp_update_chunk(void *job_, ptrdiff_t chunk, int worker) {
    const tp_update_job *job = job_;
    ptrdiff_t block = chunk * job->blocks_per_chunk;
    const ptrdiff_t end = tp_min(block + job->blocks_per_chunk, job->n_blocks);
    (void)worker;
    ptrdiff_t low = 0, high = job->n_updates; /* the last tensor that begins at this block or before it */
    while (high - low > 1) {
        const ptrdiff_t middle = low + (high - low) / 2;
        if (job->updates[middle].first_block <= block) low = middle;
        else high = middle;
    }
    for (const tp_update *w = job->updates + low; block < end; w++) {
        const ptrdiff_t start = (block - w->first_block) * TP_BLOCK;
        const ptrdiff_t stop = tp_min(w->n, (end - w->first_block) * TP_BLOCK);
        if (stop > start) job->apply(w, start, stop - start, job->rule);
        block = w->first_block + (w->n + TP_BLOCK - 1) / TP_BLOCK;
    }
}

/* Update every tensor of a list. Sets first_block. */
static void tp_update_all(tp_update *updates, ptrdiff_t n_updates, tp_update_function apply,
                          const void *rule) {
    ptrdiff_t n_blocks = 0, elements = 0;
    for (ptrdiff_t i = 0; i < n_updates; i++) {
        updates[i].first_block = n_blocks;
        n_blocks += (updates[i].n + TP_BLOCK - 1) / TP_BLOCK;
        elements += updates[i].n;
    }
    const int threads = elements < TP_PARALLEL_FROM ? 1 : tp_num_threads();
    const ptrdiff_t chunks = threads == 1 ? 1 : tp_min(n_blocks, (ptrdiff_t)threads * TP_CHUNKS_PER_THREAD);
    tp_update_job job = {updates, n_updates, n_blocks, 0, apply, rule};
    if (n_blocks == 0) return;
    job.blocks_per_chunk = (n_blocks + chunks - 1) / chunks;
    tp_parallel_for(tp_update_chunk, &job, chunks, threads);
}

/* The memory of one array. */
typedef struct {
    uintptr_t begin, end;
    int written;
} tp_range;

/* Natural merge sort by `begin`, in `a` or `b`: arrays that were made one after another mostly lie in order.
 * */
static tp_range *tp_sort_ranges(tp_range *a, tp_range *b, ptrdiff_t n) {
    for (;;) {
        ptrdiff_t start = 0, runs = 0;
        for (ptrdiff_t middle, stop; start < n; start = stop, runs++) {
            for (middle = start + 1; middle < n && a[middle - 1].begin <= a[middle].begin;) middle++;
            for (stop = tp_min(middle + 1, n); stop < n && a[stop - 1].begin <= a[stop].begin;) stop++;
            ptrdiff_t i = start, j = middle;
            for (ptrdiff_t k = start; k < stop; k++)
                b[k] = i < middle && (j >= stop || a[i].begin <= a[j].begin) ? a[i++] : a[j++];
        }
        if (runs <= 1) return b;
        tp_range *swap = a;
        a = b, b = swap;
    }
}

/* Whether the ranges begin at places that all differ: of arrays that own their memory, the proof that none is
 * shared, and ten times cheaper than sorting. `table` has room for 3 n places, 0 is no address. */
static int tp_begin_apart(const tp_range *ranges, ptrdiff_t n, uintptr_t *table) {
    ptrdiff_t size = 4;
    while (size < n + n / 3) size *= 2;
    memset(table, 0, (size_t)size * sizeof *table);
    for (ptrdiff_t i = 0; i < n; i++) {
        const uintptr_t begin = ranges[i].begin;
        ptrdiff_t place = (ptrdiff_t)((begin * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & (size - 1);
        while (table[place]) {
            if (table[place] == begin) return 0;
            place = (place + 1) & (size - 1);
        }
        table[place] = begin;
    }
    return 1;
}

/* Whether an array that is written shares memory with any other array of the list. `all_own` says that each
 * array owns its memory, rather than being a view; `ranges` has room for 10 n. */
static int tp_updates_overlap(const tp_update *updates, ptrdiff_t n_updates, int all_own, tp_range *ranges) {
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < n_updates; i++) {
        const tp_update *w = updates + i;
        const char *arrays[5] = {w->g, w->p, w->state[0], w->state[1], w->state[2]};
        for (int k = 0; k < 5 && w->n; k++) {
            if (!arrays[k]) continue;
            const uintptr_t begin = (uintptr_t)arrays[k];
            ranges[n++] = (tp_range){begin, begin + (uintptr_t)(w->n * w->size), k > 0};
        }
    }
    if (n == 0 || (all_own && tp_begin_apart(ranges, n, (uintptr_t *)(ranges + n)))) return 0;
    const tp_range *sorted = tp_sort_ranges(ranges, ranges + n, n);
    uintptr_t end_read = 0, end_written = 0; /* of all ranges so far */
    for (ptrdiff_t i = 0; i < n; i++) {
        const tp_range r = sorted[i];
        if (r.begin < end_written || (r.written && r.begin < end_read)) return 1;
        if (r.written && r.end > end_written) end_written = r.end;
        if (!r.written && r.end > end_read) end_read = r.end;
    }
    return 0;
}

#endif
