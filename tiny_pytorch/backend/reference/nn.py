"""Normalised exponentials, the cross-entropy over them, and normalisation layers."""

from __future__ import annotations

import math

from . import indexing as _indexing

__all__ = [
    "batch_norm",
    "batch_norm_eval",
    "batch_norm_grad",
    "cross_entropy",
    "cross_entropy_grad",
    "layer_norm",
    "layer_norm_grad",
    "log_softmax",
    "log_softmax_grad",
    "softmax",
    "softmax_grad",
]


def softmax(xp, x, axis):
    """``y = e^(x - m) / sum of e^(x - m)`` along ``axis``, with m the maximum there."""
    if 0 in x.shape:
        return xp.zeros_like(x)
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return e / xp.sum(e, axis=axis, keepdims=True)


def softmax_grad(xp, g, y, axis):
    """``y * (g - sum of g * y)``."""
    return y * (g - xp.sum(g * y, axis=axis, keepdims=True))


def log_softmax(xp, x, axis):
    """``y = x - m - log(sum of e^(x - m))`` along ``axis``, with m the maximum there."""
    if 0 in x.shape:
        return xp.zeros_like(x)
    shifted = x - xp.max(x, axis=axis, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))


def log_softmax_grad(xp, g, y, axis):
    """``g - e^y * sum of g``."""
    return g - xp.exp(y) * xp.sum(g, axis=axis, keepdims=True)


def cross_entropy(xp, logits, target, reduction, ignore_index):
    """``(loss, slope)``: ``-log softmax(logits)[target]`` of each row, and its derivative by the logits.

    logits (N, C), integer target (N,). Rows whose target is ``ignore_index`` count nothing. ``reduction``:
    "none" leaves the N losses, "sum" adds them, "mean" divides the sum by the rows that count (nan if none).
    ``slope`` (N, C) is softmax minus one-hot, reduced alike. A target outside 0..C-1: IndexError.
    """
    if reduction not in ("none", "sum", "mean"):
        raise ValueError(f"cross_entropy: reduction must be 'none', 'sum' or 'mean', got {reduction!r}")
    target = xp.asarray(target)
    counts = target != ignore_index
    classes = logits.shape[1]
    _indexing.check_indices(xp, target[counts], classes)

    counts = xp.expand_dims(counts, axis=1)
    hit = (xp.expand_dims(target, axis=1) == xp.arange(classes)) & counts
    log_p = log_softmax(xp, logits, axis=1)
    loss = -xp.sum(xp.where(hit, log_p, 0.0), axis=1)
    slope = xp.where(counts, xp.exp(log_p) - xp.astype(hit, logits.dtype), 0.0)
    if reduction == "none":
        return loss, slope
    loss = xp.sum(loss)
    if reduction == "sum":
        return loss, slope
    number = xp.sum(xp.astype(counts, logits.dtype))
    number = xp.where(number > 0, number, math.nan)
    return loss / number, xp.where(counts, slope / number, 0.0)


def cross_entropy_grad(xp, g, slope):
    """``g * slope``: the gradient of the logits from that of the loss, one number or (N,). ``slope`` may be given
    back itself."""
    return (xp.expand_dims(g, axis=1) if len(g.shape) else g) * slope


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
