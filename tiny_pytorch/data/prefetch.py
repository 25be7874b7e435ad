"""Batches that are on the device before they are needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from .. import backend
from ..autograd import leaf
from ..tensor import Tensor
from .structure import map_tensors

__all__ = ["Prefetcher", "pinned", "prefetch"]

END = object()


class Prefetcher:
    """What ``prefetch`` returns: the same batches on another device, as often as they can be gone through."""

    def __init__(self, batches: Iterable[Any], device: Any, depth: int) -> None:
        self.batches = batches
        self.device = device
        self.depth = depth

    def __iter__(self) -> Iterator[Any]:
        place = backend.on(self.device)
        stream: Any = None if place.copy_stream is None else place.copy_stream()
        source = iter(self.batches)
        ahead: deque[tuple[Any, Any, list[Any]]] = deque()  # (batch, mark of its copies, their arrays)

        def send() -> None:
            batch = next(source, END)
            if batch is END:
                return
            arrays: list[Any] = []

            def moved(tensor: Tensor) -> Tensor:
                if stream is None or tensor.requires_grad or tensor.device != "cpu":
                    return tensor.to(place.device, non_blocking=True)
                backend.crossing.copied(tensor.array, "cpu", place.device)
                arrays.append(stream.send(tensor.array))
                return leaf(arrays[-1])

            batch = map_tensors(moved, batch)
            ahead.append((batch, stream.mark() if arrays else None, arrays))

        for _ in range(self.depth):
            send()
        while ahead:
            batch, mark, arrays = ahead.popleft()
            if mark is not None:
                stream.wait(mark, arrays)
            yield batch
            send()

    def __len__(self) -> int:
        return len(self.batches)  # type: ignore[arg-type]


def prefetch(batches: Iterable[Any], device: Any = None, depth: int = 2) -> Prefetcher:
    """Move batches to a device ahead of use, so that copying them takes no time of its own.

    On an NVIDIA GPU the copies run on a stream of their own, from pinned memory, while the device computes on the
    batch before; what is computed with a batch waits for its copy, and nothing else does. (Memory that is not pinned is
    copied to some that is first: ``DataLoader(..., pin_memory=True)`` does that where the batch is made.) Where there
    is no such stream batches are moved when they are read, ``depth`` of them ahead.

    Parameters
    ----------
    batches : iterable
        A DataLoader, or anything that gives Tensors, or tuples, lists and dicts of them.
    device : str or Device, optional
        Where to; defaults to the default device.
    depth : int, default 2
        How many batches are on their way or waiting there, beside the one in use.

    Returns
    -------
    Prefetcher
        An iterable of the same length.

    Raises
    ------
    DeviceError
        If the backend does not have the device.
    ValueError
        If ``depth`` is not a positive integer.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> device = "cuda" if tp.cuda.is_available() else "cpu"
    >>> loader = tp.data.DataLoader(tp.data.TensorDataset(tp.arange(4.0)), batch_size=2, pin_memory=True)
    >>> for (x,) in tp.data.prefetch(loader, device):
    ...     print(x.tolist())
    [0.0, 1.0]
    [2.0, 3.0]
    """
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise ValueError(f"prefetch: depth must be an integer, at least 1, got {depth!r}")
    return Prefetcher(batches, backend.on(device).device, depth)


def pinned(batches: Iterator[Any]) -> Iterator[Any]:
    """The same batches made on the host, in page-locked memory; as they are where the backend has no use for that."""
    here = backend.current()
    host = backend.on("cpu") if "cpu" in here.devices else here
    return batches if host.pin is None else _pinned(batches, host)


def _pinned(batches: Iterator[Any], host: backend.Backend) -> Iterator[Any]:
    while True:
        backend.enter(host)
        try:
            batch = next(batches, END)
        finally:
            backend.leave()
        if batch is END:
            return
        yield batch.pin_memory() if hasattr(batch, "pin_memory") else map_tensors(_pin, batch)


def _pin(tensor: Tensor) -> Tensor:
    return tensor.pin_memory() if tensor.device == "cpu" else tensor
