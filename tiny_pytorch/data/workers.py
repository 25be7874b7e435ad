"""Worker processes: the same fetch in other processes, in the same order, with seeds of their own.

Every worker is a ``ProcessPoolExecutor`` of one process, so that the standard library owns starting, queues,
errors and shutting down, while batch i always belongs to worker i mod n: what a worker draws at random
depends on the seed and never on which one was faster.
"""

from __future__ import annotations

import pickle
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..random import default_generator
from .fetch import END, Fetch, Task
from .transport import Parcel, pack

__all__ = ["WorkerInfo", "WorkerPool", "get_worker_info"]


class WorkerInfo(NamedTuple):
    """What a worker process knows about itself.

    Attributes
    ----------
    id : int
        0 ... num_workers - 1.
    num_workers : int
    seed : int
        This worker's in this epoch; Python's, NumPy's and this package's generators were seeded from it.
    dataset : Dataset
        This process's copy.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


# --- in the worker ------------------------------------------------------------------------------------------


class _Worker:
    """The state of this process, if it is a worker."""

    payload: Any = None  # (task, worker_init_fn), pickled unless this process was forked from the parent
    setup: tuple[Task, Callable[[int], Any] | None] | None = None
    fetch: Fetch
    packing = threading.Lock()  # held while shared memory is made that nobody else knows of yet
    info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """In a worker process of a DataLoader: its :class:`WorkerInfo`. Elsewhere: None.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.data.get_worker_info() is None
    True
    """
    return _Worker.info


def _initialize(payload: Any) -> None:
    import signal

    from .. import backend
    from ..backend.numpy import set_num_threads

    set_num_threads(1)  # the parallel work is in the number of processes
    if "cpu" in backend.current().devices:
        backend.set_device("cpu")  # batches are made on the host; the parent takes them to its own device
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; it shuts its workers down
    threading.Thread(target=_follow_parent, daemon=True).start()
    _Worker.payload = payload


def _follow_parent() -> None:
    """End with the parent, even a killed one: the queue alone would keep this process waiting forever."""
    import multiprocessing
    import os

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        with _Worker.packing:
            os._exit(1)


def _begin(worker_id: int, num_workers: int, epoch_seed: int) -> None:
    import random

    if _Worker.setup is None:
        payload = _Worker.payload
        _Worker.setup = pickle.loads(payload) if isinstance(payload, bytes) else payload
        _Worker.payload = None
    task, worker_init_fn = _Worker.setup
    sequence = np.random.SeedSequence([epoch_seed, worker_id])
    seed = int(sequence.generate_state(1, np.uint64)[0] >> 1)
    random.seed(seed)
    np.random.seed(sequence.generate_state(4))  # noqa: NPY002 - what data sets in the wild draw from
    default_generator().manual_seed(seed)
    _Worker.info = WorkerInfo(worker_id, num_workers, seed, task.dataset)
    if worker_init_fn is not None:
        worker_init_fn(worker_id)
    _Worker.fetch = task.fetch(task.batch_getter())


def _read(index: Any) -> Parcel | None:
    batch = _Worker.fetch(index)
    with _Worker.packing:
        return None if batch is END else pack(batch)


def _guarded(job: Callable[..., Any], *args: Any) -> Any:
    """Run a job; an error that could not travel to the parent becomes a RuntimeError that can."""
    try:
        return job(*args)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            portable = RuntimeError(f"{type(error).__name__}: {error}")
            for note in getattr(error, "__notes__", ()):
                portable.add_note(note)
            raise portable from error
        raise


# --- in the parent ------------------------------------------------------------------------------------------


class WorkerPool:
    """The workers of one loader.

    Parameters
    ----------
    task : Task
    worker_init_fn : callable or None
    num_workers : int
    prefetch_factor : int
        How many batches each worker is ahead.
    timeout : float
        Seconds to wait for a batch; 0: forever.
    context : str, multiprocessing context or None
        How to start processes. None: ``forkserver`` where there is one, else ``spawn``: forking a process
        that has threads (a BLAS has) can leave a lock held forever in the child.
    """

    def __init__(
        self,
        task: Task,
        worker_init_fn: Callable[[int], Any] | None,
        num_workers: int,
        prefetch_factor: int,
        timeout: float,
        context: Any,
    ) -> None:
        from concurrent.futures import ProcessPoolExecutor

        context = _context(context)
        forks = context.get_start_method() == "fork"
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        self.timeout = timeout or None
        self.busy = False
        self._pending: deque = deque()  # (worker, future), in the order of the batches
        weakref.finalize(self, _abandon, self._pending)  # also at the end of the program
        setup = (task, worker_init_fn)
        payload = setup if forks else _pickled(setup)
        if forks:
            from multiprocessing import resource_tracker

            # One for parent and children: a child's own would end the shared blocks together with the child.
            resource_tracker.ensure_running()
        self._pools = [
            ProcessPoolExecutor(1, mp_context=context, initializer=_initialize, initargs=(payload,))
            for _ in range(num_workers)
        ]

    def run(self, jobs: Iterator[Any], epoch_seed: int) -> Iterator[Any]:
        """The batches of the jobs, in their order, until the jobs or the data end."""
        self.busy = True
        pending = self._pending

        def submit(worker: int) -> None:
            index = next(jobs, END)
            if index is not END:
                pending.append((worker, self._submit(worker, _read, index)))

        try:
            n = self.num_workers
            started = [(worker, self._submit(worker, _begin, worker, n, epoch_seed)) for worker in range(n)]
            for _ in range(self.prefetch_factor):
                for worker in range(n):
                    submit(worker)
            for worker, future in started:
                self._result(worker, future)
            while pending:
                worker, future = pending.popleft()
                parcel = self._result(worker, future)
                if parcel is not None:  # else this worker's stream has ended, and the others take turns
                    batch = parcel.unpack()
                    submit(worker)
                    yield batch
        finally:
            _abandon(pending)
            self.busy = False

    def close(self, wait: bool) -> None:
        """Let the workers end; ``wait`` for them or not. A batch being read is read to its end."""
        for pool in self._pools:
            pool.shutdown(wait=wait, cancel_futures=True)

    def _submit(self, worker: int, job: Callable[..., Any], *args: Any) -> Any:
        from concurrent.futures.process import BrokenProcessPool

        try:
            return self._pools[worker].submit(_guarded, job, *args)
        except BrokenProcessPool as error:
            raise _died(worker) from error

    def _result(self, worker: int, future: Any) -> Any:
        from concurrent.futures.process import BrokenProcessPool

        try:
            return future.result(self.timeout)
        except BrokenProcessPool as error:
            raise _died(worker) from error
        except Exception as error:
            if isinstance(error, TimeoutError) and not future.done():
                raise RuntimeError(
                    f"DataLoader: worker {worker} gave no batch within timeout={self.timeout} seconds"
                ) from None
            error.add_note(f"DataLoader: in worker process {worker}; the traceback there is shown above")
            raise


def _abandon(pending: deque) -> None:
    """Nobody asks for these batches. One being read comes all the same, and may hold shared memory."""
    while pending:
        _, future = pending.popleft()
        future.cancel()
        future.add_done_callback(_discard)


def _discard(future: Any) -> None:
    if not future.cancelled() and future.exception() is None and isinstance(future.result(), Parcel):
        future.result().discard()


def _died(worker: int) -> RuntimeError:
    return RuntimeError(
        f"DataLoader: worker process {worker} ended unexpectedly. Either it was killed (out of memory?) or "
        "crashed; or it could not start, because the script has no `if __name__ == '__main__':` guard around "
        "what it runs, or is not in a file: workers import the script. num_workers=0 and, on Linux, "
        "multiprocessing_context='fork' do without"
    )


def _context(context: Any) -> Any:
    import multiprocessing

    if context is not None and not isinstance(context, str):
        return context
    if context is None:
        context = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    made = multiprocessing.get_context(context)
    if context == "forkserver":
        # Imported once, in the server that forks the workers: one then starts in 10 ms, not in 200.
        made.set_forkserver_preload(["__main__", __name__])
    return made


def _pickled(setup: tuple[Task, Callable[[int], Any] | None]) -> bytes:
    try:
        return pickle.dumps(setup, protocol=5)
    except Exception as error:
        task, worker_init_fn = setup
        parts = {"collate_fn": task.collate_fn, "worker_init_fn": worker_init_fn}
        culprit = next((name for name, part in parts.items() if not _picklable(part)), "the data set")
        raise pickle.PicklingError(
            f"DataLoader: {culprit} cannot be sent to worker processes ({error}). Define its class or "
            "function at the top level of a module (no lambda), or use num_workers=0 or, on Linux, "
            "multiprocessing_context='fork'"
        ) from error


def _picklable(value: Any) -> bool:
    try:
        pickle.dumps(value, protocol=5)
    except Exception:
        return False
    return True
