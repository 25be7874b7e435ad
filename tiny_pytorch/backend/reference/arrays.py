"""What the engine itself asks of arrays: copies, conversions, and whether two share memory."""

from __future__ import annotations

import math
from typing import Any

from ..dtypes import raw

__all__ = ["astype", "copy", "is_contiguous", "is_differentiable", "shares_memory", "to_device", "write", "zero_at"]

Array = Any


def astype(xp: Any, x: Array, dtype: Any) -> Array:
    """``x`` converted to ``dtype``, always in new memory."""
    return xp.astype(x, raw(xp, dtype))


def copy(xp: Any, x: Array) -> Array:
    """``x`` in memory of its own."""
    return xp.asarray(x, copy=True)


def is_contiguous(xp: Any, x: Array) -> bool:
    """Whether the elements lie in row-major order without gaps; True where the library does not show it."""
    flags = getattr(x, "flags", None)
    return flags is None or bool(flags.c_contiguous)


def is_differentiable(xp: Any, x: Array) -> bool:
    """Whether gradients can flow to an array of this dtype."""
    return xp.isdtype(x.dtype, ("real floating", "complex floating"))


def shares_memory(xp: Any, x: Array, y: Array) -> bool:
    """Whether writing to ``x`` may change ``y``; False where views copy or arrays are immutable."""
    return False


def to_device(xp: Any, x: Array, device: str, source: str, non_blocking: bool) -> Array:
    """``x``, which is on ``source``, on another device of the library.

    ``non_blocking``: the caller does not write ``x`` while it is copied, so that nobody needs to wait.
    """
    return x.to_device(device)


def write(xp: Any, x: Array, value: Array) -> Array:
    """``x`` with its content replaced by ``value`` (same shape and dtype): the same memory where the library can."""
    x[...] = value
    return x


def zero_at(xp: Any, x: Array, positions: Array) -> Array:
    """A copy of ``x`` with zeros at flat positions (row-major, 1-D integers, no duplicates)."""
    positions = xp.sort(positions)
    every = xp.arange(math.prod(x.shape), dtype=positions.dtype)
    found = xp.searchsorted(positions, every, side="right") > xp.searchsorted(positions, every)
    return xp.where(xp.reshape(found, x.shape), xp.zeros_like(x), x)
