"""The compiled pooling of short rows, whose vectors reach into the rows behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tiny_pytorch._ext import pooling
from tiny_pytorch.backend.reference import pooling as reference

pytestmark = pytest.mark.numpy_only

PAIRS = ((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("wide", range(2, 20))
@pytest.mark.parametrize("planes", [(1, 1), (2, 3), (64, 40)], ids=str)
def test_pairs_in_rows_of_any_length(
    planes: tuple[int, int], wide: int, dtype: Any, threads: Callable[[int], None]
) -> None:
    random = np.random.default_rng(wide)
    for high in (2, 7):
        whole = random.standard_normal((*planes, high, wide)).astype(dtype)
        for name in ("numbers", "equals", "nan"):
            x = np.round(whole) if name == "equals" else whole.copy()
            if name == "nan":
                x[random.random(x.shape) < 0.02] = np.nan
            expected = reference.max_pool(np, x, *PAIRS)
            for n in (1, 3):
                threads(n)
                for one, other in zip(expected, pooling.max_pool(x, *PAIRS), strict=True):
                    np.testing.assert_array_equal(one, other)
