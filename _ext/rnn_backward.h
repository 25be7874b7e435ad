/* The way back through the steps of rnn.h, which includes this. */

/* Scratch of a chunk. Slopes wait in a ring of two blocks of steps until the sums over the first of them can be taken:
 * an LSTM knows the state before a block only when it comes to the step before. k counts steps as they were
 * computed. */
typedef struct {
    npy_intp ring, ring_before;
    char *ga, *gb;                /* slopes of the products with the inputs and the states; but for a GRU the same */
    char *before;                 /* the states before the steps */
    char *carry, *none, *spare;   /* a state each */
    void *gw_ih, *gw_hh;          /* sums; NULL: not wanted */
    double *gb_ih, *gb_hh;
} tp_rnn_ring;

static inline npy_intp tp_rnn_ring_before(const tp_rnn_job *job) {
    return job->l->mode == TP_LSTM ? 2 * job->block : job->l->T;
}

/* Numbers of scratch that a chunk needs, not counting its sums. */
static npy_intp tp_rnn_ring_size(const tp_rnn_job *job) {
    const tp_rnn_layer *l = job->l;
    const npy_intp slopes = 2 * job->block * job->rows * l->G * l->H, state = job->rows * l->H;
    return slopes * (l->mode == TP_GRU ? 2 : 1) + (tp_rnn_ring_before(job) + 3) * state;
}

static void tp_rnn_ring_init(const tp_rnn_job *job, tp_rnn_ring *r, npy_intp chunk) {
    const tp_rnn_layer *l = job->l;
    const npy_intp width = l->G * l->H, state = job->rows * l->H, slopes = 2 * job->block * job->rows * width;
    r->ring = 2 * job->block;
    r->ring_before = tp_rnn_ring_before(job);
    r->gb_ih = (double *)(job->scratch + chunk * job->scratch_size);
    r->gb_hh = r->gb_ih + width;
    char *sums = (char *)(r->gb_hh + width); /* the first chunk's are the results */
    r->gw_ih = job->s.gw_ih == NULL || chunk == 0 ? job->s.gw_ih : sums;
    r->gw_hh = job->s.gw_hh == NULL || chunk == 0 ? job->s.gw_hh : tp_rnn_move(l, sums, width * l->n_in);
    r->ga = tp_rnn_move(l, sums, width * (l->n_in + l->H));
    r->gb = l->mode == TP_GRU ? tp_rnn_move(l, r->ga, slopes) : r->ga;
    r->before = tp_rnn_move(l, r->gb, slopes);
    r->carry = tp_rnn_move(l, r->before, r->ring_before * state);
    r->none = tp_rnn_move(l, r->carry, state);
    r->spare = tp_rnn_move(l, r->none, state);
    const size_t size = TP_RNN_SIZE(l);
    memset(r->gb_ih, 0, 2 * width * sizeof(double));
    memset(r->carry, 0, 2 * state * size);
    if (r->gw_ih != NULL) memset(r->gw_ih, 0, width * l->n_in * size);
    if (r->gw_hh != NULL) memset(r->gw_hh, 0, width * l->H * size);
}

static inline void *tp_rnn_slot(const tp_rnn_job *job, char *array, npy_intp k, npy_intp ring, npy_intp chunk,
                                npy_intp width) {
    return tp_rnn_move(job->l, array, k % ring * tp_rnn_chunk_rows(job, chunk) * width);
}

/* The states before all steps, from gates or states; an LSTM fills them in while it goes back. */
static void tp_rnn_states_before(const tp_rnn_job *job, const tp_rnn_ring *r, npy_intp chunk) {
    const tp_rnn_layer *l = job->l;
    const npy_intp H = l->H, rows = tp_rnn_chunk_rows(job, chunk);
    const size_t state = rows * H * TP_RNN_SIZE(l);
    memcpy(r->before, tp_rnn_rows(job, l->h, 0, chunk, H), state);
    for (npy_intp k = 1; k < l->T; k++) {
        const npy_intp from = tp_rnn_step_at(l, k - 1);
        void *now = tp_rnn_slot(job, r->before, k, r->ring_before, chunk, H);
        if (l->mode == TP_GRU)
            TP_BY_KIND(tp_gru_again, l->kind, now, tp_rnn_rows(job, job->out.saved, from, chunk, 4 * H),
                       tp_rnn_slot(job, r->before, k - 1, r->ring_before, chunk, H), rows, H);
        else
            memcpy(now, tp_rnn_rows(job, job->out.saved, from, chunk, H), state);
    }
}

