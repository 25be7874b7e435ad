"""Normalised exponentials, the cross-entropy over them, and normalisation layers."""

from __future__ import annotations

import math
from typing import Any

import cupy

from . import faults
from .launch import THREADS, launch, plain, teams_for
from .linalg import column_grid, sum_columns

__all__ = [
    "batch_norm",
    "batch_norm_grad",
    "cross_entropy",
    "layer_norm",
    "layer_norm_grad",
    "log_softmax",
    "log_softmax_grad",
    "softmax",
    "softmax_grad",
]

Array = Any
ONE_BLOCK = 16384  # logits up to which one block computes a whole cross-entropy


def softmax(x: Array, axis: int) -> Array:
    return _along("softmax", axis, x)


def softmax_grad(g: Array, y: Array, axis: int) -> Array:
    return _along("softmax_grad", axis, g, y)


def log_softmax(x: Array, axis: int) -> Array:
    return _along("log_softmax", axis, x)


def log_softmax_grad(g: Array, y: Array, axis: int) -> Array:
    return _along("log_softmax_grad", axis, g, y)


def _along(kernel: str, axis: int, *inputs: Array) -> Array:
    dtype = plain(*inputs)
    if dtype is None:
        return NotImplemented
    shape = inputs[0].shape
    if any(a.shape != shape for a in inputs) or not -len(shape) <= axis < len(shape):
        return NotImplemented
    axis %= len(shape)
    n, inner = shape[axis], math.prod(shape[axis + 1 :])
    rows = inputs[0].size // n
    out = cupy.empty(shape, inputs[0].dtype)
    launch("softmax", kernel, dtype, *teams_for(rows, n), *inputs, out, rows, n, inner)
    return out


def cross_entropy(logits: Array, target: Array, reduction: str, ignore_index: int) -> tuple[Array, Array]:
    dtype = plain(logits)
    if dtype is None or logits.ndim != 2 or reduction not in ("none", "sum", "mean"):
        return NotImplemented
    if type(target) is not cupy.ndarray or target.shape != logits.shape[:1] or target.dtype.kind not in "iu":
        return NotImplemented
    rows, classes = logits.shape
    target = cupy.ascontiguousarray(target, dtype=cupy.int64)
    slope = cupy.empty(logits.shape, logits.dtype)
    each, mean = reduction == "none", reduction == "mean"
    loss = cupy.empty((rows,) if each else (), logits.dtype)
    sizes = (rows, classes, ignore_index)
    fault = faults.address()
    if logits.size <= ONE_BLOCK:
        results = (loss, None) if each else (None, loss)
        warps = min(32, rows)
        launch(
            "cross_entropy", "cross_entropy", dtype, (1,), (32, warps),
            logits, target, *results, slope, *sizes, int(mean), fault,
        )  # fmt: skip
    else:
        scale = cupy.empty((), logits.dtype) if mean else None
        losses = loss if each else cupy.empty((rows,), logits.dtype)
        one, block = (1,), (1024, 1)
        if mean:
            launch("cross_entropy", "cross_entropy_scale", dtype, one, block, target, scale, rows, ignore_index)
        grid = teams_for(rows, classes)
        launch("cross_entropy", "cross_entropy_rows", dtype, *grid, logits, target, scale, losses, slope, *sizes, fault)
        if not each:
            launch("cross_entropy", "cross_entropy_sum", dtype, one, block, losses, scale, loss, rows)
    faults.check()
    return loss, slope


def layer_norm(x: Array, weight: Array | None, bias: Array | None, axes: int, eps: float) -> tuple[Array, Array, Array]:
    dtype = plain(x, weight, bias)
    if dtype is None or not 1 <= axes <= x.ndim:
        return NotImplemented
    kept, reduced = x.shape[:-axes], x.shape[-axes:]
    if any(v is not None and v.shape != reduced for v in (weight, bias)):
        return NotImplemented
    n = math.prod(reduced)
    rows = x.size // n
    y = cupy.empty(x.shape, x.dtype)
    mean, rstd = (cupy.empty(kept + (1,) * axes, x.dtype) for _ in range(2))
    launch("norm", "layer_norm", dtype, *teams_for(rows, n), x, weight, bias, y, mean, rstd, float(eps), rows, n)
    return y, mean, rstd


def layer_norm_grad(
    g: Array, x: Array, weight: Array | None, mean: Array, rstd: Array, axes: int, needs: tuple[bool, bool, bool]
) -> tuple[Array | None, Array | None, Array | None]:
    dtype = plain(g, x, weight, mean, rstd)
    if dtype is None or g.shape != x.shape or not 1 <= axes <= x.ndim:
        return NotImplemented
    reduced = x.shape[-axes:]
    n = math.prod(reduced)
    rows = x.size // n
    if mean.size != rows or rstd.size != rows or (weight is not None and weight.shape != reduced):
        return NotImplemented
    gx = None
    if needs[0]:
        gx = cupy.empty(x.shape, x.dtype)
        launch("norm", "layer_norm_grad", dtype, *teams_for(rows, n), g, x, weight, mean, rstd, gx, rows, n)
    if not (needs[1] or needs[2]):
        return gx, None, None
    grid, block = column_grid(rows, n)
    parts = [cupy.empty((grid[1], n), x.dtype) if need else None for need in needs[1:]]
    launch("norm", "layer_norm_grad_affine", dtype, grid, block, g, x, mean, rstd, *parts, rows, n)
    gw, gb = (None if p is None else (p if grid[1] == 1 else sum_columns(p, dtype)).reshape(reduced) for p in parts)
    return gx, gw, gb


def batch_norm(x: Array, weight: Array | None, bias: Array | None, eps: float) -> tuple[Array, Array, Array, Array]:
    dtype = plain(x, weight, bias)
    if dtype is None or x.ndim < 2 or any(v is not None and v.shape != x.shape[1:2] for v in (weight, bias)):
        return NotImplemented
    y = cupy.empty(x.shape, x.dtype)
    mean, var, rstd = (cupy.empty(x.shape[1:2], x.dtype) for _ in range(3))
    grid, block, sizes = _channels(x)
    launch("norm", "batch_norm", dtype, grid, block, x, weight, bias, y, mean, var, rstd, float(eps), *sizes)
    return y, mean, var, rstd


def batch_norm_grad(
    g: Array, x: Array, weight: Array | None, mean: Array, rstd: Array, needs: tuple[bool, bool, bool]
) -> tuple[Array | None, Array | None, Array | None]:
    dtype = plain(g, x, weight, mean, rstd)
    if dtype is None or x.ndim < 2 or g.shape != x.shape:
        return NotImplemented
    channels = x.shape[1:2]
    if any(v is not None and v.shape != channels for v in (weight, mean, rstd)):
        return NotImplemented
    shapes = (x.shape, channels, channels)
    results = [cupy.empty(s, x.dtype) if need else None for s, need in zip(shapes, needs, strict=True)]
    grid, block, sizes = _channels(x)
    launch("norm", "batch_norm_grad", dtype, grid, block, g, x, weight, mean, rstd, *results, *sizes)
    return results[0], results[1], results[2]


def _channels(x: Array) -> tuple[tuple[int], tuple[int, int], tuple[int, int, int]]:
    """Grid and block, a block for each channel, and x's shape as (batch, channels, inner)."""
    batch, channels = x.shape[:2]
    return (channels,), (THREADS, 1), (batch, channels, math.prod(x.shape[2:]))
