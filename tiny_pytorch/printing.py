"""How a tensor looks in the terminal."""

from __future__ import annotations

from typing import Any

import numpy

from . import backend
from .backend.dtypes import get_default_dtype

__all__ = ["format_tensor"]


def format_tensor(tensor: Any) -> str:
    """``tensor([...], dtype=..., requires_grad=True)``; the dtype where the content does not suggest it."""
    here = backend.current()
    there = backend.owner(tensor.array) or here  # what another library holds can be looked at, if not computed with
    if there.name == here.name:
        there = backend.at(tensor.array)
    array = there.to_numpy(tensor.array)
    prefix = "tensor("
    if array.ndim == 0:
        text = numpy.array2string(array.reshape(1), separator=", ", precision=4)[1:-1]
    else:
        text = numpy.array2string(array, separator=", ", precision=4, prefix=prefix)
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
