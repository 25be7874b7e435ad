/* Attention without a score for every pair: tiles of rows, whose scores stay in the second cache.
 *
 * A head is one pair of matrices: queries (rows, width) and keys (keys, width). Forward, a tile of queries is
 * multiplied with the keys, the scores become probabilities where they are, and are multiplied with the
 * values. Of each row only the logarithm of its sum is kept, and the backward pass computes the tile's
 * probabilities again from it (T. Dao, D. Fu, S. Ermon, A. Rudra, C. Re, "FlashAttention", 2022; here a tile
 * spans all keys, because the products of BLAS want long rows). Causal tiles end at their last row's key. Where nothing
 * masks or drops single scores, a tile lies transposed (attention_columns.h).
 *
 * A template: this file includes itself once for each type.
 */
#ifndef TP_ATTENTION_H
#define TP_ATTENTION_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arrays.h"
#include "exp.h"
#include "gemm.h"
#include "parallel.h"
#include "simd.h"
#include "sums.h"

/* Scores that a tile holds. */
#define TP_SCORES ((npy_intp)1 << 16)

/* One operand of every head: where each starts, its stride in bytes from row to row, the columns dense. */
typedef struct {
    char *data; /* NULL: not there, or not wanted */
    npy_intp row;
    npy_intp outer[NPY_MAXDIMS];
} tp_heads;

typedef struct {
    int kind, ndim; /* of the axes of heads */
    npy_intp shape[NPY_MAXDIMS];
    npy_intp heads, rows, keys, width, value_width;
    int causal, mask_kind; /* mask: 0 none, 1 booleans, 2 added */
    double scale, gain;    /* of the scores; of what dropout keeps */
    tp_heads q, k, v, mask, kept, y, lse, g, gq, gk, gv;
    npy_intp tile, scratch; /* rows at a time; bytes for each worker */
    int columns;            /* whether scores lie transposed */
    char *memory;
} tp_attention;

/* Where head number i of an operand starts. */
static inline char *tp_head(const tp_attention *a, const tp_heads *operand, npy_intp i) {
    char *data = operand->data;
    if (data == NULL) return NULL;
    for (int axis = a->ndim - 1; axis >= 0; axis--) {
        data += (i % a->shape[axis]) * operand->outer[axis];
        i /= a->shape[axis];
    }
    return data;
}

/* c = a @ b, or c += a @ b, on this thread. */
static inline void tp_attend_product(int kind, npy_intp n, npy_intp k, npy_intp m, tp_matrix a, tp_matrix b,
                                     tp_matrix c, int more) {
    tp_product p = {.kind = kind, .batch = 1, .n = n, .k = k, .m = m, .a = a, .b = b, .c = c};
    if (more) p.base = c;
    tp_multiply_here(&p);
}

static inline tp_matrix tp_part(int kind, char *data, npy_intp row) {
    return (tp_matrix){data, row, kind ? sizeof(double) : sizeof(float), 0};
}

/* Scores that pass through one loop of exponentials: they stay in the first cache, and its vectors are full. */
#define TP_SCORES_AT_ONCE 2048

/* Scores without a mask are scaled on their way into the exponential: larger ones stay larger. */
TP_INLINE int tp_scales_late(const tp_attention *a) { return a->mask_kind == 0 && a->scale > 0; }

/* Queries whose columns of scores pass through all keys together: two to eight vectors. Fewer lie in rows. */
#define TP_STRIP 32

/* The logarithm of a finite normal number x = 2^n f, sqrt(1/2) <= f < sqrt(2), which a loop can take: n ln 2 +
 * 2 artanh((f - 1) / (f + 1)). NaN stays NaN. Within 2 ulp. */
