"""Losses with a margin between classes, as modules; what each computes stands in ``ops/class_margin_loss.py``."""

from __future__ import annotations

from collections.abc import Callable

from ..tensor import Tensor
from . import functional as F
from .distance import PairwiseDistance
from .loss import _Loss, _WeightedLoss

__all__ = ["MultiLabelMarginLoss", "MultiMarginLoss", "SoftMarginLoss", "TripletMarginWithDistanceLoss"]


class SoftMarginLoss(_Loss):
    """``log(1 + e^(-target * input))`` for targets of -1 and 1.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.soft_margin_loss(input, target, self.reduction)


class MultiMarginLoss(_WeightedLoss):
    """``sum over i != y of weight[y] max(0, margin - x[y] + x[i])^p, divided by the number of classes``.

    Parameters
    ----------
    p : {1, 2}
    margin : float, default 1.0
    weight : Tensor (C,), optional
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        For another p.
    """

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, reduction: str = "mean") -> None:
        super().__init__(weight, reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: p must be 1 or 2, got {p}")
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, self.reduction)


class MultiLabelMarginLoss(_Loss):
    """``sum over classes y of the sample and others i of max(0, 1 - x[y] + x[i]), divided by the number of classes``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.multilabel_margin_loss(input, target, self.reduction)


class TripletMarginWithDistanceLoss(_Loss):
    """``max(d(anchor, positive) - d(anchor, negative) + margin, 0)`` for any distance d.

    Parameters
    ----------
    distance_function : callable, optional
        Of two Tensors; by default :func:`~tiny_pytorch.nn.functional.pairwise_distance`.
    margin : float, default 1.0
    swap : bool, default False
        Whether the distance of positive and negative counts where it is the smaller one.
    reduction : {"mean", "sum", "none"}
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        if not margin > 0:
            raise ValueError(f"TripletMarginWithDistanceLoss: margin must be above 0, got {margin}")
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
