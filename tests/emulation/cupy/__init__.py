"""A stand-in for CuPy where there is no GPU: NumPy's functions on arrays that refuse to be mixed with NumPy's, kernels
whose own code is compiled and run on the host, streams whose graphs can be captured and replayed.

``PYTHONPATH=tests/emulation TINY_PYTORCH_BACKEND=cupy pytest tests`` runs the suite on it. It says nothing about speed.
"""

from __future__ import annotations

from typing import Any

import numpy

from ._array import compute, emulated, ndarray
from ._kernels import RawModule, emulate_backwards

__version__ = "14.0.0+emulation"
__all__ = ["RawModule", "cuda", "dtype", "emulate_backwards", "fft", "finfo", "iinfo", "linalg", "ndarray"]

dtype, finfo, iinfo = numpy.dtype, numpy.finfo, numpy.iinfo

for _name in dir(numpy):
    _value = getattr(numpy, _name)
    if _name.startswith("_") or _name in globals():
        continue
    if (isinstance(_value, type) and issubclass(_value, numpy.generic)) or isinstance(_value, (float, type(None))):
        globals()[_name] = _value
    elif callable(_value) and not isinstance(_value, type):
        globals()[_name] = emulated(_value)
    else:
        continue
    __all__.append(_name)

bool = numpy.bool


def _diagonal(a: numpy.ndarray, *args: Any) -> numpy.ndarray:
    view = numpy.diagonal(a, *args)
    view.flags.writeable = True  # CuPy's can be written
    return view


diagonal = emulated(_diagonal)


def asnumpy(a: Any) -> numpy.ndarray:
    """A copy in host memory."""
    return a.get()


def array(obj: Any, dtype: Any = None, copy: Any = True, order: str = "K", ndmin: int = 0) -> Any:
    """An array from anything: one of the few places where NumPy's arrays come in."""
    if isinstance(obj, numpy.ndarray):
        return ndarray(numpy.array(obj, dtype, copy=True, order=order, ndmin=ndmin))
    return compute(numpy.array, obj, dtype=dtype, copy=copy or None, order=order, ndmin=ndmin)


def asarray(a: Any, dtype: Any = None, order: Any = None) -> Any:
    """An array from anything, itself if it is one already."""
    if isinstance(a, ndarray) and (dtype is None or a.dtype == dtype) and order is None:
        return a
    return array(a, dtype, copy=False, order=order or "K")


def ascontiguousarray(a: Any, dtype: Any = None) -> Any:
    """The same array if it is contiguous and of that dtype."""
    if isinstance(a, ndarray) and (dtype is None or a.dtype == dtype) and a.flags.c_contiguous:
        return a
    return compute(numpy.ascontiguousarray, a, dtype=dtype)


def shares_memory(a: Any, b: Any) -> Any:
    """Whether two arrays have an element in common."""
    return numpy.may_share_memory(a._host, b._host)


may_share_memory = shares_memory

from . import cuda, fft, linalg  # noqa: E402
