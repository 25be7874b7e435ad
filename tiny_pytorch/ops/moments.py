"""Variance and standard deviation."""

from __future__ import annotations

from typing import Any

from ..autograd import op
from .axes import Axes, count, floating, kept, reduced_axes
from .naming import dims
from .reduction import average, mean

__all__ = ["std", "std_mean", "var", "var_mean"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any


def _deviations(k: K, x: Array, axis: Axes) -> Array:
    return x - average(k, x, axis, True)


def _variance(k: K, x: Array, axis: Axes, correction: float, keepdims: bool) -> Array:
    d = _deviations(k, x, axis)
    return k.xp.sum(k.multiply(d, d), axis=axis, keepdims=keepdims) / _freedom(x.shape, axis, correction)


def _freedom(shape: tuple[int, ...], axis: Axes, correction: float) -> float:
    return max(count(shape, axis) - correction, 0)  # divided by 0, too few elements give nan


@op(keeps="inputs")
def _var(k: K, x: Array, *, axis: Axes, correction: float, keepdims: bool) -> Array:
    return _variance(k, x, axis, correction, keepdims)


@_var.gradient
def _(k: K, g: Array, saved: Any, *, axis: Axes, correction: float, keepdims: bool) -> tuple:
    x = saved.inputs[0]
    g = k.xp.reshape(g, kept(saved.shapes[0], axis)) * 2.0 / _freedom(saved.shapes[0], axis, correction)
    return (k.multiply(g, _deviations(k, x, axis)),)


@op(keeps=("inputs", "output"))
def _std(k: K, x: Array, *, axis: Axes, correction: float, keepdims: bool) -> Array:
    return k.xp.sqrt(_variance(k, x, axis, correction, keepdims))


@_std.gradient
def _(k: K, g: Array, saved: Any, *, axis: Axes, correction: float, keepdims: bool) -> tuple:
    x, y = saved.inputs[0], saved.output
    g = k.xp.where(y == 0, 0.0, g / k.xp.where(y == 0, 1.0, y))  # 0 is the subgradient of smallest norm there
    g = k.xp.reshape(g, kept(saved.shapes[0], axis)) / _freedom(saved.shapes[0], axis, correction)
    return (k.multiply(g, _deviations(k, x, axis)),)


def _moment(
    name: str, operation: Any, input: Tensor, dim: Any, unbiased: Any, keepdim: bool, correction: Any
) -> Tensor:
    if isinstance(dim, bool):  # PyTorch's older var(input, unbiased)
        dim, unbiased = None, dim
    if unbiased is not None:
        if correction is not None:
            raise TypeError(f"{name}: got both unbiased and correction; unbiased=False means correction=0")
        correction = 1 if unbiased else 0
    input = floating(name, input)
    axis = reduced_axes(name, input, dim)
    return operation(input, axis=axis, correction=1 if correction is None else correction, keepdims=keepdim)


@dims
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """``y = sum of (x - mean)^2 / (count - correction)`` along ``dim``.

    Parameters
    ----------
    input : Tensor
        Of a floating dtype.
    dim : int or tuple of ints, optional
        The axes to reduce; None means all of them.
    unbiased : bool, optional
        True is ``correction=1``, False is ``correction=0``.
    keepdim : bool, default False
        Keep the reduced axes with size 1.
    correction : int or float, default 1
        What is taken off the count. If nothing is left, the result is nan (or inf).

    Raises
    ------
    TypeError
        For integers.
    IndexError
        For an axis out of range.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor([1.0, 2.0, 3.0, 4.0])
    >>> tp.var(x, correction=0).item(), tp.var(tp.tensor([1.0, 3.0])).item()
    (1.25, 2.0)
    """
    return _moment("var", _var, input, dim, unbiased, keepdim, correction)


@dims
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """``y = sqrt(var)``; arguments as in :func:`var`. The gradient is 0 where the deviation is."""
    return _moment("std", _std, input, dim, unbiased, keepdim, correction)


@dims
def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """``(var, mean)``; arguments as in :func:`var`."""
    over = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, over, keepdim)


@dims
def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """``(std, mean)``; arguments as in :func:`var`."""
    over = None if isinstance(dim, bool) else dim
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, over, keepdim)
