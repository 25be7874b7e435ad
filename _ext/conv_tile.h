/* The two products of convolution, register tile by register tile. Included once for each type and width.
 *
 * Both read rows of numbers at given offsets, x[offset[r] + i]: a window's element, for all places i at once, is the
 * same row of pixels read from another start, so that no matrix of windows is ever built. Where the rows of several
 * starts belong to one sum, links say which: from where in x, and from where in the other operand.
 *
 * TP_REAL, TP_BYTES (of a vector), TP_HIGH x 3 (accumulators of the first product), TP_TALL x TP_LONG (of the
 * second) and TP_TILE_NAME are set by conv.h.
 */
#define TP_LANE ((ptrdiff_t)(TP_BYTES / sizeof(TP_REAL)))

typedef TP_REAL TP_TILE_NAME(tp_vector) __attribute__((vector_size(TP_BYTES)));
typedef TP_REAL TP_TILE_NAME(tp_loose) __attribute__((vector_size(TP_BYTES), aligned(sizeof(TP_REAL)), may_alias));
typedef TP_INTEGER TP_TILE_NAME(tp_lanes) __attribute__((vector_size(TP_BYTES)));

/* y[h][i] = bias[h] + sum over links l and rows r of w[l.w + r * TP_HIGH + h] * x[l.x + offset[r] + i], for TP_HIGH
 * rows h and `wide` vectors of places i; 0 where that is less and `rectified` */
TP_INLINE void TP_TILE_NAME(tp_conv_tile)(TP_REAL *y, ptrdiff_t pitch, const TP_REAL *bias, const TP_REAL *w,
                                          const TP_REAL *x, const ptrdiff_t *offset, ptrdiff_t rows,
                                          const tp_conv_link *link, ptrdiff_t links, int rectified, const int wide) {
    TP_TILE_NAME(tp_vector) sum[TP_HIGH][3];
    for (int h = 0; h < TP_HIGH; h++)
        for (int j = 0; j < wide; j++) sum[h][j] = (TP_TILE_NAME(tp_vector)){0} + bias[h];
    for (ptrdiff_t l = 0; l < links; l++) {
        const TP_REAL *start = x + link[l].x, *by = w + link[l].w;
        for (ptrdiff_t r = 0; r < rows; r++, by += TP_HIGH) {
            const TP_REAL *at = start + offset[r];
            TP_TILE_NAME(tp_vector) v[3];
#pragma GCC unroll 3
            for (int j = 0; j < wide; j++) v[j] = *(const TP_TILE_NAME(tp_loose) *)(at + j * TP_LANE);
#pragma GCC unroll 8
            for (int h = 0; h < TP_HIGH; h++)
#pragma GCC unroll 3
                for (int j = 0; j < wide; j++) sum[h][j] += v[j] * by[h];
        }
    }
    if (rectified) /* NaN stays */
        for (int h = 0; h < TP_HIGH; h++)
            for (int j = 0; j < wide; j++)
                sum[h][j] = (TP_TILE_NAME(tp_vector))((TP_TILE_NAME(tp_lanes))sum[h][j] &
                                                      ~(TP_TILE_NAME(tp_lanes))(sum[h][j] < 0));
    for (int h = 0; h < TP_HIGH; h++)
        for (int j = 0; j < wide; j++)
            *(TP_TILE_NAME(tp_loose) *)(y + h * pitch + j * TP_LANE) = sum[h][j];
}

/* The same for n places, rounded up to whole vectors. */
static TP_SIMD void TP_TILE_NAME(tp_conv_rows)(TP_REAL *y, ptrdiff_t pitch, const TP_REAL *bias, const TP_REAL *w,
                                               const TP_REAL *x, const ptrdiff_t *offset, ptrdiff_t rows,
                                               const tp_conv_link *link, ptrdiff_t links, int rectified,
                                               ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; n - i > 2 * TP_LANE; i += 3 * TP_LANE)
        TP_TILE_NAME(tp_conv_tile)(y + i, pitch, bias, w, x + i, offset, rows, link, links, rectified, 3);
    if (n - i > TP_LANE)
        TP_TILE_NAME(tp_conv_tile)(y + i, pitch, bias, w, x + i, offset, rows, link, links, rectified, 2);
    else if (n > i)
        TP_TILE_NAME(tp_conv_tile)(y + i, pitch, bias, w, x + i, offset, rows, link, links, rectified, 1);
}

/* From where the lanes of two vectors a and b come that are added up in pairs: a[l] + a[l + step], or b's where l has
 * the bit `step`. Constants, as some processors shuffle by these only. */
