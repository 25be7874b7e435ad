"""Where arrays live: the current array library and its kernels.

``TINY_PYTORCH_BACKEND`` names it (default ``numpy``) and ``TINY_PYTORCH_DEVICE`` its device; they are read once, at
import. ``use`` switches; ``python -m tiny_pytorch.backend`` says what is installed and what works here. One file for
each library says how it differs from the reference, which computes everything in plain array API.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy
from numpy import generic  # by its name: this package has a module `numpy`

from . import crossing
from .crossing import waits
from .devices import Device, DeviceError, find
from .dtypes import DType
from .table import Kernels

__all__ = [
    "Backend", "at", "available", "convert", "current", "enter", "foreign", "get_device", "kernels", "leave", "load",
    "number", "on", "on_change", "owner", "set_device", "several", "type_decides", "use", "waits",
]  # fmt: skip


class Backend(NamedTuple):
    """An array library as this package uses it, at one device: what it makes anew is there.

    Attributes
    ----------
    name : str
        What ``TINY_PYTORCH_BACKEND`` calls it.
    xp : namespace
        Its array-API namespace, whose new arrays are on the device.
    kernels : Kernels
        The kernel table, for arrays on the device.
    from_numpy, to_numpy : callable
        Conversions to the device from ``numpy.ndarray``, and back; views where the library can. bfloat16 arrives as
        float32.
    array_type : type
        The class of its arrays.
    device : str
        Where new arrays are: ``"cpu"``, ``"cuda:0"``, ...
    devices : tuple of str
        All the devices that the library has here.
    at_device : callable
        From another of these names to the same library there. Not called for a library with one device.
    writes : bool
        Whether arrays can be written. Where not, a tensor that is written gets a new array, as do its aliases.
    facts : callable
        What ``tp.show_config`` adds for this backend.
    device_of : callable
        The name of the device that an array is on, whichever of the library's devices that is.
    pin : callable or None
        A copy of a host array in page-locked memory, from which a device can copy while the host goes on. None
        where there is none.
    is_pinned : callable
        Whether a host array is in such memory.
    copy_stream : callable or None
        Makes a queue of copies to this device that run beside its computing (see ``data/prefetch.py``); None where
        copies are done when they are asked for.
    cuda : module or None
        What ``tp.cuda`` asks of a backend that runs on NVIDIA GPUs, see ``cuda/runtime.py``.
    synchronize : callable or None
        Waits until everything asked for so far is computed; None where every call computes before it returns.
    set_num_threads : callable or None
        Sets how many threads the library's own kernels use, where it can be told.
    is_shape_error : callable
        Whether an error of the library is about shapes, where its class does not say so.
    """

    name: str
    xp: Any
    kernels: Kernels
    from_numpy: Callable[[numpy.ndarray], Any]
    to_numpy: Callable[[Any], numpy.ndarray]
    array_type: type
    writes: bool = True
    facts: Callable[[], dict[str, Any]] = dict
    device: str = "cpu"
    devices: tuple[str, ...] = ("cpu",)
    at_device: Callable[[str], Backend] | None = None
    device_of: Callable[[Any], str] = lambda array: "cpu"
    pin: Callable[[Any], Any] | None = None
    is_pinned: Callable[[Any], bool] = lambda array: False
    copy_stream: Callable[[], Any] | None = None
    cuda: Any = None
    synchronize: Callable[[], None] | None = None
    set_num_threads: Callable[[int], None] | None = None
    is_shape_error: Callable[[Exception], bool] = lambda error: False

    def owns(self, value: Any) -> bool:
        """Whether an object is an array of this library."""
        return isinstance(value, self.array_type)

    def from_host(self, values: numpy.ndarray, dtype: DType) -> Any:
        """Values in host memory as an array of ``dtype``; bfloat16 crosses as float32, as NumPy does not have it."""
        array = self.from_numpy(values.astype(dtype.host, copy=False))
        return self.kernels.astype(array, dtype) if dtype.host.itemsize != dtype.itemsize else array


# name -> (module beside this one, what to install)
CHOICES: dict[str, tuple[str, str]] = {
    "numpy": ("numpy", "numpy"),
    "cupy": ("cupy", "cupy-cuda12x"),
    "torch": ("torch", "torch"),
    "jax": ("jax", "jax"),
    "array_api_strict": ("array_api_strict", "array-api-strict"),
}

_loaded: dict[str, Backend] = {}  # by name: each library at the device that it was loaded for
_places: dict[tuple[str, str], Backend] = {}  # by name and device, those that were ever used
_listeners: list[Callable[[Backend], None]] = []
_current: Backend
_at_device: dict[Any, Backend] = {}  # of the current library: by the device as its arrays themselves say it
_several = False  # whether more than one device of the current library is in use; else nothing asks where arrays are
_thread = threading.local()  # .entered: the devices of `with` blocks, the innermost last


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
            _loaded[name] = backend = crossing.watched(found.load() if name in CHOICES else found.load(name))
            _places[name, backend.device] = backend
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
    """The backend in use, at the device where new arrays are made."""
    return _entered() if _several else _current


def kernels() -> Kernels:
    """The kernel table in use, for what is made anew."""
    return current().kernels


def _entered() -> Backend:
    entered = getattr(_thread, "entered", None)
    return entered[-1] if entered else _current


def at(array: Any) -> Backend:
    """The backend in use, at the device that one of its arrays is on.

    Raises
    ------
    TypeError
        If it is an array of another library.
    """
    if _several:
        return _at(array)
    if isinstance(array, _current.array_type):
        return _current
    raise TypeError(foreign(array))


def _at(array: Any) -> Backend:
    place = _at_device.get(getattr(array, "device", None))
    if place is not None:
        return place
    for place in (_current, *_places.values()):
        if place.name == _current.name and place.owns(array):
            place = on(place.device_of(array))
            _at_device[array.device] = place
            return place
    raise TypeError(foreign(array))


def foreign(array: Any, which: str = "this is") -> str:
    """What to tell who brought an array of another library: both names, and what copies it."""
    there = owner(array)
    kind = f"{type(array).__module__}.{type(array).__qualname__}"
    return (
        f"{which} an array of {there.name if there else 'another library'} ({kind}), but the backend is "
        f"{_current.name}. Nothing is moved between libraries silently: tp.tensor(x) copies it"
    )


def on(device: Any) -> Backend:
    """The backend in use, at the device of that name; None means the one where new arrays are made.

    Raises
    ------
    DeviceError
        If the library does not have it.
    """
    if device is None:
        return current()
    place = _places.get((_current.name, device))
    if place is None:
        found = find(device, (current().device, *_current.devices))
        if found is None:
            present = ", ".join(map(repr, _current.devices))
            raise DeviceError(
                f"the backend {_current.name} has no device {str(device)!r}, only {present}. {_remedy(Device(device))}"
            )
        place = _places.get((_current.name, found))
        if place is None:
            at_device: Any = _current.at_device
            place = _places[_current.name, str(found)] = crossing.watched(at_device(str(found)))
            _select(_current)
    return place


def _remedy(device: Device) -> str:
    if device.type == "cuda":
        return (
            "CUDA devices come with TINY_PYTORCH_BACKEND=cupy, or TINY_PYTORCH_BACKEND=torch with "
            "TINY_PYTORCH_DEVICE=cuda, on a machine that has them; tp.cuda.is_available() asks"
        )
    return "`python -m tiny_pytorch.backend` lists the backends that work here"


def number(array: Any) -> Any:
    """The Python number in a raw array of one element. The host waits until it is computed."""
    if isinstance(array, generic):  # NumPy's reductions give no arrays
        return array.item()
    return at(array).to_numpy(array).item()


def set_device(device: Any) -> None:
    """Make new tensors on another device of the library in use, from here on: ``tp.set_default_device``.

    ``with tp.device(...):`` does it for a block.

    Parameters
    ----------
    device : str or Device
        Such as ``"cpu"`` or ``"cuda"``. At start it is ``TINY_PYTORCH_DEVICE``, else the library's own first choice.

    Raises
    ------
    DeviceError
        If the library does not have it.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.set_default_device("cpu")
    >>> tp.get_default_device()
    device('cpu')
    """
    _select(on(device))


def get_device() -> Device:
    """The device where new tensors are made: ``tp.get_default_device``."""
    return Device(current().device)


def enter(place: Backend) -> None:
    """Make new arrays of this thread at ``place``, until ``leave``."""
    if not hasattr(_thread, "entered"):
        _thread.entered = []
    _thread.entered.append(place)


def leave() -> None:
    """Undo ``enter``."""
    _thread.entered.pop()


def on_change(listener: Callable[[Backend], None]) -> None:
    """Call ``listener(backend)`` now and whenever the backend changes: how the layers above learn of it."""
    _listeners.append(listener)
    listener(_current)


def several() -> bool:
    """Whether more than one device of the library in use has been asked for."""
    return _several


def type_decides() -> bool:
    """Whether an array's type alone says that it is on the current device: no other one in use has arrays of it."""
    others = (place for place in _places.values() if place.name == _current.name and place.device != _current.device)
    return all(place.array_type is not _current.array_type for place in others)


