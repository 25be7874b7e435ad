/* Convolution in flat rows of pixels (conv_plan.h). Included once for each type: TP_REAL, TP_NAME. */

/* Rows of `wide` pixels each, in pieces of one size, the last of which goes over what is done already. Short rows are
 * the rule, and there a call, or what a vector loop leaves over, costs more than the pixels. */
#define TP_CONV_PIECES(size)                                                                       \
    for (ptrdiff_t i = 0; i < rows; i++, to += to_row, from += from_row)                           \
        for (ptrdiff_t j = 0; j < wide; j += (size)) {                                             \
            const ptrdiff_t at = j + (size) <= wide ? j : wide - (size);                           \
            memcpy(to + at, from + at, (size) * sizeof(TP_REAL));                                  \
        }

/* `to` and `from` step through memory one by one. */
TP_INLINE void TP_NAME(tp_conv_copy)(TP_REAL *to, ptrdiff_t to_row, const TP_REAL *from, ptrdiff_t from_row,
                                     ptrdiff_t rows, ptrdiff_t wide) {
    if (to_row == wide && from_row == wide) {
        memcpy(to, from, (size_t)(rows * wide) * sizeof(TP_REAL));
    } else if (wide >= 16) {
        TP_CONV_PIECES(16)
    } else if (wide >= 8) {
        TP_CONV_PIECES(8)
    } else if (wide >= 4) {
        TP_CONV_PIECES(4)
    } else {
        for (ptrdiff_t i = 0; i < rows; i++, to += to_row, from += from_row)
            for (ptrdiff_t j = 0; j < wide; j++) to[j] = from[j];
    }
}
#undef TP_CONV_PIECES

/* The same with any distance from pixel to pixel. */
TP_INLINE void TP_NAME(tp_conv_move)(TP_REAL *to, ptrdiff_t to_row, ptrdiff_t to_step, const TP_REAL *from,
                                     ptrdiff_t from_row, ptrdiff_t from_step, ptrdiff_t rows, ptrdiff_t wide) {
    if (to_step == 1 && from_step == 1) {
        TP_NAME(tp_conv_copy)(to, to_row, from, from_row, rows, wide);
        return;
    }
    for (ptrdiff_t i = 0; i < rows; i++, to += to_row, from += from_row)
        for (ptrdiff_t j = 0; j < wide; j++) to[j * to_step] = from[j * from_step];
}

/* The pixels of some channels of one block of images and one group, phase by phase, into the flat rows. */
static TP_SIMD void TP_NAME(tp_rows_x)(const TP_NAME(tp_conv_job) *job, TP_REAL *rows, ptrdiff_t n, ptrdiff_t count,
                                       ptrdiff_t group, ptrdiff_t first, ptrdiff_t last) {
    const tp_conv_plan *p = &job->plan;
    const tp_conv_axis *v = &p->v, *h = &p->h;
    for (ptrdiff_t c = first; c < last; c++)
        for (ptrdiff_t a = 0; a < v->stride; a++)
            for (ptrdiff_t b = 0; b < h->stride; b++) {
                TP_REAL *row = rows + (c * p->phases + a * h->stride + b) * p->row + p->lead;
                const ptrdiff_t top = tp_most(tp_from(v, a), v->first), left = tp_most(tp_from(h, b), h->first);
                const ptrdiff_t high = tp_least(tp_upto(v, a), v->first + v->stored - 1) - top + 1;
                const ptrdiff_t wide = tp_least(tp_upto(h, b), h->first + h->stored - 1) - left + 1;
                if (high <= 0 || wide <= 0) continue;
                for (ptrdiff_t k = 0; k < count; k++) {
                    const ptrdiff_t plane = ((n + k) * p->groups + group) * p->channels + c;
                    const TP_REAL *from = job->x + (plane * v->in + top * v->stride + a - v->pad) * h->in +
                                          left * h->stride + b - h->pad;
                    TP_REAL *to = row + k * p->plane + (top - v->first) * h->pitch + left - h->first;
                    TP_NAME(tp_conv_move)(to, h->pitch, 1, from, v->stride * h->in, h->stride, high, wide);
                }
                if (count < p->together)
                    memset(row + count * p->plane, 0, (size_t)((p->together - count) * p->plane) * sizeof(TP_REAL));
            }
}

/* Rows of `wide` numbers, 0 where those of the mask are not above it. */
TP_INLINE void TP_NAME(tp_conv_pass)(TP_REAL *TP_RESTRICT to, ptrdiff_t to_row, const TP_REAL *TP_RESTRICT from,
                                     const TP_REAL *TP_RESTRICT mask, ptrdiff_t rows, ptrdiff_t wide) {
    for (ptrdiff_t i = 0; i < rows; i++, to += to_row, from += wide, mask += wide) {
        ptrdiff_t j = 0;
        for (; wide >= 4 && j < wide; j += 4) {
            const ptrdiff_t at = j + 4 <= wide ? j : wide - 4;
            *(TP_NAME(tp_four_loose) *)(to + at) = TP_PASSED(from + at, mask + at);
        }
        for (; j < wide; j++) to[j] = mask[j] > 0 ? from[j] : 0;
    }
}

