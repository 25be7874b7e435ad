"""Choosing between values, element by element: by a condition, by size, or by what is allowed."""

from __future__ import annotations

import math
from typing import Any

from .. import backend
from ..autograd import Variable, leaf, op, result_type
from ..autograd.promotion import promote
from ..backend.dtypes import as_dtype, raw
from .masking import nonzero

__all__ = ["clamp", "clamp_max", "clamp_min", "clip", "fmax", "fmin", "maximum", "minimum", "nan_to_num", "where"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any


# --- by a condition -----------------------------------------------------------------------------------------


@op(keeps={0: (1, 2)})
def _where(k: K, condition: Array, a: Array, b: Array) -> Array:
    return k.xp.where(condition, a, b)


@_where.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    condition, needs = saved.inputs[0], saved.needs
    g_a = k.xp.where(condition, g, 0.0) if needs[1] else None
    return None, g_a, k.xp.where(condition, 0.0, g) if needs[2] else None


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """``y = input where condition, else other``.

    Parameters
    ----------
    condition : Tensor of bool
    input, other : Tensor or number
        They broadcast with the condition and are promoted to one dtype. Without both, the indices of the true
        elements are returned: a tuple of one integer Tensor for each dimension.

    Raises
    ------
    TypeError
        For a condition that is not a bool Tensor.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor([-1.0, 2.0, -3.0])
    >>> tp.where(x > 0, x, 0.0)
    tensor([0., 2., 0.])
    """
    if not isinstance(condition, Variable) or as_dtype(condition.array.dtype).kind != "bool":
        came = as_dtype(condition.array.dtype).name if isinstance(condition, Variable) else type(condition).__name__
        raise TypeError(f"where: expected a condition of bool, such as x > 0, got {came}; convert it with .bool()")
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if input is None or other is None:
        raise TypeError("where: expected both input and other, or neither of them")
    if not isinstance(input, Variable) and not isinstance(other, Variable):
        xp = backend.at(condition.array).xp
        input = leaf(xp.asarray(input, dtype=raw(xp, result_type(input, other))))
    if not (isinstance(input, Variable) and isinstance(other, Variable) and input.array.dtype == other.array.dtype):
        input, other = promote(_where, (input, other))
    return _where(condition, input, other)


# --- by size ------------------------------------------------------------------------------------------------


@op(promotes="common", keeps="inputs")
def maximum(k: K, a: Array, b: Array) -> Array:
    """``max(a, b)``; NaN wins. Where both are equal each gets half of the gradient."""
    return k.xp.maximum(a, b)


@maximum.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    a, b = saved.inputs
    return _split(k, g, a == b, a < b, b < a, saved.needs)


@op(promotes="common", keeps="inputs")
def minimum(k: K, a: Array, b: Array) -> Array:
    """``min(a, b)``; NaN wins. Where both are equal each gets half of the gradient."""
    return k.xp.minimum(a, b)


@minimum.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    a, b = saved.inputs
    return _split(k, g, a == b, b < a, a < b, saved.needs)


def _split(k: K, g: Array, tie: Array, not_a: Array, not_b: Array, needs: tuple) -> tuple:
    shared = k.xp.where(tie, g * 0.5, g)
    return k.xp.where(not_a, 0.0, shared) if needs[0] else None, k.xp.where(not_b, 0.0, shared) if needs[1] else None


def fmax(input: Any, other: Any) -> Tensor:
    """``max(input, other)``, where a NaN counts as absent."""
    return _where_nan(input, other, maximum)


def fmin(input: Any, other: Any) -> Tensor:
    """``min(input, other)``, where a NaN counts as absent."""
    return _where_nan(input, other, minimum)


@op
def _is_nan(k: K, x: Array) -> Array:
    return x != x


def _where_nan(a: Tensor, b: Tensor, choose: Any) -> Tensor:
    return where(_is_nan(a), b, where(_is_nan(b), a, choose(a, b)))


# --- by what is allowed -------------------------------------------------------------------------------------


@op(promotes="common", keeps="inputs")
def _clamp(k: K, x: Array, low: Array, high: Array) -> Array:
    if low is not None:
        x = k.xp.maximum(x, low)
    return x if high is None else k.xp.minimum(x, high)


@_clamp.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    x, low, high = saved.inputs
    where, needs = k.xp.where, saved.needs
    g_x, g_low, g_high = (g if needed else None for needed in needs)
    if needs[0]:
        g_x = g_x if low is None else where(x >= low, g_x, 0.0)
        g_x = g_x if high is None else where(x <= high, g_x, 0.0)
    if needs[1]:
        g_low = where(x < low if high is None else (x < low) & (low < high), g, 0.0)
    if needs[2]:
        g_high = where(x > high if low is None else (x > high) | (high < low), g, 0.0)
    return g_x, g_low, g_high


def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """``y = min(max(input, low), high)`` for the bounds low (``min``) and high (``max``).

    The gradient flows to the input where it lies within the bounds or on one of them, elsewhere to the bound
    that was taken. If the bounds cross, ``max`` is taken. NaN stays NaN.

    Parameters
    ----------
    input : Tensor
    min, max : Tensor or number, optional
        At least one of them. They broadcast with the input.

    Raises
    ------
    ValueError
        Without any bound.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.clamp(tp.tensor([-2.0, 0.5, 3.0]), min=-1.0, max=1.0)
    tensor([-1. ,  0.5,  1. ])
    """
    if min is None and max is None:
        raise ValueError("clamp: expected min, max or both, got neither")
    return _clamp(input, min, max)


clip = clamp


def clamp_min(input: Tensor, min: Any) -> Tensor:
    """``clamp(input, min=min)``."""
    return clamp(input, min=min)


def clamp_max(input: Tensor, max: Any) -> Tensor:
    """``clamp(input, max=max)``."""
    return clamp(input, max=max)


@op(promotes="common", keeps="inputs")
def _nan_to_num(k: K, x: Array, *, nan: float, posinf: float | None, neginf: float | None) -> Array:
    if as_dtype(x.dtype).kind != "float":
        return k.copy(x)
    where, limits = k.xp.where, k.xp.finfo(x.dtype)
    y = where(x != x, float(nan), x)
    y = where(x == math.inf, float(limits.max if posinf is None else posinf), y)
    return where(x == -math.inf, float(limits.min if neginf is None else neginf), y)


@_nan_to_num.gradient
def _(k: K, g: Array, saved: Any, **params: Any) -> tuple:
    return (k.xp.where(k.xp.isfinite(saved.inputs[0]), g, 0.0),)


def nan_to_num(input: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """``input`` with numbers in place of NaN and of the infinities. No gradient flows to those.

    Parameters
    ----------
    input : Tensor
    nan : float, default 0.0
    posinf, neginf : float, optional
        The dtype's largest and smallest numbers if not given.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nan_to_num(tp.tensor([float("nan"), float("inf"), 1.0]), posinf=9.0)
    tensor([0., 9., 1.])
    """
    return _nan_to_num(input, nan=nan, posinf=posinf, neginf=neginf)
