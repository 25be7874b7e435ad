/* Matrix products in caches, for one type and one width of vectors: which parts meet in which order, and what is copied
 * together first. Included by product.h after product_tile.h.
 *
 * The order is that of K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication" (2008), as in
 * BLIS, less its blocks of b: a block of a stays in the second cache, and a panel of b, three vectors wide, in the
 * first while all rows of the block of a pass by it. The first of them pack it.
 */

/* The width of the next panel: three vectors, but two where four are left, which beats three and one. */
static inline ptrdiff_t KIND(tp_panel)(ptrdiff_t columns) {
    if (columns > 3 * LANES && columns <= 4 * LANES) return 2 * LANES;
    return columns < PANEL ? columns : PANEL;
}

/* One panel of b as the tiles read it: where it lies, or packed. Fills in b, b_row, room and skip. */
static inline void KIND(tp_prepare_panel)(KIND(tp_sweep_job) *s, const REAL *b, const tp_plan *p, ptrdiff_t before) {
    const ptrdiff_t rest = s->columns % LANES, skip = rest ? LANES - rest : 0;
    s->b = b;
    s->b_row = p->b.row;
    s->skip = 0;
    s->room = NULL;
    if (!p->pack_b && skip <= before) { /* the last vector reads columns that an earlier one has read too */
        s->skip = skip;
        s->b -= skip;
    } else if (p->b.column == 1 && skip == 0 && s->rows >= ROWS) {
        s->room = (REAL *)tp_packed_b;
    } else {
        REAL *const packed = (REAL *)tp_packed_b;
        s->b = packed;
        s->b_row = s->columns + skip;
        KIND(tp_pack_panel)(packed, s->b_row, b, p->b.row, p->b.column, s->depth, s->columns);
    }
}

static void KIND(tp_multiply_blocks)(const tp_plan *p) {
    const ptrdiff_t depth = tp_part(p->k, p->k > TP_DEPTH ? TP_DEPTH_OF_MANY : TP_DEPTH, 16);
    /* What is read in place may be a little more than a block, where that spares a second one. */
    const ptrdiff_t bytes = p->pack_a ? TP_BLOCK : TP_BLOCK / 4 * 5;
    const ptrdiff_t row = (depth ? depth : 1) * (ptrdiff_t)sizeof(REAL);
    const ptrdiff_t height = p->n * row <= bytes ? p->n : tp_part(p->n, bytes / row / ROWS * ROWS, ROWS);
    const REAL *const a = p->a.data, *const b = p->b.data;
    REAL *const c = p->c.data;
    KIND(tp_sweep_job) s;
    s.c.row = p->c.row;
    s.c.column = p->c.column;
    for (ptrdiff_t top = 0; top < p->n; top += height) {
        s.rows = p->n - top < height ? p->n - top : height;
        ptrdiff_t from = 0;
        do {
            const tp_operand *base = from ? &p->c : &p->base;
            s.depth = p->k - from < depth ? p->k - from : depth;
            s.c.base_row = base->row;
            s.c.base_column = base->column;
            s.a = a + top * p->a.row + from * p->a.column;
            s.a_row = p->a.row;
            s.a_column = p->a.column;
            s.a_tile = ROWS * p->a.row;
            if (p->pack_a) {
                KIND(tp_pack_rows)((REAL *)tp_packed_a, s.a, s.a_row, s.a_column, s.rows, s.depth);
                s.a = (REAL *)tp_packed_a;
                s.a_row = 1;
                s.a_column = ROWS;
                s.a_tile = ROWS * s.depth;
            }
            for (ptrdiff_t j = 0; j < p->m; j += s.columns) {
                s.columns = KIND(tp_panel)(p->m - j);
                KIND(tp_prepare_panel)(&s, b + from * p->b.row + j * p->b.column, p, j);
                s.c.at = c + top * p->c.row + j * p->c.column;
                s.c.base = base->data == NULL ? NULL
                                              : (const REAL *)base->data + top * base->row + j * base->column;
                KIND(tp_sweep)(s);
            }
            from += depth;
        } while (from < p->k);
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

#undef PANEL