/* The gradients of some filters of one block of images and one group, into rows of the layout of the forward's results
 * or (back) of the one that the input's gradient reads. */
static TP_SIMD void TP_NAME(tp_rows_g)(const TP_NAME(tp_conv_job) *job, TP_REAL *rows, ptrdiff_t n, ptrdiff_t count,
                                       ptrdiff_t group, ptrdiff_t first, ptrdiff_t last, int back) {
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t places = p->v.out * p->h.out, plane = back ? p->g_plane : p->plane;
    const ptrdiff_t row = back ? p->g_row : p->places, pitch = back ? p->h.g_pitch : p->h.pitch;
    for (ptrdiff_t o = first; o < last; o++) {
        TP_REAL *to = rows + o * row + (back ? p->g_lead : 0);
        for (ptrdiff_t k = 0; k < count; k++, to += plane) {
            const ptrdiff_t from = (((n + k) * p->groups + group) * p->filters + o) * places;
            if (job->mask == NULL)
                TP_NAME(tp_conv_copy)(to, pitch, job->g + from, p->h.out, p->v.out, p->h.out);
            else
                TP_NAME(tp_conv_pass)(to, pitch, job->g + from, job->mask + from, p->v.out, p->h.out);
        }
        if (count < p->together) memset(to, 0, (size_t)((p->together - count) * plane) * sizeof(TP_REAL));
    }
}

/* A tile of results, from its rows to where they belong. */
static TP_SIMD void TP_NAME(tp_rows_put)(TP_REAL *to, ptrdiff_t plane, ptrdiff_t image, ptrdiff_t to_row,
                                         ptrdiff_t to_step, const TP_REAL *from, ptrdiff_t pitch, ptrdiff_t from_plane,
                                         ptrdiff_t from_row, ptrdiff_t some, ptrdiff_t count, ptrdiff_t high,
                                         ptrdiff_t wide) {
    for (ptrdiff_t o = 0; o < some; o++)
        for (ptrdiff_t k = 0; k < count; k++)
            TP_NAME(tp_conv_move)(to + o * plane + k * image, to_row, to_step, from + o * pitch + k * from_plane,
                                  from_row, 1, high, wide);
}

/* y = bias + weights * windows, for the filters from `top` on */
static void TP_NAME(tp_rows_y)(const TP_NAME(tp_conv_job) *job, const TP_NAME(tp_conv_room) *room, ptrdiff_t n,
                               ptrdiff_t count, ptrdiff_t group, ptrdiff_t top) {
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t high = job->tiles.high, rows = p->channels * p->taps, places = p->v.out * p->h.out;
    const ptrdiff_t length = (count - 1) * p->plane + (p->v.out - 1) * p->h.pitch + p->h.out;
    const ptrdiff_t first = group * p->filters + top, filters = p->groups * p->filters;
    const TP_REAL *w = job->packed + (group * tp_ceil_div(p->filters, high) * high + top) * rows;
    TP_REAL some[8];
    const TP_REAL *bias = TP_NAME(tp_conv_bias)(some, job->b ? job->b + first : NULL, p->filters - top, high);
    job->tiles.rows(room->tile, p->places, bias, w, room->x, p->offset, rows, &tp_conv_here, 1, job->rectified, length);
    TP_NAME(tp_rows_put)(job->y + (n * filters + first) * places, places, filters * places, p->h.out, 1, room->tile,
                         p->places, p->plane, p->h.pitch, tp_least(high, p->filters - top), count, p->v.out, p->h.out);
}

/* gx = transposed weights * gradients around each pixel, phase by phase, for the channels from `top` on */
static void TP_NAME(tp_rows_gx)(const TP_NAME(tp_conv_job) *job, const TP_NAME(tp_conv_room) *room, ptrdiff_t n,
                                ptrdiff_t count, ptrdiff_t group, ptrdiff_t top) {
    const tp_conv_plan *p = &job->plan;
    const tp_conv_axis *v = &p->v, *h = &p->h;
    const ptrdiff_t high = job->tiles.high, size = v->in * h->in, channels = p->groups * p->channels;
    TP_REAL *gx = job->gx + (n * channels + group * p->channels + top) * size;
    for (ptrdiff_t phase = 0; phase < p->phases; phase++) {
        const TP_NAME(tp_conv_phase) *by = &job->phase[phase];
        const ptrdiff_t a = phase / h->stride, b = phase % h->stride;
        const ptrdiff_t above = tp_from(v, a), left = tp_from(h, b);
        const ptrdiff_t tall = tp_upto(v, a) - above + 1, wide = tp_upto(h, b) - left + 1;
        if (tall <= 0 || wide <= 0) continue;
        const ptrdiff_t length = (count - 1) * p->g_plane + (tall - 1) * h->g_pitch + wide;
        const TP_REAL *w = by->packed + (group * tp_ceil_div(p->channels, high) * high + top) * by->rows;
        job->tiles.rows(room->tile, p->places, TP_NAME(tp_conv_no_bias), w, room->back, by->offset, by->rows,
                        &tp_conv_here, 1, 0, length);
        TP_NAME(tp_rows_put)(gx + (above * v->stride + a - v->pad) * h->in + left * h->stride + b - h->pad, size,
                             channels * size, v->stride * h->in, h->stride, room->tile, p->places, p->g_plane,
                             h->g_pitch, tp_least(high, p->channels - top), count, tall, wide);
    }
}

