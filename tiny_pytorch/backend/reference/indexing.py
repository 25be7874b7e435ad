"""Rows by integer index: taking, adding into, and the check that indices are in range; and diagonals."""

from __future__ import annotations

from ..crossing import waits

__all__ = ["check_indices", "diagonal", "scatter_add", "scatter_rows", "take"]


def check_indices(xp, index, size):
    """None if every element of the integer array ``index`` lies in 0..size-1, else IndexError."""
    if 0 in index.shape:
        return
    waits(index)
    low, high = int(xp.min(index)), int(xp.max(index))
    if low < 0 or high >= size:
        allowed = f"expected 0 to {size - 1}" if size else "nothing can be indexed"
        raise IndexError(f"index {low if low < 0 else high} is out of range for size {size}: {allowed}")


def take(xp, x, index, axis):
    """``x`` at the integer ``index`` along ``axis``, which the axes of ``index`` replace.

    An index outside 0..n-1: IndexError.
    """
    axis = axis % len(x.shape)
    index = xp.asarray(index)
    check_indices(xp, index, x.shape[axis])
    taken = xp.take(x, xp.reshape(index, (-1,)), axis=axis)
    return xp.reshape(taken, x.shape[:axis] + index.shape + x.shape[axis + 1 :])


def scatter_add(xp, x, index, source):
    """``y[index[j]] += source[j]`` for every j, starting from ``y = x``; duplicates accumulate.

    x (n, ...), index (m,), source (m, ...). An index outside 0..n-1: IndexError.

    The standard has no scatter. So: bring equal indices together, add each run of them up by doubling (a sum
    in log2(m) steps, where nothing crosses from one run into the next), and read every row's total at its
    run's end.
    """
    index = xp.asarray(index)
    rows, m = x.shape[0], index.shape[0]
    check_indices(xp, index, rows)
    if 0 in source.shape:
        return x + source if x.shape == source.shape else x
    order = xp.argsort(index, stable=True)
    key = xp.take(index, order, axis=0)
    total = xp.take(source, order, axis=0)
    step = 1
    while step < m:
        same = _as_column(xp, key[step:] == key[:-step], x)
        longer = total[step:, ...] + xp.where(same, total[:-step, ...], 0)
        total = xp.concat([total[:step, ...], longer], axis=0)
        step *= 2
    row = xp.astype(xp.arange(rows), key.dtype)
    end = xp.searchsorted(key, row, side="right") - 1
    last = xp.maximum(end, 0)
    present = (end >= 0) & (xp.take(key, last, axis=0) == row)
    return x + xp.where(_as_column(xp, present, x), xp.take(total, last, axis=0), 0)


def scatter_rows(xp, source, index, rows, skip):
    """``y[index[j]] += source[j]`` for every j, starting from ``rows`` rows of zeros: the adjoint of ``take``.

    index (...), source (..., *row). An index equal to ``skip`` (or None) adds nothing; one outside
    0..rows-1: IndexError.
    """
    index = xp.asarray(index)
    flat = xp.reshape(index, (-1,))
    row = tuple(source.shape[len(index.shape) :])
    source = xp.reshape(source, (*flat.shape, *row))
    if skip is not None:
        source = xp.where(_as_column(xp, flat == skip, source), 0.0, source)
    return scatter_add(xp, xp.zeros((rows, *row), dtype=source.dtype), flat, source)


def diagonal(xp, x, offset):
    """``y[..., i] = x[..., i, i + offset]`` (a negative offset counts downwards), a view if memory allows it.

    The standard has no strides, so here only a row-major x gives one; the libraries themselves can always.
    """
    *lead, n, m = x.shape
    row, column = max(-offset, 0), max(offset, 0)
    length = max(0, min(n - row, m - column))
    start = row * m + column if length else 0
    stop = start + (length - 1) * (m + 1) + 1 if length else 0
    return xp.reshape(x, (*lead, n * m))[..., start : stop : m + 1]


def _as_column(xp, mask, x):
    """A vector over the rows of x in the shape that broadcasts against x."""
    return xp.reshape(mask, (-1,) + (1,) * (len(x.shape) - 1))
