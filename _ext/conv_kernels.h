/* Convolution, forward and both gradients, over the plan of conv_plan.h: in rows of pixels, or where these would be
 * mostly padding, place by place (conv_places.h). Included once for each type: TP_REAL, TP_NAME.
 * Arrays are C-contiguous: x (N, C, H, W), w (O, C / groups, kH, kW), y and g (N, O, H', W'). */

/* What all chunks of one call share. */
typedef struct {
    tp_conv_plan plan;
    TP_NAME(tp_conv_tiles) tiles;
    const TP_REAL *x, *w, *b, *g;
    TP_REAL *y, *gx;
    TP_REAL *packed;            /* weights, tile by tile */
    TP_REAL *scratch;           /* of each worker */
    TP_REAL *gw;                /* of each worker, (O, C / groups, taps) */
    ptrdiff_t scratch_size, gw_size;
    ptrdiff_t **g_offset;       /* of (filter, tap) for each phase */
    ptrdiff_t *g_rows;          /* and how many */
    TP_REAL **g_packed;
} TP_NAME(tp_conv_job);

/* Rows of some pixels each, spread out or brought together: strides in elements. Short rows are the rule where
 * images are small, and there a call or a vector loop costs more than the pixels. */
TP_INLINE void TP_NAME(tp_conv_move)(TP_REAL *to, ptrdiff_t to_row, ptrdiff_t to_step, const TP_REAL *from,
                                     ptrdiff_t from_row, ptrdiff_t from_step, ptrdiff_t rows, ptrdiff_t some) {
    for (ptrdiff_t i = 0; i < rows; i++, to += to_row, from += from_row) {
        ptrdiff_t j = 0;
        if (some == 1) {
            to[0] = from[0];
        } else if (to_step != 1 || from_step != 1) {
            for (; j < some; j++) to[j * to_step] = from[j * from_step];
        } else if (some >= 32) {
            memcpy(to, from, (size_t)some * sizeof(TP_REAL));
        } else {
            for (; j + 4 <= some; j += 4) memcpy(to + j, from + j, 4 * sizeof(TP_REAL));
            if (some & 2) memcpy(to + j, from + j, 2 * sizeof(TP_REAL));
            if (some & 1) to[some - 1] = from[some - 1];
        }
    }
}

/* The pixels of images n to n + count of one group of channels, phase by phase, into the flat rows. */
static void TP_NAME(tp_conv_spread)(const tp_conv_plan *p, TP_REAL *rows, const TP_REAL *x, ptrdiff_t n,
                                    ptrdiff_t count, ptrdiff_t group) {
    const tp_conv_axis *v = &p->v, *h = &p->h;
    for (ptrdiff_t c = 0; c < p->channels; c++)
        for (ptrdiff_t a = 0; a < v->stride; a++)
            for (ptrdiff_t b = 0; b < h->stride; b++) {
                TP_REAL *row = rows + (c * p->phases + a * h->stride + b) * p->row + p->lead;
                const ptrdiff_t top = tp_most(tp_from(v, a), v->first), left = tp_most(tp_from(h, b), h->first);
                const ptrdiff_t high = tp_least(tp_upto(v, a), v->first + v->stored - 1) - top + 1;
                const ptrdiff_t wide = tp_least(tp_upto(h, b), h->first + h->stored - 1) - left + 1;
                if (high <= 0 || wide <= 0) continue;
                for (ptrdiff_t k = 0; k < count; k++) {
                    const ptrdiff_t plane = ((n + k) * p->groups + group) * p->channels + c;
                    const TP_REAL *from = x + (plane * v->in + top * v->stride + a - v->pad) * h->in +
                                          left * h->stride + b - h->pad;
                    TP_REAL *to = row + k * p->plane + (top - v->first) * h->pitch + left - h->first;
                    TP_NAME(tp_conv_move)(to, h->pitch, 1, from, v->stride * h->in, h->stride, high, wide);
                }
                if (count < p->together)
                    memset(row + count * p->plane, 0, (size_t)((p->together - count) * p->plane) * sizeof(TP_REAL));
            }
}

