"""Activations that draw small values to 0, leaky ReLU with a random slope, and SELU's dropout, as modules."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .dropout import _Dropout
from .module import Module

__all__ = ["AlphaDropout", "Hardshrink", "RReLU", "Softshrink"]


class Hardshrink(Module):
    """``y = x`` where ``|x| > lambd``, else 0.

    Parameters
    ----------
    lambd : float, default 0.5
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Softshrink(Module):
    """``y = sign(x) * max(|x| - lambd, 0)``.

    Parameters
    ----------
    lambd : float, default 0.5
        At least 0.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class RReLU(Module):
    """``y = x`` where ``x > 0``, else ``a x``; a is drawn for each element in training, and else the mean.

    Parameters
    ----------
    lower, upper : float, default 1/8 and 1/3
        The ends of the uniform distribution of a.
    inplace : bool, default False
    """

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}{', inplace=True' if self.inplace else ''}"


class AlphaDropout(_Dropout):
    """In training elements are set to SELU's lower limit with probability ``p``; mean and variance are kept.

    Parameters
    ----------
    p : float, default 0.5
        Probability of an element to be dropped, 0 to 1.
    inplace : bool, default False

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-normalizing neural networks", NeurIPS 2017.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training, self.inplace)
