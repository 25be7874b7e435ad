/* Scores that lie transposed, a column for each query: maxima and sums over keys go down the columns, a vector of
 * queries at a time, and none has to be added up across a vector. For attention without a mask and without dropout,
 * whose rows would have to be turned too.
 *
 * A strip of queries passes through all keys before the next one does: what is summed stays in registers.
 *
 * A template: attention.h includes this file once for each type.
 */
#ifdef REAL

/* m = maximum of m and the scores of a key, which the first `hidden` queries do not see: they come before it. */
TP_INLINE void KIND(tp_strip_maximum)(REAL *TP_RESTRICT m, const REAL *TP_RESTRICT row, ptrdiff_t hidden, int columns) {
    for (int c = 0; c < columns; c++) m[c] = TP_MAX(m[c], c < hidden ? -(REAL)INFINITY : row[c]);
}

/* p = e^(s * scale - shift), added to sum */
TP_INLINE void KIND(tp_strip_decay)(REAL *TP_RESTRICT sum, REAL *TP_RESTRICT row, const REAL *TP_RESTRICT shift,
                                    REAL scale, ptrdiff_t hidden, int columns) {
    for (int c = 0; c < columns; c++) {
        const REAL p = KIND(tp_decay)(row[c] * scale - shift[c]);
        row[c] = c < hidden ? 0 : p;
        sum[c] += row[c];
    }
}

/* The same, p times its slope added to sum */
TP_INLINE void KIND(tp_strip_decay_back)(REAL *TP_RESTRICT sum, REAL *TP_RESTRICT row, const REAL *TP_RESTRICT slope,
                                         const REAL *TP_RESTRICT shift, REAL scale, ptrdiff_t hidden, int columns) {
    for (int c = 0; c < columns; c++) {
        const REAL p = KIND(tp_decay)(row[c] * scale - shift[c]);
        row[c] = c < hidden ? 0 : p;
        sum[c] += row[c] * slope[c];
    }
}

/* One strip forward; `columns` is a constant where all are there. s (n, stride). Keys up to `plain` are seen by all. */
TP_INLINE void KIND(tp_strip)(const tp_attention *a, REAL *s, ptrdiff_t stride, ptrdiff_t n, REAL *TP_RESTRICT lse,
                              REAL *TP_RESTRICT share, ptrdiff_t first, const int columns) {
    const ptrdiff_t plain = a->causal && first + 1 < n ? first + 1 : n;
    REAL m[TP_STRIP];
    double total[TP_STRIP];
    const REAL scale = (REAL)a->scale;
    ptrdiff_t j = 0;
    for (int c = 0; c < columns; c++) {
        m[c] = -(REAL)INFINITY;
        total[c] = 0;
    }
    for (; j < plain; j++) KIND(tp_strip_maximum)(m, s + j * stride, 0, columns);
    for (; j < n; j++) KIND(tp_strip_maximum)(m, s + j * stride, j - first, columns);
    for (int c = 0; c < columns; c++) m[c] = m[c] == -(REAL)INFINITY ? 0 : m[c] * scale; /* one that sees nothing */
    for (ptrdiff_t end = 0; end < n;) {
        REAL run[TP_STRIP];
        for (int c = 0; c < columns; c++) run[c] = 0;
        for (j = end, end = n - end < TP_RUN ? n : end + TP_RUN; j < end && j < plain; j++)
            KIND(tp_strip_decay)(run, s + j * stride, m, scale, 0, columns);
        for (; j < end; j++) KIND(tp_strip_decay)(run, s + j * stride, m, scale, j - first, columns);
        for (int c = 0; c < columns; c++) total[c] += run[c];
    }
    for (int c = 0; c < columns; c++) {
        const REAL sum = total[c] == 0 ? 1 : (REAL)total[c];
        share[c] = 1 / sum;
        lse[c] = m[c] + KIND(tp_log)(sum);
    }
}

/* Scores s (n, rows) of the queries from..from+rows-1 become e^(s - largest), share[r] = 1 / their sum, by which the
 * result is to be multiplied; lse = logarithm of the sum of e^s. */
static TP_SIMD void KIND(tp_column_probabilities)(const tp_attention *a, ptrdiff_t head, REAL *s, REAL *share,
                                                  ptrdiff_t from, ptrdiff_t rows, ptrdiff_t n) {
    REAL *lse = (REAL *)tp_head(a, &a->lse, head) + from;
    ptrdiff_t c = 0;
    for (; c + TP_STRIP <= rows; c += TP_STRIP)
        KIND(tp_strip)(a, s + c, rows, n, lse + c, share + c, from + c, TP_STRIP);
    if (c < rows) KIND(tp_strip)(a, s + c, rows, n, lse + c, share + c, from + c, (int)(rows - c));
}

/* y *= share, of the queries from..from+rows-1 */
static TP_SIMD void KIND(tp_take_shares)(const tp_attention *a, char *y, const REAL *share, ptrdiff_t rows) {
    for (ptrdiff_t r = 0; r < rows; r++) {
        REAL *TP_RESTRICT row = (REAL *)(y + r * a->y.row);
        for (ptrdiff_t i = 0; i < a->value_width; i++) row[i] *= share[r];
    }
}

TP_INLINE void KIND(tp_strip_back)(const tp_attention *a, REAL *s, REAL *ds, ptrdiff_t stride, ptrdiff_t n,
                                   const REAL *TP_RESTRICT lse, ptrdiff_t first, const int columns) {
    const ptrdiff_t plain = a->causal && first + 1 < n ? first + 1 : n;
    REAL shift[TP_STRIP], mean[TP_STRIP];
    double total[TP_STRIP];
    const REAL scale = (REAL)a->scale;
    for (int c = 0; c < columns; c++) {
        shift[c] = lse[c];
        total[c] = 0;
    }
    for (ptrdiff_t j, end = 0; end < n;) {
        REAL run[TP_STRIP];
        for (int c = 0; c < columns; c++) run[c] = 0;
        for (j = end, end = n - end < TP_RUN ? n : end + TP_RUN; j < end && j < plain; j++)
            KIND(tp_strip_decay_back)(run, s + j * stride, ds + j * stride, shift, scale, 0, columns);
        for (; j < end; j++)
            KIND(tp_strip_decay_back)(run, s + j * stride, ds + j * stride, shift, scale, j - first, columns);
        for (int c = 0; c < columns; c++) total[c] += run[c];
    }
    for (int c = 0; c < columns; c++) mean[c] = (REAL)total[c];
    for (ptrdiff_t j = 0; j < n; j++) {
        REAL *TP_RESTRICT row = s + j * stride, *TP_RESTRICT slope = ds + j * stride;
        for (int c = 0; c < columns; c++) slope[c] = row[c] * (slope[c] - mean[c]) * scale;
    }
}

/* From the scores s and ds = v g^T, both (n, rows): s = the probabilities, ds = the scores' gradient,
 * p * (ds - sum of p * ds), times scale. */
static TP_SIMD void KIND(tp_column_probabilities_back)(const tp_attention *a, ptrdiff_t head, REAL *s, REAL *ds,
                                                       ptrdiff_t from, ptrdiff_t rows, ptrdiff_t n) {
    const REAL *lse = (const REAL *)tp_head(a, &a->lse, head) + from;
    ptrdiff_t c = 0;
    for (; c + TP_STRIP <= rows; c += TP_STRIP)
        KIND(tp_strip_back)(a, s + c, ds + c, rows, n, lse + c, from + c, TP_STRIP);
    if (c < rows) KIND(tp_strip_back)(a, s + c, ds + c, rows, n, lse + c, from + c, (int)(rows - c));
}

#endif
