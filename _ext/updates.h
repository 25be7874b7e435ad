/* What an update rule is told of the arrays that it works on, and which arrays it is not given.
 *
 * Two callers describe arrays: the kernels, which take lists (optim.pyx), and the engine, which takes a step of an
 * optimizer from its Tensors (step.pxi). A rule itself sees memory only, and needs no GIL.
 */
#ifndef TP_UPDATES_H
#define TP_UPDATES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "arrays.h"

enum { TP_STATES = 3, TP_NUMBERS = 8 };      /* the most that a rule has */
enum { TP_UPDATE_ARRAYS = 2 + TP_STATES + 1 }; /* and takes for a tensor: it, its gradient, state, a count */

/* One tensor of a list. */
typedef struct {
    char *p;                /* the parameter */
    const char *g;          /* its gradient */
    char *state[TP_STATES]; /* moments and velocity in the rule's order; NULL where it has none */
    float *count;           /* of its steps; NULL for rules that do not count */
    ptrdiff_t n, size;      /* elements, and bytes in each */
    ptrdiff_t first_block;  /* this and the rest are the rule's own */
    double t, step, scale;  /* Adam's count and corrections: lr / (1 - beta1^t) and 1 / sqrt(1 - beta2^t) */
} tp_update;

/* A rule. Its state is `states` arrays in the parameter's shape and dtype, the first `required` of which must be there,
 * and if it counts, a float32 array of one element. */
typedef struct {
    int required, states, counts, numbers;
    void (*run)(tp_update *updates, ptrdiff_t n_updates, const double *numbers);
} tp_rule;

#define TP_RULE_CAPSULE "tiny_pytorch._ext.optim.rule"

/* How many arrays a rule takes for each tensor. */
static inline int tp_rule_arrays(const tp_rule *rule) { return 2 + rule->states + rule->counts; }

static inline int tp_is_writeable(PyObject *array) { return PyArray_ISWRITEABLE((PyArrayObject *)array); }

static inline int tp_owns(PyObject *array) {
    return (PyArray_FLAGS((PyArrayObject *)array) & NPY_ARRAY_OWNDATA) != 0;
}

/* Describe one tensor. 0, unless a rule can take its arrays as they are: C-contiguous, aligned, of one dtype and shape,
 * and writeable but for the gradient. NULL stands for state that is not there. Clears *all_own where one is a view. */
static int tp_describe(tp_update *update, const tp_rule *rule, PyObject *const *arrays, int *all_own) {
    PyObject *const p = arrays[0], *const g = arrays[1];
    const int kind = tp_kind(p);
    if (kind < 0 || !tp_is_writeable(p) || tp_kind(g) != kind || !tp_same_shape(g, p)) return 0;
    int own = tp_owns(p) & tp_owns(g);
    for (int k = 0; k < TP_STATES; k++) {
        PyObject *const s = k < rule->states ? arrays[2 + k] : NULL;
        update->state[k] = NULL;
        if (s == NULL && k < rule->required) return 0;
        if (s == NULL) continue;
        if (tp_kind(s) != kind || !tp_is_writeable(s) || !tp_same_shape(s, p)) return 0;
        update->state[k] = tp_data(s);
        own &= tp_owns(s);
    }
    update->count = NULL;
    if (rule->counts) {
        PyObject *const count = arrays[2 + rule->states];
        if (count == NULL || tp_kind(count) != 0 || tp_size(count) != 1 || !tp_is_writeable(count)) return 0;
        update->count = tp_data(count);
    }
    update->p = tp_data(p);
    update->g = tp_data(g);
    update->n = tp_size(p);
    update->size = kind ? sizeof(double) : sizeof(float);
    *all_own &= own;
    return 1;
}

/* Whether two descriptions are of the same memory. */
static inline int tp_same_memory(const tp_update *a, const tp_update *b) {
    return memcmp(a, b, offsetof(tp_update, first_block)) == 0;
}

enum { TP_UPDATE_RANGES = 2 + TP_STATES };

/* The memory of one array. */
typedef struct {
    uintptr_t begin, end;
    int written;
} tp_range;

/* Natural merge sort by `begin`, in `a` or `b`: arrays that were made one after another mostly lie in order. */
static tp_range *tp_sort_ranges(tp_range *a, tp_range *b, ptrdiff_t n) {
    for (;;) {
        ptrdiff_t start = 0, runs = 0;
        for (ptrdiff_t middle, stop; start < n; start = stop, runs++) {
            for (middle = start + 1; middle < n && a[middle - 1].begin <= a[middle].begin;) middle++;
            for (stop = middle + 1 < n ? middle + 1 : n; stop < n && a[stop - 1].begin <= a[stop].begin;) stop++;
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
 * array owns its memory, rather than being a view; `ranges` has room for 2 * TP_UPDATE_RANGES * n_updates. */
static int tp_updates_overlap(const tp_update *updates, ptrdiff_t n_updates, int all_own, tp_range *ranges) {
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < n_updates; i++) {
        const tp_update *w = updates + i;
        const char *arrays[TP_UPDATE_RANGES] = {w->g, w->p, w->state[0], w->state[1], w->state[2]};
        for (int k = 0; k < TP_UPDATE_RANGES && w->n; k++) {
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
