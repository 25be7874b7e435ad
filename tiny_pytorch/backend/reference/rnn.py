"""Recurrent layers in one direction over a whole sequence, and their gradients by backpropagation through time.

x is (T, N, I): T steps of N sequences. ``reverse`` runs from the last step to the first; results lie at their step
either way. Gates are concatenated along the last axis of the weights' products, H features each. Biases are None
where there are none, and so are gradients of results that nobody used (gy, gh, gc).
"""

from __future__ import annotations

import math

from .elementwise import relu_grad, sigmoid

__all__ = ["gru", "gru_grad", "lstm", "lstm_grad", "rnn", "rnn_grad"]


def rnn(xp, x, h, w_ih, w_hh, b_ih, b_hh, nonlinearity, reverse):
    """``(y, h_n, states)``: ``h = f(w_ih x + b_ih + w_hh h + b_hh)`` with f "tanh" or "relu".

    x (T, N, I), h (N, H), w_ih (H, I), w_hh (H, H), biases (H,). ``y`` (T, N, H) holds h of every step, ``states`` too,
    in memory of its own.
    """
    _check_nonlinearity(nonlinearity)
    from_input = _affine(xp, x, w_ih, b_ih)
    states = []
    for t in _order(x, reverse):
        a = from_input[t, ...] + _affine(xp, h, w_hh, b_hh)
        h = xp.tanh(a) if nonlinearity == "tanh" else xp.maximum(a, 0)
        states.append(h)
    return _sequence(xp, states, reverse), h, _sequence(xp, states, reverse)


def rnn_grad(xp, gy, gh, x, h, w_ih, w_hh, states, nonlinearity, reverse, needs):
    """``(gx, gh, gw_ih, gw_hh, gb_ih, gb_hh)``, from the states that `rnn` returned."""
    _check_nonlinearity(nonlinearity)
    gh = xp.zeros_like(h) if gh is None else gh
    slopes = []
    for t in _backwards(x, reverse):
        now = states[t, ...]
        gh = gh if gy is None else gh + gy[t, ...]
        ga = gh * (1.0 - now * now) if nonlinearity == "tanh" else relu_grad(xp, gh, now)
        gh = xp.matmul(ga, w_hh)
        slopes.append(ga)
    slopes = _sequence(xp, slopes, not reverse)
    before = _before(xp, h, states, reverse)
    return _gradients(xp, gh, slopes, slopes, x, before, w_ih, needs)


def lstm(xp, x, h, c, w_ih, w_hh, b_ih, b_hh, reverse):
    """``(y, h_n, c_n, gates, cells)`` of a long short-term memory (Hochreiter and Schmidhuber, 1997).

    ``i, f, o = sigmoid(...)`` and ``g = tanh(...)`` of ``w_ih x + b_ih + w_hh h + b_hh``, in the order i, f, g, o, then
    ``c = f c + i g`` and ``h = o tanh(c)``. x (T, N, I), h and c (N, H), w_ih (4H, I), w_hh (4H, H), biases (4H,).
    ``y`` (T, N, H) holds h of every step, ``cells`` c, and ``gates`` (T, N, 4H) i, f, g and o.
    """
    from_input = _affine(xp, x, w_ih, b_ih)
    ys, cells, gates = [], [], []
    for t in _order(x, reverse):
        i, f, g, o = _split(from_input[t, ...] + _affine(xp, h, w_hh, b_hh), 4)
        i, f, g, o = sigmoid(xp, i), sigmoid(xp, f), xp.tanh(g), sigmoid(xp, o)
        c = f * c + i * g
        h = o * xp.tanh(c)
        ys.append(h)
        cells.append(c)
        gates.append(xp.concat([i, f, g, o], axis=-1))
    return _sequence(xp, ys, reverse), h, c, _sequence(xp, gates, reverse), _sequence(xp, cells, reverse)


def lstm_grad(xp, gy, gh, gc, x, h, c, w_ih, w_hh, gates, cells, reverse, needs):
    """``(gx, gh, gc, gw_ih, gw_hh, gb_ih, gb_hh)``, from the gates and cells that `lstm` returned."""
    gh = xp.zeros_like(h) if gh is None else gh
    gc = xp.zeros_like(c) if gc is None else gc
    cells_before = _before(xp, c, cells, reverse)
    slopes = []
    for t in _backwards(x, reverse):
        i, f, g, o = _split(gates[t, ...], 4)
        bent = xp.tanh(cells[t, ...])
        gh = gh if gy is None else gh + gy[t, ...]
        gc = gc + gh * o * (1.0 - bent * bent)
        ga = xp.concat(
            [
                gc * g * (i * (1.0 - i)),
                gc * cells_before[t, ...] * (f * (1.0 - f)),
                gc * i * (1.0 - g * g),
                gh * bent * (o * (1.0 - o)),
            ],
            axis=-1,
        )
        gc = gc * f
        gh = xp.matmul(ga, w_hh)
        slopes.append(ga)
    slopes = _sequence(xp, slopes, not reverse)
    before = _before(xp, h, _split(gates, 4)[3] * xp.tanh(cells), reverse)
    gx, gh, *weights = _gradients(xp, gh, slopes, slopes, x, before, w_ih, (*needs[:2], *needs[3:]))
    return gx, gh, gc if needs[2] else None, *weights


