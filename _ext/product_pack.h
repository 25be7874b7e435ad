/* Numbers moved to where the tiles of product_tile.h want them, for one type and one width of vectors. Included by
 * product.h, which sets REAL, BYTES, LANES, ROWS, SIMD (the attribute) and KIND (the suffix).
 */
typedef REAL KIND(tp_vec) __attribute__((vector_size(BYTES)));
typedef REAL KIND(tp_vec_loose) __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
typedef REAL KIND(tp_quad) __attribute__((vector_size(4 * sizeof(REAL))));
typedef REAL KIND(tp_quad_loose) __attribute__((vector_size(4 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));

/* to[j][i] = from[i][j] + base[j][i] for i, j < 4; base may be NULL */
TP_INLINE void KIND(tp_transpose_quads)(REAL *to, ptrdiff_t to_row, const REAL *from, ptrdiff_t from_row,
                                        const REAL *base, ptrdiff_t base_row) {
    const KIND(tp_quad) a = *(const KIND(tp_quad_loose) *)from, b = *(const KIND(tp_quad_loose) *)(from + from_row);
    const KIND(tp_quad) c = *(const KIND(tp_quad_loose) *)(from + 2 * from_row);
    const KIND(tp_quad) d = *(const KIND(tp_quad_loose) *)(from + 3 * from_row);
    const KIND(tp_quad) ab = TP_SHUFFLE(a, b, 0, 4, 1, 5), cd = TP_SHUFFLE(c, d, 0, 4, 1, 5);
    const KIND(tp_quad) AB = TP_SHUFFLE(a, b, 2, 6, 3, 7), CD = TP_SHUFFLE(c, d, 2, 6, 3, 7);
    KIND(tp_quad) y[4] = {TP_SHUFFLE(ab, cd, 0, 1, 4, 5), TP_SHUFFLE(ab, cd, 2, 3, 6, 7),
                          TP_SHUFFLE(AB, CD, 0, 1, 4, 5), TP_SHUFFLE(AB, CD, 2, 3, 6, 7)};
    if (base != NULL)
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) y[j] += *(const KIND(tp_quad_loose) *)(base + j * base_row);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) *(KIND(tp_quad_loose) *)(to + j * to_row) = y[j];
}

