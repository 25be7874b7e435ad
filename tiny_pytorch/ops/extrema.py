"""Largest and smallest elements along axes, and where they are."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..autograd import Variable, op
from .axes import Axes, count, dropped, kept, reduced_axes
from .naming import dims, normalize_axis
from .operands import shape_of
from .selection import maximum, minimum

__all__ = ["MinMax", "ValuesIndices", "amax", "amin", "aminmax", "argmax", "argmin", "max", "min"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any


class ValuesIndices(NamedTuple):
    """Elements, and where they stood along the axis (int64)."""

    values: Tensor
    indices: Tensor


def _refuse_empty(name: str, shape: tuple[int, ...], axis: Axes) -> None:
    if not count(shape, axis) and 0 not in dropped(shape, axis):
        along = "" if axis is None else f" along dim {axis[0] if len(axis) == 1 else axis}"
        raise ValueError(f"{name}: a tensor of shape {tuple(shape)} has no elements{along}, so there is none to choose")


# --- values; equals share the gradient ----------------------------------------------------------------------


@op(keeps=("inputs", "output"))
def _amax(k: K, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    return k.xp.max(x, axis=axis, keepdims=keepdims)


@op(keeps=("inputs", "output"))
def _amin(k: K, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    return k.xp.min(x, axis=axis, keepdims=keepdims)


def _share(k: K, g: Array, saved: Any, *, axis: Axes, keepdims: bool) -> tuple:
    shape = kept(saved.shapes[0], axis)
    chosen = saved.inputs[0] == k.xp.reshape(saved.output, shape)
    among = k.xp.sum(k.xp.astype(chosen, g.dtype), axis=axis, keepdims=True)
    return (k.xp.where(chosen, k.xp.reshape(g, shape) / among, 0.0),)


_amax.gradient(_share)
_amin.gradient(_share)


def _extreme(name: str, operation: Any, input: Tensor, dim: Any, keepdim: bool) -> Tensor:
    axis = reduced_axes(name, input, dim)
    _refuse_empty(name, input.array.shape, axis)
    return operation(input, axis=axis, keepdims=keepdim)


@dims
def amax(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """``y = the largest element`` along ``dim``; NaN if there is one. Equals share the gradient.

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of ints, optional
        The axes to reduce; None means all of them.
    keepdim : bool, default False
        Keep the reduced axes with size 1.

    Raises
    ------
    ValueError
        If there is no element to choose.
    IndexError
        For an axis out of range.
    """
    return _extreme("amax", _amax, input, dim, keepdim)


@dims
def amin(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """``y = the smallest element`` along ``dim``; NaN if there is one. See :func:`amax`."""
    return _extreme("amin", _amin, input, dim, keepdim)


# --- positions ----------------------------------------------------------------------------------------------


@op
def _argmax(k: K, x: Array, *, axis: int | None, keepdims: bool) -> Array:
    return k.xp.argmax(x, axis=axis, keepdims=keepdims)


@op
def _argmin(k: K, x: Array, *, axis: int | None, keepdims: bool) -> Array:
    return k.xp.argmin(x, axis=axis, keepdims=keepdims)


def _position(name: str, operation: Any, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    axis = _one_axis(name, input, dim)
    _refuse_empty(name, input.array.shape, None if axis is None else (axis,))
    return operation(input, axis=axis, keepdims=keepdim)


def _one_axis(name: str, input: Tensor, dim: int | None) -> int | None:
    """The axis counted from the front; None for all elements (of a 0-d tensor, the one)."""
    ndim = len(shape_of(name, input))
    axis = None if dim is None else normalize_axis(name, dim, ndim)
    return axis if ndim else None


@dims
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the largest element is along ``dim``, the first of equals: int64.

    Parameters
    ----------
    input : Tensor
    dim : int, optional
        The axis to reduce; None gives the position among all elements in row-major order.
    keepdim : bool, default False
        Keep the reduced axis with size 1.

    Raises
    ------
    ValueError
        If there is no element to choose.
    IndexError
        For an axis out of range.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.argmax(tp.tensor([[1.0, 5.0, 2.0], [7.0, 0.0, 7.0]]), dim=1)
    tensor([1, 0])
    """
    return _position("argmax", _argmax, input, dim, keepdim)


