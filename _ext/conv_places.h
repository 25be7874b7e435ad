/* Convolution place by place, with many images side by side: for planes so small that rows of pixels would be mostly
 * padding, or would cost more to bring together than to multiply. Included once for each type: TP_REAL, TP_NAME.
 *
 * The numbers of one channel at one place, of all images of a block, lie one behind the other; a window's element at a
 * place is such a row, and what falls into the padding is never multiplied. Links (conv_links.h) say which elements a
 * place meets.
 */

/* rows[k][n] = images[n][k] for k < numbers; rows are `pitch` apart, images `step`. Behind the last image come zeros up
 * to `room`. With a mask that lies like the images, numbers count where it is above 0. */
TP_INLINE void TP_NAME(tp_places_gather)(TP_REAL *rows, ptrdiff_t pitch, const TP_REAL *images, const TP_REAL *mask,
                                         ptrdiff_t step, ptrdiff_t numbers, ptrdiff_t count, ptrdiff_t room) {
#define TP_ONE(m, k) (mask == NULL || mask[(m) * step + (k)] > 0 ? images[(m) * step + (k)] : 0)
    ptrdiff_t n = 0;
    for (; n + 16 <= count; n += 16) { /* whole cache lines of the rows */
        ptrdiff_t k = 0;
        for (; k + 4 <= numbers; k += 4)
            for (ptrdiff_t m = n; m < n + 16; m += 4) {
                TP_REAL *to = rows + k * pitch + m;
                const ptrdiff_t at = m * step + k;
                if (mask == NULL) TP_NAME(tp_turn)(to, pitch, images + at, step);
                else TP_NAME(tp_turn_passed)(to, pitch, images + at, mask + at, step);
            }
        for (; k < numbers; k++)
            for (ptrdiff_t m = n; m < n + 16; m++) rows[k * pitch + m] = TP_ONE(m, k);
    }
    for (ptrdiff_t k = 0; k < numbers && n < room; k++) {
        for (ptrdiff_t m = n; m < count; m++) rows[k * pitch + m] = TP_ONE(m, k);
        memset(rows + k * pitch + tp_most(n, count), 0, (size_t)(room - tp_most(n, count)) * sizeof *rows);
    }
#undef TP_ONE
}

/* The same for `channels` of `places` numbers each, whose rows start `row` apart. */
static void TP_NAME(tp_places_gather_all)(TP_REAL *rows, ptrdiff_t row, ptrdiff_t pitch, const TP_REAL *images,
                                          const TP_REAL *mask, ptrdiff_t step, ptrdiff_t channels, ptrdiff_t places,
                                          ptrdiff_t count, ptrdiff_t room) {
    if (row == places * pitch) places *= channels, channels = 1;
    for (ptrdiff_t c = 0; c < channels; c++) {
        const ptrdiff_t at = c * places;
        if (mask == NULL)
            TP_NAME(tp_places_gather)(rows + c * row, pitch, images + at, NULL, step, places, count, room);
        else
            TP_NAME(tp_places_gather)(rows + c * row, pitch, images + at, mask + at, step, places, count, room);
    }
}

/* The way back: images[n][k] = rows[k][n]. */
static void TP_NAME(tp_places_scatter)(TP_REAL *images, ptrdiff_t step, const TP_REAL *rows, ptrdiff_t pitch,
                                       ptrdiff_t numbers, ptrdiff_t count) {
    ptrdiff_t n = 0;
    for (; n + 16 <= count; n += 16) {
        ptrdiff_t k = 0;
        for (; k + 4 <= numbers; k += 4)
            for (ptrdiff_t m = n; m < n + 16; m += 4)
                TP_NAME(tp_turn)(images + m * step + k, step, rows + k * pitch + m, pitch);
        for (; k < numbers; k++)
            for (ptrdiff_t m = n; m < n + 16; m++) images[m * step + k] = rows[k * pitch + m];
    }
    for (; n < count; n++)
        for (ptrdiff_t k = 0; k < numbers; k++) images[n * step + k] = rows[k * pitch + n];
}

static void TP_NAME(tp_places_x)(const TP_NAME(tp_conv_job) *job, TP_REAL *rows, ptrdiff_t n, ptrdiff_t count,
                                 ptrdiff_t group, ptrdiff_t first, ptrdiff_t last) {
    const tp_conv_plan *p = &job->plan;
    const tp_conv_places *s = &job->places;
    const ptrdiff_t channels = p->groups * p->channels, at = n * channels + group * p->channels + first;
    TP_NAME(tp_places_gather_all)(rows + first * s->x_step, s->x_step, s->pitch, job->x + at * s->in, NULL,
                                  channels * s->in, last - first, s->in, count, s->room);
}

static void TP_NAME(tp_places_g)(const TP_NAME(tp_conv_job) *job, TP_REAL *rows, ptrdiff_t n, ptrdiff_t count,
                                 ptrdiff_t group, ptrdiff_t first, ptrdiff_t last) {
    const tp_conv_plan *p = &job->plan;
    const tp_conv_places *s = &job->places;
    const ptrdiff_t filters = p->groups * p->filters, at = (n * filters + group * p->filters + first) * s->out;
    TP_NAME(tp_places_gather_all)(rows + first * s->g_step, s->g_step, s->pitch, job->g + at,
                                  job->mask == NULL ? NULL : job->mask + at, filters * s->out, last - first, s->out,
                                  count, s->room);
}

