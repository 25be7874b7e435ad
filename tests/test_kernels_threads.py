"""Arrays that several threads share: the same bits as from one, and those of each part alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tiny_pytorch._ext import elementwise, nn

pytestmark = pytest.mark.numpy_only

KERNELS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], Any]] = {
    "add": lambda x, y, mask: elementwise.add(x, y),
    "subtract a number": lambda x, y, mask: elementwise.subtract(x, 0.25),
    "divide a number": lambda x, y, mask: elementwise.divide(2.0, y),
    "multiply by an array of one": lambda x, y, mask: elementwise.multiply(x, y[0, 0].reshape(())),
    "relu": lambda x, y, mask: elementwise.relu(x),
    "relu_grad": lambda x, y, mask: elementwise.relu_grad(x, y),
    "masked_scale": lambda x, y, mask: elementwise.masked_scale(x, mask, 1.5),
    "keep_mask": lambda x, y, mask: elementwise.keep_mask(x.shape, 0.3, 7),
    "softmax": lambda x, y, mask: nn.softmax(x, -1),
    "log_softmax": lambda x, y, mask: nn.log_softmax(x, -1),
    "softmax_grad": lambda x, y, mask: nn.softmax_grad(x, y, -1),
    "log_softmax_grad": lambda x, y, mask: nn.log_softmax_grad(x, y, -1),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", KERNELS)
def test_the_same_bits_for_any_number_of_threads(name: str, dtype: type, threads: Callable[[int], None]) -> None:
    rng = np.random.default_rng(0)
    shape = (1501, 301)  # more than ten parts, the last of them short
    x, y = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    mask = rng.random(shape) < 0.5
    results = []
    for count in (1, 2, 5):
        threads(count)
        results.append(KERNELS[name](x, y, mask))
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)
    if name != "keep_mask":
        rows = slice(1400, 1410)  # few enough for one part
        parts = x[rows].copy(), y[rows].copy(), mask[rows].copy()
        if name != "multiply by an array of one":
            np.testing.assert_array_equal(results[0][rows], KERNELS[name](*parts))
