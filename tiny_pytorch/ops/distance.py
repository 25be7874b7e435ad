"""How near vectors are to each other: their angle, and the norm of their difference."""

from __future__ import annotations

from typing import Any

from ..autograd import ShapeError
from .elementwise import divide, multiply
from .naming import dims
from .norms import norm
from .operands import shape_of
from .reduction import sum
from .selection import clamp

__all__ = ["cdist", "cosine_similarity", "pairwise_distance"]

Tensor = Any


@dims
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """``y = sum of x1 x2 / (max(|x1|, eps) max(|x2|, eps))`` along ``dim``.

    Parameters
    ----------
    x1, x2 : Tensor
        Of shapes that broadcast.
    dim : int, default 1
        The axis of a vector; the result is without it.
    eps : float, default 1e-8
        Keeps a zero vector from a division by zero.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.cosine_similarity(tp.tensor([[3.0, 4.0]]), tp.tensor([[0.0, 2.0]]))
    tensor([0.8])
    """
    lengths = multiply(clamp(norm(x1, 2.0, dim), min=eps), clamp(norm(x2, 2.0, dim), min=eps))
    return divide(sum(multiply(x1, x2), dim), lengths)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """``y = |x1 - x2 + eps|_p`` along the last axis.

    Parameters
    ----------
    x1, x2 : Tensor
        Of shapes that broadcast.
    p : float, default 2.0
        The exponent of the norm.
    eps : float, default 1e-6
        Added to each element of the difference.
    keepdim : bool, default False
        Whether the last axis stays, with size 1.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.pairwise_distance(tp.tensor([[3.0, 4.0]]), tp.tensor([[0.0, 0.0]]), eps=0.0)
    tensor([5.])
    """
    return norm(x1 - x2 + eps, p, -1, keepdim=keepdim)


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Tensor:
    """``y[..., i, j] = |x1[..., i] - x2[..., j]|_p``: the distances of all pairs.

    Parameters
    ----------
    x1 : Tensor (..., P, D)
    x2 : Tensor (..., R, D)
        The axes in front broadcast.
    p : float, default 2.0
        The exponent of the norm, at least 0.
    compute_mode : str
        Accepted because PyTorch's scripts pass it. Differences are always formed, which takes memory for P x R x D
        elements but keeps the digits that a matrix product would lose where vectors are near to each other.

    Returns
    -------
    Tensor (..., P, R)

    Raises
    ------
    RuntimeError
        For inputs of one dimension, or different D.
    ValueError
        If p is negative.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.cdist(tp.tensor([[0.0, 0.0]]), tp.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[5., 1.]])
    """
    shapes = shape_of("cdist", x1), shape_of("cdist", x2)
    if min(len(shape) for shape in shapes) < 2 or shapes[0][-1] != shapes[1][-1]:
        raise ShapeError(f"cdist: expected inputs (..., P, D) and (..., R, D), got shapes {shapes[0]} and {shapes[1]}")
    if p < 0:
        raise ValueError(f"cdist: p must be at least 0, got {p}")
    return norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), p, -1)
