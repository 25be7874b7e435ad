"""``torch.linalg``'s names: solving, determinants, norms, factorisations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import ops
from .ops import (
    cholesky,
    cross,
    det,
    diagonal,
    eigh,
    eigvalsh,
    matmul,
    matrix_power,
    matrix_rank,
    qr,
    slogdet,
    solve,
    svd,
    svdvals,
)
from .tensor import Tensor

__all__ = [
    "cholesky", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "matmul", "matrix_norm", "matrix_power",
    "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve", "svd", "svdvals", "vecdot", "vector_norm",
]  # fmt: skip

inv = ops.inverse


def pinv(A: Tensor, rtol: float | None = None) -> Tensor:
    """The pseudo-inverse; singular values up to ``rtol`` times the largest count as 0. It has no gradient here."""
    return ops.pinverse(A, rtol)


def vector_norm(x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """``(sum of |x|^ord)^(1/ord)`` along ``dim``, or of all elements.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.linalg.vector_norm(tp.tensor([3.0, 4.0])).item()
    5.0
    """
    return ops.norm(x, ord, dim, keepdim, dtype=dtype)


def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """The norm of matrices.

    Parameters
    ----------
    A : Tensor (..., n, m)
    ord : {"fro", "nuc", 1, -1, 2, -2, inf, -inf}
        The root of the sum of squares; the sum of singular values; the largest or smallest sum of magnitudes of a
        column (1) or row (inf); the largest or smallest singular value (2). Singular values have no gradient here.
    dim : (int, int), default (-2, -1)
    keepdim : bool, default False
    dtype : optional

    Raises
    ------
    ValueError
        For another order.
    """
    A = A if dtype is None else A.to(dtype)
    if ord == "fro":
        return ops.norm(A, "fro", dim, keepdim)
    first, second = (d % A.ndim for d in dim)
    if ord in (1, -1, math.inf, -math.inf):
        summed, kept = (first, second) if abs(ord) == 1 else (second, first)
        sums = ops.sum(ops.abs(A), summed, True)
        found = (ops.amax if ord > 0 else ops.amin)(sums, kept, True)
    elif ord in ("nuc", 2, -2):
        values = svdvals(ops.movedim(A, (first, second), (-2, -1)))
        found = ops.sum(values, -1) if ord == "nuc" else values[..., 0] if ord > 0 else values[..., -1]
        found = found.reshape([1 if i in (first, second) else n for i, n in enumerate(A.shape)])
    else:
        raise ValueError(f"matrix_norm: ord must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got {ord!r}")
    return found if keepdim else ops.squeeze(found, (first, second))


def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """:func:`vector_norm` of all elements or along one axis; :func:`matrix_norm` with an order over two axes.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.linalg.norm(tp.tensor([[3.0, 0.0], [0.0, 4.0]])).item()
    5.0
    """
    pair = isinstance(dim, (tuple, list)) and len(dim) == 2
    if ord is not None and (pair or (dim is None and A.ndim == 2)):
        return matrix_norm(A, ord, tuple(dim) if pair else (-2, -1), keepdim, dtype=dtype)
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """``sum of x * y`` along ``dim``."""
    return ops.sum(x * y, dim)


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of two matrices or more, in the order that takes the fewest multiplications.

    Raises
    ------
    ValueError
        For fewer than two.

    References
    ----------
    T. H. Cormen, C. E. Leiserson, R. L. Rivest, C. Stein, "Introduction to algorithms", section 15.2.
    """
    count = len(tensors)
    if count < 2:
        raise ValueError(f"multi_dot: expected at least two matrices, got {count}")
    sizes = [t.shape[0] if t.ndim > 1 else 1 for t in tensors] + [tensors[-1].shape[-1] if tensors[-1].ndim > 1 else 1]
    best: dict[tuple[int, int], tuple[float, int]] = {(i, i): (0.0, i) for i in range(count)}
    for length in range(2, count + 1):
        for i in range(count - length + 1):
            j = i + length - 1
            costs = [
                (best[i, s][0] + best[s + 1, j][0] + sizes[i] * sizes[s + 1] * sizes[j + 1], s) for s in range(i, j)
            ]
            best[i, j] = min(costs)

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return tensors[i]
        split = best[i, j][1]
        return matmul(product(i, split), product(split + 1, j))

    return product(0, count - 1)
