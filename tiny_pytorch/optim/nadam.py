"""NAdam."""

from __future__ import annotations

from typing import Any

from ..backend.dtypes import get_default_dtype
from .hyperparameters import Group, to_number
from .optimizer import Array, Params
from .stateful import StatefulOptimizer, betas_of

__all__ = ["NAdam"]


class NAdam(StatefulOptimizer):
    """Adam with Nesterov's momentum: the step is the one that the mean will ask for next.

    With ``mu(t) = beta1 * (1 - 0.96^(t * momentum_decay) / 2)`` and ``M = mu(1) ... mu(t)``, at the ``t``-th step::

        g = g + weight_decay * p                         (an L2 penalty)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g^2                (m and v start at 0)
        d = (1 - mu(t)) / (1 - M) * g + mu(t + 1) / (1 - M * mu(t + 1)) * m
        p = p - lr * d / (sqrt(v / (1 - beta2^t)) + eps)

    Parameters
    ----------
    params : iterable of Tensors, of (name, Tensor) pairs, or of dicts
        What to update; a dict is a parameter group with hyper-parameters of its own.
    lr : float, default 0.002
        Learning rate, at least 0.
    betas : pair of floats, default (0.9, 0.999)
        How slowly the two means forget, in [0, 1).
    eps : float, default 1e-8
        At least 0. It bounds the step where gradients vanish.
    weight_decay : float, default 0.0
        At least 0.
    momentum_decay : float, default 0.004
        At least 0.
    decoupled_weight_decay : bool, default False
        ``p * (1 - lr * weight_decay)`` instead of the penalty, as in :class:`AdamW`.
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
    ``state[p]`` holds the Tensors ``step`` (the number of updates, float32), ``mu_product`` (``M``), ``exp_avg``
    (``m``) and ``exp_avg_sq`` (``v``).

    References
    ----------
    T. Dozat, "Incorporating Nesterov momentum into Adam", 2016.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> p = tp.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tp.optim.NAdam([p], lr=0.5, betas=(0.0, 0.0))
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.tolist()
    [0.5, -1.5]
    """

    kernel = "nadam"
    states = ("exp_avg", "exp_avg_sq", "mu_product")
    numbers = ("lr", "beta1", "beta2", "eps", "weight_decay", "momentum_decay", "decoupled_weight_decay")

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> Group:
        return {
            "lr": to_number("lr", group["lr"], 0),
            **betas_of(group),
            "eps": to_number("eps", group["eps"], 0),
            "weight_decay": to_number("weight_decay", group["weight_decay"], 0),
            "momentum_decay": to_number("momentum_decay", group["momentum_decay"], 0),
            "decoupled_weight_decay": bool(group["decoupled_weight_decay"]),
        }

    def new_state(self, k: Any, array: Array, group: Group) -> dict[str, Any]:
        # PyTorch keeps the product in the default dtype.
        wide = k.xp.float64 if get_default_dtype().name == "float64" else k.xp.float32
        product = k.xp.ones((), dtype=wide, device=array.device)
        return super().new_state(k, array, group) | {"mu_product": product}