/* The output's gradient of images n to n + count, into rows of the given layout. */
static void TP_NAME(tp_conv_spread_g)(const tp_conv_plan *p, TP_REAL *rows, ptrdiff_t row, ptrdiff_t lead,
                                      ptrdiff_t plane, ptrdiff_t pitch, const TP_REAL *g, ptrdiff_t n,
                                      ptrdiff_t count, ptrdiff_t group) {
    const ptrdiff_t places = p->v.out * p->h.out;
    for (ptrdiff_t o = 0; o < p->filters; o++) {
        TP_REAL *to = rows + o * row + lead;
        for (ptrdiff_t k = 0; k < count; k++)
            TP_NAME(tp_conv_move)(to + k * plane, pitch, 1,
                                  g + (((n + k) * p->groups + group) * p->filters + o) * places, p->h.out, 1,
                                  p->v.out, p->h.out);
        if (count < p->together)
            memset(to + count * plane, 0, (size_t)((p->together - count) * plane) * sizeof(TP_REAL));
    }
}

/* y = bias + weights * windows, for one flat row of images */
static void TP_NAME(tp_conv_chunk)(void *shared, ptrdiff_t chunk, int worker) {
    const TP_NAME(tp_conv_job) *job = shared;
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t high = job->tiles.high, rows = p->channels * p->taps, places = p->v.out * p->h.out;
    const ptrdiff_t n = chunk * p->together, count = tp_least(p->together, p->samples - n);
    const ptrdiff_t length = (count - 1) * p->plane + (p->v.out - 1) * p->h.pitch + p->h.out;
    const ptrdiff_t pitch = p->places;
    TP_REAL *x = job->scratch + worker * job->scratch_size, *y = x + p->channels * p->phases * p->row;
    const TP_REAL *w = job->packed;
    for (ptrdiff_t group = 0; group < p->groups; group++) {
        TP_NAME(tp_conv_spread)(p, x, job->x, n, count, group);
        for (ptrdiff_t top = 0; top < p->filters; top += high, w += rows * high) {
            const ptrdiff_t first = group * p->filters + top, some = tp_least(high, p->filters - top);
            TP_REAL room[8];
            const TP_REAL *bias = TP_NAME(tp_conv_bias)(room, job->b ? job->b + first : NULL, some, high);
            job->tiles.rows(y, pitch, bias, w, x, p->offset, rows, &tp_conv_here, 1, length);
            for (ptrdiff_t o = 0; o < some; o++)
                for (ptrdiff_t k = 0; k < count; k++)
                    TP_NAME(tp_conv_move)(job->y + ((n + k) * p->groups * p->filters + first + o) * places, p->h.out, 1,
                                          y + o * pitch + k * p->plane, p->h.pitch, 1, p->v.out, p->h.out);
        }
    }
}

/* gx = transposed weights * gradients around each pixel, phase by phase, for one group of one flat row */
static void TP_NAME(tp_conv_chunk_gx)(const TP_NAME(tp_conv_job) *job, TP_REAL *g, TP_REAL *y, ptrdiff_t n,
                                      ptrdiff_t count, ptrdiff_t group) {
    const tp_conv_plan *p = &job->plan;
    const tp_conv_axis *v = &p->v, *h = &p->h;
    const ptrdiff_t high = job->tiles.high, pitch = p->places;
    TP_NAME(tp_conv_spread_g)(p, g, p->g_row, p->g_lead, p->g_plane, h->g_pitch, job->g, n, count, group);
    for (ptrdiff_t phase = 0; phase < p->phases; phase++) {
        const ptrdiff_t a = phase / h->stride, b = phase % h->stride, rows = job->g_rows[phase];
        const ptrdiff_t top = tp_from(v, a), left = tp_from(h, b);
        const ptrdiff_t tall = tp_upto(v, a) - top + 1, wide = tp_upto(h, b) - left + 1;
        if (tall <= 0 || wide <= 0) continue;
        const ptrdiff_t length = (count - 1) * p->g_plane + (tall - 1) * h->g_pitch + wide;
        const ptrdiff_t tiles = tp_ceil_div(p->channels, high);
        const TP_REAL *w = job->g_packed[phase] + group * tiles * rows * high;
        for (ptrdiff_t c0 = 0; c0 < p->channels; c0 += high, w += rows * high) {
            job->tiles.rows(y, pitch, TP_NAME(tp_conv_no_bias), w, g, job->g_offset[phase], rows, &tp_conv_here, 1,
                            length);
            for (ptrdiff_t c = c0; c < tp_least(c0 + high, p->channels); c++)
                for (ptrdiff_t k = 0; k < count; k++) {
                    const ptrdiff_t plane = ((n + k) * p->groups + group) * p->channels + c;
                    TP_REAL *to = job->gx + (plane * v->in + top * v->stride + a - v->pad) * h->in +
                                  left * h->stride + b - h->pad;
                    TP_NAME(tp_conv_move)(to, v->stride * h->in, h->stride, y + (c - c0) * pitch + k * p->g_plane,
                                          h->g_pitch, 1, tall, wide);
                }
        }
    }
}

