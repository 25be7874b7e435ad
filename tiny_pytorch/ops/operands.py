"""What public functions ask of their arguments before they call an op."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from .. import backend
from ..autograd import Variable, leaf, not_a_tensor
from ..backend.dtypes import as_dtype

__all__ = ["index_tensor", "integers_or_masks", "is_bool", "is_integer", "shape_of", "sizes", "tensors"]


def shape_of(name: str, input: Any) -> tuple[int, ...]:
    """The shape of a Tensor; a TypeError for anything else."""
    if not isinstance(input, Variable):
        raise not_a_tensor(f"{name}: the input is a", input)
    return tuple(input.array.shape)


def tensors(name: str, values: Any) -> tuple[Any, ...]:
    """A sequence of at least one Tensor, as a tuple."""
    if isinstance(values, Variable):
        raise TypeError(f"{name}: expected a sequence of Tensors, got one Tensor; write {name}([a, b, ...])")
    found = tuple(values)
    if not found:
        raise ValueError(f"{name}: expected at least one Tensor, got an empty sequence")
    for value in found:
        shape_of(name, value)
    return found


def sizes(name: str, given: tuple[Any, ...]) -> tuple[int, ...]:
    """Integers that were given one by one, as in ``x.reshape(2, 3)``, or as one sequence."""
    if len(given) == 1 and isinstance(given[0], Sequence):
        given = tuple(given[0])
    try:
        return tuple([n.__index__() for n in given])
    except AttributeError:
        raise TypeError(f"{name}: expected integers or one sequence of them, got {given!r}") from None


def is_bool(array: Any) -> bool:
    """Whether a raw array holds booleans."""
    return as_dtype(array.dtype).kind == "bool"


def is_integer(array: Any) -> bool:
    """Whether a raw array holds integers."""
    return as_dtype(array.dtype).kind in ("int", "uint")


def integers_or_masks(value: Any) -> numpy.ndarray:
    """Nested sequences as an array, which is one of integers if it is empty."""
    array = numpy.asarray(value)
    return array if array.size else array.astype(numpy.int64)


def index_tensor(name: str, value: Any, like: Any = None) -> Any:
    """An int64 Tensor from a Tensor, an array (copied: a change would go unnoticed) or nested sequences.

    Those are put on the device of the Tensor ``like``.

    Raises
    ------
    TypeError
        If the values are not integers, or belong to another array library.
    """
    here = backend.current() if like is None else backend.at(like.array)
    k = here.kernels
    if isinstance(value, Variable):
        array = value.array
        k = backend.at(array).kernels
    elif here.owns(value):
        array = k.copy(value)
    elif isinstance(value, (list, tuple, range, int)):
        array = here.from_numpy(integers_or_masks(value))
    else:
        raise TypeError(f"{name}: expected integer indices as a Tensor or list, got {type(value).__name__}")
    if not is_integer(array):
        raise TypeError(
            f"{name}: indices must be integers, got dtype {as_dtype(array.dtype)}; convert them with .long()"
        )
    if array.dtype == k.xp.int64:
        return value if isinstance(value, Variable) else leaf(array)
    return leaf(k.astype(array, k.xp.int64))
