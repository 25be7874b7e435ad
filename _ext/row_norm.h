/* What normalisations of rows share: how rows are cut into chunks, and where sums over them go.
 *
 * A chunk is a fixed number of rows, so that results are the same for any number of threads. Forward, a slab of rows
 * goes through each pass together: no row waits for the sums of another. Backward, the gradients of weight and bias are
 * summed on the way over the rows, while these are in the first cache; each chunk has sums of its own.
 */
#ifndef TP_ROW_NORM_H
#define TP_ROW_NORM_H

#include <stdlib.h>

#include "parallel.h"
#include "sums.h"

#define TP_ROW_NORM_CHUNK TP_RUN
#define TP_ROW_NORM_SLAB 8

/* Forward x, weight, bias -> y, mean, rstd; backward g, x, weight, mean, rstd -> gx, sums. */
typedef struct {
    ptrdiff_t rows, n;
    double eps;
    void *y, *mean, *rstd, *g, *x, *weight, *bias, *gx; /* NULL: weight, bias not there, gx not wanted */
    void *sums; /* NULL, or the part of each chunk in weight's gradient; behind them, that in bias's */
} tp_row_norm;

static inline ptrdiff_t tp_row_norm_chunks(ptrdiff_t rows) {
    return (rows + TP_ROW_NORM_CHUNK - 1) / TP_ROW_NORM_CHUNK;
}

static inline void tp_row_norm_run(tp_chunk_function function, tp_row_norm *p) {
    /* A thread takes 3 elements in a nanosecond. */
    tp_parallel_for(function, p, tp_row_norm_chunks(p->rows), tp_threads_for((double)(p->rows * p->n) / 3));
}

/* Runs a gradient over all chunks, then gw and gb, each of which may be NULL. 0 if there is no memory for the sums. */
#define TP_DEFINE_ROW_NORM_GRAD(real, suffix)                                                                \
    static inline int tp_row_norm_grad_##suffix(tp_chunk_function function, tp_row_norm *p, real *gw, real *gb) { \
        const ptrdiff_t chunks = tp_row_norm_chunks(p->rows);                                                \
        p->sums = NULL;                                                                                      \
        if (gw != NULL || gb != NULL) {                                                                      \
            p->sums = malloc((size_t)(2 * chunks * p->n) * sizeof(real));                                    \
            if (p->sums == NULL) return 0;                                                                   \
        }                                                                                                    \
        tp_row_norm_run(function, p);                                                                        \
        if (gw != NULL) tp_sum_rows_##suffix(gw, (const real *)p->sums, chunks, p->n);                       \
        if (gb != NULL) tp_sum_rows_##suffix(gb, (const real *)p->sums + chunks * p->n, chunks, p->n);       \
        free(p->sums);                                                                                       \
        return 1;                                                                                            \
    }

TP_DEFINE_ROW_NORM_GRAD(float, f32)
TP_DEFINE_ROW_NORM_GRAD(double, f64)

#endif