/* gw += gradients * windows, and gx, for one flat row of images */
static void TP_NAME(tp_conv_chunk_grad)(void *shared, ptrdiff_t chunk, int worker) {
    const TP_NAME(tp_conv_job) *job = shared;
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t rows = p->channels * p->taps;
    const ptrdiff_t n = chunk * p->together, count = tp_least(p->together, p->samples - n);
    TP_REAL *x = job->scratch + worker * job->scratch_size;
    TP_REAL *at = x + (job->gw == NULL ? 0 : p->channels * p->phases * p->row);
    for (ptrdiff_t group = 0; group < p->groups; group++) {
        TP_REAL *next = at;
        if (job->gw != NULL) {
            const ptrdiff_t pitch = p->places;
            const ptrdiff_t length = (count - 1) * p->plane + (p->v.out - 1) * p->h.pitch + p->h.out;
            TP_NAME(tp_conv_spread)(p, x, job->x, n, count, group);
            TP_NAME(tp_conv_spread_g)(p, at, pitch, 0, p->plane, p->h.pitch, job->g, n, count, group);
            job->tiles.dots(job->gw + worker * job->gw_size + group * p->filters * rows, rows, 1, at, pitch, p->filters,
                            x, p->offset, rows, &tp_conv_here, 1, length);
            next += p->filters * pitch;
        }
        if (job->gx != NULL)
            TP_NAME(tp_conv_chunk_gx)(job, next, next + p->filters * p->g_row, n, count, group);
    }
}

/* The forward's weights: (group, tile of filters, channel, tap, filter in the tile), 0 over the edge. */
static void TP_NAME(tp_conv_pack)(const tp_conv_plan *p, TP_REAL *to, const TP_REAL *w, ptrdiff_t high) {
    const ptrdiff_t window = p->v.kernel * p->h.kernel, rows = p->channels * p->taps;
    for (ptrdiff_t group = 0; group < p->groups; group++)
        for (ptrdiff_t top = 0; top < p->filters; top += high, to += rows * high)
            for (ptrdiff_t o = 0; o < high; o++) {
                TP_REAL *at = to + o;
                const TP_REAL *from = w + (group * p->filters + top + o) * p->channels * window;
                for (ptrdiff_t c = 0; c < p->channels; c++, from += window)
                    for (ptrdiff_t t = 0; t < p->taps; t++, at += high)
                        *at = top + o < p->filters ? from[p->element[t]] : 0;
            }
}

/* The input gradient's weights in one phase, (group, tile of channels, filter, tap, channel in the tile), and
 * where their gradients are. Returns how many (filter, tap) there are. `element` has room for the taps. */
static ptrdiff_t TP_NAME(tp_conv_pack_g)(const tp_conv_plan *p, TP_REAL *to, ptrdiff_t *offset, ptrdiff_t *element,
                                         const TP_REAL *w, ptrdiff_t high, ptrdiff_t phase) {
    const tp_conv_axis *v = &p->v, *h = &p->h;
    const ptrdiff_t a = phase / h->stride, b = phase % h->stride, window = v->kernel * h->kernel;
    ptrdiff_t taps = 0;
    for (ptrdiff_t t = 0; t < p->taps; t++) {
        const ptrdiff_t k = p->element[t] / h->kernel, l = p->element[t] % h->kernel;
        if (tp_rest(v, k) != a || tp_rest(h, l) != b) continue;
        offset[taps] = p->g_lead + (tp_from(v, a) - tp_shift(v, k)) * h->g_pitch + tp_from(h, b) - tp_shift(h, l);
        element[taps++] = p->element[t];
    }
    for (ptrdiff_t i = taps; i < p->filters * taps; i++) offset[i] = offset[i - taps] + p->g_row;
    for (ptrdiff_t group = 0; group < p->groups; group++)
        for (ptrdiff_t top = 0; top < p->channels; top += high)
            for (ptrdiff_t o = 0; o < p->filters; o++) {
                const TP_REAL *from = w + ((group * p->filters + o) * p->channels + top) * window;
                for (ptrdiff_t t = 0; t < taps; t++, to += high)
                    for (ptrdiff_t c = 0; c < high; c++)
                        to[c] = top + c < p->channels ? from[c * window + element[t]] : 0;
            }
    return p->filters * taps;
}

