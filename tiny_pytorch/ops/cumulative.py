"""Running sums and products along an axis."""

from __future__ import annotations

from typing import Any

from ..autograd import op
from .axes import whole_as_int64
from .copying import clone
from .naming import dims, normalize_axis
from .operands import shape_of

__all__ = ["cumprod", "cumsum"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any


@op(kernel="cumsum", autocast="float32")
def _cumsum(k: K, x: Array, *, axis: int) -> Array:
    return k.cumsum(x, axis)


@_cumsum.gradient
def _(k: K, g: Array, saved: Any, *, axis: int) -> tuple:
    xp = k.xp
    return (xp.flip(k.cumsum(xp.flip(g, axis=axis), axis), axis=axis),)


@op(keeps="inputs", kernel="cumprod", autocast="float32")
def _cumprod(k: K, x: Array, *, axis: int) -> Array:
    return k.cumprod(x, axis)


@_cumprod.gradient
def _(k: K, g: Array, saved: Any, *, axis: int) -> tuple:
    # dx[i] = (product of x before i) * s[i],  s[i] = g[i] + x[i + 1] * s[i + 1].
    # No division, so zeros do no harm.
    xp = k.xp
    x, g = xp.moveaxis(saved.inputs[0], axis, -1), xp.moveaxis(g, axis, -1)
    return (xp.moveaxis(k.multiply(_products_before(k, x), _backward_recurrence(k, g, x)), -1, axis),)


def _products_before(k: K, x: Array) -> Array:
    """For each element, the product of those before it on the last axis."""
    if not x.shape[-1]:
        return x
    ones = k.xp.ones_like(x[..., :1])
    return k.cumprod(k.xp.concat([ones, x[..., :-1]], axis=-1), -1)


def _backward_recurrence(k: K, g: Array, x: Array) -> Array:
    """``s[i] = g[i] + x[i + 1] * s[i + 1]`` on the last axis: each step joins runs twice as long."""
    n, step = x.shape[-1], 1
    if n < 2:
        return g
    s, factor = g, k.xp.concat([x[..., 1:], x[..., -1:]], axis=-1)
    while step < n:
        reach = factor[..., :-step]
        s = k.xp.concat([s[..., :-step] + reach * s[..., step:], s[..., -step:]], axis=-1)
        factor = k.xp.concat([reach * factor[..., step:], factor[..., -step:]], axis=-1)
        step *= 2
    return s


def product_of_others(k: K, x: Array) -> Array:
    """For each element, the product of all others on the last axis, without a division."""
    after = k.xp.flip(_products_before(k, k.xp.flip(x, axis=-1)), axis=-1)
    return k.multiply(_products_before(k, x), after)


@dims
def cumsum(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """``y[i] = x[0] + ... + x[i]`` along ``dim``.

    Parameters
    ----------
    input : Tensor
    dim : int
    dtype : optional
        Convert to it first. Bools and integers are added up as int64 if it is not given.

    Raises
    ------
    IndexError
        For an axis out of range.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.cumsum(tp.tensor([1, 2, 3]), dim=0)
    tensor([1, 3, 6])
    """
    return _running("cumsum", _cumsum, input, dim, dtype)


@dims
def cumprod(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """``y[i] = x[0] * ... * x[i]`` along ``dim``. Zeros do the gradient no harm. See :func:`cumsum`."""
    return _running("cumprod", _cumprod, input, dim, dtype)


def _running(name: str, operation: Any, input: Tensor, dim: int, dtype: Any) -> Tensor:
    ndim = len(shape_of(name, input))
    axis = normalize_axis(name, dim, ndim)
    input = whole_as_int64(name, input, dtype)
    return operation(input, axis=axis) if ndim else clone(input)
