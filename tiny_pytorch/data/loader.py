"""DataLoader: a data set as a sequence of batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ..random import Generator, check_generator, rng_of
from .arrays import check_indices
from .collate import default_collate, default_convert
from .dataset import IterableDataset
from .fetch import END, Fetch, Task
from .prefetch import pinned
from .protocol import fast_method
from .sampler import BatchSampler, RandomSampler, SequentialSampler, check_positive
from .workers import WorkerPool

__all__ = ["DataLoader"]


class DataLoader:
    """Iterates over a data set in batches, as often as one likes: ``for x, y in loader: ...``

    Each ``iter(loader)`` is one epoch. It draws from ``generator`` one number, from which the seeds of
    workers derive (it is drawn without workers too, so that the order of samples does not depend on
    ``num_workers``), and with ``shuffle`` a new permutation. The same seed therefore gives the same epochs,
    and each epoch another order.

    A data set that reads whole batches (:class:`TensorDataset`, ``datasets.Digits`` and each :class:`Subset`
    of them; see :class:`Dataset` for how to write one) costs one indexing operation per tensor and batch.

    Parameters
    ----------
    dataset : Dataset, IterableDataset or any object with ``__getitem__`` and ``__len__``
    batch_size : int or None, default 1
        Samples in a batch; the last one may be shorter. None: samples one by one, not batched.
    shuffle : bool, default False
        Visit the samples in a new random order every epoch.
    drop_last : bool, default False
        Leave out a last batch that is shorter than the others.
    sampler : Sampler or iterable of indices, optional
        The order of the samples, instead of ``shuffle``.
    collate_fn : callable, optional
        From a list of samples to a batch; default :func:`default_collate`.
    num_workers : int, default 0
        How many processes read batches ahead of use; 0: this process reads them when they are asked for.
        Batch i is read by worker i mod n, and batches come in the same order for every n. Workers import the
        running script, which therefore needs an ``if __name__ == "__main__":`` guard. For arrays in memory 0
        is fastest.
    generator : Generator, optional
        Where random orders and worker seeds come from; default: the one that ``tp.manual_seed`` seeds.
    batch_sampler : Sampler or iterable of lists of indices, optional
        The batches themselves, instead of ``batch_size``, ``shuffle``, ``sampler`` and ``drop_last``.
    pin_memory : bool, default False
        Make batches on the host, in page-locked memory, from which ``.to(device, non_blocking=True)`` copies while the
        script goes on. Without effect where the backend has no GPU. See :func:`prefetch`, which moves them ahead.
    timeout : float, default 0
        Seconds to wait for a worker's batch before a RuntimeError; 0: no limit.
    worker_init_fn : callable, optional
        Called as ``worker_init_fn(worker_id)`` in each worker at the start of an epoch, after its generators
        (Python's, NumPy's and this package's) were seeded, each worker's differently.
    persistent_workers : bool, default False
        Keep the processes, and their copies of the data set, from one epoch to the next. The results are the
        same, unless the data set is changed in between: workers do not see that.
    prefetch_factor : int, default 2
        How many batches each worker reads ahead.
    multiprocessing_context : str or multiprocessing context, optional
        How to start workers; default ``"forkserver"`` where there is one, else ``"spawn"``.
    pin_memory_device, in_order
        Accepted because PyTorch's scripts pass them; batches come in order in any case.

    Yields
    ------
    batch
        What ``collate_fn`` makes: for samples that are tuples, a list of Tensors, in memory of their own.

    Raises
    ------
    TypeError, ValueError
        If settings are unfit or exclude each other.
    IndexError
        At the start of an epoch, if a sampler's index is out of range.
    RuntimeError
        If a worker process dies or a batch does not come in time. An error inside a worker is raised here
        with its own type and its traceback there.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> data = tp.data.TensorDataset(tp.arange(5), tp.arange(5) % 2)
    >>> for x, y in tp.data.DataLoader(data, batch_size=2):
    ...     print(x.tolist(), y.tolist())
    [0, 1] [0, 1]
    [2, 3] [0, 1]
    [4] [0]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        sampler: Any = None,
        collate_fn: Callable[[list], Any] | None = None,
        num_workers: int = 0,
        generator: Generator | None = None,
        *,
        batch_sampler: Any = None,
        pin_memory: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        persistent_workers: bool = False,
        prefetch_factor: int | None = None,
        multiprocessing_context: Any = None,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        shuffle = bool(shuffle)  # PyTorch's own default is None
        if not isinstance(drop_last, bool):
            raise TypeError(
                f"DataLoader: drop_last must be True or False, got {drop_last!r}. The arguments' order is "
                "dataset, batch_size, shuffle, drop_last, sampler, collate_fn, num_workers, generator; "
                "pass them by name"
            )
        check_generator("DataLoader", generator)
        _check_workers(num_workers, timeout, persistent_workers, prefetch_factor, multiprocessing_context)
        if isinstance(dataset, IterableDataset):
            given = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
            for name, value in given.items():
                if value is not None:
                    raise ValueError(f"DataLoader: an IterableDataset has its own order, {name} cannot be given")
        elif sampler is not None and shuffle:
            raise ValueError("DataLoader: sampler and shuffle exclude each other; a RandomSampler shuffles")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last")
        if batch_size is None and drop_last:
            raise ValueError("DataLoader: batch_size=None does not batch, so that drop_last cannot be given")

        if not isinstance(dataset, IterableDataset):
            if sampler is None:
                shuffled = partial(RandomSampler, generator=generator)
                sampler = (shuffled if shuffle else SequentialSampler)(dataset)
            if batch_sampler is not None:
                batch_size = None
            elif batch_size is not None:
                batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        elif batch_size is not None:
            check_positive("DataLoader: batch_size", batch_size)

        self.dataset: Any = dataset
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        self.num_workers = num_workers
        self.pin_memory = pin_memory
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.persistent_workers = persistent_workers
        self.prefetch_factor: Any = prefetch_factor or (2 if num_workers else None)
        self.multiprocessing_context = multiprocessing_context
        batched = batch_size is not None or batch_sampler is not None
        self.collate_fn = collate_fn or (default_collate if batched else default_convert)
        self._custom_collate = collate_fn
        self._kept_pool: WorkerPool | None = None

    def __iter__(self) -> Iterator[Any]:
        return pinned(self._batches()) if self.pin_memory else self._batches()

    def _batches(self) -> Iterator[Any]:
        """One epoch."""
        seed = int(rng_of("DataLoader", self.generator).integers(1 << 63))
        task = Task(
            self.dataset,
            self._custom_collate,
            self.batch_sampler is not None,
            self.batch_size,
            self.drop_last,
        )
        get = task.batch_getter()
        jobs: Iterator[Any]
        if isinstance(self.dataset, IterableDataset):
            jobs = itertools.repeat(None)
        elif self.batch_sampler is None:
            jobs = iter(self.sampler)
        elif get is None:
            jobs = iter(self.batch_sampler)
        else:
            jobs = self._batches_of_indices()
        if self.num_workers:
            return self._read_by_workers(task, jobs, seed)
        if isinstance(self.dataset, IterableDataset):
            return _until_end(task.fetch(get))
        return map(task.fetch(get), jobs)

    def __len__(self) -> int:
        """The number of batches in an epoch; for an IterableDataset that has a length, what that promises."""
        stream: Any = self.dataset
        if not isinstance(stream, IterableDataset):
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)
        n = len(stream)  # type: ignore[arg-type]
        if self.batch_size is None:
            return n
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def _batches_of_indices(self) -> Iterator[Any]:
        """Slices or integer arrays where the sampler knows its whole epoch, else the batch sampler's own."""
        ours = self.batch_sampler
        if type(ours) is not BatchSampler:
            return iter(ours)
        size, sampler = ours.batch_size, ours.sampler
        whole_epoch = fast_method(sampler, "index_array", "__iter__")
        if whole_epoch is None:
            return iter(ours)
        index = check_indices(whole_epoch(), len(self.dataset), type(sampler).__name__)
        n = len(index)
        starts = range(0, n - n % size if ours.drop_last else n, size)
        if type(sampler) is SequentialSampler:
            return (slice(start, min(start + size, n)) for start in starts)
        return (index[start : start + size] for start in starts)

    def _read_by_workers(self, task: Task, jobs: Iterator[Any], seed: int) -> Iterator[Any]:
        pool, finished = self._kept_pool, False
        if pool is None or pool.busy:  # busy: another iterator of this loader is using it
            pool = WorkerPool(
                task,
                self.worker_init_fn,
                self.num_workers,
                self.prefetch_factor,
                self.timeout,
                self.multiprocessing_context,
            )
        if self.persistent_workers and self._kept_pool is None:
            self._kept_pool = pool
        try:
            yield from pool.run(jobs, seed)
            finished = True
        except Exception:
            if pool is self._kept_pool:
                self._kept_pool = None
            raise
        finally:
            if pool is not self._kept_pool:
                pool.close(wait=finished)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept_pool": None}


def _until_end(fetch: Fetch) -> Iterator[Any]:
    """What a stream gives. (Not ``iter(fetch, END)``, which compares by ==, and that is elementwise.)"""
    while (batch := fetch(None)) is not END:
        yield batch


def _check_workers(num_workers: Any, timeout: Any, persistent: Any, prefetch: Any, context: Any) -> None:
    if isinstance(num_workers, bool) or not isinstance(num_workers, (int, np.integer)):
        raise TypeError(f"DataLoader: num_workers must be an integer, got {num_workers!r}")
    if num_workers < 0:
        raise ValueError(f"DataLoader: num_workers must be 0 or more, got {num_workers}")
    if timeout < 0:
        raise ValueError(f"DataLoader: timeout must be 0 or more seconds, got {timeout}")
    if prefetch is not None and prefetch < 1:
        raise ValueError(f"DataLoader: prefetch_factor must be 1 or more, got {prefetch}")
    if num_workers == 0:
        given = {
            "timeout": timeout,
            "persistent_workers": persistent,
            "prefetch_factor": prefetch,
            "multiprocessing_context": context,
        }
        for name, value in given.items():
            if value:
                raise ValueError(f"DataLoader: {name}={value!r} needs workers; set num_workers to 1 or more")
