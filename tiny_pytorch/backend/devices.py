"""Where an array's memory is, as PyTorch's scripts spell it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["Device", "DeviceError", "find", "requested"]


class DeviceError(RuntimeError, ValueError):
    """A device that is not there, or arrays on several. PyTorch raises RuntimeError, the array API asks for
    ValueError: this is both."""


class Device(str):
    """A device by name, with PyTorch's ``type`` and ``index``. In a ``with`` block new tensors are made there.

    Parameters
    ----------
    name : str, Device or int
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``; a number alone means that CUDA device.
    index : int, optional
        Which one of its kind, where the name does not say it.

    Raises
    ------
    ValueError
        If this is no such name. Whether there is such a device is asked when it is used.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.device("cpu").type, tp.device("cuda:1").index, tp.zeros(1).device == "cpu"
    ('cpu', 1, True)
    >>> with tp.device("cpu"):
    ...     x = tp.zeros(1)
    """

    __slots__ = ()

    def __new__(cls, name: Any, index: int | None = None) -> Device:
        if isinstance(name, int) and not isinstance(name, bool) and index is None:
            name, index = "cuda", name
        name = str(name)
        kind, _, number = name.partition(":")
        if not kind.isidentifier() or (number and not number.isdigit()) or (number and index is not None):
            raise ValueError(f"device: expected a name such as 'cpu' or 'cuda:0', got {name!r}")
        return super().__new__(cls, name if index is None else f"{name}:{int(index)}")

    @property
    def type(self) -> str:
        """The kind of device: ``"cpu"``, ``"cuda"``, ..."""
        return str(self).partition(":")[0]

    @property
    def index(self) -> int | None:  # type: ignore[override]
        """Which one of its kind, None if not said."""
        number = str(self).partition(":")[2]
        return int(number) if number else None

    def __enter__(self) -> Device:
        from . import enter, on

        enter(on(self))
        return self

    def __exit__(self, *error: object) -> None:
        from . import leave

        leave()

    def __repr__(self) -> str:
        return f"device({str(self)!r})"


def find(name: Any, present: Iterable[str]) -> Device | None:
    """The first of the devices ``present`` that ``name`` means, None if it is not there.

    A kind without a number (``"cuda"``) means the first device of that kind, and the only one of a kind may be
    called by number 0.
    """
    asked = Device(name)
    return next((d for d in map(Device, present) if asked in (d, d.type, f"{d}:0")), None)


def requested(backend: str, present: Sequence[str]) -> Device:
    """The device that ``TINY_PYTORCH_DEVICE`` asks for among those ``present`` here, by default the first of them.

    Raises
    ------
    ValueError
        If the backend does not have it.
    """
    name = os.environ.get("TINY_PYTORCH_DEVICE") or present[0]
    device = find(name, present)
    if device is None:
        raise DeviceError(
            f"TINY_PYTORCH_DEVICE={name}: there is no such device for the backend {backend}, which has "
            f"{', '.join(present)} here. Choose one of them, or another library by TINY_PYTORCH_BACKEND"
        )
    return device
