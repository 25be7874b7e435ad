"""Normalised exponentials, and the cross-entropy over them."""

from __future__ import annotations

import math

from . import indexing as _indexing

__all__ = [
    "cross_entropy",
    "cross_entropy_grad",
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
