/* The update rules for one floating type: one pass over memory each. optim.h includes this once per type,
 * with
 *
 *     REAL       float or double
 *     SQRT       its square root, FAST_SQRT one that leaves the divider alone, if there is
 *     NAME(x)    x with the type's suffix
 *
 * The scalars come in double precision and are rounded once to REAL. What is the same for every element of a
 * tensor (bias corrections, 1 - lr * weight_decay) was folded into them, so that Adam takes one square root
 * and one division per element, which share one divider and bind it in cache. A switch that is constant over a call is
 * a parameter of an inlined body: the compiler makes a loop for each value, without a branch inside.
 */

/* u = momentum u + (1 - momentum) g;  d = u, or its look-ahead;  p = keep p - lr d */
TP_INLINE void NAME(sgd_body)(REAL *TP_RESTRICT p, const REAL *TP_RESTRICT g, REAL *TP_RESTRICT u,
                              ptrdiff_t n, const tp_sgd_rule *rule, int with_momentum, int nesterov) {
    const REAL lr = (REAL)rule->lr, keep = (REAL)rule->keep;
    const REAL momentum = (REAL)rule->momentum, gain = (REAL)rule->gain;
    for (ptrdiff_t i = 0; i < n; i++) {
        REAL d = g[i];
        if (with_momentum) {
            const REAL fresh = gain * g[i];
            u[i] = momentum * u[i] + fresh;
            d = nesterov ? fresh + momentum * u[i] : u[i];
        }
        p[i] = keep * p[i] - lr * d;
    }
}

static TP_SIMD void NAME(sgd)(REAL *p, const REAL *g, REAL *u, ptrdiff_t n, const tp_sgd_rule *rule) {
    if (!u) NAME(sgd_body)(p, g, u, n, rule, 0, 0);
    else if (rule->nesterov) NAME(sgd_body)(p, g, u, n, rule, 1, 1);
    else NAME(sgd_body)(p, g, u, n, rule, 1, 0);
}

/* g += weight_decay p;  u = momentum u + (1 - dampening) g;  d = u, or g + momentum u;  p -= lr d */
TP_INLINE void NAME(sgd_dampened_body)(REAL *TP_RESTRICT p, const REAL *TP_RESTRICT g, REAL *TP_RESTRICT u,
                                       ptrdiff_t n, const tp_sgd_rule *rule, int decay, int with_momentum,
                                       int nesterov) {
    const REAL lr = (REAL)rule->lr, weight_decay = (REAL)rule->weight_decay;
    const REAL momentum = (REAL)rule->momentum, gain = (REAL)rule->gain;
    for (ptrdiff_t i = 0; i < n; i++) {
        REAL d = decay ? g[i] + weight_decay * p[i] : g[i];
        if (with_momentum) {
            u[i] = momentum * u[i] + gain * d;
            d = nesterov ? d + momentum * u[i] : u[i];
        }
        p[i] -= lr * d;
    }
}

static TP_SIMD void NAME(sgd_dampened)(REAL *p, const REAL *g, REAL *u, ptrdiff_t n,
                                       const tp_sgd_rule *rule) {
    const int decay = rule->weight_decay != 0;
    if (!u) {
        if (decay) NAME(sgd_dampened_body)(p, g, u, n, rule, 1, 0, 0);
        else NAME(sgd_dampened_body)(p, g, u, n, rule, 0, 0, 0);
    } else if (rule->nesterov) {
        if (decay) NAME(sgd_dampened_body)(p, g, u, n, rule, 1, 1, 1);
        else NAME(sgd_dampened_body)(p, g, u, n, rule, 0, 1, 1);
    } else {
        if (decay) NAME(sgd_dampened_body)(p, g, u, n, rule, 1, 1, 0);
        else NAME(sgd_dampened_body)(p, g, u, n, rule, 0, 1, 0);
    }
}

/* g += weight_decay p;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
 * p = keep p - step m / (scale sqrt(v) + eps), with step = lr / (1 - beta1^t), scale = 1 / sqrt(1 - beta2^t);
 * with the largest v so far in place of v where that is kept (AMSGrad) */
