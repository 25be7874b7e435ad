"""Activations that draw small values to 0, and leaky ReLU with a slope drawn at random."""

from __future__ import annotations

from typing import Any

from ..autograd import inplace as write
from .activation import leaky_relu
from .creation import ones_like, zeros_like
from .elementwise import abs, multiply, sign
from .sampling import rand_like
from .selection import where

__all__ = ["hardshrink", "rrelu", "softshrink"]

Tensor = Any  # the class stands above the ops


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``y = x`` where ``|x| > lambd``, else 0.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.hardshrink(tp.tensor([-1.0, 0.25, 0.75]))
    tensor([-1.  ,  0.  ,  0.75])
    """
    small = abs(input.detach()) <= lambd  # NaN is not
    return where(small, zeros_like(input), input)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """``y = sign(x) * max(|x| - lambd, 0)``.

    Raises
    ------
    ValueError
        For a negative ``lambd``.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.softshrink(tp.tensor([-1.0, 0.25, 0.75]))
    tensor([-0.5 ,  0.  ,  0.25])
    """
    if not lambd >= 0:
        raise ValueError(f"softshrink: lambd must be at least 0, got {lambd}")
    fixed = input.detach()
    return where(abs(fixed) <= lambd, zeros_like(input), input - sign(fixed) * lambd)


def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """``y = x`` where ``x > 0``, else ``a x``: a uniform from ``lower`` to ``upper`` in training, else their mean.

    Parameters
    ----------
    input : Tensor
    lower, upper : float, default 1/8 and 1/3
    training : bool, default False
    inplace : bool, default False
        Write the result into the input.

    Raises
    ------
    ValueError
        If ``lower`` is above ``upper``.

    References
    ----------
    B. Xu, N. Wang, T. Chen, M. Li, "Empirical evaluation of rectified activations in convolutional network", 2015.
    """
    if lower > upper:
        raise ValueError(f"rrelu: lower must not be above upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    drawn = rand_like(input) * (upper - lower) + lower
    slope = where(input.detach() > 0, ones_like(drawn), drawn)
    return write(multiply, input, slope) if inplace else multiply(input, slope)
