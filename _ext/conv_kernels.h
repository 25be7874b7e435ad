/* Convolution, forward and both gradients: how the work is cut up, and who gets which scratch. Included once for each
 * type: TP_REAL, TP_NAME.
 *
 * Images are worked on in blocks. The outputs of a block, forwards or to the input's gradient, are tiles of some
 * filters or channels, and a chunk is some of these tiles: one image alone is enough for several threads. The gradients
 * of weights and bias are summed over segments of the images, whose number does not depend on the threads', then over
 * the segments in order: so the result does not either. A chunk is both gradients for a segment, block by block while
 * this is in cache; where there are too few segments, some of the outputs, and part of the weights for a segment.
 */

/* Channels (x) or filters (g) of one group of a block of images, into the scratch of a worker. */
static void TP_NAME(tp_conv_bring_x)(const TP_NAME(tp_conv_job) *job, TP_REAL *to, ptrdiff_t block, ptrdiff_t group,
                                     ptrdiff_t first, ptrdiff_t last) {
    const ptrdiff_t n = block * job->block, count = tp_least(job->block, job->plan.samples - n);
    if (job->by_place) TP_NAME(tp_places_x)(job, to, n, count, group, first, last);
    else TP_NAME(tp_rows_x)(job, to, n, count, group, first, last);
}

static void TP_NAME(tp_conv_bring_g)(const TP_NAME(tp_conv_job) *job, TP_REAL *to, ptrdiff_t block, ptrdiff_t group,
                                     ptrdiff_t first, ptrdiff_t last, int back) {
    const ptrdiff_t n = block * job->block, count = tp_least(job->block, job->plan.samples - n);
    if (job->by_place) TP_NAME(tp_places_g)(job, to, n, count, group, first, last);
    else TP_NAME(tp_rows_g)(job, to, n, count, group, first, last, back);
}

/* The outputs from `first` to `last` of a block, counted in tiles of all groups: y, or (back) gx. */
static void TP_NAME(tp_conv_outputs)(const TP_NAME(tp_conv_job) *job, TP_NAME(tp_conv_room) *room, ptrdiff_t block,
                                     ptrdiff_t first, ptrdiff_t last, int back) {
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t tiles = tp_ceil_div(back ? p->channels : p->filters, job->tiles.high);
    const ptrdiff_t n = block * job->block, count = tp_least(job->block, p->samples - n);
    for (ptrdiff_t tile = first; tile < last; tile++) {
        const ptrdiff_t group = tile / tiles, top = tile % tiles * job->tiles.high, wanted = block * p->groups + group;
        if (back && room->back_held != wanted) {
            TP_NAME(tp_conv_bring_g)(job, room->back, block, group, 0, p->filters, 1);
            room->back_held = wanted;
        } else if (!back && room->x_held != wanted) {
            TP_NAME(tp_conv_bring_x)(job, room->x, block, group, 0, p->channels);
            room->x_held = wanted;
        }
        if (job->by_place) TP_NAME(tp_places_product)(job, room, back, n, count, group, top);
        else if (back) TP_NAME(tp_rows_gx)(job, room, n, count, group, top);
        else TP_NAME(tp_rows_y)(job, room, n, count, group, top);
    }
}

/* What a block adds to gw and gb of a segment, for some filters and channels of one group. */
static void TP_NAME(tp_conv_add)(const TP_NAME(tp_conv_job) *job, TP_NAME(tp_conv_room) *room, ptrdiff_t segment,
                                 ptrdiff_t block, ptrdiff_t group, const ptrdiff_t filter[2],
                                 const ptrdiff_t channel[2]) {
    const ptrdiff_t count = tp_least(job->block, job->plan.samples - block * job->block);
    room->x_held = room->back_held = -1;
    TP_NAME(tp_conv_bring_x)(job, room->x, block, group, channel[0], channel[1]);
    TP_NAME(tp_conv_bring_g)(job, room->g, block, group, filter[0], filter[1], 0);
    if (job->by_place) TP_NAME(tp_places_gw)(job, room, segment, count, group, filter, channel);
    else TP_NAME(tp_rows_gw)(job, room, segment, count, group, filter, channel);
}

