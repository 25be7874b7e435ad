"""Where arrays live: the current array library and its kernels.

``TINY_PYTORCH_BACKEND`` names it (default ``numpy``) and ``TINY_PYTORCH_DEVICE`` its device; they are read once, at
import. ``use`` switches; ``python -m tiny_pytorch.backend`` says what is installed and what works here. One file for
each library says how it differs from the reference, which computes everything in plain array API.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy

from .table import Kernels

__all__ = ["Backend", "available", "convert", "current", "kernels", "load", "on_change", "owner", "use"]


class Backend(NamedTuple):
    """An array library as this package uses it.

    Attributes
    ----------
    name : str
        What ``TINY_PYTORCH_BACKEND`` calls it.
    xp : namespace
        Its array-API namespace, whose new arrays are on the chosen device.
    kernels : Kernels
        The kernel table.
    from_numpy, to_numpy : callable
        Conversions to and from ``numpy.ndarray``; views where the library can.
    array_type : type
        The class of its arrays.
    writes : bool
        Whether arrays can be written. Where not, a tensor that is written gets a new array, as do its aliases.
    facts : callable
        What ``tp.show_config`` adds for this backend.
    device_of : callable
        The name of the device that an array is on: ``"cpu"``, ``"cuda:0"``, ...
    cuda : module or None
        What ``tp.cuda`` asks of a backend that runs on NVIDIA GPUs, see ``cuda/runtime.py``.
    synchronize : callable or None
        Waits until everything asked for so far is computed; None where every call computes before it returns.
    set_num_threads : callable or None
        Sets how many threads the library's own kernels use, where it can be told.
    """

    name: str
    xp: Any
    kernels: Kernels
    from_numpy: Callable[[numpy.ndarray], Any]
    to_numpy: Callable[[Any], numpy.ndarray]
    array_type: type
    writes: bool = True
    facts: Callable[[], dict[str, Any]] = dict
    device_of: Callable[[Any], str] = lambda array: str(array.device)
    cuda: Any = None
    synchronize: Callable[[], None] | None = None
    set_num_threads: Callable[[int], None] | None = None

    def owns(self, value: Any) -> bool:
        """Whether an object is an array of this library."""
        return isinstance(value, self.array_type)


# name -> (module beside this one, what to install)
CHOICES: dict[str, tuple[str, str]] = {
    "numpy": ("numpy", "numpy"),
    "cupy": ("cupy", "cupy-cuda12x"),
    "torch": ("torch", "torch"),
    "jax": ("jax", "jax"),
    "array_api_strict": ("array_api_strict", "array-api-strict"),
}

_loaded: dict[str, Backend] = {}
_listeners: list[Callable[[Backend], None]] = []
_current: Backend


def load(name: str) -> Backend:
    """The backend of that name, imported when first asked for.

    Parameters
    ----------
    name : str
        One of the choices, or the dotted name of any importable array-API namespace, e.g. ``"array_api_compat.numpy"``.

    Raises
    ------
    ValueError
        If there is no backend of that name, or it has no device ``TINY_PYTORCH_DEVICE``.
    ImportError
        If the library is not installed.
    """
    if name not in _loaded:
        package: str | None
        if name in CHOICES:
            module, package = CHOICES[name]
        elif "." in name:
            module, package = "namespace", None
        else:
            raise ValueError(
                f"unknown backend {name!r} (TINY_PYTORCH_BACKEND); the choices are {', '.join(CHOICES)}, or the dotted "
                "name of a module that follows the array API"
            )
        try:
            found = importlib.import_module(f".{module}", __name__)
            _loaded[name] = found.load() if name in CHOICES else found.load(name)
        except ModuleNotFoundError as error:
            if error.name is not None and error.name.startswith(__name__.partition(".")[0]):
                raise
            remedy = f": pip install {package}" if package else ""
            raise ImportError(
                f"the backend {name!r} needs the module {error.name}, which is not installed{remedy}. Or choose "
                f"another by TINY_PYTORCH_BACKEND: {', '.join(CHOICES)}"
            ) from error
    return _loaded[name]


def available() -> list[str]:
    """The names of the backends that can be loaded here: their libraries import, and have the device asked for."""
    names = []
    for name in CHOICES:
        try:
            load(name)
        except (ImportError, ValueError, RuntimeError):  # not installed, without the device, without a driver
            continue
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


class use:
    """Switch to another backend: from here on, or for a ``with`` block.

    Tensors made before belong to the other library: ``tp.tensor(x)`` copies one over.

    Parameters
    ----------
    name : str
        As ``load`` takes it.

    Raises
    ------
    ValueError, ImportError
        As ``load``.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> with tp.backend.use("numpy") as backend:
    ...     backend.name
    'numpy'
    """

    def __init__(self, name: str) -> None:
        self._before = _current
        _select(load(name))

    def __enter__(self) -> Backend:
        return _current

    def __exit__(self, *error: object) -> None:
        _select(self._before)


def owner(array: Any) -> Backend | None:
    """The loaded backend whose library an array is of; None if there is none."""
    return next((found for found in (_current, *_loaded.values()) if found.owns(array)), None)


def convert(array: Any) -> Any:
    """A raw array of any loaded backend as one of the current backend, through host memory if it is another's."""
    there = owner(array)
    return array if there is _current or there is None else _current.from_numpy(there.to_numpy(array))


_current = load(os.environ.get("TINY_PYTORCH_BACKEND") or "numpy")
