/* One thread pool for every kernel of the library: what a kernel sees of it.
 *
 * A kernel cuts its work into chunks that do not depend on one another and hands them over:
 *
 *     static void add_chunk(void *job, ptrdiff_t chunk, int worker) { ... }
 *     tp_parallel_for(add_chunk, &job, n_chunks, tp_num_threads());
 *
 * The call returns when every chunk is done. It needs no GIL, and a chunk must not take it. The calling
 * thread works too, and at most `threads` threads in all: 1 where the work is too small to share. Each chunk
 * runs once, in no order, on any of them. `worker` is below `threads`, and no two chunks that run at the same
 * time have the same one: it picks scratch memory.
 *
 * The pool lives in the module tiny_pytorch._ext.parallel. Another extension reaches it through a capsule,
 * once:
 *
 *     if (tp_import_parallel() < 0) -> a Python exception is set
 */
#ifndef TP_PARALLEL_H
#define TP_PARALLEL_H

#include <Python.h>
#include <stddef.h>

#if defined(_WIN32) || defined(__STDC_NO_ATOMICS__) || \
    (defined(__EMSCRIPTEN__) && !defined(__EMSCRIPTEN_PTHREADS__))
#define TP_POOL_THREADS 0
#else
#define TP_POOL_THREADS 1
#endif

#define TP_PARALLEL_MODULE "tiny_pytorch._ext.parallel"
#define TP_PARALLEL_CAPSULE "tiny_pytorch._ext.parallel.pool"

typedef void (*tp_chunk_function)(void *job, ptrdiff_t chunk, int worker);

typedef struct {
    void (*run)(tp_chunk_function function, void *job, ptrdiff_t n_chunks, int threads);
    int (*num_threads)(void);
    int (*threads_for)(double nanoseconds);
} tp_pool;

static const tp_pool *tp_imported_pool;

static inline int tp_import_parallel(void) {
    PyObject *module = PyImport_ImportModule(TP_PARALLEL_MODULE);
    PyObject *capsule = module ? PyObject_GetAttrString(module, "pool") : NULL;
    tp_imported_pool = capsule ? (const tp_pool *)PyCapsule_GetPointer(capsule, TP_PARALLEL_CAPSULE) : NULL;
    Py_XDECREF(capsule); /* the module, which is never unloaded, owns what it points to */
    Py_XDECREF(module);
    return tp_imported_pool ? 0 : -1;
}

static inline void tp_parallel_for(tp_chunk_function function, void *job, ptrdiff_t n_chunks, int threads) {
    tp_imported_pool->run(function, job, n_chunks, threads);
}

static inline int tp_num_threads(void) { return tp_imported_pool->num_threads(); }

/* How many threads pay for work that takes one thread about so long. A thread that still waits for the end of its spin
 * behind the last job starts within a microsecond, one that sleeps within some tens; so the answer may differ from call
 * to call, and results must not depend on it. */
static inline int tp_threads_for(double nanoseconds) { return tp_imported_pool->threads_for(nanoseconds); }

#endif
