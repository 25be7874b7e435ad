"""Losses that ask for a margin between the scores of classes, or of a sign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd import ShapeError
from .activation import softplus
from .creation import zeros_like
from .distance import pairwise_distance
from .gathering import gather, scatter
from .loss import reduced
from .operands import index_tensor, shape_of
from .reduction import sum
from .selection import clamp, minimum, where

__all__ = [
    "multi_margin_loss", "multilabel_margin_loss", "soft_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip

Tensor = Any  # the class stands above the ops


def soft_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """``log(1 + e^(-target * input))`` for targets of -1 and 1.

    Parameters
    ----------
    input, target : Tensor
        Of one shape.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.soft_margin_loss(tp.tensor([0.0]), tp.tensor([1.0]))
    tensor(0.6931)
    """
    if shape_of("soft_margin_loss", input) != shape_of("soft_margin_loss", target):
        raise ShapeError(
            f"soft_margin_loss: input {tuple(input.shape)} and target {tuple(target.shape)} must be of one shape"
        )
    return reduced("soft_margin_loss", softplus(-(target * input), threshold=1e3), reduction)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``sum over i != y of weight[y] max(0, margin - x[y] + x[i])^p, divided by the number of classes``.

    Parameters
    ----------
    input : Tensor (N, C) or (C,)
    target : integer Tensor (N,) or ()
        The classes y.
    p : {1, 2}
    margin : float, default 1.0
    weight : Tensor (C,), optional
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        For another p, and shapes that do not fit.
    IndexError
        For a class out of range.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.multi_margin_loss(tp.tensor([[0.0, 0.5]]), tp.tensor([1]))
    tensor(0.25)
    """
    name = "multi_margin_loss"
    shape = shape_of(name, input)
    if p not in (1, 2):
        raise ValueError(f"{name}: p must be 1 or 2, got {p}")
    if len(shape) not in (1, 2) or shape_of(name, target) != shape[:-1]:
        raise ShapeError(f"{name}: expected an input (N, C) and a target (N,), got {shape} and {tuple(target.shape)}")
    index = index_tensor(name, target, input).unsqueeze(-1)
    distance = clamp(margin - gather(input, -1, index) + input, min=0)
    distance = distance if p == 1 else distance * distance
    if weight is not None:
        distance = distance * weight[index]
    distance = scatter(distance, -1, index, 0.0)
    return reduced(name, sum(distance, -1) / shape[-1], reduction)


def multilabel_margin_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """``sum over classes y of the sample and others i of max(0, 1 - x[y] + x[i]), divided by the number of classes``.

    Parameters
    ----------
    input : Tensor (N, C) or (C,)
    target : integer Tensor of that shape
        The classes of each sample, ended by the first -1.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    RuntimeError
        If the shapes differ.
    IndexError
        For a class out of range.
    """
    name = "multilabel_margin_loss"
    shape = shape_of(name, input)
    if len(shape) not in (1, 2) or shape_of(name, target) != shape:
        raise ShapeError(f"{name}: expected input and target (N, C), got {shape} and {tuple(target.shape)}")
    index = index_tensor(name, target, input)
    valid = (index < 0).long().cumsum(-1) == 0
    place = where(valid, index, zeros_like(index))
    member = zeros_like(input).scatter_add(-1, place, valid.to(input.dtype)) > 0
    margins = clamp(1 - gather(input, -1, place).unsqueeze(-1) + input.unsqueeze(-2), min=0)
    counted = valid.unsqueeze(-1).logical_and(member.unsqueeze(-2).logical_not())
    return reduced(name, sum(where(counted, margins, zeros_like(margins)), (-2, -1)) / shape[-1], reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """``max(d(anchor, positive) - d(anchor, negative) + margin, 0)`` for any distance d.

    Parameters
    ----------
    anchor, positive, negative : Tensor
    distance_function : callable, optional
        Of two Tensors; by default :func:`pairwise_distance`.
    margin : float, default 1.0
    swap : bool, default False
        Whether the distance of positive and negative counts where it is the smaller one.
    reduction : {"mean", "sum", "none"}
    """
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced("triplet_margin_with_distance_loss", clamp(near - far + margin, min=0), reduction)
