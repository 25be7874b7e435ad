"""Functions of each element. All but the last few are the package's own ops under the standard's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import ops
from ..autograd import Op
from .convert import Tensor, array, common, dtype_of, plain, tensor


def _unary(name: str, operation: Callable[..., Any], says: str) -> Callable[..., Any]:
    def function(x: Tensor, /) -> Tensor:
        return operation(tensor(x))

    return _named(function, name, says)


def _binary(name: str, operation: Callable[..., Any], says: str) -> Callable[..., Any]:
    def function(x1: Tensor, x2: Tensor, /) -> Tensor:
        return operation(*common(x1, x2))

    return _named(function, name, says)


def _named(function: Callable[..., Any], name: str, says: str) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``{says}``."
    return function


_UNARY: list[tuple[str, Callable[..., Any], str]] = [
    ("abs", ops.abs, "|x|"),
    ("acos", ops.acos, "arccos x"),
    ("acosh", ops.acosh, "arcosh x"),
    ("asin", ops.asin, "arcsin x"),
    ("asinh", ops.asinh, "arsinh x"),
    ("atan", ops.atan, "arctan x"),
    ("atanh", ops.atanh, "artanh x"),
    ("bitwise_invert", ops.bitwise_not, "~x"),
    ("ceil", ops.ceil, "the least integer >= x"),
    ("cos", ops.cos, "cos x"),
    ("cosh", ops.cosh, "cosh x"),
    ("exp", ops.exp, "e^x"),
    ("expm1", ops.expm1, "e^x - 1"),
    ("floor", ops.floor, "the greatest integer <= x"),
    ("isfinite", ops.isfinite, "whether x is neither infinite nor NaN"),
    ("isinf", ops.isinf, "whether x is infinite"),
    ("isnan", ops.isnan, "whether x is NaN"),
    ("log", ops.log, "ln x"),
    ("log1p", ops.log1p, "ln(1 + x)"),
    ("log2", ops.log2, "log2 x"),
    ("log10", ops.log10, "log10 x"),
    ("logical_not", ops.logical_not, "not x"),
    ("negative", ops.neg, "-x"),
    ("positive", ops.positive, "+x"),
    ("reciprocal", ops.reciprocal, "1 / x"),
    ("round", ops.round, "the nearest integer to x, halves to even"),
    ("sign", ops.sign, "-1, 0 or 1 as x is negative, zero or positive"),
    ("signbit", plain("signbit"), "whether the sign bit of x is set"),
    ("sin", ops.sin, "sin x"),
    ("sinh", ops.sinh, "sinh x"),
    ("sqrt", ops.sqrt, "sqrt(x)"),
    ("square", ops.square, "x^2"),
    ("tan", ops.tan, "tan x"),
    ("tanh", ops.tanh, "tanh x"),
    ("trunc", ops.trunc, "x without its fraction"),
]

_BINARY: list[tuple[str, Callable[..., Any], str]] = [
    ("add", ops.add, "x1 + x2"),
    ("atan2", ops.atan2, "the angle of the point (x2, x1)"),
    ("bitwise_and", ops.bitwise_and, "x1 & x2"),
    ("bitwise_left_shift", ops.bitwise_left_shift, "x1 << x2"),
    ("bitwise_or", ops.bitwise_or, "x1 | x2"),
    ("bitwise_right_shift", ops.bitwise_right_shift, "x1 >> x2"),
    ("bitwise_xor", ops.bitwise_xor, "x1 ^ x2"),
    ("copysign", ops.copysign, "|x1| with the sign of x2"),
    ("divide", ops.divide, "x1 / x2"),
    ("equal", ops.eq, "x1 == x2"),
    ("floor_divide", ops.floor_divide, "floor(x1 / x2)"),
    ("greater", ops.gt, "x1 > x2"),
    ("greater_equal", ops.ge, "x1 >= x2"),
    ("hypot", ops.hypot, "sqrt(x1^2 + x2^2)"),
    ("less", ops.lt, "x1 < x2"),
    ("less_equal", ops.le, "x1 <= x2"),
    ("logaddexp", ops.logaddexp, "ln(e^x1 + e^x2)"),
    ("logical_and", ops.logical_and, "x1 and x2"),
    ("logical_or", ops.logical_or, "x1 or x2"),
    ("logical_xor", ops.logical_xor, "either x1 or x2"),
    ("maximum", ops.maximum, "max(x1, x2)"),
    ("minimum", ops.minimum, "min(x1, x2)"),
    ("multiply", ops.mul, "x1 * x2"),
    ("nextafter", plain("nextafter"), "the next number after x1 on the way to x2"),
    ("not_equal", ops.ne, "x1 != x2"),
    ("pow", ops.pow, "x1^x2"),
    ("remainder", ops.remainder, "x1 - x2 * floor(x1 / x2)"),
    ("subtract", ops.sub, "x1 - x2"),
]

globals().update({name: _unary(name, operation, says) for name, operation, says in _UNARY})
globals().update({name: _binary(name, operation, says) for name, operation, says in _BINARY})


def clip(x: Tensor, /, min: Any = None, max: Any = None) -> Tensor:
    """``x`` between ``min`` and ``max``, each an array, a number or None."""
    if min is None and max is None:
        return ops.clone(array(x))
    return ops.clamp(array(x), *(b if b is None else tensor(b) for b in (min, max)))


def conj(x: Tensor, /) -> Tensor:
    """The complex conjugate of ``x``, which for real dtypes is ``x`` itself."""
    x = array(x)
    return _part(_conj, x) if dtype_of(x).is_complex else x


def imag(x: Tensor, /) -> Tensor:
    """The imaginary part of a complex ``x``."""
    return _part(_imag, array(x))


def real(x: Tensor, /) -> Tensor:
    """The real part of a complex ``x``."""
    return _part(_real, array(x))


_conj, _imag, _real = plain("conj"), plain("imag"), plain("real")


def _part(operation: Op, x: Tensor) -> Tensor:
    if not dtype_of(x).is_complex:
        raise TypeError(f"{operation.name}: expected a complex array, got {dtype_of(x).name}")
    if x.requires_grad:
        raise NotImplementedError(f"{operation.name}: complex arrays have no gradients; use x.detach()")
    return operation(x)


__all__ = sorted([name for name, *_ in (*_UNARY, *_BINARY)] + ["clip", "conj", "imag", "real"])
