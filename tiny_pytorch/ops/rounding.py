"""Rounding, and the divisions that round: quotients without fraction, and their remainders."""

from __future__ import annotations

from typing import Any

from ..autograd import op
from ..backend.dtypes import as_dtype
from .elementwise import divide, subtract

__all__ = ["ceil", "div", "floor", "floor_divide", "fmod", "frac", "remainder", "round", "trunc"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any


def _flat(k: K, g: Array, saved: Any, **params: Any) -> tuple:
    """The rule of step functions: their derivative is 0 wherever they have one."""
    return tuple(k.xp.zeros_like(g) if needed else None for needed in saved.needs)


@op(promotes="common")
def floor(k: K, x: Array) -> Array:
    """The greatest integer ``<= x``. The derivative is 0."""
    return k.xp.floor(x)


@op(promotes="common")
def ceil(k: K, x: Array) -> Array:
    """The least integer ``>= x``. The derivative is 0."""
    return k.xp.ceil(x)


@op(promotes="common")
def trunc(k: K, x: Array) -> Array:
    """``x`` without its fraction. The derivative is 0."""
    return k.xp.trunc(x)


@op(promotes="common")
def _round(k: K, x: Array, *, decimals: int) -> Array:
    dtype = as_dtype(x.dtype)
    if dtype.kind == "bool" or (decimals != 0 and dtype.kind != "float"):
        raise TypeError(f"round: {dtype.name} has no decimals to round; convert it with .float()")
    if decimals == 0:
        return k.xp.round(x)
    scale = 10.0 ** abs(decimals)
    return k.xp.round(x * scale) / scale if decimals > 0 else k.xp.round(x / scale) * scale


def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest number with ``decimals`` decimals, halves to the even neighbour. The derivative is 0.

    Parameters
    ----------
    input : Tensor
    decimals : int, default 0
        Negative: round to tens, hundreds, ...

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.round(tp.tensor([0.5, 1.5, -2.7]))
    tensor([ 0.,  2., -3.])
    """
    return _round(input, decimals=decimals)


@op(promotes="common")
def floor_divide(k: K, a: Array, b: Array) -> Array:
    """``floor(a / b)``. The derivative is 0. Integers divided by 0 are refused."""
    _refuse_zero(k, "floor_divide", a, b)
    return a // b


@op(promotes="common")
def _trunc_divide(k: K, a: Array, b: Array) -> Array:
    if _floating(a, b):
        return k.xp.trunc(a / b)
    _refuse_zero(k, "div", a, b)
    return (a - _c_remainder(k, a, b)) // b


@op(promotes="common", keeps={0: (1,), 1: (1,)})
def remainder(k: K, a: Array, b: Array) -> Array:
    """``a - b * floor(a / b)``: Python's ``%``, with the sign of b. Integers modulo 0 are refused."""
    _refuse_zero(k, "remainder", a, b)
    return a % b


@remainder.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    a, b = saved.inputs
    return g, -k.multiply(g, k.xp.floor_divide(a, b)) if saved.needs[1] else None


@op(promotes="common", keeps={0: (1,), 1: (1,)})
def fmod(k: K, a: Array, b: Array) -> Array:
    """``a - b * trunc(a / b)``: C's ``fmod``, with the sign of a. Integers modulo 0 are refused."""
    _refuse_zero(k, "fmod", a, b)
    return _c_remainder(k, a, b)


@fmod.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    a, b = saved.inputs
    return g, -k.multiply(g, k.xp.trunc(k.divide(a, b))) if saved.needs[1] else None


for _step in (floor, ceil, trunc, _round, floor_divide, _trunc_divide):
    _step.gradient(_flat)


def div(input: Tensor, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """``input / other``, rounded down or towards zero if asked.

    Parameters
    ----------
    input, other : Tensor or number
        Integers give a floating result, unless ``rounding_mode`` says otherwise.
    rounding_mode : {None, "floor", "trunc"}

    Raises
    ------
    ZeroDivisionError
        For integers divided by 0 with a rounding mode.
    ValueError
        For another rounding mode.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor([-7, 7])
    >>> tp.div(x, 2), tp.div(x, 2, rounding_mode="floor"), tp.div(x, 2, rounding_mode="trunc")
    (tensor([-3.5,  3.5]), tensor([-4,  3]), tensor([-3,  3]))
    """
    if rounding_mode is None:
        return divide(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        return _trunc_divide(input, other)
    raise ValueError(f"div: rounding_mode must be None, 'floor' or 'trunc', got {rounding_mode!r}")


def frac(input: Tensor) -> Tensor:
    """``x - trunc(x)``: what is behind the point, with the sign of x."""
    return subtract(input, trunc(input))


def _floating(a: Array, b: Array) -> bool:
    return as_dtype((a if hasattr(a, "dtype") else b).dtype).kind == "float"


def _refuse_zero(k: K, name: str, a: Array, b: Array) -> None:
    """Integers have no infinity to answer with."""
    if not _floating(a, b) and (k.xp.any(b == 0) if hasattr(b, "dtype") else b == 0):
        raise ZeroDivisionError(f"{name}: integers divided by 0; convert them with .float() to get inf or nan")


def _c_remainder(k: K, a: Array, b: Array) -> Array:
    """The remainder with the sign of a. Of magnitudes, both kinds of remainder agree, and exactly."""
    rest = abs(a) % abs(b)
    if isinstance(a, (int, float)):
        return -rest if a < 0 else rest
    return k.xp.where(a < 0, -rest, rest)
