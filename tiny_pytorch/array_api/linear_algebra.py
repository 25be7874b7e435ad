"""Products of matrices and vectors."""

from __future__ import annotations

from typing import Any

from .. import ops
from .convert import Tensor, array, tensors

__all__ = ["matmul", "matrix_transpose", "tensordot", "vecdot"]


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """``x1 @ x2``: matrices in the last two axes, the others broadcast; a 1-D operand is a vector."""
    return ops.matmul(*tensors(x1, x2))


def matrix_transpose(x: Tensor, /) -> Tensor:
    """``x`` with its last two axes exchanged."""
    x = array(x)
    if len(x.shape) < 2:
        raise ValueError(f"matrix_transpose: expected at least two dimensions, got shape {tuple(x.shape)}")
    return ops.transpose(x, -1, -2)


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: Any = 2) -> Tensor:
    """The sum of products over the last ``axes`` axes of ``x1`` and the first of ``x2``, or over two lists of axes."""
    x1, x2 = tensors(x1, x2)
    return ops.tensordot(x1, x2, axes)


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """``sum of x1 * x2`` along ``axis`` (negative), the others broadcast."""
    x1, x2 = tensors(x1, x2)
    return ops.sum(ops.mul(x1, x2), axis)
