/* Keeping BLAS to one thread while our own pool shares the work; only parallel.pyx includes this.
 *
 * Two pools that do not know of each other fight: BLAS's threads spin while they wait for one another, which on a
 * busy machine makes a small product a hundred times slower. So around its products a kernel asks BLAS for one
 * thread, and cuts large ones up itself. BLAS's own setting, which the rest of the process sees, is put back when
 * the last kernel that runs is done.
 */
#ifndef TP_BLAS_THREADS_H
#define TP_BLAS_THREADS_H

typedef void (*tp_blas_setter)(int);
typedef int (*tp_blas_getter)(void);

static struct {
    tp_blas_setter set; /* NULL: this BLAS cannot be told */
    tp_blas_getter get;
    int users;    /* kernels in a product now; guarded by lock, as is `before` */
    int before;   /* what BLAS was set to when the first of them came */
#if TP_POOL_THREADS
    atomic_flag lock;
#endif
} tp_blas = {.users = 0
#if TP_POOL_THREADS
             ,
             .lock = ATOMIC_FLAG_INIT
#endif
};

static inline void tp_blas_lock(void) {
#if TP_POOL_THREADS
    while (atomic_flag_test_and_set_explicit(&tp_blas.lock, memory_order_acquire)) sched_yield();
#endif
}

static inline void tp_blas_unlock(void) {
#if TP_POOL_THREADS
    atomic_flag_clear_explicit(&tp_blas.lock, memory_order_release);
#endif
}

static int tp_blas_enter(void) {
    if (tp_blas.set == NULL) return 0;
    tp_blas_lock();
    if (tp_blas.users++ == 0) {
        tp_blas.before = tp_blas.get();
        if (tp_blas.before != 1) tp_blas.set(1);
    }
    tp_blas_unlock();
    return 1;
}

static void tp_blas_leave(void) {
    if (tp_blas.set == NULL) return;
    tp_blas_lock();
    if (--tp_blas.users == 0 && tp_blas.before != 1) tp_blas.set(tp_blas.before);
    tp_blas_unlock();
}

static void tp_blas_lend(size_t set, size_t get) {
    tp_blas.get = (tp_blas_getter)get;
    tp_blas.set = (tp_blas_setter)set;
}

#endif
