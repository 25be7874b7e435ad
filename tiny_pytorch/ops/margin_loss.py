"""Losses that ask for a margin: between distances, scores or angles."""

from __future__ import annotations

from typing import Any

from ..autograd import ShapeError
from .activation import logsigmoid
from .creation import zeros_like
from .distance import pairwise_distance
from .loss import reduced
from .operands import shape_of
from .reduction import mean, sum
from .selection import clamp, minimum, where

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multilabel_soft_margin_loss",
    "triplet_margin_loss",
]  # fmt: skip

Tensor = Any  # the class stands above the ops

COSINE_EPS = 1e-12  # added to squared lengths, as PyTorch does


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """``max(|anchor - positive + eps|_p - |anchor - negative + eps|_p + margin, 0)``.

    Parameters
    ----------
    anchor, positive, negative : Tensor (N, D) or (D,)
        Of one number of dimensions.
    margin : float, default 1.0
        Above 0.
    p : float, default 2.0
        The exponent of the norm.
    eps : float, default 1e-6
        Added to each element of a difference.
    swap : bool, default False
        Whether the distance of positive and negative counts where it is the smaller one.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        If ``margin`` is not above 0.
    RuntimeError
        For different numbers of dimensions.

    References
    ----------
    V. Balntas et al., "Learning local feature descriptors with triplets and shallow convolutional neural networks",
    BMVC 2016.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> a, near, far = tp.zeros(1, 2), tp.zeros(1, 2), tp.tensor([[3.0, 4.0]])
    >>> tp.nn.functional.triplet_margin_loss(a, near, far, margin=6.0, eps=0.0)
    tensor(1.)
    """
    name = "triplet_margin_loss"
    shapes = [shape_of(name, x) for x in (anchor, positive, negative)]
    if len({len(shape) for shape in shapes}) != 1:
        raise ShapeError(f"{name}: expected anchor, positive and negative of as many dimensions, got shapes {shapes}")
    if not margin > 0:
        raise ValueError(f"{name}: margin must be above 0, got {margin}")
    to_positive = pairwise_distance(anchor, positive, p, eps)
    to_negative = pairwise_distance(anchor, negative, p, eps)
    if swap:
        to_negative = minimum(to_negative, pairwise_distance(positive, negative, p, eps))
    return reduced(name, clamp(to_positive - to_negative + margin, min=0.0), reduction)


def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """``max(-target * (input1 - input2) + margin, 0)``: a target of 1 wants ``input1`` above, -1 below.

    Parameters
    ----------
    input1, input2, target : Tensor
        Of as many dimensions, and shapes that broadcast.
    margin : float, default 0.0
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    RuntimeError
        For different numbers of dimensions.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> one = tp.ones(1)
    >>> tp.nn.functional.margin_ranking_loss(tp.tensor([2.0]), tp.tensor([1.5]), one, margin=1.0)
    tensor(0.5)
    """
    name = "margin_ranking_loss"
    shapes = [shape_of(name, x) for x in (input1, input2, target)]
    if len({len(shape) for shape in shapes}) != 1:
        raise ShapeError(f"{name}: expected inputs and a target of as many dimensions, got shapes {shapes}")
    return reduced(name, clamp(-target * (input1 - input2) + margin, min=0.0), reduction)


def hinge_embedding_loss(input: Tensor, target: Tensor, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """``input`` where the target is 1, ``max(margin - input, 0)`` where it is -1.

    Parameters
    ----------
    input : Tensor
        Distances.
    target : Tensor
        Of 1 and -1, of a shape that broadcasts with the input's.
    margin : float, default 1.0
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.hinge_embedding_loss(tp.tensor([0.25, 0.25]), tp.tensor([1, -1]), reduction="none")
    tensor([0.25, 0.75])
    """
    far = where(target == 1, zeros_like(input), clamp(margin - input, min=0.0))
    near = where(target == -1, zeros_like(input), input)
    return reduced("hinge_embedding_loss", near + far, reduction)


def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """``1 - cos`` where the target is 1, ``max(cos - margin, 0)`` where it is -1, else 0; cos of the angle between.

    Parameters
    ----------
    input1, input2 : Tensor (N, D) or (D,)
    target : Tensor (N,) or ()
        Of 1 and -1.
    margin : float, default 0.0
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    RuntimeError
        For inputs of other dimensions than the target's and one.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x, y = tp.tensor([[1.0, 0.0]]), tp.tensor([[0.0, 2.0]])
    >>> tp.nn.functional.cosine_embedding_loss(x, y, tp.tensor([1]))
    tensor(1.)
    """
    name = "cosine_embedding_loss"
    shapes = [shape_of(name, x) for x in (input1, input2, target)]
    dimensions = [len(shape) for shape in shapes]
    if dimensions not in ([1, 1, 0], [2, 2, 1]):
        raise ShapeError(f"{name}: expected inputs (N, D) and a target (N,), or (D,) and (), got shapes {shapes}")
    squares = (sum(input1 * input1, -1) + COSINE_EPS) * (sum(input2 * input2, -1) + COSINE_EPS)
    cosine = sum(input1 * input2, -1) / squares.sqrt()
    zero = zeros_like(cosine)
    loss = where(target == 1, 1 - cosine, zero) + where(target == -1, clamp(cosine - margin, min=0.0), zero)
    return reduced(name, loss, reduction)


def multilabel_soft_margin_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """The mean over classes of ``-weight * (target * log(s) + (1 - target) * log(1 - s))``, ``s = sigmoid(input)``.

    Parameters
    ----------
    input : Tensor (N, C) or (C,)
        Logits.
    target : Tensor of the input's shape
        0 or 1 for each class.
    weight : Tensor that broadcasts to the input, optional
    reduction : {"mean", "sum", "none"}
        Over the samples; "none" gives (N,).

    Raises
    ------
    RuntimeError
        For shapes that differ.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> loss = tp.nn.functional.multilabel_soft_margin_loss(tp.zeros(1, 3), tp.tensor([[1.0, 0.0, 1.0]]))
    >>> round(loss.item(), 4)
    0.6931
    """
    name = "multilabel_soft_margin_loss"
    shapes = shape_of(name, input), shape_of(name, target)
    if shapes[0] != shapes[1]:
        raise ShapeError(f"{name}: expected an input and a target of one shape, got {shapes[0]} and {shapes[1]}")
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduced(name, mean(loss, -1), reduction)
