"""Functions of probability: the inverse error function, log-odds, and ``x log y`` that is 0 where x is."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import op

__all__ = ["erfinv", "logit", "xlogy"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops

# M. Giles, "Approximating the erfinv function", GPU Computing Gems 2, 2010: in powers of w - 2.5 for w below 5, and of
# sqrt(w) - 3 from there, with w = -log(1 - x^2); good to float32's digits.
CENTRAL = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164,
    0.246640727, 1.50140941,
)  # fmt: skip
TAIL = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
    1.00167406, 2.83297682,
)  # fmt: skip


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    y = x * coefficients[0] + coefficients[1]
    for c in coefficients[2:]:
        y = y * x + c
    return y


@op(promotes="floating", keeps="output", autocast="float32")
def erfinv(k: K, x: Array) -> Array:
    """The ``y`` with ``erf(y) = x``: infinite at -1 and 1, NaN beyond them.

    References
    ----------
    M. Giles, "Approximating the erfinv function", 2010; two of Newton's steps give float64 its digits.
    """
    xp = k.xp
    inside = xp.abs(x) < 1
    safe = xp.where(inside, x, xp.zeros_like(x))
    w = -xp.log((1.0 - safe) * (1.0 + safe))
    near = _polynomial(xp.where(w < 5.0, w, 0.0) - 2.5, CENTRAL)
    far = _polynomial(xp.sqrt(xp.where(w < 5.0, 9.0, w)) - 3.0, TAIL)
    y = safe * xp.where(w < 5.0, near, far)
    if x.dtype == xp.float64:
        for _ in range(2):
            y = y - (k.erf(y) - safe) * (math.sqrt(math.pi) / 2) * xp.exp(y * y)
    ends = xp.where(xp.abs(x) == 1, x * math.inf, x * math.nan)
    return xp.where(inside, y, ends)


@erfinv.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    y = saved.output
    return (k.multiply(g, k.xp.exp(k.multiply(y, y)) * (math.sqrt(math.pi) / 2)),)


@op(promotes="floating", keeps="inputs", autocast="float32", name="logit")
def _logit(k: K, x: Array, *, eps: float | None) -> Array:
    x = x if eps is None else k.xp.clip(x, eps, 1 - eps)
    return k.xp.log(k.divide(x, 1 - x))


@_logit.gradient
def _(k: K, g: Array, saved: Any, *, eps: float | None) -> tuple:
    xp, x = k.xp, saved.inputs[0]
    low, outside = (0.0, math.nan) if eps is None else (eps, 0.0)
    inside = xp.logical_and(x >= low, x <= 1 - low)
    return (xp.where(inside, k.divide(g, k.multiply(xp.abs(x), 1 - x)), xp.ones_like(g) * outside),)


def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """``log(x / (1 - x))``, the inverse of sigmoid.

    Parameters
    ----------
    input : Tensor
    eps : float, optional
        Keeps x from ``eps`` to ``1 - eps``; without it, 0 and 1 give infinities and what is outside NaN.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.logit(tp.tensor([0.5, 1.0]), eps=0.25)
    tensor([0.    , 1.0986])
    """
    return _logit(input, eps=None if eps is None else float(eps))


@op(promotes="floating", keeps="inputs", autocast="float32")
def xlogy(k: K, x: Array, y: Array) -> Array:
    """``x log y``, and 0 where x is 0, unless y is NaN. Where x is 0 and y is not above 0, the gradient of x is 0."""
    xp = k.xp
    return xp.where(xp.logical_and(x == 0, y == y), xp.zeros_like(x * y), x * xp.log(y))


@xlogy.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    xp, (x, y), needs = k.xp, saved.inputs, saved.needs
    g_x = None
    if needs[0]:
        safe = xp.where(xp.logical_and(x == 0, y <= 0), xp.ones_like(y), y)
        g_x = k.multiply(g, xp.log(safe))
    return g_x, k.divide(k.multiply(g, x), y) if needs[1] else None
