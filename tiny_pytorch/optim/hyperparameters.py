"""Checks of an optimizer's hyper-parameters, which live in its parameter groups."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

__all__ = ["refuse_unsupported", "to_number"]

Group = dict[str, Any]

# What PyTorch's optimizers can switch on in a group and these cannot; a switch that is off is welcome.
UNSUPPORTED = ("amsgrad", "capturable", "decoupled_weight_decay", "differentiable", "maximize")


def to_number(name: str, value: Any, low: float = -math.inf, below: float = math.inf) -> float:
    """``value`` as a Python float in ``[low, below)``. A NumPy scalar would widen the arrays that it meets.

    Raises
    ------
    TypeError
        If it is not a real number.
    ValueError
        If it is out of range, NaN or infinite.
    """
    # Most are floats, which schedulers change at every step: asking for a Real takes longer than all the rest.
    if type(value) is not float and (isinstance(value, bool) or not isinstance(value, Real)):
        raise TypeError(f"{name} must be a number, got {value!r} ({type(value).__name__})")
    number = float(value)
    if not (low <= number < below and math.isfinite(number)):
        lower = "" if low == -math.inf else f", at least {low:g}"
        upper = "" if below == math.inf else f" and below {below:g}"
        raise ValueError(f"{name} must be finite{lower}{upper}, got {value!r}")
    return number


def refuse_unsupported(group: Group, defaults: Group) -> None:
    """Raise ValueError if a group switches on what only PyTorch's optimizers have, and not these ``defaults``."""
    for name in UNSUPPORTED:
        if group.get(name) and name not in defaults:
            raise ValueError(f"{name}={group[name]!r} is not supported here; leave it out or set it to False")
