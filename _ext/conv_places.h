/* Convolution place by place, with many images side by side: for planes so small that rows of pixels would be mostly
 * padding. Included once for each type: TP_REAL, TP_NAME; needs conv_kernels.h.
 *
 * The numbers of one channel at one place, of all images of a chunk, lie one behind the other; a window's element at a
 * place is such a row, and what falls into the padding is never multiplied. Links (conv_plan.h) say which elements a
 * place meets.
 */

typedef TP_REAL TP_NAME(tp_four) __attribute__((vector_size(4 * sizeof(TP_REAL))));
typedef TP_REAL TP_NAME(tp_four_loose) __attribute__((vector_size(4 * sizeof(TP_REAL)), aligned(sizeof(TP_REAL)),
                                                      may_alias));
typedef TP_INTEGER TP_NAME(tp_four_lanes) __attribute__((vector_size(4 * sizeof(TP_REAL))));

/* What all chunks of one call share. */
typedef struct {
    const tp_conv_plan *plan;
    const tp_conv_places *places;
    TP_NAME(tp_conv_tiles) tiles;
    const TP_REAL *x, *b, *g;
    TP_REAL *y, *gx;
    TP_REAL *w, *w_back;        /* packed: (group, tile of outputs, tap, input, output in the tile) */
    TP_REAL *gw;                /* of each worker, (O, C / groups, taps) */
    TP_REAL *scratch;           /* of each worker */
    ptrdiff_t gw_size, scratch_size;
} TP_NAME(tp_places_job);

/* The transpose of four rows of four numbers, to rows `to_step` apart. */
TP_INLINE void TP_NAME(tp_turn)(TP_REAL *const to[4], const TP_REAL *const from[4]) {
#define TP_FOUR(i) (*(const TP_NAME(tp_four_loose) *)from[i])
#define TP_MIX(a, b, ...) TP_SHUFFLE(TP_NAME(tp_four_lanes), a, b, __VA_ARGS__)
    const TP_NAME(tp_four) a = TP_FOUR(0), b = TP_FOUR(1), c = TP_FOUR(2), d = TP_FOUR(3);
    const TP_NAME(tp_four) ab = TP_MIX(a, b, 0, 4, 1, 5), cd = TP_MIX(c, d, 0, 4, 1, 5);
    const TP_NAME(tp_four) ab_high = TP_MIX(a, b, 2, 6, 3, 7), cd_high = TP_MIX(c, d, 2, 6, 3, 7);
    *(TP_NAME(tp_four_loose) *)to[0] = TP_MIX(ab, cd, 0, 1, 4, 5);
    *(TP_NAME(tp_four_loose) *)to[1] = TP_MIX(ab, cd, 2, 3, 6, 7);
    *(TP_NAME(tp_four_loose) *)to[2] = TP_MIX(ab_high, cd_high, 0, 1, 4, 5);
    *(TP_NAME(tp_four_loose) *)to[3] = TP_MIX(ab_high, cd_high, 2, 3, 6, 7);
#undef TP_FOUR
#undef TP_MIX
}

/* rows[k][n] = images[n][k] for k < numbers; rows are `pitch` apart, images `step`. Behind the last image come zeros up
 * to `room`. */
static void TP_NAME(tp_places_gather)(TP_REAL *rows, ptrdiff_t pitch, const TP_REAL *images, ptrdiff_t step,
                                      ptrdiff_t numbers, ptrdiff_t count, ptrdiff_t room) {
    ptrdiff_t n = 0;
    for (; n + 16 <= count; n += 16) { /* whole cache lines of the rows */
        ptrdiff_t k = 0;
        for (; k + 4 <= numbers; k += 4)
            for (ptrdiff_t m = n; m < n + 16; m += 4) {
                TP_REAL *at = rows + k * pitch + m;
                const TP_REAL *from = images + m * step + k;
                TP_NAME(tp_turn)((TP_REAL *[]){at, at + pitch, at + 2 * pitch, at + 3 * pitch},
                                 (const TP_REAL *[]){from, from + step, from + 2 * step, from + 3 * step});
            }
        for (; k < numbers; k++)
            for (ptrdiff_t m = n; m < n + 16; m++) rows[k * pitch + m] = images[m * step + k];
    }
    for (ptrdiff_t k = 0; k < numbers && n < room; k++) {
        for (ptrdiff_t m = n; m < count; m++) rows[k * pitch + m] = images[m * step + k];
        memset(rows + k * pitch + tp_most(n, count), 0, (size_t)(room - tp_most(n, count)) * sizeof *rows);
    }
}

