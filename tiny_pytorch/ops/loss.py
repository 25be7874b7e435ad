"""Losses of each element. First what has a gradient rule of its own, then the public functions over it.

Every function takes ``reduction``: "mean" and "sum" give a scalar, "none" leaves the losses as they are.
"""

from __future__ import annotations

import warnings
from typing import Any

from ..autograd import not_a_tensor, op

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "huber_loss", "kl_div", "l1_loss",
    "mse_loss", "smooth_l1_loss",
]  # fmt: skip

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops


@op(keeps="inputs", promotes="floating", autocast="float32")
def _squared_error(k: K, x: Array, y: Array) -> Array:
    d = x - y
    return d * d


@_squared_error.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    x, y = saved.inputs
    return _opposite(g * (2.0 * (x - y)), saved.needs)


@op(keeps="inputs", promotes="floating", autocast="float32")
def _absolute_error(k: K, x: Array, y: Array) -> Array:
    return k.xp.abs(x - y)


@_absolute_error.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    x, y = saved.inputs
    return _opposite(g * k.xp.sign(x - y), saved.needs)


@op(keeps="inputs", promotes="floating", autocast="float32")
def _huber(k: K, x: Array, y: Array, *, delta: float) -> Array:
    size = k.xp.abs(x - y)
    return k.xp.where(size <= delta, 0.5 * size * size, delta * (size - 0.5 * delta))


@_huber.gradient
def _(k: K, g: Array, saved: Any, *, delta: float) -> tuple:
    x, y = saved.inputs
    return _opposite(g * k.xp.clip(x - y, -delta, delta), saved.needs)


@op(keeps="inputs", promotes="floating", autocast="float32")
def _relative_entropy(k: K, x: Array, y: Array) -> Array:
    return y * (k.xp.log(k.xp.where(y == 0, k.xp.ones_like(y), y)) - x)


@_relative_entropy.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    x, y = saved.inputs
    return -g * y if saved.needs[0] else None, g * (k.xp.log(y) + 1.0 - x) if saved.needs[1] else None


def _opposite(g: Array, needs: tuple[bool, ...]) -> tuple:
    """The gradients of a function of ``x - y``: ``g`` and ``-g``."""
    return g if needs[0] else None, -g if needs[1] else None


@op(keeps="inputs", promotes="floating", autocast="float32")
def _binary_cross_entropy(k: K, p: Array, y: Array) -> Array:
    # The logarithms are cut off at -100, so that a certain and wrong answer costs much but not infinity.
    log_p = k.xp.clip(k.xp.log(p), -100.0, None)
    log_q = k.xp.clip(k.xp.log1p(-p), -100.0, None)
    return -(y * log_p + (1.0 - y) * log_q)


@_binary_cross_entropy.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    p, y = saved.inputs
    gp = gy = None
    if saved.needs[0]:
        gp = g * ((p - y) / k.xp.clip(p * (1.0 - p), 1e-12, None))
    if saved.needs[1]:
        gy = g * (k.xp.clip(k.xp.log1p(-p), -100.0, None) - k.xp.clip(k.xp.log(p), -100.0, None))
    return gp, gy


@op(keeps="inputs", promotes="floating", autocast="float32")
def _binary_cross_entropy_with_logits(k: K, x: Array, y: Array, pos_weight: Array | None) -> Array:
    # -log sigmoid(x) = log(1 + e^-x) = max(-x, 0) + log(1 + e^-|x|), where nothing overflows.
    loss = _minus_log_sigmoid(k, x)
    if pos_weight is not None:
        loss = loss * (1.0 + (pos_weight - 1.0) * y)
    return loss + (1.0 - y) * x


@_binary_cross_entropy_with_logits.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    x, y, pos_weight = saved.inputs
    needs = saved.needs
    gx = gy = gw = None
    if needs[0]:
        q = k.sigmoid(-x)
        gx = g * (1.0 - y - (q if pos_weight is None else q * (1.0 + (pos_weight - 1.0) * y)))
    if needs[1]:
        gy = g * (-x if pos_weight is None else (pos_weight - 1.0) * _minus_log_sigmoid(k, x) - x)
    if needs[2]:
        gw = g * y * _minus_log_sigmoid(k, x)
    return gx, gy, gw


def _minus_log_sigmoid(k: K, x: Array) -> Array:
    return k.xp.log1p(k.xp.exp(-k.xp.abs(x))) - k.xp.minimum(x, 0.0)