@dims
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Where the smallest element is along ``dim``, the first of equals: int64. See :func:`argmax`."""
    return _position("argmin", _argmin, input, dim, keepdim)


# --- values and positions; the first of equals gets the gradient --------------------------------------------


# The rule reads the positions, not the input, which may therefore be overwritten: x -= x.max(1, keepdim=True).values.
# It has a copy of them, since the user may overwrite those that he was given.


@op(many=True, extra=True)
def _max(k: K, x: Array, *, axis: int | None, keepdims: bool) -> tuple:
    positions = k.xp.argmax(x, axis=axis, keepdims=keepdims)
    return (k.xp.max(x, axis=axis, keepdims=keepdims), positions), (k.copy(positions),)


@op(many=True, extra=True)
def _min(k: K, x: Array, *, axis: int | None, keepdims: bool) -> tuple:
    positions = k.xp.argmin(x, axis=axis, keepdims=keepdims)
    return (k.xp.min(x, axis=axis, keepdims=keepdims), positions), (k.copy(positions),)


def _to_the_chosen(k: K, g: tuple, saved: Any, *, axis: int | None, keepdims: bool) -> tuple:
    if axis is None:
        return (g[0],)
    shape = saved.shapes[0]
    one = kept(shape, (axis,))
    places = k.xp.reshape(k.xp.arange(shape[axis]), (-1,) + (1,) * (len(shape) - axis - 1))
    chosen = places == k.xp.reshape(saved.extra[0], one)
    return (k.xp.where(chosen, k.xp.reshape(g[0], one), 0.0),)


_max.gradient(_to_the_chosen)
_min.gradient(_to_the_chosen)


def _choose(
    name: str, all_of: Any, along: Any, pairwise: Any, input: Tensor, dim: Any, keepdim: bool, other: Any
) -> Any:
    if isinstance(dim, Variable):
        other, dim = dim, None
    if other is not None:
        return pairwise(input, other)
    if dim is None:
        return _extreme(name, all_of, input, None, keepdim)
    axis = _one_axis(name, input, dim)
    _refuse_empty(name, input.array.shape, None if axis is None else (axis,))
    return ValuesIndices(*along(input, axis=axis, keepdims=keepdim))


@dims
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The largest element of all; along ``dim`` those and where they are; or ``maximum(input, other)``.

    Parameters
    ----------
    input : Tensor
    dim : int or Tensor, optional
        Without it, the result is one 0-d Tensor, and equal largest elements share the gradient. With an axis,
        it is ``(values, indices)``, and the first of equals is chosen and gets the gradient.
        ``max(input, other)`` is :func:`maximum`.
    keepdim : bool, default False
        Keep the reduced axis with size 1.

    Raises
    ------
    ValueError
        If there is no element to choose.
    IndexError
        For an axis out of range.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor([[1.0, 5.0], [7.0, 0.0]])
    >>> values, indices = tp.max(x, dim=1)
    >>> tp.max(x), values, indices
    (tensor(7.), tensor([5., 7.]), tensor([1, 0]))
    """
    return _choose("max", _amax, _max, maximum, input, dim, keepdim, other)


@dims
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The smallest element of all; along ``dim`` those and where they are; or ``minimum(input, other)``.

    Arguments, results and errors as in :func:`max`.
    """
    return _choose("min", _amin, _min, minimum, input, dim, keepdim, other)


class MinMax(NamedTuple):
    """The smallest and the largest element, by name or in this order."""

    min: Any
    max: Any


@dims
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """``(min, max)``: :func:`amin` and :func:`amax`, of all elements or along ``dim``.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.aminmax(tp.tensor([3.0, 1.0, 2.0]))
    MinMax(min=tensor(1.), max=tensor(3.))
    """
    return MinMax(amin(input, dim, keepdim), amax(input, dim, keepdim))
