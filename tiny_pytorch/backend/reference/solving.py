"""Systems of linear equations."""

from __future__ import annotations

from typing import Any

__all__ = ["inv", "solve"]

Array = Any


def inv(xp: Any, x: Array) -> Array:
    """The inverses of the square matrices in the last two axes."""
    return xp.linalg.inv(x)


def solve(xp: Any, a: Array, b: Array) -> Array:
    """The ``y`` with ``a @ y = b``: a (..., n, n), b (..., n, m), the axes in front broadcast."""
    return xp.linalg.solve(a, b)
