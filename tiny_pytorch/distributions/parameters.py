"""What distributions do with their parameters: broadcast them, check them, go between probabilities and logits."""

from __future__ import annotations

from numbers import Real
from typing import Any

from .. import ops
from ..array_api import finfo
from ..tensor import Tensor

__all__ = ["broadcast_all", "check_values", "clamped", "log_odds", "one_of"]


def broadcast_all(name: str, **parameters: Any) -> list[Tensor]:
    """Parameters as Tensors of one shape; numbers become Tensors of the others' dtype and device.

    Raises
    ------
    TypeError
        If one is neither a Tensor nor a number.
    """
    given = [value for value in parameters.values() if isinstance(value, Tensor)]
    made = []
    for what, value in parameters.items():
        if not isinstance(value, (Tensor, Real)):
            raise TypeError(f"{name}: {what} must be a Tensor or a number, got {type(value).__name__}")
        if not isinstance(value, Tensor):
            value = ops.full((), float(value), dtype=given[0].dtype, device=given[0].device) if given else float(value)
        made.append(value if isinstance(value, Tensor) else ops.full((), value))
    return list(ops.broadcast_tensors(*made))


def check_values(name: str, what: str, valid: Tensor, expected: str, got: Tensor) -> None:
    """A ValueError that names the first element of ``got`` for which ``valid`` is False."""
    if bool(ops.all(valid).item()):
        return
    wrong = got.detach().broadcast_to(valid.shape)[ops.logical_not(valid)].reshape(-1)[0].item()
    raise ValueError(f"{name}: {what} must be {expected}, got {wrong!r} in a tensor of shape {tuple(got.shape)}")


def one_of(name: str, probs: Any, logits: Any) -> None:
    """Raise ValueError unless exactly one of the two is given."""
    if (probs is None) == (logits is None):
        raise ValueError(f"{name}: expected either probs or logits, got {'neither' if probs is None else 'both'}")


def clamped(probs: Tensor) -> Tensor:
    """Probabilities kept one rounding error away from 0 and 1, so that their logarithms are finite."""
    eps = float(finfo(probs.dtype).eps)
    return ops.clamp(probs, eps, 1 - eps)


def log_odds(probs: Tensor) -> Tensor:
    """``log(p / (1 - p))``."""
    probs = clamped(probs)
    return ops.log(probs) - ops.log1p(-probs)
