/* Transposes for convolution, four rows of four numbers at a time. Included once for each type: TP_REAL, TP_NAME,
 * TP_INTEGER. */

typedef TP_REAL TP_NAME(tp_four) __attribute__((vector_size(4 * sizeof(TP_REAL))));
typedef TP_REAL TP_NAME(tp_four_loose) __attribute__((vector_size(4 * sizeof(TP_REAL)), aligned(sizeof(TP_REAL)),
                                                      may_alias));
typedef TP_INTEGER TP_NAME(tp_four_lanes) __attribute__((vector_size(4 * sizeof(TP_REAL))));

/* The transpose of four rows of four numbers, to rows `step` apart. */
TP_INLINE void TP_NAME(tp_turn_rows)(TP_REAL *to, ptrdiff_t step, const TP_NAME(tp_four) row[4]) {
#define TP_MIX(a, b, ...) TP_SHUFFLE(TP_NAME(tp_four_lanes), a, b, __VA_ARGS__)
    const TP_NAME(tp_four) low = TP_MIX(row[0], row[1], 0, 4, 1, 5), high = TP_MIX(row[0], row[1], 2, 6, 3, 7);
    const TP_NAME(tp_four) low2 = TP_MIX(row[2], row[3], 0, 4, 1, 5), high2 = TP_MIX(row[2], row[3], 2, 6, 3, 7);
    *(TP_NAME(tp_four_loose) *)to = TP_MIX(low, low2, 0, 1, 4, 5);
    *(TP_NAME(tp_four_loose) *)(to + step) = TP_MIX(low, low2, 2, 3, 6, 7);
    *(TP_NAME(tp_four_loose) *)(to + 2 * step) = TP_MIX(high, high2, 0, 1, 4, 5);
    *(TP_NAME(tp_four_loose) *)(to + 3 * step) = TP_MIX(high, high2, 2, 3, 6, 7);
#undef TP_MIX
}

/* The same, from rows `from_step` to rows `to_step` apart. */
TP_INLINE void TP_NAME(tp_turn)(TP_REAL *to, ptrdiff_t to_step, const TP_REAL *from, ptrdiff_t from_step) {
    const TP_NAME(tp_four) row[4] = {TP_FOUR(from), TP_FOUR(from + from_step), TP_FOUR(from + 2 * from_step),
                                     TP_FOUR(from + 3 * from_step)};
    TP_NAME(tp_turn_rows)(to, to_step, row);
}

/* The same for numbers that count where those of the mask, which lies like them, are above 0; else they are 0. */
TP_INLINE void TP_NAME(tp_turn_passed)(TP_REAL *to, ptrdiff_t to_step, const TP_REAL *from, const TP_REAL *mask,
                                       ptrdiff_t from_step) {
    TP_NAME(tp_four) row[4];
    for (int i = 0; i < 4; i++) row[i] = TP_PASSED(from + i * from_step, mask + i * from_step);
    TP_NAME(tp_turn_rows)(to, to_step, row);
}

/* Columns of a part of the weights as rows of `high` numbers, `step` rows apart:
 *
 *     to[t * step * high + o] = from[o * row + element[t]] for o < some, 0 for the other o < high
 *
 * `plain`: element[t] is t. */
static void TP_NAME(tp_conv_pack_block)(TP_REAL *to, ptrdiff_t step, const TP_REAL *from, ptrdiff_t row,
                                        const ptrdiff_t *element, ptrdiff_t columns, ptrdiff_t some, ptrdiff_t high,
                                        int plain) {
    ptrdiff_t t = 0;
    for (; plain && some == high && t + 4 <= columns; t += 4)
        for (ptrdiff_t o = 0; o < high; o += 4)
            TP_NAME(tp_turn)(to + t * step * high + o, step * high, from + o * row + t, row);
    for (; t < columns; t++)
        for (ptrdiff_t o = 0; o < high; o++)
            to[t * step * high + o] = o < some ? from[o * row + (plain ? t : element[t])] : 0;
}
