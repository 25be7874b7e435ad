/* The pool behind parallel.h; only parallel.pyx includes this.
 *
 * One job runs at a time. It is open while chunks are left: a worker enters an open job, takes the next chunk
 * off a shared counter until none is left, and leaves. The caller does the same, closes the job, and waits
 * until everyone who entered has left. So it never waits for a thread that is still waking up: on a busy
 * machine the caller does all the work alone. A call while another job runs (a second Python thread, a chunk
 * that calls again) is serial.
 *
 * Between jobs a worker spins for a tenth of a millisecond, because kernels come in bursts, then sleeps on a
 * condition variable. A job wakes no more workers than it lacks, and small work is shared with those that are awake
 * only (tp_pool_threads_for). Threads are started by the first job that wants them, and again after a fork, whose
 * child has none.
 */
#ifndef TP_PARALLEL_POOL_H
#define TP_PARALLEL_POOL_H

#include "parallel.h"

#define TP_MAX_THREADS 256

static void tp_serial_for(tp_chunk_function function, void *job, ptrdiff_t n_chunks) {
    for (ptrdiff_t chunk = 0; chunk < n_chunks; chunk++) function(job, chunk, 0);
}

#if !TP_POOL_THREADS

static int tp_pool_num_threads(void) { return 1; }
static int tp_pool_threads_for(double nanoseconds) { return (void)nanoseconds, 1; }
static void tp_pool_set_num_threads(int n) { (void)n; }
static int tp_pool_init(void) { return 0; }
static void tp_pool_run(tp_chunk_function function, void *job, ptrdiff_t n_chunks, int threads) {
    (void)threads;
    tp_serial_for(function, job, n_chunks);
}

#else

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

enum {
    TP_SPIN = 100000,         /* nanoseconds that a worker spins: the gap between two kernels of a small step */
    TP_PAUSES = 32,           /* between two looks at the clock; a pause is 10 to 50 ns */
    TP_SPINS_TO_YIELD = 4096, /* pauses of a caller that waits */
};

/* Nanoseconds of work that each thread should have, and from which waking one pays (it takes 30 to 50 us). */
enum { TP_WORTH_SHARING = 5000, TP_WORTH_WAKING = 50000 };

static struct {
    atomic_int num_threads; /* what the user asked for, the caller included */
    atomic_flag busy;       /* held by the one caller whose job runs, or who changes the number of threads */
    int n_workers;          /* started; guarded by busy, as is `workers` */
    pthread_t workers[TP_MAX_THREADS];

    tp_chunk_function function; /* the job: written before `open` is set, read after it was seen */
    void *job;
    ptrdiff_t n_chunks;
    int threads;
    atomic_int seats;      /* taken so far, the caller's included: a thread's number within the job */
    atomic_ptrdiff_t next; /* the first chunk that nobody has taken */
    atomic_int open;
    atomic_int inside;   /* workers that have entered */
    atomic_uint posted;  /* counts the jobs: what idle workers watch */
    atomic_int stopping;

    atomic_int awake;    /* workers that do not wait on `wake` */
    atomic_int sleeping; /* workers that do, or are about to */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
} tp_state = {.num_threads = 1, .busy = ATOMIC_FLAG_INIT, .mutex = PTHREAD_MUTEX_INITIALIZER,
              .wake = PTHREAD_COND_INITIALIZER};

static inline void tp_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __asm__ __volatile__("pause");
#elif defined(__aarch64__)
    __asm__ __volatile__("isb"); /* `yield` does nothing on most cores */
#endif
}

static void tp_take_chunks(int worker) {
    ptrdiff_t chunk;
    while ((chunk = atomic_fetch_add(&tp_state.next, 1)) < tp_state.n_chunks)
        tp_state.function(tp_state.job, chunk, worker);
}

/* Announce, then look: with sequential consistency, either the caller's closing of the job is seen here, or
 * this worker's presence is seen by the caller, which then waits. */
static void tp_try_to_help(void) {
    atomic_fetch_add(&tp_state.inside, 1);
    if (atomic_load(&tp_state.open)) {
        const int seat = atomic_fetch_add(&tp_state.seats, 1);
        if (seat < tp_state.threads) tp_take_chunks(seat);
    }
    atomic_fetch_sub(&tp_state.inside, 1);
}

static inline long long tp_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void tp_wait_for_news(unsigned seen) {
    const long long until = tp_nanoseconds() + TP_SPIN;
    do {
        for (int i = 0; i < TP_PAUSES; i++) {
            if (atomic_load(&tp_state.posted) != seen) return;
            tp_pause();
        }
    } while (tp_nanoseconds() < until);
    pthread_mutex_lock(&tp_state.mutex);
    atomic_fetch_sub(&tp_state.awake, 1);
    atomic_fetch_add(&tp_state.sleeping, 1);
    while (atomic_load(&tp_state.posted) == seen) pthread_cond_wait(&tp_state.wake, &tp_state.mutex);
    atomic_fetch_sub(&tp_state.sleeping, 1);
    atomic_fetch_add(&tp_state.awake, 1);
    pthread_mutex_unlock(&tp_state.mutex);
}

