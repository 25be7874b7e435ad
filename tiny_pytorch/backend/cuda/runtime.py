"""What ``tp.cuda`` asks of the backend."""

from __future__ import annotations

from typing import Any

import cupy

from . import faults
from .capture import Captured, capture, warm_up

__all__ = [
    "Captured",
    "allow_tf32",
    "capture",
    "device_count",
    "device_name",
    "new_stream",
    "synchronize",
    "warm_up",
]


def device_count() -> int:
    """How many CUDA devices there are."""
    return int(cupy.cuda.runtime.getDeviceCount())


def device_name(index: int) -> str:
    """What a device calls itself."""
    return cupy.cuda.runtime.getDeviceProperties(index)["name"].decode()


def synchronize() -> None:
    """Wait until everything queued on the current device is done, and raise what its kernels found."""
    cupy.cuda.runtime.deviceSynchronize()
    faults.check()


def new_stream() -> Any:
    """A stream that does not wait for the default one."""
    return cupy.cuda.Stream(non_blocking=True)


def allow_tf32(allow: bool) -> bool:
    """Let cuBLAS round float32 products to TF32 or not; returns the setting before. CuPy has no public call for it."""
    from cupy._core import _routines_linalg as linalg

    try:
        before = linalg.get_compute_type("f") == linalg.COMPUTE_TYPE_TF32
        linalg.set_compute_type("f", linalg.COMPUTE_TYPE_TF32 if allow else linalg.COMPUTE_TYPE_DEFAULT)
    except AttributeError:
        raise RuntimeError("this CuPy cannot change it while running; start with CUPY_TF32=1 (or 0) set") from None
    return before
