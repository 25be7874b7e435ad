/* One step of a recurrent layer and of its gradient, all but the matrix products. rnn.h includes this once per type.
 *
 * Rows are sequences. `a` is the product with the input, `z` that with the states before, b the sum of both biases.
 * Gates lie one after another in a row, H numbers each.
 */

static TP_SIMD void KIND(tp_rnn_step)(REAL *TP_RESTRICT s, const REAL *TP_RESTRICT z, const REAL *TP_RESTRICT b,
                                      REAL *TP_RESTRICT y, npy_intp rows, npy_intp H, int is_tanh) {
    for (npy_intp r = 0; r < rows; r++, s += H, z += H, y += H) {
        if (is_tanh)
            TP_INDEPENDENT
            for (npy_intp j = 0; j < H; j++) y[j] = s[j] = KIND(tp_tanh)(s[j] + z[j] + b[j]);
        else
            TP_INDEPENDENT
            for (npy_intp j = 0; j < H; j++) {
                const REAL v = s[j] + z[j] + b[j];
                y[j] = s[j] = v < 0 ? 0 : v; /* so written, NaN stays NaN */
            }
    }
}

/* ga = (gh + gy) f'(s) */
static TP_SIMD void KIND(tp_rnn_step_grad)(REAL *TP_RESTRICT ga, const REAL *TP_RESTRICT gh,
                                           const REAL *TP_RESTRICT gy, const REAL *TP_RESTRICT s, npy_intp n,
                                           int is_tanh) {
    for (npy_intp i = 0; i < n; i++) {
        const REAL g = gh[i] + gy[i];
        ga[i] = is_tanh ? g * (1 - s[i] * s[i]) : s[i] > 0 ? g : 0;
    }
}

/* The gates in place of `a`, the next c and h. */
static TP_SIMD void KIND(tp_lstm_step)(REAL *TP_RESTRICT a, const REAL *TP_RESTRICT z, const REAL *TP_RESTRICT b,
                                       const REAL *TP_RESTRICT before, REAL *TP_RESTRICT c, REAL *TP_RESTRICT h,
                                       npy_intp rows, npy_intp H) {
    for (npy_intp r = 0; r < rows; r++, a += 4 * H, z += 4 * H, before += H, c += H, h += H) {
        TP_INDEPENDENT
        for (npy_intp j = 0; j < 2 * H; j++) a[j] = KIND(tp_sigmoid)(a[j] + z[j] + b[j]);
        TP_INDEPENDENT
        for (npy_intp j = 2 * H; j < 3 * H; j++) a[j] = KIND(tp_tanh)(a[j] + z[j] + b[j]);
        TP_INDEPENDENT
        for (npy_intp j = 0; j < H; j++) {
            const REAL o = KIND(tp_sigmoid)(a[3 * H + j] + z[3 * H + j] + b[3 * H + j]);
            c[j] = a[H + j] * before[j] + a[j] * a[2 * H + j];
            a[3 * H + j] = o;
            h[j] = o * KIND(tp_tanh)(c[j]);
        }
    }
}

/* The slopes ga of the gates, gc of the cell before, in place; h is computed again. */
static TP_SIMD void KIND(tp_lstm_step_grad)(REAL *TP_RESTRICT ga, REAL *TP_RESTRICT gc, REAL *TP_RESTRICT h,
                                            const REAL *TP_RESTRICT gh, const REAL *TP_RESTRICT gy,
                                            const REAL *TP_RESTRICT gates, const REAL *TP_RESTRICT c,
                                            const REAL *TP_RESTRICT before, npy_intp rows, npy_intp H) {
    for (npy_intp r = 0; r < rows; r++, ga += 4 * H, gates += 4 * H) {
        TP_INDEPENDENT
        for (npy_intp j = 0; j < H; j++) {
            const npy_intp at = r * H + j;
            const REAL i = gates[j], f = gates[H + j], g = gates[2 * H + j], o = gates[3 * H + j];
            const REAL bent = KIND(tp_tanh)(c[at]);
            const REAL up = gh[at] + gy[at];
            const REAL slope = gc[at] + up * o * (1 - bent * bent);
            ga[j] = slope * g * (i * (1 - i));
            ga[H + j] = slope * before[at] * (f * (1 - f));
            ga[2 * H + j] = slope * i * (1 - g * g);
            ga[3 * H + j] = up * bent * (o * (1 - o));
            gc[at] = slope * f;
            h[at] = o * bent;
        }
    }
}

