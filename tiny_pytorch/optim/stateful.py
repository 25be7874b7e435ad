"""Optimizers that are one kernel over lists of parameters, gradients and state."""

from __future__ import annotations

from typing import Any, ClassVar

from .columns import zeros
from .hyperparameters import Group, to_number
from .optimizer import Array, Optimizer
from .rule import Rule

__all__ = ["StatefulOptimizer", "betas_of"]


class StatefulOptimizer(Optimizer):
    """What those share: a step is ``kernel(params, grads, *state, steps, *hyper-parameters)``.

    A subclass names the kernel, its state and its hyper-parameters, each in the kernel's order.
    """

    kernel: ClassVar[str]
    states: ClassVar[tuple[str, ...]]
    numbers: ClassVar[tuple[str, ...]]

    def state_names(self, group: Group) -> tuple[str, ...]:
        return (*self.states, "step")

    def rule(self, group: Group) -> Rule:
        return Rule(self.kernel, (*self.states, "step"), self.numbers)

    def new_state(self, k: Any, array: Array, group: Group) -> dict[str, Any]:
        state = {name: zeros(k, array) for name in self.states}
        return state | {"step": k.xp.zeros((), dtype=k.xp.float32, device=array.device)}


def betas_of(group: Group) -> dict[str, float]:
    """``beta1`` and ``beta2`` of a group's ``betas``, both in [0, 1)."""
    betas = group["betas"]
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise TypeError(f"betas must be a pair of numbers, got {betas!r}")
    return {"beta1": to_number("beta1", betas[0], 0, 1), "beta2": to_number("beta2", betas[1], 0, 1)}