/* The first block of a segment. */
static inline ptrdiff_t TP_NAME(tp_conv_first)(const TP_NAME(tp_conv_job) *job, ptrdiff_t segment) {
    return job->blocks * segment / job->segments;
}

/* A worker's scratch, at first with zeros where nothing is ever written. */
static TP_NAME(tp_conv_room) *TP_NAME(tp_conv_enter)(const TP_NAME(tp_conv_job) *job, int worker) {
    TP_NAME(tp_conv_room) *room = &job->rooms[worker];
    if (room->x != NULL) return room;
    room->x = job->scratch + worker * job->scratch_size;
    room->g = room->x + job->x_size;
    room->back = job->by_place ? room->g : room->g + job->g_size;
    room->tile = room->g + job->g_size + job->back_size;
    room->x_held = room->back_held = -1;
    if (!job->by_place) memset(room->x, 0, (size_t)(room->tile - room->x) * sizeof(TP_REAL));
    return room;
}

static void TP_NAME(tp_conv_chunk_y)(void *shared, ptrdiff_t chunk, int worker) {
    const TP_NAME(tp_conv_job) *job = shared;
    const ptrdiff_t tiles = job->plan.groups * tp_ceil_div(job->plan.filters, job->tiles.high);
    const ptrdiff_t part = chunk % job->splits;
    TP_NAME(tp_conv_outputs)(job, TP_NAME(tp_conv_enter)(job, worker), chunk / job->splits, tiles * part / job->splits,
                             tiles * (part + 1) / job->splits, 0);
}

/* Part of gw for a segment, and behind these chunks, part of gx. */
static void TP_NAME(tp_conv_chunk_part)(void *shared, ptrdiff_t chunk, int worker) {
    const TP_NAME(tp_conv_job) *job = shared;
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t filter_parts = job->filter_parts, channel_parts = job->channel_parts;
    const ptrdiff_t parts = job->gw ? job->group_parts * filter_parts * channel_parts : 0;
    TP_NAME(tp_conv_room) *room = TP_NAME(tp_conv_enter)(job, worker);
    if (chunk >= job->segments * parts) {
        const ptrdiff_t tiles = p->groups * tp_ceil_div(p->channels, job->tiles.high);
        const ptrdiff_t at = chunk - job->segments * parts, part = at % job->splits;
        TP_NAME(tp_conv_outputs)(job, room, at / job->splits, tiles * part / job->splits,
                                 tiles * (part + 1) / job->splits, 1);
        return;
    }
    const ptrdiff_t segment = chunk / parts, some = chunk % parts / (filter_parts * channel_parts);
    const ptrdiff_t f = chunk / channel_parts % filter_parts, c = chunk % channel_parts;
    const ptrdiff_t tall = job->tiles.tall, tiles = tp_ceil_div(p->filters, tall);
    const ptrdiff_t filter[2] = {tiles * f / filter_parts * tall,
                                 tp_least(tiles * (f + 1) / filter_parts * tall, p->filters)};
    const ptrdiff_t channel[2] = {p->channels * c / channel_parts, p->channels * (c + 1) / channel_parts};
    const ptrdiff_t group_end = p->groups * (some + 1) / job->group_parts;
    for (ptrdiff_t block = TP_NAME(tp_conv_first)(job, segment); block < TP_NAME(tp_conv_first)(job, segment + 1);
         block++)
        for (ptrdiff_t group = p->groups * some / job->group_parts; group < group_end; group++)
            TP_NAME(tp_conv_add)(job, room, segment, block, group, filter, channel);
}

