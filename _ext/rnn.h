/* Recurrent layers over a whole sequence: for each step the products with inputs and states and then the gates, all
 * while they are in cache; backwards, one product for each weight's gradient over all steps.
 *
 * x (T, N, I); weights (G H, I) and (G H, H), with G gates. Arrays are C-contiguous, sizes at least 1.
 */
#ifndef TP_RNN_H
#define TP_RNN_H

#include "linalg.h"
#include "panels.h"
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

#define TP_RNN_SIZE(layer) ((layer)->kind ? sizeof(double) : sizeof(float))
#define TP_RNN_AT(layer, array, step, width) \
    ((char *)(array) + (size_t)(step) * (layer)->N * (width) * TP_RNN_SIZE(layer))

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

/* The weights of the states in `memory`, which has room for them, as the products with them read them fastest: in
 * panels, or else transposed for the forward direction and as they are for the other. */
static void *tp_rnn_prepare(const tp_rnn_layer *l, void *memory, int forward) {
    const npy_intp width = l->G * l->H;
    if (forward && tp_fits_panels(l->kind, width)) tp_pack_panels(l->kind, memory, l->w_hh, l->H, width, 1, l->H);
    else if (forward) TP_BY_KIND(tp_rnn_transpose, l->kind, memory, l->w_hh, width, l->H);
    else if (tp_fits_panels(l->kind, l->H)) tp_pack_panels(l->kind, memory, l->w_hh, width, l->H, l->H, 1);
    else return l->w_hh;
    return memory;
}

/* y (N, m) = a (N, k) @ w, for what tp_rnn_prepare made of w */
static inline void tp_rnn_product(const tp_rnn_layer *l, void *y, void *a, void *w, npy_intp k, npy_intp m) {
    if (tp_fits_panels(l->kind, m)) tp_panel_product(l->kind, y, a, w, l->N, k, m);
    else
        tp_gemm(l->kind, 1, l->N, k, m, tp_rows(l->kind, a, l->N, k), tp_rows(l->kind, w, k, m),
                tp_rows(l->kind, y, l->N, m));
}

/* 1, or 0 where memory is short. */
static int tp_rnn_forward(const tp_rnn_layer *l, tp_rnn_results out) {
    const npy_intp T = l->T, N = l->N, H = l->H, width = l->G * H;
    const size_t size = TP_RNN_SIZE(l), product = N * width * size, weight = width * H * size;
    const int is_gru = l->mode == TP_GRU;
    const int by_steps = tp_fits_panels(l->kind, width); /* then the inputs' products too are used while in cache */
    const size_t from_input = by_steps ? width * l->n_in * size : 0;
    char *scratch = malloc(weight + from_input + product + (width + H) * size + (is_gru ? T * product : 0));
    if (scratch == NULL) return 0;
    char *w_ih = scratch + weight, *z = w_ih + from_input, *b = z + product;
    char *a = is_gru ? b + (width + H) * size : out.saved;
    void *w = tp_rnn_prepare(l, scratch, 1);
    tp_rnn_biases(l, b);
    if (by_steps) tp_pack_panels(l->kind, w_ih, l->w_ih, l->n_in, width, 1, l->n_in);
    else tp_linear(l->kind, a, l->x, l->w_ih, NULL, T * N, l->n_in, width);
    void *h = l->h, *c = l->c;
    for (npy_intp k = 0; k < T; k++) {
        const npy_intp t = tp_rnn_step_at(l, k);
        void *now = TP_RNN_AT(l, a, t, width), *y = TP_RNN_AT(l, out.y, t, H);
        if (by_steps) tp_panel_product(l->kind, now, TP_RNN_AT(l, l->x, t, l->n_in), w_ih, N, l->n_in, width);
        tp_rnn_product(l, z, h, w, H, width);
        if (l->mode == TP_LSTM) {
            void *next = TP_RNN_AT(l, out.cells, t, H);
            TP_BY_KIND(tp_lstm_step, l->kind, now, (void *)z, (void *)b, c, next, y, N, H);
            c = next;
        } else if (is_gru)
            TP_BY_KIND(tp_gru_step, l->kind, (void *)TP_RNN_AT(l, out.saved, t, 4 * H), now, (void *)z, (void *)b, h,
                       y, N, H);
        else
            TP_BY_KIND(tp_rnn_step, l->kind, now, (void *)z, (void *)b, y, N, H, l->mode == TP_RNN_TANH);
        h = y;
    }
    memcpy(out.h_n, h, N * H * size);
    if (l->mode == TP_LSTM) memcpy(out.c_n, c, N * H * size);
    free(scratch);
    return 1;
}

