"""Negative log-likelihoods of numbers: under normal and Poisson distributions."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import ShapeError, no_grad
from .creation import ones_like, zeros_like
from .elementwise import exp, log
from .loss import reduced
from .operands import shape_of
from .selection import clamp, where

__all__ = ["gaussian_nll_loss", "poisson_nll_loss"]

Tensor = Any  # the class stands above the ops


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """``(log(v) + (input - target)^2 / v) / 2`` with ``v = max(var, eps)``: targets normal around the inputs.

    Parameters
    ----------
    input, target : Tensor
        Means and observations, of shapes that broadcast.
    var : Tensor or float
        Variances: of the input's shape, or without its last axis, or with 1 there.
    full : bool, default False
        Whether the constant ``log(2 pi) / 2`` is added.
    eps : float, default 1e-6
        No variance counts as less. The gradient passes through as if it were not so.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        For negative variances, or a shape of them that does not fit.

    References
    ----------
    D. A. Nix, A. S. Weigend, "Estimating the mean and variance of the target probability distribution", ICNN 1994.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.gaussian_nll_loss(tp.tensor([1.0]), tp.tensor([3.0]), tp.ones(1))
    tensor(2.)
    """
    name = "gaussian_nll_loss"
    shape = shape_of(name, input)
    if isinstance(var, (int, float)):
        var = ones_like(input) * var
    spread = shape_of(name, var)
    if spread != shape:
        if spread == shape[:-1]:
            var = var.unsqueeze(-1)
        elif shape[:-1] != spread[:-1] or spread[-1] != 1:
            raise ShapeError(
                f"{name}: var has shape {spread}; expected the input's {shape}, or it without its last axis, or with 1 "
                "there"
            )
    if (var < 0).any().item():
        raise ValueError(f"{name}: a variance is negative; pass, for example, its logarithm's exponential")
    with no_grad():
        raised = clamp(var, min=eps) - var
    v = var + raised
    loss = (log(v) + (input - target) ** 2 / v) * 0.5
    return reduced(name, loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """``e^input - target * input``; without ``log_input`` ``input - target * log(input + eps)``.

    Parameters
    ----------
    input : Tensor
        The logarithms of rates, or with ``log_input=False`` rates.
    target : Tensor
        Counts, of a shape that broadcasts with the input's.
    log_input : bool, default True
    full : bool, default False
        Whether Stirling's approximation of ``log(target!)`` is added where the target is above 1:
        ``target * log(target) - target + log(2 pi target) / 2``.
    eps : float, default 1e-8
        Keeps a rate of 0 from a logarithm of 0.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.poisson_nll_loss(tp.tensor([0.0]), tp.tensor([3.0]))
    tensor(1.)
    """
    loss = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        above = where(target > 1, target, ones_like(target))
        stirling = above * log(above) - above + 0.5 * log(2 * math.pi * above)
        loss = loss + where(target > 1, stirling, zeros_like(stirling))
    return reduced("poisson_nll_loss", loss, reduction)
