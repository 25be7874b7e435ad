"""Elements picked and filled by a condition: masked_fill, masked_select, nonzero."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import Variable, cast, leaf, op
from .indexing import getitem
from .operands import is_bool, is_integer, shape_of
from .shape import broadcast_tensors

__all__ = ["argwhere", "masked_fill", "masked_select", "nonzero"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops


@op(keeps={1: (0, 2)}, name="masked_fill")
def _masked_fill(k: K, x: Array, mask: Array, value: Array) -> Array:
    return k.xp.where(mask, value, x)


@_masked_fill.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    mask, needs = saved.inputs[1], saved.needs
    g_x = k.xp.where(mask, 0.0, g) if needs[0] else None
    return g_x, None, k.xp.where(mask, g, 0.0) if needs[2] else None


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """``value`` where the boolean ``mask`` is set, else ``input``.

    Parameters
    ----------
    input, mask : Tensors that broadcast
    value : number or 0-d Tensor
        Converted to the input's dtype, which the result keeps.

    Raises
    ------
    TypeError
        A mask that is not boolean, or a fraction for an integer input.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor([1.0, 2.0])
    >>> tp.masked_fill(x, x > 1, 0.0)
    tensor([1., 0.])
    """
    shape_of("masked_fill", input)
    _require_mask("masked_fill", mask)
    dtype = input.array.dtype
    if isinstance(value, Variable):
        if value.array.shape:
            raise RuntimeError(
                f"masked_fill: the value has shape {tuple(value.array.shape)}; expected a number or a 0-d tensor"
            )
        value = value if value.array.dtype == dtype else cast(value, dtype=dtype)
    elif is_integer(input.array) and isinstance(value, float):
        if not value.is_integer():
            raise TypeError(f"masked_fill: {value!r} is no {dtype}; convert the input first with .float()")
        value = int(value)
    return _masked_fill(input, mask, value)


def _require_mask(name: str, mask: Any) -> None:
    shape_of(name, mask)
    if not is_bool(mask.array):
        raise TypeError(f"{name}: the mask has dtype {mask.array.dtype}; expected bool")


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements of ``input`` where ``mask`` (they broadcast) is set, in row-major order: 1-D."""
    _require_mask("masked_select", mask)
    return getitem(*broadcast_tensors(input, mask))


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The positions of the elements that are not 0.

    Parameters
    ----------
    input : Tensor
    as_tuple : bool, default False
        Return one 1-D Tensor for each axis, together an index, instead of a matrix (number, ndim).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nonzero(tp.tensor([0.0, 5.0, 7.0]))
    tensor([[1],
            [2]])
    """
    shape = shape_of("nonzero", input)
    xp = backend.at(backend.waits(input.array)).xp
    found = xp.nonzero(input.array if shape else xp.reshape(input.array, (1,)))
    if as_tuple:
        return tuple([leaf(positions) for positions in found])
    return leaf(xp.stack(found, axis=1)[:, : len(shape)])  # a 0-d tensor's elements have no coordinates


def argwhere(input: Tensor) -> Tensor:
    """``nonzero(input)``."""
    return nonzero(input)
