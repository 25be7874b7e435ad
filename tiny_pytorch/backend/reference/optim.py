"""Update rules of the optimizers: lists of arrays in, lists of new arrays out.

One call updates many parameters. Each rule reads a parameter ``p``, its gradient ``g`` and its state, all of
one shape and dtype, and never writes to them. With parameters of 16 bits it computes in float32, and float32 is
what their state is kept in: squares of small gradients are zero in float16, and bfloat16 rounds a running mean's
steps away. A compiled twin may write the results into the memory of the
parameters and of their state; it returns the lists that it was given.

Hyper-parameters are Python floats. What depends on them alone (a bias correction, ``1 - lr * weight_decay``)
is computed in double precision before it meets an array, so that float32 parameters stay float32 and lose
nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ..crossing import waits
from ..dtypes import as_dtype, is_low

__all__ = ["adam", "adamw", "rmsprop", "sgd", "sgd_dampened"]

Array = Any


def in_float32(rule: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator of a rule ``(xp, params, grads, ...)``: parameters of 16 bits and their gradients go in as float32."""

    @functools.wraps(rule)
    def widened(xp: Any, params: Sequence[Array], grads: Sequence[Array], *rest: Any) -> tuple[list[Array], ...]:
        if not any(is_low(p.dtype) for p in params):
            return rule(xp, params, grads, *rest)
        check(params, grads)
        wide = [[xp.astype(x, xp.float32) if is_low(x.dtype) else x for x in arrays] for arrays in (params, grads)]
        moved, *state = rule(xp, *wide, *rest)
        return [xp.astype(new, p.dtype, copy=False) for new, p in zip(moved, params, strict=True)], *state

    return widened


@in_float32
def sgd(
    xp: Any,
    params: Sequence[Array],
    grads: Sequence[Array],
    velocities: Sequence[Array] | None,
    lr: float,
    momentum: float,
    weight_decay: float,
    nesterov: bool,
) -> tuple[list[Array], list[Array] | None]:
    """Gradient descent whose momentum is a running mean of gradients, with decoupled weight decay.

    With velocities: ``u = momentum * u + (1 - momentum) * g``, then
    ``p = p * (1 - lr * weight_decay) - lr * d`` with ``d = u``. ``nesterov`` looks one step ahead, as if the
    same gradient came again: ``d = momentum * u + (1 - momentum) * g``. Without velocities (None), ``d = g``.
    """
    check(params, grads, velocities)
    keep = 1 - lr * weight_decay
    if velocities is None:
        return [keep * p - lr * g for p, g in zip(params, grads, strict=True)], None
    moved = [momentum * u + (1 - momentum) * g for u, g in zip(velocities, grads, strict=True)]
    directions = moved
    if nesterov:
        directions = [momentum * u + (1 - momentum) * g for u, g in zip(moved, grads, strict=True)]
    return [keep * p - lr * d for p, d in zip(params, directions, strict=True)], moved


@in_float32
def sgd_dampened(
    xp: Any,
    params: Sequence[Array],
    grads: Sequence[Array],
    velocities: Sequence[Array | None] | None,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
) -> tuple[list[Array], list[Array] | None]:
    """Gradient descent by PyTorch's rule: L2 penalty, and a velocity that is a sum of gradients.

    ``g = g + weight_decay * p``; with velocities ``u = momentum * u + (1 - dampening) * g``, or ``u = g``
    where the entry is None (a parameter's first step); then ``p = p - lr * d`` with ``d = u``, or with
    ``nesterov`` ``d = g + momentum * u``. Without velocities (None), ``d = g``.
    """
    check(params, grads, velocities)
    if weight_decay != 0:
        grads = [g + weight_decay * p for p, g in zip(params, grads, strict=True)]
    if velocities is None:
        return [p - lr * g for p, g in zip(params, grads, strict=True)], None
    moved = [
        xp.asarray(g, copy=True) if u is None else momentum * u + (1 - dampening) * g
        for u, g in zip(velocities, grads, strict=True)
    ]
    directions = [g + momentum * u for u, g in zip(moved, grads, strict=True)] if nesterov else moved
    return [p - lr * d for p, d in zip(params, directions, strict=True)], moved


