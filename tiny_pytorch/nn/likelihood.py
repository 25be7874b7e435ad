"""Negative log-likelihoods of numbers, as modules; what each computes stands in ``ops/likelihood.py``."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .loss import _Loss

__all__ = ["GaussianNLLLoss", "PoissonNLLLoss"]


class GaussianNLLLoss(_Loss):
    """``(log(v) + (input - target)^2 / v) / 2`` with ``v = max(var, eps)``.

    Parameters
    ----------
    full : bool, default False
        Whether the constant ``log(2 pi) / 2`` is added.
    eps : float, default 1e-6
        No variance counts as less.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.GaussianNLLLoss()(tp.tensor([1.0]), tp.tensor([3.0]), tp.ones(1))
    tensor(2.)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class PoissonNLLLoss(_Loss):
    """``e^input - target * input``; without ``log_input`` ``input - target * log(input + eps)``.

    Parameters
    ----------
    log_input : bool, default True
        Whether inputs are the logarithms of rates.
    full : bool, default False
        Whether Stirling's approximation of ``log(target!)`` is added where the target is above 1.
    eps : float, default 1e-8
        Keeps a rate of 0 from a logarithm of 0.
    reduction : {"mean", "sum", "none"}
    """

    def __init__(self, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.poisson_nll_loss(input, target, self.log_input, self.full, self.eps, self.reduction)
