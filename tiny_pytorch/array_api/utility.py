"""Whether elements are true, and differences of neighbours."""

from __future__ import annotations

from typing import Any

from .. import backend, ops
from ..autograd import leaf
from .convert import Tensor, array, raw

__all__ = ["all", "any", "diff"]


def all(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether every element is true (not zero)."""
    return leaf(backend.at(raw(x)).xp.all(raw(x), axis=axis, keepdims=keepdims))


def any(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether an element is true (not zero)."""
    return leaf(backend.at(raw(x)).xp.any(raw(x), axis=axis, keepdims=keepdims))


def diff(
    x: Tensor, /, *, axis: int = -1, n: int = 1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """``y[i] = x[i + 1] - x[i]`` along ``axis``, ``n`` times, after putting arrays before and behind ``x``."""
    if n < 0:
        raise ValueError(f"diff: n must not be negative, got {n}")
    x = ops.cat([array(part) for part in (prepend, x, append) if part is not None], axis)
    before = (slice(None),) * (axis % len(x.shape))
    for _ in range(n):
        x = ops.sub(x[(*before, slice(1, None))], x[(*before, slice(None, -1))])
    return x
