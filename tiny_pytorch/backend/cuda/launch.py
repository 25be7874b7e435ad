"""Launching kernels: the arrays that they take, and the shapes of their grids."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import cupy
from array_api_compat import cupy as xp

from ..table import reference_kernels
from . import options, source

__all__ = ["NAMES", "blocks_for", "gated", "launch", "plain", "teams_for"]

Array = Any
THREADS = 256
LONG_ROW = 1024  # elements from which a row is worth a whole block
MOST_BLOCKS = 1 << 16  # threads go round in steps of the grid
NAMES = {"f": "float32", "d": "float64"}  # a dtype's char is known at once, its name is put together each time


@functools.cache
def _module(file: str, dtype: str) -> Any:
    return cupy.RawModule(code=source(file), options=options(dtype))


@functools.cache
def _function(file: str, kernel: str, dtype: str) -> Any:
    return _module(file, dtype).get_function(kernel)


def launch(file: str, kernel: str, dtype: str, grid: tuple[int, ...], block: tuple[int, ...], *args: Any) -> None:
    """Queue one kernel on the current stream.

    An int arrives as ``long long``, a float as ``double``, an array or its address as a pointer, None as a null one.
    """
    _function(file, kernel, dtype)(grid, block, tuple([0 if a is None else a for a in args]))


def gated(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """The kernel of the table: it calls the reference where the CUDA one returns NotImplemented."""
    reference = reference_kernels()[kernel.__name__]

    @functools.wraps(kernel)
    def gate(*args: Any, **kwargs: Any) -> Any:
        result = kernel(*args, **kwargs)
        return reference(xp, *args, **kwargs) if result is NotImplemented else result

    return gate


def plain(*arrays: Array | None) -> str | None:
    """The dtype of arrays that kernels take, else None: contiguous, not empty, all float32 or all float64."""
    found = None
    for array in arrays:
        if array is None:
            continue
        if type(array) is not cupy.ndarray or array.size == 0 or not array.flags.c_contiguous:
            return None
        char = array.dtype.char
        if char != found and (found is not None or char not in NAMES):
            return None
        found = char
    return None if found is None else NAMES[found]


def blocks_for(n: int) -> tuple[tuple[int], tuple[int]]:
    """Grid and block of a kernel that gives each thread one element at a time."""
    return (min(-(-n // THREADS), MOST_BLOCKS),), (THREADS,)


def teams_for(rows: int, n: int) -> tuple[tuple[int], tuple[int, int]]:
    """Grid and block of a kernel that gives each row of ``n`` elements to a team of threads (see common.cuh)."""
    if n >= LONG_ROW:
        return (rows,), (THREADS, 1)
    teams = 4
    return (-(-rows // teams),), (32, teams)
