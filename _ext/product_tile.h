/* Matrix products in registers, for one type and one width of vectors. Included by product.h after product_pack.h.
 *
 * A tile of the result, ROWS rows by three vectors, is summed in registers while k runs: each step loads three vectors
 * of b and broadcasts ROWS numbers of a, for 3 ROWS fused multiply-adds.
 */
#define PANEL (3 * LANES)

/* Where results go, and what is added to them (NULL: nothing). */
typedef struct {
    REAL *at;
    ptrdiff_t row, column;
    const REAL *base;
    ptrdiff_t base_row, base_column;
} KIND(tp_target);

/* A tile to where it goes, when that is not whole vectors. */
static TP_NOINLINE SIMD void KIND(tp_put)(const KIND(tp_target) *t, const REAL *base, REAL *tile, ptrdiff_t tile_row,
                              ptrdiff_t rows, ptrdiff_t columns) {
    if (t->column != 1 && t->row == 1 && (base == NULL || t->base_row == 1)) {
        KIND(tp_transpose)(t->at, t->column, tile, tile_row, base, t->base_column, rows, columns);
        return;
    }
    if (base != NULL)
        for (ptrdiff_t r = 0; r < rows; r++)
            for (ptrdiff_t j = 0; j < columns; j++)
                tile[r * tile_row + j] += base[r * t->base_row + j * t->base_column];
    const ptrdiff_t end = (rows - 1) * t->row + columns;
    for (ptrdiff_t r = 0; r < rows; r++)
        if (t->column != 1)
            for (ptrdiff_t j = 0; j < columns; j++) t->at[r * t->row + j * t->column] = tile[r * tile_row + j];
        else if (t->row == columns && r * columns + tile_row <= end) /* what is too much, the next rows write over */
            for (ptrdiff_t j = 0; j < columns; j += LANES)
                *(KIND(tp_vec_loose) *)(t->at + r * columns + j) = *(KIND(tp_vec_loose) *)(tile + r * tile_row + j);
        else
            KIND(tp_copy_some)(t->at + r * t->row, tile + r * tile_row, columns);
}

typedef struct {
    KIND(tp_target) c;
    const REAL *a;
    ptrdiff_t a_row, a_column, a_tile; /* a_tile: from ROWS rows to the next ones */
    const REAL *b;
    REAL *room; /* where the first tile leaves what it reads of b, for the others; NULL: nowhere */
    ptrdiff_t b_row;
    ptrdiff_t rows, depth, columns, skip; /* columns of c, at most a panel; those of b that come before them */
    ptrdiff_t base_columns;               /* of base, as many that may be read */
} KIND(tp_sweep_job);

/* What a tile reads next. */
typedef struct {
    const REAL *a, *high, *b; /* high: four rows below a */
    REAL *room;
    ptrdiff_t once, thrice, a_column, b_row; /* two pointers and two distances reach eight rows */
} KIND(tp_reader);

/* So many steps of a tile of `rows` rows by `wide` vectors */
TP_INLINE void KIND(tp_steps)(KIND(tp_vec) *sum, KIND(tp_reader) *x, ptrdiff_t steps, const int rows, const int wide,
                              const int packing) {
    for (; steps > 0; steps--, x->a += x->a_column, x->high += x->a_column, x->b += x->b_row) {
        KIND(tp_vec) v[3];
#pragma GCC unroll 3
        for (int j = 0; j < wide; j++) v[j] = *(const KIND(tp_vec_loose) *)(x->b + j * LANES);
        if (packing) {
#pragma GCC unroll 3
            for (int j = 0; j < wide; j++) ((KIND(tp_vec) *)x->room)[j] = v[j];
            x->room += wide * LANES;
        }
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            const REAL *four = r < 4 ? x->a : x->high;
            const REAL number = r % 4 == 3 ? four[x->thrice] : four[r % 4 * x->once];
#pragma GCC unroll 3
            for (int j = 0; j < wide; j++) sum[r * wide + j] += v[j] * number;
        }
    }
}

