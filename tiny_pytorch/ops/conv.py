"""Convolution in one and two dimensions."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from ..autograd import Op, ShapeError, op
from .operands import shape_of
from .windows import Pairs, batched, check_places, each_axis, evenly

__all__ = ["conv1d", "conv1d_relu", "conv2d", "conv2d_relu", "same_padding"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops
Ints = tuple[int, ...]


# The weight's shape is needed for its own gradient, and parameters are alive anyhow.
@op(name="conv", promotes="common", keeps={0: (1,), 1: (0, 1)}, kernel="conv", autocast="low")
def _conv(
    k: K, x: Array, weight: Array, bias: Array, *, stride: Ints, padding: Pairs, dilation: Ints, groups: int
) -> Array:
    return k.conv(x, weight, bias, stride, padding, dilation, groups)


@_conv.gradient
def _(k: K, g: Array, saved: Any, *, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> tuple:
    x, weight, _ = saved.inputs
    if weight is None:  # only the bias wants a gradient
        return None, None, k.xp.sum(g, axis=(0, *range(2, len(g.shape))))
    shape = saved.shapes[0] if x is None else tuple(x.shape)
    return k.conv_grad(g, x, weight, shape, stride, padding, dilation, groups, saved.needs)


@op(promotes="common", keeps=({0: (1,), 1: (0, 1)}, "output"), kernel="conv_relu", autocast="low")
def conv_relu(
    k: K, x: Array, weight: Array, bias: Array, *, stride: Ints, padding: Pairs, dilation: Ints, groups: int
) -> Array:
    """``y = max(convolution of x, 0)``: convolution and ``relu`` as one operation, which keeps one array less."""
    return k.conv_relu(x, weight, bias, stride, padding, dilation, groups)


@conv_relu.gradient
def _(k: K, g: Array, saved: Any, *, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> tuple:
    x, weight, _ = saved.inputs
    if weight is None:  # only the bias wants a gradient
        return None, None, k.xp.sum(k.relu_grad(g, saved.output), axis=(0, *range(2, len(g.shape))))
    shape = saved.shapes[0] if x is None else tuple(x.shape)
    return k.conv_relu_grad(g, saved.output, x, weight, shape, stride, padding, dilation, groups, saved.needs)


def same_padding(kernel: Ints, dilation: Ints) -> Pairs:
    """The padding that keeps the size at stride 1; an odd width has its larger half behind."""
    totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple([(n // 2, n - n // 2) for n in totals])


@functools.lru_cache
def _widths(
    name: str, shape: Ints, field: Ints, stride: Ints, padding: Ints | str, dilation: Ints, groups: int
) -> Pairs:
    """The padding of each axis, of sizes that fit; a ShapeError or ValueError where they do not."""
    if groups < 1 or field[0] % groups or shape[1] != field[1] * groups:
        raise ShapeError(
            f"{name}: an input of shape {shape} and a weight of shape {field} (out, in / groups, *kernel) do not fit "
            f"with groups={groups}; the channels, in and out, must divide into the groups"
        )
    if 0 in field[2:]:
        raise ShapeError(f"{name}: the kernel has no elements: weight {field}")
    if padding == "same":
        if set(stride) != {1}:
            raise ValueError(f"{name}: padding='same' needs stride 1, got {stride}")
        widths = same_padding(field[2:], dilation)
    elif padding == "valid":
        widths = evenly((0,) * len(stride))
    elif isinstance(padding, str):
        raise ValueError(f"{name}: padding must be 'same', 'valid' or widths, got {padding!r}")
    else:
        widths = evenly(padding)
    check_places(name, shape, field[2:], widths, dilation)
    return widths


def _convolve(
    convolution: Op,
    name: str,
    axes: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int | Sequence[int],
    padding: int | Sequence[int] | str,
    dilation: int | Sequence[int],
    groups: int,
) -> Tensor:
    input, added = batched(name, input, axes)
    shape, field = shape_of(name, input), shape_of(name, weight)
    if len(field) != axes + 2:
        raise ShapeError(f"{name}: expected a weight of shape (out, in / groups, *kernel), got {field}")
    strides = each_axis(name, "stride", stride, axes, 1)
    dilations = each_axis(name, "dilation", dilation, axes, 1)
    if not isinstance(padding, str):
        padding = each_axis(name, "padding", padding, axes, 0)
    widths = _widths(name, shape, field, strides, padding, dilations, groups)
    if bias is not None and shape_of(name, bias) != (field[0],):
        raise ShapeError(f"{name}: expected a bias of shape ({field[0]},), got {shape_of(name, bias)}")
    y = convolution(input, weight, bias, stride=strides, padding=widths, dilation=dilations, groups=groups)
    return y[0] if added else y


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """``y[n, o, i] = bias[o] + sum over c, k of weight[o, c, k] * x[n, c, i * stride - padding + k * dilation]``.

    Parameters
    ----------
    input : Tensor (N, C, L) or (C, L)
    weight : Tensor (O, C / groups, K)
    bias : Tensor (O,), optional
    stride, dilation : int, default 1
    padding : int or {"valid", "same"}, default 0
        How many zeros stand at each end; ``"valid"`` none, ``"same"`` as many as keep the length (at stride 1).
    groups : int, default 1

    Returns
    -------
    Tensor (N, O, (L + 2 * padding - dilation * (K - 1) - 1) // stride + 1)

    Raises
    ------
    RuntimeError
        The shapes do not fit.
    ValueError
        For widths that are not allowed.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x, weight = tp.tensor([[[1.0, 2.0, 4.0, 8.0]]]), tp.tensor([[[-1.0, 1.0]]])
    >>> tp.nn.functional.conv1d(x, weight)
    tensor([[[1., 2., 4.]]])
    """
    return _convolve(_conv, "conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """``y[n, o] = bias[o] + sum over c of weight[o, c] * x[n, c]``, the cross-correlation of planes.

    ``(w * x)[i, j] = sum over p, q of w[p, q] * x[i * stride - padding + p * dilation, j * ...]``; x is 0 outside.

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (C, H, W)
    weight : Tensor (O, C / groups, kH, kW)
    bias : Tensor (O,), optional
    stride, dilation : int or (int, int), default 1
    padding : int, (int, int) or {"valid", "same"}, default 0
        How many zeros stand at each side; ``"valid"`` none, ``"same"`` as many as keep the size (at stride 1).
    groups : int, default 1
        The channels, in and out, are cut into that many parts, of which the one sees only the other.

    Returns
    -------
    Tensor (N, O, H', W')
        With ``H' = (H + 2 * padding - dilation * (kH - 1) - 1) // stride + 1``, and W' alike.

    Raises
    ------
    RuntimeError
        The shapes do not fit.
    ValueError
        For widths that are not allowed.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x, weight = tp.ones(1, 1, 3, 3), tp.ones(1, 1, 3, 3)
    >>> tp.nn.functional.conv2d(x, weight, padding=1)[0, 0]
    tensor([[4., 6., 4.],
            [6., 9., 6.],
            [4., 6., 4.]])
    """
    return _convolve(_conv, "conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv1d_relu(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """``y = max(conv1d(x), 0)``: :func:`conv1d` and ``relu`` as one operation."""
    return _convolve(conv_relu, "conv1d_relu", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d_relu(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """``y = max(conv2d(x), 0)``: :func:`conv2d` and ``relu`` as one operation."""
    return _convolve(conv_relu, "conv2d_relu", 2, input, weight, bias, stride, padding, dilation, groups)
