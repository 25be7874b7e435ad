"""Convolution layers in one and two dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from .. import ops
from ..autograd import Direct
from ..ops.conv import same_padding
from ..ops.windows import each_axis, evenly
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["Conv1d", "Conv2d"]

_MODES = ("zeros", "reflect", "replicate", "circular")


class _Kernels(Module):
    """What convolutions and transposed ones share: the settings of a kernel, and its parameters."""

    axes: ClassVar[int]
    weight: Parameter
    bias: Parameter | None
    padding: str | tuple[int, ...]
    padding_mode: str

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int],
        dilation: int | Sequence[int],
        groups: int,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: groups must divide in_channels and out_channels, got {groups} for {in_channels} and "
                f"{out_channels}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = each_axis(name, "kernel_size", kernel_size, self.axes, 1)
        self.stride = each_axis(name, "stride", stride, self.axes, 1)
        self.dilation = each_axis(name, "dilation", dilation, self.axes, 1)
        self.groups = groups

    def _make_parameters(self, channels: tuple[int, int], bias: bool, device: Any, dtype: Any) -> None:
        """The weight (*channels, *kernel_size) and the bias."""
        self.weight = Parameter(ops.empty((*channels, *self.kernel_size), dtype=dtype, device=device))
        if bias:
            self.bias = Parameter(ops.empty((self.out_channels,), dtype=dtype, device=device))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        # kaiming_uniform_ with a = sqrt(5) has exactly this bound.
        fan_in = math.prod(self.weight.shape[1:])
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        for name, usual in (("padding", 0), ("dilation", 1), ("output_padding", 0)):
            value = getattr(self, name, None)
            if value not in (None, (usual,) * self.axes):
                parts.append(f"{name}={value}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class _Conv(_Kernels):
    """What the convolutions of all dimensions share."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, dilation, groups)
        name = type(self).__name__
        if padding_mode not in _MODES:
            raise ValueError(f"{name}: padding_mode must be one of {', '.join(_MODES)}, got {padding_mode!r}")
        self.padding_mode = padding_mode
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"{name}: padding must be 'same', 'valid' or widths, got {padding!r}")
            if padding == "same" and set(self.stride) != {1}:
                raise ValueError(f"{name}: padding='same' needs stride 1, got {stride}")
            self.padding = padding
        else:
            self.padding = each_axis(name, "padding", padding, self.axes, 0)
        self._make_parameters((out_channels, in_channels // groups), bias, device, dtype)


_NAMES = ("weight", "bias", "stride", "padding", "dilation", "groups", "kernel_size", "padding_mode")


def _of_attributes(convolution: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The convolution of an input and the attributes `_NAMES` of a layer."""

    def convolve(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: tuple[int, ...],
        padding: str | tuple[int, ...],
        dilation: tuple[int, ...],
        groups: int,
        kernel_size: tuple[int, ...],
        mode: str,
    ) -> Tensor:
        if mode != "zeros" and padding != "valid":
            pairs = same_padding(kernel_size, dilation) if isinstance(padding, str) else evenly(padding)
            input, padding = F.pad(input, [n for pair in reversed(pairs) for n in pair], mode), (0,) * len(stride)
        return convolution(input, weight, bias, stride, padding, dilation, groups)

    return convolve


_conv1d, _conv2d = _of_attributes(F.conv1d), _of_attributes(F.conv2d)


class Conv1d(_Conv):
    """``y[n, o, i] = bias[o] + sum over c, k of weight[o, c, k] * x[n, c, i * stride - padding + k * dilation]``.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int
    stride, dilation : int, default 1
    padding : int or {"valid", "same"}, default 0
        How many elements are added at each end; ``"same"`` keeps the length, at stride 1.
    groups : int, default 1
        Into how many parts the channels, in and out, are cut, of which the one sees only the other.
    bias : bool, default True
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What is added; see :func:`tiny_pytorch.nn.functional.pad`.
    device, dtype : optional
        Of the parameters; the default dtype if None.

    Attributes
    ----------
    weight : Parameter, shape (out_channels, in_channels / groups, kernel_size)
    bias : Parameter of shape (out_channels,), or None
        Both are drawn from U(-b, b) with ``b = 1 / sqrt(in_channels / groups * kernel_size)``.

    Notes
    -----
    Input (N, C, L) or (C, L), output (N, O, L') with
    ``L' = (L + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1``.

    Raises
    ------
    ValueError
        For widths, modes and groups that are not allowed.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.Conv1d(3, 8, 5, padding="same")(tp.ones(2, 3, 20)).shape
    (2, 8, 20)
    """

    axes = 1

    def forward(self, input: Tensor) -> Tensor:
        return _conv1d(
            input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups, self.kernel_size,
            self.padding_mode,
        )  # fmt: skip

    _direct = Direct(_conv1d, forward, *_NAMES)
    _rectified = staticmethod(_of_attributes(F.conv1d_relu))


class Conv2d(_Conv):
    """``y[n, o] = bias[o] + sum over c of weight[o, c] * x[n, c]``, the cross-correlation of planes.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or (int, int)
    stride, dilation : int or (int, int), default 1
    padding : int, (int, int) or {"valid", "same"}, default 0
        How many elements are added at each side; ``"same"`` keeps the size, at stride 1.
    groups : int, default 1
        Into how many parts the channels, in and out, are cut, of which the one sees only the other.
    bias : bool, default True
    padding_mode : {"zeros", "reflect", "replicate", "circular"}
        What is added; see :func:`tiny_pytorch.nn.functional.pad`.
    device, dtype : optional
        Of the parameters; the default dtype if None.

    Attributes
    ----------
    weight : Parameter, shape (out_channels, in_channels / groups, kH, kW)
    bias : Parameter of shape (out_channels,), or None
        Both are drawn from U(-b, b) with ``b = 1 / sqrt(in_channels / groups * kH * kW)``.

    Notes
    -----
    Input (N, C, H, W) or (C, H, W), output (N, O, H', W') with
    ``H' = (H + 2 * padding - dilation * (kH - 1) - 1) // stride + 1``, and W' alike.

    Raises
    ------
    ValueError
        For widths, modes and groups that are not allowed.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> conv = tp.nn.Conv2d(1, 16, 3, stride=2, padding=1)
    >>> conv, conv(tp.ones(5, 1, 28, 28)).shape
    (Conv2d(1, 16, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1)), (5, 16, 14, 14))
    """

    axes = 2

    def forward(self, input: Tensor) -> Tensor:
        return _conv2d(
            input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups, self.kernel_size,
            self.padding_mode,
        )  # fmt: skip

    _direct = Direct(_conv2d, forward, *_NAMES)
    _rectified = staticmethod(_of_attributes(F.conv2d_relu))
