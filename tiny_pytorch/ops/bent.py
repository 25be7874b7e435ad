"""Activations of straight pieces, and those whose pieces are elu's: what bends at given places."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import ShapeError, op
from ..autograd import inplace as write
from .activation import elu
from .operands import shape_of

__all__ = ["celu", "hardsigmoid", "hardswish", "hardtanh", "prelu", "relu6", "selu", "threshold"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops

# With these, means of 0 and variances of 1 are a fixed point of selu's layers.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def _inside(k: K, g: Array, x: Array, low: float, high: float) -> Array:
    """``g`` strictly between the bounds, else 0."""
    return k.xp.where(k.xp.logical_and(x > low, x < high), g, k.xp.zeros_like(g))


@op(keeps="inputs", promotes="floating", name="hardtanh")
def _hardtanh(k: K, x: Array, *, low: float, high: float) -> Array:
    return k.xp.clip(x, low, high)


@_hardtanh.gradient
def _(k: K, g: Array, saved: Any, *, low: float, high: float) -> tuple:
    return (_inside(k, g, saved.inputs[0], low, high),)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """``y = min(max(x, min_val), max_val)``; the derivative at the bounds is 0 (that of ``clamp`` is 1).

    Parameters
    ----------
    input : Tensor
    min_val, max_val : float, default -1.0 and 1.0
    inplace : bool, default False
        Write the result into the input; so also below.

    Raises
    ------
    ValueError
        If ``min_val`` is above ``max_val``.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.hardtanh(tp.tensor([-3.0, 0.5, 2.0]))
    tensor([-1. ,  0.5,  1. ])
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val must not be above max_val, got {min_val} and {max_val}")
    bounds = {"low": float(min_val), "high": float(max_val)}
    return write(_hardtanh, input, **bounds) if inplace else _hardtanh(input, **bounds)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """``y = min(max(x, 0), 6)``.

    References
    ----------
    A. Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010.
    """
    return hardtanh(input, 0.0, 6.0, inplace)


@op(keeps="inputs", promotes="floating", name="hardsigmoid")
def _hardsigmoid(k: K, x: Array) -> Array:
    return k.xp.clip(x + 3.0, 0.0, 6.0) / 6.0


@_hardsigmoid.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (_inside(k, g / 6.0, saved.inputs[0], -3.0, 3.0),)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """``y = min(max(x + 3, 0), 6) / 6``.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3", ICCV 2019.
    """
    return write(_hardsigmoid, input) if inplace else _hardsigmoid(input)


@op(keeps="inputs", promotes="floating", name="hardswish")
def _hardswish(k: K, x: Array) -> Array:
    return x * k.xp.clip(x + 3.0, 0.0, 6.0) / 6.0


@_hardswish.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    x, where = saved.inputs[0], k.xp.where
    inner = where(x < 3.0, g * (x / 3.0 + 0.5), g)
    return (where(x <= -3.0, k.xp.zeros_like(g), inner),)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """``y = x * min(max(x + 3, 0), 6) / 6``.

    References
    ----------
    A. Howard et al., "Searching for MobileNetV3", ICCV 2019.
    """
    return write(_hardswish, input) if inplace else _hardswish(input)


@op(keeps="inputs", name="threshold")
def _threshold(k: K, x: Array, *, limit: float, value: float) -> Array:
    return k.xp.where(x <= limit, k.xp.full_like(x, value), x)


@_threshold.gradient
def _(k: K, g: Array, saved: Any, *, limit: float, value: float) -> tuple:
    return (k.xp.where(saved.inputs[0] <= limit, k.xp.zeros_like(g), g),)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """``y = x`` where ``x > threshold``, else ``value``."""
    params = {"limit": threshold, "value": value}
    return write(_threshold, input, **params) if inplace else _threshold(input, **params)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """``y = 1.0507 * elu(x, 1.6733)``: layers of it drive means to 0 and variances to 1.

    References
    ----------
    G. Klambauer et al., "Self-normalizing neural networks", NeurIPS 2017.
    """
    return write(selu, input) if inplace else elu(input, SELU_ALPHA) * SELU_SCALE


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """``y = max(x, 0) + min(alpha * (e^(x / alpha) - 1), 0)``: elu, but smooth for every ``alpha``.

    Raises
    ------
    ValueError
        If ``alpha`` is not above 0.

    References
    ----------
    J. T. Barron, "Continuously differentiable exponential linear units", 2017.
    """
    if not alpha > 0:
        raise ValueError(f"celu: alpha must be above 0, got {alpha}")
    if inplace:
        return write(celu, input, alpha=alpha)
    return elu(input) if alpha == 1 else elu(input / alpha) * alpha


@op(keeps="inputs", promotes="floating", name="prelu")
def _prelu(k: K, x: Array, weight: Array) -> Array:
    return k.xp.where(x > 0, x, weight * x)


@_prelu.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    x, weight = saved.inputs
    gx = k.xp.where(x > 0, g, g * weight) if saved.needs[0] else None
    return gx, k.xp.where(x > 0, k.xp.zeros_like(g), g * x) if saved.needs[1] else None


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """``y = x`` where ``x > 0``, else ``weight * x``, the slope one for all or one for each channel.

    Parameters
    ----------
    input : Tensor (N, C, ...), or of any shape for one slope
    weight : Tensor (C,) or (1,) or ()

    Raises
    ------
    RuntimeError
        For another number of slopes.

    References
    ----------
    K. He et al., "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.prelu(tp.tensor([[-2.0, -2.0]]), tp.tensor([0.5, 0.0]))
    tensor([[-1., -0.]])
    """
    shape, slopes = shape_of("prelu", input), shape_of("prelu", weight)
    channels = shape[1] if len(shape) > 1 else 1
    if len(slopes) > 1 or math.prod(slopes) not in (1, channels):
        raise ShapeError(
            f"prelu: got weight of shape {slopes} for an input of shape {shape}; expected one slope, or one for each "
            f"of {channels} channels (axis 1)"
        )
    if math.prod(slopes) == 1:
        return _prelu(input, weight.reshape(()) if slopes else weight)
    return _prelu(input, weight.reshape(channels, *(1,) * (len(shape) - 2)))
