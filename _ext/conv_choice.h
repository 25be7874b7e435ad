/* Which register tiles of conv_tile.h this processor runs. Included once for each type: TP_REAL, TP_NAME, TP_WIDE,
 * TP_NARROW. */

/* The two widths of a register tile; the wide one needs the 32 registers of AVX-512. */
typedef struct {
    void (*rows)(TP_REAL *, ptrdiff_t, const TP_REAL *, const TP_REAL *, const TP_REAL *, const ptrdiff_t *, ptrdiff_t,
                 const tp_conv_link *, ptrdiff_t, int, ptrdiff_t);
    void (*dots)(TP_REAL *, ptrdiff_t, ptrdiff_t, const TP_REAL *, ptrdiff_t, ptrdiff_t, const TP_REAL *,
                 const ptrdiff_t *, ptrdiff_t, const tp_conv_link *, ptrdiff_t, ptrdiff_t);
    ptrdiff_t high, tall, wide;
} TP_NAME(tp_conv_tiles);

static const TP_REAL TP_NAME(tp_conv_no_bias)[8] = {0};

/* The biases of a tile of filters, in `room` where some of them are over the edge. */
static inline const TP_REAL *TP_NAME(tp_conv_bias)(TP_REAL *room, const TP_REAL *b, ptrdiff_t filters, ptrdiff_t high) {
    if (b == NULL) return TP_NAME(tp_conv_no_bias);
    if (filters >= high) return b;
    for (ptrdiff_t o = 0; o < high; o++) room[o] = o < filters ? b[o] : 0;
    return room;
}

static inline TP_NAME(tp_conv_tiles) TP_NAME(tp_conv_choose)(void) {
    if (tp_conv_wide()) return (TP_NAME(tp_conv_tiles)){TP_WIDE(tp_conv_rows), TP_WIDE(tp_conv_dots), 8, 4, 6};
    return (TP_NAME(tp_conv_tiles)){TP_NARROW(tp_conv_rows), TP_NARROW(tp_conv_dots), 4, 3, 4};
}
