"""The same elements in another shape, order or company. Gradients flow through all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from .convert import Tensor, array, raw, tensors

__all__ = [
    "broadcast_arrays", "broadcast_to", "concat", "expand_dims", "flip", "moveaxis", "permute_dims",
    "repeat", "reshape", "roll", "squeeze", "stack", "tile", "unstack",
]  # fmt: skip


def broadcast_arrays(*arrays: Tensor) -> tuple[Tensor, ...]:
    """The arrays in the shape that they have together."""
    return tuple(ops.broadcast_tensors(*(array(x) for x in arrays)))


def broadcast_to(x: Tensor, /, shape: tuple[int, ...]) -> Tensor:
    """``x`` with new axes in front and axes of size 1 stretched, to ``shape``."""
    return ops.broadcast_to(array(x), shape)


def concat(arrays: Sequence[Tensor], /, *, axis: int | None = 0) -> Tensor:
    """The arrays one after another along ``axis``; with None, of all their elements in a row."""
    found = tensors(*arrays)
    if axis is None:
        found, axis = tuple(ops.reshape(x, (-1,)) for x in found), 0
    return ops.cat(found, axis)


def expand_dims(x: Tensor, /, axis: int = 0) -> Tensor:
    """``x`` with a new axis of size 1 that becomes axis number ``axis``."""
    return ops.unsqueeze(array(x), axis)


def flip(x: Tensor, /, *, axis: Any = None) -> Tensor:
    """``x`` backwards along axes; None: all."""
    x = array(x)
    return ops.flip(x, tuple(range(len(x.shape))) if axis is None else axis)


def moveaxis(x: Tensor, source: Any, destination: Any, /) -> Tensor:
    """``x`` with axes moved to other places, the others in their order."""
    return ops.movedim(array(x), source, destination)


def permute_dims(x: Tensor, /, axes: tuple[int, ...]) -> Tensor:
    """``x`` with its axes in another order."""
    return ops.permute(array(x), axes)


def repeat(x: Tensor, repeats: Any, /, *, axis: int | None = None) -> Tensor:
    """Each element (or each slice along ``axis``) ``repeats`` times; None: of all elements in a row."""
    return ops.repeat_interleave(array(x), raw(repeats), axis)


def reshape(x: Tensor, /, shape: tuple[int, ...], *, copy: bool | None = None) -> Tensor:
    """``x``'s elements, in row-major order, in another shape. Memory is shared where it can be.

    ``copy=True`` never shares it; ``copy=False`` raises a ValueError where it cannot.
    """
    x = array(x)
    result = ops.reshape(x, tuple(shape))
    if copy is None:
        return result
    shared = result._view is not None
    if copy:
        return ops.clone(result) if shared else result
    if not shared:
        raise ValueError(f"reshape: {tuple(x.shape)} needs a copy to become {tuple(shape)}, and copy=False forbids it")
    return result


def roll(x: Tensor, /, shift: Any, *, axis: Any = None) -> Tensor:
    """``x`` moved along axes, what leaves at one end coming back at the other; None: of all elements in a row."""
    if isinstance(shift, int) and isinstance(axis, tuple):
        shift = (shift,) * len(axis)
    return ops.roll(array(x), shift, axis)


def squeeze(x: Tensor, /, axis: Any) -> Tensor:
    """``x`` without the given axes, which must have size 1."""
    x = array(x)
    for one in (axis,) if isinstance(axis, int) else axis:
        if x.shape[one] != 1:
            raise ValueError(
                f"squeeze: axis {one} of an array of shape {tuple(x.shape)} has size {x.shape[one]}, not 1"
            )
    return ops.squeeze(x, axis)


def stack(arrays: Sequence[Tensor], /, *, axis: int = 0) -> Tensor:
    """The arrays, of one shape, along a new axis."""
    return ops.stack(tensors(*arrays), axis)


def tile(x: Tensor, repetitions: tuple[int, ...], /) -> Tensor:
    """``x`` repeated as a whole, ``repetitions`` times along each axis."""
    return ops.tile(array(x), repetitions)


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices of ``x`` along ``axis``."""
    return tuple(ops.unbind(array(x), axis))
