"""Tensors on several devices: moving one, as a recorded op, and what the engine asks where more than one is in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import backend
from .._ext.engine import Op, Variable
from ..backend.devices import DeviceError
from ..backend.table import Kernels
from .declare import op

__all__ = ["kernels_at", "run_at", "to_device", "together"]


@op(name="to", kernel="to_device")
def to_device(k: Any, x: Any, *, device: str, source: str, non_blocking: bool = False) -> Any:
    """``x`` on another device. The gradient goes back to ``source``, where ``x`` is."""
    return k.to_device(x, device, source, non_blocking)


@to_device.gradient
def _(k: Any, g: Any, saved: Any, device: str, source: str, non_blocking: bool = False) -> tuple[Any]:
    return (k.to_device(g, source, device, False),)


def kernels_at(array: Any) -> Kernels:
    """The kernels for an array, by its device."""
    return backend.at(array).kernels


def run_at(array: Any, function: Callable[..., Any], args: tuple[Any, ...], params: dict[str, Any] | None) -> Any:
    """Call ``function`` with new arrays being made at the device of ``array``."""
    backend.enter(backend.at(array))
    try:
        return function(*args, **(params or {}))
    finally:
        backend.leave()


def together(op: Op, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of ``op``, which are not all on one device, on one: 0-d tensors on the host count as numbers do.

    Raises
    ------
    DeviceError
        If others are on different devices: nothing large is moved silently.
    """
    places = [backend.at(a.array).device if isinstance(a, Variable) else None for a in args]
    elementwise = op.promotes is not None
    numbers = [elementwise and p == "cpu" and a.array.shape == () for a, p in zip(args, places, strict=True)]
    devices = list(dict.fromkeys(p for p, small in zip(places, numbers, strict=True) if p is not None and not small))
    if len(devices) > 1:
        listed = ", ".join(f"argument {i} on {p!r}" for i, p in enumerate(places) if p is not None)
        raise DeviceError(
            f"{op.name}: the tensors are on several devices ({listed}), and nothing is moved silently; move one of "
            f"them, e.g. with .to({devices[0]!r})"
        )
    return tuple(
        to_device(a, device=devices[0], source=p) if small else a
        for a, p, small in zip(args, places, numbers, strict=True)
    )
