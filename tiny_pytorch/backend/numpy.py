"""NumPy: a gate in front of each compiled kernel, and the reference behind it.

A compiled function returns NotImplemented for arrays that it does not handle (strided, of mixed dtypes, ...); the
gate then calls the reference, which also raises the errors. A build without the compiled kernels fails at import.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy

from .._ext import (
    activation,
    attention,
    clip,
    conv,
    elementwise,
    engine,
    gemm,
    indexing,
    linalg,
    memory,
    nn,
    norm,
    optim,
    parallel,
    pooling,
    rnn,
)
from .._ext.gate import Gate
from . import Backend, blas
from .devices import requested
from .half import RESULTS, in_float32
from .reference.gather import ARRAY
from .table import Kernels, reference_kernels

__all__ = ["get_num_threads", "host", "load", "set_num_threads"]

FAMILIES: list[ModuleType] = [
    activation,
    attention,
    clip,
    conv,
    elementwise,
    indexing,
    linalg,
    nn,
    norm,
    optim,
    pooling,
    rnn,
]


def compiled_kernels() -> dict[str, Callable[..., Any]]:
    """Every function of the compiled modules that has a reference twin, by name."""
    twins = reference_kernels()
    return {name: getattr(family, name) for family in FAMILIES for name in dir(family) if name in twins}


def zero_at(x: numpy.ndarray, positions: numpy.ndarray) -> numpy.ndarray:
    result = numpy.array(x, order="C")
    result.reshape(-1)[positions] = 0
    return result


def write(x: numpy.ndarray, value: numpy.ndarray) -> numpy.ndarray:
    numpy.copyto(x, value)
    return x


def shares_memory(x: numpy.ndarray, y: numpy.ndarray) -> bool:
    return bool(numpy.may_share_memory(x, y))


def to_device(x: numpy.ndarray, device: str, source: str, non_blocking: bool) -> numpy.ndarray:
    return x  # there is one


def diagonal(x: numpy.ndarray, offset: int) -> numpy.ndarray:
    view = numpy.diagonal(x, offset, -2, -1)
    view.flags.writeable = x.flags.writeable  # NumPy gives it read-only
    return view


def index(x: numpy.ndarray, *arrays: numpy.ndarray, index: tuple) -> numpy.ndarray:
    return x[_filled(index, arrays)] if arrays else x[index]


def index_add(g: numpy.ndarray, *arrays: numpy.ndarray, index: tuple, shape: tuple) -> numpy.ndarray:
    if not arrays:
        result = numpy.zeros(shape, g.dtype)
        result[index] = g
        return result
    if index[0] is ARRAY and all(e is Ellipsis for e in index[1:]):  # whole rows
        rows, where = shape[0], arrays[0]
        where = numpy.where(where < 0, where + rows, where)
    else:
        rows = math.prod(shape)
        where = numpy.arange(rows).reshape(shape)[_filled(index, arrays)]
    added = indexing.scatter_rows(g, where, rows, None)
    if added is NotImplemented:
        added = numpy.zeros((rows, *g.shape[where.ndim :]), g.dtype)
        numpy.add.at(added, where, g)
    return added.reshape(shape)


def index_put(x: numpy.ndarray, value: Any, *arrays: numpy.ndarray, index: tuple) -> numpy.ndarray:
    return index_write(numpy.array(x), value, *arrays, index=index)


def index_write(x: numpy.ndarray, value: Any, *arrays: numpy.ndarray, index: tuple) -> numpy.ndarray:
    x[_filled(index, arrays)] = value
    return x


def _filled(index: tuple, arrays: tuple[numpy.ndarray, ...]) -> tuple:
    following = iter(arrays)
    return tuple([next(following) if e is ARRAY else e for e in index]) if arrays else index


def cumsum(x: numpy.ndarray, axis: int) -> numpy.ndarray:  # the standard's names came with NumPy 2.1
    return numpy.cumsum(x, axis=axis, dtype=x.dtype)


def cumprod(x: numpy.ndarray, axis: int) -> numpy.ndarray:
    return numpy.cumprod(x, axis=axis, dtype=x.dtype)


def get_num_threads() -> int:
    """How many threads a kernel may use, the calling one included."""
    return int(parallel.get_num_threads())


def set_num_threads(n: int) -> None:
    """Let kernels, and the matrix products of NumPy's BLAS, use up to ``n`` threads; see ``tp.set_num_threads``."""
    parallel.set_num_threads(n)
    blas.set_blas_threads(int(n))


def facts() -> dict[str, Any]:
    """What ``tp.show_config`` says of this backend."""
    return {
        "compiled kernels": sorted(compiled_kernels()),
        "instruction set": engine.simd_level(),
        "BLAS": f"{blas.name()} ({'for uncommon layouts only' if gemm.available else 'for every product'})",
        "threads": f"{get_num_threads()} (BLAS: {blas.get_blas_threads() or 'unknown'})",
        "memory": f"{memory.idle_memory() >> 20} MB idle, kept for the next results",
    }


def load() -> Backend:
    requested("numpy", ["cpu"])
    return host()


@functools.cache
def host() -> Backend:
    """NumPy's arrays in host memory, also as the host of a library that is on a GPU alone."""
    if os.environ.get("TINY_PYTORCH_NUM_THREADS"):
        set_num_threads(get_num_threads())
    kernels = Kernels(numpy)
    own = (
        zero_at, write, shares_memory, to_device, cumsum, cumprod, diagonal, index, index_add, index_put, index_write,
    )  # fmt: skip
    for function in own:
        kernels.override(function.__name__, function)
    compiled = compiled_kernels()
    for name, reference in reference_kernels().items():
        behind = in_float32(kernels, name) if name in RESULTS else reference
        if name in compiled:
            kernels.override(name, Gate(compiled[name], behind, numpy))
        elif name in RESULTS:
            kernels.override(name, functools.partial(behind, numpy))
    return Backend(
        name="numpy",
        xp=numpy,
        kernels=kernels,
        from_numpy=lambda array: array,
        to_numpy=lambda array: array,
        array_type=numpy.ndarray,
        facts=facts,
    )
