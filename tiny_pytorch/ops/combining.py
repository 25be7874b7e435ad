"""Index pairs of triangles, combinations of elements, and matrices put together as blocks."""

from __future__ import annotations

import itertools
from typing import Any

from ..autograd import ShapeError
from ..backend.dtypes import as_dtype
from .conversion import tensor
from .creation import meshgrid, zeros
from .gathering import index_select
from .joining import cat, stack
from .operands import shape_of, tensors
from .permutation import moveaxis
from .shape import reshape

__all__ = ["block_diag", "cartesian_prod", "combinations", "diag_embed", "tril_indices", "triu_indices"]

Tensor = Any  # the class stands above the ops


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Rows and columns (2, n) of the elements on and below a diagonal of a (row, col) matrix, row by row: int64.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return _triangle("tril_indices", row, col, dtype, device, lambda i, j: j - i <= offset)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Rows and columns (2, n) of the elements on and above a diagonal of a (row, col) matrix, row by row: int64.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.triu_indices(2, 2, 1)
    tensor([[0],
            [1]])
    """
    return _triangle("triu_indices", row, col, dtype, device, lambda i, j: j - i >= offset)


def _triangle(name: str, row: int, col: int, dtype: Any, device: Any, inside: Any) -> Tensor:
    if row < 0 or col < 0:
        raise ShapeError(f"{name}: expected sizes of at least 0, got {row} and {col}")
    pairs = [(i, j) for i in range(row) for j in range(col) if inside(i, j)]
    kind = as_dtype(int if dtype is None else dtype)
    if not pairs:
        return zeros((2, 0), dtype=kind, device=device)
    return tensor([list(line) for line in zip(*pairs, strict=True)], dtype=kind, device=device)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of ``r`` elements of a vector, in its order: (number, r).

    Raises
    ------
    RuntimeError
        If it is no vector, or r is negative.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.combinations(tp.tensor([5, 6, 7])).tolist()
    [[5, 6], [5, 7], [6, 7]]
    """
    shape = shape_of("combinations", input)
    if len(shape) != 1 or r < 0:
        raise ShapeError(f"combinations: expected a vector and r of at least 0, got shape {shape} and r={r}")
    if r == 0:
        return zeros((0,), dtype=input.dtype, device=input.device)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    chosen = [i for row in choose(range(shape[0]), r) for i in row]
    if not chosen:
        return zeros((0, r), dtype=input.dtype, device=input.device)
    return reshape(index_select(input, 0, chosen), (-1, r))


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """Every row of elements, one from each vector; of a single vector, that vector.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.cartesian_prod(tp.tensor([1, 2]), tp.tensor([3, 4])).tolist()
    [[1, 3], [1, 4], [2, 3], [2, 4]]
    """
    if any(len(shape_of("cartesian_prod", t)) != 1 for t in tensors):
        raise ShapeError(f"cartesian_prod: expected vectors, got shapes {[tuple(t.shape) for t in tensors]}")
    if len(tensors) == 1:
        return tensors[0]
    return stack([reshape(grid, (-1,)) for grid in meshgrid(*tensors, indexing="ij")], 1)


def block_diag(*matrices: Tensor) -> Tensor:
    """The matrix with these along its diagonal and zeros elsewhere; vectors count as one row.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.block_diag(tp.tensor([[1, 2]]), tp.tensor([[3]]))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    found = []
    for matrix in tensors("block_diag", matrices):
        shape = shape_of("block_diag", matrix)
        if len(shape) > 2:
            raise ShapeError(f"block_diag: expected matrices, got shape {shape}")
        found.append(reshape(matrix, (1, -1)) if len(shape) < 2 else matrix)
    width, before, rows = sum(m.shape[1] for m in found), 0, []
    for matrix in found:
        n, m = matrix.shape
        sides = [zeros((n, count), dtype=matrix.dtype, device=matrix.device) for count in (before, width - before - m)]
        rows.append(cat([sides[0], matrix, sides[1]], 1))
        before += m
    return cat(rows, 0)


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices that are zero but on a diagonal, which is the last axis of ``input``.

    Parameters
    ----------
    input : Tensor (..., n)
    offset : int, default 0
        Which diagonal: above the main one, or below it if negative.
    dim1, dim2 : int, default -2 and -1
        Where the matrices' rows and columns stand in the result.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.diag_embed(tp.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    *front, n = shape_of("diag_embed", input) or (1,)
    size, ndim = n + abs(offset), len(front) + 2
    axes = [d % ndim if -ndim <= d < ndim else None for d in (dim1, dim2)]
    if None in axes or axes[0] == axes[1]:
        raise IndexError(f"diag_embed: dim1 and dim2 must be two of {ndim} axes, got {dim1} and {dim2}")
    # In a row of size * size elements the diagonal's stand size + 1 apart.
    gap = zeros((*front, n, size), dtype=input.dtype, device=input.device)
    line = reshape(cat([reshape(input, (*front, n, 1)), gap], -1), (*front, n * (size + 1)))
    start = offset if offset > 0 else -offset * size
    ends = [zeros((*front, count), dtype=input.dtype, device=input.device) for count in (start, size * size)]
    matrix = reshape(cat([ends[0], line, ends[1]], -1)[..., : size * size], (*front, size, size))
    return moveaxis(matrix, (-2, -1), (axes[0], axes[1]))
