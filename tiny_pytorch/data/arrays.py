"""Reading many rows of a tensor at once, and checking the indices before."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd import leaf
from ..backend import Backend, at
from ..tensor import Tensor

__all__ = ["check_indices", "rows"]


def rows(tensor: Tensor) -> Callable[[Any], Tensor]:
    """A function from an index (a slice or an integer array in range) to those rows, in memory of their own.

    Everything that does not depend on the index is settled here, once an epoch.
    """
    array = tensor.array
    place = at(array)
    k, here = place.kernels, place.from_numpy
    if tensor.is_contiguous():
        return lambda index: leaf(k.copy(array[index, ...]) if type(index) is slice else k.take(array, here(index), 0))
    # Rows of a strided array come out contiguous, and without a copy of the whole, which take() might make.
    return lambda index: leaf(k.index(array, _positions(place, index), index=("array",)))


def _positions(place: Backend, index: Any) -> Any:
    if type(index) is slice:
        return place.xp.arange(index.start, index.stop)
    return place.from_numpy(index)


def check_indices(indices: Sequence[int] | np.ndarray, n: int, who: str) -> np.ndarray:
    """The indices as an int64 array in 0 ... n - 1; negative ones count from the end.

    Raises
    ------
    TypeError
        If they are not integers in one dimension.
    IndexError
        If one of them lies outside -n ... n - 1.
    """
    if not isinstance(indices, (np.ndarray, range)):
        indices = [operator.index(i) for i in indices]
    array = np.asarray(indices, dtype=np.int64 if len(indices) == 0 else None)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(
            f"{who}: expected a sequence of integers, got an array of {array.dtype} with shape {array.shape}"
        )
    if array.size == 0:
        return array
    low, high = int(array.min()), int(array.max())
    if low < -n or high >= n:
        raise IndexError(f"{who}: index {high if high >= n else low} is out of range for a data set of {n} samples")
    array = array.astype(np.int64, copy=False)
    return np.where(array < 0, array + n, array) if low < 0 else array