static TP_SIMD void TP_NAME(tp_rows_gb)(double *gb, const TP_REAL *g, ptrdiff_t pitch, ptrdiff_t filters,
                                        ptrdiff_t length) {
    for (ptrdiff_t o = 0; o < filters; o++, g += pitch) {
        double total;
        TP_SUM(TP_REAL, total, i, length, g[i]);
        gb[o] += total;
    }
}

/* gw += gradients * windows, and gb += sums of the gradients, for some filters and channels of one group */
static void TP_NAME(tp_rows_gw)(const TP_NAME(tp_conv_job) *job, const TP_NAME(tp_conv_room) *room, ptrdiff_t segment,
                                ptrdiff_t count, ptrdiff_t group, const ptrdiff_t filter[2],
                                const ptrdiff_t channel[2]) {
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t rows = p->channels * p->taps, some = filter[1] - filter[0];
    const ptrdiff_t length = (count - 1) * p->plane + (p->v.out - 1) * p->h.pitch + p->h.out;
    const ptrdiff_t first = group * p->filters + filter[0], at = channel[0] * p->taps;
    const TP_REAL *g = room->g + filter[0] * p->places;
    job->tiles.dots(job->gw + segment * job->gw_size + first * rows + at, rows, 1, g, p->places, some, room->x,
                    p->offset + at, (channel[1] - channel[0]) * p->taps, &tp_conv_here, 1, length);
    if (job->gb != NULL && channel[0] == 0)
        TP_NAME(tp_rows_gb)(job->gb + segment * job->gb_size + first, g, p->places, some, length);
}

/* The forward's weights of one tile: (channel, tap, filter in the tile), 0 over the edge. */
static void TP_NAME(tp_rows_pack)(const TP_NAME(tp_conv_job) *job, ptrdiff_t group, ptrdiff_t top) {
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t window = p->v.kernel * p->h.kernel, row = p->channels * window, high = job->tiles.high;
    const ptrdiff_t rows = p->channels * p->taps, some = tp_least(high, p->filters - top);
    const TP_REAL *from = job->w + (group * p->filters + top) * row;
    TP_REAL *to = job->packed + (group * tp_ceil_div(p->filters, high) * high + top) * rows;
    if (p->taps == window)
        TP_NAME(tp_conv_pack_block)(to, 1, from, row, NULL, row, some, high, 1);
    else
        for (ptrdiff_t c = 0; c < p->channels; c++, to += p->taps * high, from += window)
            TP_NAME(tp_conv_pack_block)(to, 1, from, row, p->element, p->taps, some, high, 0);
}

/* What the input's gradient meets in one phase: where, and which of the window's elements. */
static void TP_NAME(tp_rows_meet)(const tp_conv_plan *p, TP_NAME(tp_conv_phase) *by, ptrdiff_t phase) {
    const tp_conv_axis *v = &p->v, *h = &p->h;
    const ptrdiff_t a = phase / h->stride, b = phase % h->stride;
    by->taps = 0;
    for (ptrdiff_t t = 0; t < p->taps; t++) {
        const ptrdiff_t k = p->element[t] / h->kernel, l = p->element[t] % h->kernel;
        if (tp_rest(v, k) != a || tp_rest(h, l) != b) continue;
        by->offset[by->taps] =
            p->g_lead + (tp_from(v, a) - tp_shift(v, k)) * h->g_pitch + tp_from(h, b) - tp_shift(h, l);
        by->element[by->taps++] = p->element[t];
    }
    by->rows = p->filters * by->taps;
    for (ptrdiff_t i = by->taps; i < by->rows; i++) by->offset[i] = by->offset[i - by->taps] + p->g_row;
}

/* Its weights of one tile, in all phases: (filter, tap, channel in the tile), 0 over the edge. */
static void TP_NAME(tp_rows_pack_back)(const TP_NAME(tp_conv_job) *job, ptrdiff_t group, ptrdiff_t top) {
    const tp_conv_plan *p = &job->plan;
    const ptrdiff_t window = p->v.kernel * p->h.kernel, high = job->tiles.high;
    for (ptrdiff_t phase = 0; phase < p->phases; phase++) {
        const TP_NAME(tp_conv_phase) *by = &job->phase[phase];
        TP_REAL *to = by->packed + (group * tp_ceil_div(p->channels, high) * high + top) * by->rows;
        for (ptrdiff_t o = 0; o < p->filters; o++, to += by->taps * high)
            TP_NAME(tp_conv_pack_block)(to, 1, job->w + ((group * p->filters + o) * p->channels + top) * window, window,
                                        by->element, by->taps, tp_least(high, p->channels - top), high,
                                        by->taps == window);
    }
}