/* before[t] = the state before step t, from gates or states; an LSTM fills it while it goes back. */
static void tp_rnn_states_before(const tp_rnn_layer *l, const tp_rnn_results *out, void *before) {
    const size_t state = l->N * l->H * TP_RNN_SIZE(l);
    memcpy(TP_RNN_AT(l, before, tp_rnn_step_at(l, 0), l->H), l->h, state);
    for (npy_intp k = 1; k < l->T && l->mode != TP_LSTM; k++) {
        const npy_intp from = tp_rnn_step_at(l, k - 1);
        void *now = TP_RNN_AT(l, before, tp_rnn_step_at(l, k), l->H);
        if (l->mode == TP_GRU)
            TP_BY_KIND(tp_gru_again, l->kind, now, (void *)TP_RNN_AT(l, out->saved, from, 4 * l->H),
                       (void *)TP_RNN_AT(l, before, from, l->H), l->N, l->H);
        else
            memcpy(now, TP_RNN_AT(l, out->saved, from, l->H), state);
    }
}

static int tp_rnn_backward(const tp_rnn_layer *l, tp_rnn_results out, tp_rnn_slopes s) {
    const npy_intp T = l->T, N = l->N, H = l->H, width = l->G * H;
    const size_t size = TP_RNN_SIZE(l), state = N * H * size, product = N * width * size, weight = width * H * size;
    const int is_gru = l->mode == TP_GRU;
    char *scratch = malloc(weight + T * product * (is_gru ? 2 : 1) + T * state + 3 * state);
    if (scratch == NULL) return 0;
    char *ga = scratch + weight, *gb = is_gru ? ga + T * product : ga, *before = gb + T * product;
    char *carry = before + T * state, *none = carry + state, *spare = none + state;
    void *w = tp_rnn_prepare(l, scratch, 0);
    memset(carry, 0, 2 * state);
    if (s.gh_n) memcpy(s.gh, s.gh_n, state);
    else memset(s.gh, 0, state);
    if (s.gc && s.gc_n) memcpy(s.gc, s.gc_n, state);
    else if (s.gc) memset(s.gc, 0, state);
    tp_rnn_states_before(l, &out, before);
    for (npy_intp k = T - 1; k >= 0; k--) {
        const npy_intp t = tp_rnn_step_at(l, k);
        void *gy = s.gy ? TP_RNN_AT(l, s.gy, t, H) : none; /* a test in the loops would keep them from vectorising */
        void *now = TP_RNN_AT(l, ga, t, width), *back = TP_RNN_AT(l, gb, t, width);
        if (l->mode == TP_LSTM) {
            void *after = k + 1 < T ? TP_RNN_AT(l, before, tp_rnn_step_at(l, k + 1), H) : spare;
            void *c = k > 0 ? TP_RNN_AT(l, out.cells, tp_rnn_step_at(l, k - 1), H) : l->c;
            TP_BY_KIND(tp_lstm_step_grad, l->kind, now, s.gc, after, s.gh, gy,
                       (void *)TP_RNN_AT(l, out.saved, t, 4 * H), (void *)TP_RNN_AT(l, out.cells, t, H), c, N, H);
        } else if (is_gru)
            TP_BY_KIND(tp_gru_step_grad, l->kind, now, back, (void *)carry, s.gh, gy,
                       (void *)TP_RNN_AT(l, out.saved, t, 4 * H), (void *)TP_RNN_AT(l, before, t, H), N, H);
        else
            TP_BY_KIND(tp_rnn_step_grad, l->kind, now, s.gh, gy, (void *)TP_RNN_AT(l, out.saved, t, H), N * H,
                       l->mode == TP_RNN_TANH);
        tp_rnn_product(l, s.gh, back, w, width, H);
    }
    if (is_gru) TP_BY_KIND(tp_rnn_add, l->kind, s.gh, (void *)carry, N * H);
    tp_linear_grad(l->kind, s.gx, s.gw_ih, s.gb_ih, ga, l->x, l->w_ih, T * N, l->n_in, width);
    tp_linear_grad(l->kind, NULL, s.gw_hh, s.gb_hh, gb, before, NULL, T * N, H, width);
    free(scratch);
    return 1;
}

#endif
