"""AdamW."""

from __future__ import annotations

from .adam import Adam
from .hyperparameters import Group, refuse_unsupported
from .optimizer import Optimizer, Params

__all__ = ["AdamW"]


class AdamW(Adam):
    """Adam with decoupled weight decay: the decay does not pass through the running means.

    For a parameter ``p`` with gradient ``g``, at its ``t``-th step::

        p = p * (1 - lr * weight_decay)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g^2                (m and v start at 0)
        p = p - lr * m^ / (sqrt(v^) + eps)               m^ = m / (1 - beta1^t), v^ = v / (1 - beta2^t)

    The arguments are PyTorch's, also in their order and defaults, which are not those of :class:`Adam` here.

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
    weight_decay : float, default 0.01
        At least 0.
    amsgrad : bool, default False
        As of :class:`Adam`; so also below.
    maximize : bool, default False
    foreach, fused, capturable, differentiable : bool, optional
        Accepted because PyTorch's scripts pass them. One fused kernel updates all parameters in any case.

    Raises
    ------
    TypeError, ValueError
        For parameters that cannot be optimized and hyper-parameters out of range.

    Notes
    -----
    State and groups are those of :class:`Adam`; a group also holds ``decoupled_weight_decay``, always True.

    References
    ----------
    I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", 2017, arXiv:1711.05101.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> p = tp.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tp.optim.AdamW([p], lr=0.5, weight_decay=1.0)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.tolist()
    [0.0, -0.5]
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        refuse_unsupported({"capturable": capturable, "differentiable": differentiable}, {})
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": True,  # so that the state dict is PyTorch's
        }
        Optimizer.__init__(self, params, defaults)

    _rule = Adam._rule._replace(kernel="adamw")

    def check(self, group: Group) -> Group:
        if not group["decoupled_weight_decay"]:
            raise ValueError("decoupled_weight_decay must be True for AdamW; the L2 penalty is Adam's weight_decay")
        return super().check(group)
