"""What reductions share: which axes, how many elements, in what dtype, and the way back."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import cast
from ..backend.dtypes import as_dtype
from .naming import normalize_axes
from .operands import shape_of

__all__ = ["Axes", "count", "dropped", "floating", "kept", "reduced_axes", "spread", "whole_as_int64"]

Axes = tuple[int, ...] | None  # None means all
_WHOLE = ("bool", "int", "uint")


def reduced_axes(name: str, input: Any, dim: Any) -> Axes:
    """The axes to reduce, counted from the front. None is all: no dim, ``()``, or any dim of a 0-d tensor."""
    ndim = len(shape_of(name, input))
    if dim is None:
        return None
    axes = normalize_axes(name, dim, ndim)
    return axes if ndim and axes else None


def count(shape: tuple[int, ...], axis: Axes) -> int:
    """How many elements each result is made of."""
    return math.prod(n for i, n in enumerate(shape) if axis is None or i in axis)


def kept(shape: tuple[int, ...], axis: Axes) -> tuple[int, ...]:
    """``shape`` with 1 in place of each reduced axis."""
    return tuple(1 if axis is None or i in axis else n for i, n in enumerate(shape))


def dropped(shape: tuple[int, ...], axis: Axes) -> tuple[int, ...]:
    """``shape`` without the reduced axes."""
    return () if axis is None else tuple(n for i, n in enumerate(shape) if i not in axis)


def spread(k: Any, g: Any, shape: tuple[int, ...], axis: Axes) -> Any:
    """The gradient of a sum, at every element that went into it."""
    return k.xp.broadcast_to(k.xp.reshape(g, kept(shape, axis)), shape)


def whole_as_int64(name: str, input: Any, dtype: Any) -> Any:
    """``input`` in the dtype to accumulate in: what was asked for, or int64 for bools and integers."""
    shape_of(name, input)
    own = as_dtype(input.array.dtype)
    wanted = as_dtype(dtype) if dtype is not None else as_dtype("int64") if own.kind in _WHOLE else own
    return input if wanted is own else cast(input, dtype=wanted)


def floating(name: str, input: Any, dtype: Any = None) -> Any:
    """``input`` in ``dtype``, if one is asked for; a TypeError if it is not of a floating dtype then."""
    shape_of(name, input)
    own = as_dtype(input.array.dtype)
    wanted = own if dtype is None else as_dtype(dtype)
    if wanted.kind in _WHOLE:
        raise TypeError(f"{name}: expected a floating dtype, got {wanted.name}; convert the tensor with .float()")
    return input if wanted is own else cast(input, dtype=wanted)