/* `rows` rows by `wide` vectors, whether b is packed by the way, and whether c is far, all constants of each call */
TP_INLINE void KIND(tp_tile)(const KIND(tp_sweep_job) *s, const int rows, const int wide, const int packing,
                             const int far) {
    const KIND(tp_target) *t = &s->c;
    KIND(tp_reader) x = {s->a, s->a + 4 * s->a_row, s->b, s->room, s->a_row, 3 * s->a_row, s->a_column, s->b_row};
    ptrdiff_t steps = s->depth;
    TP_OPAQUE(x.thrice); /* the compiler would take eight pointers */
    KIND(tp_vec) sum[3 * ROWS];
#pragma GCC unroll 24
    for (int i = 0; i < rows * wide; i++) sum[i] = (KIND(tp_vec)){0};
    if (far) /* fetched in the meantime, a row with every four steps: all at once would keep what is read waiting */
        for (int r = 0; r < rows; r++, steps -= 4) {
#pragma GCC unroll 3
            for (int j = 0; j < wide; j++) __builtin_prefetch(t->at + r * t->row + j * LANES, 1);
            KIND(tp_steps)(sum, &x, 4, rows, wide, packing);
        }
    KIND(tp_steps)(sum, &x, steps, rows, wide, packing);
    const int added = t->base != NULL && s->base_columns == wide * LANES && t->base_column == 1 && t->column == 1;
    if (s->columns < wide * LANES || t->column != 1 || (t->base != NULL && t->base_column != 1)) {
        KIND(tp_vec) tile[3 * ROWS];
        if (added)
#pragma GCC unroll 24
            for (int i = 0; i < rows * wide; i++) sum[i] += ((const KIND(tp_vec) *)t->base)[i % wide];
#pragma GCC unroll 24
        for (int i = 0; i < rows * wide; i++) tile[i] = sum[i];
        KIND(tp_put)(t, added ? NULL : t->base, (REAL *)tile + s->skip, wide * LANES, rows, s->columns);
        return;
    }
    if (t->base != NULL) {
#pragma GCC unroll 24
        for (int i = 0; i < rows * wide; i++)
            sum[i] += *(const KIND(tp_vec_loose) *)(t->base + i / wide * t->base_row + i % wide * LANES);
    }
#pragma GCC unroll 24
    for (int i = 0; i < rows * wide; i++)
        *(KIND(tp_vec_loose) *)(t->at + i / wide * t->row + i % wide * LANES) = sum[i];
}

