"""Quantiles beside infinity, and counts of many numbers in many parts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tensors import host, tensor

import tiny_pytorch as tp


@pytest.mark.parametrize("numbers", [[1.0, math.inf], [-math.inf, 1.0]])
@pytest.mark.parametrize("q", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("interpolation", ["lower", "higher", "nearest"])
def test_a_quantile_that_is_an_element_is_that_element(numbers: list[float], q: float, interpolation: str) -> None:
    expected = np.quantile(numbers, q, method=interpolation)
    assert tp.quantile(tp.tensor(numbers), q, interpolation=interpolation).item() == expected


def test_a_histogram_of_many_parts() -> None:
    x = np.random.default_rng(0).standard_normal(5000)
    expected, _ = np.histogram(x, 700, (-1.0, 1.5))
    np.testing.assert_array_equal(host(tp.histc(tensor(x), 700, -1.0, 1.5)), expected)
