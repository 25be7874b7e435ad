"""nn.init: every distribution, its bounds and moments, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch.nn import init

DTYPES = [tp.float32, tp.float64]

# name: (call, (mean, standard deviation, largest size or None) of what is drawn into shape (300, 200))
FAN_IN, FAN_OUT = 200, 300
RANDOM = {
    "uniform": (lambda t, **kw: init.uniform_(t, -2.0, 3.0, **kw), (0.5, 5 / math.sqrt(12), 3.0)),
    "normal": (lambda t, **kw: init.normal_(t, 1.0, 2.0, **kw), (1.0, 2.0, None)),
    # The variance of a standard normal cut off at 2 is 0.7737.
    "trunc_normal": (lambda t, **kw: init.trunc_normal_(t, **kw), (0.0, math.sqrt(0.77374), 2.0)),
    "xavier_uniform": (
        lambda t, **kw: init.xavier_uniform_(t, gain=2.0, **kw),
        (0.0, 2 * math.sqrt(2 / (FAN_IN + FAN_OUT)), 2 * math.sqrt(6 / (FAN_IN + FAN_OUT))),
    ),
    "xavier_normal": (
        lambda t, **kw: init.xavier_normal_(t, **kw),
        (0.0, math.sqrt(2 / (FAN_IN + FAN_OUT)), None),
    ),
    "kaiming_uniform": (
        lambda t, **kw: init.kaiming_uniform_(t, nonlinearity="relu", **kw),
        (0.0, math.sqrt(2 / FAN_IN), math.sqrt(6 / FAN_IN)),
    ),
    "kaiming_normal": (
        lambda t, **kw: init.kaiming_normal_(t, a=1.0, mode="fan_out", **kw),
        (0.0, math.sqrt(1 / FAN_OUT), None),
    ),
}


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("dtype", DTYPES)
def test_moments_and_bounds(name, dtype):
    draw, (mean, std, largest) = RANDOM[name]
    tensor = tp.zeros(300, 200, dtype=dtype)
    array = tensor.array
    assert draw(tensor) is tensor
    assert tensor.array is array or not tp.backend.current().writes
    assert tensor.dtype == dtype
    values = tensor.numpy().astype(np.float64)
    assert abs(values.mean() - mean) < 5 * std / math.sqrt(values.size)
    assert abs(values.std() - std) < 0.02 * std
    if largest is not None:
        assert 0.97 * largest < np.abs(values).max() <= largest * (1 + 1e-6)


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_gives_the_same_numbers_again(name):
    draw, _ = RANDOM[name]
    tp.manual_seed(3)
    a = draw(tp.empty(4, 5))
    tp.manual_seed(3)
    b = draw(tp.empty(4, 5))
    c = draw(tp.empty(4, 5), generator=tp.Generator().manual_seed(3))
    assert (a == b).all()
    assert (a == c).all()


@pytest.mark.parametrize("name", [*RANDOM, "orthogonal", "constant", "ones", "zeros", "eye"])
def test_both_spellings(name):
    assert getattr(init, name) is getattr(init, f"{name}_")


def test_parameters_are_filled_outside_the_graph():
    parameter = tp.nn.Parameter(tp.zeros(3, 3))
    init.eye_(parameter)
    assert parameter.is_leaf
    assert parameter.requires_grad
    assert np.array_equal(parameter.detach().numpy(), np.eye(3))


def test_constants():
    assert (init.constant_(tp.empty(2, 3), 0.5) == 0.5).all()
    assert (init.ones_(tp.empty(2, 3)) == 1).all()
    assert (init.zeros_(tp.ones(2, 3, dtype=tp.int64)) == 0).all()
    assert np.array_equal(init.eye_(tp.empty(2, 3)).numpy(), np.eye(2, 3))


def test_fans_count_the_receptive_field():
    wide = init.kaiming_uniform_(tp.empty(5, 4, 3, 3), nonlinearity="linear")
    bound = math.sqrt(3 / (4 * 9))
    assert 0.8 * bound < float(wide.abs().max().item()) <= bound


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (2, 3, 2)])
def test_orthogonal(shape):
    w = init.orthogonal_(tp.empty(*shape, dtype=tp.float64), gain=2.0).numpy().reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 4 * np.eye(min(w.shape)), atol=1e-12)


@pytest.mark.parametrize(
    "nonlinearity, param, expected",
    [
        ("linear", None, 1.0),
        ("conv2d", None, 1.0),
        ("sigmoid", None, 1.0),
        ("tanh", None, 5 / 3),
        ("relu", None, math.sqrt(2)),
        ("leaky_relu", None, math.sqrt(2 / 1.0001)),
        ("leaky_relu", 0.5, math.sqrt(1.6)),
        ("selu", None, 0.75),
    ],
)
def test_gains(nonlinearity, param, expected):
    assert init.calculate_gain(nonlinearity, param) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: init.uniform_(tp.zeros(2, dtype=tp.int64)), TypeError, "floating"),
        (lambda: init.uniform_(tp.zeros(2), 1.0, 0.0), ValueError, "a <= b"),
        (lambda: init.normal_(tp.zeros(2), std=-1.0), ValueError, "std"),
        (lambda: init.trunc_normal_(tp.zeros(2), a=8.0, b=9.0), ValueError, "wider interval"),
        (lambda: init.trunc_normal_(tp.zeros(2), a=1.0, b=1.0), ValueError, "a < b"),
        (lambda: init.eye_(tp.zeros(2)), ValueError, r"\(2,\)"),
        (lambda: init.xavier_normal_(tp.zeros(2)), ValueError, r"2 dimensions.*\(2,\)"),
        (lambda: init.kaiming_normal_(tp.zeros(2, 2), mode="fan"), ValueError, "fan_in"),
        (lambda: init.kaiming_normal_(tp.zeros(2, 2), nonlinearity="swish"), ValueError, "leaky_relu"),
        (lambda: init.orthogonal_(tp.zeros(2)), ValueError, r"\(2,\)"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_linear_starts_as_in_pytorch():
    layer = tp.nn.Linear(100, 400)
    bound = 0.1
    for parameter in layer.parameters():
        values = parameter.detach().numpy()
        assert 0.97 * bound < np.abs(values).max() <= bound
        assert abs(values.std() - bound / math.sqrt(3)) < 0.05 * bound
