"""Pooling to a given number of windows, which cover all elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import backend
from ..autograd import ShapeError, leaf
from .gathering import index_select, take
from .linalg import weighted_sum
from .operands import index_tensor, shape_of
from .permutation import mT
from .pooling import pool_average, pool_max
from .windows import batched, evenly

__all__ = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d"]

Tensor = Any  # the class stands above the ops
Size = int | None | Sequence[int | None]


def _targets(name: str, shape: tuple[int, ...], output_size: Size) -> tuple[int, ...]:
    axes = len(shape) - 2
    asked: tuple[int | None, ...]
    asked = tuple(output_size) if isinstance(output_size, Sequence) else (output_size,) * axes
    if len(asked) != axes or any(m is not None and m < 1 for m in asked):
        raise ValueError(f"{name}: expected an output_size of {axes} ints from 1 on (or None), got {output_size!r}")
    if 0 in shape[2:]:
        raise ShapeError(f"{name}: an input of shape {shape} has no elements to pool")
    return tuple([n if m is None else m for n, m in zip(shape[2:], asked, strict=True)])


def _edges(n: int, m: int) -> list[tuple[int, int]]:
    return [(i * n // m, -(-(i + 1) * n // m)) for i in range(m)]


def _averaging(n: int, m: int, like: Tensor) -> Tensor:
    """The matrix (n, m) that a row of n elements of ``like`` is multiplied by to become its m averages."""
    weights = np.zeros((n, m), like.dtype.host)
    for i, (first, last) in enumerate(_edges(n, m)):
        weights[first:last, i] = 1 / (last - first)
    return leaf(backend.at(like.array).from_host(weights, like.dtype))


def _adaptive_avg_pool(name: str, axes: int, input: Tensor, output_size: Size) -> Tensor:
    input, added = batched(name, input, axes)
    if input.dtype.kind != "float":
        raise TypeError(f"{name}: expected a floating input, got {input.dtype}; convert it with .float()")
    shape = shape_of(name, input)
    targets = _targets(name, shape, output_size)
    if all(n % m == 0 for n, m in zip(shape[2:], targets, strict=True)):
        kernel = tuple([n // m for n, m in zip(shape[2:], targets, strict=True)])
        none = evenly((0,) * axes)
        y = pool_average(input, kernel=kernel, stride=kernel, padding=none, counted=none, divisor=None)
    else:
        y = weighted_sum(input, _averaging(shape[-1], targets[-1], input))
        if axes == 2:
            y = weighted_sum(mT(_averaging(shape[2], targets[0], input)), y)
    return y[0] if added else y


def adaptive_avg_pool1d(input: Tensor, output_size: Size) -> Tensor:
    """The averages of ``output_size`` windows that cover the last axis; see :func:`adaptive_avg_pool2d`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.adaptive_avg_pool1d(tp.tensor([[1.0, 3.0, 5.0]]), 2)
    tensor([[2., 4.]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: Size) -> Tensor:
    """The averages of ``output_size`` windows that cover each plane.

    Of n elements along an axis, window i of m takes ``floor(i * n / m)`` to ``ceil((i + 1) * n / m)``.

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (C, H, W)
    output_size : int or (int, int)
        How many windows along each axis; None: as many as elements.

    Returns
    -------
    Tensor (N, C, *output_size)

    Raises
    ------
    RuntimeError
        For an input without elements.
    TypeError
        For an input that is not floating.
    ValueError
        For an output size that is not positive.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.adaptive_avg_pool2d(tp.tensor([[[1.0, 2.0], [4.0, 3.0]]]), (1, None))
    tensor([[[2.5, 2.5]]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool2d", 2, input, output_size)


def _places(n: int, m: int) -> tuple[int, list[int]]:
    """The longest window's length, and the elements of all m, shorter ones with their last element again."""
    edges = _edges(n, m)
    size = max(last - first for first, last in edges)
    return size, [min(first + i, last - 1) for first, last in edges for i in range(size)]


def _adaptive_max_pool(name: str, axes: int, input: Tensor, output_size: Size, return_indices: bool) -> Any:
    input, added = batched(name, input, axes)
    shape = shape_of(name, input)
    found = [_places(n, m) for n, m in zip(shape[2:], _targets(name, shape, output_size), strict=True)]
    kernel, places = tuple([size for size, _ in found]), [along for _, along in found]
    stretched = input
    for axis, (n, along) in enumerate(zip(shape[2:], places, strict=True), 2):
        stretched = stretched if along == list(range(n)) else index_select(stretched, axis, along)
    y, indices = pool_max(stretched, kernel=kernel, stride=kernel, padding=evenly((0,) * axes), dilation=(1,) * axes)
    if stretched is not input:
        table = np.asarray(places[-1])
        if axes == 2:
            table = np.asarray(places[0])[:, None] * shape[-1] + table
        indices = take(index_tensor(name, table.reshape(-1).tolist(), indices), indices)
    if added:
        y, indices = y[0], indices[0]
    return (y, indices) if return_indices else y


def adaptive_max_pool1d(input: Tensor, output_size: Size, return_indices: bool = False) -> Any:
    """The largest elements of ``output_size`` windows that cover the last axis; see :func:`adaptive_max_pool2d`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.adaptive_max_pool1d(tp.tensor([[1.0, 3.0, 5.0]]), 2)
    tensor([[3., 5.]])
    """
    return _adaptive_max_pool("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Size, return_indices: bool = False) -> Any:
    """The largest elements of ``output_size`` windows that cover each plane.

    The windows are those of :func:`adaptive_avg_pool2d`, the indices those of :func:`max_pool2d`.

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (C, H, W)
    output_size : int or (int, int)
        How many windows along each axis; None: as many as elements.
    return_indices : bool, default False
        Also return where the elements stand: int64, counted row by row in each plane.

    Raises
    ------
    RuntimeError
        For an input without elements.
    ValueError
        For an output size that is not positive.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.adaptive_max_pool2d(tp.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 1)
    tensor([[[4.]]])
    """
    return _adaptive_max_pool("adaptive_max_pool2d", 2, input, output_size, return_indices)
