"""Dropout for networks that normalise themselves by SELU, and samples from classes that gradients flow through."""

from __future__ import annotations

import math
from typing import Any

from .. import backend
from ..autograd import inplace as write
from ..autograd import leaf
from ..random import default_generator
from .activation import softmax
from .bent import SELU_ALPHA, SELU_SCALE
from .creation import zeros_like
from .extrema import argmax
from .gathering import scatter
from .operands import shape_of
from .sampling import rand_like
from .selection import where

__all__ = ["alpha_dropout", "gumbel_softmax"]

Tensor = Any  # the class stands above the ops


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """``y = a (x, or -s where dropped) + b``: elements are set to SELU's lower limit, and mean and variance are kept.

    With ``s = 1.7581`` (SELU's scale times its alpha), ``a = 1 / sqrt((1 - p) (1 + p s^2))`` and ``b = a p s``.

    Parameters
    ----------
    input : Tensor
    p : float, default 0.5
        Probability of an element to be dropped, 0 to 1.
    training : bool, default False
        Without, ``y = x``.
    inplace : bool, default False

    Raises
    ------
    ValueError
        For ``p`` outside 0 to 1.

    References
    ----------
    G. Klambauer, T. Unterthiner, A. Mayr, S. Hochreiter, "Self-normalizing neural networks", NeurIPS 2017.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"alpha_dropout: p is a probability, 0 to 1, got {p}")
    if not training or p == 0:
        return input
    return write(_dropped, input, p) if inplace else _dropped(input, p)


def _dropped(input: Tensor, p: float) -> Tensor:
    if p == 1:
        return input * 0.0
    limit = SELU_SCALE * SELU_ALPHA
    a = ((1 - p) * (1 + p * limit**2)) ** -0.5
    shape = shape_of("alpha_dropout", input)
    kept = leaf(backend.at(input.array).kernels.keep_mask(shape, float(p), default_generator().key()))
    return where(kept, input, zeros_like(input) - limit) * a + a * p * limit


def gumbel_softmax(logits: Tensor, tau: float = 1.0, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """``softmax((logits + G) / tau)`` with Gumbel noise G: nearly one-hot samples that gradients flow through.

    Parameters
    ----------
    logits : Tensor
    tau : float, default 1.0
        The temperature: the lower, the nearer to one-hot.
    hard : bool, default False
        Return one-hot rows, with the gradient of the soft ones (straight through).
    eps : float
        Accepted because PyTorch's scripts pass it.
    dim : int, default -1

    References
    ----------
    E. Jang, S. Gu, B. Poole, "Categorical reparameterization with Gumbel-softmax", ICLR 2017.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.gumbel_softmax(tp.zeros(2, 3), hard=True).sum(-1)
    tensor([1., 1.])
    """
    # 1 - u is never 0, and its logarithm only where u is: that noise would be infinite.
    u = (1 - rand_like(logits)).clamp(math.exp(-80), 1 - 2.0**-24)
    soft = softmax((logits - (-u.log()).log()) / tau, dim)
    if not hard:
        return soft
    chosen = scatter(zeros_like(logits), dim, argmax(soft, dim, keepdim=True), 1.0)
    return chosen - soft.detach() + soft
