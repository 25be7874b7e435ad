"""Activations: what stands between two layers. Elementwise functions first, then those along one axis."""

from __future__ import annotations

import warnings
from typing import Any

from ..autograd import ShapeError, op
from ..autograd import inplace as write
from .elementwise import abs
from .joining import chunk
from .naming import dims, normalize_axis
from .operands import shape_of
from .trigonometry import tanh

__all__ = [
    "elu", "gelu", "glu", "leaky_relu", "log_softmax", "logsigmoid", "mish", "relu", "relu_", "sigmoid", "silu",
    "softmax", "softmin", "softplus", "softsign", "tanhshrink",
]  # fmt: skip

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops


@op(keeps="output", kernel="relu")
def _relu(k: K, x: Array) -> Array:
    return k.relu(x)


@_relu.gradient(kernel="relu_grad", reads=("g", "output"))
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.relu_grad(g, saved.output),)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """``y = max(x, 0)``; NaN stays NaN, and the derivative at 0 is 0.

    Parameters
    ----------
    input : Tensor
    inplace : bool, default False
        Write the result into the input; so also below.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.relu(tp.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return write(_relu, input) if inplace else _relu(input)


def relu_(input: Tensor) -> Tensor:
    """:func:`relu`, written into the input."""
    return write(_relu, input)


@op(keeps="output", promotes="floating", kernel="sigmoid")
def sigmoid(k: K, x: Array) -> Array:
    """``y = 1 / (1 + e^-x)``, without overflow."""
    return k.sigmoid(x)


@sigmoid.gradient(kernel="sigmoid_grad", reads=("g", "output"))
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.sigmoid_grad(g, saved.output),)


@op(keeps="inputs", promotes="floating", kernel="gelu")
def _gelu(k: K, x: Array, *, approximate: str) -> Array:
    return k.gelu(x, approximate)


@_gelu.gradient(kernel="gelu_grad", reads=("g", 0, "approximate"))
def _(k: K, g: Array, saved: Any, *, approximate: str) -> tuple:
    return (k.gelu_grad(g, saved.inputs[0], approximate),)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """``y = x * Phi(x)``, Phi the distribution function of the standard normal.

    Parameters
    ----------
    input : Tensor
    approximate : {"none", "tanh"}
        "tanh" computes ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`` instead.

    References
    ----------
    D. Hendrycks, K. Gimpel, "Gaussian error linear units", 2016.
    """
    return _gelu(input, approximate=approximate)


@op(keeps="inputs", promotes="floating", kernel="silu")
def _silu(k: K, x: Array) -> Array:
    return k.silu(x)


@_silu.gradient(kernel="silu_grad", reads=("g", 0))
def _(k: K, g: Array, saved: Any) -> tuple:
    return (k.silu_grad(g, saved.inputs[0]),)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """``y = x / (1 + e^-x)``, also called swish."""
    return write(_silu, input) if inplace else _silu(input)


@op(keeps="inputs", promotes="floating")
def _leaky_relu(k: K, x: Array, *, negative_slope: float) -> Array:
    return k.xp.where(x > 0, x, x * negative_slope)


@_leaky_relu.gradient
def _(k: K, g: Array, saved: Any, *, negative_slope: float) -> tuple:
    return (k.xp.where(saved.inputs[0] > 0, g, g * negative_slope),)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """``y = x`` where ``x > 0``, else ``negative_slope * x``."""
    if inplace:
        return write(_leaky_relu, input, negative_slope=negative_slope)
    return _leaky_relu(input, negative_slope=negative_slope)


@op(keeps="inputs", promotes="floating")
def _elu(k: K, x: Array, *, alpha: float) -> Array:
    return k.xp.where(x > 0, x, alpha * k.xp.expm1(k.xp.minimum(x, 0.0)))


@_elu.gradient
def _(k: K, g: Array, saved: Any, *, alpha: float) -> tuple:
    x = saved.inputs[0]
    return (k.xp.where(x > 0, g, g * (alpha * k.xp.exp(k.xp.minimum(x, 0.0)))),)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``y = x`` where ``x > 0``, else ``alpha * (e^x - 1)``.

    References
    ----------
    D.-A. Clevert, T. Unterthiner, S. Hochreiter, "Fast and accurate deep network learning by exponential
    linear units", 2015.
    """
    return write(_elu, input, alpha=alpha) if inplace else _elu(input, alpha=alpha)