/* Both gradients for a segment. */
static void TP_NAME(tp_conv_chunk_both)(void *shared, ptrdiff_t segment, int worker) {
    const TP_NAME(tp_conv_job) *job = shared;
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t tiles = tp_ceil_div(p->channels, job->tiles.high);
    const ptrdiff_t filters[2] = {0, p->filters}, channels[2] = {0, p->channels};
    TP_NAME(tp_conv_room) *room = TP_NAME(tp_conv_enter)(job, worker);
    for (ptrdiff_t block = TP_NAME(tp_conv_first)(job, segment); block < TP_NAME(tp_conv_first)(job, segment + 1);
         block++)
        for (ptrdiff_t group = 0; group < p->groups; group++) {
            if (job->gw != NULL) {
                TP_NAME(tp_conv_add)(job, room, segment, block, group, filters, channels);
                if (room->back == room->g) room->back_held = block * p->groups + group;
            }
            if (job->gx != NULL) TP_NAME(tp_conv_outputs)(job, room, block, group * tiles, (group + 1) * tiles, 1);
        }
}

static void TP_NAME(tp_conv_chunk_pack)(void *shared, ptrdiff_t tile, int worker) {
    const TP_NAME(tp_conv_job) *job = shared;
    const int back = job->y == NULL;
    const ptrdiff_t tiles = tp_ceil_div(back ? job->plan.channels : job->plan.filters, job->tiles.high);
    const ptrdiff_t group = tile / tiles, top = tile % tiles * job->tiles.high;
    (void)worker;
    if (job->by_place) TP_NAME(tp_places_pack)(job, back, group, top);
    else if (back) TP_NAME(tp_rows_pack_back)(job, group, top);
    else TP_NAME(tp_rows_pack)(job, group, top);
}

/* The phases of the input's gradient; by place there is one. 0 if there is no memory. */
static int TP_NAME(tp_conv_make_phases)(TP_NAME(tp_conv_job) *job) {
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t high = job->tiles.high, outputs = p->groups * tp_ceil_div(p->channels, high) * high;
    const ptrdiff_t rows = p->filters * p->taps; /* of all phases together */
    job->phase = calloc((size_t)p->phases, sizeof *job->phase);
    job->packed = tp_imported_memory->take((size_t)(outputs * rows + 1) * sizeof *job->packed);
    if (job->phase == NULL || job->packed == NULL) return 0;
    job->phase->packed = job->packed;
    if (job->by_place) return 1;
    ptrdiff_t *element = job->offsets = malloc((size_t)(p->taps + rows + 1) * sizeof *element);
    if (element == NULL) return 0;
    ptrdiff_t *offset = element + p->taps;
    TP_REAL *packed = job->packed;
    for (ptrdiff_t phase = 0; phase < p->phases; phase++) {
        TP_NAME(tp_conv_phase) *by = &job->phase[phase];
        by->packed = packed;
        by->element = element;
        by->offset = offset;
        TP_NAME(tp_rows_meet)(p, by, phase);
        element += by->taps;
        offset += by->rows;
        packed += outputs * by->rows;
    }
    return 1;
}

