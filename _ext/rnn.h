/* Recurrent layers over a whole sequence: for each step the products with inputs and states and then the gates, all
 * while they are in cache; backwards the same, and some steps at a time the gradients of the weights.
 *
 * Sequences of a batch know nothing of one another, so threads take some of them each, through all steps.
 *
 * x (T, N, I); weights (G H, I) and (G H, H), with G gates. Arrays are C-contiguous, sizes at least 1.
 */
#ifndef TP_RNN_H
#define TP_RNN_H

#include "arrays.h"
#include "memory.h"
#include "panels.h"
#include "parallel.h"
#include "sigmoid.h"

/* A loop that reads and writes different parts of one row, which the compiler cannot see. */
#if defined(__GNUC__) && !defined(__clang__)
#define TP_INDEPENDENT _Pragma("GCC ivdep")
#elif defined(__clang__)
#define TP_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define TP_INDEPENDENT
#endif

#define REAL float
#define KIND(name) name##_f32
#include "rnn_steps.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_f64
#include "rnn_steps.h"
#undef REAL
#undef KIND

enum { TP_RNN_TANH, TP_RNN_RELU, TP_LSTM, TP_GRU };

/* A layer's sizes and weights; biases may be NULL. */
typedef struct {
    int mode, kind, reverse;
    npy_intp T, N, n_in, H, G; /* steps, sequences, features in and hidden, gates in the rows of a weight */
    void *x, *h, *c, *w_ih, *w_hh, *b_ih, *b_hh;
} tp_rnn_layer;

/* What it computes. saved: the states of an RNN (T, N, H), or gates (T, N, 4 H); cells of an LSTM (T, N, H) */
typedef struct {
    void *y, *h_n, *c_n, *saved, *cells;
} tp_rnn_results;

typedef struct {
    void *gy, *gh_n, *gc_n;                      /* of the results; NULL: 0 */
    void *gx, *gh, *gc, *gw_ih, *gw_hh, *gb_ih, *gb_hh; /* NULL: not wanted, except gh and gc, which are worked in */
} tp_rnn_slopes;

/* Rows of a sum over steps: enough that reading and writing the sum is little beside it. */
#define TP_RNN_ROWS 128

/* Multiplications from which a second thread pays: waking one costs about 40 us, in which a core does this many. */
#define TP_RNN_PARALLEL_FROM 4e6

#define TP_RNN_SIZE(layer) ((layer)->kind ? sizeof(double) : sizeof(float))

/* The step that is computed k-th. */
static inline npy_intp tp_rnn_step_at(const tp_rnn_layer *l, npy_intp k) { return l->reverse ? l->T - 1 - k : k; }

/* The biases as the steps take them: sums, but for a GRU's n, whose two follow one another. */
static void tp_rnn_biases(const tp_rnn_layer *l, char *b) {
    const size_t gate = l->H * TP_RNN_SIZE(l), all = l->G * gate, sums = l->mode == TP_GRU ? 2 * gate : all;
    memset(b, 0, all + gate);
    if (l->b_ih == NULL) return;
    memcpy(b, l->b_ih, all);
    TP_BY_KIND(tp_rnn_add, l->kind, (void *)b, l->b_hh, (npy_intp)(sums / TP_RNN_SIZE(l)));
    if (l->mode == TP_GRU) memcpy(b + all, (char *)l->b_hh + sums, gate);
}

static inline void *tp_rnn_move(const tp_rnn_layer *l, void *array, npy_intp numbers) {
    return (char *)array + numbers * (npy_intp)TP_RNN_SIZE(l);
}

/* A weight (outputs, inputs) as panels in *memory, which moves on: of its transpose, for y = x @ w.T; or of itself. */
static void *tp_rnn_pack(const tp_rnn_layer *l, char **memory, const void *w, npy_intp outputs, npy_intp inputs,
                         int transposed) {
    void *packed = *memory;
    const npy_intp depth = transposed ? inputs : outputs, columns = transposed ? outputs : inputs;
    tp_pack_panels(l->kind, packed, w, depth, columns, transposed);
    *memory += tp_panels_size(l->kind, depth, columns) * TP_RNN_SIZE(l);
    return packed;
}

/* What the threads of one call share; a chunk takes the sequences from chunk * rows on. */
typedef struct {
    const tp_rnn_layer *l;
    tp_rnn_results out;
    tp_rnn_slopes s;
    npy_intp rows, block;       /* sequences in a chunk, steps in a sum or a product */
    void *w_ih, *w_hh;          /* panels */
    char *b, *scratch;          /* biases; scratch of each chunk */
    size_t scratch_size;
} tp_rnn_job;

static inline npy_intp tp_rnn_chunk_rows(const tp_rnn_job *job, npy_intp chunk) {
    const npy_intp rest = job->l->N - chunk * job->rows;
    return rest < job->rows ? rest : job->rows;
}