#define TP_LOW(l, step) (((l) & (step) ? TP_LANE + (l) - (step) : (l)) % (2 * TP_LANE))
#define TP_HIGHER(l, step) (((l) & (step) ? TP_LANE + (l) : (l) + (step)) % (2 * TP_LANE))
#define TP_HALVE(a, b, step)                                                    \
    (TP_SHUFFLE(TP_TILE_NAME(tp_lanes), a, b, TP_LANES_OF(TP_LOW, step)) +      \
     TP_SHUFFLE(TP_TILE_NAME(tp_lanes), a, b, TP_LANES_OF(TP_HIGHER, step)))

/* The first n vectors of `sum` in pairs that share one vector, if a vector has more lanes than `step`. */
#define TP_FOLD_STEP(sum, n, step)                                                                       \
    if (TP_LANE > (step))                                                                                \
        _Pragma("GCC unroll 12") for (int k = 0; k < (n); k += 2) (sum)[k / 2] =                         \
            TP_HALVE((sum)[k], (sum)[k + 1 < (n) ? k + 1 : k], step)

/* total[t * down + r * across] += sum over links l and i < n of g[l.w + t * pitch + i] * x[l.x + offset[r] + i].
 * Behind n, to a whole vector, g holds zeros. */
static TP_SIMD void TP_TILE_NAME(tp_conv_dots)(TP_REAL *total, ptrdiff_t down, ptrdiff_t across, const TP_REAL *g,
                                               ptrdiff_t pitch, ptrdiff_t height, const TP_REAL *x,
                                               const ptrdiff_t *offset, ptrdiff_t rows, const tp_conv_link *link,
                                               ptrdiff_t links, ptrdiff_t n) {
    for (ptrdiff_t top = 0; top < height; top += TP_TALL)
        for (ptrdiff_t left = 0; left < rows; left += TP_LONG) {
            const TP_REAL *gs[TP_TALL], *xs[TP_LONG]; /* over the edge: the last one again */
            for (int t = 0; t < TP_TALL; t++) gs[t] = g + (top + t < height ? top + t : height - 1) * pitch;
            for (int r = 0; r < TP_LONG; r++) xs[r] = x + offset[left + r < rows ? left + r : rows - 1];
            TP_TILE_NAME(tp_vector) sum[TP_TALL * TP_LONG];
            for (int k = 0; k < TP_TALL * TP_LONG; k++) sum[k] = (TP_TILE_NAME(tp_vector)){0};
            for (ptrdiff_t l = 0; l < links; l++)
                for (ptrdiff_t i = 0; i < n; i += TP_LANE) {
                    TP_TILE_NAME(tp_vector) v[TP_TALL];
#pragma GCC unroll 4
                    for (int t = 0; t < TP_TALL; t++)
                        v[t] = *(const TP_TILE_NAME(tp_loose) *)(gs[t] + link[l].w + i);
#pragma GCC unroll 6
                    for (int r = 0; r < TP_LONG; r++) {
                        const TP_TILE_NAME(tp_vector) u = *(const TP_TILE_NAME(tp_loose) *)(xs[r] + link[l].x + i);
#pragma GCC unroll 4
                        for (int t = 0; t < TP_TALL; t++) sum[t * TP_LONG + r] += v[t] * u;
                    }
                }
            enum { ALL = TP_TALL * TP_LONG, HALF = (ALL + 1) / 2, FOURTH = (HALF + 1) / 2, EIGHTH = (FOURTH + 1) / 2 };
            TP_FOLD_STEP(sum, ALL, 1); /* at the end lane k of it all is the sum over sum[k] */
            TP_FOLD_STEP(sum, HALF, 2);
            TP_FOLD_STEP(sum, FOURTH, 4);
            TP_FOLD_STEP(sum, EIGHTH, 8);
            TP_REAL folded[TP_TALL * TP_LONG + 16];
            for (int k = 0; k * TP_LANE < ALL; k++) *(TP_TILE_NAME(tp_loose) *)(folded + k * TP_LANE) = sum[k];
            for (int t = 0; t < TP_TALL && top + t < height; t++)
                for (int r = 0; r < TP_LONG && left + r < rows; r++)
                    total[(top + t) * down + (left + r) * across] += folded[t * TP_LONG + r];
        }
}

#undef TP_LANE
#undef TP_LOW
#undef TP_HIGHER
#undef TP_HALVE
#undef TP_FOLD_STEP
