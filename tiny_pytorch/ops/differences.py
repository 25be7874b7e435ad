"""Differences of neighbours, running log-sums, and the vector product."""

from __future__ import annotations

from typing import Any

from ..autograd import ShapeError
from .copying import clone
from .elementwise import logaddexp, sub
from .gathering import index_select
from .indexing import narrow
from .joining import cat
from .naming import dims, normalize_axis
from .operands import shape_of
from .shape import broadcast_shapes, broadcast_to

__all__ = ["cross", "diff", "logcumsumexp"]

Tensor = Any  # the class stands above the ops


@dims
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """``y[i] = x[i + 1] - x[i]`` along ``dim``, ``n`` times over.

    Parameters
    ----------
    input : Tensor
    n : int, default 1
    dim : int, default -1
    prepend, append : Tensor, optional
        Joined on before, in front and behind.

    Raises
    ------
    RuntimeError
        For a tensor of no dimensions, or a negative n.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.diff(tp.tensor([1, 4, 9]))
    tensor([3, 5])
    """
    shape = shape_of("diff", input)
    if not shape or n < 0:
        raise ShapeError(f"diff: expected at least one dimension and n of at least 0, got shape {shape} and n={n}")
    axis = normalize_axis("diff", dim, len(shape))
    parts = [part for part in (prepend, input, append) if part is not None]
    x = cat(parts, axis) if len(parts) > 1 else input
    for _ in range(n):
        count = x.shape[axis]
        if count < 2:
            return narrow(x, axis, 0, 0)
        x = sub(narrow(x, axis, 1, count - 1), narrow(x, axis, 0, count - 1))
    return x


@dims
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """``y[i] = log(e^x[0] + ... + e^x[i])`` along ``dim``: neighbours joined over twice the distance each time.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.logcumsumexp(tp.zeros(3), 0).exp()
    tensor([1., 2., 3.])
    """
    shape = shape_of("logcumsumexp", input)
    axis = normalize_axis("logcumsumexp", dim, len(shape))
    n, step, y = shape[axis] if shape else 1, 1, clone(input)
    while step < n:
        joined = logaddexp(narrow(y, axis, step, n - step), narrow(y, axis, 0, n - step))
        y, step = cat([narrow(y, axis, 0, step), joined], axis), 2 * step
    return y


def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """``input x other``: the vectors that stand at right angles on both, along an axis of size 3.

    Parameters
    ----------
    input, other : Tensor
        Of shapes that broadcast.
    dim : int, optional
        By default the first axis of size 3.

    Raises
    ------
    RuntimeError
        If the axis does not have size 3.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.cross(tp.tensor([1.0, 0.0, 0.0]), tp.tensor([0.0, 1.0, 0.0]), dim=0)
    tensor([0., 0., 1.])
    """
    shape = broadcast_shapes(shape_of("cross", input), shape_of("cross", other))
    if dim is None:
        dim = next((i for i, n in enumerate(shape) if n == 3), 0)
    axis = normalize_axis("cross", dim, len(shape))
    if not shape or shape[axis] != 3:
        raise ShapeError(f"cross: expected an axis of size 3, got dim {dim} of shape {shape}")
    a, b = broadcast_to(input, shape), broadcast_to(other, shape)

    def turned(x: Tensor, order: list[int]) -> Tensor:
        return index_select(x, axis, order)

    return turned(a, [1, 2, 0]) * turned(b, [2, 0, 1]) - turned(a, [2, 0, 1]) * turned(b, [1, 2, 0])
