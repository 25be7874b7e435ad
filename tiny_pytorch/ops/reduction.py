"""Sums, means and products along axes, and questions to all elements."""

from __future__ import annotations

from typing import Any

from ..autograd import op
from ..backend.dtypes import as_dtype
from .axes import Axes, count, floating, kept, reduced_axes, spread, whole_as_int64
from .cumulative import product_of_others
from .naming import dims

__all__ = ["all", "any", "count_nonzero", "mean", "prod", "sum"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any


# --- sums ---------------------------------------------------------------------------------------------------


@op(autocast="float32")
def _sum(k: K, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    return k.xp.sum(x, axis=axis, keepdims=keepdims)


@_sum.gradient
def _(k: K, g: Array, saved: Any, *, axis: Axes, keepdims: bool) -> tuple:
    return (spread(k, g, saved.shapes[0], axis),)


@dims
def sum(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """``y = sum of the elements`` along ``dim``. The sum of nothing is 0.

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of ints, optional
        The axes to reduce; None and ``()`` mean all of them.
    keepdim : bool, default False
        Keep the reduced axes with size 1.
    dtype : optional
        Convert to it first. Bools and integers are added up as int64 if it is not given.

    Raises
    ------
    IndexError
        For an axis out of range.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> tp.sum(x), tp.sum(x, dim=0), tp.sum(x, dim=1, keepdim=True).shape
    (tensor(10.), tensor([4., 6.]), (2, 1))
    """
    input = whole_as_int64("sum", input, dtype)
    return _sum(input, axis=reduced_axes("sum", input, dim), keepdims=keepdim)


def average(k: K, x: Array, axis: Axes, keepdims: bool) -> Array:
    """``sum / count``; nan for no elements. In 16 bits the sum could overflow, so xp.mean takes care."""
    n = count(x.shape, axis)
    if n and as_dtype(x.dtype).itemsize == 2:
        return k.xp.mean(x, axis=axis, keepdims=keepdims)
    return k.xp.sum(x, axis=axis, keepdims=keepdims) / n


@op
def _mean(k: K, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    return average(k, x, axis, keepdims)


@_mean.gradient
def _(k: K, g: Array, saved: Any, *, axis: Axes, keepdims: bool) -> tuple:
    shape = saved.shapes[0]
    return (spread(k, g / max(count(shape, axis), 1), shape, axis),)


@dims
def mean(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """``y = sum / count`` along ``dim``. The mean of nothing is nan.

    Parameters
    ----------
    input : Tensor
        Of a floating dtype, unless ``dtype`` is one.
    dim : int or tuple of ints, optional
        The axes to reduce; None means all of them.
    keepdim : bool, default False
        Keep the reduced axes with size 1.
    dtype : optional
        Convert to it first.

    Raises
    ------
    TypeError
        For integers.
    IndexError
        For an axis out of range.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.mean(tp.tensor([[1.0, 2.0], [3.0, 6.0]]), dim=1)
    tensor([1.5, 4.5])
    """
    input = floating("mean", input, dtype)
    return _mean(input, axis=reduced_axes("mean", input, dim), keepdims=keepdim)


# --- products -----------------------------------------------------------------------------------------------


@op(keeps="inputs", autocast="float32")
def _prod(k: K, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    return k.xp.prod(x, axis=axis, keepdims=keepdims)


@_prod.gradient
def _(k: K, g: Array, saved: Any, *, axis: Axes, keepdims: bool) -> tuple:
    # The reduced axes are made one, the last: the factors of one product.
    shape, xp = saved.shapes[0], k.xp
    reduced = tuple(range(len(shape))) if axis is None else axis
    order = (*(i for i in range(len(shape)) if i not in reduced), *reduced)
    back = tuple(order.index(i) for i in range(len(shape)))
    moved = tuple(shape[i] for i in order)
    factors = xp.reshape(
        xp.permute_dims(saved.inputs[0], order), (*moved[: len(moved) - len(reduced)], count(shape, axis))
    )
    others = xp.permute_dims(xp.reshape(product_of_others(k, factors), moved), back)
    return (k.multiply(xp.reshape(g, kept(shape, axis)), others),)


@dims
def prod(input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """``y = product of the elements`` along ``dim``. The product of nothing is 1.

    Arguments as in :func:`sum`. The gradient is the product of the others, right where elements are 0 too.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor([2.0, 0.0, 3.0], requires_grad=True)
    >>> tp.prod(x).backward()
    >>> x.grad
    tensor([0., 6., 0.])
    """
    input = whole_as_int64("prod", input, dtype)
    return _prod(input, axis=reduced_axes("prod", input, dim), keepdims=keepdim)


# --- questions to all elements: bools and counts, without gradients -----------------------------------------


@op
def _any(k: K, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    return k.xp.any(x, axis=axis, keepdims=keepdims)


@op
def _all(k: K, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    return k.xp.all(x, axis=axis, keepdims=keepdims)


@op
def _count_nonzero(k: K, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    xp = k.xp
    return xp.sum(xp.astype(xp.astype(x, xp.bool), xp.int64), axis=axis, keepdims=keepdims)


@dims
def any(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether any element along ``dim`` is true, that is not 0: a Tensor of bool. Of nothing: False."""
    return _any(input, axis=reduced_axes("any", input, dim), keepdims=keepdim)


@dims
def all(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """Whether all elements along ``dim`` are true, that is not 0: a Tensor of bool. Of nothing: True."""
    return _all(input, axis=reduced_axes("all", input, dim), keepdims=keepdim)


@dims
def count_nonzero(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """How many elements along ``dim`` are not 0: a Tensor of int64."""
    return _count_nonzero(input, axis=reduced_axes("count_nonzero", input, dim), keepdims=keepdim)
