"""Recurrent layers: RNN, LSTM and GRU over whole sequences, and their cells, which make one step.

One op runs one layer in one direction over all steps; layers and directions are stacked from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import op
from .dropout import dropout as drop
from .joining import cat, stack
from .packed import first_step, over_blocks

__all__ = ["gru", "gru_cell", "lstm", "lstm_cell", "rnn_relu", "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops


@op(promotes="floating", extra=True, many=True, name="rnn", autocast="low")
def _rnn(
    k: K, x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None, *,
    nonlinearity: str, reverse: bool,
) -> tuple:  # fmt: skip
    y, h_n, states = k.rnn(x, h, w_ih, w_hh, b_ih, b_hh, nonlinearity, reverse)
    return (y, h_n), (states,)


@_rnn.gradient
def _(k: K, g: tuple, saved: Any, *, nonlinearity: str, reverse: bool) -> tuple:
    x, h, w_ih, w_hh, _, _ = saved.inputs
    return k.rnn_grad(*g, x, h, w_ih, w_hh, *saved.extra, nonlinearity, reverse, saved.needs)


@op(promotes="floating", extra=True, many=True, name="lstm", autocast="low")
def _lstm(
    k: K, x: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None, *,
    reverse: bool,
) -> tuple:  # fmt: skip
    y, h_n, c_n, gates, cells = k.lstm(x, h, c, w_ih, w_hh, b_ih, b_hh, reverse)
    return (y, h_n, c_n), (gates, cells)


@_lstm.gradient
def _(k: K, g: tuple, saved: Any, *, reverse: bool) -> tuple:
    x, h, c, w_ih, w_hh, _, _ = saved.inputs
    return k.lstm_grad(*g, x, h, c, w_ih, w_hh, *saved.extra, reverse, saved.needs)


@op(promotes="floating", extra=True, many=True, name="gru", autocast="low")
def _gru(
    k: K, x: Array, h: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None, *, reverse: bool
) -> tuple:
    y, h_n, gates = k.gru(x, h, w_ih, w_hh, b_ih, b_hh, reverse)
    return (y, h_n), (gates,)


@_gru.gradient
def _(k: K, g: tuple, saved: Any, *, reverse: bool) -> tuple:
    x, h, w_ih, w_hh, _, _ = saved.inputs
    return k.gru_grad(*g, x, h, w_ih, w_hh, *saved.extra, reverse, saved.needs)


# --- layers and directions ----------------------------------------------------------------------------------


def rnn_tanh(
    input: Tensor, hx: Tensor, params: Sequence[Tensor], has_biases: bool, num_layers: int, dropout: float,
    train: bool, bidirectional: bool, batch_first: bool, batch_sizes: Sequence[int] | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Layers of ``h = tanh(w_ih x + b_ih + w_hh h + b_hh)`` over a sequence.

    Parameters
    ----------
    input : Tensor, shape (T, N, I), or (N, T, I) with ``batch_first``
    hx : Tensor, shape (num_layers * directions, N, H)
        The states before the first step.
    params : sequence of Tensors
        For each layer, and in it each direction: w_ih, w_hh and, with ``has_biases``, b_ih and b_hh.
    has_biases : bool
    num_layers : int
    dropout : float
        The probability with which, in training, an element between two layers is dropped.
    train : bool
    bidirectional : bool
        Whether each layer also runs from the last step to the first; its results follow the others' features.
    batch_first : bool
    batch_sizes : sequence of ints, optional
        Of packed sequences: how many have each step, longest first. Input and output are then (rows, features).

    Returns
    -------
    output : Tensor, shape (T, N, directions * H), or (N, T, ...) with ``batch_first``
        The last layer's states at every step.
    h_n : Tensor, shape (num_layers * directions, N, H)
        Each layer's states after the last step.

    Raises
    ------
    RuntimeError
        For shapes that do not fit.

    References
    ----------
    J. L. Elman, "Finding structure in time", Cognitive Science 14 (1990).
    """
    layers = _layers(
        "rnn_tanh", 1, input, (hx,), params, has_biases, num_layers, bidirectional, batch_first, batch_sizes
    )
    return _run(_rnn, input, (hx,), layers, dropout, train, batch_first, batch_sizes, nonlinearity="tanh")


