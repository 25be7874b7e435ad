/* The loops of pooling.h. Included once for each type: REAL, KIND. */

/* One element of the window along a row; the first of equals stays, and the first NaN. */
TP_INLINE void KIND(tp_pool_larger)(REAL *TP_RESTRICT y, int64_t *TP_RESTRICT at,
                                       const REAL *TP_RESTRICT x, int64_t base, ptrdiff_t n,
                                       const ptrdiff_t step) {
    for (ptrdiff_t j = 0; j < n; j++) {
        const REAL v = x[j * step], best = y[j];
        const int take = (v > best) | (at[j] < 0) | ((v != v) & (best == best));
        y[j] = take ? v : best;
        at[j] = take ? base + j * step : at[j];
    }
}

/* Rows of n windows of 2 x 2, side by side, of which all elements are there: 1 if that was all, 0 where there is NaN. */
TP_INLINE int KIND(tp_max_pool_some)(REAL *y, int64_t *at, const REAL *x, ptrdiff_t wide, int64_t base,
                                     const ptrdiff_t n) {
    int nan = 0;
    for (ptrdiff_t j = 0; j < n; j++) {
        const REAL a = x[2 * j], b = x[2 * j + 1], c = x[wide + 2 * j], d = x[wide + 2 * j + 1];
        const REAL top = b > a ? b : a, low = d > c ? d : c;
        const int64_t left = b > a, right = wide + (d > c);
        y[j] = low > top ? low : top;
        at[j] = base + 2 * j + (low > top ? right : left);
        nan |= (a != a) | (b != b) | (c != c) | (d != d);
    }
    return !nan;
}

/* The same in pieces of one size, which become vectors; the last one goes over what is done already, or where a row is
 * shorter, over what comes next and is overwritten by it: behind y there is room for `room` windows in all. */
TP_INLINE int KIND(tp_max_pool_quads)(REAL *TP_RESTRICT y, int64_t *TP_RESTRICT at, const REAL *TP_RESTRICT x,
                                      ptrdiff_t wide, int64_t base, ptrdiff_t n, ptrdiff_t room) {
    if (n < 2 || room < 8) return KIND(tp_max_pool_some)(y, at, x, wide, base, n);
    int fine = 1;
    for (ptrdiff_t from = 0; from < n; from += 8) {
        const ptrdiff_t j = from + 8 <= n || n < 8 ? from : n - 8;
        fine &= KIND(tp_max_pool_some)(y + j, at + j, x + 2 * j, wide, base + 2 * j, 8);
    }
    return fine;
}

static TP_SIMD void KIND(tp_max_pool_planes)(const tp_pool_job *job, ptrdiff_t first, ptrdiff_t last) {
    const tp_pool_axis *v = &job->v, *h = &job->h;
    const int quads = tp_pool_in_pairs(v) && tp_pool_in_pairs(h);
    for (ptrdiff_t plane = first; plane < last; plane++)
        for (ptrdiff_t i = 0; i < v->out; i++) {
            const REAL *x = (const REAL *)job->x + plane * v->in * h->in;
            REAL *y = (REAL *)job->y + (plane * v->out + i) * h->out;
            int64_t *at = job->indices + (plane * v->out + i) * h->out;
            const ptrdiff_t two = 2 * i * h->in, room = ((last - plane) * v->out - i) * h->out;
            if (quads && KIND(tp_max_pool_quads)(y, at, x + two, h->in, two, h->out, room)) continue;
            for (ptrdiff_t j = 0; j < h->out; j++) y[j] = -INFINITY, at[j] = -1;
            for (ptrdiff_t p = 0; p < v->kernel; p++) {
                const ptrdiff_t row = i * v->stride - v->pad + p * v->dilation;
                if (row < 0 || row >= v->in) continue;
                for (ptrdiff_t q = 0, from, upto; q < h->kernel; q++) {
                    tp_pool_range(h, q, &from, &upto);
                    const ptrdiff_t base = row * h->in + from * h->stride - h->pad + q * h->dilation;
                    if (h->stride == 2)
                        KIND(tp_pool_larger)(y + from, at + from, x + base, base, upto - from, 2);
                    else
                        KIND(tp_pool_larger)(y + from, at + from, x + base, base, upto - from, h->stride);
                }
            }
        }
}

