"""Any importable namespace that follows the array API, by its dotted name: the reference kernels over it.

Nothing is known of its memory, so nothing is written into it: as for libraries whose arrays cannot be written, every
update is a new array, which the engine gives to all aliases.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy

from . import Backend
from .reference import gather
from .table import Kernels

__all__ = ["load"]

REQUIRED = ("asarray", "astype", "isdtype", "matmul", "permute_dims", "reshape", "take", "where", "float32")


def write(x: Any, value: Any) -> Any:
    return value


def to_numpy(array: Any) -> numpy.ndarray:
    try:
        return numpy.from_dlpack(array)
    except (AttributeError, BufferError, RuntimeError, TypeError):  # not offered, or not for this dtype
        return numpy.asarray(array)


def load(name: str) -> Backend:
    """The backend over the module of that name.

    Raises
    ------
    ImportError
        If it cannot be imported.
    ValueError
        If it lacks functions of the standard.
    """
    xp = importlib.import_module(name)
    missing = [function for function in REQUIRED if not hasattr(xp, function)]
    if missing:
        raise ValueError(f"{name} does not follow the array API: it lacks {', '.join(missing)}")

    def index_write(x: Any, value: Any, *arrays: Any, index: tuple) -> Any:
        return gather.index_put(xp, x, value, *arrays, index=index)

    device = getattr(xp.asarray(0.0), "device", "cpu")
    device = str(device) if str(device).partition(":")[0].isidentifier() else "cpu"
    kernels = Kernels(xp)
    kernels.override("write", write)
    kernels.override("index_write", index_write)
    return Backend(
        name=name,
        xp=xp,
        kernels=kernels,
        from_numpy=lambda array: xp.asarray(numpy.array(array)),
        to_numpy=to_numpy,
        array_type=type(xp.asarray(0.0)),
        device=device,
        devices=(device,),
        device_of=lambda array: device,
        writes=False,
    )
