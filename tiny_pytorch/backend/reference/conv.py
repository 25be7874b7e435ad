"""Convolution over the last axes, of one dimension or several: a matrix product with the windows' elements."""

from __future__ import annotations

import math

from . import elementwise as _elementwise
from . import windows as _windows

__all__ = ["conv", "conv_grad", "conv_relu", "conv_relu_grad"]


def conv(xp, x, weight, bias, stride, padding, dilation, groups):
    """``y[n, o] = bias[o] + sum over c, k of weight[o, c, k] * window[n, c, k]``, a cross-correlation.

    x (N, C, *S), weight (O, C / groups, *kernel), bias (O,) or None; ``stride`` and ``dilation`` an int, ``padding``
    a pair (before, after) for each axis of S. Of each of ``groups`` equal parts of the channels, in and out, the
    one sees only the other.
    """
    kernel = weight.shape[2:]
    places = _windows.extents(x.shape[2:], kernel, stride, padding, dilation)
    columns = _columns(xp, x, kernel, stride, padding, dilation, groups)
    y = xp.matmul(_matrices(xp, weight, groups), columns)
    y = xp.reshape(y, (x.shape[0], weight.shape[0], *places))
    return y if bias is None else y + xp.reshape(bias, (1, -1) + (1,) * len(kernel))


def conv_grad(xp, g, x, weight, shape, stride, padding, dilation, groups, needs):
    """``(gx, gw, gb)``, the gradients of `conv` for an x of ``shape``.

    gx adds up ``weight.T @ g`` over the windows, gw is ``g`` times the windows' elements, gb is the sum of g. x may be
    None where gw is not needed.
    """
    kernel = weight.shape[2:]
    n, out = g.shape[:2]
    flat = xp.reshape(g, (n, groups, out // groups, math.prod(g.shape[2:])))
    gx = gw = gb = None
    if needs[0]:
        columns = xp.matmul(xp.matrix_transpose(_matrices(xp, weight, groups)), flat)
        columns = xp.reshape(columns, (n, shape[1], math.prod(kernel), *g.shape[2:]))
        sizes = [size + before + after for size, (before, after) in zip(shape[2:], padding, strict=True)]
        gx = _windows.overlap(xp, columns, (*shape[:2], *sizes), kernel, stride, dilation)
        gx = _windows.padded(xp, gx, [(-before, -after) for before, after in padding])
    if needs[1]:
        columns = _columns(xp, x, kernel, stride, padding, dilation, groups)
        gw = xp.sum(xp.matmul(flat, xp.matrix_transpose(columns)), axis=0)
        gw = xp.reshape(gw, weight.shape)
    if needs[2]:
        gb = xp.sum(g, axis=(0, *range(2, len(g.shape))))
    return gx, gw, gb


def conv_relu(xp, x, weight, bias, stride, padding, dilation, groups):
    """``y = max(conv(...), 0)``, as `conv` and then relu."""
    return _elementwise.relu(xp, conv(xp, x, weight, bias, stride, padding, dilation, groups))


def conv_relu_grad(xp, g, y, x, weight, shape, stride, padding, dilation, groups, needs):
    """The gradients of `conv_relu` from its result ``y``: those of `conv` for ``g`` where ``y > 0``."""
    g = _elementwise.relu_grad(xp, g, y)
    return conv_grad(xp, g, x, weight, shape, stride, padding, dilation, groups, needs)


def _columns(xp, x, kernel, stride, padding, dilation, groups):
    """The elements of each window as a column: (N, groups, C / groups * K, windows)."""
    found = _windows.windows(xp, _windows.padded(xp, x, padding), kernel, stride, dilation)
    n, channels, size = found.shape[:3]
    return xp.reshape(found, (n, groups, channels // groups * size, math.prod(found.shape[3:])))


def _matrices(xp, weight, groups):
    """The weight as one matrix for each group: (groups, O / groups, C / groups * K)."""
    return xp.reshape(weight, (groups, weight.shape[0] // groups, math.prod(weight.shape[1:])))
