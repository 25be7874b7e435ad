"""The largest element and the average of windows, in one and two dimensions."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from ..autograd import op
from .operands import shape_of
from .windows import Pairs, batched, check_places, each_axis, evenly

__all__ = ["avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d", "pool_average", "pool_max"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops
Ints = tuple[int, ...]
Size = int | Sequence[int]


@op(name="max_pool", extra=True, many=True)
def pool_max(k: K, x: Array, *, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints) -> tuple:
    """The largest element of each window of x (N, C, *S), and where in S it stands."""
    y, indices = k.max_pool(x, kernel, stride, padding, dilation)
    return (y, indices), (indices,)


@pool_max.gradient
def _(k: K, g: tuple, saved: Any, *, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints) -> tuple:
    return (k.max_pool_grad(g[0], saved.extra[0], saved.shapes[0]),)


@op(name="avg_pool")
def pool_average(k: K, x: Array, *, kernel: Ints, stride: Ints, padding: Pairs, counted: Pairs, divisor: Any) -> Array:
    """The average of each window of x (N, C, *S)."""
    return k.avg_pool(x, kernel, stride, padding, counted, divisor)


@pool_average.gradient
def _(k: K, g: Array, saved: Any, *, kernel: Ints, stride: Ints, padding: Pairs, counted: Pairs, divisor: Any) -> tuple:
    return (k.avg_pool_grad(g, saved.shapes[0], kernel, stride, padding, counted, divisor),)


def _geometry(
    name: str,
    shape: tuple[int, ...],
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    dilation: Size,
    ceil_mode: bool,
) -> tuple[Ints, Ints, Ints, Pairs, Ints]:
    """``(kernel, stride, widths, padding, dilation)``; with ``ceil_mode`` the padding behind takes the last window."""
    axes = len(shape) - 2
    kernel = each_axis(name, "kernel_size", kernel_size, axes, 1)
    steps = kernel if stride is None or stride == () else each_axis(name, "stride", stride, axes, 1)
    widths = each_axis(name, "padding", padding, axes, 0)
    gaps = each_axis(name, "dilation", dilation, axes, 1)
    return kernel, steps, widths, _pairs(name, shape, kernel, steps, widths, gaps, bool(ceil_mode)), gaps


@functools.lru_cache
def _pairs(name: str, shape: Ints, kernel: Ints, steps: Ints, widths: Ints, gaps: Ints, ceil_mode: bool) -> Pairs:
    """The padding before and behind each axis, of windows that fit."""
    pairs = []
    for n, k, s, p, d in zip(shape[2:], kernel, steps, widths, gaps, strict=True):
        span = d * (k - 1) + 1
        if p > span // 2:
            raise ValueError(f"{name}: padding must be at most half the window ({span} elements), got {widths}")
        behind = p
        if ceil_mode and n + 2 * p > span - s:  # also a first window that does not fit
            places = -(-(n + 2 * p - span) // s) + 1
            places -= (places - 1) * s >= n + p  # no window may start in the padding behind
            behind = (places - 1) * s + span - n - p
        pairs.append((p, behind))
    check_places(name, shape, kernel, tuple(pairs), gaps)
    return tuple(pairs)


def _max_pool(
    name: str,
    axes: int,
    input: Tensor,
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    dilation: Size,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    input, added = batched(name, input, axes)
    kernel, steps, _, pairs, gaps = _geometry(
        name, shape_of(name, input), kernel_size, stride, padding, dilation, ceil_mode
    )
    y, indices = pool_max(input, kernel=kernel, stride=steps, padding=pairs, dilation=gaps)
    if added:
        y, indices = y[0], indices[0]
    return (y, indices) if return_indices else y


def max_pool1d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """``y[n, c, i] = max over k of x[n, c, i * stride - padding + k * dilation]``; see :func:`max_pool2d`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.max_pool1d(tp.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[3., 2.]])
    """
    return _max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """``y[n, c, i, j] = the largest element of a window of x[n, c]``, NaN if there is one.

    The gradient goes to the first of the largest ones.

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (C, H, W)
    kernel_size : int or (int, int)
    stride : int or (int, int), optional
        ``kernel_size`` if it is not given.
    padding : int or (int, int), default 0
        At most half the window; what is padded is never chosen.
    dilation : int or (int, int), default 1
    ceil_mode : bool, default False
        Round the number of windows up: the last one may reach over the edge.
    return_indices : bool, default False
        Also return where the elements stand: int64, counted row by row in each plane.

    Returns
    -------
    Tensor (N, C, H', W'), or a pair of such
        With ``H' = (H + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1``, and W' alike.

    Raises
    ------
    RuntimeError
        When the window does not fit.
    ValueError
        For widths that are not allowed.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor([[[1.0, 2.0, 0.0, 0.0], [4.0, 3.0, 0.0, 9.0]]])
    >>> tp.nn.functional.max_pool2d(x, 2, return_indices=True)
    (tensor([[[4., 9.]]]), tensor([[[4, 7]]]))
    """
    return _max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _avg_pool(
    name: str,
    axes: int,
    input: Tensor,
    kernel_size: Size,
    stride: Size | None,
    padding: Size,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Tensor:
    if divisor == 0:
        raise ValueError(f"{name}: divisor_override must not be 0")
    input, added = batched(name, input, axes)
    if input.dtype.kind != "float":
        raise TypeError(f"{name}: expected a floating input, got {input.dtype}; convert it with .float()")
    kernel, steps, widths, pairs, _ = _geometry(name, shape_of(name, input), kernel_size, stride, padding, 1, ceil_mode)
    counted = evenly(widths if count_include_pad else (0,) * axes)
    y = pool_average(input, kernel=kernel, stride=steps, padding=pairs, counted=counted, divisor=divisor)
    return y[0] if added else y


def avg_pool1d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """``y[n, c, i] = mean over k of x[n, c, i * stride - padding + k]``; see :func:`avg_pool2d`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.avg_pool1d(tp.tensor([[1.0, 3.0, 2.0, 0.0]]), 2)
    tensor([[2., 1.]])
    """
    return _avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """``y[n, c, i, j] = sum of a window of x[n, c] / how many elements it has``.

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (C, H, W)
    kernel_size : int or (int, int)
    stride : int or (int, int), optional
        ``kernel_size`` if it is not given.
    padding : int or (int, int), default 0
        How many zeros stand at each side: at most half the window.
    ceil_mode : bool, default False
        Round the number of windows up: the last one may reach over the edge. What lies beyond the padding never counts.
    count_include_pad : bool, default True
        Whether the padding counts as elements.
    divisor_override : int, optional
        Divide by this number instead.

    Returns
    -------
    Tensor (N, C, H', W')
        With ``H' = (H + 2 * padding - kernel_size) // stride + 1``, and W' alike.

    Raises
    ------
    RuntimeError
        When the window does not fit.
    TypeError
        For an input that is not floating.
    ValueError
        For widths that are not allowed.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.avg_pool2d(tp.tensor([[[1.0, 2.0], [4.0, 3.0]]]), 2)
    tensor([[[2.5]]])
    """
    return _avg_pool(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )
