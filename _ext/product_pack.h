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

#if LANES > 4 && TP_SHUFFLES_ANY
#define TP_WIDE_BLOCKS 1
#else
#define TP_WIDE_BLOCKS 0
#endif

#if TP_WIDE_BLOCKS
/* Four numbers of each of LANES / 4 rows, every fourth one, side by side */
TP_INLINE void KIND(tp_gather)(KIND(tp_vec) *to, const REAL *from, ptrdiff_t from_row) {
    const KIND(tp_quad) a = *(const KIND(tp_quad_loose) *)from;
    const KIND(tp_quad) b = *(const KIND(tp_quad_loose) *)(from + 4 * from_row);
#if LANES == 8
    *to = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
#else
    typedef REAL eight __attribute__((vector_size(8 * sizeof(REAL))));
    const KIND(tp_quad) c = *(const KIND(tp_quad_loose) *)(from + 8 * from_row);
    const KIND(tp_quad) d = *(const KIND(tp_quad_loose) *)(from + 12 * from_row);
    const eight ab = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7);
    const eight cd = __builtin_shufflevector(c, d, 0, 1, 2, 3, 4, 5, 6, 7);
    *to = __builtin_shufflevector(ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#endif
}

/* TP_SHUFFLE in each group of four */
#define TP_PLACE(i, group) ((i) % 4 + 4 * (group) + (i) / 4 * LANES)
#define TP_FOUR(i, j, k, l, group) TP_PLACE(i, group), TP_PLACE(j, group), TP_PLACE(k, group), TP_PLACE(l, group)
#if LANES == 8
#define TP_SHUFFLE_FOURS(a, b, i, j, k, l) \
    __builtin_shufflevector(a, b, TP_FOUR(i, j, k, l, 0), TP_FOUR(i, j, k, l, 1))
#else
#define TP_SHUFFLE_FOURS(a, b, i, j, k, l)                                                                     \
    __builtin_shufflevector(a, b, TP_FOUR(i, j, k, l, 0), TP_FOUR(i, j, k, l, 1), TP_FOUR(i, j, k, l, 2),       \
                            TP_FOUR(i, j, k, l, 3))
#endif

/* to[j][i] = from[i][j] for i < LANES, j < 4 */
TP_INLINE void KIND(tp_transpose_block)(REAL *to, ptrdiff_t to_row, const REAL *from, ptrdiff_t from_row) {
    KIND(tp_vec) a, b, c, d;
    KIND(tp_gather)(&a, from, from_row);
    KIND(tp_gather)(&b, from + from_row, from_row);
    KIND(tp_gather)(&c, from + 2 * from_row, from_row);
    KIND(tp_gather)(&d, from + 3 * from_row, from_row);
    const KIND(tp_vec) ab = TP_SHUFFLE_FOURS(a, b, 0, 4, 1, 5), cd = TP_SHUFFLE_FOURS(c, d, 0, 4, 1, 5);
    const KIND(tp_vec) AB = TP_SHUFFLE_FOURS(a, b, 2, 6, 3, 7), CD = TP_SHUFFLE_FOURS(c, d, 2, 6, 3, 7);
    *(KIND(tp_vec_loose) *)to = TP_SHUFFLE_FOURS(ab, cd, 0, 1, 4, 5);
    *(KIND(tp_vec_loose) *)(to + to_row) = TP_SHUFFLE_FOURS(ab, cd, 2, 3, 6, 7);
    *(KIND(tp_vec_loose) *)(to + 2 * to_row) = TP_SHUFFLE_FOURS(AB, CD, 0, 1, 4, 5);
    *(KIND(tp_vec_loose) *)(to + 3 * to_row) = TP_SHUFFLE_FOURS(AB, CD, 2, 3, 6, 7);
}
#undef TP_PLACE
#undef TP_FOUR
#undef TP_SHUFFLE_FOURS
#endif

/* to[j][i] = from[i][j] + base[j][i] for i < rows, j < columns; base may be NULL. In strips of a line of the first
 * cache, so that a line is read at once and those of `to` stay. */
TP_INLINE void KIND(tp_transpose)(REAL *to, ptrdiff_t to_row, const REAL *from, ptrdiff_t from_row, const REAL *base,
                                  ptrdiff_t base_row, ptrdiff_t rows, ptrdiff_t columns) {
    const ptrdiff_t full_rows = rows / 4 * 4, full_columns = columns / 4 * 4, strip = 64 / sizeof(REAL);
    for (ptrdiff_t left = 0, right; left < full_columns; left = right) {
        ptrdiff_t i = 0;
        right = full_columns - left < strip ? full_columns : left + strip;
#if TP_WIDE_BLOCKS
        for (; base == NULL && i + LANES <= rows; i += LANES)
            for (ptrdiff_t j = left; j < right; j += 4)
                KIND(tp_transpose_block)(to + j * to_row + i, to_row, from + i * from_row + j, from_row);
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
#undef TP_WIDE_BLOCKS

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
    enum { TILES = 8, AHEAD = 8 };
    const ptrdiff_t tile = ROWS * depth;
    /* Columns far apart: whole lines of one are read at once, and those to come are fetched. */
    for (; a_row == 1 && rows >= TILES * ROWS; rows -= TILES * ROWS, a += TILES * ROWS, to += TILES * tile)
        for (ptrdiff_t k = 0; k < depth; k++) {
            const REAL *from = a + k * a_column, *next = from + (k + AHEAD < depth ? AHEAD * a_column : 0);
#pragma GCC unroll 8
            for (int t = 0; t < TILES; t++) {
                __builtin_prefetch(next + t * ROWS);
                memcpy(to + t * tile + k * ROWS, from + t * ROWS, ROWS * sizeof(REAL));
            }
        }
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