static ptrdiff_t TP_NAME(tp_conv_threads)(const tp_conv_plan *p) {
    const double work = (double)p->samples * p->groups * p->filters * p->channels * p->taps * p->plane;
    return work < TP_CONV_PARALLEL_FROM ? 1 : tp_num_threads();
}

/* 0 if there is no memory. */
static int TP_NAME(tp_conv_in_rows)(TP_NAME(tp_conv_job) *job, int threads) {
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t high = job->tiles.high, rows = p->channels * p->taps;
    job->scratch_size = p->channels * p->phases * p->row + high * p->places;
    job->packed = malloc((size_t)(p->groups * tp_ceil_div(p->filters, high) * high * rows + 1) * sizeof *job->packed);
    job->scratch = tp_conv_zeros(threads * job->scratch_size * (ptrdiff_t)sizeof *job->scratch);
    const int done = job->packed != NULL && job->scratch != NULL;
    if (done) {
        TP_NAME(tp_conv_pack)(p, job->packed, job->w, high);
        tp_parallel_for(TP_NAME(tp_conv_chunk), job, tp_ceil_div(p->samples, p->together), threads);
    }
    free(job->packed);
    tp_conv_give(job->scratch);
    return done;
}

/* y = convolution of x with w, plus b (or NULL). 0 if there is no memory. */
static int TP_NAME(tp_conv)(tp_conv_plan plan, TP_REAL *y, const TP_REAL *x, const TP_REAL *w, const TP_REAL *b) {
    TP_NAME(tp_conv_job) job = {.plan = plan, .tiles = TP_NAME(tp_conv_choose)(), .x = x, .w = w, .b = b, .y = y};
    tp_conv_plan *p = &job.plan;
    int done = 0;
    if (tp_conv_make_plan(p, tp_num_threads())) {
        const int threads = (int)TP_NAME(tp_conv_threads)(p);
        if (tp_places_pay(p)) done = TP_NAME(tp_places_run)(p, y, NULL, NULL, 0, x, w, b, NULL, threads);
        else done = TP_NAME(tp_conv_in_rows)(&job, threads);
    }
    tp_conv_free(p);
    return done;
}

/* gb[o] = sum of g[n, o] over images and places */
static TP_SIMD void TP_NAME(tp_conv_bias_grad)(TP_REAL *gb, const TP_REAL *g, ptrdiff_t samples, ptrdiff_t filters,
                                               ptrdiff_t places) {
    for (ptrdiff_t o = 0; o < filters; o++) {
        double all = 0;
        for (ptrdiff_t n = 0; n < samples; n++) {
            const TP_REAL *plane = g + (n * filters + o) * places;
            double total;
            TP_SUM(TP_REAL, total, i, places, plane[i]);
            all += total;
        }
        gb[o] = (TP_REAL)all;
    }
}

/* Adds up what the workers found, and puts it where the taps belong; the other elements of the window are 0. */
static void TP_NAME(tp_conv_unpack)(const TP_NAME(tp_conv_job) *job, TP_REAL *gw, int threads) {
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t planes = p->groups * p->filters * p->channels, window = p->v.kernel * p->h.kernel;
    memset(gw, 0, (size_t)(planes * window) * sizeof *gw);
    const TP_REAL *from = job->gw;
    for (ptrdiff_t plane = 0; plane < planes; plane++)
        for (ptrdiff_t i = 0; i < p->v.taps; i++)
            for (ptrdiff_t j = 0; j < p->h.taps; j++, from++) {
                TP_REAL total = from[0];
                for (int t = 1; t < threads; t++) total += from[t * job->gw_size];
                gw[plane * window + p->v.tap[i] * p->h.kernel + p->h.tap[j]] = total;
            }
}

