"""Arithmetic, exponentials and logarithms, element by element."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import op
from ..backend.dtypes import as_dtype

__all__ = [
    "abs", "absolute", "add", "addcdiv", "addcmul", "copysign", "divide", "erf", "exp", "exp2", "expm1",
    "lerp", "log", "log1p", "log2", "log10", "logaddexp", "mul", "multiply", "neg", "negative", "positive",
    "sign", "sub", "subtract", "true_divide",
]  # fmt: skip

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any


# --- arithmetic ---------------------------------------------------------------------------------------------


@op(promotes="common", kernel="add")
def add(k: K, a: Array, b: Array, *, alpha: float = 1) -> Array:
    """``a + alpha * b``."""
    return k.add(a, b if alpha == 1 else _scaled(a, b, alpha))


@add.gradient
def _(k: K, g: Array, saved: Any, *, alpha: float = 1) -> tuple:
    return g, g if alpha == 1 or not saved.needs[1] else g * alpha


@op(promotes="common", kernel="subtract")
def subtract(k: K, a: Array, b: Array, *, alpha: float = 1) -> Array:
    """``a - alpha * b``."""
    return k.subtract(a, b if alpha == 1 else _scaled(a, b, alpha))


@subtract.gradient
def _(k: K, g: Array, saved: Any, *, alpha: float = 1) -> tuple:
    if not saved.needs[1]:
        return g, None
    return g, -g if alpha == 1 else g * -alpha


def _scaled(a: Array, b: Array, alpha: float) -> Array:
    dtype = as_dtype((b if hasattr(b, "dtype") else a).dtype)
    if isinstance(alpha, float) and dtype.kind != "float":
        raise TypeError(f"alpha is {alpha} but the tensors are {dtype.name}; convert one of them with .float()")
    return b * alpha


@op(promotes="common", keeps="cross", kernel="multiply")
def multiply(k: K, a: Array, b: Array) -> Array:
    """``a * b``."""
    return k.multiply(a, b)


@multiply.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    a, b = saved.inputs
    needs = saved.needs
    return k.multiply(g, b) if needs[0] else None, k.multiply(g, a) if needs[1] else None


@op(promotes="floating", keeps={0: (1,), 1: (0, 1)}, kernel="divide")
def divide(k: K, a: Array, b: Array) -> Array:
    """``a / b``; integers give a floating result."""
    return k.divide(a, b)


@divide.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    a, b = saved.inputs
    needs = saved.needs
    g_a = k.divide(g, b)
    return g_a, -k.divide(k.multiply(g_a, a), b) if needs[1] else None


@op(promotes="common")
def neg(k: K, x: Array) -> Array:
    """``-x``."""
    return -x


@neg.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (-g,)


@op(promotes="common")
def positive(k: K, x: Array) -> Array:
    """``+x``: a copy."""
    return k.copy(x)


@positive.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (g,)


sub, mul, true_divide, negative = subtract, multiply, divide, neg


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """``input + value * tensor1 * tensor2``."""
    return add(input, multiply(tensor1, tensor2), alpha=value)


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """``input + value * tensor1 / tensor2``."""
    return add(input, divide(tensor1, tensor2), alpha=value)


def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """``input + weight * (end - input)``: from ``input`` (weight 0) straight on to ``end`` (weight 1).

    Parameters
    ----------
    input, end : Tensor
    weight : Tensor or number

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.lerp(tp.tensor([0.0, 10.0]), tp.tensor([4.0, 20.0]), 0.5)
    tensor([ 2., 15.])
    """
    return add(input, multiply(subtract(end, input), weight))


# --- sign ---------------------------------------------------------------------------------------------------


@op(promotes="common", keeps="inputs")
def abs(k: K, x: Array) -> Array:
    """``|x|``. The derivative at 0 is 0."""
    return k.xp.abs(x)


@abs.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.multiply(g, k.xp.sign(saved.inputs[0])),)


absolute = abs


@op(promotes="common")
def sign(k: K, x: Array) -> Array:
    """``-1``, ``0`` or ``1`` as x is negative, zero or positive. The derivative is 0."""
    return k.xp.sign(x)


@sign.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.xp.zeros_like(g),)


@op(promotes="floating", keeps=({0: (0,)}, "output"))
def copysign(k: K, a: Array, b: Array) -> Array:
    """``|a|`` with the sign of b. The derivative is 0 at ``a = 0``, and with respect to b."""
    return k.xp.copysign(a, b)


@copysign.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    a, needs = saved.inputs[0], saved.needs
    g_a = k.multiply(g, k.xp.sign(a) * k.xp.sign(saved.output)) if needs[0] else None
    return g_a, k.xp.zeros_like(g) if needs[1] else None


# --- exponentials and logarithms ----------------------------------------------------------------------------


@op(promotes="floating", keeps="output", autocast="float32")
def exp(k: K, x: Array) -> Array:
    """``y = e^x``."""
    return k.xp.exp(x)


@exp.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.multiply(g, saved.output),)


@op(promotes="floating", keeps="output")
def exp2(k: K, x: Array) -> Array:
    """``y = 2^x``."""
    return 2.0**x


@exp2.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.multiply(g, saved.output) * math.log(2.0),)


@op(promotes="floating", keeps="output", autocast="float32")
def expm1(k: K, x: Array) -> Array:
    """``y = e^x - 1``, accurate near 0."""
    return k.xp.expm1(x)


@expm1.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.multiply(g, saved.output + 1.0),)


@op(promotes="floating", keeps="inputs", autocast="float32")
def log(k: K, x: Array) -> Array:
    """``y = ln x``."""
    return k.xp.log(x)


@log.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.divide(g, saved.inputs[0]),)


@op(promotes="floating", keeps="inputs", autocast="float32")
def log1p(k: K, x: Array) -> Array:
    """``y = ln(1 + x)``, accurate near 0."""
    return k.xp.log1p(x)


@log1p.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.divide(g, saved.inputs[0] + 1.0),)


@op(promotes="floating", keeps="inputs", autocast="float32")
def log2(k: K, x: Array) -> Array:
    """``y = log2 x``."""
    return k.xp.log2(x)


@log2.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.divide(g, saved.inputs[0] * math.log(2.0)),)


@op(promotes="floating", keeps="inputs", autocast="float32")
def log10(k: K, x: Array) -> Array:
    """``y = log10 x``."""
    return k.xp.log10(x)


@log10.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.divide(g, saved.inputs[0] * math.log(10.0)),)


@op(promotes="floating", keeps="inputs")
def logaddexp(k: K, a: Array, b: Array) -> Array:
    """``y = ln(e^a + e^b)``, without overflow."""
    return k.xp.logaddexp(a, b)


@logaddexp.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    a, b = saved.inputs
    d = k.xp.where(a == b, 0.0, a - b)  # two equal infinities share the gradient
    return k.multiply(g, k.sigmoid(d)), k.multiply(g, k.sigmoid(-d))


@op(promotes="floating", keeps="inputs", kernel="erf")
def erf(k: K, x: Array) -> Array:
    """``y = 2 / sqrt(pi) * integral of e^(-t^2) from 0 to x``."""
    return k.erf(x)


@erf.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    x = saved.inputs[0]
    return (k.multiply(g, k.xp.exp(-k.multiply(x, x)) * (2.0 / math.sqrt(math.pi))),)
