"""Update rules, and what is done to gradients before them, over many tensors in one launch, in place.

The kernels read a table of addresses (see optim.cu). In a training loop the same memory comes round again and again, so
tables are kept; a table whose arrays overlap is refused once, and the reference does the work.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import cupy
import numpy

from .launch import NAMES, launch

__all__ = ["CAPACITY", "CHUNK", "adam", "adamw", "rmsprop", "sgd", "sgd_dampened", "unscale"]

Array = Any
Arrays = Sequence[Any]
Tables = list[tuple[numpy.ndarray, numpy.ndarray, int]]  # a table, its header alone, its number of blocks

CAPACITY = 60  # these two stand in optim.cu as well; a test compares them
CHUNK = 16384
THREADS = (512,)


def sgd(
    params: Arrays,
    grads: Arrays,
    velocities: Arrays | None,
    lr: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
) -> tuple[Arrays, Arrays | None]:
    lists = [params, grads] if velocities is None else [params, grads, velocities]
    dtype, tables = _tables_of(lists, [0] * len(params))
    if dtype is None:
        return NotImplemented
    keep = 1 - lr * weight_decay
    if velocities is None:
        _run("sgd", dtype, tables, float(lr), float(keep))
    else:
        _run("sgd_momentum", dtype, tables, float(lr), float(keep), float(momentum), int(nesterov))
    return params, velocities


def sgd_dampened(
    params: Arrays,
    grads: Arrays,
    velocities: Sequence[Array | None] | None,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
) -> tuple[Arrays, Arrays | None]:
    empty = [0] * len(params)
    lists = [params, grads]
    if velocities is not None:
        if len(velocities) != len(params):
            return NotImplemented
        empty = [int(u is None) for u in velocities]
        if any(empty):
            velocities = [cupy.empty_like(p) if u is None else u for p, u in zip(params, velocities, strict=True)]
        lists.append(velocities)
    dtype, tables = _tables_of(lists, empty)
    if dtype is None:
        return NotImplemented
    rates = (float(lr), float(weight_decay))
    if velocities is None:
        _run("sgd_dampened", dtype, tables, *rates)
    else:
        _run("sgd_dampened_momentum", dtype, tables, *rates, float(momentum), float(dampening), int(nesterov))
    return params, velocities


def adam(
    params: Arrays,
    grads: Arrays,
    first: Arrays,
    second: Arrays,
    largest: Arrays | None,
    steps: Arrays,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> tuple[Arrays, Arrays, Arrays, Arrays | None, Arrays]:
    return _adam(params, grads, first, second, largest, steps, lr, beta1, beta2, eps, weight_decay, 1.0)


def adamw(
    params: Arrays,
    grads: Arrays,
    first: Arrays,
    second: Arrays,
    largest: Arrays | None,
    steps: Arrays,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> tuple[Arrays, Arrays, Arrays, Arrays | None, Arrays]:
    return _adam(params, grads, first, second, largest, steps, lr, beta1, beta2, eps, 0.0, 1 - lr * weight_decay)


def _adam(
    params: Arrays,
    grads: Arrays,
    first: Arrays,
    second: Arrays,
    largest: Arrays | None,
    steps: Arrays,
    *hyperparameters: float,
) -> tuple[Arrays, Arrays, Arrays, Arrays | None, Arrays]:
    lists = (params, grads, first, second) if largest is None else (params, grads, first, second, largest)
    dtype, tables = _stepping_tables(lists, steps)
    if dtype is None:
        return NotImplemented
    kernel = "adam" if largest is None else "adam_amsgrad"
    _run(kernel, dtype, tables, *map(float, hyperparameters), steps=True)
    return params, first, second, largest, steps


def rmsprop(
    params: Arrays,
    grads: Arrays,
    squares: Arrays,
    means: Arrays | None,
    velocities: Arrays | None,
    steps: Arrays,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
) -> tuple[Arrays, Arrays, Arrays | None, Arrays | None, Arrays]:
    optional = [arrays for arrays in (means, velocities) if arrays is not None]
    dtype, tables = _stepping_tables((params, grads, squares, *optional), steps)
    if dtype is None:
        return NotImplemented
    kernel = "rmsprop" + ("" if means is None else "_centered") + ("" if velocities is None else "_momentum")
    hyperparameters = (lr, alpha, eps, weight_decay, momentum)
    _run(kernel, dtype, tables, *map(float, hyperparameters), steps=True)
    return params, squares, means, velocities, steps


def unscale(arrays: Arrays, factor: float) -> tuple[Arrays, Array]:
    dtype, tables = _tables_of([arrays], [0] * len(arrays))
    if dtype is None:
        return NotImplemented
    found = cupy.zeros((), dtype=bool)
    for table, _, blocks in tables:
        if blocks:
            launch("optim", "unscale", dtype, (blocks,), THREADS, table, float(factor), found)
    return arrays, found


def _run(kernel: str, dtype: str, tables: Tables, *hyperparameters: float, steps: bool = False) -> None:
    for table, header, blocks in tables:
        if steps:
            launch("optim", "count_steps", dtype, (1,), (64,), header)
        if blocks:
            launch("optim", kernel, dtype, (blocks,), THREADS, table, *hyperparameters)


def _stepping_tables(lists: Sequence[Arrays], steps: Arrays) -> tuple[str | None, Tables]:
    """The dtype and the tables of a rule that counts its steps, on the device."""
    if len(steps) != len(lists[0]):
        return None, []
    for step in steps:
        if type(step) is not cupy.ndarray or step.shape != () or step.dtype.char != "f":
            return None, []
    return _tables_of(lists, [step.data.ptr for step in steps])


def _tables_of(lists: Sequence[Arrays], extra: list[int]) -> tuple[str | None, Tables]:
    """The dtype and the tables of lists of arrays; no dtype if the kernels cannot take them."""
    refused: tuple[None, Tables] = (None, [])
    params = lists[0]
    if not params or any(len(arrays) != len(params) for arrays in lists):
        return refused
    dtype = params[0].dtype
    if dtype.char not in NAMES:
        return refused
    shapes = [p.shape for p in params]
    addresses = []
    for arrays in lists:
        for array, shape in zip(arrays, shapes, strict=True):
            if type(array) is not cupy.ndarray or array.dtype != dtype or array.shape != shape:
                return refused
            if not array.flags.c_contiguous:
                return refused
        addresses.append(tuple([array.data.ptr for array in arrays]))
    tables = _tables(tuple(addresses), tuple(extra), tuple([p.size for p in params]), dtype.itemsize)
    return refused if tables is None else (NAMES[dtype.char], tables)


@functools.lru_cache(maxsize=256)
def _tables(
    addresses: tuple[tuple[int, ...], ...], extra: tuple[int, ...], sizes: tuple[int, ...], itemsize: int
) -> Tables | None:
    """The tables of up to CAPACITY tensors each, and their numbers of blocks; None if arrays overlap."""
    spans = sorted((at, at + n * itemsize) for row in addresses for at, n in zip(row, sizes, strict=True) if n)
    if any(end > start for (_, end), (start, _) in itertools.pairwise(spans)):
        return None
    tables = []
    for first in range(0, len(sizes), CAPACITY):
        part = slice(first, first + CAPACITY)
        tables.append(_table([row[part] for row in addresses], extra[part], sizes[part]))
    return tables


def _table(
    addresses: list[tuple[int, ...]], extra: tuple[int, ...], sizes: tuple[int, ...]
) -> tuple[numpy.ndarray, numpy.ndarray, int]:
    """One ``Table`` of optim.cu and its ``Header``, each as an array of one structure: CuPy passes it by value."""
    count, lists = len(sizes), len(addresses)
    end = 3 * CAPACITY + 2
    words = numpy.zeros(end + lists * CAPACITY, dtype=numpy.int64)
    words[:count] = extra
    words[CAPACITY : CAPACITY + count] = sizes
    blocks = numpy.cumsum(-(-numpy.asarray(sizes, dtype=numpy.int64) // CHUNK))
    words[2 * CAPACITY + 1 : 2 * CAPACITY + 1 + count] = blocks
    words[end - 1] = count
    words[end:].reshape(lists, CAPACITY)[:, :count] = addresses
    return _structure(words), _structure(words[:end]), int(blocks[-1])


def _structure(words: numpy.ndarray) -> numpy.ndarray:
    return words.view(numpy.dtype([("words", numpy.int64, (words.size,))]))
