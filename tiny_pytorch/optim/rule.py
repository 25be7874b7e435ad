"""Which kernel updates a parameter group, and what it is called with."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..autograd import compiled_rules

__all__ = ["Rule"]


class Rule(NamedTuple):
    """A kernel ``k.NAME(params, grads, *state, *numbers)`` that returns the new parameters and the new state.

    Attributes
    ----------
    kernel : str
        Its name.
    state : tuple of str
        The names of its lists of state, in its order. One that ``state_names`` leaves out goes in as None.
    numbers : tuple of str
        The names of its hyper-parameters, in its order.
    """

    kernel: str
    state: tuple[str, ...]
    numbers: tuple[str, ...]

    def compiled(self, k: Any) -> Any:
        """The compiled rule behind a table's kernel, for the engine; None if there is none."""
        return compiled_rules.get(getattr(getattr(k, self.kernel), "compiled", None))
