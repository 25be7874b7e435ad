/* Large blocks of memory, kept when they are given back and handed out again; only memory.pyx includes this.
 *
 * A training step asks for the same sizes over and over. Memory that goes back to the system comes again page by page,
 * each filled with zeros first, which for arrays of some megabytes costs as much as what is computed with them.
 *
 * What lies idle and what is in use are together never more than was once in use at the same time. Beyond that, and
 * beyond a limit that the user may set, what has lain idle longest goes back to the system; so does what nobody wanted
 * for TP_MEMORY_AGE requests.
 */
#ifndef TP_MEMORY_CACHE_H
#define TP_MEMORY_CACHE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "parallel.h"

#if TP_POOL_THREADS
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

enum {
    TP_MEMORY_BLOCKS = 256, /* idle at once */
    TP_MEMORY_AGE = 4096,
    TP_MEMORY_LINE = 64, /* blocks start where a cache line does, behind one for the header */
    TP_MEMORY_PAGE = 4096,
    TP_MEMORY_HUGE = 1 << 22, /* from here NumPy asks for huge pages, and so do we */
};

typedef struct {
    void *raw; /* as it came from the system */
    size_t size;
} tp_block; /* at the end of the line in front of a block */

static struct {
    size_t size[TP_MEMORY_BLOCKS], since[TP_MEMORY_BLOCKS]; /* what is idle, oldest first */
    void *block[TP_MEMORY_BLOCKS];
    int count;
    size_t idle, used, most, limit, requests;
#if TP_POOL_THREADS
    atomic_flag lock;
#endif
} tp_cache = {.limit = SIZE_MAX
#if TP_POOL_THREADS
              ,
              .lock = ATOMIC_FLAG_INIT
#endif
};

static inline void tp_cache_lock(void) {
#if TP_POOL_THREADS
    while (atomic_flag_test_and_set_explicit(&tp_cache.lock, memory_order_acquire)) sched_yield();
#endif
}

static inline void tp_cache_unlock(void) {
#if TP_POOL_THREADS
    atomic_flag_clear_explicit(&tp_cache.lock, memory_order_release);
#endif
}

static inline tp_block *tp_block_of(void *memory) { return (tp_block *)memory - 1; }

static inline size_t tp_block_bytes(size_t size) {
    return (size + TP_MEMORY_PAGE - 1) / TP_MEMORY_PAGE * TP_MEMORY_PAGE;
}

static void *tp_system_take(size_t size) {
    char *raw = malloc(size + 2 * TP_MEMORY_LINE);
    if (raw == NULL) return NULL;
    char *memory = raw + 2 * TP_MEMORY_LINE - (uintptr_t)raw % TP_MEMORY_LINE;
#if defined(MADV_HUGEPAGE)
    char *page = memory + TP_MEMORY_PAGE - (uintptr_t)memory % TP_MEMORY_PAGE;
    if (size >= TP_MEMORY_HUGE) (void)madvise(page, size - TP_MEMORY_PAGE, MADV_HUGEPAGE); /* a hint */
#endif
    *tp_block_of(memory) = (tp_block){raw, size};
    return memory;
}

static void tp_system_give(void *memory) { free(tp_block_of(memory)->raw); }

/* The place of an idle block out of the table. */
static void *tp_cache_remove(int at) {
    void *block = tp_cache.block[at];
    const size_t behind = (size_t)(--tp_cache.count - at);
    tp_cache.idle -= tp_cache.size[at];
    memmove(tp_cache.size + at, tp_cache.size + at + 1, behind * sizeof *tp_cache.size);
    memmove(tp_cache.since + at, tp_cache.since + at + 1, behind * sizeof *tp_cache.since);
    memmove(tp_cache.block + at, tp_cache.block + at + 1, behind * sizeof *tp_cache.block);
    return block;
}