#define TP_DEFINE_TILE(name, rows, wide, packing, far) \
    static SIMD void KIND(name##_##wide)(const KIND(tp_sweep_job) *s) { KIND(tp_tile)(s, rows, wide, packing, far); }
#define TP_DEFINE_TILES(name, rows, packing, far)      \
    TP_DEFINE_TILE(name, rows, 1, packing, far)        \
    TP_DEFINE_TILE(name, rows, 2, packing, far)        \
    TP_DEFINE_TILE(name, rows, 3, packing, far)
#define TP_TILES(name) {KIND(name##_1), KIND(name##_2), KIND(name##_3)}
TP_DEFINE_TILES(tp_tile_1, 1, 0, 0)
TP_DEFINE_TILES(tp_tile_2, 2, 0, 0)
TP_DEFINE_TILES(tp_tile_3, 3, 0, 0)
TP_DEFINE_TILES(tp_tile_4, 4, 0, 0)
#if ROWS > 4
TP_DEFINE_TILES(tp_tile_5, 5, 0, 0)
TP_DEFINE_TILES(tp_tile_6, 6, 0, 0)
#endif
#if ROWS > 6
TP_DEFINE_TILES(tp_tile_7, 7, 0, 0)
TP_DEFINE_TILES(tp_tile_8, 8, 0, 0)
#endif

typedef void (*KIND(tp_tile_function))(const KIND(tp_sweep_job) *);
static const KIND(tp_tile_function) KIND(tp_tiles)[ROWS][3] = {
    TP_TILES(tp_tile_1), TP_TILES(tp_tile_2), TP_TILES(tp_tile_3), TP_TILES(tp_tile_4),
#if ROWS > 4
    TP_TILES(tp_tile_5), TP_TILES(tp_tile_6),
#endif
#if ROWS > 6
    TP_TILES(tp_tile_7), TP_TILES(tp_tile_8),
#endif
};
TP_DEFINE_TILES(tp_tile_packing, ROWS, 1, 0)
TP_DEFINE_TILES(tp_tile_far, ROWS, 0, 1)
static const KIND(tp_tile_function) KIND(tp_tiles_packing)[3] = TP_TILES(tp_tile_packing);
static const KIND(tp_tile_function) KIND(tp_tiles_far)[3] = TP_TILES(tp_tile_far);
#undef TP_TILES
#undef TP_DEFINE_TILES
#undef TP_DEFINE_TILE

/* All rows by one panel. */
static void KIND(tp_sweep)(KIND(tp_sweep_job) s) {
    const ptrdiff_t wide = (s.skip + s.columns + LANES - 1) / LANES;
    const int far = BYTES == 64 && s.depth >= 96 && s.c.column == 1; /* otherwise registers are short */
    const KIND(tp_tile_function) usual = (far ? KIND(tp_tiles_far) : KIND(tp_tiles)[ROWS - 1])[wide - 1];
    KIND(tp_tile_function) tile = s.room == NULL ? usual : KIND(tp_tiles_packing)[wide - 1];
    KIND(tp_vec) same[3];
    s.base_columns = s.columns;
    if (s.columns < wide * LANES && s.c.base != NULL && s.c.base_row == 0 && s.c.base_column == 1 && s.skip == 0) {
        KIND(tp_copy_some)((REAL *)same, s.c.base, s.columns);
        s.c.base = (const REAL *)same;
        s.base_columns = wide * LANES;
    }
    for (; s.rows >= ROWS; s.rows -= ROWS) {
        tile(&s);
        s.c.at += ROWS * s.c.row;
        if (s.c.base != NULL) s.c.base += ROWS * s.c.base_row;
        s.a += s.a_tile;
        if (s.room != NULL) {
            tile = usual;
            s.b = s.room;
            s.b_row = wide * LANES;
            s.room = NULL;
        }
    }
    if (s.rows > 0) KIND(tp_tiles)[s.rows - 1][wide - 1](&s);
}

/* to[i] = the sum over v[i] for i < 4 (to has room for four where there are fewer) */
TP_INLINE void KIND(tp_fold_four)(REAL *to, const KIND(tp_vec) *v, const int n) {
    if (LANES < 4) { /* two */
        for (int i = 0; i < 4; i++) to[i] = v[i < n ? i : 0][0] + v[i < n ? i : 0][1];
        return;
    }
    KIND(tp_quad) q[4], z;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        const KIND(tp_quad_loose) *part = (const KIND(tp_quad_loose) *)(v + (i < n ? i : 0));
        q[i] = part[0];
#pragma GCC unroll 4
        for (int l = 1; l < (int)LANES / 4; l++) q[i] += part[l];
    }
    z = (TP_SHUFFLE(q[0], q[1], 0, 4, 1, 5) + TP_SHUFFLE(q[0], q[1], 2, 6, 3, 7));
    q[0] = (TP_SHUFFLE(q[2], q[3], 0, 4, 1, 5) + TP_SHUFFLE(q[2], q[3], 2, 6, 3, 7));
    *(KIND(tp_quad_loose) *)to = TP_SHUFFLE(z, q[0], 0, 1, 4, 5) + TP_SHUFFLE(z, q[0], 2, 3, 6, 7);
}

