"""The compiled recurrent layers against their reference twins: every mode, size and direction, accuracy, odd arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_pytorch._ext import rnn as compiled
from tiny_pytorch.backend.reference import rnn as reference

pytestmark = pytest.mark.numpy_only

# name, gates in the rows of a weight, states, further arguments
MODES = {
    "tanh": ("rnn", 1, 1, ("tanh",)),
    "relu": ("rnn", 1, 1, ("relu",)),
    "lstm": ("lstm", 4, 2, ()),
    "gru": ("gru", 3, 1, ()),
}
every_mode = pytest.mark.parametrize("mode", MODES)
sizes = st.sampled_from([1, 2, 3, 7, 16, 33])
hidden = st.sampled_from([1, 3, 16, 32, 33, 64])  # of which some fit the panels of the products, forwards or both ways


class Layer:
    """A layer's arguments, forwards and backwards."""

    def __init__(self, mode: str, t: int, n: int, i: int, h: int, dtype: Any, seed: int, bias: bool, reverse: bool):
        self.name, gates, states, self.further = MODES[mode]
        rng = np.random.default_rng(seed)

        def draw(*shape: int) -> np.ndarray:
            return rng.standard_normal(shape).astype(dtype)

        self.reverse = reverse
        self.inputs = [draw(t, n, i), *(draw(n, h) for _ in range(states))]
        # Large weights of the states would make rounding errors grow from step to step.
        self.weights = [draw(gates * h, i), draw(gates * h, h) * dtype(0.5 / h**0.5)]
        self.biases = [draw(gates * h), draw(gates * h)] if bias else [None, None]
        self.slopes = [draw(t, n, h), *(draw(n, h) for _ in range(states))]
        self.needs = (True,) * (states + 5)
        self.saved = [np.asarray(a) for a in self.forward(reference)[1 + states :]]

    def forward_arguments(self) -> list[Any]:
        return [*self.inputs, *self.weights, *self.biases, *self.further, self.reverse]

    def backward_arguments(self) -> list[Any]:
        return [*self.slopes, *self.inputs, *self.weights, *self.saved, *self.further, self.reverse, self.needs]

    def forward(self, family: Any, arguments: Any = None) -> Any:
        arguments = arguments or self.forward_arguments()
        function = getattr(family, self.name)
        return function(np, *arguments) if family is reference else function(*arguments)

    def backward(self, family: Any, arguments: Any = None) -> Any:
        arguments = arguments or self.backward_arguments()
        function = getattr(family, f"{self.name}_grad")
        return function(np, *arguments) if family is reference else function(*arguments)


def exactly(a: Any) -> Any:
    return a.astype(np.float64) if isinstance(a, np.ndarray) else a


def assert_close(actual: Any, expected: Any, exact: Any) -> None:
    """Results against the reference's in double precision; dtypes and shapes as the reference has them."""
    assert len(actual) == len(expected)
    for a, e, x in zip(actual, expected, exact, strict=True):
        if e is None:
            assert a is None
            continue
        assert (a.shape, a.dtype) == (e.shape, e.dtype)
        slack = 500 * np.finfo(a.dtype).eps
        np.testing.assert_allclose(a, x, rtol=slack, atol=slack * max(1.0, np.abs(x).max()))


@every_mode
@given(
    t=sizes, n=sizes, i=sizes, h=hidden, dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 2**32 - 1), bias=st.booleans(), reverse=st.booleans(),
)  # fmt: skip
def test_agrees_with_the_reference(mode, t, n, i, h, dtype, seed, bias, reverse):
    layer = Layer(mode, t, n, i, h, dtype, seed, bias, reverse)
    for run, arguments in (("forward", layer.forward_arguments()), ("backward", layer.backward_arguments())):
        call = getattr(layer, run)
        before = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
        actual = call(compiled, arguments)
        assert actual is not NotImplemented
        assert_close(actual, call(reference, arguments), call(reference, [exactly(a) for a in arguments]))
        for a, b in zip(arguments, before, strict=True):
            assert a is b or np.array_equal(a, b), "an input was changed"


@every_mode
@pytest.mark.parametrize("reverse", [False, True])
def test_threads_share_the_sequences(mode, reverse, threads):
    layer = Layer(mode, 40, 30, 40, 64, np.float64, 0, True, reverse)
    for n in (2, 3):
        threads(n)
        for way in (layer.forward, layer.backward):
            assert_close(way(compiled), way(reference), way(reference))


