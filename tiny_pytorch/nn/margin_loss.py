"""Losses with a margin, as modules; what each computes stands in ``ops/margin_loss.py``."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .loss import _Loss, _WeightedLoss

__all__ = [
    "CosineEmbeddingLoss", "HingeEmbeddingLoss", "MarginRankingLoss", "MultiLabelSoftMarginLoss", "TripletMarginLoss",
]  # fmt: skip


class TripletMarginLoss(_Loss):
    """``max(|anchor - positive + eps|_p - |anchor - negative + eps|_p + margin, 0)``.

    Parameters
    ----------
    margin : float, default 1.0
        Above 0.
    p : float, default 2.0
        The exponent of the norm.
    eps : float, default 1e-6
        Added to each element of a difference.
    swap : bool, default False
        Whether the distance of positive and negative counts where it is the smaller one.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> a, near, far = tp.zeros(1, 2), tp.zeros(1, 2), tp.tensor([[3.0, 4.0]])
    >>> tp.nn.TripletMarginLoss(margin=6.0, eps=0.0)(a, near, far)
    tensor(1.)
    """

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        if not margin > 0:
            raise ValueError(f"TripletMarginLoss: margin must be above 0, got {margin}")
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, self.reduction
        )


class MarginRankingLoss(_Loss):
    """``max(-target * (input1 - input2) + margin, 0)``: a target of 1 wants ``input1`` above, -1 below.

    Parameters
    ----------
    margin : float, default 0.0
    reduction : {"mean", "sum", "none"}
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.margin_ranking_loss(input1, input2, target, self.margin, self.reduction)


class HingeEmbeddingLoss(_Loss):
    """``input`` where the target is 1, ``max(margin - input, 0)`` where it is -1.

    Parameters
    ----------
    margin : float, default 1.0
    reduction : {"mean", "sum", "none"}
    """

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.hinge_embedding_loss(input, target, self.margin, self.reduction)


class CosineEmbeddingLoss(_Loss):
    """``1 - cos`` where the target is 1, ``max(cos - margin, 0)`` where it is -1; cos of the angle between the inputs.

    Parameters
    ----------
    margin : float, default 0.0
    reduction : {"mean", "sum", "none"}
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return F.cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The mean over classes of ``-weight * (target * log(s) + (1 - target) * log(1 - s))``, ``s = sigmoid(input)``.

    Parameters
    ----------
    weight : Tensor of shape (C,), optional
    reduction : {"mean", "sum", "none"}
        Over the samples.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_soft_margin_loss(input, target, self.weight, self.reduction)
