"""RAdam."""

from __future__ import annotations

from .hyperparameters import Group, to_number
from .optimizer import Params
from .stateful import StatefulOptimizer, betas_of

__all__ = ["RAdam"]


class RAdam(StatefulOptimizer):
    """Adam whose first steps are held back while the mean of squares is uncertain: it needs no warm-up.

    With ``m``, ``v``, ``m^`` and ``v^`` as in :class:`Adam`, ``R = 2 / (1 - beta2) - 1`` and
    ``r = R - 2 t beta2^t / (1 - beta2^t)``, at the ``t``-th step::

        c = sqrt((r - 4) (r - 2) R / ((R - 4) (R - 2) r))
        p = p - lr * c * m^ / (sqrt(v) + eps) * sqrt(1 - beta2^t)       where r > 5, else
        p = p - lr * m^

    Parameters
    ----------
    params : iterable of Tensors, of (name, Tensor) pairs, or of dicts
        What to update; a dict is a parameter group with hyper-parameters of its own.
    lr : float, default 0.001
        Learning rate, at least 0.
    betas : pair of floats, default (0.9, 0.999)
        How slowly the two means forget, in [0, 1).
    eps : float, default 1e-8
        At least 0. It bounds the step where gradients vanish.
    weight_decay : float, default 0.0
        At least 0: an L2 penalty.
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

    References
    ----------
    L. Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> p = tp.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tp.optim.RAdam([p], lr=0.25)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.tolist()
    [0.5, -1.0]
    """

    kernel = "radam"
    states = ("exp_avg", "exp_avg_sq")
    numbers = ("lr", "beta1", "beta2", "eps", "weight_decay", "decoupled_weight_decay")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
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
            "decoupled_weight_decay": bool(group["decoupled_weight_decay"]),
        }
