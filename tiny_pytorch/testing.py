"""What tests of numerical code need: comparison within rounding, and checks of gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from . import backend
from .autograd import GradcheckError, Variable, gradcheck, gradgradcheck
from .backend.dtypes import as_dtype

__all__ = ["GradcheckError", "assert_close", "gradcheck", "gradgradcheck"]

# (rtol, atol), those of torch.testing: a few times the rounding of one operation. Others are compared exactly.
_TOLERANCES = {
    "bfloat16": (1.6e-2, 1e-5),
    "float16": (1e-3, 1e-5),
    "float32": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5),
    "complex128": (1e-7, 1e-7),
}


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_dtype: bool = True,
) -> None:
    """``|actual - expected| <= atol + rtol * |expected|`` for every element, and equal shapes and dtypes.

    Parameters
    ----------
    actual, expected : Tensor, array or number, or sequences or mappings of them
        Infinities are close if they are equal.
    rtol, atol : float, optional
        Given together. Defaults by dtype, the coarser one if they differ: 1.3e-6 and 1e-5 for float32, 1e-7
        and 1e-7 for float64, 1e-3 and 1e-5 for float16, 1.6e-2 and 1e-5 for bfloat16, 0 and 0 for integers
        and bool.
    equal_nan : bool, default False
        Whether NaN equals NaN.
    check_dtype : bool, default True
        Whether the dtypes must be the same. Two numbers, or a number and an array, have none to compare.

    Raises
    ------
    AssertionError
        With the number of elements that differ, the largest difference and where it is.
    ValueError
        If only one of ``rtol`` and ``atol`` is given.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.testing.assert_close(tp.tensor([1.0, 2.0]), tp.tensor([1.0, 2.0000001]))
    >>> tp.testing.assert_close(tp.tensor([1.0, 2.0]), tp.tensor([1.0, 2.5]))
    Traceback (most recent call last):
        ...
    AssertionError: 1 of 2 elements differ, the most at index (1,): got 2.0, expected 2.5
    largest absolute difference 0.5 (allowed 1e-05), largest relative difference 0.2 (allowed 1.3e-06)
    """
    if (rtol is None) != (atol is None):
        raise ValueError("assert_close: give both rtol and atol, or neither")
    _compare(actual, expected, rtol, atol, equal_nan, check_dtype, "")


def _compare(actual: Any, expected: Any, rtol: Any, atol: Any, equal_nan: bool, check_dtype: bool, where: str) -> None:
    settings = (rtol, atol, equal_nan, check_dtype)
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        if actual.keys() != expected.keys():
            raise AssertionError(f"{where}the keys differ: got {list(actual)}, expected {list(expected)}")
        for key, value in expected.items():
            _compare(actual[key], value, *settings, f"{where}[{key!r}] ")
    elif _is_sequence(actual) and _is_sequence(expected):
        if len(actual) != len(expected):
            raise AssertionError(f"{where}the lengths differ: got {len(actual)}, expected {len(expected)}")
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            _compare(a, e, *settings, f"{where}[{i}] ")
    else:
        _compare_arrays(actual, expected, *settings, where)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _compare_arrays(
    actual: Any, expected: Any, rtol: Any, atol: Any, equal_nan: bool, check_dtype: bool, where: str
) -> None:
    got, wanted = _host(actual), _host(expected)
    if got.shape != wanted.shape:
        raise AssertionError(f"{where}the shapes differ: got {got.shape}, expected {wanted.shape}")
    numbers = isinstance(actual, (bool, int, float, complex)) or isinstance(expected, (bool, int, float, complex))
    if check_dtype and not numbers and got.dtype != wanted.dtype:
        raise AssertionError(f"{where}the dtypes differ: got {got.dtype}, expected {wanted.dtype}")
    if rtol is None:
        defaults = [_TOLERANCES.get(as_dtype(a.dtype).name, (0.0, 0.0)) for a in (got, wanted)]
        rtol, atol = (max(pair) for pair in zip(*defaults, strict=True))
    wide = numpy.result_type(got.dtype, wanted.dtype)
    if wide.kind in "fc":
        wide = numpy.promote_types(wide, numpy.float64)
        got, wanted = got.astype(wide), wanted.astype(wide)
    with numpy.errstate(all="ignore"):
        difference = numpy.abs(got - wanted) if wide.kind in "fc" else _distance(got, wanted)
        close = (got == wanted) | (difference <= atol + rtol * numpy.abs(wanted))
        # An infinite tolerance or difference says nothing: there only equality counts.
        close &= (got == wanted) | numpy.isfinite(difference)
        if equal_nan:
            close |= (got != got) & (wanted != wanted)
        if close.all():
            return
        far = numpy.where(close, -1.0, numpy.where(numpy.isnan(difference), math.inf, difference))
        relative = numpy.where(close, 0.0, difference / numpy.abs(wanted))
    place = numpy.unravel_index(int(numpy.argmax(far)), far.shape)
    index = tuple(int(i) for i in place)
    raise AssertionError(
        f"{where}{int(numpy.sum(~close))} of {close.size} elements differ, the most at index {index}: "
        f"got {got[place]}, expected {wanted[place]}\n"
        f"largest absolute difference {numpy.max(far):.6g} (allowed {atol:g}), largest relative difference "
        f"{numpy.max(relative):.6g} (allowed {rtol:g})"
    )


def _distance(a: numpy.ndarray, b: numpy.ndarray) -> numpy.ndarray:
    """``|a - b|`` of integers or bools, which must neither wrap around nor be negated."""
    exact = (numpy.asarray(f(a, b)).astype(object) for f in (numpy.maximum, numpy.minimum))
    return numpy.asarray(numpy.subtract(*exact), dtype=numpy.float64)


def _host(value: Any) -> numpy.ndarray:
    if isinstance(value, Variable):
        return numpy.asarray(backend.at(value.array).to_numpy(value.array))
    if backend.current().owns(value):
        return numpy.asarray(backend.current().to_numpy(value))
    if isinstance(value, (numpy.ndarray, numpy.generic, bool, int, float, complex)):
        return numpy.asarray(value)
    raise AssertionError(f"assert_close compares Tensors, arrays and numbers; got a {type(value).__name__}")
