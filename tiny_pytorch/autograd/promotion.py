"""One dtype for the inputs of an op, by PyTorch's rule, in which nothing becomes float64 by itself.

Kinds are ordered bool < integer < floating. Tensors with dimensions decide; a 0-d tensor counts only if its kind is
higher, a Python number only if its kind is higher than both, and then with the default dtype. (NumPy's rule would make
``int64 + float32`` a float64.)
"""

from __future__ import annotations

import functools
from typing import Any

import numpy

from .. import backend
from .._ext import engine
from .._ext.engine import Op, Variable
from ..backend.dtypes import DType, as_dtype, get_default_dtype
from .cast import cast
from .errors import not_a_tensor

__all__ = ["check_array", "promote", "result_type"]

_RANK = {"bool": 0, "uint": 1, "int": 1, "float": 2, "complex": 3}


@functools.cache
def _common(a: DType, b: DType) -> DType:
    """The smallest dtype that holds both, within one kind; the one of the higher kind otherwise."""
    if a is b:
        return a
    if _RANK[a.kind] != _RANK[b.kind]:
        return a if _RANK[a.kind] > _RANK[b.kind] else b
    if {a.name, b.name} == {"bfloat16", "float16"}:
        return as_dtype("float32")
    if "bfloat16" in (a.name, b.name):
        return a if b.name == "bfloat16" else b
    common = as_dtype(numpy.promote_types(a.name, b.name))
    if common.kind == "float" and a.kind != "float":
        raise TypeError(f"no integer dtype holds both {a.name} and {b.name}; convert one with .to(dtype)")
    return common


def result_type(*values: Any) -> DType:
    """The dtype in which an operation on tensors and Python numbers is computed.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.result_type(tp.ones(3), 2.5), tp.result_type(tp.arange(3), 2.5), tp.result_type(tp.arange(3), tp.ones(3))
    (tiny_pytorch.float32, tiny_pytorch.float32, tiny_pytorch.float32)
    """
    with_dims: DType | None = None
    zero_dim: DType | None = None
    number: DType | None = None
    for value in values:
        if isinstance(value, (Variable, DType)):
            dtype = value if isinstance(value, DType) else as_dtype(value.array.dtype)
            if isinstance(value, DType) or len(value.array.shape):
                with_dims = dtype if with_dims is None else _common(with_dims, dtype)
            else:
                zero_dim = dtype if zero_dim is None else _common(zero_dim, dtype)
        elif value is not None:
            dtype = get_default_dtype() if isinstance(value, float) else as_dtype(type(value))
            number = dtype if number is None else _common(number, dtype)
    found = with_dims
    for other in (zero_dim, number):
        if other is not None and (found is None or _RANK[other.kind] > _RANK[found.kind]):
            found = other
    if found is None:
        raise TypeError("result_type: expected at least one tensor or number")
    return found


def promote(op: Op, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of ``op`` as Tensors of one dtype and Python numbers. The engine calls this where dtypes differ."""
    here = backend.current()
    operands = [_operand(op, i, a, here) for i, a in enumerate(args)]
    dtype = result_type(*operands)
    if op.promotes == "floating" and _RANK[dtype.kind] < 2:
        dtype = get_default_dtype()
    return tuple(_converted(a, dtype) for a in operands)


def _converted(value: Any, dtype: DType) -> Any:
    if isinstance(value, Variable):
        return value if as_dtype(value.array.dtype) is dtype else cast(value, dtype=dtype)
    return int(value) if value is not None and isinstance(value, bool) and dtype.name != "bool" else value


def check_array(op: Op, i: int, array: Any) -> None:
    """The error that argument ``i`` is an array of another library than the current one. The engine calls this."""
    here = backend.current()
    if not here.owns(array):
        raise TypeError(backend.foreign(array, f"{op.name}: argument {i} holds"))


def _operand(op: Op, i: int, value: Any, here: backend.Backend) -> Any:
    if isinstance(value, Variable) or value is None:
        return value
    if isinstance(value, numpy.generic):  # before the numbers: numpy.float64 is a float too
        return value.item()
    for number in (bool, int, float):
        if isinstance(value, number):
            return number(value)
    there = backend.owner(value)
    if there is not None and there.name == here.name:
        return engine.leaf(value)
    if there is not None:
        raise TypeError(backend.foreign(value, f"{op.name}: argument {i} is"))
    raise not_a_tensor(f"{op.name}: argument {i} is a", value, "a Tensor or a number")
