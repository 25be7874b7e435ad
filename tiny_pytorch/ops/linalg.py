"""Matrix products in all their cases, and the affine map."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import ShapeError, op
from .elementwise import add, multiply
from .operands import shape_of

__all__ = [
    "addmm", "addmv", "baddbmm", "bmm", "dot", "kron", "linear", "linear_relu", "matmul", "mm", "mv", "outer", "vdot",
]  # fmt: skip

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops

_FITTING = "(..., n, k) and (..., k, m) with leading axes that broadcast, or a vector of k elements"


@op(promotes="common", keeps="cross", kernel="matmul", autocast="low")
def matmul(k: K, a: Array, b: Array) -> Array:
    """``y = a @ b``: matrices in the last two axes, the leading ones broadcast; a 1-D operand is a vector."""
    try:
        return k.matmul(a, b)
    except (ValueError, AttributeError):
        for operand in (a, b):
            if not hasattr(operand, "shape"):
                raise TypeError(f"matmul: expected two Tensors, got a {type(operand).__name__}") from None
        raise ShapeError(
            f"matmul: shapes {tuple(a.shape)} and {tuple(b.shape)} do not fit; expected {_FITTING}"
        ) from None


@matmul.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    a, b = saved.inputs
    needs = saved.needs
    return _left(k, g, b, saved.shapes[0]) if needs[0] else None, _right(k, g, a, saved.shapes[1]) if needs[1] else None


# The same product where it is a sum of weighted terms, which autocast leaves in the dtypes that it has.
weighted_sum = op(name="matmul", promotes="common", keeps="cross")(matmul.forward).gradient(matmul.rule)


def _left(k: K, g: Array, b: Array, shape: tuple[int, ...]) -> Array:
    """The gradient of ``a`` in ``a @ b``, before broadcast axes are summed."""
    if len(b.shape) == 1:
        return k.multiply(k.xp.expand_dims(g, axis=-1), b)
    if len(shape) == 1:  # y = b.T a
        return k.matmul(b, k.xp.expand_dims(g, axis=-1))[..., 0]
    return k.matmul(g, k.xp.matrix_transpose(b))


def _right(k: K, g: Array, a: Array, shape: tuple[int, ...]) -> Array:
    """The gradient of ``b`` in ``a @ b``, before broadcast axes are summed."""
    if len(a.shape) == 1:
        return (
            k.multiply(a, g)
            if len(shape) == 1
            else k.multiply(k.xp.expand_dims(a, axis=-1), k.xp.expand_dims(g, axis=-2))
        )
    if len(shape) == 1:
        g = k.xp.expand_dims(g, axis=-1)
        return _summed_product(k, a, g)[..., 0]
    if len(shape) == 2:
        return _summed_product(k, a, g)
    return k.matmul(k.xp.matrix_transpose(a), g)


def _summed_product(k: K, a: Array, g: Array) -> Array:
    """``a.T @ g`` added up over all leading axes, by one product."""
    if len(a.shape) > 2:
        rows = -1 if a.shape[-1] and g.shape[-1] else math.prod(a.shape[:-1])
        a, g = k.xp.reshape(a, (rows, a.shape[-1])), k.xp.reshape(g, (rows, g.shape[-1]))
    return k.matmul(k.xp.matrix_transpose(a), g)


def _check_product(name: str, a: Tensor, b: Tensor, ndim_a: int, ndim_b: int, expected: str) -> None:
    shape_a, shape_b = shape_of(name, a), shape_of(name, b)
    fits = len(shape_a) == ndim_a and len(shape_b) == ndim_b and shape_a[-1] == shape_b[-2 if ndim_b > 1 else -1]
    if not fits or (ndim_b == 3 and shape_a[0] != shape_b[0]):
        raise ShapeError(f"{name}: got shapes {shape_a} and {shape_b}; expected {expected}")


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """``y = a @ b`` of two matrices."""
    _check_product("mm", input, mat2, 2, 2, "(n, k) and (k, m)")
    return matmul(input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """``y[i] = a[i] @ b[i]`` of two batches of matrices."""
    _check_product("bmm", input, mat2, 3, 3, "(batch, n, k) and (batch, k, m)")
    return matmul(input, mat2)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """``y = a @ v`` of a matrix and a vector."""
    _check_product("mv", input, vec, 2, 1, "(n, k) and (k,)")
    return matmul(input, vec)


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """``y = sum of a[i] * b[i]`` of two vectors."""
    _check_product("dot", input, tensor, 1, 1, "(k,) and (k,)")
    return weighted_sum(input, tensor)


vdot = dot


@op(promotes="common", keeps="cross")
def _outer(k: K, a: Array, b: Array) -> Array:
    return k.multiply(k.xp.expand_dims(a, axis=-1), b)


@_outer.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    a, b = saved.inputs
    needs = saved.needs
    return k.matmul(g, b) if needs[0] else None, k.matmul(a, g) if needs[1] else None


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """``y[i, j] = a[i] * b[j]`` of two vectors."""
    shapes = shape_of("outer", input), shape_of("outer", vec2)
    if len(shapes[0]) != 1 or len(shapes[1]) != 1:
        raise ShapeError(f"outer: got shapes {shapes[0]} and {shapes[1]}; expected two vectors")
    return _outer(input, vec2)


@op(promotes="common", keeps="cross")
def kron(k: K, a: Array, b: Array) -> Array:
    """``y[i * m + p, j * n + q] = a[i, j] * b[p, q]`` for b (m, n): the Kronecker product."""
    shape_a, shape_b = _padded(a.shape, b.shape)
    y = k.multiply(k.xp.reshape(a, _alternate(shape_a, 0)), k.xp.reshape(b, _alternate(shape_b, 1)))
    return k.xp.reshape(y, tuple([n * m for n, m in zip(shape_a, shape_b, strict=True)]))


@kron.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    a, b = saved.inputs
    shape_a, shape_b = _padded(saved.shapes[0] if a is None else a.shape, saved.shapes[1] if b is None else b.shape)
    g = k.xp.reshape(g, tuple([n for pair in zip(shape_a, shape_b, strict=True) for n in pair]))
    axes = tuple(range(0, len(g.shape), 2)), tuple(range(1, len(g.shape), 2))
    g_a = g_b = None
    if saved.needs[0]:
        g_a = k.xp.reshape(
            k.xp.sum(k.multiply(g, k.xp.reshape(b, _alternate(shape_b, 1))), axis=axes[1]), saved.shapes[0]
        )
    if saved.needs[1]:
        g_b = k.xp.reshape(
            k.xp.sum(k.multiply(g, k.xp.reshape(a, _alternate(shape_a, 0))), axis=axes[0]), saved.shapes[1]
        )
    return g_a, g_b


def _padded(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Both shapes with as many axes, new ones in front."""
    ndim = max(len(a), len(b))
    return (1,) * (ndim - len(a)) + tuple(a), (1,) * (ndim - len(b)) + tuple(b)


