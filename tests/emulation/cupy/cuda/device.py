"""There is one device."""

from __future__ import annotations

from typing import Any

from .._array import _Device

__all__ = ["Device"]


class Device(_Device):
    """The emulated device by its number."""

    def __init__(self, device: Any = None):
        pass

    def use(self) -> Device:
        return self