/* A tile of results at all their places: forwards from x to y, or (back) from g to gx, from `top` on. */
static void TP_NAME(tp_places_product)(const TP_NAME(tp_conv_job) *job, const TP_NAME(tp_conv_room) *room, int back,
                                       ptrdiff_t n, ptrdiff_t count, ptrdiff_t group, ptrdiff_t top) {
    const tp_conv_plan *p = &job->plan;
    const tp_conv_places *s = &job->places;
    const ptrdiff_t high = job->tiles.high, outputs = back ? p->channels : p->filters;
    const ptrdiff_t inputs = back ? p->filters : p->channels, sites = back ? s->in : s->out;
    const tp_conv_links *links = back ? &s->of_in : &s->of_out;
    const TP_REAL *w = (back ? job->phase->packed : job->packed) +
                       (group * tp_ceil_div(outputs, high) * high + top) * p->taps * inputs;
    TP_REAL *to = (back ? job->gx : job->y) + ((n * p->groups + group) * outputs + top) * sites;
    TP_REAL some[8];
    const TP_REAL *bias = TP_NAME(tp_conv_bias)(some, back || !job->b ? NULL : job->b + group * outputs + top,
                                                outputs - top, high);
    for (ptrdiff_t i = 0; i < sites; i++)
        job->tiles.rows(room->tile + i * s->pitch, sites * s->pitch, bias, w, back ? room->back : room->x,
                        back ? s->g_offset : s->x_offset, inputs, links->link + links->start[i],
                        links->start[i + 1] - links->start[i], back ? 0 : job->rectified, count);
    TP_NAME(tp_places_scatter)(to, p->groups * outputs * sites, room->tile, s->pitch,
                               tp_least(high, outputs - top) * sites, count);
}

/* The sum over all places and images of one filter. */
static TP_SIMD double TP_NAME(tp_places_sum)(const TP_REAL *g, ptrdiff_t places, ptrdiff_t pitch, ptrdiff_t room) {
    TP_REAL lane[TP_CONV_VECTOR] = {0};
    double total = 0;
    for (ptrdiff_t i = 0; i < places; i++, g += pitch)
        for (ptrdiff_t m = 0; m < room; m += TP_CONV_VECTOR)
            for (int l = 0; l < TP_CONV_VECTOR; l++) lane[l] += g[m + l];
    for (int l = 0; l < TP_CONV_VECTOR; l++) total += lane[l];
    return total;
}

/* gw += gradients * inputs, tile by tile, which stays in the first cache while all taps pass by, and gb += sums of the
 * gradients, for some filters and channels of one group. */
static void TP_NAME(tp_places_gw)(const TP_NAME(tp_conv_job) *job, const TP_NAME(tp_conv_room) *room,
                                  ptrdiff_t segment, ptrdiff_t count, ptrdiff_t group, const ptrdiff_t filter[2],
                                  const ptrdiff_t channel[2]) {
    const tp_conv_plan *p = &job->plan;
    const tp_conv_places *s = &job->places;
    const ptrdiff_t rows = p->channels * p->taps, tall = job->tiles.tall, wide = job->tiles.wide;
    TP_REAL *gw = job->gw + segment * job->gw_size;
    for (ptrdiff_t o = filter[0]; o < filter[1]; o += tall)
        for (ptrdiff_t c = channel[0]; c < channel[1]; c += wide)
            for (ptrdiff_t t = 0; t < p->taps; t++)
                job->tiles.dots(gw + (group * p->filters + o) * rows + c * p->taps + t, rows, p->taps,
                                room->g + o * s->g_step, s->g_step, tp_least(tall, filter[1] - o),
                                room->x + c * s->x_step, s->x_offset, tp_least(wide, channel[1] - c),
                                s->of_tap.link + s->of_tap.start[t], s->of_tap.start[t + 1] - s->of_tap.start[t],
                                count);
    if (job->gb == NULL || channel[0] > 0) return;
    for (ptrdiff_t o = filter[0]; o < filter[1]; o++)
        job->gb[segment * job->gb_size + group * p->filters + o] +=
            TP_NAME(tp_places_sum)(room->g + o * s->g_step, s->out, s->pitch, s->room);
}

/* The weights of one tile as the products read them: (tap, input, output in the tile), 0 over the edge. */
static void TP_NAME(tp_places_pack)(const TP_NAME(tp_conv_job) *job, int back, ptrdiff_t group, ptrdiff_t top) {
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t window = p->v.kernel * p->h.kernel, row = p->channels * window, high = job->tiles.high;
    const ptrdiff_t outputs = back ? p->channels : p->filters, inputs = back ? p->filters : p->channels;
    const ptrdiff_t down = back ? window : row, across = back ? row : window, tiles = tp_ceil_div(outputs, high);
    const TP_REAL *from = job->w + group * p->filters * row + top * down;
    TP_REAL *to = (back ? job->phase->packed : job->packed) + (group * tiles * high + top) * p->taps * inputs;
    for (ptrdiff_t i = 0; i < inputs; i++, to += high, from += across)
        TP_NAME(tp_conv_pack_block)(to, inputs, from, down, p->element, p->taps, tp_least(high, outputs - top), high,
                                    p->taps == window);
}
