"""New arrays. Without a dtype: the default floating dtype, int64 for integers, bool for bools."""

from __future__ import annotations

from typing import Any

import numpy

from .. import backend, ops
from ..autograd import Variable, leaf
from ..backend.dtypes import as_dtype, get_default_dtype
from .convert import Tensor, array, dtype_of, raw, xp_dtype
from .dtypes import astype

__all__ = [
    "arange", "asarray", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like", "linspace",
    "meshgrid", "ones", "ones_like", "tril", "triu", "zeros", "zeros_like",
]  # fmt: skip


def _xp(device: Any = None, like: Any = None) -> Any:
    """The backend's namespace at a device, by default at that of the Tensor ``like`` or the default one."""
    if device is None and like is not None:
        return backend.at(raw(like)).xp
    return backend.on(device).xp


def _dtype(dtype: Any, *examples: Any) -> Any:
    """The backend's dtype: the one that was asked for, or that of the Python numbers."""
    if dtype is not None:
        return xp_dtype(dtype)
    kinds = [type(raw(v).item() if isinstance(v, Variable) else v) for v in examples]
    if kinds and all(kind is bool for kind in kinds):
        return xp_dtype("bool")
    if kinds and all(issubclass(kind, int) for kind in kinds):
        return xp_dtype("int64")
    return xp_dtype("complex64" if complex in kinds else get_default_dtype())


def arange(start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None) -> Tensor:
    """``start, start + step, ...`` up to but without ``stop``; ``arange(n)`` is ``0, ..., n - 1``."""
    found = _dtype(dtype, start, 0 if stop is None else stop, step)
    return leaf(_xp(device).arange(start, stop, step, dtype=found))


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None) -> Tensor:
    """A Tensor of what ``obj`` holds: a Tensor, an array, a number or nested sequences of them.

    Gradients flow through a Tensor. Memory is shared where it can be, unless ``copy=True``; ``copy=False``
    raises a ValueError where it cannot.
    """
    if isinstance(obj, Variable) or backend.owner(obj) is backend.on(device):
        x = array(obj)
        moved = x if device is None else x.to(device)
        if moved is not x:
            if copy is False:
                raise ValueError(f"asarray: the way to {str(device)!r} is a copy, and copy=False forbids it")
            return moved if dtype is None else astype(moved, dtype)
        if dtype is not None and dtype_of(x) is not as_dtype(dtype):
            if copy is False:
                raise ValueError(
                    f"asarray: a conversion to {as_dtype(dtype).name} needs a copy, and copy=False forbids it"
                )
            return astype(x, dtype)
        return ops.clone(x) if copy else x
    if copy is False:
        raise ValueError(f"asarray: a {type(obj).__name__} has no memory to share, and copy=False forbids a copy")
    return ops.tensor(obj, dtype=dtype, device=device)


def empty(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """An array of unset memory."""
    return leaf(_xp(device).empty(shape, dtype=_dtype(dtype)))


def empty_like(x: Tensor, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """An array of unset memory, of ``x``'s shape and dtype."""
    return leaf(_xp(device, x).empty_like(raw(x), dtype=xp_dtype(dtype)))


def eye(n_rows: int, n_cols: Any = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Tensor:
    """1 on the diagonal that lies ``k`` above the main one, else 0."""
    return leaf(_xp(device).eye(n_rows, n_cols, k=k, dtype=_dtype(dtype)))


def from_dlpack(x: Any, /, *, device: Any = None, copy: Any = None) -> Tensor:
    """Another library's array as a Tensor, by DLPack: on the same memory, unless ``copy=True``."""
    asked = {name: value for name, value in (("device", device), ("copy", copy)) if value is not None}
    found = numpy.from_dlpack(x, **asked)  # NumPy 2.0 knows neither
    return leaf(backend.current().from_numpy(found))


def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """``fill_value`` everywhere."""
    if isinstance(fill_value, Variable):
        dtype, fill_value = dtype or dtype_of(fill_value), raw(fill_value).item()
    return leaf(_xp(device).full(shape, fill_value, dtype=_dtype(dtype, fill_value)))


def full_like(x: Tensor, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """``fill_value`` everywhere, in ``x``'s shape and dtype."""
    return leaf(_xp(device, x).full_like(raw(x), fill_value, dtype=xp_dtype(dtype)))


def linspace(
    start: Any, stop: Any, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: bool = True
) -> Tensor:
    """``num`` equally spaced numbers from ``start`` to ``stop``, which is the last one if ``endpoint``."""
    found = _dtype("complex64" if dtype is None and complex in (type(start), type(stop)) else dtype)
    return leaf(_xp(device).linspace(start, stop, num, dtype=found, endpoint=endpoint))


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Coordinates of the points of a grid, from the coordinates along its axes. Gradients flow through.

    ``indexing="ij"``: the first array runs along the first axis; ``"xy"``: along the second.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"meshgrid: indexing must be 'xy' or 'ij', got {indexing!r}")
    axes = [array(x) for x in arrays]
    order = list(range(len(axes)))
    if indexing == "xy" and len(axes) > 1:
        order[:2] = 1, 0
    shape = tuple(axes[i].shape[0] for i in order)
    columns = (ops.reshape(x, tuple(-1 if j == i else 1 for j in order)) for i, x in enumerate(axes))
    return tuple(ops.clone(ops.broadcast_to(x, shape)) for x in columns)


def ones(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """1 everywhere."""
    return leaf(_xp(device).ones(shape, dtype=_dtype(dtype)))


def ones_like(x: Tensor, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """1 everywhere, in ``x``'s shape and dtype."""
    return leaf(_xp(device, x).ones_like(raw(x), dtype=xp_dtype(dtype)))


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """``x`` on and below the diagonal that lies ``k`` above the main one, else 0. Gradients flow through."""
    return ops.tril(array(x), k)


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """``x`` on and above the diagonal that lies ``k`` above the main one, else 0. Gradients flow through."""
    return ops.triu(array(x), k)


def zeros(shape: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """0 everywhere."""
    return leaf(_xp(device).zeros(shape, dtype=_dtype(dtype)))


def zeros_like(x: Tensor, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """0 everywhere, in ``x``'s shape and dtype."""
    return leaf(_xp(device, x).zeros_like(raw(x), dtype=xp_dtype(dtype)))
