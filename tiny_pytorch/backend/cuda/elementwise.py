"""Activations and masks."""

from __future__ import annotations

from typing import Any

import cupy

from .launch import blocks_for, launch, plain

__all__ = [
    "erf",
    "gelu",
    "gelu_grad",
    "masked_scale",
    "relu",
    "relu_grad",
    "sigmoid",
    "silu",
    "silu_grad",
]

Array = Any


def relu(x: Array) -> Array:
    return _each("relu", x)


def relu_grad(g: Array, y: Array) -> Array:
    return _each_pair("relu_grad", g, y)


def sigmoid(x: Array) -> Array:
    return _each("sigmoid", x)


def erf(x: Array) -> Array:
    return _each("error_function", x)


def gelu(x: Array, approximate: str) -> Array:
    return _each("gelu", x, approximate == "tanh") if approximate in ("none", "tanh") else NotImplemented


def gelu_grad(g: Array, x: Array, approximate: str) -> Array:
    return _each_pair("gelu_grad", g, x, approximate == "tanh") if approximate in ("none", "tanh") else NotImplemented


def silu(x: Array) -> Array:
    return _each("silu", x)


def silu_grad(g: Array, x: Array) -> Array:
    return _each_pair("silu_grad", g, x)


def masked_scale(x: Array, mask: Array, scale: float) -> Array:
    dtype = plain(x)
    if dtype is None or mask.shape != x.shape or mask.dtype.char != "?" or not mask.flags.c_contiguous:
        return NotImplemented
    y = cupy.empty(x.shape, x.dtype)
    launch("elementwise", "masked_scale", dtype, *blocks_for(x.size), x, mask, y, float(scale), x.size)
    return y


def _each(kernel: str, x: Array, *switches: bool) -> Array:
    dtype = plain(x)
    if dtype is None:
        return NotImplemented
    y = cupy.empty(x.shape, x.dtype)
    launch("elementwise", kernel, dtype, *blocks_for(x.size), x, y, *map(int, switches), x.size)
    return y


def _each_pair(kernel: str, g: Array, x: Array, *switches: bool) -> Array:
    dtype = plain(g, x)
    if dtype is None or g.shape != x.shape:
        return NotImplemented
    y = cupy.empty(x.shape, x.dtype)
    launch("elementwise", kernel, dtype, *blocks_for(x.size), g, x, y, *map(int, switches), x.size)
    return y
