"""Normalisation by the root of the mean square."""

from __future__ import annotations

__all__ = ["rms_norm", "rms_norm_grad"]


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
