/* Matrix products in batches and on threads; only gemm.pyx includes this.
 *
 * The plan is made for the whole product, then it is cut: so the result does not depend on the number of threads.
 */
#ifndef TP_GEMM_BATCH_H
#define TP_GEMM_BATCH_H

#include "gemm.h"

#if defined(__GNUC__)

#include "product.h"

typedef struct {
    tp_plan plan; /* of the first of the batch */
    ptrdiff_t a, b, c, base; /* from one of the batch to the next */
    ptrdiff_t batch, item, step; /* step: of the axis that is cut */
    char axis; /* 'b', 'n' or 'm' */
    tp_multiply_function multiply;
} tp_batch;

static inline void tp_move(tp_operand *x, ptrdiff_t elements, ptrdiff_t item) {
    if (x->data != NULL) x->data = (char *)x->data + elements * item;
}

static void tp_multiply_chunk(void *job, ptrdiff_t chunk, int worker) {
    const tp_batch *all = job;
    const ptrdiff_t from = chunk * all->step, item = all->item;
    const ptrdiff_t size = all->axis == 'b' ? all->batch : all->axis == 'n' ? all->plan.n : all->plan.m;
    const ptrdiff_t some = size - from < all->step ? size - from : all->step;
    tp_plan p = all->plan;
    (void)worker;
    if (all->axis == 'n') {
        p.n = some;
        tp_move(&p.a, from * p.a.row, item);
        tp_move(&p.c, from * p.c.row, item);
        tp_move(&p.base, from * p.base.row, item);
    } else if (all->axis == 'm') {
        p.m = some;
        tp_move(&p.b, from * p.b.column, item);
        tp_move(&p.c, from * p.c.column, item);
        tp_move(&p.base, from * p.base.column, item);
    }
    const ptrdiff_t first = all->axis == 'b' ? from : 0, last = all->axis == 'b' ? from + some : all->batch;
    tp_move(&p.a, first * all->a, item);
    tp_move(&p.b, first * all->b, item);
    tp_move(&p.c, first * all->c, item);
    tp_move(&p.base, first * all->base, item);
    for (ptrdiff_t i = first; i < last; i++) {
        all->multiply(&p);
        tp_move(&p.a, all->a, item);
        tp_move(&p.b, all->b, item);
        tp_move(&p.c, all->c, item);
        tp_move(&p.base, all->base, item);
    }
}

static inline tp_operand tp_operand_of(const tp_matrix *x, ptrdiff_t item) {
    return (tp_operand){x->data, x->row / item, x->column / item};
}

/* What lies on the other side of the cut is packed by every thread. Rows of b that are read as they lie are packed at
 * no cost (the first tile does it), the others and those of a are not. */
static char tp_axis_to_cut(const tp_plan *p, int threads) {
    const ptrdiff_t least = 128 * (ptrdiff_t)threads; /* shares too small would waste more on their edges */
    if (p->pack_a && p->n >= least) return 'n';
    if (p->b.column != 1 && p->m >= least) return 'm';
    return p->n > p->m ? 'n' : 'm';
}

static void tp_multiply_batch(const tp_product *p, int threads) {
    static int bytes; /* of the vectors: asked for once */
    if (p->batch == 0 || p->n == 0 || p->m == 0) return;
    if (bytes == 0) bytes = tp_vector_bytes();
    const ptrdiff_t item = p->kind ? sizeof(double) : sizeof(float);
    tp_batch all = {.plan = {.n = p->n, .k = p->k, .m = p->m,
                             .a = tp_operand_of(&p->a, item), .b = tp_operand_of(&p->b, item),
                             .c = tp_operand_of(&p->c, item), .base = tp_operand_of(&p->base, item)},
                    .multiply = tp_multiply_by(p->kind, bytes)};
    const int flipped = tp_make_plan(&all.plan, p->kind, bytes);
    if (p->batch == 1 && threads == 1) {
        all.multiply(&all.plan);
        return;
    }
    all.a = (flipped ? &p->b : &p->a)->batch / item;
    all.b = (flipped ? &p->a : &p->b)->batch / item;
    all.c = p->c.batch / item;
    all.base = p->base.batch / item;
    all.batch = p->batch;
    all.item = item;
    all.axis = p->batch >= threads ? 'b' : tp_axis_to_cut(&all.plan, threads);
    const ptrdiff_t size = all.axis == 'b' ? all.batch : all.axis == 'n' ? all.plan.n : all.plan.m;
    const ptrdiff_t grain = all.axis == 'b' ? 1 : 16;
    all.step = ((size + threads - 1) / threads + grain - 1) / grain * grain;
    tp_parallel_for(tp_multiply_chunk, &all, (size + all.step - 1) / all.step, threads);
}

static const tp_products tp_the_products = {1, tp_multiply_batch};

#else

static const tp_products tp_the_products = {0, NULL};

#endif

#endif
