"""Signals and images of another size: the nearest element, or weights of those around."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import backend
from ..autograd import ShapeError, leaf, op
from .adaptive_pooling import adaptive_avg_pool1d, adaptive_avg_pool2d
from .gathering import index_select
from .linalg import weighted_sum
from .operands import shape_of
from .permutation import mT

__all__ = ["interpolate"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops

CUBIC = -0.75  # the slope parameter of the cubic; that of PyTorch, and of image libraries
_NEAREST = {"nearest": 0.0, "nearest-exact": 0.5}  # where in a result's place its point lies
_TAPS = {"linear": 1, "bilinear": 2, "bicubic": 2}  # how many axes each mode of weights has


def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """``input`` resampled to ``size``, or to ``floor(size of each axis * scale_factor)``.

    The i-th of m results along an axis of n elements stands at ``(i + 1/2) / s - 1/2``, where s is ``scale_factor`` or
    ``m / n``; with ``align_corners`` at ``i * (n - 1) / (m - 1)``.

    Parameters
    ----------
    input : Tensor (N, C, L) or (N, C, H, W)
    size : int or sequence of ints, optional
        Of the axes behind the channels.
    scale_factor : float or sequence of floats, optional
        Exactly one of it and ``size`` is given.
    mode : {"nearest", "nearest-exact", "linear", "bilinear", "bicubic", "area"}, default "nearest"
        "nearest" takes element ``floor(i / s)``, "nearest-exact" ``floor((i + 1/2) / s)``. "linear" is for three
        dimensions, "bilinear" and "bicubic" are for four. "area" averages, as ``adaptive_avg_pool2d`` does.
    align_corners : bool, optional
        Whether the outermost elements keep their places; of "linear", "bilinear" and "bicubic" only. None is False.
    recompute_scale_factor : bool, optional
        Whether s is ``m / n`` also where ``scale_factor`` is given.
    antialias : bool, default False
        Only False is supported.

    Raises
    ------
    ValueError
        For both or none of ``size`` and ``scale_factor``, an unknown mode, or one that does not know an option.
    RuntimeError
        For an input of other dimensions, without elements, or a result without.
    NotImplementedError
        For ``antialias=True``.

    References
    ----------
    "bicubic": R. Keys, "Cubic convolution interpolation for digital image processing", IEEE Transactions on Acoustics,
    Speech, and Signal Processing 29 (1981).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor([[[1.0, 3.0]]])
    >>> tp.nn.functional.interpolate(x, scale_factor=2)
    tensor([[[1., 1., 3., 3.]]])
    >>> tp.nn.functional.interpolate(x, size=3, mode="linear", align_corners=True)
    tensor([[[1., 2., 3.]]])
    """
    shape = shape_of("interpolate", input)
    axes = len(shape) - 2
    _check(shape, mode, align_corners)
    if antialias:
        raise NotImplementedError("interpolate: antialias=True is not here; average first, for example by avg_pool2d")
    targets, scales = _targets(shape[2:], size, scale_factor, recompute_scale_factor)
    if mode == "area":
        return (adaptive_avg_pool1d if axes == 1 else adaptive_avg_pool2d)(input, targets)
    if mode in _NEAREST:
        each = zip(shape[2:], targets, scales, strict=True)
        return _take_nearest(input, [_nearest(n, m, scale, _NEAREST[mode]) for n, m, scale in each])
    if input.dtype.kind != "float":
        raise TypeError(f"interpolate: mode {mode!r} expects a floating input, got {input.dtype}; convert it first")
    weights = _cubic if mode == "bicubic" else _linear
    xp = backend.at(input.array)
    made = [
        leaf(xp.from_host(_matrix(weights, n, m, scale, bool(align_corners)).astype(input.dtype.host), input.dtype))
        for n, m, scale in zip(shape[2:], targets, scales, strict=True)
    ]
    y = weighted_sum(input, made[-1])
    return weighted_sum(mT(made[0]), y) if axes == 2 else y


def _check(shape: tuple[int, ...], mode: str, align_corners: bool | None) -> None:
    if mode not in (*_NEAREST, *_TAPS, "area"):
        raise ValueError(
            "interpolate: mode must be 'nearest', 'nearest-exact', 'linear', 'bilinear', 'bicubic' or 'area', got "
            f"{mode!r}"
        )
    if align_corners is not None and mode not in _TAPS:
        raise ValueError(f"interpolate: align_corners is of 'linear', 'bilinear' and 'bicubic', not of {mode!r}")
    axes = _TAPS.get(mode)
    if len(shape) not in (3, 4) or axes not in (None, len(shape) - 2):
        expected = {None: "(N, C, L) or (N, C, H, W)", 1: "(N, C, L)", 2: "(N, C, H, W)"}[axes]
        raise ShapeError(f"interpolate: mode {mode!r} expects an input of shape {expected}, got {shape}")
    if 0 in shape[1:]:
        raise ShapeError(f"interpolate: an input of shape {shape} has no elements to take")


def _targets(
    sizes: tuple[int, ...], size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[tuple[int, ...], list[float]]:
    """The new sizes, and for each axis how far two results lie apart among its elements."""
    if (size is None) == (scale_factor is None):
        raise ValueError(f"interpolate: give either size or scale_factor, got {size!r} and {scale_factor!r}")
    given = size if scale_factor is None else scale_factor
    each = tuple(given) if isinstance(given, Sequence) else (given,) * len(sizes)
    if len(each) != len(sizes):
        raise ValueError(f"interpolate: expected one number for each of {len(sizes)} axes, got {given!r}")
    if scale_factor is None and recompute:
        raise ValueError("interpolate: recompute_scale_factor=True is for scale_factor, and size was given")
    targets = tuple([int(s) if scale_factor is None else math.floor(n * s) for n, s in zip(sizes, each, strict=True)])
    if min(targets) < 1:
        raise ShapeError(f"interpolate: axes of {sizes} elements would get {targets}; expected sizes from 1 on")
    if scale_factor is None or recompute:
        return targets, [n / m for n, m in zip(sizes, targets, strict=True)]
    return targets, [1.0 / s for s in each]


@functools.lru_cache
def _nearest(n: int, m: int, scale: float, offset: float) -> int | tuple[int, ...]:
    """Which of n elements each of m results takes; how often in a row, where that is the same for all of them."""
    # In single precision, as PyTorch: it decides which of two elements equally near is taken.
    points = np.floor((np.arange(m, dtype=np.float32) + np.float32(offset)) * np.float32(scale))
    places = np.minimum(points.astype(np.int64), n - 1)
    times, rest = divmod(m, n)
    return times if rest == 0 and (places == np.arange(m) // times).all() else tuple(places.tolist())


def _take_nearest(input: Tensor, found: list[int | tuple[int, ...]]) -> Tensor:
    """The elements that `_nearest` found, for each axis."""
    for axis, places in enumerate(found, 2):
        if isinstance(places, tuple):
            input = index_select(input, axis, list(places))
    times = tuple([places if isinstance(places, int) else 1 for places in found])
    return input if max(times) == 1 else _repeat(input, times=times)


@op(name="upsample_nearest")
def _repeat(k: K, x: Array, *, times: tuple[int, ...]) -> Array:
    """Each element of x (N, C, *S) so often in a row, along each axis of S."""
    for axis in reversed(range(len(times))):  # the short copies while there are few
        x = k.xp.repeat(x, times[axis], axis=2 + axis)
    return x


@_repeat.gradient
def _(k: K, g: Array, saved: Any, *, times: tuple[int, ...]) -> tuple:
    none = ((0, 0),) * len(times)
    return (k.avg_pool(g, times, times, none, none, 1),)  # sums of windows side by side


@functools.lru_cache
def _matrix(weights: Callable[..., Any], n: int, m: int, scale: float, align: bool) -> np.ndarray:
    """The matrix (n, m) that a row of n elements is multiplied by to become m."""
    i = np.arange(m)
    points = i * ((n - 1) / (m - 1) if m > 1 else 0.0) if align else (i + 0.5) * scale - 0.5
    matrix = np.zeros((n, m))
    for places, share in weights(points, n):
        np.add.at(matrix, (np.clip(places, 0, n - 1), i), share)
    matrix.flags.writeable = False  # it is kept
    return matrix


def _linear(points: np.ndarray, n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    points = np.clip(points, 0.0, n - 1.0)
    before = np.floor(points).astype(np.int64)
    return [(before, 1.0 - (points - before)), (before + 1, points - before)]


def _cubic(points: np.ndarray, n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    before = np.floor(points).astype(np.int64)

    def share(distance: np.ndarray) -> np.ndarray:
        d = np.abs(distance)
        near = ((CUBIC + 2.0) * d - (CUBIC + 3.0)) * d * d + 1.0
        far = ((CUBIC * d - 5.0 * CUBIC) * d + 8.0 * CUBIC) * d - 4.0 * CUBIC
        return np.where(d <= 1.0, near, far)

    return [(before + k, share(points - (before + k))) for k in (-1, 0, 1, 2)]
