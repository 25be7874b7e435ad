"""Normalisation of each channel of each sample, and over neighbouring channels, as modules."""

from __future__ import annotations

from typing import Any, ClassVar

from ..ops.operands import shape_of
from ..tensor import Tensor
from . import functional as F
from .batchnorm import _BatchNorm
from .module import Module

__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LocalResponseNorm"]


class _InstanceNorm(_BatchNorm):
    """What the instance normalisations of all dimensions share."""

    single: ClassVar[int]  # the number of dimensions of one sample

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        name = type(self).__name__
        shape = shape_of(name, input)
        if len(shape) not in self.shapes:
            expected = " or ".join(self.shapes.values())
            raise ValueError(f"{name}: expected an input {expected}, got shape {shape}")
        channels = shape[-self.single]
        if channels != self.num_features and self.affine:
            raise ValueError(f"{name}: expected {self.num_features} channels (num_features), got shape {shape}")
        one = len(shape) == self.single
        output = F.instance_norm(
            input.unsqueeze(0) if one else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum if self.momentum is not None else 0.0,
            self.eps,
        )
        return output.squeeze(0) if one else output


class InstanceNorm1d(_InstanceNorm):
    """``y = (x - mean) / sqrt(var + eps) * weight + bias`` for each channel of each signal.

    Parameters
    ----------
    num_features : int
        The number of channels C.
    eps : float, default 1e-5
    momentum : float, default 0.1
    affine : bool, default False
        Whether weight (at first 1) and bias (at first 0) are learnt.
    track_running_stats : bool, default False
        Whether running means of the statistics are kept, and used in evaluation.
    device, dtype : optional
        Of parameters and statistics; the default dtype if None.

    Notes
    -----
    Input and output (N, C, L) or (C, L).

    Raises
    ------
    ValueError
        For an input of other dimensions, and for a single place.

    References
    ----------
    D. Ulyanov, A. Vedaldi, V. Lempitsky, "Instance normalization: the missing ingredient for fast stylization", 2016.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.InstanceNorm1d(1, eps=0.0)(tp.tensor([[[1.0, 3.0]]]))
    tensor([[[-1.,  1.]]])
    """

    shapes: ClassVar[dict[int, str]] = {2: "(C, L)", 3: "(N, C, L)"}
    single = 2


class InstanceNorm2d(_InstanceNorm):
    """:class:`InstanceNorm1d` of images (N, C, H, W) or (C, H, W)."""

    shapes: ClassVar[dict[int, str]] = {3: "(C, H, W)", 4: "(N, C, H, W)"}
    single = 3


class InstanceNorm3d(_InstanceNorm):
    """:class:`InstanceNorm1d` of volumes (N, C, D, H, W) or (C, D, H, W)."""

    shapes: ClassVar[dict[int, str]] = {4: "(C, D, H, W)", 5: "(N, C, D, H, W)"}
    single = 4


class LocalResponseNorm(Module):
    """``y = x / (k + alpha * mean of x^2 over size neighbouring channels)^beta``.

    Parameters
    ----------
    size : int
        How many channels; those that are not there count as 0.
    alpha, beta, k : float, default 1e-4, 0.75 and 1.0

    References
    ----------
    A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural networks", 2012.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
