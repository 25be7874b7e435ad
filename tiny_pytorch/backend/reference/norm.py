"""Normalisation: of rows (layer, RMS), of channels over a batch, of groups of channels."""

from __future__ import annotations

import math

__all__ = [
    "batch_norm",
    "batch_norm_eval",
    "batch_norm_grad",
    "group_norm",
    "group_norm_grad",
    "layer_norm",
    "layer_norm_grad",
    "rms_norm",
    "rms_norm_grad",
]


def layer_norm(xp, x, weight, bias, axes, eps):
    """``(y, mean, rstd)``: ``y = (x - mean) * rstd * weight + bias`` with ``rstd = 1 / sqrt(var + eps)``.

    Mean and biased variance run over the last ``axes`` axes (a number) and keep them as 1; weight and bias
    have those axes' shape, or are None.
    """
    y, mean, _, rstd = _normalise(xp, x, tuple(range(-axes, 0)), eps)
    y = y if weight is None else y * weight
    return (y if bias is None else y + bias), mean, rstd


def layer_norm_grad(xp, g, x, weight, mean, rstd, axes, needs):
    """``(gx, gw, gb)``, see `_normalise_grad`; weight and bias add up over the leading axes."""
    over = tuple(range(-axes, 0))
    others = tuple(range(len(x.shape) - axes))
    return _normalise_grad(xp, g, x, weight, mean, rstd, over, others, needs)


def batch_norm(xp, x, weight, bias, eps):
    """``(y, mean, var, rstd)``: ``y = (x - mean) * rstd * weight + bias``, ``rstd = 1 / sqrt(var + eps)``.

    x is (N, C, ...); mean, biased variance and rstd (C,) run over all axes but the second; weight and bias
    are (C,) or None.
    """
    y, mean, var, rstd = _normalise(xp, x, _but_second(x), eps)
    y = y if weight is None else y * _channels(xp, x, weight)
    y = y if bias is None else y + _channels(xp, x, bias)
    return y, *(xp.reshape(v, (x.shape[1],)) for v in (mean, var, rstd))


def batch_norm_eval(xp, x, mean, var, weight, bias, eps):
    """``y = (x - mean) / sqrt(var + eps) * weight + bias`` for given statistics.

    x is (N, C, ...); mean and var are (C,), weight and bias (C,) or None.
    """
    scale = 1.0 / xp.sqrt(var + eps)
    scale = scale if weight is None else scale * weight
    y = (x - _channels(xp, x, mean)) * _channels(xp, x, scale)
    return y if bias is None else y + _channels(xp, x, bias)


def batch_norm_grad(xp, g, x, weight, mean, rstd, needs):
    """``(gx, gw, gb)``, see `_normalise_grad`."""
    over = _but_second(x)
    weight, mean, rstd = (v if v is None else _channels(xp, x, v) for v in (weight, mean, rstd))
    return _normalise_grad(xp, g, x, weight, mean, rstd, over, over, needs)


def rms_norm(xp, x, weight, axes, eps):
    """``(y, rstd)``: ``y = x * rstd * weight`` with ``rstd = 1 / sqrt(mean of x^2 + eps)``.

    The mean runs over the last ``axes`` axes (a number) and keeps them as 1; weight has those axes' shape, or is None.
    """
    rstd = 1.0 / xp.sqrt(xp.mean(x * x, axis=tuple(range(-axes, 0)), keepdims=True) + eps)
    y = x * rstd
    return (y if weight is None else y * weight), rstd


def rms_norm_grad(xp, g, x, weight, rstd, axes, needs):
    """``(gx, gw)``: ``gx = rstd * (h - n * mean of (h * n))`` with ``n = x * rstd``, ``h = g * weight``.

    ``gw`` is the sum of ``g * n`` over the leading axes.
    """
    n = x * rstd
    gx = None
    if needs[0]:
        h = g if weight is None else g * weight
        gx = rstd * (h - n * xp.mean(h * n, axis=tuple(range(-axes, 0)), keepdims=True))
    gw = xp.sum(g * n, axis=tuple(range(len(x.shape) - axes))) if needs[1] else None
    return gx, gw


