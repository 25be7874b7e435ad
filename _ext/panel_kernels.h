/* The two products of panels.h, register tile by register tile. Included once for each type and vector. */

#define LANES ((ptrdiff_t)(BYTES / sizeof(REAL)))

static TP_SIMD void KIND(tp_pack)(REAL *TP_RESTRICT packed, const REAL *TP_RESTRICT w, ptrdiff_t depth,
                                  ptrdiff_t columns, int transposed) {
    enum { WIDTH = 2 * BYTES / sizeof(REAL), DEEP = 16 }; /* so many of a column at once: a cache line of w */
    for (ptrdiff_t left = 0; left < columns; left += WIDTH, packed += WIDTH * depth) {
        const ptrdiff_t wide = columns - left < WIDTH ? columns - left : WIDTH;
        if (wide < WIDTH) memset(packed, 0, (size_t)(WIDTH * depth) * sizeof *packed);
        for (ptrdiff_t k = 0; k < depth && !transposed; k++)
            memcpy(packed + k * WIDTH, w + k * columns + left, (size_t)wide * sizeof *w);
        for (ptrdiff_t top = 0; top < depth && transposed; top += DEEP)
            for (ptrdiff_t j = 0; j < wide; j++)
                for (ptrdiff_t k = top; k < top + DEEP && k < depth; k++)
                    packed[k * WIDTH + j] = w[(left + j) * depth + k];
    }
}

#if defined(__GNUC__)

typedef REAL KIND(tp_panel_vector) __attribute__((vector_size(BYTES)));
typedef REAL KIND(tp_panel_loose) __attribute__((vector_size(BYTES), aligned(sizeof(REAL)), may_alias));
#define VECTOR KIND(tp_panel_vector)
#define AT(p) (*(KIND(tp_panel_loose) *)(p))
#define READ(p) (*(const KIND(tp_panel_loose) *)(p))

/* `rows` rows, a constant of each call, of one panel, of which `wide` columns are there */
TP_INLINE void KIND(tp_panel_block)(REAL *c, ptrdiff_t columns, const REAL *a, const REAL *b, ptrdiff_t depth,
                                    ptrdiff_t wide, const int rows) {
    VECTOR sum[ROWS][2];
    for (int r = 0; r < rows; r++) sum[r][0] = sum[r][1] = (VECTOR){0};
    for (ptrdiff_t k = 0; k < depth; k++, b += 2 * LANES) {
        const VECTOR left = READ(b), right = READ(b + LANES);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            sum[r][0] += left * a[r * depth + k];
            sum[r][1] += right * a[r * depth + k];
        }
    }
    if (wide == 2 * LANES) {
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            AT(c + r * columns) = sum[r][0];
            AT(c + r * columns + LANES) = sum[r][1];
        }
    } else {
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            REAL room[BYTES / sizeof(REAL) * 2]; /* the sums themselves stay in registers */
            AT(room) = sum[r][0];
            AT(room + LANES) = sum[r][1];
            memcpy(c + r * columns, room, (size_t)wide * sizeof *c);
        }
    }
}

static TP_SIMD void KIND(tp_panels)(REAL *c, ptrdiff_t c_step, const REAL *a, ptrdiff_t a_step, const REAL *packed,
                                    ptrdiff_t steps, ptrdiff_t rows, ptrdiff_t depth, ptrdiff_t columns) {
    for (ptrdiff_t left = 0; left < columns; left += 2 * LANES, packed += 2 * LANES * depth) {
        const ptrdiff_t wide = columns - left < 2 * LANES ? columns - left : 2 * LANES;
        for (ptrdiff_t s = 0; s < steps; s++) {
            REAL *to = c + s * c_step + left;
            const REAL *from = a + s * a_step;
            ptrdiff_t r = 0;
            for (; r + ROWS <= rows; r += ROWS)
                KIND(tp_panel_block)(to + r * columns, columns, from + r * depth, packed, depth, wide, ROWS);
            if (r + 4 <= rows) {
                KIND(tp_panel_block)(to + r * columns, columns, from + r * depth, packed, depth, wide, 4);
                r += 4;
            }
            for (; r < rows; r++)
                KIND(tp_panel_block)(to + r * columns, columns, from + r * depth, packed, depth, wide, 1);
        }
    }
}

/* `high` rows by `wide` vectors of c */
TP_INLINE void KIND(tp_update_tile)(REAL *c, const REAL *a, ptrdiff_t a_step, const REAL *b, ptrdiff_t b_step,
                                    ptrdiff_t steps, ptrdiff_t rows, ptrdiff_t m, ptrdiff_t n, const int high,
                                    const int wide) {
    VECTOR sum[ROWS][3];
    for (int i = 0; i < high; i++)
        for (int j = 0; j < wide; j++) sum[i][j] = READ(c + i * n + j * LANES);
    for (ptrdiff_t s = 0; s < steps; s++, a += a_step, b += b_step)
        for (ptrdiff_t r = 0; r < rows; r++) {
            VECTOR v[3];
#pragma GCC unroll 3
            for (int j = 0; j < wide; j++) v[j] = READ(b + r * n + j * LANES);
#pragma GCC unroll 8
            for (int i = 0; i < high; i++)
#pragma GCC unroll 3
                for (int j = 0; j < wide; j++) sum[i][j] += v[j] * a[r * m + i];
        }
    for (int i = 0; i < high; i++)
        for (int j = 0; j < wide; j++) AT(c + i * n + j * LANES) = sum[i][j];
}

