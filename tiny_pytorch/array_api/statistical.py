"""Sums, means and extremes over axes: ``axis`` is an integer, several, or None for all."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..backend.dtypes import DTYPES, DType, as_dtype
from .convert import Tensor, array, dtype_of
from .dtypes import astype

__all__ = ["cumulative_prod", "cumulative_sum", "max", "mean", "min", "prod", "std", "sum", "var"]


def _sum_dtype(x: Tensor, dtype: Any) -> DType:
    """The dtype in which ``x`` is added up: narrow integers in 64 bits, floating ones in their own."""
    if dtype is not None:
        return as_dtype(dtype)
    return _WIDE.get(dtype_of(x).kind, dtype_of(x))


_WIDE = {"bool": DTYPES["int64"], "int": DTYPES["int64"], "uint": DTYPES["uint64"]}


def _over_none(x: Tensor, dtype: Any = None) -> Tensor:
    """The reduction over no axis (``axis=()``) of what leaves single elements as they are."""
    return astype(x, dtype_of(x) if dtype is None else dtype)


def cumulative_prod(x: Tensor, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """Products of the elements so far along ``axis``, which a 1-D array need not name."""
    return _cumulative(ops.cumprod, ops.ones, x, axis, dtype, include_initial)


def cumulative_sum(x: Tensor, /, *, axis: Any = None, dtype: Any = None, include_initial: bool = False) -> Tensor:
    """Sums of the elements so far along ``axis``, which a 1-D array need not name."""
    return _cumulative(ops.cumsum, ops.zeros, x, axis, dtype, include_initial)


def _cumulative(operation: Any, first: Any, x: Tensor, axis: Any, dtype: Any, include_initial: bool) -> Tensor:
    x = array(x)
    x = astype(x, _sum_dtype(x, dtype), copy=False)
    if axis is None:
        if len(x.shape) != 1:
            raise ValueError(f"{operation.__name__}: axis is needed for an array of {len(x.shape)} dimensions")
        axis = 0
    result = operation(x, axis)
    if include_initial:
        shape = list(x.shape)
        shape[axis] = 1
        result = ops.cat([first(tuple(shape), dtype=dtype_of(x)), result], axis)
    return result


def max(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The greatest element; NaN if there is one. Equal greatest elements share the gradient."""
    x = array(x)
    return _over_none(x) if axis == () else ops.amax(x, axis, keepdims)


def mean(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum divided by the number of elements."""
    x = array(x)
    return _over_none(x) if axis == () else ops.mean(x, axis, keepdims)


def min(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The least element; NaN if there is one. Equal least elements share the gradient."""
    x = array(x)
    return _over_none(x) if axis == () else ops.amin(x, axis, keepdims)


def prod(x: Tensor, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The product. Integers are multiplied in 64 bits."""
    x = array(x)
    wide = _sum_dtype(x, dtype)
    return _over_none(x, wide) if axis == () else ops.prod(x, axis, keepdims, dtype=wide)


def std(x: Tensor, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """The square root of the variance."""
    return ops.std(array(x), axis, correction=correction, keepdim=keepdims)


def sum(x: Tensor, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum. Integers are added in 64 bits."""
    x = array(x)
    wide = _sum_dtype(x, dtype)
    return _over_none(x, wide) if axis == () else ops.sum(x, axis, keepdims, dtype=wide)


def var(x: Tensor, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """``sum of (x - mean)^2 / (n - correction)``."""
    return ops.var(array(x), axis, correction=correction, keepdim=keepdims)
