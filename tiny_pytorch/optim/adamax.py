"""Adamax."""

from __future__ import annotations

from .hyperparameters import Group, to_number
from .optimizer import Params
from .stateful import StatefulOptimizer, betas_of

__all__ = ["Adamax"]


class Adamax(StatefulOptimizer):
    """Adam with the largest recent gradient in place of the root mean square.

    For a parameter ``p`` with gradient ``g``, at its ``t``-th step::

        g = g + weight_decay * p                         (an L2 penalty)
        m = beta1 * m + (1 - beta1) * g
        u = max(beta2 * u, |g| + eps)                    (m and u start at 0)
        p = p - lr / (1 - beta1^t) * m / u

    Parameters
    ----------
    params : iterable of Tensors, of (name, Tensor) pairs, or of dicts
        What to update; a dict is a parameter group with hyper-parameters of its own.
    lr : float, default 0.002
        Learning rate, at least 0.
    betas : pair of floats, default (0.9, 0.999)
        How slowly the mean and the largest gradient are forgotten, in [0, 1).
    eps : float, default 1e-8
        At least 0.
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
    ``state[p]`` holds the Tensors ``step`` (the number of updates, float32), ``exp_avg`` (``m``) and ``exp_inf``
    (``u``), in the parameter's dtype, or float32 for parameters of 16 bits.

    References
    ----------
    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2014, arXiv:1412.6980, section 7.1.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> p = tp.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tp.optim.Adamax([p], lr=0.5)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.tolist()
    [0.5, -1.5]
    """

    kernel = "adamax"
    states = ("exp_avg", "exp_inf")
    numbers = ("lr", "beta1", "beta2", "eps", "weight_decay")

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def check(self, group: Group) -> Group:
        return {
            "lr": to_number("lr", group["lr"], 0),
            **betas_of(group),
            "eps": to_number("eps", group["eps"], 0),
            "weight_decay": to_number("weight_decay", group["weight_decay"], 0),
        }
