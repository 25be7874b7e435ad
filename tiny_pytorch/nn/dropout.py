"""Dropout: noise that keeps a network from relying on single units."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = ["Dropout"]


class Dropout(Module):
    """In training ``y = x * mask / (1 - p)`` with a random mask that is 0 with probability ``p``; else ``y =
    x``.

    Parameters
    ----------
    p : float, default 0.5
        Probability of an element to be dropped, 0 to 1.
    inplace : bool, default False
        Write the result into the input.

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: a simple way to prevent
    neural networks from overfitting", JMLR 15 (2014).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.Dropout(0.2).eval()(tp.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"Dropout: p is a probability, 0 to 1, got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"