/* Into how many chunks the sequences are cut, and how many steps go together. */
static npy_intp tp_rnn_cut(tp_rnn_job *job) {
    const tp_rnn_layer *l = job->l;
    const double work = (double)l->T * l->N * l->G * l->H * (l->n_in + l->H);
    const npy_intp threads = work < TP_RNN_PARALLEL_FROM ? 1 : tp_num_threads();
    const npy_intp rows = (l->N + threads - 1) / threads;
    job->rows = threads > 1 ? (rows + 3) / 4 * 4 : rows; /* whole tiles of the products */
    job->block = job->rows < TP_RNN_ROWS ? TP_RNN_ROWS / job->rows : 1;
    return (l->N + job->rows - 1) / job->rows;
}

/* Where the rows of a chunk are in what is kept of step t, `width` numbers a row. */
static inline void *tp_rnn_rows(const tp_rnn_job *job, void *array, npy_intp t, npy_intp chunk, npy_intp width) {
    return tp_rnn_move(job->l, array, (t * job->l->N + chunk * job->rows) * width);
}

static void tp_rnn_forward_chunk(void *shared, ptrdiff_t chunk, int worker) {
    const tp_rnn_job *job = shared;
    const tp_rnn_layer *l = job->l;
    const npy_intp H = l->H, width = l->G * H, rows = tp_rnn_chunk_rows(job, chunk), step = l->N * width;
    const int is_gru = l->mode == TP_GRU;
    char *z = job->scratch + chunk * job->scratch_size, *a = tp_rnn_move(l, z, job->rows * width);
    void *h = tp_rnn_rows(job, l->h, 0, chunk, H), *c = l->c ? tp_rnn_rows(job, l->c, 0, chunk, H) : NULL;
    npy_intp low = 0; /* the first of the steps that go together */
    (void)worker;
    for (npy_intp k = 0; k < l->T; k++) {
        const npy_intp t = tp_rnn_step_at(l, k);
        if (k % job->block == 0) { /* the products with the inputs, for some steps, where the gates will be */
            const npy_intp some = l->T - k < job->block ? l->T - k : job->block;
            low = l->reverse ? t - some + 1 : t;
            void *to = is_gru ? (void *)a : tp_rnn_rows(job, job->out.saved, low, chunk, width);
            tp_panel_product(l->kind, to, is_gru ? rows * width : step, tp_rnn_rows(job, l->x, low, chunk, l->n_in),
                             l->N * l->n_in, job->w_ih, some, rows, l->n_in, width);
        }
        tp_panel_product(l->kind, z, 0, h, 0, job->w_hh, 1, rows, H, width);
        void *y = tp_rnn_rows(job, job->out.y, t, chunk, H);
        if (l->mode == TP_LSTM) {
            void *next = tp_rnn_rows(job, job->out.cells, t, chunk, H);
            TP_BY_KIND(tp_lstm_step, l->kind, tp_rnn_rows(job, job->out.saved, t, chunk, width), (void *)z,
                       (void *)job->b, c, next, y, rows, H);
            c = next;
        } else if (is_gru) {
            TP_BY_KIND(tp_gru_step, l->kind, tp_rnn_rows(job, job->out.saved, t, chunk, 4 * H),
                       tp_rnn_move(l, a, (t - low) * rows * width), (void *)z, (void *)job->b, h, y, rows, H);
        } else {
            TP_BY_KIND(tp_rnn_step, l->kind, tp_rnn_rows(job, job->out.saved, t, chunk, H), (void *)z, (void *)job->b,
                       y, rows, H, l->mode == TP_RNN_TANH);
        }
        h = y;
    }
    memcpy(tp_rnn_rows(job, job->out.h_n, 0, chunk, H), h, rows * H * TP_RNN_SIZE(l));
    if (l->mode == TP_LSTM) memcpy(tp_rnn_rows(job, job->out.c_n, 0, chunk, H), c, rows * H * TP_RNN_SIZE(l));
}

/* 1, or 0 where memory is short. */
static int tp_rnn_forward(const tp_rnn_layer *l, tp_rnn_results out) {
    const npy_intp H = l->H, width = l->G * H;
    tp_rnn_job job = {.l = l, .out = out};
    const npy_intp chunks = tp_rnn_cut(&job);
    const npy_intp numbers = job.rows * width * (l->mode == TP_GRU ? 1 + job.block : 1);
    job.scratch_size = (numbers * TP_RNN_SIZE(l) + 63) / 64 * 64;
    const npy_intp weights = tp_panels_size(l->kind, l->n_in, width) + tp_panels_size(l->kind, H, width);
    char *memory = tp_imported_memory->take(chunks * job.scratch_size + (weights + width + H) * TP_RNN_SIZE(l));
    if (memory == NULL) return 0;
    job.scratch = memory;
    char *rest = memory + chunks * job.scratch_size;
    job.w_ih = tp_rnn_pack(l, &rest, l->w_ih, width, l->n_in, 1);
    job.w_hh = tp_rnn_pack(l, &rest, l->w_hh, width, H, 1);
    job.b = rest;
    tp_rnn_biases(l, job.b);
    tp_parallel_for(tp_rnn_forward_chunk, &job, chunks, (int)chunks);
    tp_imported_memory->give(memory);
    return 1;
}

#include "rnn_backward.h"

#endif