@in_float32
def adam(
    xp: Any,
    params: Sequence[Array],
    grads: Sequence[Array],
    first: Sequence[Array],
    second: Sequence[Array],
    largest: Sequence[Array] | None,
    steps: Sequence[Array],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> tuple[list[Array], list[Array], list[Array], list[Array] | None, list[Array]]:
    """Adam with an L2 penalty (Kingma and Ba, 2014).

    ``g = g + weight_decay * p``, ``m = beta1 * m + (1 - beta1) * g``, ``v = beta2 * v + (1 - beta2) * g^2``,
    ``p = p - lr * m^ / (sqrt(v^) + eps)`` with ``m^ = m / (1 - beta1^t)`` and ``v^ = v / (1 - beta2^t)``. With
    ``largest``, AMSGrad (Reddi, Kale and Kumar, 2018): ``w = max(w, v)`` stands for ``v`` in ``v^``.

    ``first``, ``second`` and ``largest`` hold the ``m``, ``v`` and ``w``. ``steps`` holds each parameter's own number
    of earlier updates as a float32 array of shape (), so that ``t`` is that plus 1.
    """
    check(params, grads, first, second, largest)
    results: tuple[list[Array], list[Array], list[Array], list[Array], list[Array]] = ([], [], [], [], [])
    maxima = [None] * len(params) if largest is None else largest
    for p, g, m, v, w, step in zip(params, grads, first, second, maxima, steps, strict=True):
        if weight_decay != 0:
            g = g + weight_decay * p
        step = step + 1
        t = float(waits(step))
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * (g * g)
        w = v if w is None else xp.maximum(w, v)
        m_hat, v_hat = m / (1 - beta1**t), w / (1 - beta2**t)
        p = p - lr * (m_hat / (xp.sqrt(v_hat) + eps))
        for result, array in zip(results, (p, m, v, w, step), strict=True):
            result.append(array)
    moved, first, second, maxima, steps = results
    return moved, first, second, None if largest is None else maxima, steps


@in_float32
def adamw(
    xp: Any,
    params: Sequence[Array],
    grads: Sequence[Array],
    first: Sequence[Array],
    second: Sequence[Array],
    largest: Sequence[Array] | None,
    steps: Sequence[Array],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
) -> tuple[list[Array], list[Array], list[Array], list[Array] | None, list[Array]]:
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2017).

    ``p = p * (1 - lr * weight_decay)``, then ``adam`` without a penalty.
    """
    check(params, grads, first, second, largest)
    keep = 1 - lr * weight_decay
    params = [keep * p for p in params] if weight_decay != 0 else params
    return adam(xp, params, grads, first, second, largest, steps, lr, beta1, beta2, eps, 0.0)


@in_float32
def rmsprop(
    xp: Any,
    params: Sequence[Array],
    grads: Sequence[Array],
    squares: Sequence[Array],
    means: Sequence[Array] | None,
    velocities: Sequence[Array] | None,
    steps: Sequence[Array],
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
) -> tuple[list[Array], list[Array], list[Array] | None, list[Array] | None, list[Array]]:
    """Steps divided by a running root mean square of the gradients (Hinton, 2012; centered: Graves, 2013).

    ``g = g + weight_decay * p``, ``v = alpha * v + (1 - alpha) * g^2``, ``d = g / (sqrt(v) + eps)``. With means,
    ``m = alpha * m + (1 - alpha) * g`` and the variance ``max(v - m^2, 0)`` stands for ``v`` in ``d``. With
    velocities ``u = momentum * u + d``, else ``u = d``; then ``p = p - lr * u``.

    ``squares``, ``means`` and ``velocities`` hold the ``v``, ``m`` and ``u``; ``steps`` count as in ``adam``.
    """
    check(params, grads, squares, means, velocities)
    grads = [g + weight_decay * p for p, g in zip(params, grads, strict=True)] if weight_decay != 0 else grads
    squares = [alpha * v + (1 - alpha) * (g * g) for v, g in zip(squares, grads, strict=True)]
    variances = squares
    if means is not None:
        means = [alpha * m + (1 - alpha) * g for m, g in zip(means, grads, strict=True)]
        # Rounding can make it negative where gradients do not change.
        variances = [xp.maximum(v - m * m, xp.zeros_like(v)) for v, m in zip(squares, means, strict=True)]
    moves = [g / (xp.sqrt(v) + eps) for g, v in zip(grads, variances, strict=True)]
    if velocities is not None:
        moves = velocities = [momentum * u + d for u, d in zip(velocities, moves, strict=True)]
    moved = [p - lr * d for p, d in zip(params, moves, strict=True)]
    return moved, squares, means, velocities, [step + 1 for step in steps]


def check(params: Sequence[Array], grads: Sequence[Array], *states: Sequence[Array | None] | None) -> None:
    """Raise unless every parameter has a gradient and state (or None) of its own shape, and of its dtype, or float32
    for the state of parameters of 16 bits."""
    for name, arrays in (("gradient", grads), *(("state", state) for state in states)):
        if arrays is None:
            continue
        if len(arrays) != len(params):
            raise ValueError(f"{name}: expected one for each of {len(params)} parameters, got {len(arrays)}")
        for i, (p, a) in enumerate(zip(params, arrays, strict=True)):
            if a is None:
                continue
            mine, its = f"parameter {i} of the group has", f"but its {name} has"
            if tuple(a.shape) != tuple(p.shape):
                raise ValueError(f"{mine} shape {tuple(p.shape)}, {its} shape {tuple(a.shape)}")
            wide = name == "state" and is_low(p.dtype)
            if as_dtype(a.dtype).name != "float32" if wide else a.dtype != p.dtype:
                expected = "; expected float32 of 16-bit parameters" if wide else ""
                raise TypeError(f"{mine} dtype {p.dtype}, {its} dtype {a.dtype}{expected}; convert it first")
