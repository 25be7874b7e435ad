"""Samplers: in which order, and how often, a data set's samples are visited.

Every sampler is an iterable of indices with a length. The ones here also have ``index_array()``, the whole
epoch as one integer array, which lets the loader cut batches out of it instead of counting them out one by
one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from ..random import Generator, check_generator, rng_of
from ..tensor import Tensor

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
    "check_positive",
]

T = TypeVar("T", covariant=True)


class Sampler(Generic[T]):
    """Base class: a subclass defines ``__iter__``, and ``__len__`` where the length is known.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> class EvenOnes(tp.data.Sampler):
    ...     def __iter__(self):
    ...         return iter(range(0, 10, 2))
    >>> [x.tolist() for x in tp.data.DataLoader(range(10), batch_size=3, sampler=EvenOnes())]
    [[0, 2, 4], [6, 8]]
    """

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__(self)")


class SequentialSampler(Sampler[int]):
    """0, 1, ..., n - 1."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))

    def __len__(self) -> int:
        return len(self.data_source)

    def index_array(self) -> np.ndarray:
        """The epoch's indices."""
        return np.arange(len(self))


class RandomSampler(Sampler[int]):
    """A random permutation of 0 ... n - 1, or independent draws from it.

    Parameters
    ----------
    data_source : Sized
        What has the length n.
    replacement : bool, default False
        False: each index once before any comes twice. True: each draw is independent.
    num_samples : int, optional
        How many indices an epoch has; default n. More than n without replacement: one permutation after
        another.
    generator : Generator, optional
        Default: the one that ``tp.manual_seed`` seeds. Every epoch draws anew from it.

    Raises
    ------
    TypeError
        If ``replacement`` is not a bool.
    ValueError
        If there is nothing to draw from, or ``num_samples`` is not positive.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> sorted(tp.data.RandomSampler("abcd"))
    [0, 1, 2, 3]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(f"RandomSampler: replacement must be True or False, got {replacement!r}")
        if num_samples is not None:
            check_positive("RandomSampler: num_samples", num_samples)
        if len(data_source) == 0:
            raise ValueError("RandomSampler: the data set is empty, there is nothing to shuffle")
        self.data_source = data_source
        self.replacement = replacement
        check_generator(type(self).__name__, generator)
        self.generator = generator
        self._num_samples = num_samples

    @property
    def num_samples(self) -> int:
        """How many indices an epoch has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        return iter(self.index_array().tolist())

    def __len__(self) -> int:
        return self.num_samples

    def index_array(self) -> np.ndarray:
        """The epoch's indices; every call draws new ones."""
        rng = rng_of(type(self).__name__, self.generator)
        n, wanted = len(self.data_source), self.num_samples
        if self.replacement:
            return rng.integers(n, size=wanted)
        if wanted == n:
            return rng.permutation(n)
        return np.concatenate([rng.permutation(n) for _ in range(-(-wanted // n))])[:wanted]


class SubsetRandomSampler(Sampler[int]):
    """A random permutation of ``indices``.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> sorted(tp.data.SubsetRandomSampler([3, 5, 8]))
    [3, 5, 8]
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        check_generator(type(self).__name__, generator)
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        return (self.indices[i] for i in self._order().tolist())

    def __len__(self) -> int:
        return len(self.indices)

    def _order(self) -> np.ndarray:
        return rng_of(type(self).__name__, self.generator).permutation(len(self.indices))

    def index_array(self) -> np.ndarray:
        """The epoch's indices; every call draws a new order."""
        return np.asarray(self.indices)[self._order()]


class WeightedRandomSampler(Sampler[int]):
    """Index i with probability ``weights[i] / sum(weights)``.

    Parameters
    ----------
    weights : sequence of float, array or Tensor
        One for each sample: finite, not negative, not all zero. They need not sum to 1.
    num_samples : int
        How many indices an epoch has.
    replacement : bool, default True
        Whether an index may come more than once in an epoch.
    generator : Generator, optional
        Default: the one that ``tp.manual_seed`` seeds.

    Raises
    ------
    TypeError
        If ``replacement`` is not a bool.
    ValueError
        If the weights or ``num_samples`` are unfit, or, without replacement, fewer weights than
        ``num_samples`` are above zero.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> list(tp.data.WeightedRandomSampler([0.0, 1.0, 0.0], 4))
    [1, 1, 1, 1]
    """

    def __init__(
        self,
        weights: Sequence[float] | np.ndarray | Tensor,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(f"WeightedRandomSampler: replacement must be True or False, got {replacement!r}")
        check_positive("WeightedRandomSampler: num_samples", num_samples)
        # Probabilities, not data: in double precision their sum is 1 closely enough for any length.
        p = np.asarray(weights.numpy() if isinstance(weights, Tensor) else weights, dtype=np.float64)
        if p.ndim != 1:
            raise ValueError(f"WeightedRandomSampler: expected one weight per sample, got weights of shape {p.shape}")
        if not np.all(np.isfinite(p)) or np.any(p < 0):
            raise ValueError("WeightedRandomSampler: weights must be finite and not negative")
        positive = int(np.count_nonzero(p))
        if positive == 0:
            raise ValueError("WeightedRandomSampler: at least one weight must be above zero")
        if not replacement and num_samples > positive:
            raise ValueError(
                f"WeightedRandomSampler: cannot draw {num_samples} different samples without replacement, "
                f"only {positive} weights are above zero"
            )
        self.weights = weights
        self.num_samples = num_samples
        self.replacement = replacement
        check_generator(type(self).__name__, generator)
        self.generator = generator
        self._probability = p / p.sum()

    def __iter__(self) -> Iterator[int]:
        return iter(self.index_array().tolist())

    def __len__(self) -> int:
        return self.num_samples

    def index_array(self) -> np.ndarray:
        """The epoch's indices; every call draws new ones."""
        rng = rng_of(type(self).__name__, self.generator)
        p = self._probability
        return rng.choice(len(p), size=self.num_samples, replace=self.replacement, p=p)


class BatchSampler(Sampler[list[int]]):
    """The indices of ``sampler`` in lists of ``batch_size``; ``drop_last`` leaves out a shorter last one.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> list(tp.data.BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Any, batch_size: int, drop_last: bool) -> None:
        check_positive("BatchSampler: batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise TypeError(f"BatchSampler: drop_last must be True or False, got {drop_last!r}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        n = len(self.sampler)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)


def check_positive(what: str, value: int) -> None:
    """TypeError or ValueError unless ``value`` is an integer above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{what} must be a positive integer, got {value!r}")
    if value <= 0:
        raise ValueError(f"{what} must be a positive integer, got {value!r}")