# --- regression ---


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """``(input - target)^2``.

    Parameters
    ----------
    input, target : Tensor
        Of one shape. Others are broadcast, with a warning: it is rarely meant.
    reduction : {"mean", "sum", "none"}

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.mse_loss(tp.tensor([1.0, 2.0]), tp.tensor([1.0, 4.0])).item()
    2.0
    """
    _warn_of_broadcasting("mse_loss", input, target)
    return reduced("mse_loss", _squared_error(input, target), reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """``|input - target|``; arguments as in :func:`mse_loss`."""
    _warn_of_broadcasting("l1_loss", input, target)
    return reduced("l1_loss", _absolute_error(input, target), reduction)


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """``d^2 / 2`` where ``|d| <= delta``, else ``delta * (|d| - delta / 2)``, with ``d = input - target``.

    References
    ----------
    P. J. Huber, "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964).
    """
    if delta <= 0:
        raise ValueError(f"huber_loss: delta must be positive, got {delta}")
    _warn_of_broadcasting("huber_loss", input, target)
    return reduced("huber_loss", _huber(input, target, delta=delta), reduction)


def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """``d^2 / (2 beta)`` where ``|d| < beta``, else ``|d| - beta / 2``, with ``d = input - target``."""
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    _warn_of_broadcasting("smooth_l1_loss", input, target)
    loss = _absolute_error(input, target) if beta == 0 else _huber(input, target, delta=beta) / beta
    return reduced("smooth_l1_loss", loss, reduction)


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """``target * (ln target - input)``, 0 where the target is: its relative entropy to log-probabilities.

    Parameters
    ----------
    input : Tensor
        Log-probabilities, of any shape.
    target : Tensor
        Probabilities, of the input's shape; with ``log_target`` their logarithms.
    reduction : {"mean", "batchmean", "sum", "none"}, default "mean"
        The mean is over all elements; "batchmean" divides the sum by the size of the first axis, which gives the mean
        of the relative entropies.
    log_target : bool, default False

    References
    ----------
    S. Kullback, R. A. Leibler, "On information and sufficiency", Annals of Mathematical Statistics 22 (1951).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> p = tp.tensor([[0.5, 0.5]])
    >>> tp.nn.functional.kl_div(p.log(), p, reduction="batchmean").item()
    0.0
    """
    if reduction not in ("mean", "batchmean", "sum", "none"):
        raise ValueError(f"kl_div: reduction must be 'mean', 'batchmean', 'sum' or 'none', got {reduction!r}")
    loss = target.exp() * (target - input) if log_target else _relative_entropy(input, target)
    if reduction == "batchmean":
        return loss.sum() / input.shape[0]
    return reduced("kl_div", loss, reduction)


# --- two classes ---


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """``-weight * (target * log(input) + (1 - target) * log(1 - input))``, the logarithms not below -100.

    Parameters
    ----------
    input : Tensor
        Probabilities; for logits binary_cross_entropy_with_logits is more accurate.
    target : Tensor of the input's shape
        Probabilities.
    weight : Tensor that broadcasts to the input, optional
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        For shapes that differ.
    RuntimeError
        For inputs outside 0..1.
    """
    _check_same_shape("binary_cross_entropy", input, target)
    outside = (input < 0) | (input > 1)
    if outside.any().item():
        raise RuntimeError(
            "binary_cross_entropy: the inputs are probabilities, 0 to 1; apply a sigmoid first, or use "
            "binary_cross_entropy_with_logits"
        )
    loss = _binary_cross_entropy(input, target)
    return reduced("binary_cross_entropy", loss if weight is None else loss * weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """``-weight * (pos_weight * target * log(s) + (1 - target) * log(1 - s))`` with ``s = sigmoid(input)``.

    Parameters
    ----------
    input : Tensor
        Logits.
    target : Tensor of the input's shape
        Probabilities.
    weight : Tensor that broadcasts to the input, optional
    reduction : {"mean", "sum", "none"}
    pos_weight : Tensor that broadcasts to the input, optional
        How much more the positive answers weigh.

    Raises
    ------
    ValueError
        For shapes that differ.
    """
    name = "binary_cross_entropy_with_logits"
    _check_same_shape(name, input, target)
    loss = _binary_cross_entropy_with_logits(input, target, pos_weight)
    return reduced(name, loss if weight is None else loss * weight, reduction)


# --- what they share ---


def reduced(name: str, loss: Tensor, reduction: str) -> Tensor:
    check_reduction(name, reduction)
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


def check_reduction(name: str, reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{name}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


def _shapes(name: str, input: Tensor, target: Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
    for value, what in ((input, "input"), (target, "target")):
        if not hasattr(value, "shape"):  # a list, a number
            raise not_a_tensor(f"{name}: the {what} is a", value)
    return input.shape, target.shape


def _check_same_shape(name: str, input: Tensor, target: Tensor) -> None:
    found, wanted = _shapes(name, input, target)
    if found != wanted:
        raise ValueError(
            f"{name}: the target's shape {wanted} must be the input's {found}; reshape or unsqueeze one of them"
        )


def _warn_of_broadcasting(name: str, input: Tensor, target: Tensor) -> None:
    found, wanted = _shapes(name, input, target)
    if found != wanted:
        warnings.warn(
            f"{name}: the target's shape {wanted} is not the input's {found}, "
            "and broadcasting compares inputs with targets that are not theirs. Make the shapes equal",
            UserWarning,
            stacklevel=3,
        )
