"""How near vectors are to each other: their angle, and the norm of their difference."""

from __future__ import annotations

from typing import Any

from .elementwise import divide, multiply
from .naming import dims
from .norms import norm
from .reduction import sum
from .selection import clamp

__all__ = ["cosine_similarity", "pairwise_distance"]

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