TP_INLINE void NAME(adam_body)(REAL *TP_RESTRICT p, const REAL *TP_RESTRICT g, REAL *TP_RESTRICT m,
                               REAL *TP_RESTRICT v, REAL *TP_RESTRICT largest, ptrdiff_t n, const tp_adam_rule *rule,
                               double step_, double scale_, int decay, int decoupled, int amsgrad, int fast) {
    const REAL beta1 = (REAL)rule->beta1, rest1 = (REAL)(1 - rule->beta1);
    const REAL beta2 = (REAL)rule->beta2, rest2 = (REAL)(1 - rule->beta2);
    const REAL eps = (REAL)rule->eps, weight_decay = (REAL)rule->weight_decay;
    const REAL step = (REAL)step_, scale = (REAL)scale_, keep = (REAL)rule->keep;
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL d = decay ? g[i] + weight_decay * p[i] : g[i];
        m[i] = beta1 * m[i] + rest1 * d;
        v[i] = beta2 * v[i] + rest2 * (d * d);
        REAL square = v[i];
        if (amsgrad) largest[i] = square = square > largest[i] || square != square ? square : largest[i];
        const REAL root = fast ? FAST_SQRT(square) : SQRT(square);
        p[i] = (decoupled ? keep * p[i] : p[i]) - step * (m[i] / (scale * root + eps));
    }
}

TP_INLINE void NAME(adam_bodies)(REAL *p, const REAL *g, REAL *m, REAL *v, REAL *largest, ptrdiff_t n,
                                 const tp_adam_rule *rule, double step, double scale, int fast) {
    const int decay = rule->weight_decay != 0, decoupled = rule->keep != 1;
    if (largest) NAME(adam_body)(p, g, m, v, largest, n, rule, step, scale, decay, 1, 1, fast);
    else if (decay) NAME(adam_body)(p, g, m, v, largest, n, rule, step, scale, 1, 0, 0, fast);
    else if (decoupled) NAME(adam_body)(p, g, m, v, largest, n, rule, step, scale, 0, 1, 0, fast);
    else NAME(adam_body)(p, g, m, v, largest, n, rule, step, scale, 0, 0, 0, fast);
}

static TP_SIMD void NAME(adam)(REAL *p, const REAL *g, REAL *m, REAL *v, REAL *largest, ptrdiff_t n,
                               const tp_adam_rule *rule, double step, double scale) {
    NAME(adam_bodies)(p, g, m, v, largest, n, rule, step, scale, 0);
}

/* g += weight_decay p;  v = alpha v + (1 - alpha) g^2;  d = g / (sqrt(v) + eps), centered: with v - m^2 for v
 * (0 where rounding makes it negative) and m = alpha m + (1 - alpha) g;  u = momentum u + d, or d;  p -= lr u */
TP_INLINE void NAME(rmsprop_body)(REAL *TP_RESTRICT p, const REAL *TP_RESTRICT g, REAL *TP_RESTRICT v,
                                  REAL *TP_RESTRICT m, REAL *TP_RESTRICT u, ptrdiff_t n,
                                  const tp_rmsprop_rule *rule, int centered, int with_momentum, int fast) {
    const REAL lr = (REAL)rule->lr, eps = (REAL)rule->eps, weight_decay = (REAL)rule->weight_decay;
    const REAL alpha = (REAL)rule->alpha, rest = (REAL)(1 - rule->alpha), momentum = (REAL)rule->momentum;
    const int decay = rule->weight_decay != 0; /* no clones for it: beside memory and roots it costs nothing */
    for (ptrdiff_t i = 0; i < n; i++) {
        REAL d = decay ? g[i] + weight_decay * p[i] : g[i];
        v[i] = alpha * v[i] + rest * (d * d);
        REAL variance = v[i];
        if (centered) {
            m[i] = alpha * m[i] + rest * d;
            variance -= m[i] * m[i];
            variance = variance < 0 ? 0 : variance; /* so written, NaN stays NaN */
        }
        d /= (fast ? FAST_SQRT(variance) : SQRT(variance)) + eps;
        if (with_momentum) {
            u[i] = momentum * u[i] + d;
            d = u[i];
        }
        p[i] -= lr * d;
    }
}

TP_INLINE void NAME(rmsprop_bodies)(REAL *p, const REAL *g, REAL *v, REAL *m, REAL *u, ptrdiff_t n,
                                    const tp_rmsprop_rule *rule, int fast) {
    if (m && u) NAME(rmsprop_body)(p, g, v, m, u, n, rule, 1, 1, fast);
    else if (m) NAME(rmsprop_body)(p, g, v, m, u, n, rule, 1, 0, fast);
    else if (u) NAME(rmsprop_body)(p, g, v, m, u, n, rule, 0, 1, fast);
    else NAME(rmsprop_body)(p, g, v, m, u, n, rule, 0, 0, fast);
}

static TP_SIMD void NAME(rmsprop)(REAL *p, const REAL *g, REAL *v, REAL *m, REAL *u, ptrdiff_t n,
                                  const tp_rmsprop_rule *rule) {
    NAME(rmsprop_bodies)(p, g, v, m, u, n, rule, 0);
}
