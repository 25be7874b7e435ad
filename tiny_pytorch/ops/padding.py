"""Elements added around a tensor."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import ShapeError, op
from .gathering import index_select
from .operands import shape_of, sizes

__all__ = ["pad"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops


@op(name="pad")
def _pad(k: K, x: Array, *, widths: tuple[tuple[int, int], ...], value: float) -> Array:
    # A negative width cuts off.
    for axis, (before, after) in enumerate(widths):
        n = x.shape[axis]
        if before < 0 or after < 0:
            x = k.index(x, index=(*(slice(None),) * axis, slice(max(-before, 0), n - max(-after, 0)), ...))
        blocks = [x]
        if before > 0:
            blocks.insert(0, k.xp.full((*x.shape[:axis], before, *x.shape[axis + 1 :]), value, dtype=x.dtype))
        if after > 0:
            blocks.append(k.xp.full((*x.shape[:axis], after, *x.shape[axis + 1 :]), value, dtype=x.dtype))
        x = k.xp.concat(blocks, axis=axis) if len(blocks) > 1 else x
    joined = any(n > 0 for pair in widths for n in pair)
    return x if joined else k.copy(x)  # else it is the input, or a view of it


@_pad.gradient
def _(k: K, g: Array, saved: Any, widths: tuple[tuple[int, int], ...], value: float) -> tuple:
    return (_pad.forward(k, g, widths=tuple([(-before, -after) for before, after in widths]), value=0),)


def _source_places(mode: str, n: int, before: int, after: int) -> list[int]:
    """Which element of an axis of size n stands at each place of the padded axis."""
    places = range(-before, n + after)
    if mode == "replicate":
        return [min(max(i, 0), n - 1) for i in places]
    if mode == "circular":
        return [i % n for i in places]
    return [n - 1 - abs(n - 1 - abs(i)) for i in places]


def pad(input: Tensor, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """``input`` with elements added around it.

    Parameters
    ----------
    input : Tensor
    pad : sequence of ints
        (before, after) of the last axis, then of the one before it, ... Negative numbers cut off.
    mode : {"constant", "reflect", "replicate", "circular"}
        What is added: ``value``; the mirror image without the edge itself; the edge; the other end.
    value : float, default 0

    Raises
    ------
    ValueError
        An unknown mode, or an odd number of widths.
    RuntimeError
        More widths than axes, or a mirror image or another end that is too short.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.pad(tp.tensor([1.0, 2.0, 3.0]), (1, 2), mode="reflect")
    tensor([2., 1., 2., 3., 2., 1.])
    """
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise ValueError(f"pad: mode must be 'constant', 'reflect', 'replicate' or 'circular', got {mode!r}")
    shape, widths = shape_of("pad", input), sizes("pad", tuple(pad))
    if len(widths) % 2:
        raise ValueError(f"pad: expected pairs of widths, got {len(widths)} numbers: {widths}")
    if len(widths) > 2 * len(shape):
        raise ShapeError(
            f"pad: {len(widths) // 2} pairs of widths for a tensor of shape {shape}; expected at most {len(shape)}"
        )
    pairs = [(0, 0)] * (len(shape) - len(widths) // 2) + list(zip(widths[-2::-2], widths[::-2], strict=True))
    for n, (before, after) in zip(shape, pairs, strict=True):
        if min(before, 0) + min(after, 0) + n < 0:
            raise ShapeError(f"pad: widths {before, after} cut more than the {n} elements of an axis of shape {shape}")
        limit = {"reflect": n - 1, "circular": n, "replicate": math.inf if n else 0}.get(mode, math.inf)
        if max(before, after) > limit:
            raise ShapeError(
                f"pad: mode {mode!r} can add at most {max(limit, 0)} elements at each end of an axis of "
                f"size {n}, got {before, after}"
            )
    if mode == "constant":
        return _pad(input, widths=tuple(pairs), value=0 if value is None else value)
    for axis, (n, (before, after)) in enumerate(zip(shape, pairs, strict=True)):
        if before or after:
            input = index_select(input, axis, _source_places(mode, n, before, after))
    return input
