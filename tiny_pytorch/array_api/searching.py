"""Where elements are: extremes, order, membership. Indices are constants; values and selections have gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import backend, ops
from ..autograd import leaf
from .convert import Tensor, array, common, raw, tensor

__all__ = [
    "argmax", "argmin", "argsort", "count_nonzero", "nonzero", "searchsorted", "sort", "take",
    "take_along_axis", "unique_all", "unique_counts", "unique_inverse", "unique_values", "where",
]  # fmt: skip


class UniqueAll(NamedTuple):
    """What unique_all returns."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """What unique_counts returns."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """What unique_inverse returns."""

    values: Tensor
    inverse_indices: Tensor


def _xp(x: Any) -> Any:
    """The backend's namespace at the device of ``x``."""
    return backend.at(raw(x)).xp


def argmax(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the greatest element, the first of several."""
    return leaf(_xp(x).argmax(raw(x), axis=axis, keepdims=keepdims))


def argmin(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the least element, the first of several."""
    return leaf(_xp(x).argmin(raw(x), axis=axis, keepdims=keepdims))


def argsort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The indices that sort ``x`` along ``axis``. Equal elements keep their order."""
    return ops.argsort(array(x), axis, descending, stable=stable)


def count_nonzero(x: Tensor, /, *, axis: Any = None, keepdims: bool = False) -> Tensor:
    """How many elements are not zero."""
    return leaf(_xp(x).count_nonzero(raw(x), axis=axis, keepdims=keepdims))


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """The indices of the elements that are not zero: for each axis an array of them, in row-major order."""
    return tuple(leaf(i) for i in _xp(x).nonzero(backend.waits(raw(x))))


def searchsorted(x1: Tensor, x2: Tensor, /, *, side: str = "left", sorter: Tensor | None = None) -> Tensor:
    """Where in the ascending 1-D ``x1`` (or ``x1[sorter]``) the elements of ``x2`` belong.

    ``i`` with ``x1[i - 1] < v <= x1[i]`` for side "left", ``x1[i - 1] <= v < x1[i]`` for "right".
    """
    return leaf(_xp(x1).searchsorted(raw(x1), raw(x2), side=side, sorter=raw(sorter)))


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """``x`` sorted along ``axis``."""
    return ops.sort(array(x), axis, descending, stable=stable)[0]


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """The slices of ``x`` at the 1-D ``indices`` along ``axis``, which a 1-D array need not name."""
    x = array(x)
    if axis is None:
        if len(x.shape) != 1:
            raise ValueError(f"take: axis is needed for an array of {len(x.shape)} dimensions")
        axis = 0
    return ops.index_select(x, axis, array(indices))


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """``y[..., i, ...] = x[..., indices[..., i, ...], ...]``, the other axes broadcast."""
    return ops.take_along_dim(array(x), array(indices), axis)


def unique_all(x: Tensor, /) -> UniqueAll:
    """The different elements in ascending order, where each is first, which of them each element is, how many
    of each."""
    return UniqueAll(*(leaf(v) for v in _xp(x).unique_all(backend.waits(raw(x)))))


def unique_counts(x: Tensor, /) -> UniqueCounts:
    """The different elements in ascending order, and how many there are of each."""
    return UniqueCounts(*(leaf(v) for v in _xp(x).unique_counts(backend.waits(raw(x)))))


def unique_inverse(x: Tensor, /) -> UniqueInverse:
    """The different elements in ascending order, and which of them each element is."""
    return UniqueInverse(*(leaf(v) for v in _xp(x).unique_inverse(backend.waits(raw(x)))))


def unique_values(x: Tensor, /) -> Tensor:
    """The different elements in ascending order."""
    # The order of NumPy's own unique_values is left open.
    return leaf(_xp(x).unique_counts(backend.waits(raw(x))).values)


def where(condition: Tensor, x1: Any, x2: Any, /) -> Tensor:
    """``x1`` where ``condition`` holds, else ``x2``. One of the two may be a number."""
    return ops.where(tensor(condition), *common(x1, x2))