/* What the slopes of one block of steps, from the k-th on, add to the gradients. */
static void tp_rnn_add_block(const tp_rnn_job *job, const tp_rnn_ring *r, npy_intp k, npy_intp chunk) {
    const tp_rnn_layer *l = job->l;
    const npy_intp H = l->H, width = l->G * H, rows = tp_rnn_chunk_rows(job, chunk);
    const npy_intp steps = l->T - k < job->block ? l->T - k : job->block;
    const npy_intp t = tp_rnn_step_at(l, k), step = l->reverse ? -l->N * l->n_in : l->N * l->n_in;
    void *ga = tp_rnn_slot(job, r->ga, k, r->ring, chunk, width);
    void *gb = tp_rnn_slot(job, r->gb, k, r->ring, chunk, width);
    if (r->gw_ih != NULL)
        tp_panel_update(l->kind, r->gw_ih, ga, rows * width, tp_rnn_rows(job, l->x, t, chunk, l->n_in), step, steps,
                        rows, width, l->n_in);
    if (r->gw_hh != NULL)
        tp_panel_update(l->kind, r->gw_hh, gb, rows * width,
                        tp_rnn_slot(job, r->before, k, r->ring_before, chunk, H), rows * H, steps, rows, width, H);
    if (job->s.gx != NULL)
        tp_panel_product(l->kind, tp_rnn_rows(job, job->s.gx, t, chunk, l->n_in), step, ga, rows * width, job->w_ih,
                         steps, rows, width, l->n_in);
    if (job->s.gb_ih != NULL || (job->s.gb_hh != NULL && l->mode != TP_GRU))
        TP_BY_KIND(tp_rnn_sum_rows, l->kind, r->gb_ih, ga, steps * rows, width);
    if (job->s.gb_hh != NULL && l->mode == TP_GRU)
        TP_BY_KIND(tp_rnn_sum_rows, l->kind, r->gb_hh, gb, steps * rows, width);
}

static void tp_rnn_backward_chunk(void *shared, ptrdiff_t chunk, int worker) {
    const tp_rnn_job *job = shared;
    const tp_rnn_layer *l = job->l;
    const tp_rnn_slopes *s = &job->s;
    const npy_intp H = l->H, width = l->G * H, rows = tp_rnn_chunk_rows(job, chunk);
    const size_t state = rows * H * TP_RNN_SIZE(l);
    void *gh = tp_rnn_rows(job, s->gh, 0, chunk, H), *gc = s->gc ? tp_rnn_rows(job, s->gc, 0, chunk, H) : NULL;
    tp_rnn_ring r;
    (void)worker;
    tp_rnn_ring_init(job, &r, chunk);
    if (s->gh_n) memcpy(gh, tp_rnn_rows(job, s->gh_n, 0, chunk, H), state);
    else memset(gh, 0, state);
    if (gc && s->gc_n) memcpy(gc, tp_rnn_rows(job, s->gc_n, 0, chunk, H), state);
    else if (gc) memset(gc, 0, state);
    if (l->mode != TP_LSTM) tp_rnn_states_before(job, &r, chunk);
    for (npy_intp k = l->T - 1; k >= 0; k--) {
        const npy_intp t = tp_rnn_step_at(l, k);
        void *gy = s->gy ? tp_rnn_rows(job, s->gy, t, chunk, H) : r.none; /* a test in the loops would slow them */
        void *now = tp_rnn_slot(job, r.ga, k, r.ring, chunk, width);
        void *back = tp_rnn_slot(job, r.gb, k, r.ring, chunk, width);
        if (l->mode == TP_LSTM) {
            void *after = k + 1 < l->T ? tp_rnn_slot(job, r.before, k + 1, r.ring_before, chunk, H) : r.spare;
            void *c = k > 0 ? tp_rnn_rows(job, job->out.cells, tp_rnn_step_at(l, k - 1), chunk, H)
                            : tp_rnn_rows(job, l->c, 0, chunk, H);
            TP_BY_KIND(tp_lstm_step_grad, l->kind, now, gc, after, gh, gy,
                       tp_rnn_rows(job, job->out.saved, t, chunk, 4 * H), tp_rnn_rows(job, job->out.cells, t, chunk, H),
                       c, rows, H);
        } else if (l->mode == TP_GRU) {
            TP_BY_KIND(tp_gru_step_grad, l->kind, now, back, (void *)r.carry, gh, gy,
                       tp_rnn_rows(job, job->out.saved, t, chunk, 4 * H),
                       tp_rnn_slot(job, r.before, k, r.ring_before, chunk, H), rows, H);
        } else {
            TP_BY_KIND(tp_rnn_step_grad, l->kind, now, gh, gy, tp_rnn_rows(job, job->out.saved, t, chunk, H), rows * H,
                       l->mode == TP_RNN_TANH);
        }
        tp_panel_product(l->kind, gh, 0, back, 0, job->w_hh, 1, rows, width, H);
        if ((k + 1) % job->block == 0 && k + 1 < l->T) tp_rnn_add_block(job, &r, k + 1, chunk);
    }
    if (l->mode == TP_LSTM) memcpy(r.before, tp_rnn_rows(job, l->h, 0, chunk, H), state);
    tp_rnn_add_block(job, &r, 0, chunk);
    if (l->mode == TP_GRU) TP_BY_KIND(tp_rnn_add, l->kind, gh, (void *)r.carry, rows * H);
}

