"""The compiled convolution on geometries of every kind, against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiny_pytorch._ext import conv
from tiny_pytorch.backend.reference import conv as reference

pytestmark = pytest.mark.numpy_only

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}  # of the largest number


def assert_near(name: str, expected: np.ndarray, found: np.ndarray) -> None:
    assert found.shape == expected.shape, name
    assert found.dtype == expected.dtype, name
    largest = max(1.0, np.abs(expected).max(initial=0))
    error = np.abs(found - expected).max(initial=0) / largest
    assert error < TOLERANCE[expected.dtype.type], f"{name} is {error} off, relative to its largest number"


def check(dtype: Any, samples: int, groups: int, channels: int, filters: int, *axes: tuple[int, ...]) -> None:
    """An axis is (size, kernel, stride, dilation, before, after)."""
    sizes, kernel, stride, dilation, before, after = zip(*axes, strict=True)
    padding = list(zip(before, after, strict=True))
    random = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return random.standard_normal(shape).astype(dtype)

    x, weight = draw(samples, groups * channels, *sizes), draw(groups * filters, channels, *kernel)
    bias = draw(groups * filters)
    geometry = (stride, padding, dilation, groups)
    y = reference.conv(np, x, weight, bias, *geometry)
    assert_near("y", y, conv.conv(x, weight, bias, *geometry))
    assert_near("y without bias", y - bias.reshape(1, -1, *[1] * len(axes)), conv.conv(x, weight, None, *geometry))
    rectified = conv.conv_relu(x, weight, bias, *geometry)
    np.testing.assert_array_equal(rectified, np.maximum(conv.conv(x, weight, bias, *geometry), 0))
    g = draw(*y.shape)
    for mask in (None, rectified):
        seen = g if mask is None else np.where(mask > 0, g, 0)
        expected = reference.conv_grad(np, seen, x, weight, x.shape, *geometry, (True,) * 3)
        for needs in ((True, True, True), (True, False, False), (False, True, False), (True, False, True)):
            rest = (x if needs[1] else None, weight, x.shape, *geometry, needs)
            found = conv.conv_grad(g, *rest) if mask is None else conv.conv_relu_grad(g, mask, *rest)
            for name, one, other, needed in zip(("gx", "gw", "gb"), expected, found, needs, strict=True):
                if needed:
                    assert_near(name, one, other)
                else:
                    assert other is None


@st.composite
def axis(draw: st.DrawFn) -> tuple[int, ...]:
    kernel, stride, dilation = draw(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 2)))
    before, after = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    least = max(1, dilation * (kernel - 1) + 1 - before - after)
    return draw(st.integers(least, least + 8)), kernel, stride, dilation, before, after


@given(
    st.sampled_from([np.float32, np.float64]),
    st.integers(1, 50),
    st.integers(1, 3),
    st.integers(1, 9),
    st.integers(1, 10),
    st.lists(axis(), min_size=1, max_size=2),
)
@settings(max_examples=60, deadline=None)
def test_any_geometry(dtype, samples, groups, channels, filters, axes):
    check(dtype, samples, groups, channels, filters, *axes)


SMALL = {
    "4x4": (33, 1, 17, 20, *[(4, 3, 1, 1, 1, 1)] * 2),
    "4x4 to 2x2": (48, 1, 9, 13, *[(4, 3, 2, 1, 1, 1)] * 2),
    "2x2 to a point": (40, 1, 6, 24, *[(2, 3, 2, 1, 1, 1)] * 2),
    "points": (64, 1, 20, 9, *[(1, 3, 1, 1, 1, 1)] * 2),
    "groups": (24, 3, 4, 5, *[(5, 3, 1, 1, 1, 1)] * 2),
    "few images": (9, 1, 8, 8, *[(4, 3, 1, 1, 1, 1)] * 2),
    "large strides": (20, 1, 3, 16, *[(16, 7, 4, 1, 3, 3)] * 2),
    "signals": (31, 1, 5, 8, (6, 3, 1, 2, 2, 2)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SMALL)
def test_small_planes_of_many_images(name, dtype):
    check(dtype, *SMALL[name])


def everything(random: np.random.Generator, samples: int, groups: int, channels: int, filters: int, *axes: Any) -> Any:
    sizes, kernel, stride, dilation, before, after = zip(*axes, strict=True)
    geometry = (stride, tuple(zip(before, after, strict=True)), dilation, groups)
    x = random.standard_normal((samples, groups * channels, *sizes)).astype(np.float32)
    weight = random.standard_normal((groups * filters, channels, *kernel)).astype(np.float32)
    y = conv.conv_relu(x, weight, None, *geometry)
    g = random.standard_normal(y.shape).astype(np.float32)
    return y, *conv.conv_relu_grad(g, y, x, weight, x.shape, *geometry, (True,) * 3)


SHARED = {
    "images": (64, 1, 8, 16, *[(14, 3, 1, 1, 1, 1)] * 2),
    "small planes": (128, 1, 32, 32, *[(4, 3, 1, 1, 1, 1)] * 2),
    "one image": (1, 1, 32, 64, *[(14, 3, 1, 1, 1, 1)] * 2),
    "one image, strides": (1, 1, 19, 21, *[(40, 5, 2, 1, 2, 2)] * 2),
    "three images": (3, 1, 24, 30, *[(20, 3, 1, 1, 1, 1)] * 2),
    "depthwise": (4, 48, 1, 2, *[(30, 5, 1, 1, 2, 2)] * 2),
    "few filters": (16, 1, 64, 3, *[(24, 3, 1, 1, 1, 1)] * 2),
    "points": (100, 1, 200, 130, *[(1, 3, 1, 1, 1, 1)] * 2),
}


@pytest.mark.parametrize("name", SHARED)
def test_results_do_not_depend_on_threads(name, threads):
    threads(1)
    expected = everything(np.random.default_rng(1), *SHARED[name])
    for n in (2, 3, 7):
        threads(n)
        check(np.float32, *SHARED[name])
        for one, other in zip(expected, everything(np.random.default_rng(1), *SHARED[name]), strict=True):
            np.testing.assert_array_equal(one, other)
