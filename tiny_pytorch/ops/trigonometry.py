"""Trigonometric and hyperbolic functions, element by element."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import op
from .elementwise import multiply

__all__ = [
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cos", "cosh", "deg2rad", "rad2deg", "sin",
    "sinh", "tan", "tanh",
]  # fmt: skip

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops


def deg2rad(input: Tensor) -> Tensor:
    """Degrees as radians: ``x * pi / 180``."""
    return multiply(input, math.pi / 180)


def rad2deg(input: Tensor) -> Tensor:
    """Radians as degrees: ``x * 180 / pi``."""
    return multiply(input, 180 / math.pi)


@op(promotes="floating", keeps="inputs")
def sin(k: K, x: Array) -> Array:
    """``y = sin x``."""
    return k.xp.sin(x)


@sin.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.multiply(g, k.xp.cos(saved.inputs[0])),)


@op(promotes="floating", keeps="inputs")
def cos(k: K, x: Array) -> Array:
    """``y = cos x``."""
    return k.xp.cos(x)


@cos.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (-k.multiply(g, k.xp.sin(saved.inputs[0])),)


@op(promotes="floating", keeps="output", autocast="float32")
def tan(k: K, x: Array) -> Array:
    """``y = tan x``."""
    return k.xp.tan(x)


@tan.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    y = saved.output
    return (k.multiply(g, y * y + 1.0),)


@op(promotes="floating", keeps="inputs", autocast="float32")
def asin(k: K, x: Array) -> Array:
    """``y = arcsin x``."""
    return k.xp.asin(x)


@asin.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    x = saved.inputs[0]
    return (k.divide(g, k.xp.sqrt((1.0 - x) * (1.0 + x))),)


@op(promotes="floating", keeps="inputs", autocast="float32")
def acos(k: K, x: Array) -> Array:
    """``y = arccos x``."""
    return k.xp.acos(x)


@acos.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    x = saved.inputs[0]
    return (-k.divide(g, k.xp.sqrt((1.0 - x) * (1.0 + x))),)


@op(promotes="floating", keeps="inputs")
def atan(k: K, x: Array) -> Array:
    """``y = arctan x``."""
    return k.xp.atan(x)


@atan.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    x = saved.inputs[0]
    return (k.divide(g, x * x + 1.0),)


@op(promotes="floating", keeps="inputs")
def atan2(k: K, a: Array, b: Array) -> Array:
    """``y = angle of the point (b, a)``, from -pi to pi. The derivative at the origin is 0."""
    return k.xp.atan2(a, b)


@atan2.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    a, b = saved.inputs
    square = a * a + b * b
    g = k.divide(g, k.xp.where(square == 0, 1.0, square))
    return k.multiply(g, b) if saved.needs[0] else None, -k.multiply(g, a) if saved.needs[1] else None


@op(promotes="floating", keeps="inputs", autocast="float32")
def sinh(k: K, x: Array) -> Array:
    """``y = (e^x - e^-x) / 2``."""
    return k.xp.sinh(x)


@sinh.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.multiply(g, k.xp.cosh(saved.inputs[0])),)


@op(promotes="floating", keeps="inputs", autocast="float32")
def cosh(k: K, x: Array) -> Array:
    """``y = (e^x + e^-x) / 2``."""
    return k.xp.cosh(x)


@cosh.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.multiply(g, k.xp.sinh(saved.inputs[0])),)


@op(promotes="floating", keeps="output")
def tanh(k: K, x: Array) -> Array:
    """``y = tanh x``."""
    return k.xp.tanh(x)


@tanh.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.tanh_grad(g, saved.output),)


@op(promotes="floating", keeps="inputs")
def asinh(k: K, x: Array) -> Array:
    """``y = ln(x + sqrt(x^2 + 1))``."""
    return k.xp.asinh(x)


@asinh.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    x = saved.inputs[0]
    return (k.divide(g, k.xp.sqrt(x * x + 1.0)),)


@op(promotes="floating", keeps="inputs")
def acosh(k: K, x: Array) -> Array:
    """``y = ln(x + sqrt(x^2 - 1))``."""
    return k.xp.acosh(x)


@acosh.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    x = saved.inputs[0]
    return (k.divide(g, k.xp.sqrt((x - 1.0) * (x + 1.0))),)


@op(promotes="floating", keeps="inputs")
def atanh(k: K, x: Array) -> Array:
    """``y = ln((1 + x) / (1 - x)) / 2``."""
    return k.xp.atanh(x)


@atanh.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    x = saved.inputs[0]
    return (k.divide(g, (1.0 - x) * (1.0 + x)),)