def rnn_relu(
    input: Tensor, hx: Tensor, params: Sequence[Tensor], has_biases: bool, num_layers: int, dropout: float,
    train: bool, bidirectional: bool, batch_first: bool, batch_sizes: Sequence[int] | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Layers of ``h = relu(w_ih x + b_ih + w_hh h + b_hh)`` over a sequence; the arguments of :func:`rnn_tanh`."""
    layers = _layers(
        "rnn_relu", 1, input, (hx,), params, has_biases, num_layers, bidirectional, batch_first, batch_sizes
    )
    return _run(_rnn, input, (hx,), layers, dropout, train, batch_first, batch_sizes, nonlinearity="relu")


def lstm(
    input: Tensor, hx: Sequence[Tensor], params: Sequence[Tensor], has_biases: bool, num_layers: int,
    dropout: float, train: bool, bidirectional: bool, batch_first: bool, batch_sizes: Sequence[int] | None = None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Layers of long short-term memory over a sequence.

    ``i, f, o = sigmoid(...)`` and ``g = tanh(...)`` of ``w_ih x + b_ih + w_hh h + b_hh``, in the order i, f, g, o; then
    ``c = f c + i g`` and ``h = o tanh(c)``. The arguments are those of :func:`rnn_tanh`, but ``hx`` is the pair (h, c),
    and the weights have 4H rows.

    Returns
    -------
    output, h_n : Tensor
        As of :func:`rnn_tanh`.
    c_n : Tensor, shape (num_layers * directions, N, H)

    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997).
    """
    layers = _layers(
        "lstm", 4, input, tuple(hx), params, has_biases, num_layers, bidirectional, batch_first, batch_sizes
    )
    return _run(_lstm, input, tuple(hx), layers, dropout, train, batch_first, batch_sizes)


def gru(
    input: Tensor, hx: Tensor, params: Sequence[Tensor], has_biases: bool, num_layers: int, dropout: float,
    train: bool, bidirectional: bool, batch_first: bool, batch_sizes: Sequence[int] | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Layers of gated recurrent units over a sequence.

    With ``a = w_ih x + b_ih`` and ``b = w_hh h + b_hh``, in the order r, z, n: ``r, z = sigmoid(a + b)``,
    ``n = tanh(a + r b)``, ``h = (1 - z) n + z h``. The arguments and results are those of :func:`rnn_tanh`; the weights
    have 3H rows.

    References
    ----------
    K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", 2014.
    """
    layers = _layers("gru", 3, input, (hx,), params, has_biases, num_layers, bidirectional, batch_first, batch_sizes)
    return _run(_gru, input, (hx,), layers, dropout, train, batch_first, batch_sizes)


def _layers(
    name: str, gates: int, input: Tensor, states: tuple[Tensor, ...], params: Sequence[Tensor], has_biases: bool,
    num_layers: int, bidirectional: bool, batch_first: bool, batch_sizes: Sequence[int] | None = None,
) -> list[list[tuple[Tensor | None, ...]]]:  # fmt: skip
    """For each layer, for each direction, ``(w_ih, w_hh, b_ih, b_hh)``; raises where shapes do not fit."""
    if batch_sizes is not None:
        input, batch_first = first_step(input, batch_sizes), False
    axes = "(N, T, I)" if batch_first else "(T, N, I)"
    if len(input.shape) != 3:
        raise RuntimeError(f"{name}: expected an input of shape {axes}, got {input.shape}")
    length, n = (input.shape[1], input.shape[0]) if batch_first else input.shape[:2]
    if length == 0:
        raise RuntimeError(f"{name}: expected a sequence of at least one step, got an input {axes} of {input.shape}")
    each, directions = 4 if has_biases else 2, 2 if bidirectional else 1
    if len(params) != each * directions * num_layers:
        raise RuntimeError(
            f"{name}: expected {each * directions * num_layers} parameters, {each} for each of {num_layers} layers and "
            f"{directions} directions, got {len(params)}"
        )
    hidden = params[1].shape[-1]
    for which, state in zip("hc", states, strict=False):
        expected = (num_layers * directions, n, hidden)
        if state.shape != expected:
            raise RuntimeError(
                f"{name}: expected a state {which} of shape {expected}, (layers * directions, batch, hidden), for an "
                f"input {axes} of {input.shape}, got {state.shape}"
            )
    found: list[list[tuple[Tensor | None, ...]]] = []
    width = input.shape[2]
    for layer in range(num_layers):
        found.append([])
        for direction in range(directions):
            start = each * (layer * directions + direction)
            weights = (*params[start : start + each], *(() if has_biases else (None, None)))
            shapes = ((gates * hidden, width), (gates * hidden, hidden), (gates * hidden,), (gates * hidden,))
            for what, weight, shape in zip(("w_ih", "w_hh", "b_ih", "b_hh"), weights, shapes, strict=True):
                if weight is not None and weight.shape != shape:
                    raise RuntimeError(
                        f"{name}: expected {what} of layer {layer} of shape {shape} for {width} input features and "
                        f"{hidden} hidden ones, got {weight.shape}"
                    )
            found[-1].append(weights)
        width = hidden * directions
    return found


def _run(
    direction_op: Callable[..., tuple], input: Tensor, states: tuple[Tensor, ...],
    layers: list[list[tuple[Tensor | None, ...]]], dropout: float, train: bool, batch_first: bool,
    batch_sizes: Sequence[int] | None, **static: Any,
) -> tuple:  # fmt: skip
    if batch_sizes is not None:
        direction_op, batch_first = over_blocks(direction_op, batch_sizes), False
    x = input.transpose(0, 1) if batch_first else input
    last: list[list[Tensor]] = [[] for _ in states]
    for layer, directions in enumerate(layers):
        if layer > 0:
            x = drop(x, dropout, train)
        ys = []
        for direction, weights in enumerate(directions):
            first = [state[layer * len(directions) + direction] for state in states]
            y, *ends = direction_op(x, *first, *weights, reverse=direction == 1, **static)
            ys.append(y)
            for some, end in zip(last, ends, strict=True):
                some.append(end)
        x = ys[0] if len(ys) == 1 else cat(ys, -1)
    return (x.transpose(0, 1) if batch_first else x, *(stack(some) for some in last))


# --- cells --------------------------------------------------------------------------------------------------


def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """One step of :func:`rnn_tanh`: input (N, I), hx (N, H), result (N, H)."""
    return _step("rnn_tanh_cell", 1, _rnn, input, (hx,), (w_ih, w_hh, b_ih, b_hh), nonlinearity="tanh")[0]


def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """One step of :func:`rnn_relu`: input (N, I), hx (N, H), result (N, H)."""
    return _step("rnn_relu_cell", 1, _rnn, input, (hx,), (w_ih, w_hh, b_ih, b_hh), nonlinearity="relu")[0]


def lstm_cell(
    input: Tensor, hx: Sequence[Tensor], w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """One step of :func:`lstm`: input (N, I), hx the pair of h and c (N, H), result the pair of the next ones."""
    return _step("lstm_cell", 4, _lstm, input, tuple(hx), (w_ih, w_hh, b_ih, b_hh))


def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """One step of :func:`gru`: input (N, I), hx (N, H), result (N, H)."""
    return _step("gru_cell", 3, _gru, input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def _step(
    name: str, gates: int, direction_op: Callable[..., tuple], input: Tensor, states: tuple[Tensor, ...],
    weights: tuple[Tensor | None, ...], **static: Any,
) -> tuple:  # fmt: skip
    if len(input.shape) != 2:
        raise RuntimeError(f"{name}: expected an input of shape (N, I), got {input.shape}")
    x = input.unsqueeze(0)
    params = [weight for weight in weights if weight is not None]
    if len(params) == 3:
        raise RuntimeError(f"{name}: expected both biases or none, got one")
    _layers(name, gates, x, tuple(s.unsqueeze(0) for s in states), params, len(params) == 4, 1, False, False)
    _, *ends = direction_op(x, *states, *weights, reverse=False, **static)
    return tuple(ends)
