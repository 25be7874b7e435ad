"""Streams, graphs and memory of the emulated device. Everything happens at once, except what is captured."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy

from .. import _array
from . import runtime
from .device import Device

__all__ = ["Device", "Graph", "MemoryPool", "Stream", "alloc_pinned_memory", "get_current_stream", "is_available",
           "runtime", "using_allocator"]  # fmt: skip


class Graph:
    """What was captured."""

    def __init__(self, work: list[Callable[[], None]], alive: list[Any]):
        self._work, self._alive = work, alive

    def launch(self, stream: Any = None) -> None:
        with numpy.errstate(all="ignore"):
            for step in self._work:
                step()


class Stream:
    """A queue whose work is done at once."""

    def __init__(self, null: bool = False, non_blocking: bool = False):
        self.ptr = 0 if null else id(self)
        self._outer: list[Any] = []

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

    def record(self, event: Any = None) -> None:
        return event

    def wait_event(self, event: Any) -> None:
        pass

    def synchronize(self) -> None:
        pass


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


class _Pinned(numpy.ndarray):
    """Host memory that has an address."""

    @property
    def ptr(self) -> int:
        return self.ctypes.data


def alloc_pinned_memory(size: int) -> _Pinned:
    return numpy.zeros(size, numpy.uint8).view(_Pinned)
