/* Which places of an input meet which places of an output, for convolution place by place (conv_places.h). */
#ifndef TP_CONV_LINKS_H
#define TP_CONV_LINKS_H

#include "conv_plan.h"

/* Links in parts: part i goes from start[i] to start[i + 1]. */
typedef struct {
    ptrdiff_t *start;
    tp_conv_link *link;
} tp_conv_links;

typedef struct {
    ptrdiff_t in, out;          /* places of the input and the output */
    ptrdiff_t room;             /* images side by side, a multiple of TP_CONV_VECTOR */
    ptrdiff_t pitch;            /* from place to place */
    ptrdiff_t x_step, g_step;   /* from channel to channel, from filter to filter */
    ptrdiff_t *x_offset, *g_offset;    /* the same as lists */
    tp_conv_links of_out, of_in, of_tap; /* by places of the output, of the input, by taps */
    void *memory;
} tp_conv_places;

/* Measured with AVX-512 and AVX2: planes of 14 x 14 and 3 x 3 windows (0.79) are as fast either way. */
#define TP_PLACES_GAIN 0.75

enum { TP_PLACES_CACHE = 1 << 17 }; /* numbers of all channels and filters at all places: half of a second cache */

/* What the window's element k at place j of an axis meets; -1: padding. */
static inline ptrdiff_t tp_met(const tp_conv_axis *a, ptrdiff_t j, ptrdiff_t k) {
    const ptrdiff_t i = j * a->stride + k * a->dilation - a->pad;
    return i >= 0 && i < a->in ? i : -1;
}

/* How many links there are: (sum over places and taps along one axis) x (along the other). */
static inline ptrdiff_t tp_conv_meetings(const tp_conv_axis *a) {
    ptrdiff_t count = 0;
    for (ptrdiff_t t = 0; t < a->taps; t++)
        for (ptrdiff_t j = 0; j < a->out; j++) count += tp_met(a, j, a->tap[t]) >= 0;
    return count;
}

/* Whether so many fewer multiplications than in padded rows are worth the turning of all images. */
static inline int tp_places_pay(const tp_conv_plan *p) {
    const double rows = (double)tp_most(p->plane, p->g_plane) * (double)p->taps;
    const double met = (double)tp_conv_meetings(&p->v) * (double)tp_conv_meetings(&p->h);
    const double filled = (double)p->samples / (double)tp_ceil_div(p->samples, TP_CONV_VECTOR) / TP_CONV_VECTOR;
    const int few = p->h.in < 4 || p->h.out < 4; /* pixels in a row: to move them costs more than to multiply them */
    return p->samples >= TP_CONV_VECTOR / 2 && (few || met < TP_PLACES_GAIN * filled * rows);
}

/* Adds a link to part i, from the back: start[i] counts down from the part's end. */
static inline void tp_conv_add_link(tp_conv_links *all, ptrdiff_t i, ptrdiff_t x, ptrdiff_t w) {
    all->link[--all->start[i]] = (tp_conv_link){x, w};
}

static void tp_conv_fill_links(const tp_conv_plan *p, tp_conv_places *s, ptrdiff_t high, int adding) {
    for (ptrdiff_t t = p->taps - 1; t >= 0; t--)
        for (ptrdiff_t o = s->out - 1; o >= 0; o--) {
            const ptrdiff_t row = tp_met(&p->v, o / p->h.out, p->element[t] / p->h.kernel);
            const ptrdiff_t column = tp_met(&p->h, o % p->h.out, p->element[t] % p->h.kernel);
            if (row < 0 || column < 0) continue;
            const ptrdiff_t i = row * p->h.in + column;
            if (adding) {
                tp_conv_add_link(&s->of_out, o, i * s->pitch, t * p->channels * high);
                tp_conv_add_link(&s->of_in, i, o * s->pitch, t * p->filters * high);
                tp_conv_add_link(&s->of_tap, t, i * s->pitch, o * s->pitch);
            } else {
                s->of_out.start[o]++, s->of_in.start[i]++, s->of_tap.start[t]++;
            }
        }
}

/* From counts to the ends of the parts; what is added then moves them to the starts. */
static inline void tp_conv_ends(ptrdiff_t *start, ptrdiff_t parts) {
    for (ptrdiff_t i = 1; i < parts; i++) start[i] += start[i - 1];
    start[parts] = parts > 0 ? start[parts - 1] : 0;
}

static inline ptrdiff_t tp_conv_step(ptrdiff_t places, ptrdiff_t pitch) {
    /* Rows of all channels at the same distance of 4 KB would share a few lines of the first cache. */
    return places * pitch + (places % 8 == 0 ? TP_CONV_VECTOR : 0);
}

/* 0 if there is no memory. `high` outputs share a tile. */
static int tp_conv_make_places(tp_conv_places *s, const tp_conv_plan *p, ptrdiff_t high, ptrdiff_t threads) {
    s->in = p->v.in * p->h.in;
    s->out = p->v.out * p->h.out;
    const ptrdiff_t numbers = p->channels * s->in + p->filters * s->out;
    const ptrdiff_t most = tp_most(TP_PLACES_CACHE / numbers / TP_CONV_VECTOR, 1) * TP_CONV_VECTOR;
    const ptrdiff_t chunks = threads * tp_ceil_div(p->samples, threads * most);
    s->room = tp_ceil_div(tp_ceil_div(p->samples, chunks), TP_CONV_VECTOR) * TP_CONV_VECTOR;
    s->pitch = (s->room / TP_CONV_VECTOR | 1) * TP_CONV_VECTOR;
    s->x_step = tp_conv_step(s->in, s->pitch);
    s->g_step = tp_conv_step(s->out, s->pitch);
    const ptrdiff_t links = tp_conv_meetings(&p->v) * tp_conv_meetings(&p->h);
    const ptrdiff_t starts = s->in + s->out + p->taps + 3;
    s->memory = calloc((size_t)(3 * links) * sizeof(tp_conv_link) +
                           (size_t)(starts + p->channels + p->filters) * sizeof(ptrdiff_t), 1);
    if (s->memory == NULL) return 0;
    s->of_out.link = s->memory;
    s->of_in.link = s->of_out.link + links;
    s->of_tap.link = s->of_in.link + links;
    s->of_out.start = (ptrdiff_t *)(s->of_tap.link + links);
    s->of_in.start = s->of_out.start + s->out + 1;
    s->of_tap.start = s->of_in.start + s->in + 1;
    s->x_offset = s->of_tap.start + p->taps + 1;
    s->g_offset = s->x_offset + p->channels;
    for (ptrdiff_t c = 0; c < p->channels; c++) s->x_offset[c] = c * s->x_step;
    for (ptrdiff_t o = 0; o < p->filters; o++) s->g_offset[o] = o * s->g_step;
    tp_conv_fill_links(p, s, high, 0);
    tp_conv_ends(s->of_out.start, s->out);
    tp_conv_ends(s->of_in.start, s->in);
    tp_conv_ends(s->of_tap.start, p->taps);
    tp_conv_fill_links(p, s, high, 1);
    return 1;
}

#endif
