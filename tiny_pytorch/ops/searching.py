"""Where values stand in sorted ones, and whether they are among others."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import ShapeError, Variable, leaf
from .conversion import asarray
from .operands import shape_of

__all__ = ["bucketize", "isin", "searchsorted"]

Tensor = Any  # the class stands above the ops


def searchsorted(
    sorted_sequence: Tensor,
    input: Tensor | float,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """``i`` with ``sorted[..., i - 1] < input <= sorted[..., i]``: where each value would be inserted.

    Parameters
    ----------
    sorted_sequence : Tensor (..., n)
        Ascending along its last axis: one row for all, or one for each row of the input.
    input : Tensor (..., m) or number
    out_int32 : bool, default False
        int32 instead of int64.
    right : bool, default False
        ``sorted[i - 1] <= input < sorted[i]`` instead: behind equal ones.
    side : {"left", "right"}, optional
        Another way to say ``right``.
    sorter : integer Tensor, optional
        The order that sorts ``sorted_sequence``.

    Raises
    ------
    RuntimeError
        If the axes in front differ, or ``right`` and ``side`` contradict each other.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.searchsorted(tp.tensor([1.0, 3.0, 5.0]), tp.tensor([3.0, 4.0]))
    tensor([1, 2])
    """
    name = "searchsorted"
    rows = shape_of(name, sorted_sequence)
    if side not in (None, "left", "right") or (side == "left" and right):
        raise ShapeError(f"{name}: side must be 'left' or 'right' and agree with right, got {side!r} and {right}")
    if not rows:
        raise ShapeError(f"{name}: expected a sequence with an axis, got a tensor of no dimensions")
    values = input if isinstance(input, Variable) else asarray(input, device=sorted_sequence.device)
    if sorter is not None:
        sorted_sequence = sorted_sequence.gather(-1, sorter)
    wanted = tuple(values.array.shape)
    if len(rows) > 1 and wanted[:-1] != rows[:-1]:
        raise ShapeError(f"{name}: sequences of shape {rows} need values of shape {(*rows[:-1], 'm')}, got {wanted}")
    k = backend.at(sorted_sequence.array).kernels
    xp, n = k.xp, rows[-1]
    row, value = xp.reshape(k.copy(sorted_sequence.array), (-1, n)), values.array  # PyTorch warns of a strided one
    if len(rows) == 1:
        found = _places(xp, row[0, ...], xp.reshape(value, (-1,)), right or side == "right")
    else:
        lines = xp.reshape(value, (row.shape[0], -1))
        each = [_places(xp, row[i, ...], lines[i, ...], right or side == "right") for i in range(row.shape[0])]
        found = xp.concat(each) if each else xp.zeros((0,), dtype=xp.int64)
    return leaf(xp.astype(xp.reshape(found, wanted), xp.int32 if out_int32 else xp.int64))


def _places(xp: Any, line: Any, values: Any, right: bool) -> Any:
    return xp.searchsorted(line, xp.astype(values, line.dtype), side="right" if right else "left")


def bucketize(input: Tensor | float, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """The number of the bucket of each value: ``boundaries[i - 1] < input <= boundaries[i]``.

    Parameters
    ----------
    input : Tensor or number
    boundaries : Tensor (n,)
        Ascending.
    out_int32, right
        As of :func:`searchsorted`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.bucketize(tp.tensor([0.5, 1.0, 9.0]), tp.tensor([1.0, 2.0]))
    tensor([0, 0, 2])
    """
    if len(shape_of("bucketize", boundaries)) != 1:
        raise ShapeError(f"bucketize: expected boundaries (n,), got shape {tuple(boundaries.array.shape)}")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def isin(
    elements: Tensor | float, test_elements: Tensor | float, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Whether each of ``elements`` is among ``test_elements``: bool.

    Parameters
    ----------
    elements, test_elements : Tensor or number, at least one of them a Tensor
    assume_unique : bool
        Accepted because PyTorch's scripts pass it.
    invert : bool, default False
        Whether each is not.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.isin(tp.tensor([1, 2, 3]), tp.tensor([2, 5]))
    tensor([False,  True, False])
    """
    given = [v for v in (elements, test_elements) if isinstance(v, Variable)]
    if not given:
        raise ValueError("isin: expected at least one Tensor, got two numbers")
    here = given[0].device
    elements, tests = (v if isinstance(v, Variable) else asarray(v, device=here) for v in (elements, test_elements))
    xp = backend.at(given[0].array).xp
    ours, theirs = elements.array, xp.reshape(tests.array, (-1,))
    if not theirs.shape[0]:
        found = xp.zeros(ours.shape, dtype=xp.bool)
    else:
        ascending = xp.sort(theirs)
        flat = xp.astype(xp.reshape(ours, (-1,)), xp.result_type(ours, ascending))
        ascending = xp.astype(ascending, flat.dtype)
        place = xp.minimum(xp.searchsorted(ascending, flat), xp.asarray(ascending.shape[0] - 1))
        found = xp.reshape(xp.take(ascending, place, axis=0) == flat, ours.shape)
    return leaf(xp.logical_not(found) if invert else found)
