"""Copies of a tensor in which elements at chosen places are replaced, or reduced with others."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import ShapeError
from ..backend.reference.gather import ARRAY
from .copying import clone
from .creation import arange, full_like, ones_like, zeros_like
from .extrema import amax, amin
from .gathering import scatter_add
from .indexing import index_put
from .joining import cat
from .masking import nonzero
from .naming import dims, normalize_axis
from .operands import index_tensor, shape_of
from .permutation import moveaxis
from .reduction import prod
from .selection import where
from .shape import broadcast_to, reshape

__all__ = ["index_copy", "index_fill", "masked_scatter", "scatter_reduce"]

Tensor = Any  # the class stands above the ops


def _places(name: str, input: Tensor, dim: int, index: Any) -> tuple[int, Tensor]:
    shape = shape_of(name, input)
    axis = normalize_axis(name, dim, len(shape))
    found = index_tensor(name, index, input)
    if len(found.array.shape) > 1:
        raise IndexError(f"{name}: expected an index of one dimension, got shape {tuple(found.array.shape)}")
    return axis, reshape(found, (-1,))


@dims
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """``input`` with ``value`` at the indices ``index`` of axis ``dim``.

    Raises
    ------
    IndexError
        For an index out of range.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.index_fill(tp.zeros(2, 3), 1, tp.tensor([0, 2]), 5.0)
    tensor([[5., 0., 5.],
            [5., 0., 5.]])
    """
    axis, index = _places("index_fill", input, dim, index)
    return index_put(input, value, index, index=(*(slice(None),) * axis, ARRAY, ...))


@dims
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """``input`` with the slices of ``source`` at the indices ``index`` of axis ``dim``.

    Raises
    ------
    IndexError
        For an index out of range.
    RuntimeError
        If the source has another shape than ``input[..., index, ...]``.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.index_copy(tp.zeros(3), 0, tp.tensor([2, 0]), tp.tensor([1.0, 2.0]))
    tensor([2., 0., 1.])
    """
    axis, index = _places("index_copy", input, dim, index)
    shape, given = shape_of("index_copy", input), shape_of("index_copy", source)
    expected = (*shape[:axis], index.array.shape[0], *shape[axis + 1 :])
    if given != expected:
        raise ShapeError(f"index_copy: expected a source of shape {expected}, got {given}")
    return index_put(input, source, index, index=(*(slice(None),) * axis, ARRAY, ...))


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """``input`` with the first elements of ``source``, in order, where ``mask`` is set.

    Raises
    ------
    RuntimeError
        If the source has fewer elements than the mask sets.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.masked_scatter(tp.zeros(3), tp.tensor([True, False, True]), tp.tensor([5.0, 6.0, 7.0]))
    tensor([5., 0., 6.])
    """
    shape_of("masked_scatter", source)
    mask = broadcast_to(mask, shape_of("masked_scatter", input))
    places = nonzero(mask, as_tuple=True)
    count, given = places[0].array.shape[0], source.numel()
    if given < count:
        raise ShapeError(f"masked_scatter: the mask sets {count} elements, the source has {given}")
    values = reshape(source, (-1,))[:count]
    if not input.array.shape:
        return where(mask, reshape(values, ()), input) if count else where(mask, zeros_like(input), input)
    return index_put(input, values, *places, index=(*(ARRAY,) * len(places), ...))


@dims
def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """``out[index[i, j], j]`` (for dim 0): what ``reduce`` makes of the elements of ``src`` that go there.

    Parameters
    ----------
    input : Tensor
        What is there before, which counts too unless ``include_self=False``.
    dim : int
    index : integer Tensor
        Where each element of ``src`` goes, along ``dim``.
    src : Tensor
        At least as large as the index.
    reduce : {"sum", "prod", "mean", "amax", "amin"}
    include_self : bool, default True

    Notes
    -----
    "prod", "amax" and "amin" compare every element with every place of the axis, which takes memory for their product.

    Raises
    ------
    ValueError
        For another ``reduce``.
    IndexError
        As :func:`scatter_add`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.zeros(2).scatter_reduce(0, tp.tensor([0, 1, 1]), tp.tensor([1.0, 2.0, 3.0]), "mean", include_self=False)
    tensor([1. , 2.5])
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise ValueError(f"scatter_reduce: reduce must be 'sum', 'prod', 'mean', 'amax' or 'amin', got {reduce!r}")
    touched = scatter_add(zeros_like(input), dim, index, ones_like(src))
    start = input
    if not include_self:
        empty = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "amax": -math.inf, "amin": math.inf}[reduce]
        start = where(touched > 0, full_like(input, empty), input)
    if reduce in ("sum", "mean"):
        total = scatter_add(start, dim, index, src)
        if reduce == "sum":
            return total
        count = touched + 1 if include_self else where(touched > 0, touched, ones_like(touched))
        return total / count
    return _reduced_at(start, normalize_axis("scatter_reduce", dim, start.ndim), index, src, reduce)


def _reduced_at(start: Tensor, axis: int, index: Tensor, src: Tensor, reduce: str) -> Tensor:
    """What is there and the candidates for each place, those of other places made neutral, reduced over a new axis."""
    neutral, reduction = {"prod": (1.0, prod), "amax": (-math.inf, amax), "amin": (math.inf, amin)}[reduce]
    if not index.numel():
        return clone(start)
    covered = tuple(slice(0, n) for n in index.shape)
    everywhere = (*covered[:axis], slice(None), *covered[axis + 1 :], ...)
    here = moveaxis(start[everywhere], axis, 0)
    places = arange(here.shape[0], device=start.device)
    goes = moveaxis(index, axis, 0).unsqueeze(1) == reshape(places, (-1, *(1,) * (start.ndim - 1)))
    given = moveaxis(src[(*covered, ...)], axis, 0).unsqueeze(1)
    candidates = where(goes, given, full_like(given, neutral))
    best = reduction(cat([here.unsqueeze(0), candidates], 0), 0)
    return index_put(start, moveaxis(best, 0, axis), index=everywhere)