TP_INLINE float tp_log_f32(double number) {
    const float x = (float)number;
    const uint32_t bits = tp_bits_f32(x) - 0x3F3504F3u; /* of sqrt(1/2) */
    const float n = (float)((int32_t)bits >> 23), f = tp_from_bits_f32((bits & 0x7FFFFFu) + 0x3F3504F3u);
    const float z = (f - 1) / (f + 1), square = z * z;
    float p = 0.111111111f;
    p = p * square + 0.142857143f;
    p = p * square + 0.2f;
    p = p * square + 0.333333333f;
    p = p * square * z;
    return n * TP_LN_2_HIGH_F32 + (2 * (z + p) + (n * TP_LN_2_LOW_F32 + (x - x)));
}
TP_INLINE double tp_log_f64(double x) { return log(x); }

#define REAL float
#define KIND(name) name##_f32
#include "attention.h"
#include "attention_columns.h"
#undef REAL
#undef KIND
#define REAL double
#define KIND(name) name##_f64
#include "attention.h"
#include "attention_columns.h"
#undef REAL
#undef KIND

/* The keys that the rows before `end` may see. */
static inline npy_intp tp_visible(const tp_attention *a, npy_intp end) {
    return a->causal && end < a->keys ? end : a->keys;
}

/* A tile's scores, (rows, n) however they lie. */
static inline tp_matrix tp_scores(const tp_attention *a, char *s, npy_intp rows, npy_intp n) {
    return a->columns ? tp_transposed(tp_rows(a->kind, s, n, rows)) : tp_rows(a->kind, s, rows, n);
}

static void tp_attend_head(void *job, ptrdiff_t head, int worker) {
    const tp_attention *a = (const tp_attention *)job;
    const int kind = a->kind;
    char *s = a->memory + worker * a->scratch;
    char *q = tp_head(a, &a->q, head), *k = tp_head(a, &a->k, head), *v = tp_head(a, &a->v, head);
    char *y = tp_head(a, &a->y, head);
    void *share = s + a->tile * a->keys * (kind ? sizeof(double) : sizeof(float));
    for (npy_intp from = 0; from < a->rows; from += a->tile) {
        const npy_intp some = a->rows - from < a->tile ? a->rows - from : a->tile;
        const npy_intp n = tp_visible(a, from + some);
        const tp_matrix queries = tp_part(kind, q + from * a->q.row, a->q.row), keys = tp_part(kind, k, a->k.row);
        const tp_matrix scores = tp_scores(a, s, some, n);
        char *rows = y + from * a->y.row;
        tp_attend_product(kind, some, a->width, n, queries, tp_transposed(keys), scores, 0);
        if (a->columns)
            TP_BY_KIND(tp_column_probabilities, kind, a, head, (void *)s, share, from, some, n);
        else
            TP_BY_KIND(tp_probabilities, kind, a, head, (void *)s, from, some, n);
        tp_attend_product(kind, some, n, a->value_width, scores, tp_part(kind, v, a->v.row),
                          tp_part(kind, rows, a->y.row), 0);
        if (a->columns) TP_BY_KIND(tp_take_shares, kind, a, rows, share, some);
    }
}

/* Rows that no tile's product reaches. */
static void tp_zero_rows(const tp_attention *a, const tp_heads *sum, char *data, npy_intp from, npy_intp width) {
    const npy_intp item = a->kind ? sizeof(double) : sizeof(float);
    for (npy_intp r = from; r < a->keys; r++) memset(data + r * sum->row, 0, (size_t)(width * item));
}

