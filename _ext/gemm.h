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

static struct {
    PyUFuncGenericFunction loop;
    void *data;
} tp_gemm_loops[2]; /* by kind */

/* Finds the loops of numpy.matmul for float32 and float64: 1 if both are there. */
static int tp_gemm_load(PyObject *matmul) {
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

/* c = a @ b, `batch` times;  a (n, k), b (k, m), c (n, m) */
static inline void tp_gemm(int kind, npy_intp batch, npy_intp n, npy_intp k, npy_intp m, tp_matrix a,
                           tp_matrix b, tp_matrix c) {
    char *args[3] = {(char *)a.data, (char *)b.data, (char *)c.data};
    npy_intp dims[4] = {batch, n, k, m};
    npy_intp steps[9] = {a.batch, b.batch, c.batch, a.row, a.column, b.row, b.column, c.row, c.column};
    tp_gemm_loops[kind].loop(args, dims, steps, tp_gemm_loops[kind].data);
}

/* A C-contiguous (..., rows, columns), and its transpose. */
static inline tp_matrix tp_rows(int kind, void *data, npy_intp rows, npy_intp columns) {
    const npy_intp item = kind ? sizeof(double) : sizeof(float);
    return (tp_matrix){data, columns * item, item, rows * columns * item};
}

static inline tp_matrix tp_transposed(tp_matrix a) { return (tp_matrix){a.data, a.column, a.row, a.batch}; }

#endif
