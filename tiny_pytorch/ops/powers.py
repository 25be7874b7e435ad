"""Powers and roots, element by element."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import op
from ..backend.dtypes import as_dtype

__all__ = ["hypot", "pow", "reciprocal", "rsqrt", "sqrt", "square"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor


@op(promotes="common", keeps="inputs", autocast="float32")
def square(k: K, x: Array) -> Array:
    """``y = x^2``."""
    return k.multiply(x, x)


@square.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.multiply(g, saved.inputs[0] * 2.0),)


@op(promotes="floating", keeps="output")
def sqrt(k: K, x: Array) -> Array:
    """``y = sqrt(x)``. The derivative at 0 is infinite."""
    return k.xp.sqrt(x)


@sqrt.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.divide(g * 0.5, saved.output),)


@op(promotes="floating", keeps="output", autocast="float32")
def rsqrt(k: K, x: Array) -> Array:
    """``y = 1 / sqrt(x)``."""
    return 1.0 / k.xp.sqrt(x)


@rsqrt.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    y = saved.output
    return (k.multiply(g, y * y * y * -0.5),)


@op(promotes="floating", keeps="output", autocast="float32")
def reciprocal(k: K, x: Array) -> Array:
    """``y = 1 / x``."""
    return k.divide(1.0, x)


@reciprocal.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    y = saved.output
    return (-k.multiply(g, k.multiply(y, y)),)


@op(promotes="floating", keeps=("inputs", "output"))
def hypot(k: K, a: Array, b: Array) -> Array:
    """``y = sqrt(a^2 + b^2)``, without overflow."""
    return k.xp.hypot(a, b)


@hypot.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    a, b = saved.inputs
    y, needs = saved.output, saved.needs
    return g * (a / y) if needs[0] else None, g * (b / y) if needs[1] else None


@op(promotes="common", keeps="inputs", autocast="float32", arguments=("input", "exponent"))
def pow(k: K, a: Array, b: Array) -> Array:
    """``y = a^b``; 0^0 is 1. Integers to negative integers are refused.

    The derivative with respect to a is 0 where b is 0; with respect to b it is 0 where a is 0 and b >= 0.
    """
    if isinstance(b, (int, float)):
        return a**b if b == 1 else _power(k, a, b)
    if as_dtype(b.dtype).kind == "bool":
        raise TypeError("bools have no powers; convert them with .long()")
    return a**b


@pow.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    a, b = saved.inputs
    needs = saved.needs
    return _base_gradient(k, g, a, b) if needs[0] else None, _exponent_gradient(k, g, a, b) if needs[1] else None


def _power(k: K, x: Array, n: float) -> Array:
    """``x^n``. Products, where there are few, are many times faster than the general power."""
    if n == 1:
        return x
    if n == 2:
        return k.multiply(x, x)
    if n == 3:
        return k.multiply(k.multiply(x, x), x)
    if n == 0.5:
        return k.xp.sqrt(x)
    return x**n


def _base_gradient(k: K, g: Array, a: Array, b: Array) -> Array:
    if isinstance(b, (int, float)):
        return k.xp.zeros_like(g) if b == 0 else k.multiply(g, _power(k, a, b - 1) * b)
    constant = b == 0
    slope = b * a ** k.xp.where(constant, 1.0, b - 1.0)  # 0^-1 is not computed: its infinity would spoil the zero
    return k.multiply(g, k.xp.where(constant, 0.0, slope))


def _exponent_gradient(k: K, g: Array, a: Array, b: Array) -> Array:
    if isinstance(a, (int, float)):
        if a == 0:
            log = k.xp.where(b >= 0, k.xp.zeros_like(b), -math.inf)
        else:
            log = math.log(a) if a > 0 else math.nan
    else:
        log = k.xp.log(k.xp.where((a == 0) & (b >= 0), 1.0, a))
    return k.multiply(g, a**b * log)
