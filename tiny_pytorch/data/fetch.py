"""From an index to a batch: how the loader reads a data set, in this process or in a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from .arrays import check_indices
from .collate import default_collate, default_convert
from .dataset import BatchGetter, IterableDataset, batch_getter
from .protocol import fast_method

__all__ = ["END", "Fetch", "Task"]

END = object()  # what a stream's fetch returns when there is nothing left

Fetch = Callable[[Any], Any]


class Task(NamedTuple):
    """What is to be read: the loader's settings, as far as they concern reading.

    Attributes
    ----------
    dataset : Dataset or anything indexable, or IterableDataset
    collate_fn : callable or None
        None: the default, which may be skipped where the data set reads whole batches.
    batched : bool
        Whether an index stands for a batch (a slice, an integer array or a list) or for one sample.
    batch_size, drop_last
        What a stream needs to know; a map-style data set is told by each index.
    """

    dataset: Any
    collate_fn: Callable[[Any], Any] | None
    batched: bool
    batch_size: int | None
    drop_last: bool

    def batch_getter(self) -> BatchGetter | None:
        """How to read a batch in one go, or None. Ask once an epoch: it looks at every index of a Subset."""
        return batch_getter(self.dataset) if self.batched and self.collate_fn is None else None

    def fetch(self, get: BatchGetter | None) -> Fetch:
        """The function that reads one batch (or sample); ``get`` is what ``batch_getter`` returned."""
        if isinstance(self.dataset, IterableDataset):
            return _from_stream(iter(self.dataset), self.collate_fn, self.batch_size, self.drop_last)
        if not self.batched:
            return _by_sample(self.dataset, self.collate_fn or default_convert)
        if get is None:
            return _by_list(self.dataset, self.collate_fn or default_collate)
        n = len(self.dataset)
        return lambda index: get(check_indices(index, n, "DataLoader") if type(index) is list else index)


def _by_list(dataset: Any, collate: Callable[[list], Any]) -> Fetch:
    several = fast_method(dataset, "__getitems__", "__getitem__")

    def fetch(indices: Any) -> Any:
        indices = list(indices)
        try:
            samples = several(indices) if several else [_sample(dataset, i) for i in indices]
            return collate(samples)
        except Exception as error:
            error.add_note(f"DataLoader: in the batch of the samples {_shortened(indices)}")
            raise

    return fetch


def _by_sample(dataset: Any, convert: Callable[[Any], Any]) -> Fetch:
    return lambda index: convert(_sample(dataset, index))


def _sample(dataset: Any, index: Any) -> Any:
    try:
        return dataset[index]
    except StopIteration as error:  # would end the loader's own loop in silence
        raise RuntimeError(f"DataLoader: the data set raised StopIteration at sample {index!r}") from error
    except Exception as error:
        error.add_note(f"DataLoader: while reading sample {index!r} of {type(dataset).__name__}")
        raise


def _from_stream(
    samples: Iterator[Any], collate_fn: Callable[[Any], Any] | None, batch_size: int | None, drop_last: bool
) -> Fetch:
    if batch_size is None:
        convert = collate_fn or default_convert

        def fetch_one(_: Any) -> Any:
            sample = next(samples, END)
            return END if sample is END else convert(sample)

        return fetch_one
    collate = collate_fn or default_collate

    def fetch(_: Any) -> Any:
        batch = list(islice(samples, batch_size))
        return collate(batch) if batch and (len(batch) == batch_size or not drop_last) else END

    return fetch


def _shortened(indices: list) -> str:
    return f"[{', '.join(map(repr, indices[:8]))}{', ...' if len(indices) > 8 else ''}]"
