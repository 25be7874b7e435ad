"""Sliding windows as an axis of their own, and their sum back into place."""

from __future__ import annotations

from typing import Any

from ..autograd import ShapeError, leaf
from ..backend import at
from ..backend.reference.gather import ARRAY
from .indexing import getitem_adjoint, take_part
from .naming import normalize_axis
from .operands import shape_of
from .padding import pad
from .permutation import moveaxis
from .shape import reshape
from .windows import batched, check_places, each_axis, evenly

__all__ = ["fold", "unfold", "unfold_windows"]

Tensor = Any  # the class stands above the ops


def unfold_windows(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """``Tensor.unfold``: the windows of ``size`` elements along an axis, ``step`` apart, in a new last axis.

    Parameters
    ----------
    input : Tensor
    dimension : int
        The axis; in the result it counts the windows.
    size, step : int
        At least 0 and at least 1.

    Raises
    ------
    RuntimeError
        If a window is longer than the axis, or the step is not positive.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.arange(5).unfold(0, 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    """
    shape = shape_of("unfold", input)
    axis = normalize_axis("unfold", dimension, len(shape))
    n = shape[axis] if shape else 1
    if not 0 <= size <= n:
        raise ShapeError(f"unfold: a window of {size} elements does not fit into dim {dimension} of shape {shape}")
    if step < 1:
        raise ShapeError(f"unfold: step must be at least 1, got {step}")
    xp = at(input.array).xp
    if not shape:
        return reshape(input, (1,))[:size]
    count = (n - size) // step + 1
    where = xp.reshape(xp.arange(count) * step, (-1, 1)) + xp.reshape(xp.arange(size), (1, -1))
    windows = take_part(input, leaf(xp.astype(where, xp.int64)), index=(*(slice(None),) * axis, ARRAY, ...))
    return moveaxis(windows, axis + 1, -1)


def _grid(name: str, like: Tensor, plane: tuple[int, int], *settings: Any) -> tuple[tuple, tuple[int, int]]:
    """The rows and columns that windows cover, as arrays (kh, 1, lh, 1) and (1, kw, 1, lw), and (lh, lw)."""
    xp = at(like.array).xp
    found, counts = [], []
    for axis, (n, k, before, d, s) in enumerate(zip(plane, *settings, strict=True)):
        count = (n + 2 * before - d * (k - 1) - 1) // s + 1
        inner, outer = [(-1, 1, 1, 1), (1, -1, 1, 1)][axis], [(1, 1, -1, 1), (1, 1, 1, -1)][axis]
        places = xp.reshape(xp.arange(k) * d, inner) + xp.reshape(xp.arange(count) * s, outer)
        found.append(leaf(xp.astype(places, xp.int64)))
        counts.append(count)
    return tuple(found), (counts[0], counts[1])


def _settings(name: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> tuple[tuple[int, ...], ...]:
    return (
        each_axis(name, "kernel_size", kernel_size, 2, 1),
        each_axis(name, "padding", padding, 2, 0),
        each_axis(name, "dilation", dilation, 2, 1),
        each_axis(name, "stride", stride, 2, 1),
    )


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Every window of an image as a column (im2col).

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (C, H, W)
    kernel_size, dilation, padding, stride : int or pair of ints

    Returns
    -------
    Tensor (N, C * kh * kw, L) or (C * kh * kw, L)
        L counts the windows, row by row.

    Raises
    ------
    RuntimeError
        If the window does not fit.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.unfold(tp.arange(9.0).reshape(1, 1, 3, 3), 2)[0, :, 0]
    tensor([0., 1., 3., 4.])
    """
    x, lifted = batched("unfold", input, 2)
    kernel, padding, dilation, stride = _settings("unfold", kernel_size, dilation, padding, stride)
    n, c, h, w = shape_of("unfold", x)
    check_places("unfold", (n, c, h, w), kernel, evenly(padding), dilation)
    arrays, counts = _grid("unfold", x, (h, w), kernel, padding, dilation, stride)
    if any(padding):
        x = pad(x, (padding[1], padding[1], padding[0], padding[0]))
    windows = take_part(x, *arrays, index=(slice(None), slice(None), ARRAY, ARRAY, ...))
    columns = reshape(windows, (n, c * kernel[0] * kernel[1], counts[0] * counts[1]))
    return columns[0] if lifted else columns


def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Columns back into an image: what overlaps is summed, so that it is :func:`unfold`'s adjoint.

    Parameters
    ----------
    input : Tensor (N, C * kh * kw, L) or (C * kh * kw, L)
    output_size : int or pair of ints
        The image's height and width.
    kernel_size, dilation, padding, stride : int or pair of ints

    Returns
    -------
    Tensor (N, C, H, W) or (C, H, W)

    Raises
    ------
    RuntimeError
        If the numbers of rows and columns do not fit the other arguments.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.fold(tp.ones(1, 4, 4), 3, 2)[0, 0]
    tensor([[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]])
    """
    shape = shape_of("fold", input)
    h, w = each_axis("fold", "output_size", output_size, 2, 1)
    kernel, padding, dilation, stride = _settings("fold", kernel_size, dilation, padding, stride)
    if len(shape) not in (2, 3):
        raise ShapeError(f"fold: expected an input (N, C * kh * kw, L) or (C * kh * kw, L), got shape {shape}")
    x = input[None] if len(shape) == 2 else input
    arrays, counts = _grid("fold", x, (h, w), kernel, padding, dilation, stride)
    area, places = kernel[0] * kernel[1], counts[0] * counts[1]
    if shape[-2] % area or shape[-1] != places or min(counts) < 1:
        raise ShapeError(
            f"fold: an image of {h} x {w} with these windows has {area} rows for each channel and {places} columns; "
            f"got an input of shape {shape}"
        )
    n, c = x.shape[0], shape[-2] // area
    padded = (n, c, h + 2 * padding[0], w + 2 * padding[1])
    blocks = reshape(x, (n, c, *kernel, *counts))
    image = getitem_adjoint(blocks, *arrays, index=(slice(None), slice(None), ARRAY, ARRAY, ...), shape=padded)
    image = image[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + w]
    return image[0] if len(shape) == 2 else image
