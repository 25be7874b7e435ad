"""CosineSimilarity and PairwiseDistance: how near two batches of vectors are to each other."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class CosineSimilarity(Module):
    """``y = sum of x1 x2 / (max(|x1|, eps) max(|x2|, eps))`` along ``dim``.

    Parameters
    ----------
    dim : int, default 1
        The axis of a vector; the result is without it.
    eps : float, default 1e-8
        Keeps a zero vector from a division by zero.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.CosineSimilarity()(tp.ones(4, 3), tp.ones(4, 3)).shape
    (4,)
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """``y = |x1 - x2 + eps|_p`` along the last axis.

    Parameters
    ----------
    p : float, default 2.0
        The exponent of the norm.
    eps : float, default 1e-6
        Added to each element of the difference.
    keepdim : bool, default False
        Whether the last axis stays, with size 1.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.PairwiseDistance(keepdim=True)(tp.ones(4, 3), tp.ones(4, 3)).shape
    (4, 1)
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