def _select(backend: Backend) -> None:
    global _current, _several
    _current = backend
    _at_device.clear()
    _several = sum(name == backend.name for name, _ in _places) > 1
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
        self._before, self._entered = _current, getattr(_thread, "entered", [])
        _thread.entered = []
        _select(load(name))

    def __enter__(self) -> Backend:
        return _current

    def __exit__(self, *error: object) -> None:
        _thread.entered = self._entered
        _select(self._before)


def owner(array: Any) -> Backend | None:
    """The loaded backend whose library an array is of, the one in use first; None if there is none."""
    own = (place for (name, _), place in _places.items() if name == _current.name)
    return next((found for found in (_current, *own, *_loaded.values()) if found.owns(array)), None)


def convert(array: Any) -> Any:
    """A raw array of any loaded backend as one of the current one: as it is, or through host memory if another's."""
    there = owner(array)
    return array if there is None or there.name == _current.name else current().from_numpy(there.to_numpy(array))


def _asked_for() -> Backend:
    """The backend that the environment asks for. The command that lists what works starts without it, too."""
    global refused
    try:
        return load(os.environ.get("TINY_PYTORCH_BACKEND") or "numpy")
    except (ImportError, ValueError, RuntimeError) as error:
        if sys.argv[:1] != ["-m"] or __name__ not in sys.orig_argv:
            raise
        refused = error
        _places["numpy", "cpu"] = host = importlib.import_module(".numpy", __name__).host()
        return host


refused: Exception | None = None  # why what the environment asks for does not work; only in that command
_current = _asked_for()
