/* Multi-tensor updates: the rules, and how a list of tensors is cut for threads.
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

#include "parallel.h"
#include "simd.h"
#include "sqrt.h"
#include "updates.h"

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
    int fast;                                         /* roots by FAST_SQRT */
} tp_adam_rule;

typedef struct {
    double lr, alpha, eps, weight_decay, momentum;
    int fast;
} tp_rmsprop_rule;

#define REAL float
#define SQRT sqrtf
#define FAST_SQRT tp_sqrt_f32
#define NAME(x) tp_##x##_float
#include "optim_loops.h"
#undef REAL
#undef SQRT
#undef FAST_SQRT
#undef NAME

#define REAL double
#define SQRT sqrt
#define FAST_SQRT sqrt
#define NAME(x) tp_##x##_double
#include "optim_loops.h"
#undef REAL
#undef SQRT
#undef FAST_SQRT
#undef NAME

/* The rules that take roots, with FAST_SQRT: where tp_fast_roots() says so. */
#if TP_HAS_64
static TP_SIMD_64 void tp_adam_float_64(float *p, const float *g, float *m, float *v, float *largest, ptrdiff_t n,
                                        const tp_adam_rule *rule, double step, double scale) {
    tp_adam_bodies_float(p, g, m, v, largest, n, rule, step, scale, 1);
}

static TP_SIMD_64 void tp_rmsprop_float_64(float *p, const float *g, float *v, float *m, float *u, ptrdiff_t n,
                                           const tp_rmsprop_rule *rule) {
    tp_rmsprop_bodies_float(p, g, v, m, u, n, rule, 1);
}
#else
#define tp_adam_float_64 tp_adam_float
#define tp_rmsprop_float_64 tp_rmsprop_float
#endif

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
#define TP_THREE_STATES(REAL, w, start) \
    TP_ONE_STATE(REAL, w, start), TP_SLICE(REAL, (w)->state[1], start), TP_SLICE(REAL, (w)->state[2], start)

static void tp_update_sgd(const tp_update *w, ptrdiff_t start, ptrdiff_t n, const void *rule) {
    if (w->size == sizeof(float)) tp_sgd_float(TP_ONE_STATE(float, w, start), n, rule);
    else tp_sgd_double(TP_ONE_STATE(double, w, start), n, rule);
}

static void tp_update_sgd_dampened(const tp_update *w, ptrdiff_t start, ptrdiff_t n, const void *rule) {
    if (w->size == sizeof(float)) tp_sgd_dampened_float(TP_ONE_STATE(float, w, start), n, rule);
    else tp_sgd_dampened_double(TP_ONE_STATE(double, w, start), n, rule);
}

/* A second moment that was flushed lacks up to the smallest normal number, so the denominator lacks up to
 * scale * sqrt(smallest). That is invisible beside a large eps; beside a tiny one, denormals stay. */
static inline int tp_hides_denormals(const tp_update *updates, ptrdiff_t n, double eps) {
    const double least_float = eps * FLT_EPSILON / sqrt(FLT_MIN), least_double = eps * DBL_EPSILON / sqrt(DBL_MIN);
    for (ptrdiff_t i = 0; i < n; i++)
        if (!(updates[i].scale <= (updates[i].size == sizeof(float) ? least_float : least_double))) return 0;
    return 1;
}

enum { TP_FAST_ROOTS_BELOW = 32 * 8192 }; /* elements in all; with Adam's four arrays, 4 MB of float32 */

/* FAST_SQRT is right where denormals count as zero. It is quicker in vectors of 64 bytes while the arrays are in the first
 * two caches, no slower in the third, and slower by 8 % from memory: more operations, so fewer loads under way. */
static inline int tp_fast_roots(const tp_update *updates, ptrdiff_t n, int flush) {
    ptrdiff_t elements = 0;
    for (ptrdiff_t i = 0; i < n; i++) elements += updates[i].n;
    return flush && elements < TP_FAST_ROOTS_BELOW && tp_vector_bytes() == 64;
}

static void tp_update_adam(const tp_update *w, ptrdiff_t start, ptrdiff_t n, const void *rule) {
    const int fast = ((const tp_adam_rule *)rule)->fast;
    if (w->size != sizeof(float)) tp_adam_double(TP_THREE_STATES(double, w, start), n, rule, w->step, w->scale);
    else if (fast) tp_adam_float_64(TP_THREE_STATES(float, w, start), n, rule, w->step, w->scale);
    else tp_adam_float(TP_THREE_STATES(float, w, start), n, rule, w->step, w->scale);
}

static void tp_update_rmsprop(const tp_update *w, ptrdiff_t start, ptrdiff_t n, const void *rule) {
    const int fast = ((const tp_rmsprop_rule *)rule)->fast;
    if (w->size != sizeof(float)) tp_rmsprop_double(TP_THREE_STATES(double, w, start), n, rule);
    else if (fast) tp_rmsprop_float_64(TP_THREE_STATES(float, w, start), n, rule);
    else tp_rmsprop_float(TP_THREE_STATES(float, w, start), n, rule);
}

enum {
    TP_BLOCK = 8192,              /* elements; 128 KiB of float32 Adam */
    TP_CHUNKS_PER_THREAD = 4,     /* so that threads of unequal speed end together */
};

