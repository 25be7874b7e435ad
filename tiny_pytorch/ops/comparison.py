"""Comparisons, and the logic of bools and bits. Nothing here has a gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import backend
from ..autograd import Op, Variable, op
from ..backend.dtypes import as_dtype

__all__ = [
    "allclose", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "eq", "equal", "ge", "greater", "greater_equal", "gt", "isclose", "isfinite", "isinf",
    "isnan", "le", "less", "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor", "lt",
    "ne", "not_equal",
]  # fmt: skip

K = Any  # a table of kernels
Array = Any
Tensor = Any


# --- order --------------------------------------------------------------------------------------------------


@op(promotes="common")
def eq(k: K, a: Array, b: Array) -> Array:
    """``a == b``, element by element."""
    return a == b


@op(promotes="common")
def ne(k: K, a: Array, b: Array) -> Array:
    """``a != b``, element by element."""
    return a != b


@op(promotes="common")
def lt(k: K, a: Array, b: Array) -> Array:
    """``a < b``, element by element."""
    return a < b


@op(promotes="common")
def le(k: K, a: Array, b: Array) -> Array:
    """``a <= b``, element by element."""
    return a <= b


@op(promotes="common")
def gt(k: K, a: Array, b: Array) -> Array:
    """``a > b``, element by element."""
    return a > b


@op(promotes="common")
def ge(k: K, a: Array, b: Array) -> Array:
    """``a >= b``, element by element."""
    return a >= b


not_equal, less, less_equal, greater, greater_equal = ne, lt, le, gt, ge


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and the same elements. NaN equals nothing.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.equal(tp.tensor([1, 2]), tp.tensor([1, 2])), tp.equal(tp.tensor([1, 2]), tp.tensor(1))
    (True, False)
    """
    for tensor in (input, other):
        if not isinstance(tensor, Variable):
            raise TypeError(f"equal: expected two Tensors, got a {type(tensor).__name__}")
    if tuple(input.array.shape) != tuple(other.array.shape):
        return False
    return _all_true(eq(input, other))


def _all_true(tensor: Tensor) -> bool:
    array = tensor.array
    return bool(backend.number(backend.at(array).xp.all(array)))


@op(promotes="common")
def _isclose(k: K, a: Array, b: Array, *, rtol: float, atol: float, equal_nan: bool) -> Array:
    xp = k.xp
    dtype = (a if hasattr(a, "dtype") else b).dtype
    # Tolerances are fractions: integers are compared in the widest floating dtype.
    dtype = dtype if as_dtype(dtype).kind == "float" else xp.float64
    a, b = (xp.astype(v, dtype) if hasattr(v, "dtype") else xp.asarray(v, dtype=dtype) for v in (a, b))
    close = (a == b) | (xp.isfinite(b) & (xp.abs(a - b) <= atol + rtol * xp.abs(b)))
    return close | (xp.isnan(a) & xp.isnan(b)) if equal_nan else close


def isclose(input: Tensor, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """``|input - other| <= atol + rtol * |other|``, element by element; equal infinities are close.

    Parameters
    ----------
    input, other : Tensor or number
    rtol, atol : float
        Relative and absolute tolerance, not negative.
    equal_nan : bool, default False
        Whether NaN is close to NaN.

    Raises
    ------
    ValueError
        For a negative tolerance.
    """
    if rtol < 0 or atol < 0:
        raise ValueError(f"isclose: tolerances must not be negative, got rtol={rtol} and atol={atol}")
    return _isclose(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)


def allclose(input: Tensor, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close; arguments as in :func:`isclose`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.allclose(tp.tensor([1.0, 2.0]), tp.tensor([1.0, 2.0 + 1e-6]))
    True
    """
    return _all_true(isclose(input, other, rtol, atol, equal_nan))


# --- kinds of numbers ---------------------------------------------------------------------------------------


@op(promotes="common")
def isnan(k: K, x: Array) -> Array:
    """Whether x is not a number."""
    return x != x


@op(promotes="common")
def isinf(k: K, x: Array) -> Array:
    """Whether x is infinite."""
    return k.xp.isinf(x) if as_dtype(x.dtype).kind == "float" else x != x


@op(promotes="common")
def isfinite(k: K, x: Array) -> Array:
    """Whether x is neither infinite nor NaN."""
    return k.xp.isfinite(x) if as_dtype(x.dtype).kind == "float" else x == x


# --- logic of bools; other dtypes count as true where they are not 0 ----------------------------------------


@op(promotes="common")
def logical_not(k: K, x: Array) -> Array:
    """``not x``, element by element."""
    return k.xp.logical_not(_truth(k, x))


@op(promotes="common")
def logical_and(k: K, a: Array, b: Array) -> Array:
    """``a and b``, element by element."""
    return k.xp.logical_and(_truth(k, a), _truth(k, b))


@op(promotes="common")
def logical_or(k: K, a: Array, b: Array) -> Array:
    """``a or b``, element by element."""
    return k.xp.logical_or(_truth(k, a), _truth(k, b))


@op(promotes="common")
def logical_xor(k: K, a: Array, b: Array) -> Array:
    """Either a or b, element by element."""
    return k.xp.logical_xor(_truth(k, a), _truth(k, b))


def _truth(k: K, x: Array) -> Array:
    return k.xp.astype(x, k.xp.bool, copy=False) if hasattr(x, "dtype") else bool(x)


# --- bits; bools count as one bit ---------------------------------------------------------------------------


def _bits(name: str, says: str, compute: Callable[..., Array], kinds: tuple[str, ...]) -> Op:
    """An op of some kinds of dtypes, which refuses the others."""

    def forward(k: K, *values: Array) -> Array:
        dtype = as_dtype(next(v.dtype for v in values if hasattr(v, "dtype")))  # promoted: they all have it
        if dtype.kind not in kinds:
            raise TypeError(f"{dtype.name} has no bits to work on here; convert it with .long()")
        return compute(*values)

    forward.__doc__ = f"``{says}``, bit by bit; {'integers and bools' if 'bool' in kinds else 'integers'} only."
    return op(forward, name=name, promotes="common")


_INTEGERS = ("int", "uint")
_AND_BOOLS = ("bool", *_INTEGERS)

bitwise_not = _bits("bitwise_not", "~x", lambda x: ~x, _AND_BOOLS)
bitwise_and = _bits("bitwise_and", "a & b", lambda a, b: a & b, _AND_BOOLS)
bitwise_or = _bits("bitwise_or", "a | b", lambda a, b: a | b, _AND_BOOLS)
bitwise_xor = _bits("bitwise_xor", "a ^ b", lambda a, b: a ^ b, _AND_BOOLS)
bitwise_left_shift = _bits("bitwise_left_shift", "a << b", lambda a, b: a << b, _INTEGERS)
bitwise_right_shift = _bits("bitwise_right_shift", "a >> b", lambda a, b: a >> b, _INTEGERS)