/* The plan for so many threads, whose number the weights' gradient must not know. 0 if there is no memory. */
static int TP_NAME(tp_conv_prepare)(TP_NAME(tp_conv_job) *job, int threads) {
    tp_conv_plan *p = &job->plan;
    const int known = job->gw == NULL ? threads : 1;
    if (!tp_conv_make_plan(p, known)) return 0;
    const ptrdiff_t high = job->tiles.high, rows = p->channels * p->taps;
    job->by_place = tp_places_pay(p);
    if (job->by_place) {
        if (!tp_conv_make_places(&job->places, p, high, known)) return 0;
        const tp_conv_places *s = &job->places;
        job->block = s->room;
        job->x_size = job->x ? p->channels * s->x_step : 0;
        job->g_size = job->g ? p->filters * s->g_step : 0;
        job->scratch_size = job->x_size + job->g_size + high * tp_most(s->in, s->out) * s->pitch + TP_CONV_SLACK;
    } else {
        job->block = p->together;
        job->x_size = job->x ? p->channels * p->phases * p->row : 0;
        job->g_size = job->gw ? p->filters * p->places : 0;
        job->back_size = job->gx ? p->filters * p->g_row : 0;
        job->scratch_size = job->x_size + job->g_size + job->back_size + high * p->places;
    }
    job->blocks = tp_ceil_div(p->samples, job->block);
    const ptrdiff_t places = p->samples * p->v.out * p->h.out;
    job->segments = 1;
    if (job->gw)
        job->segments = tp_most(1, tp_least(tp_least(TP_CONV_SEGMENTS, job->blocks), places / TP_CONV_SEGMENT));
    const ptrdiff_t tiles = p->groups * tp_ceil_div(job->y ? p->filters : p->channels, high);
    job->splits = threads == 1 ? 1 : tp_most(1, tp_least(tp_ceil_div(4 * threads, job->blocks), tiles));
    job->rooms = calloc((size_t)threads, sizeof *job->rooms);
    job->scratch = tp_imported_memory->take((size_t)(threads * job->scratch_size) * sizeof *job->scratch);
    if (job->rooms == NULL || job->scratch == NULL) return 0;
    if (job->gx != NULL && !TP_NAME(tp_conv_make_phases)(job)) return 0;
    if (job->y != NULL) {
        job->packed = tp_imported_memory->take((size_t)(tiles * high * rows + 1) * sizeof *job->packed);
        if (job->packed == NULL) return 0;
    }
    if (job->y != NULL || job->gx != NULL) tp_parallel_for(TP_NAME(tp_conv_chunk_pack), job, tiles, threads);
    return 1;
}

static void TP_NAME(tp_conv_release)(TP_NAME(tp_conv_job) *job) {
    tp_conv_free(&job->plan);
    free(job->places.memory);
    free(job->rooms);
    free(job->phase);
    free(job->offsets);
    tp_imported_memory->give(job->packed);
    tp_imported_memory->give(job->scratch);
}

/* y = convolution of x with w, plus b (or NULL), and 0 where that is less if `rectified`. 0 if there is no memory. */
static int TP_NAME(tp_conv)(tp_conv_plan plan, TP_REAL *y, const TP_REAL *x, const TP_REAL *w, const TP_REAL *b,
                            int rectified) {
    TP_NAME(tp_conv_job) job = {.plan = plan, .tiles = TP_NAME(tp_conv_choose)(), .x = x, .w = w, .b = b, .y = y,
                                .rectified = rectified};
    const int threads = tp_threads_for(tp_conv_nanoseconds(&plan));
    const int done = TP_NAME(tp_conv_prepare)(&job, threads);
    if (done) tp_parallel_for(TP_NAME(tp_conv_chunk_y), &job, job.blocks * job.splits, threads);
    TP_NAME(tp_conv_release)(&job);
    return done;
}

/* The bias' gradient alone: sums over images and places of g, where the mask is above 0. */
static TP_SIMD void TP_NAME(tp_conv_sum_g)(double *gb, const TP_REAL *g, const TP_REAL *mask, ptrdiff_t samples,
                                           ptrdiff_t filters, ptrdiff_t places) {
    for (ptrdiff_t n = 0; n < samples; n++)
        for (ptrdiff_t o = 0; o < filters; o++, g += places) {
            double total;
            if (mask == NULL) {
                TP_SUM(TP_REAL, total, i, places, g[i]);
            } else {
                TP_SUM(TP_REAL, total, i, places, mask[i] > 0 ? g[i] : 0);
                mask += places;
            }
            gb[o] += total;
        }
}

/* The sums of the segments, in order, with the taps where they belong; the other elements of the window are 0. */
static TP_SIMD void TP_NAME(tp_conv_sum_gw)(const TP_NAME(tp_conv_job) *job, TP_REAL *TP_RESTRICT gw) {
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t size = job->gw_size, window = p->v.kernel * p->h.kernel;
    TP_REAL *TP_RESTRICT sum = job->gw;
    for (ptrdiff_t segment = 1; segment < job->segments; segment++)
        for (ptrdiff_t i = 0; i < size; i++) sum[i] += job->gw[segment * size + i];
    if (p->taps == window) {
        memcpy(gw, sum, (size_t)size * sizeof *gw);
        return;
    }
    memset(gw, 0, (size_t)(p->groups * p->filters * p->channels * window) * sizeof *gw);
    for (ptrdiff_t plane = p->groups * p->filters * p->channels; plane > 0; plane--, gw += window)
        for (ptrdiff_t t = 0; t < p->taps; t++) gw[p->element[t]] = *sum++;
}

