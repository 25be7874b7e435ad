"""What every scheduler shares: the count of epochs, and writing learning rates into groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..optimizer import Optimizer

__all__ = ["LRScheduler"]


class LRScheduler:
    """Base class of the schedulers: each ``step()``, usually one an epoch, gives every group a new learning rate.

    A scheduler defines ``get_lr()``. Those of this package compute the next learning rate from the present one, so that
    several schedulers over one optimizer multiply their effects, and what a user writes into a group lasts.

    Parameters
    ----------
    optimizer : Optimizer
        Its groups' ``lr`` at this moment becomes their ``initial_lr``.
    last_epoch : int, default -1
        The epoch to go on from; its groups must then have an ``initial_lr``.

    Attributes
    ----------
    base_lrs : list of float
        Each group's initial learning rate.
    last_epoch : int
        How many steps were made.

    Raises
    ------
    TypeError
        If the optimizer is none.
    KeyError
        If a group has no ``initial_lr`` to go on from.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> class Halving(tp.optim.lr_scheduler.LRScheduler):
    ...     def get_lr(self):
    ...         return [base_lr / 2**self.last_epoch for base_lr in self.base_lrs]
    >>> optimizer = tp.optim.SGD([tp.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = Halving(optimizer)
    >>> scheduler.step()
    >>> optimizer.param_groups[0]["lr"]
    0.5
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"a scheduler works on an Optimizer, got {type(optimizer).__name__}")
        self.optimizer = optimizer
        if last_epoch == -1:
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", group["lr"])
        else:
            for i, group in enumerate(optimizer.param_groups):
                if "initial_lr" not in group:
                    raise KeyError(
                        f"parameter group {i} has no 'initial_lr', which last_epoch={last_epoch} goes on from; load "
                        "the optimizer's state dict first"
                    )
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._step_count = 0
        self._last_lr: list[float] = []
        self.step()

    def get_lr(self) -> list[float]:
        """Each group's learning rate in epoch ``last_epoch``; the groups still have that of the epoch before."""
        raise NotImplementedError(f"{type(self).__name__} has no get_lr method; it returns one number for each group")

    def step(self) -> None:
        """Begin the next epoch: call it after the optimizer's steps of this one."""
        self.last_epoch += 1
        self._step_count += 1
        self.write(self.get_lr())

    def restart(self) -> None:
        """Begin again at epoch 0, from the groups' initial learning rates."""
        self.write(self.base_lrs)
        self.last_epoch = -1
        self.step()

    def write(self, lrs: list[float]) -> None:
        """Give the groups these learning rates."""
        for group, lr in zip(self.optimizer.param_groups, lrs, strict=True):
            group["lr"] = lr
        self._last_lr = self.present()

    def present(self) -> list[float]:
        """The groups' learning rates at this moment."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[float]:
        """Each group's learning rate as this scheduler last wrote it."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, under PyTorch's names."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what ``state_dict``, or PyTorch's, returned. The optimizer has a state dict of its own.

        Raises
        ------
        TypeError, KeyError
            If it is not the state dict of such a scheduler; nothing is changed then.
        """
        self.check_state(state_dict)
        self.__dict__.update({name: state_dict[name] for name in self.state_dict()})

    def check_state(self, state_dict: Mapping[str, Any]) -> None:
        """Raise unless it is a state dict of such a scheduler."""
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"a scheduler's state dict must be a dict, got {type(state_dict).__name__}")
        missing = sorted(self.state_dict().keys() - state_dict.keys())
        if missing:
            raise KeyError(f"the state dict is not one of {type(self).__name__}: it lacks {', '.join(missing)}")
