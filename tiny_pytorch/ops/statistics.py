"""What describes a sample: its median and other quantiles, counts, covariances, and means without NaN."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import ShapeError, leaf
from ..backend import at
from ..backend.reference.gather import ARRAY
from .creation import zeros_like
from .extrema import ValuesIndices
from .indexing import narrow
from .joining import stack
from .linalg import matmul
from .naming import dims, normalize_axis
from .operands import shape_of
from .permutation import moveaxis
from .reduction import all as all_of
from .reduction import mean, sum
from .selection import clamp, where
from .shape import reshape, squeeze
from .sorting import sort

__all__ = ["corrcoef", "cov", "histc", "kthvalue", "median", "nanmean", "nansum", "quantile"]

Tensor = Any  # the class stands above the ops


@dims
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """``(values, indices)`` of the k-th smallest element along ``dim``, counted from 1. NaN counts as the largest.

    Raises
    ------
    RuntimeError
        For a k that is not from 1 to the size of the axis.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.kthvalue(tp.tensor([3.0, 1.0, 2.0]), 2).values
    tensor(2.)
    """
    shape = shape_of("kthvalue", input)
    axis = normalize_axis("kthvalue", dim, len(shape))
    n = shape[axis] if shape else 1
    if not 1 <= k <= n:
        raise ShapeError(f"kthvalue: k is {k}; expected 1 to {n} for dim {dim} of shape {shape}")
    return _at(sort(input, axis, stable=True), k - 1, axis, keepdim)


def _at(ordered: ValuesIndices, place: int, axis: int, keepdim: bool) -> ValuesIndices:
    """One place of what was sorted along an axis."""
    if not ordered.values.array.shape:
        return ordered
    parts = [narrow(part, axis, place, 1) for part in ordered]
    return ValuesIndices(*(part if keepdim else squeeze(part, axis) for part in parts))


@dims
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower median of all elements; along ``dim``, ``(values, indices)``. NaN if there is one.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.median(tp.tensor([4.0, 1.0, 3.0, 2.0]))
    tensor(2.)
    """
    shape = shape_of("median", input)
    if dim is None:
        if not input.numel():
            raise ShapeError(f"median: there is no element in a tensor of shape {shape}")
        return median(reshape(input, (-1,)), 0).values
    axis = normalize_axis("median", dim, len(shape))
    n = shape[axis] if shape else 1
    if n == 0:
        raise IndexError(f"median: there is no element along dim {dim} of shape {shape}")
    ordered = sort(input, axis, stable=True)
    middle = _at(ordered, (n - 1) // 2, axis, True)
    last = _at(ordered, n - 1, axis, True)  # NaN, if there is one
    valid = last.values == last.values
    found = ValuesIndices(where(valid, middle.values, last.values), where(valid, middle.indices, last.indices))
    return found if keepdim or not shape else ValuesIndices(*(squeeze(part, axis) for part in found))


INTERPOLATIONS = ("linear", "lower", "higher", "nearest", "midpoint")


@dims
def quantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """The value below which a part ``q`` of the elements along ``dim`` (or of all) lies.

    At place ``q (n - 1)`` of the n elements in order; between two of them by ``interpolation``.

    Parameters
    ----------
    input : Tensor
        float32 or float64.
    q : float or Tensor () or (Q,)
        0 to 1; several become a new first axis.
    dim : int, optional
    keepdim : bool, default False
    interpolation : {"linear", "lower", "higher", "nearest", "midpoint"}

    Raises
    ------
    ValueError
        For q outside 0 to 1, another interpolation, and no elements.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.quantile(tp.tensor([0.0, 1.0, 2.0, 4.0]), 0.5)
    tensor(1.5)
    """
    shape = shape_of("quantile", input)
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"quantile: interpolation must be one of {INTERPOLATIONS}, got {interpolation!r}")
    parts: Any = q.tolist() if hasattr(q, "tolist") else q
    many = isinstance(parts, (list, tuple))
    parts = list(parts) if many else [parts]
    if not all(0 <= part <= 1 for part in parts):
        raise ShapeError(f"quantile: q must be from 0 to 1, got {q!r}")
    x = reshape(input, (-1,)) if dim is None or not shape else input
    axis = 0 if dim is None or not shape else normalize_axis("quantile", dim, len(shape))
    n = x.array.shape[axis]
    if n == 0:
        raise ShapeError(f"quantile: there is no element along dim {dim} of shape {shape}")
    ordered = moveaxis(sort(x, axis).values, axis, 0)
    ordered = where(all_of(ordered == ordered, 0, keepdim=True), ordered, math.nan)  # one NaN makes them all
    rows = [_between(ordered, part * (n - 1), interpolation) for part in parts]
    kept: tuple[int, ...] = ()
    if keepdim and shape:
        kept = (1,) * len(shape) if dim is None else (*shape[:axis], 1, *shape[axis + 1 :])
        rows = [reshape(row, kept) for row in rows]
    if not many:
        return rows[0]
    return stack(rows)


