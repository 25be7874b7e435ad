"""Logsumexp and the norms of vectors: stable where a term overflows, and at 0."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import cast, op
from ..backend.dtypes import as_dtype
from .axes import Axes, count, dropped, floating, kept, reduced_axes
from .elementwise import abs, divide
from .extrema import amax, amin
from .naming import dims
from .reduction import count_nonzero
from .selection import clamp

__all__ = ["logsumexp", "norm", "normalize"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any


@op(promotes="floating", keeps=("inputs", "output"), autocast="float32")
def _logsumexp(k: K, x: Array, *, axis: Axes, keepdims: bool) -> Array:
    xp = k.xp
    if not count(x.shape, axis):
        return xp.log(xp.sum(x, axis=axis, keepdims=keepdims))  # ln 0
    top = xp.max(x, axis=axis, keepdims=True)
    top = xp.where(xp.isfinite(top), top, 0.0)
    y = xp.log(xp.sum(xp.exp(x - top), axis=axis, keepdims=True)) + top
    return y if keepdims else xp.reshape(y, dropped(x.shape, axis))


@_logsumexp.gradient
def _(k: K, g: Array, saved: Any, *, axis: Axes, keepdims: bool) -> tuple:
    x, y = saved.inputs[0], saved.output
    shape = kept(saved.shapes[0], axis)
    y = k.xp.reshape(k.xp.where(y == -math.inf, 0.0, y), shape)  # where all are -inf, so that no inf - inf arises
    return (k.multiply(k.xp.reshape(g, shape), k.xp.exp(x - y)),)


@dims
def logsumexp(input: Tensor, dim: Any = None, keepdim: bool = False) -> Tensor:
    """``y = ln(sum of e^x)`` along ``dim``, without overflow; -inf where all are. The gradient is softmax.

    Parameters
    ----------
    input : Tensor
    dim : int or tuple of ints, optional
        The axes to reduce; None means all of them.
    keepdim : bool, default False
        Keep the reduced axes with size 1.

    Examples
    --------
    >>> import math, tiny_pytorch as tp
    >>> tp.logsumexp(tp.tensor([-1000.0, 0.0, -math.inf]), dim=0)
    tensor(0.)
    """
    return _logsumexp(input, axis=reduced_axes("logsumexp", input, dim), keepdims=keepdim)


@op(promotes="floating", keeps=("inputs", "output"), autocast="float32")
def _norm(k: K, x: Array, *, p: float, axis: Axes, keepdims: bool) -> Array:
    if p == 1:
        return k.xp.sum(k.xp.abs(x), axis=axis, keepdims=keepdims)
    if p == 2:
        return k.xp.sqrt(k.xp.sum(k.multiply(x, x), axis=axis, keepdims=keepdims))
    return k.xp.sum(k.xp.abs(x) ** p, axis=axis, keepdims=keepdims) ** (1.0 / p)


@_norm.gradient
def _(k: K, g: Array, saved: Any, *, p: float, axis: Axes, keepdims: bool) -> tuple:
    # dy/dx = sign(x) * (|x| / y)^(p - 1); of the subgradients at 0 we take 0.
    x, where = saved.inputs[0], k.xp.where
    shape = kept(saved.shapes[0], axis)
    y = k.xp.reshape(saved.output, shape)
    slope = x / where(y == 0, 1.0, y)
    if p == 1:
        slope = k.xp.sign(x)
    elif p != 2:
        slope = k.xp.sign(x) * k.xp.abs(where(x == 0, 1.0, slope)) ** (p - 1)
    return (k.multiply(k.xp.reshape(g, shape), slope),)


@dims
def norm(input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """``y = (sum of |x|^p)^(1/p)`` along ``dim``: the p-norm of vectors. The gradient at 0 is 0.

    Parameters
    ----------
    input : Tensor
    p : float or "fro", default "fro"
        "fro" is 2; ``inf`` is the largest magnitude, ``-inf`` the smallest, 0 counts what is not 0.
    dim : int or tuple of ints, optional
        The axes to reduce; None means all of them, as one vector.
    keepdim : bool, default False
        Keep the reduced axes with size 1.
    dtype : optional
        Convert to it first.

    Raises
    ------
    ValueError
        For another p.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.norm(tp.tensor([3.0, -4.0])), tp.norm(tp.tensor([3.0, -4.0]), p=1)
    (tensor(5.), tensor(7.))
    """
    if p != "fro" and (isinstance(p, str) or not isinstance(p, (int, float)) or p != p):
        raise ValueError(f"norm: p must be a number or 'fro', got {p!r}")
    p = 2 if p == "fro" else p
    input = floating("norm", input, dtype)
    if p == math.inf:
        return amax(abs(input), dim, keepdim)
    if p == -math.inf:
        return amin(abs(input), dim, keepdim)
    if p == 0:
        return cast(count_nonzero(input, dim, keepdim), dtype=as_dtype(input.array.dtype))
    return _norm(input, p=p, axis=reduced_axes("norm", input, dim), keepdims=keepdim)


@dims
def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """``y = x / max(|x|_p, eps)`` along ``dim``.

    Parameters
    ----------
    input : Tensor
    p : float, default 2.0
        The exponent of the norm.
    dim : int or tuple of ints, default 1
        The axes of a vector.
    eps : float, default 1e-12
        Keeps a zero vector from a division by zero.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.normalize(tp.tensor([[3.0, 4.0]]))
    tensor([[0.6, 0.8]])
    """
    return divide(input, clamp(norm(input, p, dim, keepdim=True), min=eps))
