"""RMSprop."""

from __future__ import annotations

from typing import Any

from .columns import zeros
from .hyperparameters import Group, refuse_unsupported, to_number
from .optimizer import Array, Optimizer, Params
from .rule import Rule

__all__ = ["RMSprop"]

STATE = ("square_avg", "grad_avg", "momentum_buffer", "step")
RULE = Rule("rmsprop", STATE, ("lr", "alpha", "eps", "weight_decay", "momentum"))


class RMSprop(Optimizer):
    """Steps divided by a running root mean square of the gradients.

    For a parameter ``p`` with gradient ``g``::

        g = g + weight_decay * p                         (an L2 penalty)
        v = alpha * v + (1 - alpha) * g^2                (v starts at 0)
        d = g / (sqrt(v) + eps)
        p = p - lr * d

    ``centered=True`` divides by the standard deviation: with ``m = alpha * m + (1 - alpha) * g``, the variance
    ``max(v - m^2, 0)`` stands for ``v`` in ``d``. With momentum, ``u = momentum * u + d`` and ``p = p - lr * u``.

    Parameters
    ----------
    params : iterable of Tensors, of (name, Tensor) pairs, or of dicts
        What to update; a dict is a parameter group with hyper-parameters of its own.
    lr : float, default 0.01
        Learning rate, at least 0.
    alpha : float, default 0.99
        How slowly the means forget, in [0, 1].
    eps : float, default 1e-8
        At least 0. It bounds the step where gradients vanish.
    weight_decay : float, default 0.0
        At least 0.
    momentum : float, default 0.0
        At least 0.
    centered : bool, default False
        Divide by the standard deviation.
    maximize : bool, default False
        Climb instead of descend.
    foreach, capturable, differentiable : bool, optional
        Accepted because PyTorch's scripts pass them. One fused kernel updates all parameters in any case.

    Raises
    ------
    TypeError, ValueError
        For parameters that cannot be optimized and hyper-parameters out of range.

    Notes
    -----
    ``state[p]`` holds the Tensors ``step`` (the number of updates, float32), ``square_avg`` (``v``), and where
    they are used ``momentum_buffer`` (``u``) and ``grad_avg`` (``m``), in the parameter's dtype.

    References
    ----------
    G. Hinton, N. Srivastava, K. Swersky, "Neural networks for machine learning", lecture 6a, 2012. Centered: A.
    Graves, "Generating sequences with recurrent neural networks", 2013, arXiv:1308.0850.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> p = tp.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tp.optim.RMSprop([p], lr=0.5, alpha=0.75)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.tolist()
    [0.0, -1.0]
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        refuse_unsupported({"capturable": capturable, "differentiable": differentiable}, {})
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> Group:
        alpha = to_number("alpha", group["alpha"], 0)
        if alpha > 1:
            raise ValueError(f"alpha must be at most 1, got {group['alpha']!r}")
        return {
            "lr": to_number("lr", group["lr"], 0),
            "momentum": to_number("momentum", group["momentum"], 0),
            "alpha": alpha,
            "eps": to_number("eps", group["eps"], 0),
            "centered": bool(group["centered"]),
            "weight_decay": to_number("weight_decay", group["weight_decay"], 0),
        }

    def state_names(self, group: Group) -> tuple[str, ...]:
        momentum = ("momentum_buffer",) if group["momentum"] else ()
        return ("step", "square_avg", *momentum, *(("grad_avg",) if group["centered"] else ()))

    def new_state(self, k: Any, array: Array, group: Group) -> dict[str, Any]:
        state = {name: zeros(k, array) for name in self.state_names(group) if name != "step"}
        return state | {"step": k.xp.zeros((), dtype=k.xp.float32, device=array.device)}

    def rule(self, group: Group) -> Rule:
        return RULE
