"""The largest element and the average of each window that slides over the last axes."""

from __future__ import annotations

import math

from . import indexing as _indexing
from . import windows as _windows

__all__ = ["avg_pool", "avg_pool_grad", "max_pool", "max_pool_grad"]


def max_pool(xp, x, kernel, stride, padding, dilation):
    """``(y, indices)``: the largest element of each window, NaN if there is one, and where it stands.

    x (N, C, *S). ``indices`` count the elements of S row by row; the first of equals is named. What is padded is no
    element.
    """
    sizes = x.shape[2:]
    found = _windows.windows(xp, _windows.padded(xp, x, padding, -math.inf), kernel, stride, dilation)
    y = xp.max(found, axis=2)
    places = xp.reshape(xp.arange(1, math.prod(sizes) + 1, dtype=xp.int64), (1, 1, *sizes))
    places = _windows.windows(xp, _windows.padded(xp, places, padding), kernel, stride, dilation)
    chosen = ((found == xp.expand_dims(y, axis=2)) | (found != found)) & (places > 0)
    first = xp.argmax(xp.astype(chosen, xp.int64), axis=2, keepdims=True)
    offsets = xp.reshape(xp.arange(found.shape[2]), (1, 1, -1) + (1,) * len(sizes))
    return y, xp.sum(xp.where(offsets == first, places - 1, 0), axis=2)


def max_pool_grad(xp, g, indices, shape):
    """Zeros of ``shape`` (N, C, *S) with ``g`` added at ``indices``: the gradient of `max_pool`."""
    planes, size = math.prod(shape[:2]), math.prod(shape[2:])
    start = xp.reshape(xp.arange(planes, dtype=xp.int64) * size, (*shape[:2], *[1] * (len(shape) - 2)))
    places = xp.reshape(indices + start, (math.prod(g.shape),))
    flat = _indexing.scatter_add(xp, xp.zeros((planes * size,), dtype=g.dtype), places, xp.reshape(g, places.shape))
    return xp.reshape(flat, shape)


def avg_pool(xp, x, kernel, stride, padding, counted, divisor):
    """``y = sum of each window / divisor``;  x (N, C, *S), zeros where it is padded.

    Without a ``divisor`` (None) it is how many places of the window lie on x widened by ``counted``, a pair of widths
    for each axis of S.
    """
    ones = (1,) * len(kernel)
    y = xp.sum(_windows.windows(xp, _windows.padded(xp, x, padding), kernel, stride, ones), axis=2)
    return y / _divisors(xp, x.dtype, x.shape[2:], kernel, stride, padding, counted, divisor)


def avg_pool_grad(xp, g, shape, kernel, stride, padding, counted, divisor):
    """``g / divisor`` added to every element of its window in zeros of ``shape``: the gradient of `avg_pool`."""
    g = g / _divisors(xp, g.dtype, shape[2:], kernel, stride, padding, counted, divisor)
    parts = xp.stack([g] * math.prod(kernel), axis=2)
    sizes = [n + before + after for n, (before, after) in zip(shape[2:], padding, strict=True)]
    gx = _windows.overlap(xp, parts, (*shape[:2], *sizes), kernel, stride, (1,) * len(kernel))
    return _windows.padded(xp, gx, [(-before, -after) for before, after in padding])


def _divisors(xp, dtype, sizes, kernel, stride, padding, counted, divisor):
    if divisor is not None:
        return divisor
    ones = (1,) * len(kernel)
    total = xp.ones(ones, dtype=dtype)
    places = _windows.extents(sizes, kernel, stride, padding, ones)
    for axis, (n, k, s, m) in enumerate(zip(sizes, kernel, stride, places, strict=True)):
        (start, _), (before, after) = padding[axis], counted[axis]
        firsts = [i * s - start for i in range(m)]
        counts = [min(first + k, n + after) - max(first, -before) for first in firsts]
        shape = tuple([m if a == axis else 1 for a in range(len(sizes))])
        total = total * xp.reshape(xp.asarray(counts, dtype=dtype), shape)
    return total
