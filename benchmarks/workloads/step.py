"""A peer, and what it does for a row."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Protocol

from .rows import Row

Clock = Callable[[], float]


def nothing() -> None:
    """What a library that computes at once has to wait for."""


class Step:
    """``run()`` does one step of a row; ``wait()`` returns when queued work is done."""

    def __init__(self, run: Callable[[], object], wait: Callable[[], object] = nothing) -> None:
        self.run, self.wait = run, wait

    def seconds(self, clock: Clock, calls: int) -> float:
        """Mean of ``calls`` steps, after one that brings caches back from what ran in between."""
        self.run()
        self.wait()
        start = clock()
        for _ in range(calls):
            self.run()
        self.wait()
        return (clock() - start) / calls


class Peer(Protocol):
    """A library that can be compared; ``load(name, threads)`` of its module makes it."""

    version: str

    def build(self, row: Row) -> Step | None:
        """What one step of ``row`` is in this library, ready to run; None if it has no such thing."""


# Our own name first: the others' times are divided by its. "floor" is what no library can do without (floors.py).
MODULES = {
    "tiny_pytorch": "workloads.eager",
    "PyTorch": "workloads.eager",
    "JAX": "workloads.jax",
    "MyGrad": "workloads.mygrad",
    "scikit-learn": "workloads.sklearn",
    "NumPy": "workloads.numpy",
    "floor": "floors",
}


def peer_of(name: str, threads: int) -> Any:
    """The peer, set to use ``threads`` threads. Whatever its import raises says why it cannot take part."""
    return importlib.import_module(MODULES[name]).load(name, threads)