/* Cuts up gw so that each thread has some of it: by groups, by filters, by channels. */
static void TP_NAME(tp_conv_cut)(TP_NAME(tp_conv_job) *job, int threads) {
    const tp_conv_plan *p = &job->plan;
    job->group_parts = tp_least(p->groups, threads);
    job->filter_parts = tp_least(tp_ceil_div(threads, job->group_parts), tp_ceil_div(p->filters, job->tiles.tall));
    job->channel_parts = tp_least(tp_ceil_div(threads, job->group_parts * job->filter_parts), p->channels);
}

/* The gradients, once job->gw and job->gb have their zeros. */
static void TP_NAME(tp_conv_run_grad)(TP_NAME(tp_conv_job) *job, int threads) {
    if (threads == 1 || job->segments >= 2 * threads) {
        tp_parallel_for(TP_NAME(tp_conv_chunk_both), job, job->segments, threads);
        return;
    }
    TP_NAME(tp_conv_cut)(job, threads);
    const ptrdiff_t parts = job->group_parts * job->filter_parts * job->channel_parts;
    tp_parallel_for(TP_NAME(tp_conv_chunk_part), job,
                    (job->gw ? job->segments * parts : 0) + (job->gx ? job->blocks * job->splits : 0), threads);
}

/* The gradients of tp_conv for g where the mask (its result; or NULL) is above 0; each of gx, gw, gb may be NULL. 0 if
 * there is no memory. */
static int TP_NAME(tp_conv_grad)(tp_conv_plan plan, TP_REAL *gx, TP_REAL *gw, TP_REAL *gb, const TP_REAL *g,
                                 const TP_REAL *mask, const TP_REAL *x, const TP_REAL *w) {
    const ptrdiff_t filters = plan.groups * plan.filters;
    double *sums = gb ? calloc((size_t)(TP_CONV_SEGMENTS * filters), sizeof *sums) : NULL;
    TP_NAME(tp_conv_job) job = {.plan = plan, .tiles = TP_NAME(tp_conv_choose)(), .x = gw ? x : NULL, .w = w, .g = g,
                                .mask = mask, .gx = gx, .gw = gw, .gb = sums, .gb_size = filters, .segments = 1};
    int done = gb == NULL || sums != NULL;
    if (done && gw == NULL && gb != NULL)
        TP_NAME(tp_conv_sum_g)(sums, g, mask, plan.samples, filters, plan.v.out * plan.h.out);
    if (done && (gx != NULL || gw != NULL)) {
        const int threads = tp_threads_for((gx && gw ? 2 : 1) * tp_conv_nanoseconds(&plan));
        done = TP_NAME(tp_conv_prepare)(&job, threads);
        job.gw = NULL;
        if (done && gw != NULL) {
            job.gw_size = filters * plan.channels * job.plan.taps;
            const size_t bytes = (size_t)(job.segments * job.gw_size + 1) * sizeof *gw;
            job.gw = tp_imported_memory->take(bytes);
            done = job.gw != NULL;
            if (done) memset(job.gw, 0, bytes);
        }
        if (done) TP_NAME(tp_conv_run_grad)(&job, threads);
        if (done && gw != NULL) TP_NAME(tp_conv_sum_gw)(&job, gw);
        tp_imported_memory->give(job.gw);
        TP_NAME(tp_conv_release)(&job);
    }
    for (ptrdiff_t o = 0; done && gb != NULL && o < filters; o++) {
        for (ptrdiff_t segment = 1; segment < job.segments; segment++) sums[o] += sums[segment * filters + o];
        gb[o] = (TP_REAL)sums[o];
    }
    free(sums);
    return done;
}