def _between(ordered: Tensor, place: float, interpolation: str) -> Tensor:
    low, high = math.floor(place), math.ceil(place)
    chosen = {"lower": low, "higher": high, "nearest": round(place)}.get(interpolation, low)
    if low == high or interpolation not in ("linear", "midpoint"):
        return ordered[chosen]
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low if interpolation == "linear" else 0.5)


def nansum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """:func:`sum` with NaN counted as 0."""
    return sum(where(input == input, input, zeros_like(input)), dim, keepdim, dtype=dtype)


def nanmean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """:func:`mean` of the elements that are not NaN; NaN where there is none.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nanmean(tp.tensor([1.0, float("nan"), 3.0]))
    tensor(2.)
    """
    valid = input == input
    return nansum(input, dim, keepdim, dtype=dtype) / sum(valid.to(input.dtype), dim, keepdim)


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements lie in each of ``bins`` equal parts of ``[min, max]``; those outside count nowhere.

    With ``min == max`` it is from the smallest to the largest element. No gradient flows.

    Raises
    ------
    RuntimeError
        For no bins, or min above max, or bounds that are not finite.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.histc(tp.tensor([0.0, 1.0, 1.0, 3.0]), bins=3)
    tensor([1., 2., 1.])
    """
    shape_of("histc", input)
    if bins < 1 or min > max:
        raise ShapeError(f"histc: expected at least one bin and min up to max, got {bins} bins from {min} to {max}")
    k = at(input.array).kernels
    xp, x = k.xp, k.xp.reshape(input.array, (-1,))
    low, high = float(min), float(max)
    if low == high and x.shape[0]:
        low, high = float(xp.min(x)), float(xp.max(x))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ShapeError(f"histc: the bounds must be finite, got {low} and {high}")
    if low == high:
        low, high = low - 1, high + 1
    inside = x[xp.logical_and(x >= low, x <= high)]
    place = xp.astype(xp.floor((inside - low) * (bins / (high - low))), xp.int64)
    place = xp.minimum(place, xp.asarray(bins - 1, dtype=xp.int64))
    counts = k.index_add(xp.ones_like(place, dtype=xp.float64), place, index=(ARRAY,), shape=(bins,))
    return leaf(k.astype(counts, x.dtype))


def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """``C[i, j] = sum over k of w[k] (x[i, k] - mean[i]) (x[j, k] - mean[j]) / norm``: rows are variables.

    Parameters
    ----------
    input : Tensor (variables, observations) or (observations,)
    correction : int, default 1
        The norm is ``sum w - correction * sum(w a) / sum w``: without weights, observations less the correction.
    fweights : integer Tensor (observations,), optional
        How often each observation counts.
    aweights : Tensor (observations,), optional
        How much it weighs.

    Raises
    ------
    RuntimeError
        For more than two dimensions.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.cov(tp.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    shape = shape_of("cov", input)
    if len(shape) > 2:
        raise ShapeError(f"cov: expected (variables, observations) or (observations,), got shape {shape}")
    x = reshape(input, (1, -1)) if len(shape) < 2 else input
    weights = None
    for given in (fweights, aweights):
        if given is not None:
            weights = given.to(x.dtype) if weights is None else weights * given.to(x.dtype)
    if weights is None:
        norm: Any = x.shape[1] - correction
        centred = x - mean(x, 1, keepdim=True)
        product = matmul(centred, centred.T)
    else:
        total = sum(weights)
        centred = x - sum(x * weights, 1, keepdim=True) / total
        norm = total - correction
        if aweights is not None:
            norm = total - correction * (sum(weights * aweights.to(x.dtype)) / total)
        product = matmul(centred * weights, centred.T)
    norm = max(norm, 0) if isinstance(norm, int) else clamp(norm, min=0)
    found = product * math.nan if isinstance(norm, int) and norm == 0 else product / norm
    return found if len(shape) == 2 else squeeze(squeeze(found, 0), 0)


def corrcoef(input: Tensor) -> Tensor:
    """``C[i, j] / sqrt(C[i, i] C[j, j])`` with C of :func:`cov`, kept from -1 to 1.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.corrcoef(tp.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    c = cov(input)
    if not c.array.shape:
        return c / c
    deviations = c.diagonal().sqrt()
    return clamp(c / deviations.unsqueeze(1) / deviations, -1, 1)
