"""Normalisation: over the features of each sample, over groups of channels, over the batch."""

from __future__ import annotations

import math
from typing import Any

from .. import backend
from ..autograd import assign, op
from .creation import ones
from .operands import shape_of

__all__ = ["batch_norm", "group_norm", "layer_norm", "rms_norm"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops


@op(promotes="floating", extra=True, kernel="layer_norm", autocast="float32")
def _layer_norm(k: K, x: Array, weight: Array | None, bias: Array | None, *, axes: int, eps: float) -> tuple:
    y, mean, rstd = k.layer_norm(x, weight, bias, axes, eps)
    return y, (mean, rstd)


@_layer_norm.gradient(kernel="layer_norm_grad", reads=("g", 0, 1, "extra", "axes", "needs"))
def _(k: K, g: Array, saved: Any, *, axes: int, eps: float) -> tuple:
    x, weight, _ = saved.inputs
    mean, rstd = saved.extra
    return k.layer_norm_grad(g, x, weight, mean, rstd, axes, saved.needs)


@op(promotes="floating", extra=True, kernel="rms_norm", autocast="float32")
def _rms_norm(k: K, x: Array, weight: Array | None, *, axes: int, eps: float) -> tuple:
    y, rstd = k.rms_norm(x, weight, axes, eps)
    return y, (rstd,)


@_rms_norm.gradient(kernel="rms_norm_grad", reads=("g", 0, 1, "extra", "axes", "needs"))
def _(k: K, g: Array, saved: Any, *, axes: int, eps: float) -> tuple:
    x, weight = saved.inputs
    return k.rms_norm_grad(g, x, weight, saved.extra[0], axes, saved.needs)


@op(promotes="floating", extra=True, kernel="group_norm", autocast="float32")
def _group_norm(k: K, x: Array, weight: Array | None, bias: Array | None, *, groups: int, eps: float) -> tuple:
    y, mean, rstd = k.group_norm(x, weight, bias, groups, eps)
    return y, (mean, rstd)


@_group_norm.gradient(kernel="group_norm_grad", reads=("g", 0, 1, "extra", "needs"))
def _(k: K, g: Array, saved: Any, *, groups: int, eps: float) -> tuple:
    x, weight, _ = saved.inputs
    mean, rstd = saved.extra
    return k.group_norm_grad(g, x, weight, mean, rstd, saved.needs)


@op(promotes="floating", extra=True, many=True, autocast="float32")
def _batch_norm(k: K, x: Array, weight: Array | None, bias: Array | None, *, eps: float) -> tuple:
    # mean and var leave the graph for the running statistics; no gradient comes back through them.
    y, mean, var, rstd = k.batch_norm(x, weight, bias, eps)
    return (y, mean, var), (mean, rstd)


@_batch_norm.gradient
def _(k: K, g: Array, saved: Any, *, eps: float) -> tuple:
    x, weight, _ = saved.inputs
    mean, rstd = saved.extra
    return k.batch_norm_grad(g[0], x, weight, mean, rstd, saved.needs)


@op(promotes="floating", keeps={0: (3,), 1: (3,), 2: (0, 3), 3: (0,)})
def _batch_norm_eval(
    k: K, x: Array, mean: Array, var: Array, weight: Array | None, bias: Array | None, *, eps: float
) -> Array:
    return k.batch_norm_eval(x, mean, var, weight, bias, eps)


@_batch_norm_eval.gradient
def _(k: K, g: Array, saved: Any, *, eps: float) -> tuple:
    """The statistics are given: they are constants, also to the graph."""
    x, mean, var, weight, _ = saved.inputs
    xp, gx, gw, gb = k.xp, None, None, None
    others = (0, *range(2, len(g.shape)))
    along_channels = (1, -1) + (1,) * (len(g.shape) - 2)
    rstd = None if var is None else 1.0 / xp.sqrt(var + eps)
    if saved.needs[0]:
        gx = g * xp.reshape(rstd if weight is None else rstd * weight, along_channels)
    if saved.needs[3]:
        gw = xp.sum(g * (x - xp.reshape(mean, along_channels)), axis=others) * rstd
    if saved.needs[4]:
        gb = xp.sum(g, axis=others)
    return gx, None, None, gw, gb


def layer_norm(
    input: Tensor,
    normalized_shape: int | tuple[int, ...],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """``y = (x - mean) / sqrt(var + eps) * weight + bias`` over the last axes.

    Parameters
    ----------
    input : Tensor, shape (..., *normalized_shape)
    normalized_shape : int or tuple of ints
        The shape of the axes over which mean and (biased) variance are taken.
    weight, bias : Tensor of shape ``normalized_shape``, optional
    eps : float, default 1e-5

    Raises
    ------
    RuntimeError
        When the input's last axes, the weight or the bias have another shape.

    References
    ----------
    J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.layer_norm(tp.tensor([[1.0, 3.0]]), (2,), eps=0.0)
    tensor([[-1.,  1.]])
    """
    axes = _checked_axes("layer_norm", input, normalized_shape, weight, bias)
    return _layer_norm(input, weight, bias, axes=axes, eps=eps)


def _checked_axes(
    name: str,
    input: Tensor,
    normalized_shape: int | tuple[int, ...],
    weight: Tensor | None,
    bias: Tensor | None = None,
) -> int:
    """How many axes are normalised; an error where the input or a parameter has others."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    found = shape_of(name, input)
    if not shape or found[-len(shape) :] != shape:
        raise RuntimeError(
            f"{name}: expected an input whose last axes are {shape} (normalized_shape), got shape {found}"
        )
    if weight is not None and weight.shape != shape:
        raise RuntimeError(f"{name}: expected a weight of shape {shape}, got {weight.shape}")
    if bias is not None and bias.shape != shape:
        raise RuntimeError(f"{name}: expected a bias of shape {shape}, got {bias.shape}")
    return len(shape)


def rms_norm(
    input: Tensor, normalized_shape: int | tuple[int, ...], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """``y = x / sqrt(mean of x^2 + eps) * weight`` over the last axes.

    Parameters
    ----------
    input : Tensor, shape (..., *normalized_shape)
    normalized_shape : int or tuple of ints
        The shape of the axes over which the mean is taken.
    weight : Tensor of shape ``normalized_shape``, optional
    eps : float, optional
        By default the distance from 1 to the next number of the input's dtype.

    Raises
    ------
    RuntimeError
        When the input's last axes or the weight have another shape.

    References
    ----------
    B. Zhang, R. Sennrich, "Root mean square layer normalization", 2019.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.rms_norm(tp.tensor([[3.0, 4.0]]), (2,)) * 5 ** 0.5
    tensor([[1.8974, 2.5298]])
    """
    axes = _checked_axes("rms_norm", input, normalized_shape, weight)
    if eps is None:
        eps = float(backend.at(input.array).xp.finfo(input.array.dtype).eps)
    return _rms_norm(input, weight, axes=axes, eps=eps)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """``y = (x - mean) / sqrt(var + eps) * weight + bias`` over each group of channels of each sample.

    Parameters
    ----------
    input : Tensor, shape (N, C, ...)
    num_groups : int
        Into how many groups the C channels are cut; mean and (biased) variance run over a group and all axes behind.
    weight, bias : Tensor of shape (C,), optional
    eps : float, default 1e-5

    Raises
    ------
    RuntimeError
        When the groups do not divide the channels, or the weight or the bias have another shape.

    References
    ----------
    Y. Wu, K. He, "Group normalization", 2018.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.group_norm(tp.tensor([[1.0, 3.0, 5.0, 5.0]]), 2, eps=0.5)
    tensor([[-0.8165,  0.8165,  0.    ,  0.    ]])
    """
    shape = shape_of("group_norm", input)
    if len(shape) < 2 or num_groups < 1 or shape[1] % num_groups:
        raise RuntimeError(
            f"group_norm: expected an input (N, C, ...) with channels that divide into {num_groups} groups, got "
            f"shape {shape}"
        )
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tensor.shape != (shape[1],):
            raise RuntimeError(f"group_norm: expected a {name} of shape ({shape[1]},), got {tensor.shape}")
    return _group_norm(input, weight, bias, groups=num_groups, eps=eps)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``y = (x - mean) / sqrt(var + eps) * weight + bias`` for each channel.

    Parameters
    ----------
    input : Tensor, shape (N, C) or (N, C, ...)
    running_mean, running_var : Tensor of shape (C,), or None
        With ``training`` they are updated in place, ``r = (1 - momentum) * r + momentum * batch statistic``,
        with the unbiased variance; without, they are the mean and the variance.
    weight, bias : Tensor of shape (C,), optional
    training : bool, default False
        Whether mean and (biased) variance are those of the batch.
    momentum : float, default 0.1
    eps : float, default 1e-5

    Raises
    ------
    ValueError
        When training with a single value per channel, whose variance says nothing.
    RuntimeError
        For statistics or parameters of another shape, and without ``training`` when there are no statistics.

    References
    ----------
    S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal
    covariate shift", 2015.
    """
    shape = shape_of("batch_norm", input)
    if len(shape) < 2:
        raise ValueError(f"batch_norm: expected an input of shape (N, C, ...), got {shape}")
    channels = shape[1]
    for name, tensor in (
        ("running_mean", running_mean),
        ("running_var", running_var),
        ("weight", weight),
        ("bias", bias),
    ):
        if tensor is not None and tensor.shape != (channels,):
            raise RuntimeError(
                f"batch_norm: expected a {name} of shape ({channels},) for an input of shape "
                f"{shape} with {channels} channels, got {tensor.shape}"
            )
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("batch_norm: without training=True it needs running_mean and running_var")
        return _batch_norm_eval(input, running_mean, running_var, weight, bias, eps=eps)
    count = math.prod(shape) // channels if channels else 0
    if count == 1:
        raise ValueError(
            "batch_norm: training needs more than one value per channel, got an input of shape "
            f"{shape}; use a larger batch (drop_last=True avoids a last batch of one) or eval()"
        )
    if not count:  # there are no statistics, and nothing to normalise
        any_will_do = ones((channels,), dtype=input.dtype, device=input.device)
        return _batch_norm_eval(input, any_will_do, any_will_do, weight, bias, eps=eps)
    output, mean, var = _batch_norm(input, weight, bias, eps=eps)
    if running_mean is not None:
        _move(running_mean, mean.array, momentum)
    if running_var is not None:
        _move(running_var, var.array * (count / (count - 1)), momentum)
    return output


def _move(running: Tensor, new: Array, momentum: float) -> None:
    """``running = (1 - momentum) * running + momentum * new``, in place and outside the graph."""
    k, old = backend.at(running.array).kernels, running.array
    assign(running, old * (1.0 - momentum) + k.astype(new, old.dtype) * momentum)
