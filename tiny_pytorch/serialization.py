"""Saving and loading: state dicts, tensors, and plain containers of them.

A file named ``*.safetensors`` is in that format (a flat dict of tensors, readable by every library that knows it; needs
the package ``safetensors``). Any other is a pickle that ``load`` opens with everything but tensors and plain containers
refused, so that a file from a stranger cannot run code.
"""

from __future__ import annotations

import io
import os
import pickle
from typing import IO, Any, TypeGuard

import numpy

from . import backend, ops
from .backend.devices import Device
from .tensor import Tensor

__all__ = ["load", "save"]

_SAFE = {
    ("tiny_pytorch.tensor", "Tensor"),
    ("tiny_pytorch.tensor", "_rebuild"),
    ("tiny_pytorch.nn.parameter", "Parameter"),
    ("tiny_pytorch.backend.dtypes", "as_dtype"),
    ("collections", "OrderedDict"),
    ("collections", "defaultdict"),
    ("builtins", "complex"),
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("builtins", "slice"),
    ("builtins", "range"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
}


class _SafeUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _SAFE:
            raise pickle.UnpicklingError(
                f"load: the file holds a {module}.{name}; only tensors and plain containers are loaded. If you trust "
                "the file, pass weights_only=False"
            )
        return super().find_class(module, name)


def _is_safetensors(f: Any) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(f, (str, os.PathLike)) and os.fspath(f).endswith(".safetensors")


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ModuleNotFoundError as error:
        raise ImportError(
            "files named *.safetensors need the package safetensors: pip install 'tiny_pytorch[safetensors]'"
        ) from error
    return safetensors.numpy


def save(obj: Any, f: str | os.PathLike[str] | IO[bytes]) -> None:
    """Write ``obj`` (a state dict, a tensor, containers of them) to a path or an open binary file.

    Raises
    ------
    TypeError
        For a ``.safetensors`` path, if ``obj`` is not a flat dict from names to tensors, or one of them is bfloat16.

    Examples
    --------
    >>> import io, tiny_pytorch as tp
    >>> layer, file = tp.nn.Linear(2, 1), io.BytesIO()
    >>> tp.save(layer.state_dict(), file)
    >>> _ = file.seek(0)
    >>> sorted(tp.load(file))
    ['bias', 'weight']
    """
    if _is_safetensors(f):
        if not (isinstance(obj, dict) and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in obj.items())):
            raise TypeError("save: a .safetensors file holds a flat dict from names to tensors, such as a state dict")
        lost = [name for name, tensor in obj.items() if tensor.dtype.name == "bfloat16"]
        if lost:
            raise TypeError(
                f"save: {', '.join(lost)} would be float32 in a .safetensors file, which is written by NumPy; convert "
                "with .float(), or choose another ending"
            )
        hosts = {name: backend.at(tensor.array).to_numpy(tensor.array) for name, tensor in obj.items()}
        arrays = {name: numpy.array(host, order="C") for name, host in hosts.items()}
        _safetensors().save_file(arrays, os.fspath(f))
        return
    buffer = io.BytesIO()
    pickle.dump(obj, buffer, protocol=pickle.HIGHEST_PROTOCOL)  # whole, before the file is touched
    if isinstance(f, (str, os.PathLike)):
        with open(f, "wb") as file:
            file.write(buffer.getbuffer())
    else:
        f.write(buffer.getbuffer())


def load(f: str | os.PathLike[str] | IO[bytes], map_location: Any = None, *, weights_only: bool = True) -> Any:
    """What ``save`` wrote.

    Parameters
    ----------
    f : path or open binary file
    map_location : str or Device, optional
        The device to make tensors on; defaults to the default device, wherever they were saved from. Of what else
        PyTorch takes, a dict means its only value, and a function the host.
    weights_only : bool
        Refuse everything but tensors and plain containers (default). False runs whatever a pickle says: only for files
        that you trust.

    Raises
    ------
    pickle.UnpicklingError
        If the file holds something else.
    DeviceError
        If the backend does not have the device.
    """
    if map_location is not None:
        with Device(_location(map_location)):
            return load(f, weights_only=weights_only)
    if _is_safetensors(f):
        arrays = _safetensors().load_file(os.fspath(f))
        return {name: ops.tensor(array) for name, array in arrays.items()}
    unpickler = _SafeUnpickler if weights_only else pickle.Unpickler
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _read(unpickler, file, os.fspath(f))
    return _read(unpickler, f, "the file")


def _read(unpickler: type[pickle.Unpickler], file: IO[bytes], name: str) -> Any:
    junk: tuple[type[Exception], ...] = (pickle.UnpicklingError, EOFError, ValueError, LookupError)
    if unpickler is _SafeUnpickler:  # of classes of the user's own, these are errors of theirs
        junk = (*junk, AttributeError, MemoryError, OverflowError, TypeError)
    try:
        return unpickler(file).load()
    except junk as error:
        if str(error).startswith("load:"):
            raise
        raise pickle.UnpicklingError(
            f"load: {name} does not hold what tp.save writes ({type(error).__name__}: {error}). It may be cut short or "
            "empty; a file of torch.save is a zip archive, which is not read here: write the state dict there with "
            "safetensors.torch.save_file, and load that"
        ) from error


def _location(map_location: Any) -> Any:
    """The device that a ``map_location`` means."""
    if callable(map_location):
        return "cpu"
    if isinstance(map_location, dict):
        places = set(map_location.values())
        if len(places) != 1:
            raise ValueError(f"load: map_location={map_location!r} names {len(places)} devices; expected one")
        return places.pop()
    return map_location
