"""What goes between host and device, and where the host waits for one: everything passes here, and can be watched.

Nobody watches unless asked to: ``tp.debug_crossings()``, ``tp.cuda.set_sync_debug_mode(...)``, or the environment
variable ``TINY_PYTORCH_CROSSINGS``, which is ``warn`` or ``error``.
"""

from __future__ import annotations

import functools
import math
import os
import sys
import threading
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .devices import Device

if TYPE_CHECKING:
    from . import Backend

__all__ = ["Crossing", "CrossingError", "CrossingWarning", "debug_crossings", "waits", "watched"]

PACKAGE = __name__.partition(".")[0]


class Crossing(NamedTuple):
    """One copy between devices, or one wait of the host.

    Attributes
    ----------
    kind : str
        ``"host to device"``, ``"device to host"``, ``"device to device"``, or ``"wait"`` where nothing is copied but
        the host needs to know a result to go on (``nonzero``, a boolean mask, the bounds of an index).
    operation : str
        What the script called.
    device : str
        The one that is not the host; of two devices the one copied to.
    shape, dtype, nbytes
        What was copied, or of a wait what was looked at.
    where : str
        The script's line, ``file:number``.
    """

    kind: str
    operation: str
    device: str
    shape: tuple[int, ...]
    dtype: str
    nbytes: int
    where: str

    @property
    def waits(self) -> bool:
        """Whether the host waits until the device has computed everything asked of it: a synchronisation."""
        return self.kind in ("device to host", "wait")

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape)) or "1"
        size = "" if self.kind == "wait" else f", {self.nbytes} bytes"
        return f"{self.where}: {self.operation}: {self.kind} ({self.device}, {shape} {self.dtype}{size})"


class CrossingWarning(UserWarning):
    """Something crossed between host and device, or the host waited for a device."""


class CrossingError(RuntimeError):
    """Something was about to cross between host and device, or the host to wait, where that was forbidden."""


_watchers: list[Callable[[Crossing], None]] = []
_quiet = threading.local()  # .inside: whether this thread is reporting: what a report prints is no crossing of its own


# --- where things cross -------------------------------------------------------------------------------------


def watched(backend: Backend) -> Backend:
    """``backend`` with its copies between devices reported. One that knows the host alone stays as it is."""
    if len(backend.devices) == 1 and on_host(backend.device):
        return backend
    device, from_numpy, to_numpy, kernels = backend.device, backend.from_numpy, backend.to_numpy, backend.kernels
    to_device = kernels.to_device

    def reported_from_numpy(array: Any) -> Any:
        if _watchers:
            report("host to device", device, array)
        return from_numpy(array)

    def reported_to_numpy(array: Any) -> Any:
        if _watchers:
            report("device to host", device, array)
        return to_numpy(array)

    @functools.wraps(to_device)
    def reported_to_device(x: Any, device: str, source: str, non_blocking: bool) -> Any:
        if _watchers:
            copied(x, source, device)
        return to_device(x, device, source, non_blocking)

    kernels.override("to_device", reported_to_device)
    if on_host(device):
        return backend
    return backend._replace(from_numpy=reported_from_numpy, to_numpy=reported_to_numpy)


def copied(array: Any, source: str, target: str) -> None:
    """Report a copy of an array of the library from one device to another, unless both are the host's."""
    if on_host(source) and on_host(target):
        return
    kind = "host to device" if on_host(source) else "device to host" if on_host(target) else "device to device"
    report(kind, source if on_host(target) else target, array)


def waits(array: Any) -> Any:
    """``array``, of which the host is about to learn something by other ways than a copy: reported as a wait."""
    if _watchers:
        from . import at, owner

        if owner(array) is not None and not on_host(at(array).device):
            report("wait", at(array).device, array)
    return array


def on_host(device: str) -> bool:
    """Whether a device is the host itself."""
    return Device(device).type == "cpu"


