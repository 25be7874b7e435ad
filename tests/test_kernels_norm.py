"""The compiled normalisations over more rows and columns than one chunk, one block and one slab have."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from tiny_pytorch._ext import norm
from tiny_pytorch.backend.reference import norm as reference

pytestmark = pytest.mark.numpy_only

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
SIZES = pytest.mark.parametrize("rows, n", [(300, 7), (257, 40), (130, 1100), (9, 2500)])


def agree(actual: Any, expected: Any, dtype: type, scale: float = 1.0) -> None:
    tolerance = (1e-5 if dtype is np.float32 else 1e-13) * scale
    for a, b in zip(actual, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.dtype == dtype
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def numbers(dtype: type, *shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape) + sum(shape)).standard_normal(shape).astype(dtype)


@FLOATS
@SIZES
@pytest.mark.parametrize("affine", [True, False])
def test_rows(dtype: type, rows: int, n: int, affine: bool) -> None:
    x, g = numbers(dtype, rows, n) + 3, numbers(dtype, rows, n)
    wide = [v.astype(np.float64) for v in (x, g)]
    weight, bias = (numbers(dtype, n), numbers(dtype, n) * 2) if affine else (None, None)
    y, mean, rstd = norm.layer_norm(x, weight, bias, 1, 1e-5)
    exact = reference.layer_norm(np, wide[0], weight, bias, 1, 1e-5)
    agree((y, mean, rstd), exact, dtype, 10)
    z, root = norm.rms_norm(x, weight, 1, 1e-5)
    agree((z, root), reference.rms_norm(np, wide[0], weight, 1, 1e-5), dtype)
    for needs in product((True, False), repeat=3):
        agree(
            norm.layer_norm_grad(g, x, weight, mean, rstd, 1, needs),
            reference.layer_norm_grad(np, wide[1], wide[0], weight, *exact[1:], 1, needs),
            dtype,
            rows,
        )
        agree(
            norm.rms_norm_grad(g, x, weight, root, 1, needs[:2]),
            reference.rms_norm_grad(np, wide[1], wide[0], weight, root.astype(np.float64), 1, needs[:2]),
            dtype,
            rows,
        )


@FLOATS
def test_long_rows_carry_their_errors(dtype: type) -> None:
    """The sums of a row's gradient: exact where terms cancel across the blocks they are summed in."""
    g = np.ones((1, 8192), dtype)
    g[0, :1024], g[0, 4096:5120] = 2.0**60, -(2.0**60)
    x = np.ones_like(g)
    gx, _, gb = norm.layer_norm_grad(g, x, None, np.zeros((1, 1), dtype), np.ones((1, 1), dtype), 1, (True, True, True))
    assert gx[0, 2000] == 1 - 6144 / 8192 - 6144 / 8192
    np.testing.assert_array_equal(gb, g[0])


def layer_norm(g: np.ndarray, x: np.ndarray, w: np.ndarray) -> tuple:
    y, mean, rstd = norm.layer_norm(x, w, w, 1, 1e-5)
    return y, mean, rstd, *norm.layer_norm_grad(g, x, w, mean, rstd, 1, (True, True, True))


def rms_norm(g: np.ndarray, x: np.ndarray, w: np.ndarray) -> tuple:
    y, rstd = norm.rms_norm(x, w, 1, 1e-5)
    return y, rstd, *norm.rms_norm_grad(g, x, w, rstd, 1, (True, True))


def batch_norm(g: np.ndarray, x: np.ndarray, w: np.ndarray) -> tuple:
    """Of planes of 80 and of 5 numbers."""
    results: tuple = ()
    for length in (80, 5):
        shape = (x.size // w.size // length, w.size, length)
        x, g = x.reshape(shape), g.reshape(shape)
        y, mean, var, rstd = norm.batch_norm(x, w, w, 1e-5)
        results += y, mean, var, rstd, norm.batch_norm_eval(x, mean, var, w, w, 1e-5)
        results += norm.batch_norm_grad(g, x, w, mean, rstd, (True, True, True))
    return results


def group_norm(g: np.ndarray, x: np.ndarray, w: np.ndarray) -> tuple:
    shape = (x.size // w.size // 80, w.size, 80)
    x, g = x.reshape(shape), g.reshape(shape)
    y, mean, rstd = norm.group_norm(x, w, w, 8, 1e-5)
    return y, mean, rstd, *norm.group_norm_grad(g, x, w, mean, rstd, (True, True, True))


@FLOATS
@pytest.mark.parametrize("function", [layer_norm, rms_norm, batch_norm, group_norm])
def test_the_same_bits_for_any_number_of_threads(function: Any, dtype: type, threads: Callable[[int], None]) -> None:
    rows, n = 1040, 320
    args = numbers(dtype, rows, n), numbers(dtype, rows, n), numbers(dtype, n)
    results = []
    for count in (1, 2, 5):
        threads(count)
        results.append(function(*args))
    for others in results[1:]:
        for a, b in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(a, b)
