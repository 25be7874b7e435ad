"""Where an array's memory is, as PyTorch's scripts spell it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

__all__ = ["Device", "requested"]


class Device(str):
    """A device by name, with PyTorch's ``type`` and ``index``.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.device("cpu").type, tp.device("cuda:1").index, tp.zeros(1).device == "cpu"
    ('cpu', 1, True)
    """

    __slots__ = ()

    def __new__(cls, name: Any, index: int | None = None) -> Device:
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

    def __repr__(self) -> str:
        return f"device({str(self)!r})"


def requested(backend: str, present: Sequence[str]) -> Device:
    """The device that ``TINY_PYTORCH_DEVICE`` asks for among those ``present`` here, by default the first of them.

    A kind without a number (``"cuda"``) means the first device of that kind.

    Raises
    ------
    ValueError
        If the backend does not have it.
    """
    name = os.environ.get("TINY_PYTORCH_DEVICE") or present[0]
    for device in map(Device, present):
        if name in (device, device.type):
            return device
    raise ValueError(
        f"TINY_PYTORCH_DEVICE={name}: there is no such device for the backend {backend}, which has "
        f"{', '.join(present)} here. Choose one of them, or another library by TINY_PYTORCH_BACKEND"
    )
