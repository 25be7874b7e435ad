/* Where kernels get large memory: from one cache for all of them (memory_cache.h), reached through a capsule. */
#ifndef TP_MEMORY_H
#define TP_MEMORY_H

#include <Python.h>
#include <numpy/arrayobject.h>

#define TP_MEMORY_MODULE "tiny_pytorch._ext.memory"
#define TP_MEMORY_CAPSULE "tiny_pytorch._ext.memory.cache"

/* Bytes from which memory is worth keeping: less comes from malloc without new pages anyhow. */
#define TP_MEMORY_FROM ((npy_intp)1 << 17)

typedef struct {
    PyObject *handler; /* for NumPy's arrays */
    void *(*take)(size_t size); /* for scratch: NULL if there is no memory; both without the GIL */
    void (*give)(void *memory);
} tp_memory;

static const tp_memory *tp_imported_memory;

static inline int tp_import_memory(void) {
    if (tp_imported_memory != NULL) return 0;
    PyObject *module = PyImport_ImportModule(TP_MEMORY_MODULE);
    PyObject *capsule = module ? PyObject_GetAttrString(module, "cache") : NULL;
    tp_imported_memory = capsule ? (const tp_memory *)PyCapsule_GetPointer(capsule, TP_MEMORY_CAPSULE) : NULL;
    Py_XDECREF(capsule); /* the module, which is never unloaded, owns what it points to */
    Py_XDECREF(module);
    return tp_imported_memory ? 0 : -1;
}

/* A new C-contiguous array with unset elements, its memory from the cache. */
static PyObject *tp_new_large(int type, int ndim, npy_intp *shape) {
    if (tp_import_memory() < 0) return NULL;
    PyObject *before = PyDataMem_SetHandler(tp_imported_memory->handler);
    if (before == NULL) return NULL;
    PyObject *array = PyArray_SimpleNew(ndim, shape, type);
    PyObject *error, *value, *traceback;
    PyErr_Fetch(&error, &value, &traceback); /* that of the line before, if any */
    PyObject *ours = PyDataMem_SetHandler(before);
    PyErr_Restore(error, value, traceback);
    Py_DECREF(before);
    Py_XDECREF(ours);
    return array;
}

/* The same, for arrays of any size. */
static inline PyObject *tp_new(int type, int item, int ndim, npy_intp *shape) {
    const npy_intp bytes = PyArray_MultiplyList(shape, ndim) * item;
    return bytes < TP_MEMORY_FROM ? PyArray_SimpleNew(ndim, shape, type) : tp_new_large(type, ndim, shape);
}

#endif