static void KIND(tp_max_pool_chunk)(void *shared, ptrdiff_t chunk, int worker) {
    const tp_pool_job *job = shared;
    const ptrdiff_t first = chunk * job->together, last = first + job->together;
    (void)worker;
    KIND(tp_max_pool_planes)(job, first, last < job->planes ? last : job->planes);
}

static void KIND(tp_max_pool_grad_chunk)(void *shared, ptrdiff_t chunk, int worker) {
    tp_pool_job *job = shared;
    const ptrdiff_t size = job->v.in * job->h.in, windows = job->v.out * job->h.out, first = chunk * job->together;
    (void)worker;
    for (ptrdiff_t plane = first; plane < first + job->together && plane < job->planes; plane++) {
        REAL *x = (REAL *)job->x + plane * size;
        const REAL *g = (const REAL *)job->y + plane * windows;
        const int64_t *at = job->indices + plane * windows;
        memset(x, 0, (size_t)size * sizeof *x);
        for (ptrdiff_t j = 0; j < windows; j++) {
            if ((uint64_t)at[j] < (uint64_t)size)
                x[at[j]] += g[j];
            else
                job->wrong = 1;
        }
    }
}

/* y = sums of the windows / divisor, or (back) the gradients y / divisor added to each window */
static TP_SIMD void KIND(tp_avg_pool_planes)(const tp_pool_job *job, ptrdiff_t first, ptrdiff_t last,
                                                int back, REAL *TP_RESTRICT part) {
    const tp_pool_axis *v = &job->v, *h = &job->h;
    for (ptrdiff_t plane = first; plane < last; plane++) {
        REAL *x = (REAL *)job->x + plane * v->in * h->in;
        if (back) memset(x, 0, (size_t)(v->in * h->in) * sizeof *x);
        for (ptrdiff_t i = 0; i < v->out; i++) {
            REAL *y = (REAL *)job->y + (plane * v->out + i) * h->out;
            const double tall = tp_pool_counted(v, i);
            for (ptrdiff_t j = 0; j < h->out; j++) part[j] = back ? y[j] : 0;
            for (ptrdiff_t j = 0; back && j < h->out; j++)
                part[j] /= (REAL)(job->divisor ? job->divisor : tall * tp_pool_counted(h, j));
            for (ptrdiff_t p = 0; p < v->kernel; p++) {
                const ptrdiff_t row = i * v->stride - v->pad + p;
                if (row < 0 || row >= v->in) continue;
                for (ptrdiff_t q = 0, from, upto; q < h->kernel; q++) {
                    tp_pool_range(h, q, &from, &upto);
                    REAL *at = x + row * h->in + q - h->pad;
                    if (back)
                        for (ptrdiff_t j = from; j < upto; j++) at[j * h->stride] += part[j];
                    else
                        for (ptrdiff_t j = from; j < upto; j++) part[j] += at[j * h->stride];
                }
            }
            for (ptrdiff_t j = 0; !back && j < h->out; j++)
                y[j] = part[j] / (REAL)(job->divisor ? job->divisor : tall * tp_pool_counted(h, j));
        }
    }
}

TP_INLINE void KIND(tp_avg_pool_some)(tp_pool_job *job, ptrdiff_t chunk, int back) {
    const ptrdiff_t first = chunk * job->together, last = first + job->together;
    REAL *part = malloc((size_t)job->h.out * sizeof *part);
    if (part == NULL)
        job->wrong = 1;
    else
        KIND(tp_avg_pool_planes)(job, first, last < job->planes ? last : job->planes, back, part);
    free(part);
}

static void KIND(tp_avg_pool_chunk)(void *shared, ptrdiff_t chunk, int worker) {
    (void)worker;
    KIND(tp_avg_pool_some)(shared, chunk, 0);
}

static void KIND(tp_avg_pool_grad_chunk)(void *shared, ptrdiff_t chunk, int worker) {
    (void)worker;
    KIND(tp_avg_pool_some)(shared, chunk, 1);
}
