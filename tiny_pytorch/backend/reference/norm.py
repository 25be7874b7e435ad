"""Normalisation by the root of the mean square, and of groups of channels."""

from __future__ import annotations

import math

__all__ = ["group_norm", "group_norm_grad", "rms_norm", "rms_norm_grad"]


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
    y = y if weight is None else y * _along_channels(xp, x, weight)
    y = y if bias is None else y + _along_channels(xp, x, bias)
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
        h = _grouped(xp, g if weight is None else g * _along_channels(xp, x, weight), groups)
        slope, tilt = xp.mean(h, axis=2, keepdims=True), xp.mean(h * n, axis=2, keepdims=True)
        gx = xp.reshape(rstd * (h - slope - n * tilt), x.shape)
    gw = xp.sum(g * xp.reshape(n, x.shape), axis=others) if needs[1] else None
    gb = xp.sum(g, axis=others) if needs[2] else None
    return gx, gw, gb


def _grouped(xp, x, groups):
    """x (N, C, ...) as (N, groups, elements of a group)."""
    return xp.reshape(x, (x.shape[0], groups, math.prod(x.shape[1:]) // groups))


def _along_channels(xp, x, v):
    return xp.reshape(v, (1, -1) + (1,) * (len(x.shape) - 2))