/* The same for `channels` of `places` numbers each, whose rows start `row` apart. */
static void TP_NAME(tp_places_gather_all)(TP_REAL *rows, ptrdiff_t row, ptrdiff_t pitch, const TP_REAL *images,
                                          ptrdiff_t step, ptrdiff_t channels, ptrdiff_t places, ptrdiff_t count,
                                          ptrdiff_t room) {
    if (row == places * pitch) places *= channels, channels = 1;
    for (ptrdiff_t c = 0; c < channels; c++)
        TP_NAME(tp_places_gather)(rows + c * row, pitch, images + c * places, step, places, count, room);
}

/* The way back: images[n][k] = rows[k][n]. */
static void TP_NAME(tp_places_scatter)(TP_REAL *images, ptrdiff_t step, const TP_REAL *rows, ptrdiff_t pitch,
                                       ptrdiff_t numbers, ptrdiff_t count) {
    ptrdiff_t n = 0;
    for (; n + 16 <= count; n += 16) {
        ptrdiff_t k = 0;
        for (; k + 4 <= numbers; k += 4)
            for (ptrdiff_t m = n; m < n + 16; m += 4) {
                TP_REAL *at = images + m * step + k;
                const TP_REAL *from = rows + k * pitch + m;
                TP_NAME(tp_turn)((TP_REAL *[]){at, at + step, at + 2 * step, at + 3 * step},
                                 (const TP_REAL *[]){from, from + pitch, from + 2 * pitch, from + 3 * pitch});
            }
        for (; k < numbers; k++)
            for (ptrdiff_t m = n; m < n + 16; m++) images[m * step + k] = rows[k * pitch + m];
    }
    for (; n < count; n++)
        for (ptrdiff_t k = 0; k < numbers; k++) images[n * step + k] = rows[k * pitch + n];
}

/* All results at all their places of one group: forwards from x to y, backwards from g to gx. */
static void TP_NAME(tp_places_product)(const TP_NAME(tp_places_job) *job, int back, const TP_REAL *from, TP_REAL *tile,
                                       ptrdiff_t n, ptrdiff_t count, ptrdiff_t group) {
    const tp_conv_plan *p = job->plan;
    const tp_conv_places *s = job->places;
    const ptrdiff_t high = job->tiles.high, outputs = back ? p->channels : p->filters;
    const ptrdiff_t inputs = back ? p->filters : p->channels, sites = back ? s->in : s->out;
    const tp_conv_links *links = back ? &s->of_in : &s->of_out;
    const ptrdiff_t size = p->taps * inputs * high, step = p->groups * outputs * sites;
    const TP_REAL *w = (back ? job->w_back : job->w) + group * tp_ceil_div(outputs, high) * size;
    TP_REAL *to = (back ? job->gx : job->y) + n * step + group * outputs * sites;
    for (ptrdiff_t top = 0; top < outputs; top += high, w += size, to += high * sites) {
        const ptrdiff_t some = tp_least(high, outputs - top);
        const TP_REAL *b = back || job->b == NULL ? NULL : job->b + group * outputs + top;
        TP_REAL room[8];
        const TP_REAL *bias = TP_NAME(tp_conv_bias)(room, b, some, high);
        for (ptrdiff_t i = 0; i < sites; i++)
            job->tiles.rows(tile + i * s->pitch, sites * s->pitch, bias, w, from, back ? s->g_offset : s->x_offset,
                            inputs, links->link + links->start[i], links->start[i + 1] - links->start[i], count);
        TP_NAME(tp_places_scatter)(to, step, tile, s->pitch, some * sites, count);
    }
}

/* gw += gradients * inputs, tile by tile, which stays in the first cache while all taps pass by. */
static void TP_NAME(tp_places_weights)(const TP_NAME(tp_places_job) *job, TP_REAL *gw, const TP_REAL *g,
                                       const TP_REAL *x, ptrdiff_t count, ptrdiff_t group) {
    const tp_conv_plan *p = job->plan;
    const tp_conv_places *s = job->places;
    const ptrdiff_t rows = p->channels * p->taps, tall = job->tiles.tall, wide = job->tiles.wide;
    for (ptrdiff_t o = 0; o < p->filters; o += tall)
        for (ptrdiff_t c = 0; c < p->channels; c += wide)
            for (ptrdiff_t t = 0; t < p->taps; t++)
                job->tiles.dots(gw + (group * p->filters + o) * rows + c * p->taps + t, rows, p->taps,
                                g + o * s->g_step, s->g_step, tp_least(tall, p->filters - o), x + c * s->x_step,
                                s->x_offset, tp_least(wide, p->channels - c),
                                s->of_tap.link + s->of_tap.start[t],
                                s->of_tap.start[t + 1] - s->of_tap.start[t], count);
}

