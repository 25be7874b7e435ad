"""The affine map of layers: products by cuBLAS, bias and its gradient by kernels of our own."""

from __future__ import annotations

import math
from typing import Any

import cupy

from .elementwise import relu, relu_grad
from .launch import blocks_for, launch, plain

__all__ = ["column_grid", "linear", "linear_grad", "linear_relu", "linear_relu_grad", "sum_columns"]

Array = Any
ROWS_OF_A_BLOCK = 512


def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    return _affine(x, weight, bias, "add_bias")


def linear_relu(x: Array, weight: Array, bias: Array | None) -> Array:
    y = _affine(x, weight, bias, "add_bias_relu")
    return relu(y) if bias is None and y is not NotImplemented else y


def _affine(x: Array, weight: Array, bias: Array | None, add: str) -> Array:
    dtype = plain(x, weight, bias)
    if dtype is None or weight.ndim != 2 or x.ndim < 1 or x.shape[-1] != weight.shape[1]:
        return NotImplemented
    if bias is not None and bias.shape != weight.shape[:1]:
        return NotImplemented
    out = weight.shape[0]
    y = cupy.matmul(x.reshape(-1, x.shape[-1]), weight.T)  # one product, whatever the leading axes
    if bias is not None:
        launch("linalg", add, dtype, *blocks_for(y.size), y, bias, out, y.size)
    return y.reshape(*x.shape[:-1], out)


def linear_grad(
    g: Array, x: Array, weight: Array, needs: tuple[bool, bool, bool]
) -> tuple[Array | None, Array | None, Array | None]:
    dtype = plain(g, x if needs[1] else None, weight if needs[0] else None)
    if dtype is None or g.ndim < 1:
        return NotImplemented
    rows, out = math.prod(g.shape[:-1]), g.shape[-1]
    flat = g.reshape(rows, out)
    gx = gw = None
    if needs[0]:
        if weight.ndim != 2 or weight.shape[0] != out:
            return NotImplemented
        gx = cupy.matmul(flat, weight).reshape(*g.shape[:-1], weight.shape[1])
    if needs[1]:
        if x.shape[:-1] != g.shape[:-1]:
            return NotImplemented
        gw = cupy.matmul(flat.T, x.reshape(rows, x.shape[-1]))
    return gx, gw, sum_columns(flat, dtype) if needs[2] else None


def linear_relu_grad(
    g: Array, y: Array, x: Array, weight: Array, needs: tuple[bool, bool, bool]
) -> tuple[Array | None, Array | None, Array | None]:
    passed = relu_grad(g, y)
    return NotImplemented if passed is NotImplemented else linear_grad(passed, x, weight, needs)


def column_grid(rows: int, columns: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Grid and block of the kernels that sum columns; the grid's second number is that of partial sums."""
    return (-(-columns // 32), min(64, -(-rows // ROWS_OF_A_BLOCK))), (32, 8)


def sum_columns(x: Array, dtype: str) -> Array:
    """The sum over the first axis of a contiguous matrix."""
    rows, columns = x.shape
    grid, block = column_grid(rows, columns)
    parts = grid[1]
    out = cupy.empty((columns,) if parts == 1 else (parts, columns), x.dtype)
    launch("linalg", "column_sum", dtype, grid, block, x, out, rows, columns)
    return out if parts == 1 else sum_columns(out, dtype)
