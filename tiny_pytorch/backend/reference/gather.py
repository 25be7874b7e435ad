"""``x[index]`` for every index that NumPy knows, its adjoint, and its assignment.

An index is a tuple of integers, slices, ``None``, ``...`` and integer arrays. It travels in two parts:
``index``, the tuple with ``ARRAY`` in the place of each array, and the arrays, in order. (Masks are integer
arrays by then.)
"""

from __future__ import annotations

import math

from ..crossing import waits
from . import indexing as _indexing
from .arrays import write as _write

__all__ = ["index", "index_add", "index_put", "index_write"]

ARRAY = "array"  # stands in an index for the next integer array


def index(xp, x, *arrays, index):
    """``x[index]``: without arrays a view where the library has views, else a copy."""
    if not arrays:
        return x[_within(x.shape, index)]
    places = _places(xp, x.shape, arrays, index)
    taken = xp.take(xp.reshape(x, (-1,)), xp.reshape(places, (-1,)), axis=0)
    return xp.reshape(taken, places.shape)


def index_add(xp, g, *arrays, index, shape):
    """Zeros of ``shape`` with ``g`` added at the index (duplicates accumulate): the adjoint of indexing."""
    places = xp.reshape(_places(xp, shape, arrays, index), (-1,))
    zeros = xp.zeros((math.prod(shape),), dtype=g.dtype)
    return xp.reshape(_indexing.scatter_add(xp, zeros, places, xp.reshape(g, (-1,))), shape)


def index_put(xp, x, value, *arrays, index):
    """A copy of ``x`` in which ``x[index] = value`` (an array that broadcasts, or a number) was done.

    Of several values for one element the last one stays.
    """
    places = _places(xp, x.shape, arrays, index)
    value = xp.asarray(value, dtype=x.dtype) if isinstance(value, (bool, int, float)) else xp.astype(value, x.dtype)
    extra = len(value.shape) - len(places.shape)
    if extra > 0 and all(n == 1 for n in value.shape[:extra]):
        value = xp.reshape(value, value.shape[extra:])
    value = xp.reshape(xp.broadcast_to(value, places.shape), (-1,))
    if 0 in places.shape:
        return xp.asarray(x, copy=True)
    places = xp.reshape(places, (-1,))
    order = xp.argsort(places, stable=True)
    key = xp.take(places, order, axis=0)
    every = xp.arange(math.prod(x.shape))
    last = xp.searchsorted(key, every, side="right") - 1
    found = xp.maximum(last, 0)
    written = (last >= 0) & (xp.take(key, found, axis=0) == every)
    new = xp.take(xp.take(value, order, axis=0), found, axis=0)
    return xp.where(xp.reshape(written, x.shape), xp.reshape(new, x.shape), x)


def index_write(xp, x, value, *arrays, index):
    """``x`` after ``x[index] = value``: the same memory where the library can."""
    return _write(xp, x, index_put(xp, x, value, *arrays, index=index))


def _complete(shape, index):
    """The index with the slices that its ``...`` stands for, and for each entry where it stood."""
    used = sum(e is not None and e is not Ellipsis for e in index)
    if used > len(shape):
        raise IndexError(f"too many indices: {used} for an array of {len(shape)} dimensions")
    if sum(e is Ellipsis for e in index) > 1:
        raise IndexError("an index can contain only one '...'")
    if not any(e is Ellipsis for e in index):
        index = (*index, Ellipsis)
    entries = []
    for at, entry in enumerate(index):
        if entry is Ellipsis:
            entries += [(at, slice(None))] * (len(shape) - used)
        else:
            entries.append((at, entry))
    return entries


def _within(shape, index):
    """The basic index with every slice cut to the array: the standard promises nothing beyond the ends.

    It ends with an ellipsis, so that NumPy's kin give a 0-d view and no number.
    """
    entries, axis = [], 0
    for _, entry in _complete(shape, index):
        if entry is not None:
            if isinstance(entry, slice):
                start, stop, step = entry.indices(shape[axis])
                empty = len(range(start, stop, step)) == 0
                entry = slice(0, 0) if empty else slice(start, None if stop < 0 else stop, step)
            else:
                _check(entry, entry, axis, shape[axis])
            axis += 1
        entries.append(entry)
    return *entries, ...


def _check(low, high, axis, n):
    if low < -n or high >= n:
        raise IndexError(f"index {low if low < -n else high} is out of range for axis {axis} with size {n}")


def _places(xp, shape, arrays, index):
    """The position in the flattened array of every element of ``x[index]``, in its shape.

    Each axis contributes its coordinate times its stride: a slice along an axis of its own, integer arrays
    along axes that they share by broadcasting. Those stand where the first array stood, or in front if
    something stood between the arrays.
    """
    following = iter(arrays)
    own, shared, stood, first = [], xp.asarray(0, dtype=xp.int64), [], 0
    axis = 0
    for at, entry in _complete(shape, index):
        if entry is None:
            own.append(xp.arange(1))
            continue
        n, stride = shape[axis], math.prod(shape[axis + 1 :])
        if isinstance(entry, slice):
            own.append(stride * xp.arange(*entry.indices(n)))
        else:
            where = next(following) if entry is ARRAY else xp.asarray(entry, dtype=xp.int64)
            if 0 not in where.shape:
                waits(where)
                _check(int(xp.min(where)), int(xp.max(where)), axis, n)
            shared = shared + stride * xp.where(where < 0, where + n, where)
            first = first if stood else len(own)
            stood.append(at)
        axis += 1
    if stood and stood[-1] - stood[0] >= len(stood):
        first = 0
    block = len(shared.shape)
    places = xp.reshape(shared, (1,) * first + shared.shape + (1,) * (len(own) - first))
    for i, coordinates in enumerate(own):
        at = i if i < first else i + block
        places = places + xp.reshape(coordinates, (1,) * at + (-1,) + (1,) * (len(own) + block - at - 1))
    return places
