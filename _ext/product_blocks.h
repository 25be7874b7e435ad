/* Matrix products in caches, for one type and one width of vectors: which parts meet in which order, and what is copied
 * together first. Included by product.h after product_tile.h.
 *
 * The order is that of K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication" (2008), as in
 * BLIS: a block of b stays in the second or third cache, one of a in the second, and a panel of b, three vectors wide,
 * in the first while all rows of the block of a pass by it.
 */

#define TP_HEIGHT (TP_PACKED_A / (ptrdiff_t)sizeof(REAL))          /* rows of a block of a */
#define TP_PANELS (TP_PACKED_B / (PANEL * (ptrdiff_t)sizeof(REAL))) /* panels of a block of b */

/* The width of the next panel: three vectors, but two where four are left, which beats three and one. */
static inline ptrdiff_t KIND(tp_panel)(ptrdiff_t columns) {
    if (columns > 3 * LANES && columns <= 4 * LANES) return 2 * LANES;
    return columns < PANEL ? columns : PANEL;
}

/* One panel of b as the tiles read it: where it lies, or packed. Fills in b, b_row and skip. */
static inline void KIND(tp_prepare_panel)(KIND(tp_sweep_job) *s, const REAL *b, const tp_plan *p, int packed,
                                          int first, ptrdiff_t before, REAL *room) {
    const ptrdiff_t rest = s->columns % LANES, skip = rest ? LANES - rest : 0;
    s->skip = 0;
    if (!packed && skip <= before) { /* the last vector reads columns that an earlier one has read too */
        s->skip = skip;
        s->b = b - skip;
        s->b_row = p->b.row;
        return;
    }
    s->b = room;
    s->b_row = s->columns + skip;
    if (first) KIND(tp_pack_panel)(room, s->b_row, b, p->b.row, p->b.column, s->depth, s->columns);
}

static void KIND(tp_multiply_blocks)(const tp_plan *p) {
    const ptrdiff_t blocks = p->k > TP_DEPTH ? (p->k + TP_DEPTH - 1) / TP_DEPTH : 1;
    const ptrdiff_t depth = (p->k + blocks - 1) / blocks; /* all of about the same size */
    const REAL *const a = p->a.data, *const b = p->b.data;
    REAL *const c = p->c.data, *const packed_a = (REAL *)tp_packed_a, *const packed_b = (REAL *)tp_packed_b;
    KIND(tp_sweep_job) s;
    s.c.row = p->c.row;
    s.c.column = p->c.column;
    for (ptrdiff_t left = 0; left < p->m; left += TP_PANELS * PANEL) {
        const ptrdiff_t right = p->m - left < TP_PANELS * PANEL ? p->m : left + TP_PANELS * PANEL;
        for (ptrdiff_t block = 0; block < blocks; block++) {
            const tp_operand *base = block ? &p->c : &p->base;
            const ptrdiff_t from = block * depth;
            s.depth = p->k - from < depth ? p->k - from : depth;
            s.c.base_row = base->row;
            s.c.base_column = base->column;
            for (ptrdiff_t top = 0; top < p->n; top += TP_HEIGHT) {
                s.rows = p->n - top < TP_HEIGHT ? p->n - top : TP_HEIGHT;
                s.a = a + top * p->a.row + from * p->a.column;
                s.a_row = p->a.row;
                s.a_column = p->a.column;
                s.a_tile = ROWS * p->a.row;
                if (p->pack_a) {
                    KIND(tp_pack_rows)(packed_a, s.a, s.a_row, s.a_column, s.rows, s.depth);
                    s.a = packed_a;
                    s.a_row = 1;
                    s.a_column = ROWS;
                    s.a_tile = ROWS * s.depth;
                }
                for (ptrdiff_t j = left; j < right; j += s.columns) {
                    s.columns = KIND(tp_panel)(right - j);
                    KIND(tp_prepare_panel)(&s, b + from * p->b.row + j * p->b.column, p, p->pack_b, top == 0, j,
                                           packed_b + (j - left) * s.depth);
                    s.c.at = c + top * p->c.row + j * p->c.column;
                    s.c.base = base->data == NULL
                                   ? NULL
                                   : (const REAL *)base->data + top * base->row + j * base->column;
                    KIND(tp_sweep)(s);
                }
            }
        }
    }
}

/* c = a @ b + base, as the plan says */
static void KIND(tp_multiply)(const tp_plan *p) {
    if (p->dots) {
        const KIND(tp_target) c = {p->c.data, p->c.row, p->c.column, p->base.data, p->base.row, p->base.column};
        KIND(tp_dots)(&c, p->a.data, p->a.row, p->b.data, p->b.column, p->n, p->k, p->m);
    } else {
        KIND(tp_multiply_blocks)(p);
    }
}

#undef TP_HEIGHT
#undef TP_PANELS
#undef LANES
#undef PANEL
