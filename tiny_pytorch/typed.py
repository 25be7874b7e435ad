"""``FloatTensor`` and its kin: PyTorch's old names for tensors of one dtype, each made from data or from sizes."""

from __future__ import annotations

from typing import Any

from . import ops
from .backend.dtypes import DType, as_dtype, set_default_dtype
from .tensor import Tensor

__all__ = [
    "BoolTensor", "ByteTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor", "LongTensor", "ShortTensor",
    "set_default_tensor_type",
]  # fmt: skip


class TypedTensor(type):
    """The type of these names: calling one makes a Tensor, and a Tensor of its dtype is an instance of it."""

    dtype: DType

    def __call__(cls, *data: Any) -> Tensor:
        """From a sequence, an array or a Tensor; or, from integers, of these sizes, with zeros."""
        if len(data) == 1 and not hasattr(data[0], "__index__"):
            return ops.tensor(data[0], dtype=cls.dtype)
        if len(data) == 1 and getattr(data[0], "shape", None):
            return ops.tensor(data[0], dtype=cls.dtype)
        for size in data:
            if isinstance(size, bool) or not hasattr(size, "__index__"):
                raise TypeError(f"{cls.__name__}: expected one sequence of data, or sizes, got {data!r}")
        return ops.zeros(tuple(int(size) for size in data) if data else (0,), dtype=cls.dtype)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype == cls.dtype

    def __repr__(cls) -> str:
        return f"tiny_pytorch.{cls.__name__}"


class FloatTensor(metaclass=TypedTensor):
    """A Tensor of float32. New code says ``tp.tensor(data, dtype=tp.float32)`` or ``tp.zeros(sizes)``.

    PyTorch leaves memory unset where sizes are given; here it is zeros.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.FloatTensor([1, 2]), tp.FloatTensor(2, 3).shape
    (tensor([1., 2.]), (2, 3))
    >>> isinstance(tp.zeros(1), tp.FloatTensor), tp.arange(2).type(tp.FloatTensor).dtype
    (True, tiny_pytorch.float32)
    """

    dtype = as_dtype("float32")


class DoubleTensor(metaclass=TypedTensor):
    """A Tensor of float64; see :class:`FloatTensor`."""

    dtype = as_dtype("float64")


class HalfTensor(metaclass=TypedTensor):
    """A Tensor of float16; see :class:`FloatTensor`."""

    dtype = as_dtype("float16")


class ByteTensor(metaclass=TypedTensor):
    """A Tensor of uint8; see :class:`FloatTensor`."""

    dtype = as_dtype("uint8")


class ShortTensor(metaclass=TypedTensor):
    """A Tensor of int16; see :class:`FloatTensor`."""

    dtype = as_dtype("int16")


class IntTensor(metaclass=TypedTensor):
    """A Tensor of int32; see :class:`FloatTensor`."""

    dtype = as_dtype("int32")


class LongTensor(metaclass=TypedTensor):
    """A Tensor of int64; see :class:`FloatTensor`."""

    dtype = as_dtype("int64")


class BoolTensor(metaclass=TypedTensor):
    """A Tensor of booleans; see :class:`FloatTensor`."""

    dtype = as_dtype("bool")


def set_default_tensor_type(t: Any) -> None:
    """The default dtype, by an old name: ``tp.DoubleTensor`` or ``"torch.DoubleTensor"``; see ``set_default_dtype``.

    Raises
    ------
    TypeError
        If it is no such name, or one of integers.
    """
    name = t.rpartition(".")[2] if isinstance(t, str) else None
    found = globals().get(name) if name else t
    if not isinstance(found, TypedTensor):
        raise TypeError(f"set_default_tensor_type: expected a name such as tp.FloatTensor, got {t!r}")
    set_default_dtype(found.dtype)
