"""Losses as modules; what each computes, and all that it checks, stands in ``ops/loss.py``."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = [
    "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss",
    "NLLLoss", "SmoothL1Loss", "SoftmaxLoss",
]  # fmt: skip


class _Loss(Module):
    """A loss with a ``reduction``: "mean", "sum" or "none"."""

    reduction: str

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        # A loss is often built anew in every step: its settings go past __setattr__, which costs 0.4 µs each.
        self.__dict__["reduction"] = reduction


class _WeightedLoss(_Loss):
    """A loss with a weight for each class or element, which is state but is not learnt."""

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)


class SoftmaxLoss(_WeightedLoss):
    """``-log softmax(input)[target]``: softmax and cross-entropy in one. ``CrossEntropyLoss`` is the same
    class.

    Parameters
    ----------
    weight : Tensor of shape (C,), optional
        A weight for each class; "mean" then divides by the sum of the weights met.
    ignore_index : int, default -100
        Class indices of this value count nothing.
    reduction : {"mean", "sum", "none"}
    label_smoothing : float, default 0.0
        The target becomes ``(1 - label_smoothing) * target + label_smoothing / C``.

    Notes
    -----
    Called with logits (N, C) or (N, C, d1, ...) and either integer classes (N,) or (N, d1, ...), or
    probabilities of the logits' shape.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> loss = tp.nn.SoftmaxLoss()(tp.zeros(2, 4), tp.tensor([0, 3]))
    >>> round(loss.item(), 4)
    1.3863
    """

    ignore_index: int
    label_smoothing: float

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction)
        self.__dict__.update(ignore_index=ignore_index, label_smoothing=label_smoothing)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


CrossEntropyLoss = SoftmaxLoss


class NLLLoss(_WeightedLoss):
    """``-weight[target] * input[target]``: the negative log-likelihood, for log-probabilities (see
    LogSoftmax).

    Parameters
    ----------
    weight : Tensor of shape (C,), optional
    ignore_index : int, default -100
        Class indices of this value count nothing.
    reduction : {"mean", "sum", "none"}
    """

    def __init__(self, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class MSELoss(_Loss):
    """``(input - target)^2``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(input, target, self.reduction)


class L1Loss(_Loss):
    """``|input - target|``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.l1_loss(input, target, self.reduction)


class KLDivLoss(_Loss):
    """``target * (ln target - input)``, 0 where the target is: its relative entropy to log-probabilities.

    Parameters
    ----------
    reduction : {"mean", "batchmean", "sum", "none"}
        "batchmean" divides the sum by the size of the first axis.
    log_target : bool, default False
        Whether targets are logarithms as well.
    """

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.kl_div(input, target, self.reduction, self.log_target)


class HuberLoss(_Loss):
    """``d^2 / 2`` where ``|d| <= delta``, else ``delta * (|d| - delta / 2)``, with ``d = input - target``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    delta : float, default 1.0
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.huber_loss(input, target, self.reduction, self.delta)


class SmoothL1Loss(_Loss):
    """``d^2 / (2 beta)`` where ``|d| < beta``, else ``|d| - beta / 2``, with ``d = input - target``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    beta : float, default 1.0
    """

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)


class BCELoss(_WeightedLoss):
    """``-weight * (target * log(input) + (1 - target) * log(1 - input))``, for probabilities.

    Parameters
    ----------
    weight : Tensor that broadcasts to the input, optional
    reduction : {"mean", "sum", "none"}
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """``-weight * (pos_weight * target * log(s) + (1 - target) * log(1 - s))`` with ``s = sigmoid(input)``.

    Parameters
    ----------
    weight : Tensor that broadcasts to the input, optional
    reduction : {"mean", "sum", "none"}
    pos_weight : Tensor that broadcasts to the input, optional
        How much more the positive answers weigh.
    """

    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(weight, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)
