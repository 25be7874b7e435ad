"""How far to go along a direction: until the strong Wolfe conditions hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import ops

__all__ = ["strong_wolfe"]

Tensor = Any
Point = tuple[float, float, Tensor, float]  # a length, and there the value, gradient and slope

DECREASE, CURVATURE = 1e-4, 0.9  # c1 and c2 of the conditions, as quasi-Newton methods take them
MOST = 25  # lengths that are tried


def strong_wolfe(
    at: Callable[[float], tuple[float, Tensor]],
    length: float,
    value: float,
    gradient: Tensor,
    slope: float,
    direction: Tensor,
    least: float,
) -> tuple[float, float, Tensor, int]:
    """A length ``t`` with ``f(t) <= f(0) + 1e-4 t f'(0)`` and ``|f'(t)| <= 0.9 |f'(0)|``.

    Longer and longer steps bracket one; the bracket then shrinks to the minimum of the cubic through its ends.

    Parameters
    ----------
    at : callable
        ``at(t)`` is the value and the gradient at length t.
    length : float
        The first one to try.
    value, gradient, slope
        At length 0, the slope along ``direction``.
    least : float
        A bracket that moves by less is narrow enough.

    Returns
    -------
    (float, float, Tensor, int)
        The length, the value and the gradient there, and how often ``at`` was called.

    References
    ----------
    J. Nocedal, S. J. Wright, "Numerical optimization", 2nd edition 2006, algorithms 3.5 and 3.6, equation 3.59.
    """
    reach = float(ops.amax(ops.abs(direction)))

    def point(t: float) -> Point:
        found, g = at(t)
        return t, found, g, float(ops.dot(g, direction))

    def too_high(p: Point) -> bool:
        return p[1] > value + DECREASE * p[0] * slope

    def flat(p: Point) -> bool:
        return abs(p[3]) <= -CURVATURE * slope

    previous: Point = (0.0, value, gradient, slope)
    here = point(length)
    calls = tried = 1
    found = None
    while tried <= MOST:
        if too_high(here) or (tried > 1 and here[1] >= previous[1]):
            bracket = [previous, here]
            break
        if flat(here):
            found = here
            break
        if here[3] >= 0:
            bracket = [previous, here]
            break
        low, high = here[0] + 0.01 * (here[0] - previous[0]), here[0] * 10
        longer = _cubic(previous, here, low, high)
        previous, here = here, point(longer)
        calls, tried = calls + 1, tried + 1
    else:
        bracket = [(0.0, value, gradient, slope), here]

    stalled = False
    if found is None:
        bracket.sort(key=lambda p: p[1])  # the better end first
    while found is None and tried < MOST:
        best, other = bracket
        low, high = min(best[0], other[0]), max(best[0], other[0])
        if (high - low) * reach < least:
            break
        t = _cubic(bracket[0], bracket[1], low, high)
        # Near an end the bracket would hardly shrink: twice in a row, step away from it.
        margin = 0.1 * (high - low)
        if min(high - t, t - low) < margin:
            if stalled or t >= high or t <= low:
                t = high - margin if abs(t - high) < abs(t - low) else low + margin
                stalled = False
            else:
                stalled = True
        else:
            stalled = False
        here = point(t)
        calls, tried = calls + 1, tried + 1
        if too_high(here) or here[1] >= best[1]:
            bracket = sorted((best, here), key=lambda p: p[1])
        elif flat(here):
            found = here
        else:
            bracket = [here, best if here[3] * (other[0] - best[0]) >= 0 else other]
    t, best_value, g, _ = found or bracket[0]
    return t, best_value, g, calls


def _cubic(a: Point, b: Point, low: float, high: float) -> float:
    """Where the cubic with these values and slopes at its ends is least, kept between two bounds."""
    if a[0] > b[0]:
        a, b = b, a
    if a[0] == b[0]:
        return (low + high) / 2
    d1 = a[3] + b[3] - 3 * (a[1] - b[1]) / (a[0] - b[0])
    square = d1 * d1 - a[3] * b[3]
    if not square >= 0 or not math.isfinite(square):
        return (low + high) / 2
    d2 = math.sqrt(square)
    below = b[3] - a[3] + 2 * d2
    if below == 0:
        return (low + high) / 2
    return min(max(b[0] - (b[0] - a[0]) * ((b[3] + d2 - d1) / below), low), high)
