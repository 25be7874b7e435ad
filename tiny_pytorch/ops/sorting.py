"""Sorting, and what is found by it."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import leaf, op
from .extrema import ValuesIndices
from .naming import dims, normalize_axis
from .operands import shape_of

__all__ = ["argsort", "sort", "topk", "unique"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any


def _order(k: K, x: Array, axis: int, descending: bool) -> Array:
    """Positions in sorted order; equals stay in theirs. NaN counts as the largest.

    Descending is ascending from the other end: not every library sorts stably in both directions.
    """
    xp = k.xp
    if not descending:
        return xp.argsort(x, axis=axis, stable=True)
    return (x.shape[axis] - 1) - xp.flip(xp.argsort(xp.flip(x, axis=axis), axis=axis, stable=True), axis=axis)


@op
def _argsort(k: K, x: Array, *, axis: int, descending: bool) -> Array:
    return _order(k, x, axis, descending)


@op(many=True, extra=True)
def _sort(k: K, x: Array, *, axis: int, descending: bool, number: int) -> tuple:
    order = _order(k, x, axis, descending)
    first = order
    if number < x.shape[axis]:
        first = k.copy(order[(slice(None),) * axis + (slice(number), ...)])
    return (k.xp.take_along_axis(x, first, axis=axis), first), (k.copy(order),)  # the rule's own, as in extrema


@_sort.gradient
def _(k: K, g: tuple, saved: Any, *, axis: int, descending: bool, number: int) -> tuple:
    # Each element's rank says which result it became, if any.
    xp, shape = k.xp, saved.shapes[0]
    if number == 0:
        return (xp.zeros(shape, dtype=g[0].dtype),)
    rank = xp.argsort(saved.extra[0], axis=axis)
    if number == shape[axis]:
        return (xp.take_along_axis(g[0], rank, axis=axis),)
    found = xp.take_along_axis(g[0], xp.minimum(rank, number - 1), axis=axis)
    return (xp.where(rank < number, found, 0.0),)


@op(many=True)
def _single(k: K, x: Array) -> tuple:
    """A 0-d tensor in sorted order."""
    return k.copy(x), k.xp.asarray(0, dtype=k.xp.int64)


@_single.gradient
def _(k: K, g: tuple, saved: Any) -> tuple:
    return (g[0],)


@dims
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> ValuesIndices:
    """``(values, indices)``: the elements in order along ``dim``, and where they were.

    Parameters
    ----------
    input : Tensor
    dim : int, default -1
    descending : bool, default False
        The largest first. NaN counts as the largest.
    stable : bool
        Accepted; equals always keep their order.

    Raises
    ------
    IndexError
        For an axis out of range.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> values, indices = tp.sort(tp.tensor([3.0, 1.0, 2.0]))
    >>> values, indices
    (tensor([1., 2., 3.]), tensor([1, 2, 0]))
    """
    shape = shape_of("sort", input)
    axis = normalize_axis("sort", dim, len(shape))
    if not shape:
        return ValuesIndices(*_single(input))
    return ValuesIndices(*_sort(input, axis=axis, descending=descending, number=shape[axis]))


@dims
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The indices of :func:`sort`: int64. Arguments and errors as there."""
    shape = shape_of("argsort", input)
    axis = normalize_axis("argsort", dim, len(shape))
    return _argsort(input, axis=axis, descending=descending) if shape else _single(input)[1]


@dims
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """``(values, indices)`` of the ``k`` largest (or smallest) elements along ``dim``, in order.

    Parameters
    ----------
    input : Tensor
    k : int
        How many, 0 to the size of the axis.
    dim : int, default -1
    largest : bool, default True
        False: the smallest ones, the smallest first.
    sorted : bool
        Accepted; the result is always sorted.

    Raises
    ------
    ValueError
        For k out of range.
    IndexError
        For an axis out of range.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.topk(tp.tensor([3.0, 1.0, 2.0]), 2).indices
    tensor([0, 2])
    """
    shape = shape_of("topk", input)
    axis = normalize_axis("topk", dim, len(shape))
    low, high = (0, shape[axis]) if shape else (1, 1)
    if not low <= k <= high:
        raise ValueError(f"topk: k is {k}; expected {low} to {high} for dim {dim} of shape {shape}")
    if not shape:
        return ValuesIndices(*_single(input))
    return ValuesIndices(*_sort(input, axis=axis, descending=largest, number=int(k)))


def unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False) -> Any:
    """The different elements, in ascending order. They have no gradient.

    Parameters
    ----------
    input : Tensor
    sorted : bool
        Accepted; the result is always sorted.
    return_inverse : bool, default False
        Also return for each element of the input its place in the result.
    return_counts : bool, default False
        Also return how often each element of the result occurs.

    Returns
    -------
    Tensor, or a tuple of Tensors: the elements, the inverse, the counts, as asked for

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.unique(tp.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    shape = shape_of("unique", input)
    k = backend.at(backend.waits(input.array)).kernels
    xp = k.xp
    flat = k.copy(xp.reshape(input.array, (-1,)))  # PyTorch warns if it must copy a strided one
    ascending = xp.sort(flat)
    first = xp.ones(flat.shape[0], dtype=xp.bool)
    if flat.shape[0] > 1:
        first = xp.concat([first[:1], ascending[1:] != ascending[:-1]])
    values = ascending[first]
    results = [values]
    if return_inverse:
        results.append(xp.reshape(xp.astype(xp.searchsorted(values, flat), xp.int64), shape))
    if return_counts:
        upto = xp.searchsorted(ascending, values, side="right")
        results.append(xp.astype(upto - xp.searchsorted(ascending, values), xp.int64))
    found = tuple(leaf(result) for result in results)
    return found if len(found) > 1 else found[0]
