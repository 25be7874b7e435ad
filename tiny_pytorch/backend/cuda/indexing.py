"""Rows by integer index, and ``x[index]``. Indices are checked on the device, see faults.py."""

from __future__ import annotations

import math
from typing import Any

import cupy

from ..reference.gather import ARRAY
from . import faults
from .launch import blocks_for, launch, plain

__all__ = [
    "check_indices",
    "diagonal",
    "index",
    "index_add",
    "index_put",
    "index_write",
    "scatter_add",
    "scatter_rows",
    "take",
    "zero_at",
]

Array = Any


def check_indices(index: Array, size: int) -> None:
    _check(index, 0, size)


def take(x: Array, index: Array, axis: int) -> Array:
    if not (isinstance(index, cupy.ndarray) and index.dtype.kind in "iu" and -x.ndim <= axis < x.ndim):
        return NotImplemented
    axis %= x.ndim
    dtype = plain(x)
    if axis != 0 or dtype is None or index.size == 0:
        _check(index, 0, x.shape[axis])
        return cupy.take(x, index, axis=axis)
    rows = cupy.ascontiguousarray(index, dtype=cupy.int64)
    y = cupy.empty(index.shape + x.shape[1:], x.dtype)
    width = math.prod(x.shape[1:])
    sizes = (width, x.shape[0], faults.address(), y.size)
    launch("indexing", "take_rows", dtype, *blocks_for(y.size), x, rows, y, *sizes)
    faults.check()
    return y


def scatter_add(x: Array, index: Array, source: Array) -> Array:
    dtype = plain(x, source)
    if dtype is None or x.ndim < 1 or not isinstance(index, cupy.ndarray) or index.ndim != 1:
        return NotImplemented
    if index.dtype.kind not in "iu" or source.shape != index.shape + x.shape[1:]:
        return NotImplemented
    return _add_rows(x.copy(), index, source, dtype)


def scatter_rows(source: Array, index: Array, rows: int, skip: int | None) -> Array:
    dtype = plain(source)
    if dtype is None or not isinstance(index, cupy.ndarray) or index.dtype.kind not in "iu":
        return NotImplemented
    if source.shape[: index.ndim] != index.shape:
        return NotImplemented
    return _add_rows(cupy.zeros((rows, *source.shape[index.ndim :]), source.dtype), index, source, dtype, skip)


def _add_rows(y: Array, index: Array, source: Array, dtype: str, skip: int | None = None) -> Array:
    """``y[index] += source`` in place, except where the index is ``skip``."""
    where = cupy.ascontiguousarray(index, dtype=cupy.int64)
    skipping = (int(skip is not None), skip or 0)
    sizes = (math.prod(y.shape[1:]), y.shape[0], faults.address(), source.size)
    launch("indexing", "scatter_add", dtype, *blocks_for(source.size), y, where, source, *skipping, *sizes)
    faults.check()
    return y


def diagonal(x: Array, offset: int) -> Array:
    return cupy.diagonal(x, offset, -2, -1)


def index(x: Array, *arrays: Array, index: tuple) -> Array:
    return x[_filled(x.shape, index, arrays)]


def index_add(g: Array, *arrays: Array, index: tuple, shape: tuple) -> Array:
    result = cupy.zeros(shape, g.dtype)
    if not arrays:
        result[index] = g
        return result
    where = _filled(shape, index, arrays)
    whole_rows = len(arrays) == 1 and index[0] is ARRAY and all(e is Ellipsis for e in index[1:])
    dtype = plain(g, result) if whole_rows else None
    if dtype is not None:
        rows = where[0].ravel()
        return _add_rows(result, cupy.where(rows < 0, rows + shape[0], rows), g, dtype)
    cupy.add.at(result, where, g)
    return result


def index_put(x: Array, value: Any, *arrays: Array, index: tuple) -> Array:
    return index_write(x.copy(), value, *arrays, index=index)


def index_write(x: Array, value: Any, *arrays: Array, index: tuple) -> Array:
    x[_filled(x.shape, index, arrays)] = value
    return x


def zero_at(x: Array, positions: Array) -> Array:
    y = cupy.array(x, order="C")
    y.reshape(-1)[positions] = 0
    return y


def _filled(shape: tuple[int, ...], index: tuple, arrays: tuple[Array, ...]) -> tuple:
    """The index with its arrays in their places, each checked against its axis: CuPy's own indexing wraps around."""
    if not arrays:
        return index
    used = sum(e is not None and e is not Ellipsis for e in index)
    following, filled, axis = iter(arrays), [], 0
    for entry in index:
        if entry is ARRAY:
            entry = next(following)
            _check(entry, -shape[axis], shape[axis])
        filled.append(entry)
        axis += len(shape) - used if entry is Ellipsis else entry is not None
    return tuple(filled)


def _check(index: Array, low: int, size: int) -> None:
    if index.size:
        values = cupy.ascontiguousarray(index, dtype=cupy.int64)
        arguments = (values, low, size, faults.address(), index.size)
        launch("indexing", "check_indices", "float32", *blocks_for(index.size), *arguments)
        faults.check()