@op(keeps="inputs", promotes="floating", autocast="float32")
def _softplus(k: K, x: Array, *, beta: float, threshold: float) -> Array:
    z = x * beta
    return k.xp.where(z > threshold, x, k.xp.log1p(k.xp.exp(k.xp.minimum(z, threshold))) / beta)


@_softplus.gradient
def _(k: K, g: Array, saved: Any, *, beta: float, threshold: float) -> tuple:
    z = saved.inputs[0] * beta
    return (k.xp.where(z > threshold, g, g * k.sigmoid(z)),)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """``y = log(1 + e^(beta x)) / beta``, and ``y = x`` where ``beta x > threshold``."""
    return _softplus(input, beta=beta, threshold=threshold)


def logsigmoid(input: Tensor) -> Tensor:
    """``y = log(1 / (1 + e^-x)) = -softplus(-x)``."""
    return -softplus(-input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """``y = x * tanh(softplus(x))``.

    References
    ----------
    D. Misra, "Mish: a self regularized non-monotonic activation function", BMVC 2020.
    """
    return write(mish, input) if inplace else input * tanh(softplus(input))


def softsign(input: Tensor) -> Tensor:
    """``y = x / (1 + |x|)``."""
    return input / (abs(input) + 1)


def tanhshrink(input: Tensor) -> Tensor:
    """``y = x - tanh(x)``."""
    return input - tanh(input)


@op(keeps="output", promotes="floating", kernel="softmax", autocast="float32")
def _softmax(k: K, x: Array, *, axis: int) -> Array:
    return k.softmax(x, axis)


@_softmax.gradient(kernel="softmax_grad", reads=("g", "output", "axis"))
def _(k: K, g: Array, saved: Any, *, axis: int) -> tuple:
    return (k.softmax_grad(g, saved.output, axis),)


def _axis(name: str, input: Tensor, dim: int | None) -> int:
    """The axis counted from the front; without one, the axis that PyTorch takes."""
    ndim = len(shape_of(name, input))
    if dim is None:
        dim = 0 if ndim in (0, 1, 3) else 1
        warnings.warn(f"{name}: no dim was given, {dim} is taken; pass dim={dim}", UserWarning, stacklevel=4)
    return normalize_axis(name, dim, ndim)


@dims
def softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """``y = e^x / sum of e^x`` along one axis, computed without overflow.

    Parameters
    ----------
    input : Tensor
    dim : int
        The axis; ``axis`` is accepted too. Without it, a UserWarning, and the first axis of inputs of 0, 1 or 3 axes,
        else the second, as in PyTorch.
    dtype : optional
        Convert the input to it first.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.softmax(tp.zeros(2, 4), dim=1)[0]
    tensor([0.25, 0.25, 0.25, 0.25])
    """
    axis = _axis("softmax", input, dim)
    return _softmax(input if dtype is None else input.to(dtype), axis=axis)


@op(keeps="output", promotes="floating", kernel="log_softmax", autocast="float32")
def _log_softmax(k: K, x: Array, *, axis: int) -> Array:
    return k.log_softmax(x, axis)


@_log_softmax.gradient(kernel="log_softmax_grad", reads=("g", "output", "axis"))
def _(k: K, g: Array, saved: Any, *, axis: int) -> tuple:
    return (k.log_softmax_grad(g, saved.output, axis),)


@dims
def log_softmax(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """``y = x - log(sum of e^x)`` along one axis, without overflow; parameters as in :func:`softmax`."""
    axis = _axis("log_softmax", input, dim)
    return _log_softmax(input if dtype is None else input.to(dtype), axis=axis)


@dims
def softmin(input: Tensor, dim: int | None = None, dtype: Any = None) -> Tensor:
    """``y = e^-x / sum of e^-x`` along one axis; parameters as in :func:`softmax`."""
    return softmax(-input, dim, dtype)


@dims
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """``y = a * sigmoid(b)``, where a and b are the first and the second half along one axis.

    Parameters
    ----------
    input : Tensor
    dim : int, default -1
        The axis; it must have an even size.

    Raises
    ------
    RuntimeError
        For a tensor without axes, or an odd size.

    References
    ----------
    Y. Dauphin et al., "Language modeling with gated convolutional networks", ICML 2017.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.glu(tp.tensor([3.0, 8.0, 0.0, 0.0]))
    tensor([1.5, 4. ])
    """
    shape = shape_of("glu", input)
    axis = normalize_axis("glu", dim, len(shape))
    if not shape or shape[axis] % 2:
        raise ShapeError(f"glu: expected an even size along dim {dim}, to halve it, got shape {shape}")
    first, second = chunk(input, 2, axis)
    return first * sigmoid(second)
