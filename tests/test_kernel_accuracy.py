"""The kernels of the layers at the edges of floating point: rounding, cancellation, overflow, bad indices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tiny_pytorch._ext import elementwise, indexing, linalg, nn, norm
from tiny_pytorch.backend.reference import elementwise as elementwise_reference
from tiny_pytorch.backend.reference import indexing as indexing_reference
from tiny_pytorch.backend.reference import nn as nn_reference

pytestmark = pytest.mark.numpy_only

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def ulps(actual: np.ndarray, exact: np.ndarray) -> float:
    """The largest distance in units of the last place of the actual dtype; ``exact`` is wider."""
    finite = np.isfinite(exact.astype(actual.dtype))
    np.testing.assert_array_equal(actual[~finite], exact.astype(actual.dtype)[~finite])
    unit = np.spacing(np.abs(exact.astype(actual.dtype)[finite])).astype(exact.dtype)
    return float(np.max(np.abs(actual[finite].astype(exact.dtype) - exact[finite]) / unit))


# --- functions ----------------------------------------------------------------------------------------------


@FLOATS
@np.errstate(over="ignore", under="ignore")
def test_exponential_within_two_ulps(dtype: type) -> None:
    # log_softmax_grad is g - exp(y) * sum of g: with g = (0, -1) its first column is exp(y) itself.
    low, high = (-110, 95) if dtype == np.float32 else (-760, 715)
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(low, high, 200_000), rng.uniform(-1, 1, 100_000)]).astype(dtype)
    x = np.concatenate([x, np.array([0.0, -0.0, 1e30, -1e30, np.inf, -np.inf, np.nan], dtype)])
    y = np.stack([x, np.zeros_like(x)], axis=1)
    g = np.broadcast_to(np.array([0, -1], dtype), y.shape).copy()
    wide = np.float64 if dtype == np.float32 else np.longdouble
    if np.finfo(wide).nmant <= np.finfo(dtype).nmant + 4:
        pytest.skip("no wider type to compare with here")
    assert ulps(nn.log_softmax_grad(g, y, 1)[:, 0], np.exp(x.astype(wide))) <= 2


@pytest.mark.parametrize("dtype, limit", [(np.float32, 4), (np.float64, 4)])
def test_erf(dtype: type, limit: float) -> None:
    x = np.concatenate([np.linspace(-7, 7, 20_001), np.linspace(-0.6, 0.6, 20_001), [1e-30, 1e30]]).astype(dtype)
    actual = elementwise_reference.erf(np, x)
    assert actual.dtype == dtype
    assert ulps(actual, np.array([math.erf(float(v)) for v in x])) <= limit
    assert np.all(np.abs(actual) <= 1)
    special = elementwise_reference.erf(np, np.array([np.inf, -np.inf, np.nan, 0.0], dtype))
    np.testing.assert_array_equal(special, np.array([1, -1, np.nan, 0], dtype))


@FLOATS
def test_sigmoid_does_not_overflow(dtype: type) -> None:
    x = np.array([0.0, 1e4, -1e4, np.inf, -np.inf, np.nan, -80.0], dtype)
    expected = np.array([0.5, 1, 0, 1, 0, np.nan, math.exp(-80)], dtype)
    np.testing.assert_allclose(elementwise_reference.sigmoid(np, x), expected, rtol=1e-6)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
@FLOATS
def test_gelu_stays_finite(approximate: str, dtype: type) -> None:
    x = np.array([-1e30, -50.0, 0.0, 50.0, 1e30], dtype)
    y = elementwise_reference.gelu(np, x, approximate)
    slope = elementwise_reference.gelu_grad(np, np.ones_like(x), x, approximate)
    np.testing.assert_array_equal(y, np.array([0, 0, 0, 50, 1e30], dtype))
    np.testing.assert_array_equal(slope, np.array([0, 0, 0.5, 1, 1], dtype))


def test_gelu_names_a_wrong_approximation() -> None:
    with pytest.raises(ValueError, match="'none' or 'tanh', got 'exact'"):
        elementwise_reference.gelu(np, np.zeros(3), "exact")


# --- sums ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape, to", [((1_000_003,), ()), ((200_003, 3), (3,)), ((3, 200_003), (3, 1)),
                                       ((5_003, 70), (1, 70)), ((1_003, 600), (600,))])  # fmt: skip
@FLOATS
def test_long_sums_are_right_to_rounding(shape: tuple, to: tuple, dtype: type) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0.5, 1.5, shape).astype(dtype)
    actual = elementwise.sum_to(x, to)
    summed = 0 if len(to) < len(shape) or to[0] == 1 else 1
    columns = np.moveaxis(x.astype(np.float64), summed, 0).reshape(shape[summed], -1)
    exact = np.array([math.fsum(column) for column in columns.T]).reshape(to)
    np.testing.assert_allclose(actual, exact, rtol=(3 if dtype == np.float32 else 30) * np.finfo(dtype).eps)


@FLOATS
def test_row_sums_carry_their_errors(dtype: type) -> None:
    big = 2.0**60
    x = np.tile(np.array([big, 1, -big, 1], dtype), 1024)
    shuffled = np.concatenate([x[0::4], x[1::4], x[2::4], x[3::4]])
    assert elementwise.sum_to(shuffled, ()) == 2048


@FLOATS
def test_variance_of_numbers_far_from_zero(dtype: type) -> None:
    x = (1000 + np.random.default_rng(0).standard_normal((64, 700))).astype(dtype)
    for y, *_, rstd in (norm.layer_norm(x, None, None, 1, 0.0), norm.batch_norm(x, None, None, 0.0),
                        norm.batch_norm(x[..., None].repeat(3, -1).copy(), None, None, 0.0)):  # fmt: skip
        axis = 1 if rstd.shape == (64, 1) else 0
        exact = 1 / x.astype(np.float64).std(axis=axis)
        np.testing.assert_allclose(rstd.reshape(-1), exact, rtol=1e-6 if dtype == np.float32 else 1e-13)
        assert np.all(np.isfinite(y))


# --- cross-entropy ------------------------------------------------------------------------------------------


def both_cross_entropies(*args: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    with np.errstate(all="ignore"):
        return [nn.cross_entropy(*args), nn_reference.cross_entropy(np, *args)]


@FLOATS
def test_cross_entropy_of_extreme_logits(dtype: type) -> None:
    logits = np.array([[1e4, 0, -1e4], [-np.inf, 0, 0], [0, 0, 1e30]], dtype)
    for loss, slope in both_cross_entropies(logits, np.array([1, 2, 2]), "none", -100):
        np.testing.assert_allclose(loss, np.array([1e4, math.log(2), 0], dtype), rtol=1e-6)
        np.testing.assert_allclose(slope, np.array([[1, -1, 0], [0, 0.5, -0.5], [0, 0, 0]], dtype), atol=1e-6)


@FLOATS
def test_cross_entropy_ignores_rows(dtype: type) -> None:
    logits = np.random.default_rng(0).standard_normal((4, 5)).astype(dtype)
    logits[2] = np.nan
    kept = nn.cross_entropy(logits[[0, 1, 3]], np.array([1, 0, 4]), "mean", -100)
    for ignore in (-100, 2):
        for loss, slope in both_cross_entropies(logits, np.array([1, 0, ignore, 4]), "mean", ignore):
            np.testing.assert_allclose(loss, kept[0], rtol=1e-6)
            np.testing.assert_allclose(slope[[0, 1, 3]], kept[1], rtol=1e-5)
            assert not slope[2].any()
    for loss, slope in both_cross_entropies(logits, np.full(4, -100), "mean", -100):
        assert np.isnan(loss)
        assert not slope.any()


@pytest.mark.parametrize("bad", [-1, 5, 2**40, -(2**63)])
def test_cross_entropy_refuses_other_classes(bad: int) -> None:
    args = (np.zeros((3, 5)), np.array([0, bad, 1]), "mean", -100)
    assert nn.cross_entropy(*args) is NotImplemented
    with pytest.raises(IndexError, match=f"index {bad} is out of range for size 5: expected 0 to 4"):
        nn_reference.cross_entropy(np, *args)


def test_cross_entropy_names_a_wrong_reduction() -> None:
    args = (np.zeros((3, 5)), np.array([0, 0, 1]), "average", -100)
    assert nn.cross_entropy(*args) is NotImplemented
    with pytest.raises(ValueError, match="got 'average'"):
        nn_reference.cross_entropy(np, *args)


# --- indices ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [-1, 4, 2**62])
def test_indices_out_of_range(bad: int) -> None:
    x, index = np.zeros((4, 2)), np.array([0, bad, 3])
    for name, args in {
        "check_indices": (index, 4),
        "take": (x, index, 0),
        "scatter_add": (x, index, x[:3]),
    }.items():
        assert getattr(indexing, name)(*args) is NotImplemented
        with pytest.raises(IndexError, match=f"index {bad} is out of range for size 4"):
            getattr(indexing_reference, name)(np, *args)


@FLOATS
def test_duplicates_accumulate_and_rows_keep_apart(dtype: type) -> None:
    rng = np.random.default_rng(0)
    x, source = rng.standard_normal((5, 3)).astype(dtype), rng.standard_normal((100, 3)).astype(dtype)
    index = rng.integers(0, 4, 100)
    source[index == 1] = np.nan
    expected = x.astype(np.float64)
    np.add.at(expected, index, source.astype(np.float64))
    for actual in (
        indexing.scatter_add(x, index, source),
        indexing_reference.scatter_add(np, x, index, source),
    ):
        assert actual.dtype == dtype
        np.testing.assert_allclose(actual, expected, rtol=1e-4 if dtype == np.float32 else 1e-12)
        np.testing.assert_array_equal(actual[4], x[4])


# --- arrays and numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("a, b, dtype", [
    (np.float32([1, 2]), 2.5, np.float32),
    (np.float32([1, 2]), 3, np.float32),
    (2, np.float32([1, 2]), np.float32),
    (np.float32([1, 2]), np.float64(2.5), np.float64),
    (np.float32([1, 2]), np.float64([2.5, 3]), np.float64),
    (np.float32([[1, 2]]), np.float32([[3], [4]]), np.float32),
    (np.array(1.0, np.float32), np.array(2.0, np.float32), np.float32),
    (np.float64([1, 2]), 10**300, np.float64),
    (np.arange(3), 2, np.int64),
    (np.array(3), np.array(4), np.int64),
])  # fmt: skip
def test_arithmetic_follows_numpy_in_dtype_and_shape(a: Any, b: Any, dtype: type) -> None:
    for compiled, ufunc in ((elementwise.add, np.add), (elementwise.multiply, np.multiply)):
        actual, expected = compiled(a, b), ufunc(a, b)
        assert type(actual) is np.ndarray
        assert (actual.dtype, actual.shape) == (np.dtype(dtype), expected.shape)
        np.testing.assert_array_equal(actual, expected)


def test_division_by_zero_is_ieee() -> None:
    actual = elementwise.divide(np.array([1.0, -1.0, 0.0]), 0.0)
    np.testing.assert_array_equal(actual, [np.inf, -np.inf, np.nan])


@pytest.mark.parametrize("rows, out", [(1500, 400), (33, 70), (40, 1000), (32, 64)])  # by every route
@FLOATS
def test_large_linear_maps(rows: int, out: int, dtype: type) -> None:
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(shape).astype(dtype) for shape in ((rows, 300), (out, 300), out))
    exact = x.astype(np.float64) @ w.T.astype(np.float64) + b
    y = linalg.linear(x, w, b)
    assert y.dtype == dtype
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(y, exact, rtol=2000 * eps, atol=2000 * eps)
