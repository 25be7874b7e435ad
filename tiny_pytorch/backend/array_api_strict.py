"""The strict implementation of the array API, for tests: it refuses what the standard does not promise.

Its devices are pretended ones in host memory, but it refuses to mix them: placement can be tested on any machine.
"""

from __future__ import annotations

from typing import Any

import array_api_strict
import numpy

from . import Backend
from .devices import requested
from .placed import placed
from .table import Kernels

DEVICES = {"cpu": "CPU_DEVICE", "device1": "device1", "device2": "device2"}  # those with every dtype
Array = type(array_api_strict.empty(0))


def raw_device(name: str) -> Any:
    """The library's own object for a device."""
    return array_api_strict.Device(DEVICES[name])


def device_of(array: Any) -> str:
    """The device of an array, as this package calls it."""
    return "cpu" if array.device == raw_device("cpu") else str(array.device).split("'")[1]


def to_numpy(array: Any) -> numpy.ndarray:
    """The NumPy array inside. (DLPack cannot hand over a read-only one before NumPy 2.1.)"""
    return array._array


def copied_to_numpy(array: Any) -> numpy.ndarray:
    """A copy on the host: the memory of a device is its own."""
    return array._array.copy()


def to_device(x: Any, device: str, source: str, non_blocking: bool) -> Any:
    """A copy on another device."""
    return array_api_strict.asarray(x, copy=True).to_device(raw_device(device))


def shares_memory(x: Any, y: Any) -> bool:
    """Its basic views are NumPy's own, so writes show through them."""
    return numpy.may_share_memory(to_numpy(x), to_numpy(y))


def is_contiguous(x: Any) -> bool:
    """Its arrays show no strides, those that it wraps do."""
    return bool(to_numpy(x).flags.c_contiguous)


def at_device(name: str) -> Backend:
    """The library with its new arrays on that device."""
    device = raw_device(name)
    xp = array_api_strict if name == "cpu" else placed(array_api_strict, device, Array)
    kernels = Kernels(xp)
    for function in (shares_memory, is_contiguous, to_device):
        kernels.override(function.__name__, function)
    return Backend(
        name="array_api_strict",
        xp=xp,
        kernels=kernels,
        from_numpy=lambda array: array_api_strict.asarray(array, copy=True, device=device),
        to_numpy=to_numpy if name == "cpu" else copied_to_numpy,
        array_type=Array,
        device=name,
        devices=tuple(DEVICES),
        at_device=at_device,
        device_of=device_of,
    )


def load() -> Backend:
    array_api_strict.set_array_api_strict_flags(api_version="2024.12")
    return at_device(str(requested("array_api_strict", list(DEVICES))))
