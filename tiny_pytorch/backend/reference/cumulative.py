"""Running sums and products."""

from __future__ import annotations

from typing import Any

__all__ = ["cumprod", "cumsum"]

Array = Any


def cumsum(xp: Any, x: Array, axis: int) -> Array:
    """``y[i] = x[0] + ... + x[i]`` along ``axis``, in the dtype of ``x``."""
    return xp.cumulative_sum(x, axis=axis, dtype=x.dtype)


def cumprod(xp: Any, x: Array, axis: int) -> Array:
    """``y[i] = x[0] * ... * x[i]`` along ``axis``, in the dtype of ``x``."""
    return xp.cumulative_prod(x, axis=axis, dtype=x.dtype)