static void TP_NAME(tp_places_chunk)(void *shared, ptrdiff_t chunk, int worker) {
    const TP_NAME(tp_places_job) *job = shared;
    const tp_conv_plan *p = job->plan;
    const tp_conv_places *s = job->places;
    const ptrdiff_t n = chunk * s->room, count = tp_least(s->room, p->samples - n);
    const ptrdiff_t image = p->groups * p->channels * s->in, slope = p->groups * p->filters * s->out;
    TP_REAL *x = job->scratch + worker * job->scratch_size, *g = x + (job->x ? p->channels * s->x_step : 0);
    TP_REAL *tile = g + (job->g ? p->filters * s->g_step : 0);
    for (ptrdiff_t group = 0; group < p->groups; group++) {
        const ptrdiff_t channel = group * p->channels * s->in, filter = group * p->filters * s->out;
        if (job->x != NULL)
            TP_NAME(tp_places_gather_all)(x, s->x_step, s->pitch, job->x + n * image + channel, image, p->channels,
                                          s->in, count, s->room);
        if (job->g != NULL)
            TP_NAME(tp_places_gather_all)(g, s->g_step, s->pitch, job->g + n * slope + filter, slope, p->filters,
                                          s->out, count, s->room);
        if (job->y != NULL) TP_NAME(tp_places_product)(job, 0, x, tile, n, count, group);
        if (job->gx != NULL) TP_NAME(tp_places_product)(job, 1, g, tile, n, count, group);
        if (job->gw != NULL) TP_NAME(tp_places_weights)(job, job->gw + worker * job->gw_size, g, x, count, group);
    }
}

/* The weights as the products read them: (group, tile of outputs, tap, input, output in the tile), 0 over the edge. */
static void TP_NAME(tp_places_pack)(const tp_conv_plan *p, TP_REAL *to, const TP_REAL *w, ptrdiff_t high, int back) {
    const ptrdiff_t window = p->v.kernel * p->h.kernel, row = p->channels * window;
    const ptrdiff_t outputs = back ? p->channels : p->filters, inputs = back ? p->filters : p->channels;
    const ptrdiff_t down = back ? window : row, across = back ? row : window;
    for (ptrdiff_t group = 0; group < p->groups; group++, w += p->filters * row)
        for (ptrdiff_t top = 0; top < outputs; top += high, to += p->taps * inputs * high)
            for (ptrdiff_t o = 0; o < high; o++)
                for (ptrdiff_t t = 0; t < p->taps; t++) {
                    TP_REAL *at = to + t * inputs * high + o;
                    const TP_REAL *from = w + (top + o) * down + p->element[t];
                    for (ptrdiff_t i = 0; i < inputs; i++) at[i * high] = top + o < outputs ? from[i * across] : 0;
                }
}

static inline ptrdiff_t TP_NAME(tp_places_packed)(const tp_conv_plan *p, ptrdiff_t outputs, ptrdiff_t inputs,
                                                  ptrdiff_t high) {
    return p->groups * tp_ceil_div(outputs, high) * high * p->taps * inputs;
}

/* y, or gx and the sums gw of each of `threads` workers, whichever are not NULL. 0 if there is no memory. */
static int TP_NAME(tp_places_run)(const tp_conv_plan *p, TP_REAL *y, TP_REAL *gx, TP_REAL *gw, ptrdiff_t gw_size,
                                  const TP_REAL *x, const TP_REAL *w, const TP_REAL *b, const TP_REAL *g, int threads) {
    tp_conv_places places;
    TP_NAME(tp_places_job) job = {.plan = p, .places = &places, .tiles = TP_NAME(tp_conv_choose)(), .b = b, .y = y,
                                  .gx = gx, .gw = gw, .gw_size = gw_size, .x = y || gw ? x : NULL, .g = g};
    const ptrdiff_t high = job.tiles.high;
    if (!tp_conv_make_places(&places, p, high, threads)) return 0;
    const ptrdiff_t forth = y == NULL ? 0 : TP_NAME(tp_places_packed)(p, p->filters, p->channels, high);
    const ptrdiff_t back = gx == NULL ? 0 : TP_NAME(tp_places_packed)(p, p->channels, p->filters, high);
    const ptrdiff_t tile = high * tp_most(places.in, places.out) * places.pitch + TP_CONV_SLACK;
    job.scratch_size = tile + (job.x ? p->channels * places.x_step : 0) + (g ? p->filters * places.g_step : 0);
    TP_REAL *memory = tp_imported_memory->take((size_t)(forth + back + threads * job.scratch_size) * sizeof *memory);
    if (memory != NULL) {
        job.scratch = memory; /* first, as it starts where a cache line does */
        job.w = memory + threads * job.scratch_size;
        job.w_back = job.w + forth;
        if (y != NULL) TP_NAME(tp_places_pack)(p, job.w, w, high, 0);
        if (gx != NULL) TP_NAME(tp_places_pack)(p, job.w_back, w, high, 1);
        tp_parallel_for(TP_NAME(tp_places_chunk), &job, tp_ceil_div(p->samples, places.room), threads);
        tp_imported_memory->give(memory);
    }
    free(places.memory);
    return memory != NULL;
}
