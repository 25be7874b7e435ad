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


SLOPES: dict[str, str] = {"silu_grad": "silu", "gelu_grad": "gelu", "gelu_grad by tanh": "gelu by tanh"}
LOWEST = {"sigmoid": (-87, -708), "silu": (-85, -700), "gelu": (-12.9, -37.4), "gelu by tanh": (-9.7, -20.9)}


def arguments(name: str, dtype: type, count: int) -> np.ndarray:
    """Numbers over the whole range whose results are not subnormal, most of them near 0."""
    low = LOWEST[name][dtype == np.float64]
    rng = np.random.default_rng(0)
    parts = rng.uniform(low, 15, count), rng.uniform(-1, 1, count), -(10.0 ** rng.uniform(-30, -1, count // 8))
    return np.concatenate(parts).astype(dtype)


@FLOATS
@pytest.mark.parametrize("name", LOWEST)
def test_accuracy(name: str, dtype: type) -> None:
    function, x = exact(name), arguments(name, dtype, 400)
    mpf = pytest.importorskip("mpmath").mpf
    y = call(compiled, name, x)
    assert y.dtype == dtype
    for argument, found in zip(x, y, strict=True):
        value = function(mpf(float(argument)))
        error = float(abs(float(found) - value) / float(np.spacing(dtype(abs(float(value))))))
        # Further down x's own last place counts for more and more of the result's: x^2 of them in GELU.
        limit = 2 + 3 * float(argument) ** 2 if (name, dtype) == ("gelu by tanh", np.float64) and argument < -1 else 2
        assert error <= limit, f"{name}({float(argument)!r}) is {error:.2f} ulp off"


@FLOATS
@pytest.mark.parametrize("name", SLOPES)
def test_accuracy_of_derivatives(name: str, dtype: type) -> None:
    mp = pytest.importorskip("mpmath")
    function, x = exact(SLOPES[name]), arguments(SLOPES[name], dtype, 100)
    y = call(compiled, name, np.ones_like(x), x)
    assert y.dtype == dtype
    exact_slopes = [mp.diff(function, mp.mpf(float(v))) for v in x]
    error = max(float(abs(float(a) - b)) for a, b in zip(y, exact_slopes, strict=True))
    assert error <= 2 * np.finfo(dtype).eps


@FLOATS
def test_ends(dtype: type) -> None:
    x = np.array([0.0, -0.0, 1e30, -1e30, np.inf, -np.inf, np.nan], dtype)
    np.testing.assert_array_equal(call(compiled, "sigmoid", x), np.array([0.5, 0.5, 1, 0, 1, 0, np.nan], dtype))
    for name in ("silu", "gelu", "gelu by tanh"):
        y = call(compiled, name, x[:5])
        np.testing.assert_array_equal(y, np.array([0, 0, 1e30, 0, np.inf], dtype))
        np.testing.assert_array_equal(np.signbit(y[:2]), [False, True])
        assert np.isnan(call(compiled, name, x[-1:])).all()


def test_subnormal_numbers() -> None:
    x = np.array([-87.5, -95.0, -100.0, -103.5, -104.5], np.float32)
    wide = x.astype(np.float64)
    np.testing.assert_allclose(call(compiled, "sigmoid", x), np.exp(wide), rtol=0, atol=1e-45)
    np.testing.assert_allclose(call(compiled, "silu", x), wide * np.exp(wide), rtol=0, atol=1e-43)
    far = np.array([-13.2, -13.9, -14.2, -14.6], np.float32)
    assert call(compiled, "gelu", far)[1] < 0
    exact_far = [float(v) * math.erfc(-float(v) / math.sqrt(2)) / 2 for v in far]
    np.testing.assert_allclose(call(compiled, "gelu", far), exact_far, rtol=0, atol=1e-42)
    tiny = np.array([1e-45, -1e-45, 1e-39, -1e-39], np.float32)  # y = x / 2
    for name in ("silu", "gelu by tanh"):
        np.testing.assert_array_equal(call(compiled, name, tiny), tiny * np.float32(0.5))
    np.testing.assert_allclose(call(compiled, "gelu", tiny), tiny * 0.5, rtol=0, atol=1e-45)


@pytest.mark.parametrize("name", LOWEST)
def test_accuracy_to_the_last_subnormal_number(name: str) -> None:
    """Every 4099th float32 whose result is not 0, against float64."""
    last = {"sigmoid": -104.0, "silu": -108.6, "gelu": -14.4, "gelu by tanh": -10.7}[name]
    ends = np.array([1e-30, -last], np.float32).view(np.uint32)
    x = -np.arange(int(ends[0]), int(ends[1]), 4099, dtype=np.uint32).view(np.float32)
    y = call(compiled, name, x).astype(np.float64)
    wide = x.astype(np.float64)
    if name == "gelu":
        exact_y = 0.5 * wide * np.array([math.erfc(v) for v in wide / -math.sqrt(2)])
    else:
        z = wide + 0.044715 * wide**3 if "tanh" in name else wide
        exact_y = (1 if name == "sigmoid" else wide) / (
            1 + np.exp(-z * (math.sqrt(8 / math.pi) if "tanh" in name else 1))
        )
    assert np.max(np.abs(y - exact_y) / np.spacing(np.abs(exact_y).astype(np.float32))) <= 2


def test_large_arrays_by_several_threads(threads: Callable[[int], None]) -> None:
    x, g = np.random.default_rng(0).standard_normal((2, 300_001)).astype(np.float32)
    for name in KERNELS:
        arrays = (x,) if KERNELS[name][1] == 1 else (g, x)
        results = []
        for n in (1, 3):
            threads(n)
            results.append(call(compiled, name, *arrays))
        np.testing.assert_array_equal(*results)


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