#define TP_UPDATE_COLUMNS(wide)                                                                                 \
    do {                                                                                                        \
        ptrdiff_t i = 0;                                                                                        \
        for (; i + ROWS <= m; i += ROWS)                                                                        \
            KIND(tp_update_tile)(c + i * n + j, a + i, a_step, b + j, b_step, steps, rows, m, n, ROWS, wide);   \
        for (; i < m; i++)                                                                                      \
            KIND(tp_update_tile)(c + i * n + j, a + i, a_step, b + j, b_step, steps, rows, m, n, 1, wide);      \
    } while (0)

/* As many columns of c, from the left, as fill vectors; returns how many. */
static TP_SIMD ptrdiff_t KIND(tp_update_vectors)(REAL *c, const REAL *a, ptrdiff_t a_step, const REAL *b,
                                                 ptrdiff_t b_step, ptrdiff_t steps, ptrdiff_t rows, ptrdiff_t m,
                                                 ptrdiff_t n) {
    ptrdiff_t j = 0;
    for (; j + 3 * LANES <= n; j += 3 * LANES) TP_UPDATE_COLUMNS(3);
    for (; j + 2 * LANES <= n; j += 2 * LANES) TP_UPDATE_COLUMNS(2);
    for (; j + LANES <= n; j += LANES) TP_UPDATE_COLUMNS(1);
    return j;
}

#undef TP_UPDATE_COLUMNS
#undef VECTOR
#undef AT
#undef READ

#else /* no vector types: as the compiler vectorises it */

static void KIND(tp_panels)(REAL *c, ptrdiff_t c_step, const REAL *a, ptrdiff_t a_step, const REAL *packed,
                            ptrdiff_t steps, ptrdiff_t rows, ptrdiff_t depth, ptrdiff_t columns) {
    for (ptrdiff_t left = 0; left < columns; left += 2 * LANES, packed += 2 * LANES * depth)
        for (ptrdiff_t s = 0; s < steps; s++)
            for (ptrdiff_t r = 0; r < rows; r++) {
                REAL sum[BYTES / sizeof(REAL) * 2] = {0};
                for (ptrdiff_t k = 0; k < depth; k++)
                    for (ptrdiff_t j = 0; j < 2 * LANES; j++)
                        sum[j] += a[s * a_step + r * depth + k] * packed[k * 2 * LANES + j];
                for (ptrdiff_t j = 0; j < 2 * LANES && left + j < columns; j++)
                    c[s * c_step + r * columns + left + j] = sum[j];
            }
}

static ptrdiff_t KIND(tp_update_vectors)(REAL *c, const REAL *a, ptrdiff_t a_step, const REAL *b, ptrdiff_t b_step,
                                         ptrdiff_t steps, ptrdiff_t rows, ptrdiff_t m, ptrdiff_t n) {
    return 0;
}

#endif

/* The columns of c from `left` on, turned: a loop along a's rows is long where one along c's would not be. */
static TP_SIMD void KIND(tp_update_rest)(REAL *TP_RESTRICT c, const REAL *TP_RESTRICT a, ptrdiff_t a_step,
                                         const REAL *TP_RESTRICT b, ptrdiff_t b_step, ptrdiff_t steps, ptrdiff_t rows,
                                         ptrdiff_t m, ptrdiff_t n, ptrdiff_t left) {
    for (ptrdiff_t j = left; j < n; j++)
        for (ptrdiff_t top = 0; top < m; top += 64) {
            const ptrdiff_t high = m - top < 64 ? m - top : 64;
            REAL sum[64] = {0};
            for (ptrdiff_t s = 0; s < steps; s++)
                for (ptrdiff_t r = 0; r < rows; r++) {
                    const REAL v = b[s * b_step + r * n + j];
                    for (ptrdiff_t i = 0; i < high; i++) sum[i] += a[s * a_step + r * m + top + i] * v;
                }
            for (ptrdiff_t i = 0; i < high; i++) c[(top + i) * n + j] += sum[i];
        }
}

static void KIND(tp_update)(REAL *c, const REAL *a, ptrdiff_t a_step, const REAL *b, ptrdiff_t b_step,
                            ptrdiff_t steps, ptrdiff_t rows, ptrdiff_t m, ptrdiff_t n) {
    const ptrdiff_t left = KIND(tp_update_vectors)(c, a, a_step, b, b_step, steps, rows, m, n);
    KIND(tp_update_rest)(c, a, a_step, b, b_step, steps, rows, m, n, left);
}

#undef LANES