#if TP_EIGHTS
typedef REAL KIND(tp_eight) __attribute__((vector_size(8 * sizeof(REAL))));
typedef REAL KIND(tp_eight_loose) __attribute__((vector_size(8 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));

/* to[j][i] = from[i][j] for i, j < 8: half as many shuffles as four times four by four */
TP_INLINE void KIND(tp_transpose_eights)(REAL *to, ptrdiff_t to_row, const REAL *from, ptrdiff_t from_row) {
    KIND(tp_eight) x[8], y[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) x[i] = *(const KIND(tp_eight_loose) *)(from + i * from_row);
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        y[i] = TP_SHUFFLE(x[i], x[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        y[i + 1] = TP_SHUFFLE(x[i], x[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4)
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++) {
            x[i + 2 * j] = TP_SHUFFLE(y[i + j], y[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            x[i + 2 * j + 1] = TP_SHUFFLE(y[i + j], y[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        *(KIND(tp_eight_loose) *)(to + j * to_row) = TP_SHUFFLE(x[j], x[j + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(KIND(tp_eight_loose) *)(to + (j + 4) * to_row) = TP_SHUFFLE(x[j], x[j + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}
#endif

/* to[j][i] = from[i][j] + base[j][i] for i < rows, j < columns; base may be NULL. In strips that stay in the first
 * cache, since each line of `to` is visited several times. */
TP_INLINE void KIND(tp_transpose)(REAL *to, ptrdiff_t to_row, const REAL *from, ptrdiff_t from_row, const REAL *base,
                                  ptrdiff_t base_row, ptrdiff_t rows, ptrdiff_t columns) {
    const ptrdiff_t full_rows = rows / 4 * 4, full_columns = columns / 4 * 4, strip = 256 / sizeof(REAL);
    for (ptrdiff_t left = 0, right; left < full_columns; left = right) {
        ptrdiff_t i = 0;
        right = full_columns - left < strip ? full_columns : left + strip;
#if TP_EIGHTS
        for (; base == NULL && i + 8 <= rows && (right - left) % 8 == 0; i += 8)
            for (ptrdiff_t j = left; j < right; j += 8)
                KIND(tp_transpose_eights)(to + j * to_row + i, to_row, from + i * from_row + j, from_row);
#endif
        for (; i < full_rows; i += 4)
            for (ptrdiff_t j = left; j < right; j += 4)
                KIND(tp_transpose_quads)(to + j * to_row + i, to_row, from + i * from_row + j, from_row,
                                         base == NULL ? NULL : base + j * base_row + i, base_row);
    }
    for (ptrdiff_t j = 0; j < columns; j++)
        for (ptrdiff_t i = j < full_columns ? full_rows : 0; i < rows; i++)
            to[j * to_row + i] =
                base == NULL ? from[i * from_row + j] : from[i * from_row + j] + base[j * base_row + i];
}

/* n numbers, in whole vectors and then in halves of halves: no loop over single ones, no call */
TP_INLINE void KIND(tp_copy_some)(REAL *to, const REAL *from, ptrdiff_t n) {
    for (; n >= LANES; n -= LANES, to += LANES, from += LANES) memcpy(to, from, LANES * sizeof(REAL));
#pragma GCC unroll 4
    for (ptrdiff_t part = 8; part > 0; part /= 2)
        if (part < LANES && (n & part)) {
            memcpy(to, from, (size_t)part * sizeof(REAL));
            to += part;
            from += part;
        }
}

/* columns of b, at most a panel, as rows of `width` numbers with 0 behind the last column */
static SIMD void KIND(tp_pack_panel)(REAL *to, ptrdiff_t width, const REAL *b, ptrdiff_t b_row, ptrdiff_t b_column,
                                     ptrdiff_t depth, ptrdiff_t columns) {
    if (columns < width)
        for (ptrdiff_t k = 0; k < depth; k++)
            *(KIND(tp_vec_loose) *)(to + (k + 1) * width - LANES) = (KIND(tp_vec)){0};
    if (b_column == 1)
        for (ptrdiff_t k = 0; k < depth; k++) KIND(tp_copy_some)(to + k * width, b + k * b_row, columns);
    else if (b_row == 1)
        KIND(tp_transpose)(to, width, b, b_column, NULL, 0, columns, depth);
    else
        for (ptrdiff_t k = 0; k < depth; k++)
            for (ptrdiff_t j = 0; j < columns; j++) to[k * width + j] = b[k * b_row + j * b_column];
}

/* rows of a, ROWS side by side */
static SIMD void KIND(tp_pack_rows)(REAL *to, const REAL *a, ptrdiff_t a_row, ptrdiff_t a_column, ptrdiff_t rows,
                                    ptrdiff_t depth) {
    enum { TILES = 8 };
    const ptrdiff_t tile = ROWS * depth;
    /* Where columns are far apart, whole lines of one are read at once. */
    for (; a_row == 1 && rows >= TILES * ROWS; rows -= TILES * ROWS, a += TILES * ROWS, to += TILES * tile)
        for (ptrdiff_t k = 0; k < depth; k++)
#pragma GCC unroll 8
            for (int t = 0; t < TILES; t++)
                memcpy(to + t * tile + k * ROWS, a + k * a_column + t * ROWS, ROWS * sizeof(REAL));
    for (; rows > 0; rows -= ROWS, a += ROWS * a_row, to += tile) {
        const ptrdiff_t some = rows < ROWS ? rows : ROWS;
        if (a_row == 1 && some == ROWS)
            for (ptrdiff_t k = 0; k < depth; k++) memcpy(to + k * ROWS, a + k * a_column, ROWS * sizeof(REAL));
        else if (a_column == 1)
            KIND(tp_transpose)(to, ROWS, a, a_row, NULL, 0, some, depth);
        else
            for (ptrdiff_t k = 0; k < depth; k++)
                for (ptrdiff_t r = 0; r < some; r++) to[k * ROWS + r] = a[r * a_row + k * a_column];
    }
}
