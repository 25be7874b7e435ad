"""Inverses, solutions of linear systems, determinants, and the Cholesky factor: all differentiable, to every order."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..autograd import ShapeError, op
from .creation import eye, full_like
from .linalg import matmul
from .operands import shape_of
from .selection import where
from .shape import broadcast_shapes, broadcast_to

__all__ = ["SignLogabsdet", "cholesky", "det", "inverse", "logdet", "matrix_power", "slogdet", "solve"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops


class SignLogabsdet(NamedTuple):
    """A determinant as its sign and the logarithm of its magnitude, by name or in this order."""

    sign: Any
    logabsdet: Any


def _square(name: str, x: Tensor) -> tuple[int, ...]:
    shape = shape_of(name, x)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeError(f"{name}: expected square matrices in the last two axes, got shape {shape}")
    return shape


def _t(k: K, x: Array) -> Array:
    return k.xp.matrix_transpose(x)


@op(keeps="output", kernel="inv", name="inverse")
def _inv(k: K, x: Array) -> Array:
    return k.inv(x)


@_inv.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    y = _t(k, saved.output)
    return (-k.matmul(k.matmul(y, g), y),)


def inverse(input: Tensor) -> Tensor:
    """``y`` with ``y @ x = x @ y = 1``, for the square matrices in the last two axes.

    Raises
    ------
    RuntimeError
        For a matrix that is singular or not square.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.linalg.inv(tp.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    _square("inverse", input)
    return _inv(input)


@op(promotes="floating", keeps=({0: (0, 1)}, "output"), kernel="solve", name="solve")
def _solve(k: K, a: Array, b: Array) -> Array:
    return k.solve(a, b)


@_solve.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    g_b = k.solve(_t(k, saved.inputs[0]), g)
    return -k.matmul(g_b, _t(k, saved.output)) if saved.needs[0] else None, g_b


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """``X`` with ``A @ X = B``, or with ``left=False`` ``X @ A = B``.

    Parameters
    ----------
    A : Tensor (..., n, n)
    B : Tensor (..., n) or (..., n, m)
        Vectors if it has one axis, or A's shape without the last one; else matrices. Axes in front broadcast.
    left : bool, default True

    Raises
    ------
    RuntimeError
        For a matrix that is singular or not square, and for shapes that do not fit.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.linalg.solve(tp.tensor([[2.0, 0.0], [0.0, 4.0]]), tp.tensor([2.0, 2.0]))
    tensor([1. , 0.5])
    """
    shape, other = _square("solve", A), shape_of("solve", B)
    if not left:
        return solve(A.mT, B.mT).mT
    vector = len(other) == 1 or (len(shape) > 2 and other == shape[:-1])
    right = B.unsqueeze(-1) if vector else B
    if right.shape[-2] != shape[-1]:
        raise ShapeError(f"solve: matrices of shape {shape} and right sides of shape {other} do not fit")
    front = broadcast_shapes(shape[:-2], right.shape[:-2])
    found = _solve(broadcast_to(A, (*front, *shape[-2:])), broadcast_to(right, (*front, *right.shape[-2:])))
    return found.squeeze(-1) if vector else found


@op(keeps=("inputs", "output"), name="det")
def _det(k: K, x: Array) -> Array:
    return k.xp.linalg.det(x)


@_det.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (_t(k, k.inv(saved.inputs[0])) * (g * saved.output)[..., None, None],)


def det(input: Tensor) -> Tensor:
    """The determinants of the square matrices in the last two axes. The gradient needs their inverses."""
    _square("det", input)
    return _det(input)


@op(keeps="inputs", many=True, name="slogdet")
def _slogdet(k: K, x: Array) -> tuple:
    return tuple(k.xp.linalg.slogdet(x))


@_slogdet.gradient
def _(k: K, g: tuple, saved: Any) -> tuple:
    if g[1] is None:  # the sign does not change
        return (k.xp.zeros_like(saved.inputs[0]),)
    return (_t(k, k.inv(saved.inputs[0])) * g[1][..., None, None],)


def slogdet(input: Tensor) -> SignLogabsdet:
    """``(sign, logabsdet)`` with ``det = sign * e^logabsdet``, without overflow.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.slogdet(tp.tensor([[-1.0]])).sign.item()
    -1.0
    """
    _square("slogdet", input)
    return SignLogabsdet(*_slogdet(input))


def logdet(input: Tensor) -> Tensor:
    """``log(det)``: NaN where the determinant is negative."""
    sign, magnitude = slogdet(input)
    return where(sign < 0, full_like(magnitude, float("nan")), magnitude)


@op(keeps="output", name="cholesky")
def _cholesky(k: K, x: Array) -> Array:
    return k.xp.linalg.cholesky(x)


@_cholesky.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    # I. Murray, "Differentiation of the Cholesky decomposition", 2016, equation 10.
    xp, y = k.xp, saved.output
    n = y.shape[-1]
    rows = xp.reshape(xp.arange(n), (-1, 1)) - xp.reshape(xp.arange(n), (1, -1))
    half = xp.astype(rows >= 0, y.dtype) - 0.5 * xp.astype(rows == 0, y.dtype)
    inner = k.matmul(_t(k, y), g) * half
    inverse_y = k.inv(y)
    found = k.matmul(k.matmul(_t(k, inverse_y), inner), inverse_y)
    return ((found + _t(k, found)) * 0.5,)


def cholesky(input: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangular ``L`` with ``L @ L.T = x``, for the symmetric positive matrices in the last two axes.

    Parameters
    ----------
    input : Tensor (..., n, n)
    upper : bool, default False
        ``L.T`` instead.

    Raises
    ------
    RuntimeError
        For a matrix that is not positive definite or not square.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.linalg.cholesky(tp.tensor([[4.0]])).item()
    2.0
    """
    _square("cholesky", input)
    found = _cholesky(input)
    return found.mT if upper else found


def matrix_power(input: Tensor, n: int) -> Tensor:
    """``x @ x @ ... @ x``, n times; of the inverse where n is negative, and the unit matrix for 0."""
    shape = _square("matrix_power", input)
    if n < 0:
        return matrix_power(inverse(input), -n)
    found = broadcast_to(eye(shape[-1], dtype=input.dtype, device=input.device), shape) if n == 0 else None
    square = input
    while n:
        if n % 2:
            found = square if found is None else matmul(found, square)
        n //= 2
        square = matmul(square, square) if n else square
    return found
