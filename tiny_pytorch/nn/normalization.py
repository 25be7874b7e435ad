"""Normalisation layers: LayerNorm over each sample's features, BatchNorm1d over the batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..autograd import no_grad
from ..backend.dtypes import DTYPES
from ..tensor import Tensor
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["BatchNorm1d", "LayerNorm"]


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
        _reset_affine(self)

    def forward(self, input: Tensor) -> Tensor:
        return ops.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class BatchNorm1d(Module):
    """``y = (x - mean) / sqrt(var + eps) * weight + bias`` for each channel.

    In training, mean and (biased) variance are the batch's, and the running statistics follow them:
    ``r = (1 - momentum) * r + momentum * batch statistic``, with the unbiased variance. In evaluation the
    running statistics are used.

    Parameters
    ----------
    num_features : int
        The number of channels C.
    eps : float, default 1e-5
    momentum : float or None, default 0.1
        None averages over all batches so far with equal weights.
    affine : bool, default True
        Whether weight (at first 1) and bias (at first 0) are learnt.
    track_running_stats : bool, default True
        Without, evaluation uses the batch's statistics too.
    device, dtype : optional
        Of parameters and statistics; the default dtype if None.
    bias : bool, default True
        Whether there is a bias beside the weight; by keyword only.

    Attributes
    ----------
    running_mean, running_var : Tensor, shape (C,)
    num_batches_tracked : Tensor
        An integer scalar.

    Notes
    -----
    Input and output (N, C) or (N, C, L).

    Raises
    ------
    ValueError
        For an input of other dimensions, and when training with a single value per channel.

    References
    ----------
    S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift", 2015.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.BatchNorm1d(32)
    BatchNorm1d(32, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        shape = (num_features,)
        self.register_parameter("weight", None)
        self.register_parameter("bias", None)
        if affine:
            self.weight = Parameter(ops.ones(shape, dtype=dtype, device=device))
            if bias:
                self.bias = Parameter(ops.zeros(shape, dtype=dtype, device=device))
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, None)
        if track_running_stats:
            self.running_mean = ops.zeros(shape, dtype=dtype, device=device)
            self.running_var = ops.ones(shape, dtype=dtype, device=device)
            self.num_batches_tracked = ops.zeros((), dtype=DTYPES["int64"], device=device)

    def reset_running_stats(self) -> None:
        """Forget what the running statistics saw."""
        for buffer in (self.running_mean, self.num_batches_tracked):
            if buffer is not None:
                init.zeros_(buffer)
        if self.running_var is not None:
            init.ones_(self.running_var)

    def reset_parameters(self) -> None:
        """Forget the running statistics, set the weight to 1 and the bias to 0."""
        self.reset_running_stats()
        _reset_affine(self)

    def forward(self, input: Tensor) -> Tensor:
        if len(input.shape) not in (2, 3):
            raise ValueError(f"BatchNorm1d: expected an input (N, C) or (N, C, L), got shape {input.shape}")
        if input.shape[1] != self.num_features:
            raise ValueError(
                f"BatchNorm1d: expected {self.num_features} channels (num_features) on axis 1, got an input "
                f"of shape {input.shape}"
            )
        updates = self.training and self.track_running_stats
        counter = self.num_batches_tracked if updates else None
        momentum = self.momentum
        if momentum is None:
            momentum = 0.0 if counter is None else 1.0 / (int(counter.item()) + 1)
        uses_running = updates or not self.training
        output = ops.batch_norm(
            input,
            self.running_mean if uses_running else None,
            self.running_var if uses_running else None,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            momentum,
            self.eps,
        )
        if counter is not None:  # last: an input that was refused has changed nothing
            with no_grad():
                counter.add_(1)
        return output

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


def _reset_affine(module: LayerNorm | BatchNorm1d) -> None:
    if module.weight is not None:
        init.ones_(module.weight)
    if module.bias is not None:
        init.zeros_(module.bias)
