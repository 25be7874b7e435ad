/* Where convolution finds its numbers: geometry, without touching any.
 *
 * Several images lie one behind the other in one flat row of pixels for each channel, with zeros between. The element
 * (p, q) of the windows, at all places of all images, is then that row read from another start. The zeros
 * behind a row of an image are those in front of the next one, and an image shares them with the next image. With a
 * stride s the pixels whose (padded) coordinates leave the rest (a, b) by s have a row of their own, a phase.
 *
 * Of an axis with `in` elements: padded coordinate u = s * a + rest, element i is at u = i + pad; place j of the window
 * reads u = j * s + k * dilation for its element k, so a = j + (k * dilation) / s, in the phase (k * dilation) % s.
 */
#ifndef TP_CONV_PLAN_H
#define TP_CONV_PLAN_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

typedef struct {
    ptrdiff_t in, out, kernel, stride, pad, dilation;
    ptrdiff_t *tap, taps;                /* the elements of the window that ever meet the input */
    ptrdiff_t first, stored, lead, pitch; /* the input: its first a, how many, zeros in front, from row to row */
    ptrdiff_t g_lead, g_pitch;           /* the output's gradient, stored from place 0 on */
} tp_conv_axis;

static inline ptrdiff_t tp_ceil_div(ptrdiff_t a, ptrdiff_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }
static inline ptrdiff_t tp_floor_div(ptrdiff_t a, ptrdiff_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }
static inline ptrdiff_t tp_most(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }
static inline ptrdiff_t tp_least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

/* The phase and the shift of an element of the window. */
static inline ptrdiff_t tp_rest(const tp_conv_axis *x, ptrdiff_t k) { return k * x->dilation % x->stride; }
static inline ptrdiff_t tp_shift(const tp_conv_axis *x, ptrdiff_t k) { return k * x->dilation / x->stride; }

/* The first and last a of a phase that hold an element of the input. */
static inline ptrdiff_t tp_from(const tp_conv_axis *x, ptrdiff_t rest) {
    return tp_ceil_div(x->pad - rest, x->stride);
}
static inline ptrdiff_t tp_upto(const tp_conv_axis *x, ptrdiff_t rest) {
    return tp_floor_div(x->pad + x->in - 1 - rest, x->stride);
}

/* Fills in what follows from sizes, stride, pad and dilation; `tap` has room for the kernel. */
static void tp_conv_axis_plan(tp_conv_axis *x) {
    ptrdiff_t last = 0, low = 0, high = 0, after = 0, g_after = 0, widest = 0;
    x->taps = x->first = x->g_lead = 0;
    for (ptrdiff_t k = 0; k < x->kernel; k++) {
        const ptrdiff_t from = tp_most(tp_ceil_div(x->pad - k * x->dilation, x->stride), 0);
        const ptrdiff_t upto = tp_floor_div(x->in - 1 + x->pad - k * x->dilation, x->stride);
        if (from > tp_least(upto, x->out - 1)) continue;
        const ptrdiff_t rest = tp_rest(x, k), shift = tp_shift(x, k), some = x->taps > 0;
        x->first = some ? tp_least(x->first, tp_from(x, rest)) : tp_from(x, rest);
        last = some ? tp_most(last, tp_upto(x, rest)) : tp_upto(x, rest);
        low = some ? tp_least(low, shift) : shift;
        high = some ? tp_most(high, shift) : shift;
        x->g_lead = tp_most(x->g_lead, shift - tp_from(x, rest));
        g_after = tp_most(g_after, tp_upto(x, rest) - shift - (x->out - 1));
        x->tap[x->taps++] = k;
    }
    for (ptrdiff_t rest = 0; rest < x->stride; rest++)
        widest = tp_most(widest, tp_upto(x, rest) - tp_from(x, rest) + 1);
    x->stored = x->taps ? last - x->first + 1 : 1;
    x->lead = tp_most(x->first - low, 0);
    after = tp_most(x->out + high - x->first - x->stored, 0);
    x->pitch = tp_most(x->stored + tp_most(x->lead, after), x->out);
    x->g_pitch = tp_most(x->out + tp_most(x->g_lead, g_after), widest);
}

/* What a sum reads together: from where in x, and from where in the weights or the gradients. */
typedef struct {
    ptrdiff_t x, w;
} tp_conv_link;

static const tp_conv_link tp_conv_here = {0, 0}; /* where the rows' own offsets say all */