/* Room for the gradients, and the weights of each phase. 0 if there is no memory. */
static int TP_NAME(tp_conv_prepare_grad)(TP_NAME(tp_conv_job) *job, int threads) {
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t high = job->tiles.high;
    if (job->gw != NULL) job->scratch_size += p->channels * p->phases * p->row + p->filters * p->places;
    if (job->gx != NULL) {
        const ptrdiff_t rows = p->filters * p->taps; /* of all phases together */
        const ptrdiff_t packed = p->groups * tp_ceil_div(p->channels, high) * high;
        job->scratch_size += p->filters * p->g_row + high * p->places;
        job->packed = malloc((size_t)(packed * rows + 1) * sizeof *job->packed);
        job->g_packed = malloc((size_t)p->phases * sizeof *job->g_packed);
        job->g_rows = malloc((size_t)p->phases * sizeof *job->g_rows);
        job->g_offset = calloc((size_t)p->phases, sizeof *job->g_offset);
        if (!job->packed || !job->g_packed || !job->g_rows || !job->g_offset) return 0;
        job->g_offset[0] = malloc((size_t)(rows + p->taps + 1) * sizeof **job->g_offset);
        if (job->g_offset[0] == NULL) return 0;
        job->g_packed[0] = job->packed;
        ptrdiff_t *element = job->g_offset[0] + rows;
        for (ptrdiff_t phase = 0; phase < p->phases; phase++) {
            if (phase > 0) {
                job->g_offset[phase] = job->g_offset[phase - 1] + job->g_rows[phase - 1];
                job->g_packed[phase] = job->g_packed[phase - 1] + job->g_rows[phase - 1] * packed;
            }
            job->g_rows[phase] =
                TP_NAME(tp_conv_pack_g)(p, job->g_packed[phase], job->g_offset[phase], element, job->w, high, phase);
        }
    }
    job->scratch = tp_conv_zeros(threads * job->scratch_size * (ptrdiff_t)sizeof *job->scratch);
    return job->scratch != NULL;
}

/* The gradients of tp_conv; each of gx, gw, gb may be NULL. 0 if there is no memory. */
static int TP_NAME(tp_conv_grad)(tp_conv_plan plan, TP_REAL *gx, TP_REAL *gw, TP_REAL *gb, const TP_REAL *g,
                                 const TP_REAL *x, const TP_REAL *w) {
    TP_NAME(tp_conv_job) job = {.plan = plan, .tiles = TP_NAME(tp_conv_choose)(), .x = x, .w = w, .g = g, .gx = gx};
    tp_conv_plan *p = &job.plan;
    int done = 0;
    if (gb != NULL)
        TP_NAME(tp_conv_bias_grad)(gb, g, plan.samples, plan.groups * plan.filters, plan.v.out * plan.h.out);
    if (gx == NULL && gw == NULL) return 1;
    if (tp_conv_make_plan(p, tp_num_threads())) {
        const int threads = (int)TP_NAME(tp_conv_threads)(p);
        if (gw != NULL) {
            job.gw_size = p->groups * p->filters * p->channels * p->taps;
            job.gw = tp_conv_zeros((threads * job.gw_size + 1) * (ptrdiff_t)sizeof *job.gw);
        }
        if (gw != NULL && job.gw == NULL) {
            done = 0;
        } else if (tp_places_pay(p)) {
            done = TP_NAME(tp_places_run)(p, NULL, gx, job.gw, job.gw_size, x, w, NULL, g, threads);
        } else if (TP_NAME(tp_conv_prepare_grad)(&job, threads)) {
            tp_parallel_for(TP_NAME(tp_conv_chunk_grad), &job, tp_ceil_div(p->samples, p->together), threads);
            done = 1;
        }
        if (done && gw != NULL) TP_NAME(tp_conv_unpack)(&job, gw, threads);
        if (job.g_offset != NULL) free(job.g_offset[0]);
        free(job.g_offset);
        free(job.g_rows);
        free(job.g_packed);
        free(job.packed);
        tp_conv_give(job.gw);
        tp_conv_give(job.scratch);
    }
    tp_conv_free(p);
    return done;
}
