"""Streams, graphs and memory of the emulated device. Everything happens at once, except what is captured."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy

from .. import _array
from . import runtime
from .device import Device

__all__ = ["Device", "Event", "Graph", "MemoryPool", "PinnedMemoryPointer", "Stream", "alloc_pinned_memory",
           "get_current_stream", "is_available", "runtime", "using_allocator"]  # fmt: skip


class Graph:
    """What was captured."""

    def __init__(self, work: list[Callable[[], None]], alive: list[Any]):
        self._work, self._alive = work, alive

    def launch(self, stream: Any = None) -> None:
        with numpy.errstate(all="ignore"):
            for step in self._work:
                step()


class Event:
    """A place in a stream's work."""

    def __init__(self, stream: Stream):
        self._stream, self._place = stream, stream.queued

    @property
    def done(self) -> bool:
        return self._stream.finished >= self._place

    def synchronize(self) -> None:
        self._stream.run(self._place)


class Stream:
    """A queue. Computing is done at once, whichever stream is current; copies to another one only when waited for."""

    def __init__(self, null: bool = False, non_blocking: bool = False):
        self.ptr = 0 if null else id(self)
        self._outer: list[Any] = []
        self._work: list[Callable[[], None]] = []
        self.queued = self.finished = 0

    def queue(self, work: Callable[[], None]) -> None:
        """Do it now, or on a stream that is not the current one later."""
        self._work.append(work)
        self.queued += 1
        if self is _current:
            self.run(self.queued)

    def run(self, place: int) -> None:
        """Do what was queued before that place."""
        while self.finished < place:
            self._work.pop(0)()
            self.finished += 1

    def __enter__(self) -> Stream:
        global _current
        self._outer.append(_current)
        _current = self
        return self

    def __exit__(self, *error: object) -> None:
        global _current
        _current = self._outer.pop()

    def begin_capture(self) -> None:
        if self.ptr == 0:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        _array.recording = []

    def end_capture(self) -> Graph:
        graph = Graph(_array.recording or [], list(_array.alive))
        _array.recording = None
        _array.alive.clear()
        return graph

    def is_capturing(self) -> bool:
        return _array.recording is not None

    def record(self) -> Event:
        return Event(self)

    def wait_event(self, event: Event) -> None:
        event.synchronize()

    def synchronize(self) -> None:
        self.run(self.queued)


Stream.null = _current = Stream(null=True)  # type: ignore[attr-defined]


def get_current_stream() -> Stream:
    return _current


def is_available() -> bool:
    return True


class MemoryPool:
    """Memory that a graph keeps."""

    def malloc(self, size: int) -> None:
        pass


@contextlib.contextmanager
def using_allocator(allocator: Any) -> Iterator[None]:
    yield


class PinnedMemoryPointer(numpy.ndarray):
    """Host memory that has an address."""

    @property
    def ptr(self) -> int:
        return self.ctypes.data


def alloc_pinned_memory(size: int) -> PinnedMemoryPointer:
    memory = PinnedMemoryPointer(size, numpy.uint8)  # which owns it: arrays on it lead back to it
    memory[:] = 0
    return memory