static void tp_attend_head_back(void *job, ptrdiff_t head, int worker) {
    const tp_attention *a = (const tp_attention *)job;
    const int kind = a->kind;
    const npy_intp item = kind ? sizeof(double) : sizeof(float);
    char *s = a->memory + worker * a->scratch;
    char *ds = s + a->tile * a->keys * item;
    char *q = tp_head(a, &a->q, head), *k = tp_head(a, &a->k, head), *v = tp_head(a, &a->v, head);
    char *g = tp_head(a, &a->g, head);
    char *gq = tp_head(a, &a->gq, head), *gk = tp_head(a, &a->gk, head), *gv = tp_head(a, &a->gv, head);
    /* The last tile first: it sees the most keys, and writes what the others add to. */
    for (npy_intp from = (a->rows - 1) / a->tile * a->tile; from >= 0; from -= a->tile) {
        const npy_intp some = a->rows - from < a->tile ? a->rows - from : a->tile;
        const npy_intp n = tp_visible(a, from + some);
        const int more = from + some < a->rows;
        const tp_matrix scores = tp_scores(a, s, some, n), slopes = tp_scores(a, ds, some, n);
        const tp_matrix queries = tp_part(kind, q + from * a->q.row, a->q.row);
        const tp_matrix outer = tp_part(kind, g + from * a->g.row, a->g.row);
        tp_attend_product(kind, some, a->width, n, queries, tp_transposed(tp_part(kind, k, a->k.row)), scores, 0);
        tp_attend_product(kind, some, a->value_width, n, outer, tp_transposed(tp_part(kind, v, a->v.row)), slopes, 0);
        if (a->columns)
            TP_BY_KIND(tp_column_probabilities_back, kind, a, head, (void *)s, (void *)ds, from, some, n);
        else
            TP_BY_KIND(tp_probabilities_back, kind, a, head, (void *)s, (void *)ds, from, some, n);
        if (gq != NULL)
            tp_attend_product(kind, some, n, a->width, slopes, tp_part(kind, k, a->k.row),
                              tp_part(kind, gq + from * a->gq.row, a->gq.row), 0);
        if (gk != NULL) {
            tp_attend_product(kind, n, some, a->width, tp_transposed(slopes), queries,
                              tp_part(kind, gk, a->gk.row), more);
            if (!more) tp_zero_rows(a, &a->gk, gk, n, a->width);
        }
        if (gv != NULL) {
            tp_attend_product(kind, n, some, a->value_width, tp_transposed(scores), outer,
                              tp_part(kind, gv, a->gv.row), more);
            if (!more) tp_zero_rows(a, &a->gv, gv, n, a->value_width);
        }
    }
}

/* Every head, forward or backward; 0 if there is no memory for the tiles. */
static int tp_attend(tp_attention *a, int back) {
    const npy_intp item = a->kind ? sizeof(double) : sizeof(float);
    const npy_intp wide = a->width > a->value_width ? a->width : a->value_width;
    npy_intp tile = TP_SCORES / a->keys;
    if (a->causal && tile > a->rows / 4) tile = a->rows / 4; /* all but the last then leave keys out */
    tile = tile < 32 ? 32 : tile;
    a->tile = tile < a->rows ? tile : a->rows;
    a->columns = tp_scales_late(a) && a->kept.data == NULL && a->tile >= TP_STRIP / 2;
    a->scratch = item * ((back ? 2 : 1) * a->tile * a->keys + a->tile); /* scores, slopes, a number for each row */
    a->scratch = (a->scratch + 127) / 64 * 64;
    const npy_intp work = a->heads * a->rows * a->keys * wide;
    const int threads = tp_threads_for((double)work / 32); /* two products */
    a->memory = (char *)malloc((size_t)(threads * a->scratch));
    if (a->memory != NULL)
        tp_parallel_for(back ? tp_attend_head_back : tp_attend_head, a, a->heads, threads);
    const int done = a->memory != NULL;
    free(a->memory);
    return done;
}

#elif defined(REAL)

/* s = scale * s + mask, -infinity where a key must not be seen, for row number `row` of a head. What scales late
 * is left to the caller. */
TP_INLINE void KIND(tp_mask_row)(const tp_attention *a, REAL *TP_RESTRICT s, const char *mask, ptrdiff_t row,
                                 ptrdiff_t n) {
    const REAL scale = (REAL)a->scale;
    if (a->mask_kind == 1) {
        const npy_bool *TP_RESTRICT seen = (const npy_bool *)(mask + row * a->mask.row);
        for (ptrdiff_t i = 0; i < n; i++) s[i] = seen[i] ? s[i] * scale : -(REAL)INFINITY;
    } else if (a->mask_kind == 2) {
        const REAL *TP_RESTRICT bias = (const REAL *)(mask + row * a->mask.row);
        for (ptrdiff_t i = 0; i < n; i++) s[i] = s[i] * scale + bias[i];
    } else if (!tp_scales_late(a)) {
        for (ptrdiff_t i = 0; i < n; i++) s[i] *= scale;
    }
    if (a->causal)
        for (ptrdiff_t i = row + 1; i < n; i++) s[i] = -(REAL)INFINITY;
}