def gru(xp, x, h, w_ih, w_hh, b_ih, b_hh, reverse):
    """``(y, h_n, gates)`` of gated recurrent units (Cho et al., 2014; the reset gate after the product).

    With ``a = w_ih x + b_ih`` and ``b = w_hh h + b_hh``, in the order r, z, n: ``r, z = sigmoid(a + b)``,
    ``n = tanh(a + r b)``, ``h = (1 - z) n + z h``. x (T, N, I), h (N, H), w_ih (3H, I), w_hh (3H, H), biases (3H,).
    ``y`` (T, N, H) holds h of every step, ``gates`` (T, N, 4H) r, z, n and the b of n.
    """
    from_input = _affine(xp, x, w_ih, b_ih)
    ys, gates = [], []
    for t in _order(x, reverse):
        a_r, a_z, a_n = _split(from_input[t, ...], 3)
        b_r, b_z, b_n = _split(_affine(xp, h, w_hh, b_hh), 3)
        r, z = sigmoid(xp, a_r + b_r), sigmoid(xp, a_z + b_z)
        n = xp.tanh(a_n + r * b_n)
        h = (1.0 - z) * n + z * h
        ys.append(h)
        gates.append(xp.concat([r, z, n, b_n], axis=-1))
    return _sequence(xp, ys, reverse), h, _sequence(xp, gates, reverse)


def gru_grad(xp, gy, gh, x, h, w_ih, w_hh, gates, reverse, needs):
    """``(gx, gh, gw_ih, gw_hh, gb_ih, gb_hh)``, from the gates that `gru` returned."""
    gh = xp.zeros_like(h) if gh is None else gh
    states = [h]
    for t in _order(x, reverse):
        _, z, n, _ = _split(gates[t, ...], 4)
        states.append((1.0 - z) * n + z * states[-1])
    states.pop()
    before = _sequence(xp, states, reverse)
    slopes_a, slopes_b = [], []
    for t in _backwards(x, reverse):
        r, z, n, b_n = _split(gates[t, ...], 4)
        gh = gh if gy is None else gh + gy[t, ...]
        ga_n = gh * (1.0 - z) * (1.0 - n * n)
        ga_z = gh * (before[t, ...] - n) * (z * (1.0 - z))
        ga_r = ga_n * b_n * (r * (1.0 - r))
        slopes_a.append(xp.concat([ga_r, ga_z, ga_n], axis=-1))
        slopes_b.append(xp.concat([ga_r, ga_z, ga_n * r], axis=-1))
        gh = gh * z + xp.matmul(slopes_b[-1], w_hh)
    slopes_a, slopes_b = _sequence(xp, slopes_a, not reverse), _sequence(xp, slopes_b, not reverse)
    return _gradients(xp, gh, slopes_a, slopes_b, x, before, w_ih, needs)


def _affine(xp, x, weight, bias):
    y = xp.matmul(x, xp.matrix_transpose(weight))
    return y if bias is None else y + bias


def _order(x, reverse):
    """The steps in the order in which they are computed."""
    return range(x.shape[0])[::-1] if reverse else range(x.shape[0])


def _backwards(x, reverse):
    return _order(x, not reverse)


def _sequence(xp, parts, reverse):
    """What was computed step by step, by step."""
    return xp.stack(parts[::-1] if reverse else parts)


def _split(a, n):
    """The n equal parts of the last axis."""
    size = a.shape[-1] // n
    return [a[..., k * size : (k + 1) * size] for k in range(n)]


def _before(xp, first, states, reverse):
    """For every step, the state of the step computed before it."""
    first = xp.expand_dims(first, axis=0)
    return xp.concat([states[1:, ...], first] if reverse else [first, states[:-1, ...]], axis=0)


def _gradients(xp, gh, slopes_a, slopes_b, x, before, w_ih, needs):
    """``(gx, gh, gw_ih, gw_hh, gb_ih, gb_hh)`` of ``a = w_ih x + b_ih`` and ``b = w_hh h + b_hh`` at all steps."""
    rows = math.prod(x.shape[:2])
    flat_a, flat_b, flat_x, flat_h = (xp.reshape(v, (rows, v.shape[-1])) for v in (slopes_a, slopes_b, x, before))
    return (
        xp.matmul(slopes_a, w_ih) if needs[0] else None,
        gh if needs[1] else None,
        xp.matmul(xp.matrix_transpose(flat_a), flat_x) if needs[2] else None,
        xp.matmul(xp.matrix_transpose(flat_b), flat_h) if needs[3] else None,
        xp.sum(flat_a, axis=0) if needs[4] else None,
        xp.sum(flat_b, axis=0) if needs[5] else None,
    )


def _check_nonlinearity(nonlinearity):
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
