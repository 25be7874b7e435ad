"""Matrix products, and the affine map that layers are made of."""

from __future__ import annotations

import math

__all__ = ["linear", "linear_grad", "matmul"]


def matmul(xp, a, b):
    """``a @ b``: matrices in the last two axes, the others broadcast; a 1-D operand is a vector."""
    return xp.matmul(a, b)


def linear(xp, x, weight, bias):
    """``y = x @ weight.T + bias``;  x (..., in), weight (out, in), bias (out,) or None."""
    y = xp.matmul(x, xp.matrix_transpose(weight))
    return y if bias is None else y + bias


def linear_grad(xp, g, x, weight, needs):
    """``gx = g @ weight``, ``gw = g.T @ x`` and ``gb = sum of g``, over all leading axes of g (..., out)."""
    rows = math.prod(g.shape[:-1])
    flat = xp.reshape(g, (rows, g.shape[-1]))
    gx = xp.matmul(g, weight) if needs[0] else None
    gw = xp.matmul(xp.matrix_transpose(flat), xp.reshape(x, (rows, x.shape[-1]))) if needs[1] else None
    gb = xp.sum(flat, axis=0) if needs[2] else None
    return gx, gw, gb