/* Posts a job for `wanted` workers. Who is awake sees it; for each one that lacks, a sleeper is woken. */
static void tp_tell_workers(int wanted) {
    atomic_fetch_add(&tp_state.posted, 1);
    if (atomic_load(&tp_state.sleeping) == 0) return;
    pthread_mutex_lock(&tp_state.mutex);
    for (int i = atomic_load(&tp_state.awake); i < wanted; i++) pthread_cond_signal(&tp_state.wake);
    pthread_mutex_unlock(&tp_state.mutex);
}

static void *tp_work(void *unused) {
    unsigned seen = 0; /* every job is news at first: a thread may be started by one that is already posted */
    (void)unused;
    for (;;) {
        tp_wait_for_news(seen);
        seen = atomic_load(&tp_state.posted);
        if (atomic_load(&tp_state.stopping)) return NULL;
        tp_try_to_help();
    }
}

/* Start what is missing. Workers block every signal, so that Python's handlers stay with Python's threads.
 * Where the system grants no thread the pool is smaller, and the results are the same. */
static void tp_start_workers(int wanted) {
    if (tp_state.n_workers >= wanted) return;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (tp_state.n_workers < wanted) {
        if (pthread_create(&tp_state.workers[tp_state.n_workers], NULL, tp_work, NULL)) break;
        tp_state.n_workers++;
        atomic_fetch_add(&tp_state.awake, 1);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void tp_stop_workers(void) {
    atomic_store(&tp_state.stopping, 1);
    tp_tell_workers(2 * TP_MAX_THREADS); /* all: no more than half of these are awake */
    while (tp_state.n_workers > 0) pthread_join(tp_state.workers[--tp_state.n_workers], NULL);
    atomic_store(&tp_state.awake, 0);
    atomic_store(&tp_state.stopping, 0);
}

static int tp_pool_num_threads(void) { return atomic_load(&tp_state.num_threads); }

static int tp_pool_threads_for(double nanoseconds) {
    const int limit = tp_pool_num_threads(), ready = 1 + atomic_load(&tp_state.awake);
    const int most = nanoseconds >= TP_WORTH_WAKING || limit < ready ? limit : ready;
    const double shares = nanoseconds / TP_WORTH_SHARING;
    return shares >= most ? most : shares < 1 ? 1 : (int)shares;
}

static void tp_pool_run(tp_chunk_function function, void *job, ptrdiff_t n_chunks, int threads) {
    if (threads > n_chunks) threads = (int)n_chunks;
    if (threads < 2 || atomic_flag_test_and_set(&tp_state.busy)) {
        tp_serial_for(function, job, n_chunks);
        return;
    }
    int limit = tp_pool_num_threads();
    if (threads > limit) threads = limit;
    tp_start_workers(threads - 1);
    tp_state.function = function;
    tp_state.job = job;
    tp_state.n_chunks = n_chunks;
    tp_state.threads = threads;
    atomic_store(&tp_state.seats, 1);
    atomic_store(&tp_state.next, 0);
    atomic_store(&tp_state.open, 1);
    tp_tell_workers(threads - 1);
    tp_take_chunks(0);
    atomic_store(&tp_state.open, 0);
    for (int i = 0; atomic_load(&tp_state.inside); i++) {
        if (i < TP_SPINS_TO_YIELD) tp_pause();
        else sched_yield(); /* the worker lost its core: let it have this one */
    }
    atomic_flag_clear(&tp_state.busy);
}

/* Waits for a running job, so the caller must not hold the GIL. */
static void tp_pool_set_num_threads(int n) {
    while (atomic_flag_test_and_set(&tp_state.busy)) sched_yield();
    if (tp_state.n_workers > n - 1) tp_stop_workers();
    atomic_store(&tp_state.num_threads, n);
    atomic_flag_clear(&tp_state.busy);
}

/* A forked child has only the thread that forked. Whatever the others held or waited for is void. */
static void tp_forget_workers(void) {
    tp_state.n_workers = 0;
    atomic_store(&tp_state.open, 0);
    atomic_store(&tp_state.inside, 0);
    atomic_store(&tp_state.stopping, 0);
    atomic_store(&tp_state.sleeping, 0);
    atomic_store(&tp_state.awake, 0);
    pthread_mutex_init(&tp_state.mutex, NULL);
    pthread_cond_init(&tp_state.wake, NULL);
    atomic_flag_clear(&tp_state.busy);
}

static int tp_pool_init(void) { return pthread_atfork(NULL, NULL, tp_forget_workers); }

#endif

static const tp_pool tp_the_pool = {tp_pool_run, tp_pool_num_threads, tp_pool_threads_for};

#endif
