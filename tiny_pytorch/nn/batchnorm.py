"""Batch normalisation: each channel over all samples, and over all places in them."""

from __future__ import annotations

from typing import Any, ClassVar

from .. import ops
from ..autograd import no_grad
from ..backend.dtypes import DTYPES
from ..ops.operands import shape_of
from ..tensor import Tensor
from . import init
from .affine import reset_affine
from .module import Module
from .parameter import Parameter

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d"]


class _BatchNorm(Module):
    """What the batch normalisations of all dimensions share: they differ in the inputs that they take."""

    shapes: ClassVar[dict[int, str]]  # by the number of dimensions
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
        reset_affine(self.weight, self.bias)

    def forward(self, input: Tensor) -> Tensor:
        name = type(self).__name__
        shape = shape_of(name, input)
        if len(shape) not in self.shapes:
            expected = " or ".join(self.shapes.values())
            raise ValueError(f"{name}: expected an input {expected}, got shape {shape}")
        if shape[1] != self.num_features:
            raise ValueError(
                f"{name}: expected {self.num_features} channels (num_features) on axis 1, got an input of shape {shape}"
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


class BatchNorm1d(_BatchNorm):
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

    shapes: ClassVar[dict[int, str]] = {2: "(N, C)", 3: "(N, C, L)"}


class BatchNorm2d(_BatchNorm):
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
    Input and output (N, C, H, W).

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
    >>> tp.nn.BatchNorm2d(32)
    BatchNorm2d(32, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
    """

    shapes: ClassVar[dict[int, str]] = {4: "(N, C, H, W)"}


class BatchNorm3d(_BatchNorm):
    """:class:`BatchNorm2d` of volumes: input and output (N, C, D, H, W)."""

    shapes: ClassVar[dict[int, str]] = {5: "(N, C, D, H, W)"}
