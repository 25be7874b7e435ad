"""Pooling layers: the largest element or the average of windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AvgPool1d", "AvgPool2d",
    "MaxPool1d", "MaxPool2d",
]  # fmt: skip

Size = int | Sequence[int]


class _MaxPool(Module):
    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """``y[n, c, i] = max over k of x[n, c, i * stride - padding + k * dilation]``.

    Parameters
    ----------
    kernel_size : int
    stride : int, optional
        ``kernel_size`` if it is not given.
    padding : int, default 0
        At most half the window; what is padded is never chosen.
    dilation : int, default 1
    return_indices : bool, default False
        Also return where the elements stand, as int64.
    ceil_mode : bool, default False
        Round the number of windows up: the last one may reach over the edge.

    Notes
    -----
    Input (N, C, L) or (C, L).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.MaxPool1d(2)(tp.ones(3, 4, 9)).shape
    (3, 4, 4)
    """

    def forward(self, input: Tensor) -> Any:
        return F.max_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class MaxPool2d(_MaxPool):
    """``y[n, c, i, j] = the largest element of a window of x[n, c]``.

    Parameters
    ----------
    kernel_size : int or (int, int)
    stride : int or (int, int), optional
        ``kernel_size`` if it is not given.
    padding : int or (int, int), default 0
        At most half the window; what is padded is never chosen.
    dilation : int or (int, int), default 1
    return_indices : bool, default False
        Also return where the elements stand: int64, counted row by row in each plane.
    ceil_mode : bool, default False
        Round the number of windows up: the last one may reach over the edge.

    Notes
    -----
    Input (N, C, H, W) or (C, H, W). Details in :func:`tiny_pytorch.nn.functional.max_pool2d`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.MaxPool2d(3, stride=2)(tp.ones(1, 4, 28, 28)).shape
    (1, 4, 13, 13)
    """

    def forward(self, input: Tensor) -> Any:
        return F.max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


def _first(value: Size) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else tuple(value)


class AvgPool1d(Module):
    """``y[n, c, i] = mean over k of x[n, c, i * stride - padding + k]``.

    Parameters
    ----------
    kernel_size : int
    stride : int, optional
        ``kernel_size`` if it is not given.
    padding : int, default 0
        How many zeros stand at each end: at most half the window.
    ceil_mode : bool, default False
        Round the number of windows up: the last one may reach over the edge.
    count_include_pad : bool, default True
        Whether the padding counts as elements.

    Notes
    -----
    Input (N, C, L) or (C, L).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.AvgPool1d(3, stride=1, padding=1)(tp.ones(1, 4))
    tensor([[0.6667, 1.    , 1.    , 0.6667]])
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = _first(kernel_size)
        self.stride = _first(kernel_size if stride is None else stride)
        self.padding = _first(padding)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """``y[n, c, i, j] = sum of a window of x[n, c] / how many elements it has``.

    Parameters
    ----------
    kernel_size : int or (int, int)
    stride : int or (int, int), optional
        ``kernel_size`` if it is not given.
    padding : int or (int, int), default 0
        How many zeros stand at each side: at most half the window.
    ceil_mode : bool, default False
        Round the number of windows up: the last one may reach over the edge.
    count_include_pad : bool, default True
        Whether the padding counts as elements.
    divisor_override : int, optional
        Divide by this number instead.

    Notes
    -----
    Input (N, C, H, W) or (C, H, W).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.AvgPool2d(2)(tp.ones(1, 4, 28, 28)).shape
    (1, 4, 14, 14)
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AdaptivePool(Module):
    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """The averages of ``output_size`` windows that cover the last axis.

    Of n elements, window i of m takes ``floor(i * n / m)`` to ``ceil((i + 1) * n / m)``.

    Parameters
    ----------
    output_size : int

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.AdaptiveAvgPool1d(4)(tp.ones(2, 3, 9)).shape
    (2, 3, 4)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_AdaptivePool):
    """The averages of ``output_size`` windows that cover each plane.

    Of n elements along an axis, window i of m takes ``floor(i * n / m)`` to ``ceil((i + 1) * n / m)``.

    Parameters
    ----------
    output_size : int, None or a pair of them
        How many windows along each axis; None: as many as elements.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.AdaptiveAvgPool2d(1)(tp.ones(2, 3, 9, 7)).shape
    (2, 3, 1, 1)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)


class _AdaptiveMaxPool(_AdaptivePool):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The largest elements of ``output_size`` windows that cover the last axis; windows as AdaptiveAvgPool1d.

    Parameters
    ----------
    output_size : int
    return_indices : bool, default False
        Also return where the elements stand, as int64.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.AdaptiveMaxPool1d(4)(tp.ones(2, 3, 9)).shape
    (2, 3, 4)
    """

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The largest elements of ``output_size`` windows that cover each plane; windows as AdaptiveAvgPool2d.

    Parameters
    ----------
    output_size : int, None or a pair of them
        How many windows along each axis; None: as many as elements.
    return_indices : bool, default False
        Also return where the elements stand: int64, counted row by row in each plane.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.AdaptiveMaxPool2d((4, None))(tp.ones(2, 3, 9, 7)).shape
    (2, 3, 4, 7)
    """

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)
