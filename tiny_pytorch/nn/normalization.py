"""Normalisation of each sample by itself: LayerNorm, GroupNorm, RMSNorm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..tensor import Tensor
from . import init
from .affine import reset_affine
from .module import Module
from .parameter import Parameter

__all__ = ["GroupNorm", "LayerNorm", "RMSNorm"]


class LayerNorm(Module):
    """``y = (x - mean) / sqrt(var + eps) * weight + bias`` over the last axes of each sample.

    Parameters
    ----------
    normalized_shape : int or sequence of ints
        The input's last axes; an int means the last one.
    eps : float, default 1e-5
    elementwise_affine : bool, default True
        Whether weight (at first 1) and bias (at first 0), both of ``normalized_shape``, are learnt.
    bias : bool, default True
        Whether there is a bias beside the weight.
    device, dtype : optional
        Of the parameters; the default dtype if None.

    References
    ----------
    J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.LayerNorm(64)
    LayerNorm((64,), eps=1e-05, elementwise_affine=True, bias=True)
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        if not shape:
            raise ValueError("LayerNorm: normalized_shape is empty; it takes the lengths of the last axes")
        self.normalized_shape = shape
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.register_parameter("weight", None)
        self.register_parameter("bias", None)
        if elementwise_affine:
            self.weight = Parameter(ops.ones(shape, dtype=dtype, device=device))
            if bias:
                self.bias = Parameter(ops.zeros(shape, dtype=dtype, device=device))

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0."""
        reset_affine(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return ops.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class GroupNorm(Module):
    """``y = (x - mean) / sqrt(var + eps) * weight + bias`` over each group of channels of each sample.

    Parameters
    ----------
    num_groups, num_channels : int
        The channels are cut into that many groups.
    eps : float, default 1e-5
    affine : bool, default True
        Whether a weight (at first 1) and a bias (at first 0) for each channel are learnt.
    device, dtype : optional
        Of the parameters; the default dtype if None.
    bias : bool, default True
        Whether there is a bias beside the weight; by keyword only.

    Notes
    -----
    Input and output (N, C, ...). Mean and (biased) variance run over C / num_groups channels and all axes behind them.

    Raises
    ------
    ValueError
        When the groups do not divide the channels.

    References
    ----------
    Y. Wu, K. He, "Group normalization", 2018.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.GroupNorm(2, 6)(tp.ones(3, 6, 4, 4)).shape
    (3, 6, 4, 4)
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_groups} groups do not divide {num_channels} channels")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.register_parameter("weight", None)
        self.register_parameter("bias", None)
        if affine:
            self.weight = Parameter(ops.ones((num_channels,), dtype=dtype, device=device))
            if bias:
                self.bias = Parameter(ops.zeros((num_channels,), dtype=dtype, device=device))

    def reset_parameters(self) -> None:
        """Set the weight to 1 and the bias to 0."""
        reset_affine(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return ops.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """``y = x / sqrt(mean of x^2 + eps) * weight`` over the last axes of each sample.

    Parameters
    ----------
    normalized_shape : int or sequence of ints
        The input's last axes; an int means the last one.
    eps : float, optional
        By default the distance from 1 to the next number of the input's dtype.
    elementwise_affine : bool, default True
        Whether a weight (at first 1) of ``normalized_shape`` is learnt.
    device, dtype : optional
        Of the parameter; the default dtype if None.

    References
    ----------
    B. Zhang, R. Sennrich, "Root mean square layer normalization", 2019.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.RMSNorm(64)
    RMSNorm((64,), eps=None, elementwise_affine=True)
    """

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        if not shape:
            raise ValueError("RMSNorm: normalized_shape is empty; it takes the lengths of the last axes")
        self.normalized_shape = shape
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.register_parameter("weight", None)
        if elementwise_affine:
            self.weight = Parameter(ops.ones(shape, dtype=dtype, device=device))

    def reset_parameters(self) -> None:
        """Set the weight to 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return ops.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
