"""The standard's dtypes, the functions about them, and its constants."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy

from .. import ops
from ..autograd import cast
from ..autograd import result_type as _result_type
from ..backend.dtypes import DTYPES, DType, as_dtype
from .convert import Tensor, array, dtype_of, raw, xp_dtype

bool = DTYPES["bool"]
int8 = DTYPES["int8"]
int16 = DTYPES["int16"]
int32 = DTYPES["int32"]
int64 = DTYPES["int64"]
uint8 = DTYPES["uint8"]
uint16 = DTYPES["uint16"]
uint32 = DTYPES["uint32"]
uint64 = DTYPES["uint64"]
float32 = DTYPES["float32"]
float64 = DTYPES["float64"]
complex64 = DTYPES["complex64"]
complex128 = DTYPES["complex128"]

e = math.e
inf = math.inf
nan = math.nan
newaxis = None
pi = math.pi

__all__ = [
    "astype", "bool", "can_cast", "complex64", "complex128", "e", "finfo", "float32", "float64", "iinfo",
    "inf", "int8", "int16", "int32", "int64", "isdtype", "nan", "newaxis", "pi", "result_type", "uint8",
    "uint16", "uint32", "uint64",
]  # fmt: skip

_KINDS = {
    "bool": ("bool",),
    "signed integer": ("int",),
    "unsigned integer": ("uint",),
    "integral": ("int", "uint"),
    "real floating": ("float",),
    "complex floating": ("complex",),
    "numeric": ("int", "uint", "float", "complex"),
}


class FloatInfo(NamedTuple):
    """The limits of a floating dtype."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType

    @property
    def tiny(self) -> float:
        """PyTorch's and NumPy's other name of ``smallest_normal``."""
        return self.smallest_normal


class IntegerInfo(NamedTuple):
    """The limits of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: DType


def astype(x: Tensor, dtype: Any, /, *, copy: Any = True, device: Any = None) -> Tensor:
    """``x`` converted to ``dtype``. Gradients flow through.

    With ``copy=False`` an array that has the dtype already is returned as it is.
    """
    x = array(x)
    wanted = as_dtype(dtype)
    if dtype_of(x) is not wanted:
        return cast(x, dtype=xp_dtype(wanted))
    return ops.clone(x) if copy else x


def can_cast(from_: Any, to: Any, /) -> Any:
    """Whether the promotion rules lead from one dtype (or a Tensor's) to the other."""
    source = from_ if isinstance(from_, DType) else dtype_of(from_) if hasattr(from_, "dtype") else as_dtype(from_)
    target = as_dtype(to)
    if "bool" in (source.kind, target.kind):
        return source is target
    if "bfloat16" in (source.name, target.name):
        return _result_type(source, target) is target
    return numpy.can_cast(source.dtype, target.dtype, casting="safe")


def finfo(type: Any, /) -> FloatInfo:
    """The limits of a floating dtype, or of a Tensor's: bits, eps, max, min, smallest_normal, dtype."""
    dtype = _dtype(type)
    if dtype.kind not in ("float", "complex"):
        raise TypeError(f"finfo: expected a floating dtype, got {dtype.name}; see iinfo for integers")
    if dtype.name == "bfloat16":  # float32 with 16 bits less of the significand
        top = (2 - 2**-7) * 2.0**127
        return FloatInfo(16, 2.0**-7, top, -top, 2.0**-126, dtype)
    found = numpy.finfo(dtype.dtype)
    part = as_dtype(found.dtype)
    eps, top, bottom, smallest = (float(v) for v in (found.eps, found.max, found.min, found.smallest_normal))
    return FloatInfo(found.bits, eps, top, bottom, smallest, part)


def iinfo(type: Any, /) -> IntegerInfo:
    """The limits of an integer dtype, or of a Tensor's: bits, max, min, dtype."""
    dtype = _dtype(type)
    if dtype.kind not in ("int", "uint"):
        raise TypeError(f"iinfo: expected an integer dtype, got {dtype.name}; see finfo for floating ones")
    found = numpy.iinfo(dtype.dtype)
    return IntegerInfo(found.bits, int(found.max), int(found.min), dtype)


def _dtype(value: Any) -> DType:
    if isinstance(value, DType):
        return value
    return as_dtype(raw(value).dtype if hasattr(raw(value), "dtype") else value)


def isdtype(dtype: Any, kind: Any) -> Any:
    """Whether a dtype is of a kind: a dtype, "bool", "signed integer", "unsigned integer", "integral",
    "real floating", "complex floating" or "numeric", or one of a tuple of those."""
    dtype = as_dtype(dtype)
    if isinstance(kind, tuple):
        return any(isdtype(dtype, one) for one in kind)
    if isinstance(kind, str):
        if kind not in _KINDS:
            raise ValueError(f"isdtype: unknown kind {kind!r}; expected one of {', '.join(map(repr, _KINDS))}")
        return dtype.kind in _KINDS[kind]
    return dtype is as_dtype(kind)


def result_type(*arrays_and_dtypes: Any) -> DType:
    """The dtype in which arrays, dtypes and Python scalars are combined. A 0-d array counts like any other.

    Different kinds, which the standard leaves open, give the higher one: integers with float32 are float32.
    """
    return _result_type(*(v if isinstance(v, (int, float, complex)) else _dtype(v) for v in arrays_and_dtypes))
