"""Data sets: what there is to learn from, sample by sample or batch by batch."""

from __future__ import annotations

import bisect
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any, Generic, TypeVar

import numpy as np

from ..random import Generator, rng_of
from ..tensor import Tensor
from .arrays import check_indices, rows
from .protocol import fast_method

__all__ = [
    "BatchGetter",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "Subset",
    "TensorDataset",
    "batch_getter",
    "random_split",
]

T = TypeVar("T", covariant=True)

# From an index (a slice with step 1 or a one-dimensional integer array) to a collated batch.
BatchGetter = Callable[[Any], Any]


class Dataset(Generic[T]):
    """Samples that are reached by an index: ``dataset[i]`` for i in 0 ... ``len(dataset) - 1``.

    A subclass defines ``__getitem__`` and ``__len__``. Two further methods are optional, and only make
    loading faster:

    * ``__getitems__(indices)``: the list of samples at a list of indices, as in PyTorch;
    * ``batch_getter()``: a function from an index (a slice or an integer array) to the *collated* batch, in fresh
      memory, or None if there is none. It has to agree with ``__getitem__`` and :func:`default_collate`.
      Where a subclass overrides ``__getitem__`` alone, the inherited one is not used.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> class Squares(tp.data.Dataset):
    ...     def __getitem__(self, i):
    ...         return i, i * i
    ...
    ...     def __len__(self):
    ...         return 5
    >>> loader = tp.data.DataLoader(Squares(), batch_size=3)
    >>> [y.tolist() for x, y in loader]
    [[0, 1, 4], [9, 16]]
    """

    def __getitem__(self, index: Any) -> T:
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__(self, index)")

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T]):
    """Samples that arrive as a stream: a subclass defines ``__iter__``.

    It cannot be shuffled or sampled. With ``num_workers=n`` every worker iterates over a copy of its own, so
    that ``__iter__`` should pick its share with the help of :func:`get_worker_info`; otherwise each sample
    comes n times.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> class Countdown(tp.data.IterableDataset):
    ...     def __iter__(self):
    ...         return iter([3, 2, 1])
    >>> [x.tolist() for x in tp.data.DataLoader(Countdown(), batch_size=2)]
    [[3, 2], [1]]
    """

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__(self)")

    def __add__(self, other: Dataset) -> ConcatDataset:
        raise TypeError(
            f"{type(self).__name__} is an IterableDataset and cannot be concatenated with +; "
            "write an IterableDataset whose __iter__ is itertools.chain(first, second)"
        )


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors of one length, sample i being their rows i: ``dataset[i] = (a[i], b[i], ...)``.

    Batches are read by one indexing operation per tensor, without a Python loop over samples.

    Parameters
    ----------
    *tensors : Tensor
        One or more, with the same size along axis 0.

    Raises
    ------
    TypeError
        If one is not a Tensor, or has no axis 0.
    ValueError
        If there is none, or their lengths differ.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> data = tp.data.TensorDataset(tp.arange(6).reshape(3, 2), tp.tensor([0, 1, 0]))
    >>> len(data), data[1]
    (3, (tensor([2, 3]), tensor(1)))
    """

    def __init__(self, *tensors: Tensor) -> None:
        if not tensors:
            raise ValueError("TensorDataset needs at least one tensor")
        for position, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor):
                raise TypeError(
                    f"TensorDataset: argument {position} is a {type(tensor).__name__}, expected a Tensor; "
                    "wrap arrays with tp.from_numpy(array) and lists with tp.tensor(list)"
                )
            if not tensor.shape:
                raise TypeError(f"TensorDataset: argument {position} has no axes, expected one sample per row")
        if len({tensor.shape[0] for tensor in tensors}) > 1:
            shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            raise ValueError(f"TensorDataset: the tensors must agree in the size of axis 0, got shapes {shapes}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].shape[0]

    def batch_getter(self) -> BatchGetter | None:
        """From an index to ``[a[index], b[index], ...]``; None if a tensor requires a gradient."""
        if any(tensor.requires_grad for tensor in self.tensors):
            return None  # stacking the samples is differentiable, reading raw rows is not
        readers = [rows(tensor) for tensor in self.tensors]
        return lambda index: [read(index) for read in readers]


class Subset(Dataset[T]):
    """The samples of ``dataset`` at ``indices``, in that order: ``subset[i] = dataset[indices[i]]``.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> list(tp.data.Subset("abcdef", [4, 0]))
    ['e', 'a']
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> T:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: Sequence[int]) -> list[T]:
        chosen = [self.indices[i] for i in indices]
        several = fast_method(self.dataset, "__getitems__", "__getitem__")
        return several(chosen) if several else [self.dataset[i] for i in chosen]

    def __len__(self) -> int:
        return len(self.indices)

    def batch_getter(self) -> BatchGetter | None:
        """The data set's own, at the chosen indices; None if it has none."""
        get = batch_getter(self.dataset)
        if get is None:
            return None
        chosen = check_indices(self.indices, len(self.dataset), "Subset")
        return lambda index: get(chosen[index])


