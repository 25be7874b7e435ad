"""What convolution and pooling ask of their arguments: one int for each axis that the window slides over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd import ShapeError
from .operands import shape_of

__all__ = ["Pairs", "batched", "check_places", "each_axis", "evenly"]

Tensor = Any  # the class stands above the ops
Pairs = tuple[tuple[int, int], ...]


def each_axis(name: str, what: str, value: int | Sequence[int], axes: int, least: int) -> tuple[int, ...]:
    """One int for each of ``axes`` axes, from one for all or a sequence."""
    if type(value) is int and value >= least:  # the usual cases, in a fifth of the time
        return (value,) * axes
    if type(value) is tuple and len(value) == axes and {*map(type, value)} == {int} and min(value) >= least:
        return value
    found = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    found = found * axes if len(found) == 1 else found
    if len(found) != axes:
        raise ValueError(f"{name}: expected {what} to be an int or {axes} of them, got {value!r}")
    try:
        found = tuple([n.__index__() for n in found])
    except AttributeError:
        raise TypeError(f"{name}: expected {what} to be an int or {axes} of them, got {value!r}") from None
    if min(found) < least:
        raise ValueError(f"{name}: {what} must be at least {least}, got {value!r}")
    return found


def evenly(widths: tuple[int, ...]) -> Pairs:
    """The same padding before and after."""
    return tuple([(n, n) for n in widths])


def batched(name: str, input: Tensor, axes: int) -> tuple[Tensor, bool]:
    """The input as (N, C, *S), and whether an axis had to be added in front."""
    shape = shape_of(name, input)
    if len(shape) == axes + 2:
        return input, False
    if len(shape) != axes + 1:
        sizes = "(N, C, L) or (C, L)" if axes == 1 else "(N, C, H, W) or (C, H, W)"
        raise ShapeError(f"{name}: expected an input of shape {sizes}, got {shape}")
    return input[None], True


def check_places(
    name: str, shape: tuple[int, ...], kernel: tuple[int, ...], padding: Pairs, dilation: tuple[int, ...]
) -> None:
    """A ShapeError where the window is larger than the padded input."""
    for n, k, (before, after), d in zip(shape[2:], kernel, padding, dilation, strict=True):
        if n + before + after < d * (k - 1) + 1:
            raise ShapeError(
                f"{name}: a window of {d * (k - 1) + 1} elements (kernel {k}, dilation {d}) does not fit into {n} "
                f"elements with {before} + {after} of padding; input {shape}, kernel {kernel}"
            )