/* What the other chunks found, to the first one's sums, in their order. */
static void tp_rnn_add_up(const tp_rnn_job *job, npy_intp chunks) {
    const tp_rnn_layer *l = job->l;
    const npy_intp width = l->G * l->H;
    double *total = (double *)job->scratch;
    for (npy_intp chunk = 1; chunk < chunks; chunk++) {
        const double *other = (const double *)(job->scratch + chunk * job->scratch_size);
        void *sums = (void *)(other + 2 * width);
        for (npy_intp j = 0; j < 2 * width; j++) total[j] += other[j];
        if (job->s.gw_ih != NULL) TP_BY_KIND(tp_rnn_add, l->kind, job->s.gw_ih, sums, width * l->n_in);
        if (job->s.gw_hh != NULL)
            TP_BY_KIND(tp_rnn_add, l->kind, job->s.gw_hh, tp_rnn_move(l, sums, width * l->n_in), width * l->H);
    }
    if (job->s.gb_ih != NULL) TP_BY_KIND(tp_rnn_round, l->kind, job->s.gb_ih, total, width);
    if (job->s.gb_hh != NULL)
        TP_BY_KIND(tp_rnn_round, l->kind, job->s.gb_hh, l->mode == TP_GRU ? total + width : total, width);
}

/* 1, or 0 where memory is short. */
static int tp_rnn_backward(const tp_rnn_layer *l, tp_rnn_results out, tp_rnn_slopes s) {
    const npy_intp H = l->H, width = l->G * H;
    tp_rnn_job job = {.l = l, .out = out, .s = s};
    const npy_intp chunks = tp_rnn_cut(&job);
    const npy_intp numbers = tp_rnn_ring_size(&job) + width * (l->n_in + H);
    job.scratch_size = ((size_t)numbers * TP_RNN_SIZE(l) + 2 * width * sizeof(double) + 63) / 64 * 64;
    const npy_intp weights = tp_panels_size(l->kind, width, l->n_in) + tp_panels_size(l->kind, width, H);
    char *memory = tp_imported_memory->take(chunks * job.scratch_size + weights * TP_RNN_SIZE(l));
    if (memory == NULL) return 0;
    job.scratch = memory;
    char *rest = memory + chunks * job.scratch_size;
    if (s.gx != NULL) job.w_ih = tp_rnn_pack(l, &rest, l->w_ih, width, l->n_in, 0);
    job.w_hh = tp_rnn_pack(l, &rest, l->w_hh, width, H, 0);
    tp_parallel_for(tp_rnn_backward_chunk, &job, chunks, (int)chunks);
    tp_rnn_add_up(&job, chunks);
    tp_imported_memory->give(memory);
    return 1;
}
