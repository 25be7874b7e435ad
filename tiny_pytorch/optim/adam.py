"""Adam."""

from __future__ import annotations

from typing import Any

from .columns import zeros
from .hyperparameters import Group, refuse_unsupported, to_number
from .optimizer import Array, Optimizer, Params
from .rule import Rule

__all__ = ["Adam"]

STATE = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "step")


class Adam(Optimizer):
    """Adam: steps of a size of their own for every element, from running means of gradients and of their
    squares.

    For a parameter ``p`` with gradient ``g``, at its ``t``-th step::

        g = g + weight_decay * p                         (an L2 penalty)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g^2                (m and v start at 0)
        p = p - lr * m^ / (sqrt(v^) + eps)               m^ = m / (1 - beta1^t), v^ = v / (1 - beta2^t)

    Parameters
    ----------
    params : iterable of Tensors, of (name, Tensor) pairs, or of dicts
        What to update; a dict is a parameter group with hyper-parameters of its own.
    lr : float, default 0.01
        Learning rate, at least 0.
    beta1, beta2 : float, default 0.9 and 0.999
        How slowly the two means forget, in [0, 1).
    eps : float, default 1e-8
        At least 0. It bounds the step where gradients vanish.
    weight_decay : float, default 0.0
        At least 0.
    betas : pair of floats, optional
        PyTorch's spelling of ``beta1`` and ``beta2``; to give both, and different, is an error.
    amsgrad : bool, default False
        ``w = max(w, v)``, the largest ``v`` so far, stands for ``v`` in ``v^``, so that no step grows by forgetting.
    maximize : bool, default False
        Climb instead of descend.
    capturable, differentiable : bool, default False
        Accepted because PyTorch's scripts pass them; True is refused.
    foreach, fused : bool, optional
        Accepted because PyTorch's scripts pass them. One fused kernel updates all parameters in any case.

    Raises
    ------
    TypeError, ValueError
        For parameters that cannot be optimized and hyper-parameters out of range.

    Notes
    -----
    ``state[p]`` holds the Tensors ``step`` (the number of updates, float32), ``exp_avg`` (``m``), ``exp_avg_sq``
    (``v``) and with ``amsgrad`` ``max_exp_avg_sq`` (``w``), in the parameter's dtype, or float32 for parameters of 16
    bits. A group holds ``betas``, so that state dicts are PyTorch's.

    References
    ----------
    D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", 2014, arXiv:1412.6980. Amsgrad: S. J. Reddi,
    S. Kale, S. Kumar, "On the convergence of Adam and beyond", 2018, arXiv:1904.09237.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> p = tp.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tp.optim.Adam([p], lr=0.5)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.tolist()
    [0.5, -1.5]
    """

    def __init__(
        self,
        params: Params,
        lr: float = 0.01,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        betas: tuple[float, float] | None = None,
        amsgrad: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        refuse_unsupported({"capturable": capturable, "differentiable": differentiable}, {})
        if isinstance(beta1, tuple | list):
            raise TypeError(f"beta1 must be a number, got {beta1!r}; to give both at once write betas={tuple(beta1)!r}")
        if betas is not None and (beta1, beta2) != (0.9, 0.999) and list(betas) != [beta1, beta2]:
            raise ValueError(f"give either beta1 and beta2, here {beta1!r} and {beta2!r}, or betas, here {betas!r}")
        defaults = {
            "lr": lr,
            "betas": (beta1, beta2) if betas is None else betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    _rule = Rule("adam", STATE, ("lr", "beta1", "beta2", "eps", "weight_decay"))

    def check(self, group: Group) -> Group:
        betas = group["betas"]
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise TypeError(f"betas must be a pair of numbers, got {betas!r}")
        return {
            "lr": to_number("lr", group["lr"], 0),
            "beta1": to_number("beta1", betas[0], 0, 1),
            "beta2": to_number("beta2", betas[1], 0, 1),
            "eps": to_number("eps", group["eps"], 0),
            "weight_decay": to_number("weight_decay", group["weight_decay"], 0),
            "amsgrad": bool(group["amsgrad"]),
        }

    def state_names(self, group: Group) -> tuple[str, ...]:
        return STATE if group["amsgrad"] else ("exp_avg", "exp_avg_sq", "step")

    def rule(self, group: Group) -> Rule:
        return self._rule

    def new_state(self, k: Any, array: Array, group: Group) -> dict[str, Any]:
        state = {name: zeros(k, array) for name in self.state_names(group) if name != "step"}
        return state | {"step": k.xp.zeros((), dtype=k.xp.float32, device=array.device)}
