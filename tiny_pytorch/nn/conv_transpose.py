"""Transposed convolution layers in one and two dimensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ..ops.windows import each_axis
from ..tensor import Tensor
from . import functional as F
from .conv import _Kernels

__all__ = ["ConvTranspose1d", "ConvTranspose2d"]


class _ConvTranspose(_Kernels):
    """What the transposed convolutions of all dimensions share."""

    function: ClassVar[Callable[..., Tensor]]
    padding: tuple[int, ...]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, dilation, groups)
        name = type(self).__name__
        if padding_mode != "zeros":
            raise ValueError(f"{name}: padding_mode must be 'zeros', got {padding_mode!r}")
        self.padding_mode = padding_mode
        self.padding = each_axis(name, "padding", padding, self.axes, 0)
        self.output_padding = each_axis(name, "output_padding", output_padding, self.axes, 0)
        self._make_parameters((in_channels, out_channels // groups), bias, device, dtype)

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        more = self.output_padding if output_size is None else self._padding_for(input, tuple(output_size))
        return type(self).function(
            input, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation
        )

    def _padding_for(self, input: Tensor, wanted: tuple[int, ...]) -> tuple[int, ...]:
        """The output padding that makes a result of the wanted size, given with or without (N, C) in front."""
        name, given, wanted = type(self).__name__, wanted, wanted[-self.axes :]
        sizes = input.shape[-self.axes :]
        geometry = zip(sizes, self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        least = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, k, s, p, d in geometry]
        if len(given) not in (self.axes, len(input.shape)) or any(
            not low <= size < low + s for size, low, s in zip(wanted, least, self.stride, strict=True)
        ):
            most = [low + s - 1 for low, s in zip(least, self.stride, strict=True)]
            raise ValueError(f"{name}: expected an output_size from {least} to {most}, got {given}")
        return tuple([size - low for size, low in zip(wanted, least, strict=True)])


class ConvTranspose1d(_ConvTranspose):
    """``y[n, o, i * stride - padding + k * dilation] += x[n, c, i] * weight[c, o, k]``, from ``y = bias``.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int
    stride, dilation : int, default 1
    padding : int, default 0
        How many elements of the result are cut off at each end.
    output_padding : int, default 0
        How many elements more the result has behind; less than stride or dilation.
    groups : int, default 1
        Into how many parts the channels, in and out, are cut, of which the one sees only the other.
    bias : bool, default True
    padding_mode : {"zeros"}
    device, dtype : optional
        Of the parameters; the default dtype if None.

    Attributes
    ----------
    weight : Parameter, shape (in_channels, out_channels / groups, kernel_size)
    bias : Parameter of shape (out_channels,), or None
        Both are drawn from U(-b, b) with ``b = 1 / sqrt(out_channels / groups * kernel_size)``.

    Notes
    -----
    Input (N, C, L) or (C, L), output (N, O, L') with
    ``L' = (L - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1``. Called with
    ``output_size=``, a layer chooses its output padding by it.

    Raises
    ------
    ValueError
        For widths and groups that are not allowed, and an output size that cannot be.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.ConvTranspose1d(8, 3, 4, stride=2, padding=1)(tp.ones(2, 8, 10)).shape
    (2, 3, 20)
    """

    axes = 1
    function = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    """Each pixel of the input spreads a copy of the kernel: the adjoint of :class:`Conv2d`.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or (int, int)
    stride, dilation : int or (int, int), default 1
    padding : int or (int, int), default 0
        How many elements of the result are cut off at each side.
    output_padding : int or (int, int), default 0
        How many rows and columns more the result has behind; less than stride or dilation.
    groups : int, default 1
        Into how many parts the channels, in and out, are cut, of which the one sees only the other.
    bias : bool, default True
    padding_mode : {"zeros"}
    device, dtype : optional
        Of the parameters; the default dtype if None.

    Attributes
    ----------
    weight : Parameter, shape (in_channels, out_channels / groups, kH, kW)
    bias : Parameter of shape (out_channels,), or None
        Both are drawn from U(-b, b) with ``b = 1 / sqrt(out_channels / groups * kH * kW)``.

    Notes
    -----
    Input (N, C, H, W) or (C, H, W), output (N, O, H', W') with
    ``H' = (H - 1) * stride - 2 * padding + dilation * (kH - 1) + output_padding + 1``, and W' alike. Called with
    ``output_size=``, a layer chooses its output padding by it.

    Raises
    ------
    ValueError
        For widths and groups that are not allowed, and an output size that cannot be.

    References
    ----------
    M. D. Zeiler, D. Krishnan, G. W. Taylor, R. Fergus, "Deconvolutional networks", 2010.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> layer = tp.nn.ConvTranspose2d(8, 3, 3, stride=2, padding=1)
    >>> layer(tp.ones(2, 8, 5, 5)).shape, layer(tp.ones(2, 8, 5, 5), output_size=(10, 10)).shape
    ((2, 3, 9, 9), (2, 3, 10, 10))
    """

    axes = 2
    function = staticmethod(F.conv_transpose2d)