@every_mode
def test_what_is_not_needed_is_not_there(mode):
    layer = Layer(mode, 3, 2, 4, 5, np.float64, 0, True, False)
    arguments = layer.backward_arguments()
    everything = layer.backward(compiled)
    states = len(layer.slopes) - 1
    for chosen in range(len(layer.needs)):
        arguments[-1] = tuple(k == chosen for k in range(len(layer.needs)))
        for k, (part, whole) in enumerate(zip(layer.backward(compiled, arguments), everything, strict=True)):
            assert (part is None) == (k != chosen)
            assert part is None or np.array_equal(part, whole)
    arguments[-1] = layer.needs
    for k in range(1 + states):  # a result that nobody used
        some = list(arguments)
        some[k] = None
        zero = list(arguments)
        zero[k] = np.zeros_like(arguments[k])
        for a, b in zip(layer.backward(compiled, some), layer.backward(reference, some), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
        for a, b in zip(layer.backward(compiled, some), layer.backward(compiled, zero), strict=True):
            np.testing.assert_array_equal(a, b)


@every_mode
def test_strided_sequences_are_handled(mode):
    layer = Layer(mode, 3, 2, 4, 5, np.float32, 0, True, False)
    expected, slopes = layer.forward(compiled), layer.backward(compiled)
    batch_first = np.ascontiguousarray(layer.inputs[0].swapaxes(0, 1)).swapaxes(0, 1)
    assert not batch_first.flags.c_contiguous
    layer.inputs[0] = batch_first
    for a, b in zip(layer.forward(compiled), expected, strict=True):
        np.testing.assert_array_equal(a, b)
    layer.slopes[0] = np.asfortranarray(layer.slopes[0])
    for a, b in zip(layer.backward(compiled), slopes, strict=True):
        np.testing.assert_array_equal(a, b)


CHANGES = {
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder("S")),
    "half": lambda a: a.astype(np.float16),
    "other dtype": lambda a: a.astype(np.float64),
    "shorter": lambda a: a[..., :-1].copy(),
    "one axis more": lambda a: a[None].copy(),
    "no elements": lambda a: a[:0],
    "list": lambda a: a.tolist(),
    "objects": lambda a: a.astype(object),
}


@every_mode
@pytest.mark.parametrize("change", CHANGES)
def test_other_arrays_are_declined(mode, change):
    layer = Layer(mode, 3, 2, 4, 5, np.float32, 0, True, False)
    for call, arguments in (
        (layer.forward, layer.forward_arguments()),
        (layer.backward, layer.backward_arguments()),
    ):
        for k, a in enumerate(arguments):
            if isinstance(a, np.ndarray):
                assert call(compiled, [*arguments[:k], CHANGES[change](a), *arguments[k + 1 :]]) is NotImplemented


def test_one_bias_and_an_unknown_nonlinearity_are_declined():
    layer = Layer("tanh", 3, 2, 4, 5, np.float32, 0, True, False)
    arguments = layer.forward_arguments()
    assert layer.forward(compiled, [*arguments[:5], None, *arguments[6:]]) is NotImplemented
    layer.further = ("gelu",)
    assert layer.forward(compiled) is NotImplemented
    assert layer.backward(compiled) is NotImplemented
    for call in (layer.forward, layer.backward):
        with pytest.raises(ValueError, match="'tanh' or 'relu', got 'gelu'"):
            call(reference)


@every_mode
def test_read_only_arrays(mode):
    layer = Layer(mode, 3, 2, 4, 5, np.float32, 0, True, True)
    for a in (*layer.inputs, *layer.weights, *layer.biases, *layer.slopes, *layer.saved):
        a.flags.writeable = False
    assert layer.forward(compiled) is not NotImplemented
    assert layer.backward(compiled) is not NotImplemented


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gates_are_accurate(dtype):
    """One step with states of 0 and weights of 1 shows the functions themselves."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(-1, 1, 20000), rng.uniform(-20, 20, 20000), rng.normal(0, 1e-4, 1000), [0.0, -0.0]])
    x = x.astype(dtype)
    zero, one = np.zeros((len(x), 1), dtype), np.ones((4, 1), dtype)
    _, _, _, gates, _ = compiled.lstm(x[None, :, None], zero, zero, one, one, None, None, False)
    wide = x.astype(np.longdouble)
    for got, exact in ((gates[0, :, 0], 1 / (1 + np.exp(-wide))), (gates[0, :, 2], np.tanh(wide))):
        unit = np.spacing(np.abs(exact).astype(dtype)).astype(np.longdouble)
        assert (np.abs(got - exact) / unit).max() <= 2.5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gates_at_the_ends(dtype):
    x = np.array([np.inf, -np.inf, 1e30, -1e30, np.nan], dtype)
    zero, one = np.zeros((len(x), 1), dtype), np.ones((4, 1), dtype)
    gates = compiled.lstm(x[None, :, None], zero, zero, one, one, None, None, False)[3]
    np.testing.assert_array_equal(gates[0, :, 0], np.array([1, 0, 1, 0, np.nan], dtype))
    np.testing.assert_array_equal(gates[0, :, 2], np.array([1, -1, 1, -1, np.nan], dtype))