/* p = kept ? p * gain : 0 */
TP_INLINE void KIND(tp_drop_row)(const tp_attention *a, REAL *TP_RESTRICT p, const char *kept, ptrdiff_t row,
                                 ptrdiff_t n) {
    const npy_bool *TP_RESTRICT keep = (const npy_bool *)(kept + row * a->kept.row);
    const REAL gain = (REAL)a->gain;
    for (ptrdiff_t i = 0; i < n; i++) p[i] = keep[i] ? p[i] * gain : 0;
}

/* Maximum of a row, its sum, and the sum of the products of two. Of a short one with eight lanes, which are folded at
 * once: no addition then waits for more than a few others. */
TP_INLINE REAL KIND(tp_row_maximum)(const REAL *s, ptrdiff_t n) {
    REAL m = s[0];
    if (n >= 8 && n < 32) {
        REAL lane[8];
        ptrdiff_t i = 8;
        for (int l = 0; l < 8; l++) lane[l] = s[l];
        for (; i + 8 <= n; i += 8)
            for (int l = 0; l < 8; l++) lane[l] = TP_MAX(lane[l], s[i + l]);
        for (; i < n; i++) lane[i % 8] = TP_MAX(lane[i % 8], s[i]);
        for (int l = 0; l < 4; l++) lane[l] = TP_MAX(lane[l], lane[l + 4]);
        lane[0] = TP_MAX(lane[0], lane[2]);
        lane[1] = TP_MAX(lane[1], lane[3]);
        return TP_MAX(lane[0], lane[1]);
    }
    TP_MAXIMUM(REAL, m, s, n);
    return m;
}

TP_INLINE double KIND(tp_row_sum)(const REAL *s, ptrdiff_t n) {
    double total;
    if (n >= 8 && n < 32) {
        REAL lane[8];
        ptrdiff_t i = 8;
        for (int l = 0; l < 8; l++) lane[l] = s[l];
        for (; i + 8 <= n; i += 8)
            for (int l = 0; l < 8; l++) lane[l] += s[i + l];
        for (; i < n; i++) lane[i % 8] += s[i];
        for (int l = 0; l < 4; l++) lane[l] += lane[l + 4];
        return (double)((lane[0] + lane[2]) + (lane[1] + lane[3]));
    }
    TP_SUM(REAL, total, i, n, s[i]);
    return total;
}

TP_INLINE double KIND(tp_row_product)(const REAL *a, const REAL *b, ptrdiff_t n) {
    double total;
    if (n >= 8 && n < 32) {
        REAL lane[8];
        ptrdiff_t i = 8;
        for (int l = 0; l < 8; l++) lane[l] = a[l] * b[l];
        for (; i + 8 <= n; i += 8)
            for (int l = 0; l < 8; l++) lane[l] += a[i + l] * b[i + l];
        for (; i < n; i++) lane[i % 8] += a[i] * b[i];
        for (int l = 0; l < 4; l++) lane[l] += lane[l + 4];
        return (double)((lane[0] + lane[2]) + (lane[1] + lane[3]));
    }
    TP_SUM(REAL, total, i, n, a[i] * b[i]);
    return total;
}

TP_INLINE ptrdiff_t KIND(tp_rows_of_scores)(ptrdiff_t left, ptrdiff_t n) {
    const ptrdiff_t some = n < TP_SCORES_AT_ONCE ? TP_SCORES_AT_ONCE / n : 1;
    return some < left ? some : left;
}

