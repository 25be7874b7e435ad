"""Transposed convolution: what convolution does to gradients, as a layer of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd import ShapeError, op
from .operands import shape_of
from .windows import Pairs, batched, each_axis

__all__ = ["conv_transpose1d", "conv_transpose2d"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops
Ints = tuple[int, ...]


# The weight's shape is needed for its own gradient, and parameters are alive anyhow.
@op(name="conv_transpose", promotes="common", keeps={0: (1,), 1: (0, 1)}, autocast="low")
def _conv_transpose(
    k: K,
    x: Array,
    weight: Array,
    bias: Array,
    *,
    sizes: Ints,
    stride: Ints,
    padding: Pairs,
    dilation: Ints,
    groups: int,
) -> Array:
    shape = (x.shape[0], weight.shape[1] * groups, *sizes)
    y, _, _ = k.conv_grad(x, None, weight, shape, stride, padding, dilation, groups, (True, False, False))
    return y if bias is None else y + k.xp.reshape(bias, (1, -1) + (1,) * len(sizes))


@_conv_transpose.gradient
def _(k: K, g: Array, saved: Any, *, sizes: Ints, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> tuple:
    x, weight, _ = saved.inputs
    geometry = (stride, padding, dilation, groups)
    gx = gw = gb = None
    if saved.needs[0]:
        gx = k.conv(g, weight, None, *geometry)
    if saved.needs[1]:
        _, gw, _ = k.conv_grad(x, g, weight, tuple(g.shape), *geometry, (False, True, False))
    if saved.needs[2]:
        gb = k.xp.sum(g, axis=(0, *range(2, len(g.shape))))
    return gx, gw, gb


def _convolve(
    name: str,
    axes: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: int | Sequence[int],
    padding: int | Sequence[int],
    output_padding: int | Sequence[int],
    groups: int,
    dilation: int | Sequence[int],
) -> Tensor:
    input, added = batched(name, input, axes)
    shape, field = shape_of(name, input), shape_of(name, weight)
    if len(field) != axes + 2:
        raise ShapeError(f"{name}: expected a weight of shape (in, out / groups, *kernel), got {field}")
    if groups < 1 or shape[1] != field[0] or field[0] % groups:
        raise ShapeError(
            f"{name}: an input of shape {shape} and a weight of shape {field} (in, out / groups, *kernel) do not fit "
            f"with groups={groups}; both have the same channels in, which divide into the groups"
        )
    if bias is not None and shape_of(name, bias) != (field[1] * groups,):
        raise ShapeError(f"{name}: expected a bias of shape ({field[1] * groups},), got {shape_of(name, bias)}")
    if 0 in field[2:]:
        raise ShapeError(f"{name}: the kernel has no elements: weight {field}")
    strides = each_axis(name, "stride", stride, axes, 1)
    dilations = each_axis(name, "dilation", dilation, axes, 1)
    widths = each_axis(name, "padding", padding, axes, 0)
    added_widths = each_axis(name, "output_padding", output_padding, axes, 0)
    sizes, pairs = [], []
    for n, kernel, s, d, p, more in zip(shape[2:], field[2:], strides, dilations, widths, added_widths, strict=True):
        if more >= max(s, d):
            raise ValueError(
                f"{name}: output_padding must be smaller than stride or dilation, got {output_padding} for stride "
                f"{stride} and dilation {dilation}"
            )
        size = (n - 1) * s - 2 * p + d * (kernel - 1) + more + 1
        if n < 1 or size < 1:
            raise ShapeError(
                f"{name}: the output would have {size} elements along an axis: input {shape}, kernel {field[2:]}, "
                f"padding {padding}"
            )
        sizes.append(size)
        # So that the convolution that this transposes has n places again, not more of them behind.
        pairs.append((p, p) if more < s else (p, p - more))
    y = _conv_transpose(
        input, weight, bias, sizes=tuple(sizes), stride=strides, padding=tuple(pairs), dilation=dilations, groups=groups
    )
    return y[0] if added else y


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """``y[n, o, i * stride - padding + k * dilation] += x[n, c, i] * weight[c, o, k]``, from ``y = bias``.

    The adjoint of :func:`conv1d`: each element of the input spreads a copy of the kernel.

    Parameters
    ----------
    input : Tensor (N, C, L) or (C, L)
    weight : Tensor (C, O / groups, K)
    bias : Tensor (O,), optional
    stride, dilation : int, default 1
    padding : int, default 0
        How many elements of the result are cut off at each end.
    output_padding : int, default 0
        How many elements more the result has behind; less than stride or dilation.
    groups : int, default 1

    Returns
    -------
    Tensor (N, O, (L - 1) * stride - 2 * padding + dilation * (K - 1) + output_padding + 1)

    Raises
    ------
    RuntimeError
        The shapes do not fit.
    ValueError
        For widths that are not allowed.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x, weight = tp.tensor([[[1.0, 2.0]]]), tp.tensor([[[1.0, 10.0, 100.0]]])
    >>> tp.nn.functional.conv_transpose1d(x, weight, stride=2)
    tensor([[[  1.,  10., 102.,  20., 200.]]])
    """
    return _convolve("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """The adjoint of :func:`conv2d`: each pixel of the input spreads a copy of the kernel, where these overlap they
    add up.

    Parameters
    ----------
    input : Tensor (N, C, H, W) or (C, H, W)
    weight : Tensor (C, O / groups, kH, kW)
    bias : Tensor (O,), optional
    stride, dilation : int or (int, int), default 1
    padding : int or (int, int), default 0
        How many elements of the result are cut off at each side.
    output_padding : int or (int, int), default 0
        How many rows and columns more the result has behind; less than stride or dilation.
    groups : int, default 1
        The channels, in and out, are cut into that many parts, of which the one sees only the other.

    Returns
    -------
    Tensor (N, O, H', W')
        With ``H' = (H - 1) * stride - 2 * padding + dilation * (kH - 1) + output_padding + 1``, and W' alike.

    Raises
    ------
    RuntimeError
        The shapes do not fit.
    ValueError
        For widths that are not allowed.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x, weight = tp.tensor([[[[1.0, 2.0]]]]), tp.ones(1, 1, 2, 2)
    >>> tp.nn.functional.conv_transpose2d(x, weight)
    tensor([[[[1., 3., 2.],
              [1., 3., 2.]]]])
    """
    return _convolve("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation)
