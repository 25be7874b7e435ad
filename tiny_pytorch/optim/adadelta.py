"""Adadelta."""

from __future__ import annotations

from .hyperparameters import Group, to_number
from .optimizer import Params
from .stateful import StatefulOptimizer

__all__ = ["Adadelta"]


class Adadelta(StatefulOptimizer):
    """Steps as long as earlier ones were, in units of the gradients: no learning rate to tune.

    For a parameter ``p`` with gradient ``g``::

        g = g + weight_decay * p                         (an L2 penalty)
        v = rho * v + (1 - rho) * g^2
        d = g * sqrt(u + eps) / sqrt(v + eps)            (u and v start at 0)
        u = rho * u + (1 - rho) * d^2
        p = p - lr * d

    Parameters
    ----------
    params : iterable of Tensors, of (name, Tensor) pairs, or of dicts
        What to update; a dict is a parameter group with hyper-parameters of its own.
    lr : float, default 1.0
        A factor of every step, at least 0.
    rho : float, default 0.9
        How slowly the means forget, in [0, 1].
    eps : float, default 1e-6
        At least 0. It sets the length of the first step.
    weight_decay : float, default 0.0
        At least 0.
    foreach : bool, optional
        Accepted because PyTorch's scripts pass it. One kernel updates all parameters in any case.
    maximize : bool, default False
        Climb instead of descend.

    Raises
    ------
    TypeError, ValueError
        For parameters that cannot be optimized and hyper-parameters out of range.

    Notes
    -----
    ``state[p]`` holds the Tensors ``step`` (the number of updates, float32), ``square_avg`` (``v``) and
    ``acc_delta`` (``u``), in the parameter's dtype, or float32 for parameters of 16 bits.

    References
    ----------
    M. D. Zeiler, "ADADELTA: an adaptive learning rate method", 2012, arXiv:1212.5701.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> p = tp.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tp.optim.Adadelta([p], rho=0.0, eps=1.0)
    >>> p.sum().backward()
    >>> optimizer.step()
    >>> [round(x, 4) for x in p.tolist()]
    [0.2929, -2.7071]
    """

    kernel = "adadelta"
    states = ("square_avg", "acc_delta")
    numbers = ("lr", "rho", "eps", "weight_decay")

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def check(self, group: Group) -> Group:
        values = {name: to_number(name, group[name], 0) for name in ("lr", "rho", "eps", "weight_decay")}
        if values["rho"] > 1:
            raise ValueError(f"rho must be at most 1, got {group['rho']!r}")
        return values
