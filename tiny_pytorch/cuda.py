"""What scripts ask before they choose a device."""

from __future__ import annotations

from . import backend

__all__ = ["device_count", "is_available"]


def is_available() -> bool:
    """Whether the backend in use has a CUDA device.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> device = tp.device("cuda" if tp.cuda.is_available() else "cpu")
    """
    return device_count() > 0


def device_count() -> int:
    """How many CUDA devices the backend in use has."""
    info = getattr(backend.current().xp, "__array_namespace_info__", None)
    return 0 if info is None else sum("cuda" in str(device) for device in info().devices())
