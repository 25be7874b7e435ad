"""The runtime's calls that the backend makes."""

from __future__ import annotations

from typing import Any

from .._array import CUDARuntimeError

__all__ = ["CUDARuntimeError"]


def getDeviceCount() -> int:
    return 1


def getDeviceProperties(index: int) -> dict[str, Any]:
    return {"name": b"emulated on the host"}


def deviceSynchronize() -> None:
    pass


def runtimeGetVersion() -> int:
    return 12000