/* The scores of `rows` rows become what the values are multiplied with; lse = logarithm of the sum of e^s. */
static TP_SIMD void KIND(tp_probabilities)(const tp_attention *a, ptrdiff_t head, REAL *s, ptrdiff_t from,
                                           ptrdiff_t rows, ptrdiff_t n) {
    REAL *lse = (REAL *)tp_head(a, &a->lse, head);
    const char *mask = tp_head(a, &a->mask, head), *kept = tp_head(a, &a->kept, head);
    const REAL scale = tp_scales_late(a) ? (REAL)a->scale : 1;
    const ptrdiff_t end = from + rows;
    for (ptrdiff_t some; from < end; from += some, s += some * n) {
        some = KIND(tp_rows_of_scores)(end - from, n);
        for (ptrdiff_t r = 0; r < some; r++) {
            REAL *TP_RESTRICT row = s + r * n;
            KIND(tp_mask_row)(a, row, mask, from + r, n);
            REAL m = KIND(tp_row_maximum)(row, n) * scale;
            m = m == -(REAL)INFINITY ? 0 : m; /* a row that sees nothing */
            for (ptrdiff_t i = 0; i < n; i++) row[i] = row[i] * scale - m;
            lse[from + r] = m;
        }
        for (ptrdiff_t i = 0; i < some * n; i++) s[i] = KIND(tp_decay)(s[i]);
        for (ptrdiff_t r = 0; r < some; r++) {
            REAL *TP_RESTRICT row = s + r * n;
            double total = KIND(tp_row_sum)(row, n);
            total = total == 0 ? 1 : total;
            lse[from + r] += KIND(tp_log)(total);
            const REAL factor = (REAL)(1 / total);
            for (ptrdiff_t i = 0; i < n; i++) row[i] *= factor;
            if (kept != NULL) KIND(tp_drop_row)(a, row, kept, from + r, n);
        }
    }
}

/* From the scores s and ds = g v^T of `rows` rows: s = what multiplied the values, ds = the scores' gradient,
 * p * (ds - sum of g * y), times scale. */
static TP_SIMD void KIND(tp_probabilities_back)(const tp_attention *a, ptrdiff_t head, REAL *TP_RESTRICT s,
                                                REAL *TP_RESTRICT ds, ptrdiff_t from, ptrdiff_t rows,
                                                ptrdiff_t n) {
    const REAL *lse = (const REAL *)tp_head(a, &a->lse, head);
    const char *mask = tp_head(a, &a->mask, head), *kept = tp_head(a, &a->kept, head);
    const char *g = tp_head(a, &a->g, head), *y = tp_head(a, &a->y, head);
    const REAL scale = (REAL)a->scale, late = tp_scales_late(a) ? scale : 1;
    const ptrdiff_t end = from + rows;
    for (ptrdiff_t some; from < end; from += some, s += some * n, ds += some * n) {
        some = KIND(tp_rows_of_scores)(end - from, n);
        for (ptrdiff_t r = 0; r < some; r++) {
            REAL *TP_RESTRICT row = s + r * n;
            const REAL shift = lse[from + r];
            KIND(tp_mask_row)(a, row, mask, from + r, n);
            for (ptrdiff_t i = 0; i < n; i++) row[i] = row[i] * late - shift;
        }
        for (ptrdiff_t i = 0; i < some * n; i++) s[i] = KIND(tp_decay)(s[i]);
        for (ptrdiff_t r = 0; r < some; r++) {
            REAL *TP_RESTRICT p = s + r * n, *TP_RESTRICT slope = ds + r * n;
            const ptrdiff_t at = from + r;
            const REAL mean = (REAL)KIND(tp_row_product)((const REAL *)(g + at * a->g.row),
                                                         (const REAL *)(y + at * a->y.row), a->value_width);
            if (kept != NULL) KIND(tp_drop_row)(a, slope, kept, at, n);
            for (ptrdiff_t i = 0; i < n; i++) slope[i] = p[i] * (slope[i] - mean) * scale;
            if (kept != NULL) KIND(tp_drop_row)(a, p, kept, at, n);
        }
    }
}

#endif
