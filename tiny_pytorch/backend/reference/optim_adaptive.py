"""Update rules with a step size of its own for every element, beyond Adam and RMSprop: Adagrad and its descendants.

They are called, compute and treat parameters of 16 bits as those of ``optim.py`` do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..crossing import waits
from .optim import check, in_float32

__all__ = ["adadelta", "adagrad", "adamax", "nadam", "radam"]

Array = Any
Arrays = Sequence[Any]


def _penalised(params: Arrays, grads: Arrays, weight_decay: float) -> Arrays:
    """``g + weight_decay * p``."""
    if weight_decay == 0:
        return grads
    return [g + weight_decay * p for p, g in zip(params, grads, strict=True)]


def _decayed(params: Arrays, lr: float, weight_decay: float) -> Arrays:
    """``p * (1 - lr * weight_decay)``."""
    return params if weight_decay == 0 else [(1 - lr * weight_decay) * p for p in params]


def _mean(old: Arrays, new: Arrays, beta: float) -> list[Array]:
    """``beta * old + (1 - beta) * new``."""
    return [beta * a + (1 - beta) * b for a, b in zip(old, new, strict=True)]


def _counts(steps: Arrays) -> tuple[list[Array], list[float]]:
    """The numbers of this update, as arrays and as Python numbers."""
    steps = [step + 1 for step in steps]
    return steps, [float(waits(step)) for step in steps]


@in_float32
def adagrad(
    xp: Any,
    params: Arrays,
    grads: Arrays,
    sums: Arrays,
    steps: Arrays,
    lr: float,
    lr_decay: float,
    weight_decay: float,
    eps: float,
) -> tuple[Arrays, ...]:
    """Steps divided by the root of the sum of all squared gradients (Duchi, Hazan and Singer, 2011).

    ``g = g + weight_decay * p``, ``s = s + g^2``,
    ``p = p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)``; ``steps`` count as in ``adam``.
    """
    check(params, grads, sums)
    grads = _penalised(params, grads, weight_decay)
    steps, ts = _counts(steps)
    sums = [s + g * g for s, g in zip(sums, grads, strict=True)]
    moved = [
        p - lr / (1 + (t - 1) * lr_decay) * (g / (xp.sqrt(s) + eps))
        for p, g, s, t in zip(params, grads, sums, ts, strict=True)
    ]
    return moved, sums, steps


@in_float32
def adadelta(
    xp: Any,
    params: Arrays,
    grads: Arrays,
    squares: Arrays,
    moves: Arrays,
    steps: Arrays,
    lr: float,
    rho: float,
    eps: float,
    weight_decay: float,
) -> tuple[Arrays, ...]:
    """Steps as long as earlier ones were, in units of the gradients (Zeiler, 2012).

    ``g = g + weight_decay * p``, ``v = rho * v + (1 - rho) * g^2``, ``d = g * sqrt(u + eps) / sqrt(v + eps)``,
    ``u = rho * u + (1 - rho) * d^2``, ``p = p - lr * d``. ``squares`` and ``moves`` hold the ``v`` and ``u``.
    """
    check(params, grads, squares, moves)
    grads = _penalised(params, grads, weight_decay)
    squares = _mean(squares, [g * g for g in grads], rho)
    steps_taken = [xp.sqrt(u + eps) / xp.sqrt(v + eps) * g for u, v, g in zip(moves, squares, grads, strict=True)]
    moves = _mean(moves, [d * d for d in steps_taken], rho)
    moved = [p - lr * d for p, d in zip(params, steps_taken, strict=True)]
    return moved, squares, moves, [step + 1 for step in steps]


@in_float32
def adamax(
    xp: Any,
    params: Arrays,
    grads: Arrays,
    first: Arrays,
    largest: Arrays,
    steps: Arrays,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> tuple[Arrays, ...]:
    """Adam with the largest gradient, which fades, for the root mean square (Kingma and Ba, 2014, section 7).

    ``g = g + weight_decay * p``, ``m = beta1 * m + (1 - beta1) * g``, ``u = max(beta2 * u, |g| + eps)``,
    ``p = p - lr / (1 - beta1^t) * m / u``. ``first`` and ``largest`` hold the ``m`` and ``u``.
    """
    check(params, grads, first, largest)
    grads = _penalised(params, grads, weight_decay)
    steps, ts = _counts(steps)
    first = _mean(first, grads, beta1)
    largest = [xp.maximum(beta2 * u, xp.abs(g) + eps) for u, g in zip(largest, grads, strict=True)]
    moved = [p - lr / (1 - beta1**t) * (m / u) for p, m, u, t in zip(params, first, largest, ts, strict=True)]
    return moved, first, largest, steps


@in_float32
def nadam(
    xp: Any,
    params: Arrays,
    grads: Arrays,
    first: Arrays,
    second: Arrays,
    products: Arrays,
    steps: Arrays,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    momentum_decay: float,
    decoupled: bool,
) -> tuple[Arrays, ...]:
    """Adam that looks one step ahead, as Nesterov's momentum does (Dozat, 2016).

    With ``mu(t) = beta1 * (1 - 0.96^(t * momentum_decay) / 2)`` and its running product ``M``, a scalar array for each
    parameter: ``p = p - lr * ((1 - mu(t)) / (1 - M) * g + mu(t + 1) / (1 - M * mu(t + 1)) * m) / (sqrt(v^) + eps)``,
    with ``m``, ``v`` and ``v^`` as in ``adam``. The decay is an L2 penalty, or ``decoupled`` as in ``adamw``.
    """
    check(params, grads, first, second)
    grads = grads if decoupled else _penalised(params, grads, weight_decay)
    params = _decayed(params, lr, weight_decay) if decoupled else params
    steps, ts = _counts(steps)
    first, second = _mean(first, grads, beta1), _mean(second, [g * g for g in grads], beta2)
    moved, new_products = [], []
    for p, g, m, v, product, t in zip(params, grads, first, second, products, ts, strict=True):
        now, ahead = (beta1 * (1 - 0.5 * 0.96 ** (n * momentum_decay)) for n in (t, t + 1))
        product = product * now
        so_far = float(waits(product))
        below = xp.sqrt(v / (1 - beta2**t)) + eps
        step = (1 - now) / (1 - so_far) * g + ahead / (1 - so_far * ahead) * m
        moved.append(p - lr * (step / below))
        new_products.append(product)
    return moved, first, second, new_products, steps


@in_float32
def radam(
    xp: Any,
    params: Arrays,
    grads: Arrays,
    first: Arrays,
    second: Arrays,
    steps: Arrays,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    decoupled: bool,
) -> tuple[Arrays, ...]:
    """Adam whose early steps, where the variance of ``v^`` is large or infinite, are shorter (Liu et al., 2020).

    With ``R = 2 / (1 - beta2) - 1`` and ``r = R - 2 t beta2^t / (1 - beta2^t)``: where ``r > 5``, Adam's step times
    ``sqrt((r - 4) (r - 2) R / ((R - 4) (R - 2) r))``, else ``p = p - lr * m^``. The decay as in ``nadam``.
    """
    check(params, grads, first, second)
    grads = grads if decoupled else _penalised(params, grads, weight_decay)
    params = _decayed(params, lr, weight_decay) if decoupled else params
    steps, ts = _counts(steps)
    first, second = _mean(first, grads, beta1), _mean(second, [g * g for g in grads], beta2)
    limit = 2 / (1 - beta2) - 1
    moved = []
    for p, m, v, t in zip(params, first, second, ts, strict=True):
        correction = 1 - beta2**t
        r = limit - 2 * t * beta2**t / correction
        step = m / (1 - beta1**t)
        if r > 5:
            shorter = math.sqrt((r - 4) * (r - 2) * limit / ((limit - 4) * (limit - 2) * r))
            step = step * (shorter * math.sqrt(correction)) / (xp.sqrt(v) + eps)
        moved.append(p - lr * step)
    return moved, first, second, steps