typedef struct {
    ptrdiff_t samples, channels, filters, groups; /* channels and filters of one group */
    tp_conv_axis v, h;                            /* vertical, horizontal */
    ptrdiff_t taps, phases;
    ptrdiff_t together;                           /* images in one flat row */
    ptrdiff_t places;              /* room for a flat row of results */
    ptrdiff_t plane, lead, row;    /* the input: from image to image, zeros in front, from channel to channel */
    ptrdiff_t g_plane, g_lead, g_row;
    ptrdiff_t *offset;             /* of (channel, tap), where its row of pixels starts */
    ptrdiff_t *element;            /* of each tap: its place in the window */
} tp_conv_plan;

enum {
    TP_CONV_PLACES = 1024,      /* about as many places in a flat row: sums over places are then long enough */
    TP_CONV_CACHE = 1 << 16,    /* but no more numbers of all channels, which should stay in the second cache */
    TP_CONV_SLACK = 48,         /* what a tile may read and write behind the end */
    TP_CONV_VECTOR = 16,        /* numbers in the longest vector */
    TP_CONV_SEGMENTS = 8,       /* of the images for the weights' gradient, at most */
    TP_CONV_SEGMENT = 512,      /* places in one at least: less would cost more to add up than to multiply */
};

static inline ptrdiff_t tp_conv_together(const tp_conv_plan *p, ptrdiff_t plane, ptrdiff_t threads) {
    const ptrdiff_t numbers = (p->channels * p->phases + p->filters) * plane;
    const ptrdiff_t most = tp_least(TP_CONV_PLACES / plane, TP_CONV_CACHE / numbers);
    return tp_most(1, tp_least(most, tp_ceil_div(p->samples, threads)));
}

/* The length of a row with so many numbers and the slack: whole vectors. */
static inline ptrdiff_t tp_conv_row(ptrdiff_t numbers) {
    return (numbers + TP_CONV_SLACK + TP_CONV_VECTOR - 1) / TP_CONV_VECTOR * TP_CONV_VECTOR;
}

static void tp_conv_free(tp_conv_plan *p) {
    free(p->v.tap);
    free(p->h.tap);
    free(p->offset);
    free(p->element);
}

/* 0 if there is no memory. */
static int tp_conv_make_plan(tp_conv_plan *p, ptrdiff_t threads) {
    p->offset = p->element = NULL;
    p->v.tap = malloc((size_t)p->v.kernel * sizeof *p->v.tap);
    p->h.tap = malloc((size_t)p->h.kernel * sizeof *p->h.tap);
    if (p->v.tap == NULL || p->h.tap == NULL) return 0;
    tp_conv_axis_plan(&p->v);
    tp_conv_axis_plan(&p->h);
    p->taps = p->v.taps * p->h.taps;
    p->phases = p->v.stride * p->h.stride;
    p->plane = p->v.pitch * p->h.pitch;
    p->g_plane = p->v.g_pitch * p->h.g_pitch;
    p->together = tp_conv_together(p, tp_most(p->plane, p->g_plane), threads);
    p->lead = p->v.lead * p->h.pitch + p->h.lead;
    p->g_lead = p->v.g_lead * p->h.g_pitch + p->h.g_lead;
    /* What a window reads behind an image is in that image's plane. */
    p->row = tp_conv_row(p->lead + p->together * p->plane);
    p->g_row = tp_conv_row(p->g_lead + p->together * p->g_plane);
    p->places = tp_conv_row(p->together * tp_most(p->plane, p->g_plane));
    p->offset = malloc((size_t)(p->channels * p->taps + 1) * sizeof *p->offset);
    p->element = malloc((size_t)(p->taps + 1) * sizeof *p->element);
    if (p->offset == NULL || p->element == NULL) return 0;
    ptrdiff_t *at = p->offset, *element = p->element;
    for (ptrdiff_t i = 0; i < p->v.taps; i++)
        for (ptrdiff_t j = 0; j < p->h.taps; j++) *element++ = p->v.tap[i] * p->h.kernel + p->h.tap[j];
    for (ptrdiff_t c = 0; c < p->channels; c++)
        for (ptrdiff_t i = 0; i < p->v.taps; i++)
            for (ptrdiff_t j = 0; j < p->h.taps; j++) {
                const ptrdiff_t k = p->v.tap[i], l = p->h.tap[j];
                const ptrdiff_t phase = tp_rest(&p->v, k) * p->h.stride + tp_rest(&p->h, l);
                *at++ = (c * p->phases + phase) * p->row + p->lead +
                        (tp_shift(&p->v, k) - p->v.first) * p->h.pitch + tp_shift(&p->h, l) - p->h.first;
            }
    return 1;
}

#endif
