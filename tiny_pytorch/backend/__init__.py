"""Where arrays live: the current array library and its kernels.

``TINY_PYTORCH_BACKEND`` names it (default ``numpy``); it is resolved once, at import. ``use`` switches for a while.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy

from .table import Kernels

__all__ = ["Backend", "available", "current", "kernels", "load", "on_change", "use"]


class Backend(NamedTuple):
    """An array library as this package uses it.

    Attributes
    ----------
    name : str
        What ``TINY_PYTORCH_BACKEND`` calls it.
    xp : namespace
        Its array-API namespace.
    kernels : Kernels
        The kernel table.
    from_numpy, to_numpy : callable
        Conversions to and from ``numpy.ndarray``; views where the library can.
    owns : callable
        Whether an object is an array of this library.
    facts : callable
        What ``tp.show_config`` adds for this backend.
    device_of : callable
        The name of the device that an array is on: ``"cpu"``, ``"cuda:0"``, ...
    """

    name: str
    xp: Any
    kernels: Kernels
    from_numpy: Callable[[numpy.ndarray], Any]
    to_numpy: Callable[[Any], numpy.ndarray]
    owns: Callable[[Any], bool]
    facts: Callable[[], dict[str, Any]] = dict
    device_of: Callable[[Any], str] = lambda array: str(array.device)


# name -> (module beside this one, what to install)
CHOICES: dict[str, tuple[str, str]] = {
    "numpy": ("numpy", "numpy"),
    "array_api_strict": ("array_api_strict", "array-api-strict"),
}

_loaded: dict[str, Backend] = {}
_listeners: list[Callable[[Backend], None]] = []
_current: Backend


def load(name: str) -> Backend:
    """The backend of that name, imported when first asked for.

    Raises
    ------
    ValueError
        If there is no backend of that name.
    ImportError
        If the library is not installed.
    """
    if name not in _loaded:
        if name not in CHOICES:
            raise ValueError(f"unknown backend {name!r} (TINY_PYTORCH_BACKEND); the choices are {', '.join(CHOICES)}")
        module, package = CHOICES[name]
        try:
            _loaded[name] = importlib.import_module(f".{module}", __name__).load()
        except ModuleNotFoundError as error:
            if error.name is not None and error.name.startswith(__name__.partition(".")[0]):
                raise
            raise ImportError(
                f"the backend {name!r} needs the package {package}, which is not installed: pip install {package}"
            ) from error
    return _loaded[name]


def available() -> list[str]:
    """The names of the backends whose libraries can be imported here."""
    names = []
    for name in CHOICES:
        with contextlib.suppress(ImportError):
            load(name)
            names.append(name)
    return names


def current() -> Backend:
    """The backend in use."""
    return _current


def kernels() -> Kernels:
    """The kernel table in use."""
    return _current.kernels


def on_change(listener: Callable[[Backend], None]) -> None:
    """Call ``listener(backend)`` now and whenever the backend changes: how the layers above learn of it."""
    _listeners.append(listener)
    listener(_current)


def _select(backend: Backend) -> None:
    global _current
    _current = backend
    for listener in _listeners:
        listener(backend)


@contextlib.contextmanager
def use(name: str) -> Iterator[Backend]:
    """Use another backend inside a ``with`` block. For tests: Tensors made before belong to the other library.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> with tp.backend.use("numpy") as backend:
    ...     backend.name
    'numpy'
    """
    before = _current
    _select(load(name))
    try:
        yield _current
    finally:
        _select(before)


_current = load(os.environ.get("TINY_PYTORCH_BACKEND", "numpy"))
