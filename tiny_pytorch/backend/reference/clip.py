"""Many gradients together: their norm, their product with a number, and whether all are finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

__all__ = ["rescale", "total_norm", "unscale"]

Array = Any


def total_norm(xp: Any, arrays: Sequence[Array], order: float) -> Array:
    """``(sum of |x|^order) ^ (1 / order)`` over the elements of all arrays, shape ().

    Order inf is the largest ``|x|``. Quotients by the largest keep powers from overflowing. No elements: 0.
    """
    dtype = xp.result_type(*arrays)
    norms = [_norm(xp, xp.reshape(x, (-1,)), order) for x in arrays if math.prod(x.shape)]
    norms = [xp.astype(xp.asarray(norm), dtype) for norm in norms]  # NumPy's reductions give no arrays
    return _norm(xp, xp.stack(norms), order) if norms else xp.zeros((), dtype=dtype)


def rescale(xp: Any, arrays: Sequence[Array], factor: float) -> list[Array]:
    """``factor * x`` of every array. A compiled twin may write into them."""
    return [factor * x for x in arrays]


def unscale(xp: Any, arrays: Sequence[Array], factor: float) -> tuple[list[Array], Array]:
    """``(factor * x of every array, whether an element of x is inf or NaN)``; the latter a boolean of shape ().

    A compiled twin may write into the arrays.
    """
    found = [xp.logical_not(xp.all(xp.isfinite(x))) for x in arrays]
    return [factor * x for x in arrays], xp.any(xp.stack(found)) if found else xp.zeros((), dtype=xp.bool)


def _norm(xp: Any, x: Array, order: float) -> Array:
    size = xp.abs(x)
    top = xp.max(size)
    if order == math.inf:
        return top
    unit = xp.where((top > 0) & xp.isfinite(top), top, xp.ones_like(top))
    size = size / unit
    if order == 2:
        return unit * xp.sqrt(xp.sum(size * size))
    return unit * xp.sum(size**order) ** (1 / order)
