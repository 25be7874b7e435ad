"""Tensors from Python numbers, lists, NumPy arrays and other tensors."""

from __future__ import annotations

from typing import Any

import numpy

from .. import backend
from ..autograd import Variable, cast, leaf, result_type, to_device
from ..autograd.errors import ShapeError
from ..backend.dtypes import DType, as_dtype
from .creation import created

__all__ = ["as_tensor", "asarray", "from_numpy", "tensor"]

Tensor = Any


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A copy of ``data`` as a tensor, without history.

    Parameters
    ----------
    data : number, nested sequence of numbers, array or Tensor
        Sequences may hold arrays and Tensors of equal shapes too.
    dtype : optional
        Defaults to the data's own: an array's stays as it is (float64 gives float64); Python floats have the
        default floating dtype (float32), ints int64, bools bool.
    device : optional
        Where the memory is to be; defaults to where a Tensor or an array of the backend is, for anything else to
        the default device.
    requires_grad : bool, default False

    Raises
    ------
    ValueError
        For sequences of unequal lengths, and for numbers that the dtype cannot hold.
    TypeError
        For anything that is not numbers.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.tensor([[1.0, 2.0], [3.0, 4.0]]).dtype, tp.tensor([1, 2]).dtype
    (tiny_pytorch.float32, tiny_pytorch.int64)
    """
    if isinstance(data, Variable) or (backend.owner(data) is not None and not isinstance(data, numpy.ndarray)):
        array = backend.convert(data.array if isinstance(data, Variable) else data)
        own = as_dtype(array.dtype)
        k: Any = backend.at(array).kernels
        copied = k.copy(array) if dtype is None or as_dtype(dtype) is own else k.astype(array, as_dtype(dtype))
        copied = _moved(leaf(copied), device).array
    else:
        wanted = None if dtype is None else as_dtype(dtype)
        host = _on_host(data, wanted)
        copied = backend.on(device).from_host(host, as_dtype(host.dtype) if wanted is None else wanted)
    return created(copied, requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """``data`` as a tensor, on the same memory and with its history where that can be.

    Parameters
    ----------
    data : number, nested sequence of numbers, array or Tensor
        A Tensor is returned itself, and an array of the backend's library shares its memory, unless ``dtype``
        asks for a conversion. Anything else is copied, as by :func:`tensor`.
    dtype, device : optional
        As in :func:`tensor`.
    """
    here = backend.on(device)
    if isinstance(data, Variable) or here.owns(data):
        found = _moved(data if isinstance(data, Variable) else _wrapped("as_tensor", data), device)
        same = dtype is None or as_dtype(dtype) is as_dtype(found.array.dtype)
        return found if same else cast(found, dtype=as_dtype(dtype))
    return tensor(data, dtype=dtype, device=device)


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """``obj`` as a tensor: :func:`as_tensor`, or with ``copy=True`` :func:`tensor`.

    Raises
    ------
    ValueError
        If ``copy=False`` and only a copy could be made.
    """
    found = tensor(obj, dtype=dtype, device=device) if copy else as_tensor(obj, dtype, device)
    if copy is False:
        own = obj.array if isinstance(obj, Variable) else obj
        shareable = isinstance(obj, Variable) or backend.on(device).owns(obj)
        if not shareable or found.array.dtype != own.dtype or found.device != leaf(own).device:
            raise ValueError(f"asarray: a {type(obj).__name__} cannot be converted without a copy; leave copy=None")
    if requires_grad and not found.requires_grad:
        found = created(found.array, True)
    return found


def _moved(tensor: Tensor, device: Any) -> Tensor:
    """The tensor on the device that was asked for; itself if it is there or none was."""
    place, source = backend.on(device), backend.at(tensor.array)
    if device is None or place.device == source.device:
        return tensor
    return to_device(tensor, device=place.device, source=source.device)


def from_numpy(ndarray: numpy.ndarray) -> Tensor:
    """A tensor on a NumPy array's own memory, where the default device is the host and can share it; else a copy.

    Raises
    ------
    TypeError
        For anything but an array, and for dtypes that tensors lack (objects, strings, byte-swapped numbers).

    Examples
    --------
    >>> import numpy as np, tiny_pytorch as tp
    >>> array = np.zeros(2)
    >>> tp.from_numpy(array)[0] = 1.0
    >>> array
    array([1., 0.])
    """
    if not isinstance(ndarray, numpy.ndarray):
        raise TypeError(f"from_numpy: expected a numpy.ndarray, got a {type(ndarray).__name__}; see tp.tensor")
    return _wrapped("from_numpy", backend.current().from_numpy(_plain("from_numpy", ndarray)))


def _wrapped(name: str, array: Any) -> Tensor:
    return leaf(_plain(name, array) if isinstance(array, numpy.ndarray) else array)


def _plain(name: str, array: numpy.ndarray) -> numpy.ndarray:
    """The array as an exact ``numpy.ndarray`` of a dtype that tensors have."""
    try:
        as_dtype(array.dtype).dtype  # noqa: B018
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    return array if type(array) is numpy.ndarray else numpy.asarray(array).view(numpy.ndarray)


# --- nested sequences ---------------------------------------------------------------------------------------


def _on_host(data: Any, dtype: DType | None) -> numpy.ndarray:
    """A new NumPy array of what ``data`` holds."""
    if not isinstance(data, (list, tuple)) and hasattr(data, "__array__"):
        data = _plain("tensor", numpy.asarray(data))
        return numpy.array(data, dtype=data.dtype if dtype is None else dtype.host, order="C")
    data, kinds = _unwrapped(data)
    if dtype is None:
        dtype = result_type(*(_NUMBERS.get(kind, kind) for kind in kinds)) if kinds else as_dtype(float)
    try:
        return numpy.array(data, dtype=dtype.host)
    except ValueError as error:
        if "inhomogeneous" not in str(error) and "sequence" not in str(error):
            raise
        raise ShapeError(f"tensor: the nested sequences have unequal lengths ({error}); expected a rectangle") from None
    except OverflowError as error:
        raise ValueError(f"tensor: a number does not fit {dtype.name} ({error})") from None


def _unwrapped(data: Any) -> tuple[Any, set[Any]]:
    """``data`` with arrays in place of Tensors, and what decides its dtype: dtypes and Python types."""
    if isinstance(data, (list, tuple, range)):
        types = set(map(type, data))
        if types <= _NUMBERS.keys():
            return data, types
        items: list[Any] = []
        kinds: set[Any] = set()
        for item in data:
            item, found = _unwrapped(item)
            items.append(item)
            kinds |= found
        return items, kinds
    if isinstance(data, Variable):
        data = data.array
    if (there := backend.owner(data)) is not None:
        data = there.to_numpy(data)
    if isinstance(data, (numpy.ndarray, numpy.generic)):
        return data, {as_dtype(_plain("tensor", numpy.asarray(data)).dtype)}
    for kind in _NUMBERS:
        if isinstance(data, kind):
            return data, {kind}
    raise TypeError(f"tensor: expected numbers, arrays or nested sequences of them, got a {type(data).__name__}")


_NUMBERS: dict[Any, Any] = {bool: True, int: 1, float: 1.0, complex: 1j}  # bool first: it is an int too