typedef struct {
    const tp_update *updates;
    ptrdiff_t n_updates, n_blocks, blocks_per_chunk;
    tp_update_function apply;
    const void *rule;
    int flush;
} tp_update_job;

static inline ptrdiff_t tp_min(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

static void tp_update_chunk(void *job_, ptrdiff_t chunk, int worker) {
    const tp_update_job *job = job_;
    ptrdiff_t block = chunk * job->blocks_per_chunk;
    const ptrdiff_t end = tp_min(block + job->blocks_per_chunk, job->n_blocks);
    const unsigned mode = tp_flush_denormals(job->flush);
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
    tp_restore_denormals(mode);
}

/* Update every tensor of a list, with denormal numbers as zeros or not. Sets first_block. */
static void tp_update_all(tp_update *updates, ptrdiff_t n_updates, tp_update_function apply, const void *rule,
                          int flush) {
    ptrdiff_t n_blocks = 0, elements = 0;
    for (ptrdiff_t i = 0; i < n_updates; i++) {
        updates[i].first_block = n_blocks;
        n_blocks += (updates[i].n + TP_BLOCK - 1) / TP_BLOCK;
        elements += updates[i].n;
    }
    const int threads = tp_threads_for((double)elements / 3); /* one thread takes 3 elements in a nanosecond */
    const ptrdiff_t chunks = threads == 1 ? 1 : tp_min(n_blocks, (ptrdiff_t)threads * TP_CHUNKS_PER_THREAD);
    tp_update_job job = {updates, n_updates, n_blocks, 0, apply, rule, flush};
    if (n_blocks == 0) return;
    job.blocks_per_chunk = (n_blocks + chunks - 1) / chunks;
    tp_parallel_for(tp_update_chunk, &job, chunks, threads);
}

/* The rules by name. Their numbers are what the kernels of these names take, in their order. */

static void tp_run_sgd(tp_update *updates, ptrdiff_t n, const double *numbers) {
    const double lr = numbers[0], momentum = numbers[1], weight_decay = numbers[2];
    const tp_sgd_rule rule = {lr, weight_decay, 1 - lr * weight_decay, momentum, 1 - momentum, numbers[3] != 0};
    tp_update_all(updates, n, tp_update_sgd, &rule, 1);
}

static void tp_run_sgd_dampened(tp_update *updates, ptrdiff_t n, const double *numbers) {
    const double lr = numbers[0], momentum = numbers[1], dampening = numbers[2], weight_decay = numbers[3];
    const tp_sgd_rule rule = {lr, weight_decay, 1, momentum, 1 - dampening, numbers[4] != 0};
    tp_update_all(updates, n, tp_update_sgd_dampened, &rule, 1);
}

/* Each tensor's next count of steps; tensors may share one, so all are read before any is written. No correction yet. */
static void tp_count_steps(tp_update *updates, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) updates[i].t = *updates[i].count + 1, updates[i].scale = 1;
    for (ptrdiff_t i = 0; i < n; i++) *updates[i].count = (float)updates[i].t;
}

static void tp_run_adam_rule(tp_update *updates, ptrdiff_t n, tp_adam_rule *rule) {
    double before = 0, step = 0, scale = 0;
    tp_count_steps(updates, n);
    for (ptrdiff_t i = 0; i < n; i++) {
        const double t = updates[i].t;
        if (t != before) { /* the counts are mostly equal, and powers are dear */
            step = rule->lr / (1 - pow(rule->beta1, t));
            scale = 1 / sqrt(1 - pow(rule->beta2, t));
            before = t;
        }
        updates[i].step = step, updates[i].scale = scale;
    }
    const int flush = tp_hides_denormals(updates, n, rule->eps);
    rule->fast = tp_fast_roots(updates, n, flush);
    tp_update_all(updates, n, tp_update_adam, rule, flush);
}

static void tp_run_adam(tp_update *updates, ptrdiff_t n, const double *numbers) {
    tp_adam_rule rule = {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], 1, 0};
    tp_run_adam_rule(updates, n, &rule);
}

static void tp_run_adamw(tp_update *updates, ptrdiff_t n, const double *numbers) {
    const double lr = numbers[0], weight_decay = numbers[4];
    tp_adam_rule rule = {lr, numbers[1], numbers[2], numbers[3], 0, 1 - lr * weight_decay, 0};
    tp_run_adam_rule(updates, n, &rule);
}

static void tp_run_rmsprop(tp_update *updates, ptrdiff_t n, const double *numbers) {
    tp_rmsprop_rule rule = {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], 0};
    tp_count_steps(updates, n);
    const int flush = tp_hides_denormals(updates, n, rule.eps);
    rule.fast = tp_fast_roots(updates, n, flush);
    tp_update_all(updates, n, tp_update_rmsprop, &rule, flush);
}

static const tp_rule tp_rule_sgd = {0, 1, 0, 4, tp_run_sgd};
static const tp_rule tp_rule_sgd_dampened = {0, 1, 0, 5, tp_run_sgd_dampened};
static const tp_rule tp_rule_adam = {2, 3, 1, 5, tp_run_adam};
static const tp_rule tp_rule_adamw = {2, 3, 1, 5, tp_run_adamw};
static const tp_rule tp_rule_rmsprop = {1, 3, 1, 5, tp_run_rmsprop};

#endif
