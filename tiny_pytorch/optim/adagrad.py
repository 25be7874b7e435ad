"""Adagrad."""

from __future__ import annotations

from typing import Any

from .columns import zeros
from .hyperparameters import Group, to_number
from .optimizer import Array, Params
from .stateful import StatefulOptimizer

__all__ = ["Adagrad"]


class Adagrad(StatefulOptimizer):
    """Steps divided by the root of the sum of all squared gradients: large for elements that rarely get one.

    For a parameter ``p`` with gradient ``g``, at its ``t``-th step::

        g = g + weight_decay * p                         (an L2 penalty)
        s = s + g^2                                      (s starts at initial_accumulator_value)
        p = p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)

    Parameters
    ----------
    params : iterable of Tensors, of (name, Tensor) pairs, or of dicts
        What to update; a dict is a parameter group with hyper-parameters of its own.
    lr : float, default 0.01
        Learning rate, at least 0.
    lr_decay, weight_decay, initial_accumulator_value : float, default 0
        At least 0.
    eps : float, default 1e-10
        At least 0. It bounds the step where gradients vanish.
    foreach, fused : bool, optional
        Accepted because PyTorch's scripts pass them. One kernel updates all parameters in any case.
    maximize : bool, default False
        Climb instead of descend.

    Raises
    ------
    TypeError, ValueError
        For parameters that cannot be optimized and hyper-parameters out of range.

    Notes
    -----
    ``state[p]`` holds the Tensors ``step`` (the number of updates, float32) and ``sum`` (``s``), in the parameter's
    dtype, or float32 for parameters of 16 bits.

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer, "Adaptive subgradient methods for online learning and stochastic optimization",
    JMLR 12, 2011.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> p = tp.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tp.optim.Adagrad([p], lr=0.5)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.tolist()
    [0.5, -1.5]
    """

    kernel = "adagrad"
    states = ("sum",)
    numbers = ("lr", "lr_decay", "weight_decay", "eps")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        fused: bool | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> Group:
        names = (*self.numbers, "initial_accumulator_value")
        return {name: to_number(name, group[name], 0) for name in names}

    def new_state(self, k: Any, array: Array, group: Group) -> dict[str, Any]:
        return super().new_state(k, array, group) | {"sum": zeros(k, array) + group["initial_accumulator_value"]}
