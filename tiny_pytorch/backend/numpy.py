"""NumPy: a gate in front of each compiled kernel, and the reference behind it.

A compiled function returns NotImplemented for arrays that it does not handle (strided, mixed dtypes, read-only, ...); the gate then
calls the reference, which also raises the errors. A build without the compiled kernels fails at import.
"""

from __future__ import annotations

import functools
import inspect
import math
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy

from .._ext import elementwise, engine, indexing, linalg, nn, optim, parallel
from . import Backend, blas
from .reference.gather import ARRAY
from .table import Kernels, reference_kernels

__all__ = ["get_num_threads", "load", "set_num_threads"]

FAMILIES: list[ModuleType] = [elementwise, indexing, linalg, nn, optim]


def gated(compiled: Callable[..., Any], fallback: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel that tries the compiled function first. It has the fallback's name and signature."""

    def kernel(*args: Any) -> Any:
        result = compiled(*args)
        return fallback(numpy, *args) if result is NotImplemented else result

    functools.update_wrapper(kernel, fallback)
    signature = inspect.signature(fallback)
    kernel.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]
    return kernel


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


def index(x: numpy.ndarray, *arrays: numpy.ndarray, index: tuple) -> numpy.ndarray:
    return x[_filled(index, arrays)] if arrays else x[index]


def index_add(g: numpy.ndarray, *arrays: numpy.ndarray, index: tuple, shape: tuple) -> numpy.ndarray:
    result = numpy.zeros(shape, g.dtype)
    if not arrays:
        result[index] = g
        return result
    size = math.prod(shape)
    if index[0] is ARRAY and all(e is Ellipsis for e in index[1:]):     # whole rows
        where, rows = arrays[0].reshape(-1), (shape[0], size // shape[0] if shape[0] else 0)
        where = numpy.where(where < 0, where + shape[0], where)
    else:
        where, rows = numpy.arange(size).reshape(shape)[_filled(index, arrays)].reshape(-1), (size,)
    target, source = result.reshape(rows), numpy.ascontiguousarray(g).reshape(where.shape + rows[1:])
    added = indexing.scatter_add(target, where, source)
    if added is NotImplemented:
        numpy.add.at(target, where, source)
        return result
    return added.reshape(shape)


def index_put(x: numpy.ndarray, value: Any, *arrays: numpy.ndarray, index: tuple) -> numpy.ndarray:
    return index_write(numpy.array(x), value, *arrays, index=index)


def index_write(x: numpy.ndarray, value: Any, *arrays: numpy.ndarray, index: tuple) -> numpy.ndarray:
    x[_filled(index, arrays)] = value
    return x


def _filled(index: tuple, arrays: tuple[numpy.ndarray, ...]) -> tuple:
    following = iter(arrays)
    return tuple([next(following) if e is ARRAY else e for e in index]) if arrays else index


def get_num_threads() -> int:
    """How many threads a kernel may use, the calling one included."""
    return int(parallel.get_num_threads())


def set_num_threads(n: int) -> None:
    """Let kernels, and the matrix products of NumPy's BLAS, use up to ``n`` threads, the calling one included.

    At start it is ``TINY_PYTORCH_NUM_THREADS``, else all usable cores. Small arrays are always worked on by one thread.

    Raises
    ------
    TypeError, ValueError
        If ``n`` is not an integer from 1 to 256.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> before = tp.get_num_threads()
    >>> tp.set_num_threads(1)
    >>> tp.get_num_threads()
    1
    >>> tp.set_num_threads(before)
    """
    parallel.set_num_threads(n)
    blas.set_blas_threads(int(n))


def facts() -> dict[str, Any]:
    """What ``tp.show_config`` says of this backend."""
    return {
        "compiled kernels": sorted(compiled_kernels()),
        "instruction set": engine.simd_level(),
        "BLAS": f"{blas.name()} (its loop called directly: {'yes' if linalg.has_gemm else 'no'})",
        "threads": f"{get_num_threads()} (BLAS: {blas.get_blas_threads() or 'unknown'})",
    }


def load() -> Backend:
    if os.environ.get("TINY_PYTORCH_NUM_THREADS"):
        set_num_threads(get_num_threads())
    kernels = Kernels(numpy)
    for name, function in compiled_kernels().items():
        kernels.override(name, gated(function, reference_kernels()[name]))
    kernels.override("zero_at", zero_at)
    kernels.override("write", write)
    kernels.override("shares_memory", shares_memory)
    for function in (index, index_add, index_put, index_write):
        kernels.override(function.__name__, function)
    return Backend(
        name="numpy",
        xp=numpy,
        kernels=kernels,
        from_numpy=lambda array: array,
        to_numpy=lambda array: array,
        owns=lambda value: isinstance(value, numpy.ndarray),
        facts=facts,
    )
