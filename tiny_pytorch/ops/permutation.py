"""The same elements in another order: permuted axes, flips, rotations."""

from __future__ import annotations

from typing import Any

from ..autograd import ShapeError, op
from .copying import clone
from .naming import normalize_axes, normalize_axis
from .operands import shape_of, sizes

__all__ = [
    "adjoint",
    "flip",
    "fliplr",
    "flipud",
    "mT",
    "moveaxis",
    "movedim",
    "permute",
    "roll",
    "rot90",
    "swapaxes",
    "swapdims",
    "t",
    "transpose",
]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops
Shape = tuple[int, ...]


@op(view=True, name="permute")
def _permute(k: K, x: Array, *, dims: Shape) -> Array:
    n = len(x.shape)
    try:
        return k.xp.permute_dims(x, tuple([d + n if d < 0 else d for d in dims]))
    except (ValueError, IndexError):
        raise ShapeError(
            f"permute: dims {dims} for a tensor of shape {tuple(x.shape)}; expected each of its {n} dimensions"
        ) from None


@_permute.gradient
def _(k: K, g: Array, saved: Any, dims: Shape) -> tuple:
    n = len(dims)
    return (k.xp.permute_dims(g, tuple(sorted(range(n), key=lambda i: dims[i] % n))),)


@op(view=True, name="transpose")
def _transpose(k: K, x: Array, *, dim0: int, dim1: int) -> Array:
    order = list(range(len(x.shape)))
    if not order:
        return x
    i, j = normalize_axis("transpose", dim0, len(order)), normalize_axis("transpose", dim1, len(order))
    order[i], order[j] = j, i
    return k.xp.permute_dims(x, tuple(order))


@_transpose.gradient
def _(k: K, g: Array, saved: Any, dim0: int, dim1: int) -> tuple:
    return (_transpose.forward(k, g, dim0=dim0, dim1=dim1),)


def permute(input: Tensor, *order: Any, dims: Any = ()) -> Tensor:
    """Axis i of the result is axis ``dims[i]`` of ``input``: a view.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.permute(tp.zeros(2, 3, 4), (2, 0, 1)).shape
    (4, 2, 3)
    """
    return _permute(input, dims=sizes("permute", order or (dims,)))


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """``input`` with two axes swapped: a view."""
    return _transpose(input, dim0=dim0, dim1=dim1)


swapaxes = swapdims = transpose


def t(input: Tensor) -> Tensor:
    """The transposed matrix; a tensor of one dimension or none stays as it is."""
    ndim = len(shape_of("t", input))
    if ndim > 2:
        raise RuntimeError(
            f"t: expected at most 2 dimensions, got shape {tuple(input.array.shape)}; mT transposes the last two"
        )
    return _transpose(input, dim0=0, dim1=ndim - 1)


def mT(input: Tensor) -> Tensor:
    """``input`` with its last two axes swapped."""
    if len(shape_of("mT", input)) < 2:
        raise RuntimeError(f"mT: expected at least 2 dimensions, got shape {tuple(input.array.shape)}")
    return _transpose(input, dim0=-2, dim1=-1)


adjoint = mT


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """The axes ``source`` (an int or a tuple) moved to ``destination``; the others keep their order.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.movedim(tp.zeros(2, 3, 4), 0, -1).shape
    (3, 4, 2)
    """
    ndim = len(shape_of("movedim", input))
    start, end = normalize_axes("movedim", source, ndim), normalize_axes("movedim", destination, ndim)
    if len(start) != len(end):
        raise ShapeError(f"movedim: {len(start)} sources for {len(end)} destinations; expected as many")
    order = [i for i in range(ndim) if i not in start]
    for place, axis in sorted(zip(end, start, strict=True)):
        order.insert(place, axis)
    return _permute(input, dims=tuple(order))


moveaxis = movedim


@op(name="flip")
def _flip(k: K, x: Array, *, dims: Shape) -> Array:
    axes = normalize_axes("flip", dims, len(x.shape))
    return k.copy(k.xp.flip(x, axis=axes) if x.shape else x)  # a library may give a view


@_flip.gradient
def _(k: K, g: Array, saved: Any, dims: Shape) -> tuple:
    return (_flip.forward(k, g, dims=dims),)


def flip(input: Tensor, *axes: Any, dims: Any = ()) -> Tensor:
    """``input`` with the order along some axes reversed: a copy."""
    return _flip(input, dims=sizes("flip", axes or (dims,)))


def fliplr(input: Tensor) -> Tensor:
    """``flip`` along axis 1."""
    return _flip(input, dims=(1,))


def flipud(input: Tensor) -> Tensor:
    """``flip`` along axis 0."""
    return _flip(input, dims=(0,))


@op(name="roll")
def _roll(k: K, x: Array, *, shifts: Any, dims: Any) -> Array:
    return k.xp.roll(x, shifts, axis=dims)


@_roll.gradient
def _(k: K, g: Array, saved: Any, shifts: Any, dims: Any) -> tuple:
    back = -shifts if isinstance(shifts, int) else tuple([-s for s in shifts])
    return (k.xp.roll(g, back, axis=dims),)


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """``out[(i + shift) % n] = input[i]`` along each of ``dims``; without them over all elements in a row.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.roll(tp.arange(4), 1)
    tensor([3, 0, 1, 2])
    """
    if dims is not None:
        dims = normalize_axes("roll", dims, len(shape_of("roll", input)))
        shifts = (shifts,) if isinstance(shifts, int) else tuple(shifts)
        if len(shifts) != len(dims):
            raise ShapeError(f"roll: {len(shifts)} shifts for {len(dims)} dims; expected as many")
    elif not isinstance(shifts, int):
        if len(shifts) != 1:
            raise ShapeError(f"roll: shifts {tuple(shifts)} need as many dims")
        shifts = shifts[0]
    return _roll(input, shifts=shifts, dims=dims)


def rot90(input: Tensor, k: int = 1, dims: Any = (0, 1)) -> Tensor:
    """``input`` turned by ``k`` quarter turns in the plane of two axes, from the first towards the second."""
    first, second = normalize_axes("rot90", dims, len(shape_of("rot90", input)))
    k %= 4
    if k == 0:
        return clone(input)
    if k == 2:
        return _flip(input, dims=(first, second))
    turned = _transpose(input, dim0=first, dim1=second)
    return _flip(turned, dims=(first if k == 1 else second,))