def group_norm(xp, x, weight, bias, groups, eps):
    """``(y, mean, rstd)``: ``y = (x - mean) * rstd * weight + bias`` with ``rstd = 1 / sqrt(var + eps)``.

    x is (N, C, ...); mean, biased variance and rstd, (N, groups), run over C / groups channels and all axes behind
    them; weight and bias are (C,) or None.
    """
    parts = _grouped(xp, x, groups)
    mean = xp.mean(parts, axis=2, keepdims=True)
    centred = parts - mean
    rstd = 1.0 / xp.sqrt(xp.mean(centred * centred, axis=2, keepdims=True) + eps)
    y = xp.reshape(centred * rstd, x.shape)
    y = y if weight is None else y * _channels(xp, x, weight)
    y = y if bias is None else y + _channels(xp, x, bias)
    return y, mean[:, :, 0], rstd[:, :, 0]


def group_norm_grad(xp, g, x, weight, mean, rstd, needs):
    """``(gx, gw, gb)``: ``gx = rstd * (h - mean of h - n * mean of (h * n))`` in each group.

    With ``n = (x - mean) * rstd`` and ``h = g * weight``; ``gw`` is the sum of ``g * n`` in each channel, ``gb`` of g.
    """
    groups = mean.shape[1]
    mean, rstd = xp.expand_dims(mean, axis=2), xp.expand_dims(rstd, axis=2)
    n = (_grouped(xp, x, groups) - mean) * rstd
    others = (0, *range(2, len(x.shape)))
    gx = None
    if needs[0]:
        h = _grouped(xp, g if weight is None else g * _channels(xp, x, weight), groups)
        slope, tilt = xp.mean(h, axis=2, keepdims=True), xp.mean(h * n, axis=2, keepdims=True)
        gx = xp.reshape(rstd * (h - slope - n * tilt), x.shape)
    gw = xp.sum(g * xp.reshape(n, x.shape), axis=others) if needs[1] else None
    gb = xp.sum(g, axis=others) if needs[2] else None
    return gx, gw, gb


def _grouped(xp, x, groups):
    """x (N, C, ...) as (N, groups, elements of a group)."""
    return xp.reshape(x, (x.shape[0], groups, math.prod(x.shape[1:]) // groups))


def _normalise(xp, x, over, eps):
    """``((x - mean) * rstd, mean, var, rstd)`` over the axes ``over``, in two passes."""
    mean = xp.mean(x, axis=over, keepdims=True)
    centred = x - mean
    var = xp.mean(centred * centred, axis=over, keepdims=True)
    rstd = 1.0 / xp.sqrt(var + eps)
    return centred * rstd, mean, var, rstd


def _normalise_grad(xp, g, x, weight, mean, rstd, over, others, needs):
    """Gradients of ``y = n * weight + bias``, ``n = (x - mean) * rstd``, normalised over the axes ``over``.

    ``gx = rstd * (h - mean of h - n * mean of (h * n))`` with ``h = g * weight``; ``gw = sum of g * n`` and
    ``gb = sum of g`` over the axes ``others``, along which weight and bias were broadcast.
    """
    n = (x - mean) * rstd
    gx = None
    if needs[0]:
        h = g if weight is None else g * weight
        shift = xp.mean(h, axis=over, keepdims=True)
        tilt = xp.mean(h * n, axis=over, keepdims=True)
        gx = rstd * (h - shift - n * tilt)
    gw = xp.sum(g * n, axis=others) if needs[1] else None
    gb = xp.sum(g, axis=others) if needs[2] else None
    return gx, gw, gb


def _but_second(x):
    return (0, *range(2, len(x.shape)))


def _channels(xp, x, v):
    """A vector over the channels in the shape that broadcasts against x (N, C, ...)."""
    return xp.reshape(v, (1, -1) + (1,) * (len(x.shape) - 2))
