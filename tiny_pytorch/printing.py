"""How a tensor looks in the terminal."""

from __future__ import annotations

import sys
from typing import Any

import numpy

from . import backend
from .backend.dtypes import get_default_dtype

__all__ = ["format_tensor", "set_printoptions"]


_options: dict[str, Any] = {"precision": 4}
_PROFILES = {
    "default": {"precision": 4},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2},
    "full": {"precision": 4, "threshold": sys.maxsize},
}


def set_printoptions(
    precision: int | None = None,
    threshold: int | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors print from now on; what is None stays.

    Parameters
    ----------
    precision : int, optional
        Digits behind the point, at first 4.
    threshold : int, optional
        More elements than these are summarised, at first 1000.
    edgeitems : int, optional
        How many elements a summary shows at each end, at first 3.
    linewidth : int, optional
        Characters in a line, at first 75.
    profile : {"default", "short", "full"}, optional
        Settings to start from.
    sci_mode : bool, optional
        False: never in powers of ten; True and None leave it to the numbers.

    Raises
    ------
    ValueError
        For another profile.
    """
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(f"set_printoptions: profile must be one of {list(_PROFILES)}, got {profile!r}")
        _options.clear()
        _options.update(_PROFILES[profile])
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "max_line_width": linewidth}
    _options.update({name: value for name, value in given.items() if value is not None})
    if sci_mode is not None:
        _options["suppress_small"] = not sci_mode


def format_tensor(tensor: Any) -> str:
    """``tensor([...], dtype=..., requires_grad=True)``; the dtype where the content does not suggest it."""
    here = backend.current()
    there = backend.owner(tensor.array) or here  # what another library holds can be looked at, if not computed with
    if there.name == here.name:
        there = backend.at(tensor.array)
    array = there.to_numpy(tensor.array)
    prefix = "tensor("
    if array.ndim == 0:
        text = numpy.array2string(array.reshape(1), separator=", ", **_options)[1:-1]
    else:
        text = numpy.array2string(array, separator=", ", prefix=prefix, **_options)
    notes = []
    dtype = tensor.dtype
    if array.size == 0:
        text = "[]"
        if array.shape != (0,):
            notes.append(f"size={array.shape}")
    if dtype is not get_default_dtype() and dtype.name not in ("int64", "bool"):
        notes.append(f"dtype={dtype!r}")
    if there.name != here.name:
        notes.append(f"backend={there.name!r}")
    elif tensor.device != here.device:
        notes.append(f"device={str(tensor.device)!r}")
    if tensor.grad_fn is not None:
        notes.append(f"grad_fn=<{tensor.grad_fn.op.name}>")
    elif tensor.requires_grad:
        notes.append("requires_grad=True")
    return prefix + ", ".join([text, *notes]) + ")"