/* Gates r, z, n and the product of n with the states; the next h. b has the sums for r and z, then n's b_ih, b_hh. */
static TP_SIMD void KIND(tp_gru_step)(REAL *TP_RESTRICT gates, const REAL *TP_RESTRICT a, const REAL *TP_RESTRICT z,
                                      const REAL *TP_RESTRICT b, const REAL *TP_RESTRICT before,
                                      REAL *TP_RESTRICT h, npy_intp rows, npy_intp H) {
    for (npy_intp r = 0; r < rows; r++, gates += 4 * H, a += 3 * H, z += 3 * H, before += H, h += H) {
        TP_INDEPENDENT
        for (npy_intp j = 0; j < 2 * H; j++) gates[j] = KIND(tp_sigmoid)(a[j] + z[j] + b[j]);
        TP_INDEPENDENT
        for (npy_intp j = 0; j < H; j++) {
            const REAL product = z[2 * H + j] + b[3 * H + j], keep = gates[H + j];
            const REAL n = KIND(tp_tanh)(a[2 * H + j] + b[2 * H + j] + gates[j] * product);
            gates[2 * H + j] = n;
            gates[3 * H + j] = product;
            h[j] = (1 - keep) * n + keep * before[j];
        }
    }
}

/* h of a step again, from its gates. */
static TP_SIMD void KIND(tp_gru_again)(REAL *TP_RESTRICT h, const REAL *TP_RESTRICT gates,
                                       const REAL *TP_RESTRICT before, npy_intp rows, npy_intp H) {
    for (npy_intp r = 0; r < rows; r++, gates += 4 * H, before += H, h += H)
        TP_INDEPENDENT
        for (npy_intp j = 0; j < H; j++) {
            const REAL keep = gates[H + j];
            h[j] = (1 - keep) * gates[2 * H + j] + keep * before[j];
        }
}

/* The slopes of both products, and of the states before but for their product: carry. */
static TP_SIMD void KIND(tp_gru_step_grad)(REAL *TP_RESTRICT ga, REAL *TP_RESTRICT gb, REAL *TP_RESTRICT carry,
                                           const REAL *TP_RESTRICT gh, const REAL *TP_RESTRICT gy,
                                           const REAL *TP_RESTRICT gates, const REAL *TP_RESTRICT before,
                                           npy_intp rows, npy_intp H) {
    for (npy_intp row = 0; row < rows; row++, ga += 3 * H, gb += 3 * H, gates += 4 * H)
        TP_INDEPENDENT
        for (npy_intp j = 0; j < H; j++) {
            const npy_intp at = row * H + j;
            const REAL r = gates[j], z = gates[H + j], n = gates[2 * H + j], product = gates[3 * H + j];
            const REAL up = gh[at] + gy[at] + carry[at];
            const REAL g_n = up * (1 - z) * (1 - n * n);
            gb[j] = ga[j] = g_n * product * (r * (1 - r));
            gb[H + j] = ga[H + j] = up * (before[at] - n) * (z * (1 - z));
            ga[2 * H + j] = g_n;
            gb[2 * H + j] = g_n * r;
            carry[at] = up * z;
        }
}

/* a += b */
static TP_SIMD void KIND(tp_rnn_add)(REAL *TP_RESTRICT a, const REAL *TP_RESTRICT b, npy_intp n) {
    for (npy_intp i = 0; i < n; i++) a[i] += b[i];
}

/* total += the sum of the rows of a (rows, n); of so few that their own type holds it */
static TP_SIMD void KIND(tp_rnn_sum_rows)(double *TP_RESTRICT total, const REAL *TP_RESTRICT a, npy_intp rows,
                                          npy_intp n) {
    for (npy_intp left = 0; left < n; left += 64) {
        const npy_intp wide = n - left < 64 ? n - left : 64;
        REAL run[64] = {0};
        for (npy_intp r = 0; r < rows; r++)
            for (npy_intp j = 0; j < wide; j++) run[j] += a[r * n + left + j];
        for (npy_intp j = 0; j < wide; j++) total[left + j] += run[j];
    }
}

static void KIND(tp_rnn_round)(REAL *TP_RESTRICT y, const double *TP_RESTRICT x, npy_intp n) {
    for (npy_intp i = 0; i < n; i++) y[i] = (REAL)x[i];
}