def _alternate(shape: tuple[int, ...], place: int) -> tuple[int, ...]:
    """The shape with an axis of size 1 after (place 0) or before (1) each of its axes."""
    return tuple([m for n in shape for m in ((n, 1) if place == 0 else (1, n))])


@op(name="linear", promotes="common", keeps={0: (1,), 1: (0,)}, kernel="linear", autocast="low")
def affine(k: K, x: Array, weight: Array, bias: Array) -> Array:
    return k.linear(x, weight, bias)


@affine.gradient(kernel="linear_grad", reads=("g", 0, 1, "needs"))
def _(k: K, g: Array, saved: Any) -> tuple:
    x, weight, _ = saved.inputs
    return k.linear_grad(g, x, weight, saved.needs)


affine.expects = "input (..., in), weight (out, in), bias (out,)"


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``y = x @ weight.T + bias``.

    Parameters
    ----------
    input : Tensor (..., in)
    weight : Tensor (out, in)
    bias : Tensor (out,), optional

    Returns
    -------
    Tensor (..., out)

    Raises
    ------
    RuntimeError
        The shapes do not fit.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x, weight = tp.tensor([1.0, 2.0]), tp.tensor([[3.0, 4.0]])
    >>> tp.nn.functional.linear(x, weight, tp.tensor([0.5]))
    tensor([11.5])
    """
    return affine(input, weight, bias)


# A sum that autocast takes for a part of the product.
_plus_product = op(name="add", promotes="common", autocast="low")(add.forward).gradient(add.rule)


@op(promotes="common", keeps=({0: (1,), 1: (0,)}, "output"), kernel="linear_relu", autocast="low")
def linear_relu(k: K, x: Array, weight: Array, bias: Array) -> Array:
    """``y = max(x @ weight.T + bias, 0)``: :func:`linear` and ``relu`` as one operation, which keeps one array less."""
    return k.linear_relu(x, weight, bias)


@linear_relu.gradient(kernel="linear_relu_grad", reads=("g", "output", 0, 1, "needs"))
def _(k: K, g: Array, saved: Any) -> tuple:
    x, weight, _ = saved.inputs
    return k.linear_relu_grad(g, saved.output, x, weight, saved.needs)


linear_relu.expects = affine.expects


def _scaled_sum(input: Tensor, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    product = product if alpha == 1 else multiply(product, alpha)
    if beta == 0:  # as in PyTorch, what the input holds is then ignored, even nan
        return product
    return _plus_product(input if beta == 1 else multiply(input, beta), product)


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * (mat1 @ mat2)``."""
    return _scaled_sum(input, mm(mat1, mat2), beta, alpha)


def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input + alpha * (mat @ vec)``."""
    return _scaled_sum(input, mv(mat, vec), beta, alpha)


def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """``beta * input[i] + alpha * (batch1[i] @ batch2[i])``."""
    return _scaled_sum(input, bmm(batch1, batch2), beta, alpha)
