/* Matrix products, one at a time or in batches: what a kernel sees of them.
 *
 * They are computed by the module tiny_pytorch._ext.gemm (product.h), whose machine code all extensions share through a
 * capsule:
 *
 *     tp_import_gemm() -> 1; 0 where this compiler has no vector types and there are none; -1 with a Python exception
 *
 * No call needs the GIL.
 */
#ifndef TP_GEMM_H
#define TP_GEMM_H

#include <Python.h>
#include <stddef.h>

#include "parallel.h"

#define TP_GEMM_MODULE "tiny_pytorch._ext.gemm"
#define TP_GEMM_CAPSULE "tiny_pytorch._ext.gemm.products"

/* A matrix, or many of them: where it starts, and its strides in bytes, of any sign. */
typedef struct {
    void *data;
    ptrdiff_t row, column, batch;
} tp_matrix;

typedef struct {
    int kind;                 /* 0 float32, 1 float64 */
    ptrdiff_t batch, n, k, m; /* c = a @ b + base, `batch` times;  a (n, k), b (k, m), c and base (n, m) */
    tp_matrix a, b, c, base;  /* base.data NULL: nothing is added. base may be c, and neither a nor b overlaps c */
} tp_product;

typedef struct {
    int available;
    void (*multiply)(const tp_product *product, int threads);
} tp_products;

static const tp_products *tp_imported_products;

static inline int tp_import_gemm(void) {
    if (tp_import_parallel() < 0) return -1;
    PyObject *module = PyImport_ImportModule(TP_GEMM_MODULE);
    PyObject *capsule = module ? PyObject_GetAttrString(module, "products") : NULL;
    tp_imported_products = capsule ? (const tp_products *)PyCapsule_GetPointer(capsule, TP_GEMM_CAPSULE) : NULL;
    Py_XDECREF(capsule); /* the module, which is never unloaded, owns what it points to */
    Py_XDECREF(module);
    return tp_imported_products ? tp_imported_products->available : -1;
}

/* About what a product takes of one thread: its multiplications at the rate of AVX-512, and reading its operands, which
 * is what a product with a vector waits for. */
static inline double tp_product_nanoseconds(const tp_product *p) {
    const double item = p->kind ? 8 : 4, n = (double)p->n, k = (double)p->k, m = (double)p->m;
    return (double)p->batch * (n * k * m + (n * k + k * m + n * m) * item) / 64;
}

/* On as many threads as pay. */
static inline void tp_multiply(const tp_product *p) {
    tp_imported_products->multiply(p, tp_threads_for(tp_product_nanoseconds(p)));
}

/* On this thread. */
static inline void tp_multiply_here(const tp_product *p) { tp_imported_products->multiply(p, 1); }

/* c = a @ b, `batch` times */
static inline void tp_gemm(int kind, ptrdiff_t batch, ptrdiff_t n, ptrdiff_t k, ptrdiff_t m, tp_matrix a, tp_matrix b,
                           tp_matrix c) {
    tp_multiply(&(tp_product){.kind = kind, .batch = batch, .n = n, .k = k, .m = m, .a = a, .b = b, .c = c});
}

/* A C-contiguous (..., rows, columns), and its transpose. */
static inline tp_matrix tp_rows(int kind, void *data, ptrdiff_t rows, ptrdiff_t columns) {
    const ptrdiff_t item = kind ? sizeof(double) : sizeof(float);
    return (tp_matrix){data, columns * item, item, rows * columns * item};
}

static inline tp_matrix tp_transposed(tp_matrix a) { return (tp_matrix){a.data, a.column, a.row, a.batch}; }

/* A vector as a matrix that has it in every row. */
static inline tp_matrix tp_every_row(int kind, void *data) {
    return (tp_matrix){data, 0, kind ? sizeof(double) : sizeof(float), 0};
}

#endif
