"""Copies between the host and the GPU: page-locked memory, and a stream for copies beside the computing.

A copy from page-locked memory is only queued, so that memory must stay what it is until the copy is done: it is held
here with an event of its stream. Where the copy goes is taken from the pool on the computing's own stream, and the copy
waits for what was queued there before: the pool hands memory out again as soon as the host has let go of it.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import cupy
import numpy

from . import faults
from .capture import refuse_while_capturing

__all__ = ["CopyStream", "is_pinned", "pin", "to_device"]

_in_flight: deque[tuple[Any, numpy.ndarray]] = deque()  # (event, the memory that is read until then)


def pin(array: numpy.ndarray) -> numpy.ndarray:
    """A copy in page-locked memory."""
    memory = cupy.cuda.alloc_pinned_memory(max(array.nbytes, 1))
    pinned = numpy.frombuffer(memory, array.dtype, array.size).reshape(array.shape)
    pinned[...] = array
    return pinned


def is_pinned(array: Any) -> bool:
    """Whether an array lies in memory that ``pin`` took."""
    while isinstance(array, (numpy.ndarray, memoryview)) and not isinstance(array, cupy.cuda.PinnedMemoryPointer):
        array = array.obj if isinstance(array, memoryview) else array.base
    return isinstance(array, cupy.cuda.PinnedMemoryPointer)


def to_device(x: Any, device: str, source: str, non_blocking: bool) -> Any:
    """A copy on the other side. To the host it is waited for; to the GPU not, if ``x`` is pinned and need not be."""
    refuse_while_capturing("a copy between host and device would be made once, now: move it outside of the step")
    if device == "cpu":
        host = cupy.asnumpy(x)
        faults.check()
        return host
    if not is_pinned(x) or not x.flags.c_contiguous:
        return cupy.asarray(x)  # CuPy stages it in pinned memory of its own
    stream = cupy.cuda.get_current_stream()
    target = cupy.empty(x.shape, x.dtype)
    _queue(target, x, stream)
    if not non_blocking:
        stream.synchronize()
    return target


def _queue(target: Any, source: numpy.ndarray, stream: Any) -> None:
    while _in_flight and _in_flight[0][0].done:
        _in_flight.popleft()
    if target.size:
        target.set(source, stream=stream)
        _in_flight.append((stream.record(), source))


class CopyStream:
    """Copies to the GPU on a stream of their own, beside the computing on the current one."""

    def __init__(self) -> None:
        self._stream = cupy.cuda.Stream(non_blocking=True)

    def send(self, array: numpy.ndarray) -> Any:
        """Queue a copy of a host array, which is pinned first if it is not yet."""
        if not (is_pinned(array) and array.flags.c_contiguous):
            array = pin(array)
        target = cupy.empty(array.shape, array.dtype)
        self._stream.wait_event(cupy.cuda.get_current_stream().record())
        _queue(target, array, self._stream)
        return target

    def mark(self) -> Any:
        """What ``wait`` takes: the copies so far."""
        return self._stream.record()

    def wait(self, mark: Any, arrays: list[Any]) -> None:
        """Let the computing that is asked for next come after the copies."""
        cupy.cuda.get_current_stream().wait_event(mark)