class ConcatDataset(Dataset[T]):
    """Several data sets, one after the other. ``a + b`` makes one.

    Parameters
    ----------
    datasets : iterable of Dataset
        At least one; iterable-style data sets have no length, and are refused.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> both = tp.data.ConcatDataset(["abc", "de"])
    >>> len(both), both[3], both[-1]
    (5, 'd', 'e')
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset needs at least one data set")
        for position, dataset in enumerate(self.datasets):
            if isinstance(dataset, IterableDataset):
                raise TypeError(f"ConcatDataset: data set {position} is an IterableDataset, which has no indices")
        self.cumulative_sizes = list(accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> T:
        n = len(self)
        if not -n <= index < n:
            raise IndexError(f"index {index} is out of range for a ConcatDataset of {n} samples")
        index = int(index) % n
        which = bisect.bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]


def batch_getter(dataset: Any) -> BatchGetter | None:
    """The data set's way of reading a whole batch at once, or None."""
    method = fast_method(dataset, "batch_getter", "__getitem__")
    return method() if method else None


def random_split(dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None) -> list[Subset]:
    """Deal the samples at random into parts that do not overlap.

    Parameters
    ----------
    dataset : Dataset
    lengths : sequence of int or of float
        The sizes, which sum to ``len(dataset)``; or fractions in 0 ... 1, which sum to 1: each part gets
        ``floor(fraction * len(dataset))``, and what is left over goes to the first parts, one sample each.
    generator : Generator, optional
        Default: the one that ``tp.manual_seed`` seeds.

    Returns
    -------
    list of Subset

    Raises
    ------
    ValueError
        If a length is negative, or they do not sum as they should.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> parts = tp.data.random_split(range(10), [0.7, 0.3], generator=tp.Generator().manual_seed(0))
    >>> [len(part) for part in parts]
    [7, 3]
    """
    n = len(dataset)
    sizes = _split_sizes(n, list(lengths))
    for position, size in enumerate(sizes):
        if size == 0:
            warnings.warn(f"random_split: part {position} is empty", stacklevel=2)
    order = rng_of("random_split", generator).permutation(n).tolist()
    return [Subset(dataset, order[i:j]) for i, j in pairwise(accumulate(sizes, initial=0))]


def _split_sizes(n: int, lengths: list[int | float]) -> list[int]:
    if any(length < 0 for length in lengths):
        raise ValueError(f"random_split: lengths must not be negative, got {lengths}")
    if all(isinstance(length, (int, np.integer)) for length in lengths) and sum(lengths) == n:
        return [int(length) for length in lengths]
    if not math.isclose(sum(lengths), 1):
        raise ValueError(
            f"random_split: lengths must sum to the {n} samples, or fractions to 1; got {lengths}, "
            f"which sum to {sum(lengths)}"
        )
    sizes = [math.floor(n * fraction) for fraction in lengths]
    for extra in range(n - sum(sizes)):
        sizes[extra % len(sizes)] += 1
    return sizes
