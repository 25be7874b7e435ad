"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from .columns import zeros
from .hyperparameters import Group, refuse_unsupported, to_number
from .optimizer import Array, Optimizer, Params
from .rule import Rule

__all__ = ["SGD"]

RUNNING_MEAN = Rule("sgd", ("momentum_buffer",), ("lr", "momentum", "weight_decay", "nesterov"))
PYTORCHS = Rule("sgd_dampened", ("momentum_buffer",), ("lr", "momentum", "dampening", "weight_decay", "nesterov"))


class SGD(Optimizer):
    """Stochastic gradient descent, with a momentum that is a running mean of gradients.

    For a parameter ``p`` with gradient ``g``::

        u = momentum * u + (1 - momentum) * g            (u starts at 0; without momentum, u = g)
        p = p * (1 - lr * weight_decay) - lr * u

    ``nesterov=True`` moves by ``momentum * u + (1 - momentum) * g`` in place of ``u``: by the velocity after
    one more step with the same gradient.

    A number for ``dampening`` selects PyTorch's rule, in which weight decay is an L2 penalty and the velocity
    a sum::

        g = g + weight_decay * p
        u = momentum * u + (1 - dampening) * g           (u = g on the first step)
        p = p - lr * u                                   (nesterov: p - lr * (g + momentum * u))

    The two rules agree without weight decay if ``lr`` is scaled: the velocity of the first is about ``1 -
    momentum`` times that of the second. Scripts that come from PyTorch keep their numbers with
    ``dampening=0``.

    Parameters
    ----------
    params : iterable of Tensors, of (name, Tensor) pairs, or of dicts
        What to update; a dict is a parameter group with hyper-parameters of its own.
    lr : float, default 0.01
        Learning rate, at least 0.
    momentum : float, default 0.0
        In [0, 1); with ``dampening`` any number from 0 on.
    weight_decay : float, default 0.0
        At least 0.
    dampening : float, optional
        None is the rule above, a number is PyTorch's.
    nesterov : bool, default False
        Look one step ahead. Needs momentum and, with PyTorch's rule, ``dampening=0``.
    maximize : bool, default False
        Climb instead of descend.
    foreach, fused, differentiable : bool, optional
        Accepted because PyTorch's scripts pass them. One fused kernel updates all parameters in any case.

    Raises
    ------
    TypeError, ValueError
        For parameters that cannot be optimized and hyper-parameters out of range.

    Notes
    -----
    ``state[p]["momentum_buffer"]`` is ``u``. Everything keeps the parameter's dtype.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> p = tp.tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = tp.optim.SGD([p], lr=0.5)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.tolist()
    [0.0, 0.0]
    """

    def __init__(
        self,
        params: Params,
        lr: float = 0.01,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        *,
        dampening: float | None = None,
        nesterov: bool = False,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        refuse_unsupported({"differentiable": differentiable}, {})
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "dampening": dampening,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Group) -> Group:
        dampening, nesterov = group["dampening"], bool(group["nesterov"])
        if dampening is None:
            momentum = to_number("momentum", group["momentum"], 0, 1)
        else:
            momentum = to_number("momentum", group["momentum"], 0)
            dampening = to_number("dampening", dampening)
        if nesterov and (momentum == 0 or dampening):
            raise ValueError(f"nesterov needs momentum above 0 and no dampening, got {momentum=} and {dampening=}")
        return {
            "lr": to_number("lr", group["lr"], 0),
            "momentum": momentum,
            "weight_decay": to_number("weight_decay", group["weight_decay"], 0),
            "dampening": dampening,
            "nesterov": nesterov,
        }

    def state_names(self, group: Group) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] else ()

    def new_state(self, k: Any, array: Array, group: Group) -> dict[str, Array | None]:
        return {"momentum_buffer": zeros(k, array) if group["dampening"] is None else None}

    def rule(self, group: Group) -> Rule:
        return RUNNING_MEAN if group["dampening"] is None else PYTORCHS
