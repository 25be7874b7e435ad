"""The compiled activations: against exact values, against their reference twins, and what they decline."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_pytorch._ext import activation as compiled
from tiny_pytorch.backend.reference import elementwise as reference

pytestmark = pytest.mark.numpy_only

# name -> (how many arrays, the arguments after them)
KERNELS: dict[str, tuple[str, int, tuple[Any, ...]]] = {
    "sigmoid": ("sigmoid", 1, ()),
    "silu": ("silu", 1, ()),
    "gelu": ("gelu", 1, ("none",)),
    "gelu by tanh": ("gelu", 1, ("tanh",)),
    "sigmoid_grad": ("sigmoid_grad", 2, ()),
    "tanh_grad": ("tanh_grad", 2, ()),
    "silu_grad": ("silu_grad", 2, ()),
    "gelu_grad": ("gelu_grad", 2, ("none",)),
    "gelu_grad by tanh": ("gelu_grad", 2, ("tanh",)),
}
each = pytest.mark.parametrize("name", KERNELS)
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def call(module: Any, name: str, *arrays: np.ndarray) -> Any:
    function, _, more = KERNELS[name]
    before = (np,) if module is reference else ()
    with np.errstate(all="ignore"):
        return getattr(module, function)(*before, *arrays, *more)


# --- against exact values -----------------------------------------------------------------------------------


def exact(name: str) -> Callable[[Any], Any]:
    mp = pytest.importorskip("mpmath").mp
    mp.dps = 40

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + mp.exp(-x))

    return {
        "sigmoid": sigmoid,
        "silu": lambda x: x * sigmoid(x),
        "gelu": lambda x: x * mp.erfc(-x / mp.sqrt(2)) / 2,
        "gelu by tanh": lambda x: x * sigmoid(2 * mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3)),
    }[name]


def ulps(actual: np.ndarray, expected: list[Any]) -> float:
    """The largest distance in units of the last place, where the exact values have many more of them."""
    worst = 0.0
    for found, value in zip(actual, expected, strict=True):
        unit = np.spacing(np.abs(actual.dtype.type(float(value))))
        worst = max(worst, float(abs(float(found) - value) / float(unit)))
    return worst


LIMITS = {  # of float32 and float64, and from where on
    "sigmoid": (0.8, 2, -100, -700),
    "silu": (0.8, 3, -100, -700),
    "gelu": (0.8, 6, -14, -37),
    "gelu by tanh": (0.8, 4, -14, -1),
}


@FLOATS
@pytest.mark.parametrize("name", LIMITS)
def test_accuracy(name: str, dtype: type) -> None:
    function, narrow = exact(name), dtype == np.float32
    limit, low = LIMITS[name][0 if narrow else 1], LIMITS[name][2 if narrow else 3]
    rng = np.random.default_rng(0)
    parts = rng.uniform(low, 15, 400), rng.uniform(-1, 1, 400), 10.0 ** rng.uniform(-30, -1, 50)
    x = np.concatenate(parts).astype(dtype)
    mpf = pytest.importorskip("mpmath").mpf
    y = call(compiled, name, x)
    assert y.dtype == dtype
    assert ulps(y, [function(mpf(float(v))) for v in x]) <= limit


@FLOATS
def test_ends(dtype: type) -> None:
    x = np.array([0.0, -0.0, 1e30, -1e30, np.inf, -np.inf, np.nan], dtype)
    np.testing.assert_array_equal(call(compiled, "sigmoid", x), np.array([0.5, 0.5, 1, 0, 1, 0, np.nan], dtype))
    for name in ("silu", "gelu", "gelu by tanh"):
        y = call(compiled, name, x[:5])
        np.testing.assert_array_equal(y, np.array([0, 0, 1e30, 0, np.inf], dtype))
        np.testing.assert_array_equal(np.signbit(y[:2]), [False, True])
        assert np.isnan(call(compiled, name, x[-1:])).all()
    tiny = np.array([-87.5, -100.0], np.float32)  # below the normal numbers
    np.testing.assert_allclose(
        call(compiled, "sigmoid", tiny), [math.exp(-87.5), math.exp(-100)], rtol=1e-3, atol=1e-45
    )


# --- against the reference ----------------------------------------------------------------------------------

values = st.sampled_from([0.0, -0.0, 1e-3, -1e-3, 20.0, -20.0, 1e30, -1e30, np.inf, -np.inf, np.nan])


@each
@given(
    shape=st.sampled_from([(), (0,), (1,), (7,), (33,), (3, 65)]),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 2**32 - 1),
    special=st.lists(values, max_size=3),
)
def test_agrees_with_reference(name: str, shape: tuple[int, ...], dtype: type, seed: int, special: list) -> None:
    rng = np.random.default_rng(seed)
    arrays = [np.asarray(rng.standard_normal(shape) * 3, dtype) for _ in range(KERNELS[name][1])]
    for value in special if arrays[0].size else []:
        arrays[-1].reshape(-1)[rng.integers(arrays[-1].size)] = value
    for array in arrays:
        array.flags.writeable = False
    actual = call(compiled, name, *arrays)
    expected = np.asarray(call(reference, name, *(a.astype(np.float64) for a in arrays)))
    assert type(actual) is np.ndarray
    assert (actual.shape, actual.dtype) == (shape, dtype)
    eps = 50 * np.finfo(dtype).eps
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(actual, expected.astype(dtype), rtol=eps, atol=eps)


@each
@pytest.mark.parametrize(
    "other",
    [
        lambda a: np.repeat(a, 2, -1)[..., ::2], lambda a: a[..., ::-1], lambda a: a.astype(a.dtype.newbyteorder("S")),
        lambda a: a.astype(np.float16), lambda a: a.astype(int), lambda a: a.tolist(), lambda a: a[..., :-1].T,
        lambda a: a.view(type("Subclass", (np.ndarray,), {})), lambda a: None,
    ],
)  # fmt: skip
def test_declines_other_layouts(name: str, other: Callable[[np.ndarray], Any]) -> None:
    arrays = [np.ones((3, 4))] * KERNELS[name][1]
    for i in range(len(arrays)):
        changed = [other(a) if i == j else a for j, a in enumerate(arrays)]
        assert call(compiled, name, *changed) is NotImplemented


def test_declines_other_arguments() -> None:
    x = np.ones(3)
    assert compiled.gelu(x, "fast") is NotImplemented
    assert compiled.gelu_grad(x, x, "fast") is NotImplemented
    assert compiled.silu_grad(x, np.ones(4)) is NotImplemented
    assert compiled.silu_grad(x, np.ones(3, np.float32)) is NotImplemented