/* The oldest blocks go until so many more bytes may be in use. */
static void tp_cache_trim(size_t more) {
    const size_t used = tp_cache.used + more, most = used > tp_cache.most ? used : tp_cache.most;
    while (tp_cache.count > 0 && (used + tp_cache.idle > most || tp_cache.idle > tp_cache.limit ||
                                  tp_cache.requests - tp_cache.since[0] > TP_MEMORY_AGE))
        tp_system_give(tp_cache_remove(0));
}

/* Memory for `size` bytes, the youngest of the blocks that are not an eighth too large. NULL if there is none. */
static void *tp_cache_take(size_t size) {
    void *memory = NULL;
    size = tp_block_bytes(size);
    tp_cache_lock();
    tp_cache.requests++;
    for (int at = tp_cache.count - 1; at >= 0 && memory == NULL; at--)
        if (tp_cache.size[at] >= size && tp_cache.size[at] - size <= size / 8) memory = tp_cache_remove(at);
    if (memory == NULL) {
        tp_cache_trim(size);
        memory = tp_system_take(size);
    }
    if (memory != NULL) tp_cache.used += tp_block_of(memory)->size;
    if (tp_cache.used > tp_cache.most) tp_cache.most = tp_cache.used;
    tp_cache_unlock();
    return memory;
}

static void tp_cache_give(void *memory) {
    if (memory == NULL) return;
    const size_t size = tp_block_of(memory)->size;
    tp_cache_lock();
    if (tp_cache.count == TP_MEMORY_BLOCKS) tp_system_give(tp_cache_remove(0));
    tp_cache.used -= size;
    tp_cache.size[tp_cache.count] = size;
    tp_cache.since[tp_cache.count] = tp_cache.requests;
    tp_cache.block[tp_cache.count++] = memory;
    tp_cache.idle += size;
    tp_cache_trim(0);
    tp_cache_unlock();
}

static void tp_cache_set_limit(size_t limit) {
    tp_cache_lock();
    tp_cache.limit = limit;
    tp_cache_trim(0);
    tp_cache_unlock();
}

static size_t tp_cache_idle(void) { return tp_cache.idle; }
static size_t tp_cache_limit(void) { return tp_cache.limit; }
static size_t tp_cache_peak(void) { return tp_cache.most; }

/* How NumPy calls them: it, too, may make an array's memory larger, or ask for zeros. */
static void *tp_numpy_malloc(void *context, size_t size) {
    (void)context;
    return tp_cache_take(size);
}

static void *tp_numpy_calloc(void *context, size_t count, size_t size) {
    (void)context;
    void *memory = size > 0 && count > SIZE_MAX / size ? NULL : tp_cache_take(count * size);
    return memory == NULL ? NULL : memset(memory, 0, count * size);
}

static void tp_numpy_free(void *context, void *memory, size_t size) {
    (void)context;
    (void)size;
    tp_cache_give(memory);
}

static void *tp_numpy_realloc(void *context, void *memory, size_t size) {
    if (memory == NULL) return tp_numpy_malloc(context, size);
    const size_t before = tp_block_of(memory)->size;
    if (size <= before) return memory;
    void *larger = tp_cache_take(size);
    if (larger == NULL) return NULL;
    memcpy(larger, memory, before);
    tp_cache_give(memory);
    return larger;
}

static PyDataMem_Handler tp_numpy_handler = {
    "tiny_pytorch", 1, {NULL, tp_numpy_malloc, tp_numpy_calloc, tp_numpy_realloc, tp_numpy_free}};

static tp_memory tp_the_memory = {NULL, tp_cache_take, tp_cache_give};

/* 0, or -1 with a Python exception. */
static int tp_cache_init(void) {
    tp_the_memory.handler = PyCapsule_New(&tp_numpy_handler, "mem_handler", NULL);
    if (tp_the_memory.handler == NULL) return -1;
#if TP_POOL_THREADS
    if (pthread_atfork(tp_cache_lock, tp_cache_unlock, tp_cache_unlock) != 0) {
        PyErr_NoMemory();
        return -1;
    }
#endif
    return 0;
}

#endif
