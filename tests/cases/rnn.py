"""Rows of `ops/rnn.py`."""

from __future__ import annotations

import numpy as np

from .case import Case, floats

T, N, I, H = 2, 2, 1, 2


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def split(a, n):
    return np.split(a, n, axis=-1)


def step_tanh(a, b, h):
    return (np.tanh(a + b),)


def step_relu(a, b, h):
    return (np.maximum(a + b, 0),)


def step_lstm(a, b, h, c):
    i, f, g, o = split(a + b, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def step_gru(a, b, h):
    (a_r, a_z, a_n), (b_r, b_z, b_n) = split(a, 3), split(b, 3)
    z = sigmoid(a_z + b_z)
    return ((1 - z) * np.tanh(a_n + sigmoid(a_r + b_r) * b_n) + z * h,)


STEPS = {"rnn_tanh": (1, step_tanh), "rnn_relu": (1, step_relu), "lstm": (4, step_lstm), "gru": (3, step_gru)}


def cell(step):
    def reference(x, *arrays):
        states, (w_ih, w_hh, *biases) = arrays[: 2 if step is step_lstm else 1], arrays[2 if step is step_lstm else 1 :]
        b_ih, b_hh = biases or (0, 0)
        new = step(x @ w_ih.T + b_ih, states[0] @ w_hh.T + b_hh, *states)
        return new if step is step_lstm else new[0]

    return reference


def layers(step, bias, bidirectional, batch_first):
    count, each, directions = 2 if step is step_lstm else 1, 4 if bias else 2, 2 if bidirectional else 1

    def reference(x, *arrays):
        first, params = arrays[:count], arrays[count:]
        x = x.swapaxes(0, 1) if batch_first else x
        ends = []
        for layer in range(len(params) // each // directions):
            ys = []
            for direction in range(directions):
                k = layer * directions + direction
                w_ih, w_hh, *biases = params[k * each : (k + 1) * each]
                b_ih, b_hh = biases or (0, 0)
                states = [s[k] for s in first]
                y = np.zeros((*x.shape[:2], w_hh.shape[-1]))
                for t in range(len(x))[:: -1 if direction else 1]:
                    states = step(x[t] @ w_ih.T + b_ih, states[0] @ w_hh.T + b_hh, *states)
                    y[t] = states[0]
                ys.append(y)
                ends.append(states)
            x = np.concatenate(ys, -1)
        return (x.swapaxes(0, 1) if batch_first else x, *(np.stack(s) for s in zip(*ends, strict=True)))

    return reference


def weights(gates, wide, bias):
    found = (floats(gates * H, wide), floats(gates * H, H))
    return (*found, floats(gates * H), floats(gates * H)) if bias else found


def sequence_rows(name):
    gates, step = STEPS[name]
    count = 2 if name == "lstm" else 1
    for variant, n_layers, bias, bidirectional, batch_first in (
        ("one layer", 1, True, False, False),
        ("no bias, backwards too", 1, False, True, False),
        ("two layers, batch first", 2, True, False, True),
    ):
        directions = 2 if bidirectional else 1
        params = ()
        for layer in range(n_layers):
            for _ in range(directions):
                params += weights(gates, I if layer == 0 else H * directions, bias)
        args = (
            floats(N, T, I) if batch_first else floats(T, N, I),
            *[floats(n_layers * directions, N, H)] * count,
            *params,
        )

        def call(t, x, *tensors, flags=(bias, n_layers, 0.0, False, bidirectional, batch_first)):
            hx = tensors[:count] if count > 1 else tensors[0]
            return getattr(t, name)(x, hx, tensors[count:], *flags)

        yield Case(name, call, layers(step, bias, bidirectional, batch_first), args, variant=variant,
                   second=n_layers == 1)  # fmt: skip


def packed(reference):
    """Two sequences of 2 steps and 1, each by itself."""

    def each(x, *arrays):
        first, params = arrays[:-4], arrays[-4:]
        long, *long_ends = reference(x[[0, 2], None], *[s[:, :1] for s in first], *params)
        short, *short_ends = reference(x[1:2, None], *[s[:, 1:] for s in first], *params)
        rows = np.concatenate([long[0], short[0], long[1]])
        return (rows, *(np.concatenate(ends, 1) for ends in zip(long_ends, short_ends, strict=True)))

    return each


def packed_row(name):
    gates, step = STEPS[name]
    count = 2 if name == "lstm" else 1

    def call(t, x, *tensors):
        hx = tensors[:count] if count > 1 else tensors[0]
        return getattr(t, name)(x, hx, tensors[count:], True, 1, 0.0, False, False, False, [2, 1])

    args = (floats(3, I), *[floats(1, 2, H)] * count, *weights(gates, I, True))
    return Case(name, call, packed(layers(step, True, False, False)), args, variant="packed", torch=False)


def cell_rows(name):
    gates, step = STEPS[name]
    states = (floats(N, H),) * (2 if name == "lstm" else 1)

    def call(t, x, *tensors):
        count = len(states)
        return getattr(t, f"{name}_cell")(x, tensors[:count] if count > 1 else tensors[0], *tensors[count:])

    for variant, bias in (("bias", True), ("no bias", False)):
        args = (floats(N, I), *states, *weights(gates, I, bias))
        empty = tuple((0, *a.shape[1:]) if k <= len(states) else a.shape for k, a in enumerate(args))
        yield Case(f"{name}_cell", call, cell(step), args, variant=variant, empty=empty)


CASES = [row for name in STEPS for row in (*sequence_rows(name), packed_row(name), *cell_rows(name))]