/* A sum of products for each of `rows` rows of a and `count` rows of b, along both, `rows` and `count` constants */
TP_INLINE void KIND(tp_dot_tile)(const KIND(tp_target) *t, const REAL *a, ptrdiff_t a_row, const REAL *b,
                                 ptrdiff_t b_row, ptrdiff_t depth, const int rows, const int count) {
    KIND(tp_vec) sum[3 * ROWS];
#pragma GCC unroll 24
    for (int i = 0; i < rows * count; i++) sum[i] = (KIND(tp_vec)){0};
    for (; depth > 0; depth -= LANES, a += LANES, b += LANES) {
        KIND(tp_vec) v[3];
        if (depth >= LANES) {
#pragma GCC unroll 3
            for (int r = 0; r < rows; r++) v[r] = *(const KIND(tp_vec_loose) *)(a + r * a_row);
#pragma GCC unroll 8
            for (int j = 0; j < count; j++) {
                const KIND(tp_vec) u = *(const KIND(tp_vec_loose) *)(b + j * b_row);
#pragma GCC unroll 3
                for (int r = 0; r < rows; r++) sum[j * rows + r] += v[r] * u;
            }
        } else { /* zeros behind the end */
            for (int r = 0; r < rows; r++) {
                v[r] = (KIND(tp_vec)){0};
                KIND(tp_copy_some)((REAL *)&v[r], a + r * a_row, depth);
            }
#pragma GCC unroll 8
            for (int j = 0; j < count; j++) {
                KIND(tp_vec) u = {0};
                KIND(tp_copy_some)((REAL *)&u, b + j * b_row, depth);
#pragma GCC unroll 3
                for (int r = 0; r < rows; r++) sum[j * rows + r] += v[r] * u;
            }
        }
    }
    REAL total[4 * ((3 * ROWS + 3) / 4)];
#pragma GCC unroll 6
    for (int i = 0; i < rows * count; i += 4) KIND(tp_fold_four)(total + i, sum + i, rows * count - i);
    for (int i = 0; i < rows * count; i++) {
        const int r = i % rows, j = i / rows;
        if (t->base != NULL) total[i] += t->base[r * t->base_row + j * t->base_column];
        t->at[r * t->row + j * t->column] = total[i];
    }
}

TP_INLINE void KIND(tp_dots_of)(KIND(tp_target) t, const REAL *a, ptrdiff_t a_row, const REAL *b, ptrdiff_t b_row,
                                ptrdiff_t depth, ptrdiff_t columns, const int rows) {
    for (; columns >= ROWS; columns -= ROWS) {
        KIND(tp_dot_tile)(&t, a, a_row, b, b_row, depth, rows, ROWS);
        b += ROWS * b_row;
        t.at += ROWS * t.column;
        if (t.base != NULL) t.base += ROWS * t.base_column;
    }
    for (; columns > 0; columns--) {
        KIND(tp_dot_tile)(&t, a, a_row, b, b_row, depth, rows, 1);
        b += b_row;
        t.at += t.column;
        if (t.base != NULL) t.base += t.base_column;
    }
}

/* c = a @ b.T + base where the rows of both lie side by side and a has few */
static SIMD void KIND(tp_dots)(const KIND(tp_target) *c, const REAL *a, ptrdiff_t a_row, const REAL *b, ptrdiff_t b_row,
                               ptrdiff_t rows, ptrdiff_t depth, ptrdiff_t columns) {
    KIND(tp_target) t = *c;
    for (ptrdiff_t some; rows > 0; rows -= some) {
        some = rows > 3 ? (rows == 4 ? 2 : 3) : rows;
        if (some == 3) KIND(tp_dots_of)(t, a, a_row, b, b_row, depth, columns, 3);
        else if (some == 2) KIND(tp_dots_of)(t, a, a_row, b, b_row, depth, columns, 2);
        else KIND(tp_dots_of)(t, a, a_row, b, b_row, depth, columns, 1);
        a += some * a_row;
        t.at += some * t.row;
        if (t.base != NULL) t.base += some * t.base_row;
    }
}