def report(kind: str, device: str, array: Any = None) -> None:
    """Tell all who watch."""
    if not _watchers or getattr(_quiet, "inside", False):
        return
    operation, where = _called()
    shape = () if array is None else tuple(array.shape)
    dtype = "" if array is None else str(array.dtype).rpartition(".")[2]
    size = getattr(array, "nbytes", None)
    if size is None:
        from .dtypes import as_dtype

        size = 0 if array is None else math.prod(shape) * as_dtype(array.dtype).itemsize
    crossing = Crossing(kind, operation, device, shape, dtype, size, where)
    _quiet.inside = True
    try:
        for watcher in _watchers:
            watcher(crossing)
    finally:
        _quiet.inside = False


def _called() -> tuple[str, str]:
    """The function of this package that the script called, and the script's line."""
    frame: Any = sys._getframe(2)
    operation = frame.f_code.co_name
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE:
        operation = frame.f_code.co_name
        frame = frame.f_back
    return operation, f"{frame.f_code.co_filename}:{frame.f_lineno}"


# --- who watches --------------------------------------------------------------------------------------------


def _warn(crossing: Crossing) -> None:
    file, _, line = crossing.where.rpartition(":")
    warnings.warn_explicit(str(crossing), CrossingWarning, file, int(line))


def _raise(crossing: Crossing) -> None:
    raise CrossingError(
        f"{crossing}. Crossings between host and device are forbidden here; move it out of the block, or allow it"
    )


_ACTIONS: dict[str, Callable[[Crossing], None]] = {"warn": _warn, "error": _raise}


class debug_crossings:
    """Watch what goes between host and device, and where the host waits, for a ``with`` block.

    Parameters
    ----------
    mode : {"record", "warn", "error"}
        Besides being recorded, each one is a CrossingWarning at the script's line, or a CrossingError before it
        happens. ``TINY_PYTORCH_CROSSINGS=warn`` (or ``error``) does it for a whole program.

    Yields
    ------
    list of Crossing
        What happened so far. On the host alone nothing ever does.

    Raises
    ------
    ValueError
        For another mode.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> with tp.debug_crossings() as report:
    ...     _ = tp.ones(3).sum().item()
    >>> for crossing in report:
    ...     print(crossing)
    """

    def __init__(self, mode: str = "record") -> None:
        if mode != "record" and mode not in _ACTIONS:
            raise ValueError(f"debug_crossings: mode must be 'record', 'warn' or 'error', got {mode!r}")
        self._found: list[Crossing] = []
        self._own = [self._found.append, *([_ACTIONS[mode]] if mode != "record" else [])]

    def __enter__(self) -> list[Crossing]:
        _watchers.extend(self._own)
        return self._found

    def __exit__(self, *error: object) -> None:
        for watcher in self._own:
            _watchers.remove(watcher)


_SYNC_MODES = ("default", "warn", "error")
_sync_mode = 0


def _on_sync(crossing: Crossing) -> None:
    if crossing.waits:
        _ACTIONS[_SYNC_MODES[_sync_mode]](crossing)


def set_sync_debug_mode(mode: str | int) -> None:
    """Let every synchronisation, where the host waits for the device, pass, warn or raise: PyTorch's switch.

    Parameters
    ----------
    mode : {"default", "warn", "error"} or {0, 1, 2}

    Raises
    ------
    ValueError
        For another mode.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.cuda.set_sync_debug_mode("warn")
    >>> tp.cuda.get_sync_debug_mode()
    1
    >>> tp.cuda.set_sync_debug_mode("default")
    """
    global _sync_mode
    if mode not in _SYNC_MODES and (isinstance(mode, bool) or mode not in (0, 1, 2)):
        raise ValueError(f"set_sync_debug_mode: expected 'default', 'warn' or 'error' (0, 1, 2), got {mode!r}")
    if _on_sync in _watchers:
        _watchers.remove(_on_sync)
    _sync_mode = _SYNC_MODES.index(mode) if isinstance(mode, str) else int(mode)
    if _sync_mode:
        _watchers.append(_on_sync)


def get_sync_debug_mode() -> int:
    """0, 1 or 2: what ``set_sync_debug_mode`` chose."""
    return _sync_mode


_asked = os.environ.get("TINY_PYTORCH_CROSSINGS")
if _asked:
    if _asked not in _ACTIONS:
        raise ValueError(f"TINY_PYTORCH_CROSSINGS={_asked}: expected 'warn' or 'error'")
    _watchers.append(_ACTIONS[_asked])
