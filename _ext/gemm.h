/* Matrix products by NumPy's own BLAS, without the cost of calling NumPy.
 *
 * numpy.matmul is a ufunc, and the public PyUFuncObject lists its typed inner loops. Called directly, such a
 * loop multiplies strided matrices in C, without the GIL, at a few hundred nanoseconds less than
 * numpy.matmul. It always overwrites its result (it cannot accumulate).
 */
#ifndef TP_GEMM_H
#define TP_GEMM_H

#include <Python.h>
#include <numpy/arrayobject.h>
#include <numpy/ufuncobject.h>

#include "parallel.h"

static struct {
    PyUFuncGenericFunction loop;
    void *data;
} tp_gemm_loops[2]; /* by kind */

/* Finds the loops of numpy.matmul for float32 and float64: 1 if both are there. -1 with a Python exception. */
static int tp_gemm_load(PyObject *matmul) {
    if (tp_import_parallel() < 0) return -1;
    const PyUFuncObject *ufunc = (const PyUFuncObject *)matmul;
    if (ufunc->nin != 2 || ufunc->nout != 1 || ufunc->core_num_dim_ix != 3) return 0;
    for (int i = 0; i < ufunc->ntypes; i++) {
        const char *types = ufunc->types + 3 * i;
        if (types[0] != types[1] || types[0] != types[2]) continue;
        int kind = types[0] == NPY_FLOAT ? 0 : types[0] == NPY_DOUBLE ? 1 : -1;
        if (kind < 0 || tp_gemm_loops[kind].loop != NULL) continue;
        tp_gemm_loops[kind].loop = ufunc->functions[i];
        tp_gemm_loops[kind].data = ufunc->data == NULL ? NULL : ufunc->data[i];
    }
    return tp_gemm_loops[0].loop != NULL && tp_gemm_loops[1].loop != NULL;
}

/* A matrix, or many of them: where it starts, and its strides in bytes. */
typedef struct {
    void *data;
    npy_intp row, column, batch;
} tp_matrix;

typedef struct {
    int kind;
    npy_intp batch, n, k, m; /* c = a @ b, `batch` times;  a (n, k), b (k, m), c (n, m) */
    tp_matrix a, b, c;
    npy_intp step; /* of the axis that is cut: matrices, rows or columns of c in one chunk */
    char axis;     /* 'b', 'n' or 'm' */
} tp_product;

static inline void tp_multiply(const tp_product *p) {
    char *args[3] = {(char *)p->a.data, (char *)p->b.data, (char *)p->c.data};
    npy_intp dims[4] = {p->batch, p->n, p->k, p->m};
    npy_intp steps[9] = {p->a.batch,  p->b.batch, p->c.batch,  p->a.row, p->a.column,
                         p->b.row,    p->b.column, p->c.row, p->c.column};
    tp_gemm_loops[p->kind].loop(args, dims, steps, tp_gemm_loops[p->kind].data);
}

static inline tp_matrix tp_moved(tp_matrix a, npy_intp bytes) {
    return (tp_matrix){(char *)a.data + bytes, a.row, a.column, a.batch};
}

static void tp_multiply_chunk(void *job, ptrdiff_t chunk, int worker) {
    tp_product p = *(const tp_product *)job;
    const npy_intp from = chunk * p.step;
    npy_intp *size = p.axis == 'b' ? &p.batch : p.axis == 'n' ? &p.n : &p.m;
    (void)worker;
    *size = *size - from < p.step ? *size - from : p.step;
    if (p.axis != 'm') p.a = tp_moved(p.a, from * (p.axis == 'b' ? p.a.batch : p.a.row));
    if (p.axis != 'n') p.b = tp_moved(p.b, from * (p.axis == 'b' ? p.b.batch : p.b.column));
    p.c = tp_moved(p.c, from * (p.axis == 'b' ? p.c.batch : p.axis == 'n' ? p.c.row : p.c.column));
    tp_multiply(&p);
}

/* Multiplications from which a second thread pays: waking one costs about 40 us, in which a core does this many. */
#define TP_GEMM_PARALLEL_FROM ((npy_intp)1 << 22)

/* c = a @ b, `batch` times, on as many threads as pay. Cut where the pieces are largest, in multiples of what BLAS
 * works on at once. */
static inline void tp_gemm(int kind, npy_intp batch, npy_intp n, npy_intp k, npy_intp m, tp_matrix a,
                           tp_matrix b, tp_matrix c) {
    tp_product p = {kind, batch, n, k, m, a, b, c, 0, 'b'};
    if (!tp_imported_pool->blas_enter()) {
        tp_multiply(&p);
        return;
    }
    const npy_intp threads = batch * n * k * m < TP_GEMM_PARALLEL_FROM ? 1 : tp_num_threads();
    if (threads == 1) {
        tp_multiply(&p);
    } else {
        p.axis = batch >= threads ? 'b' : n >= m ? 'n' : 'm';
        const npy_intp size = p.axis == 'b' ? batch : p.axis == 'n' ? n : m, grain = p.axis == 'b' ? 1 : 16;
        p.step = ((size + threads - 1) / threads + grain - 1) / grain * grain;
        tp_parallel_for(tp_multiply_chunk, &p, (size + p.step - 1) / p.step, (int)threads);
    }
    tp_imported_pool->blas_leave();
}

/* A C-contiguous (..., rows, columns), and its transpose. */
static inline tp_matrix tp_rows(int kind, void *data, npy_intp rows, npy_intp columns) {
    const npy_intp item = kind ? sizeof(double) : sizeof(float);
    return (tp_matrix){data, columns * item, item, rows * columns * item};
}

static inline tp_matrix tp_transposed(tp_matrix a) { return (tp_matrix){a.data, a.column, a.row, a.batch}; }

#endif
