"""The strict implementation of the array API, for tests: it refuses what the standard does not promise."""

from __future__ import annotations

from typing import Any

import array_api_strict
import numpy

from . import Backend
from .devices import requested
from .table import Kernels


def to_numpy(array: Any) -> numpy.ndarray:
    """The NumPy array inside. (DLPack cannot hand over a read-only one before NumPy 2.1.)"""
    return array._array


def shares_memory(x: Any, y: Any) -> bool:
    """Its basic views are NumPy's own, so writes show through them."""
    return numpy.may_share_memory(to_numpy(x), to_numpy(y))


def is_contiguous(x: Any) -> bool:
    """Its arrays show no strides, those that it wraps do."""
    return bool(to_numpy(x).flags.c_contiguous)


def load() -> Backend:
    requested("array_api_strict", ["cpu"])
    array_api_strict.set_array_api_strict_flags(api_version="2024.12")
    kernels = Kernels(array_api_strict)
    kernels.override("shares_memory", shares_memory)
    kernels.override("is_contiguous", is_contiguous)
    return Backend(
        name="array_api_strict",
        xp=array_api_strict,
        kernels=kernels,
        from_numpy=lambda array: array_api_strict.asarray(array, copy=True),
        to_numpy=to_numpy,
        device_of=lambda array: "cpu",  # its devices are pretended ones in host memory
        array_type=type(array_api_strict.empty(0)),
    )
