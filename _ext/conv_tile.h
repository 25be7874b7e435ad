/* The two products of convolution, register tile by register tile. Included once for each type and width.
 *
 * Both read rows of numbers at given offsets, x[offset[r] + i]: a window's element, for all places i at once, is the
 * same row of pixels read from another start, so that no matrix of windows is ever built.
 *
 * TP_REAL, TP_BYTES (of a vector), TP_HIGH x 3 (accumulators of the first product), TP_TALL x TP_LONG (of the
 * second) and TP_TILE_NAME are set by conv.h.
 */
#define TP_LANE ((ptrdiff_t)(TP_BYTES / sizeof(TP_REAL)))

typedef TP_REAL TP_TILE_NAME(tp_vector) __attribute__((vector_size(TP_BYTES)));
typedef TP_REAL TP_TILE_NAME(tp_loose) __attribute__((vector_size(TP_BYTES), aligned(sizeof(TP_REAL)), may_alias));

/* y[h][i] = sum over r of w[r][h] * x[offset[r] + i] for TP_HIGH rows h and `wide` vectors of places i */
TP_INLINE void TP_TILE_NAME(tp_conv_tile)(TP_REAL *y, ptrdiff_t pitch, const TP_REAL *w, const TP_REAL *x,
                                          const ptrdiff_t *offset, ptrdiff_t rows, const int wide) {
    TP_TILE_NAME(tp_vector) sum[TP_HIGH][3];
    for (int h = 0; h < TP_HIGH; h++)
        for (int j = 0; j < wide; j++) sum[h][j] = (TP_TILE_NAME(tp_vector)){0};
    for (ptrdiff_t r = 0; r < rows; r++, w += TP_HIGH) {
        const TP_REAL *at = x + offset[r];
        TP_TILE_NAME(tp_vector) v[3];
#pragma GCC unroll 3
        for (int j = 0; j < wide; j++) v[j] = *(const TP_TILE_NAME(tp_loose) *)(at + j * TP_LANE);
#pragma GCC unroll 8
        for (int h = 0; h < TP_HIGH; h++)
#pragma GCC unroll 3
            for (int j = 0; j < wide; j++) sum[h][j] += v[j] * w[h];
    }
    for (int h = 0; h < TP_HIGH; h++)
        for (int j = 0; j < wide; j++)
            *(TP_TILE_NAME(tp_loose) *)(y + h * pitch + j * TP_LANE) = sum[h][j];
}

/* The same for n places, rounded up to whole vectors. */
static TP_SIMD void TP_TILE_NAME(tp_conv_rows)(TP_REAL *y, ptrdiff_t pitch, const TP_REAL *w, const TP_REAL *x,
                                               const ptrdiff_t *offset, ptrdiff_t rows, ptrdiff_t n) {
    ptrdiff_t i = 0;
    for (; n - i > 2 * TP_LANE; i += 3 * TP_LANE)
        TP_TILE_NAME(tp_conv_tile)(y + i, pitch, w, x + i, offset, rows, 3);
    if (n - i > TP_LANE)
        TP_TILE_NAME(tp_conv_tile)(y + i, pitch, w, x + i, offset, rows, 2);
    else if (n > i)
        TP_TILE_NAME(tp_conv_tile)(y + i, pitch, w, x + i, offset, rows, 1);
}

/* total[t][r] += sum over i < n of g[t][i] * x[offset[r] + i]. What g holds behind n is 0, to a whole vector. */
static TP_SIMD void TP_TILE_NAME(tp_conv_dots)(TP_REAL *total, const TP_REAL *g, ptrdiff_t pitch, ptrdiff_t height,
                                               const TP_REAL *x, const ptrdiff_t *offset, ptrdiff_t rows,
                                               ptrdiff_t n) {
    for (ptrdiff_t top = 0; top < height; top += TP_TALL)
        for (ptrdiff_t left = 0; left < rows; left += TP_LONG) {
            const TP_REAL *gs[TP_TALL], *xs[TP_LONG]; /* over the edge: the last one again */
            for (int t = 0; t < TP_TALL; t++) gs[t] = g + (top + t < height ? top + t : height - 1) * pitch;
            for (int r = 0; r < TP_LONG; r++) xs[r] = x + offset[left + r < rows ? left + r : rows - 1];
            TP_TILE_NAME(tp_vector) sum[TP_TALL][TP_LONG];
            for (int t = 0; t < TP_TALL; t++)
                for (int r = 0; r < TP_LONG; r++) sum[t][r] = (TP_TILE_NAME(tp_vector)){0};
            for (ptrdiff_t i = 0; i < n; i += TP_LANE) {
                TP_TILE_NAME(tp_vector) v[TP_TALL];
#pragma GCC unroll 4
                for (int t = 0; t < TP_TALL; t++) v[t] = *(const TP_TILE_NAME(tp_loose) *)(gs[t] + i);
#pragma GCC unroll 6
                for (int r = 0; r < TP_LONG; r++) {
                    const TP_TILE_NAME(tp_vector) u = *(const TP_TILE_NAME(tp_loose) *)(xs[r] + i);
#pragma GCC unroll 4
                    for (int t = 0; t < TP_TALL; t++) sum[t][r] += v[t] * u;
                }
            }
            for (int t = 0; t < TP_TALL && top + t < height; t++)
                for (int r = 0; r < TP_LONG && left + r < rows; r++) {
                    TP_REAL lane[16] = {0}; /* folded by constant steps, which stay in registers */
                    memcpy(lane, &sum[t][r], sizeof sum[t][r]);
                    for (int l = 0; l < 8; l++) lane[l] += lane[l + 8];
                    for (int l = 0; l < 4; l++) lane[l] += lane[l + 4];
                    lane[0] = (lane[0] + lane[2]) + (lane[1] + lane[3]);
                    total[(top + t) * rows + left + r] += lane[0];
                }
        }
}

#undef TP_LANE
