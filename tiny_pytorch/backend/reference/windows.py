"""Windows that slide over the last axes: what convolution and pooling read, and add into on the way back.

Arrays are (N, C, *S). ``kernel``, ``stride`` and ``dilation`` have one int for each axis of S, ``padding`` one
pair (before, after), where a negative width cuts off.
"""

from __future__ import annotations

import itertools

__all__ = ["extents", "overlap", "padded", "windows"]


def extents(shape, kernel, stride, padding, dilation):
    """How many places a window has along each axis: ``(n + padding - dilation * (kernel - 1) - 1) // stride + 1``."""
    axes = zip(shape, kernel, stride, padding, dilation, strict=True)
    return tuple([(n + before + after - d * (k - 1) - 1) // s + 1 for n, k, s, (before, after), d in axes])


def padded(xp, x, padding, value=0):
    """``x`` with ``value`` around it."""
    first = len(x.shape) - len(padding)
    for axis, (before, after) in enumerate(padding, first):
        n = x.shape[axis]
        if before < 0 or after < 0:
            x = x[(*[slice(None)] * axis, slice(max(-before, 0), n - max(-after, 0)), ...)]
        blocks = [_block(xp, x, axis, before, value), x, _block(xp, x, axis, after, value)]
        blocks = [block for block in blocks if block is not None]
        x = xp.concat(blocks, axis=axis) if len(blocks) > 1 else x
    return x


def windows(xp, x, kernel, stride, dilation):
    """``y[n, c, k, *place] = x[n, c, *(place * stride + offset[k] * dilation)]`` for all offsets k, row by row."""
    parts = []
    for offset in _offsets(kernel):
        places = []
        for n, size, s, d, o in zip(x.shape[2:], kernel, stride, dilation, offset, strict=True):
            last = (n - d * (size - 1) - 1) // s * s
            places.append(slice(o * d, o * d + last + 1, s))
        parts.append(x[(slice(None), slice(None), *places)])
    return xp.stack(parts, axis=2)


def overlap(xp, y, shape, kernel, stride, dilation):
    """The adjoint of `windows`: its result added up into zeros of ``shape`` (N, C, *S)."""
    total = xp.zeros(shape, dtype=y.dtype)
    for k, offset in enumerate(_offsets(kernel)):
        part = _spread(xp, y[:, :, k, ...], stride)
        around = [
            (o * d, n - o * d - m) for n, m, o, d in zip(shape[2:], part.shape[2:], offset, dilation, strict=True)
        ]
        total = total + padded(xp, part, around)
    return total


def _offsets(kernel):
    return itertools.product(*[range(k) for k in kernel])


def _block(xp, x, axis, width, value):
    if width <= 0:
        return None
    return xp.full((*x.shape[:axis], width, *x.shape[axis + 1 :]), value, dtype=x.dtype)


def _spread(xp, y, stride):
    """``y`` with ``stride - 1`` zeros between its elements along each axis."""
    for axis, s in enumerate(stride, 2):
        m = y.shape[axis]
        if s > 1:
            zeros = xp.zeros((*y.shape[: axis + 1], s - 1, *y.shape[axis + 1 :]), dtype=y.dtype)
            y = xp.concat([xp.expand_dims(y, axis=axis + 1), zeros], axis=axis + 1)
            y = xp.reshape(y, (*y.shape[:axis], m * s, *y.shape[axis + 2 :]))
            y = y[(*[slice(None)] * axis, slice(0, (m - 1) * s + 1), ...)]
    return y
