"""Matrix products, and the affine map that layers are made of."""

from __future__ import annotations

import math

from . import elementwise as _elementwise

__all__ = ["linear", "linear_grad", "linear_relu", "linear_relu_grad", "matmul"]


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


def linear_relu(xp, x, weight, bias):
    """``y = max(x @ weight.T + bias, 0)``, as :func:`linear` and then relu."""
    return _elementwise.relu(xp, linear(xp, x, weight, bias))


def linear_relu_grad(xp, g, y, x, weight, needs):
    """The gradients of :func:`linear_relu` from its result ``y``: those of linear for ``g`` where ``y > 0``."""
    return linear_grad(xp, _elementwise.relu_grad(xp, g, y), x, weight, needs)
