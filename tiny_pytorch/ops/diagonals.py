"""Diagonals, out of matrices and into them."""

from __future__ import annotations

from typing import Any

from ..autograd import op
from ..backend.reference.gather import ARRAY
from .copying import clone
from .naming import normalize_axis
from .operands import shape_of

__all__ = ["diag", "diagonal"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops
Shape = tuple[int, ...]


def _diagonal_start(n: int, m: int, offset: int) -> tuple[int, int, int]:
    """Row and column where a diagonal of an (n, m) matrix starts, and its length."""
    row, column = max(-offset, 0), max(offset, 0)
    return row, column, max(0, min(n - row, m - column))


@op(view=True, name="diagonal")
def _diagonal(k: K, x: Array, *, offset: int, dim1: int, dim2: int) -> Array:
    return k.diagonal(k.xp.permute_dims(x, _last(len(x.shape), dim1, dim2)), offset)


@_diagonal.gradient
def _(k: K, g: Array, saved: Any, offset: int, dim1: int, dim2: int) -> tuple:
    shape = saved.shapes[0]
    order = _last(len(shape), dim1, dim2)
    moved = tuple([shape[i] for i in order])
    row, column, length = _diagonal_start(moved[-2], moved[-1], offset)
    along = k.xp.arange(length, dtype=k.xp.int64)
    g = k.index_add(g, along + row, along + column, index=(..., ARRAY, ARRAY), shape=moved)
    return (k.xp.permute_dims(g, tuple(sorted(range(len(order)), key=order.__getitem__))),)


def _last(ndim: int, dim1: int, dim2: int) -> Shape:
    """The order of axes in which dim1 and dim2 are the last two."""
    chosen = normalize_axis("diagonal", dim1, ndim), normalize_axis("diagonal", dim2, ndim)
    if chosen[0] == chosen[1]:
        raise ValueError(f"diagonal: dim1 and dim2 are both {chosen[0]}; expected two axes")
    return (*(i for i in range(ndim) if i not in chosen), *chosen)


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """``out[..., i] = input[i, i + offset]``: two axes become the last one. A view where memory allows it.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.diagonal(tp.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    if len(shape_of("diagonal", input)) < 2:
        raise RuntimeError(f"diagonal: expected at least 2 dimensions, got shape {tuple(input.array.shape)}")
    return _diagonal(input, offset=offset, dim1=dim1, dim2=dim2)


@op(name="diag")
def _diag(k: K, x: Array, *, diagonal: int) -> Array:
    size = x.shape[0] + abs(diagonal)
    along = k.xp.arange(x.shape[0], dtype=k.xp.int64)
    row, column, _ = _diagonal_start(size, size, diagonal)
    return k.index_add(x, along + row, along + column, index=(ARRAY, ARRAY), shape=(size, size))


@_diag.gradient
def _(k: K, g: Array, saved: Any, diagonal: int) -> tuple:
    return (_diagonal.forward(k, g, offset=diagonal, dim1=0, dim2=1),)


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The matrix with a vector on its diagonal, or a copy of the diagonal of a matrix."""
    shape = shape_of("diag", input)
    if len(shape) == 1:
        return _diag(input, diagonal=diagonal)
    if len(shape) == 2:
        return clone(_diagonal(input, offset=diagonal, dim1=0, dim2=1))
    raise RuntimeError(f"diag: expected a vector or a matrix, got shape {shape}")
