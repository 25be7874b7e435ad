"""Several schedulers: one after another, or all together."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from ..optimizer import Optimizer
from .plateau import ReduceLROnPlateau
from .scheduler import LRScheduler

__all__ = ["ChainedScheduler", "SequentialLR"]


class _Schedulers(LRScheduler):
    """What holds other schedulers, whose state belongs to its own."""

    _schedulers: list[LRScheduler]

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self.check_state(state_dict)
        pairs = list(zip(self._schedulers, state_dict["_schedulers"], strict=True))
        for scheduler, state in pairs:
            scheduler.check_state(state)
        for scheduler, state in pairs:
            scheduler.load_state_dict(state)
        super().load_state_dict({**state_dict, "_schedulers": self._schedulers})


def _check(name: str, optimizer: Optimizer, schedulers: Sequence[LRScheduler]) -> None:
    for i, scheduler in enumerate(schedulers):
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(f"{name}: scheduler {i} follows a measure and knows no epoch to begin from")
        if scheduler.optimizer is not optimizer:
            raise ValueError(f"{name}: scheduler {i} is of another optimizer")


class SequentialLR(_Schedulers):
    """One scheduler until the first milestone, the next until the second, and so on, each from its own epoch 0.

    Parameters
    ----------
    optimizer : Optimizer
    schedulers : sequence of LRScheduler
        All over this optimizer.
    milestones : sequence of int
        The epochs at which the second scheduler begins, the third, ...: one less than schedulers.
    last_epoch : int, default -1
        Only -1 is supported; load a state dict to go on.

    Raises
    ------
    ValueError
        If the numbers do not fit, a scheduler is of another optimizer, or follows a measure.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> from tiny_pytorch.optim.lr_scheduler import ExponentialLR, LinearLR, SequentialLR
    >>> optimizer = tp.optim.SGD([tp.zeros(1, requires_grad=True)], lr=1.0)
    >>> warmup = LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> scheduler = SequentialLR(optimizer, [warmup, ExponentialLR(optimizer, gamma=0.5)], milestones=[2])
    >>> for epoch in range(4):
    ...     print(scheduler.get_last_lr())
    ...     scheduler.step()
    [0.5]
    [0.75]
    [1.0]
    [0.5]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        if last_epoch != -1:
            raise ValueError(f"SequentialLR: last_epoch must be -1, got {last_epoch}; load a state dict to go on")
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: expected one milestone less than schedulers, got {len(milestones)} milestones for "
                f"{len(schedulers)} schedulers"
            )
        _check("SequentialLR", optimizer, schedulers)
        self.optimizer = optimizer
        self._schedulers = list(schedulers)
        self._milestones = list(milestones)
        self.last_epoch = 0
        self._schedulers[0].restart()  # making the others has changed the learning rates
        self._last_lr = self._schedulers[0].get_last_lr()

    def step(self) -> None:
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        if i > 0 and self._milestones[i - 1] == self.last_epoch:
            self._schedulers[i].restart()
        else:
            self._schedulers[i].step()
        self._last_lr = self._schedulers[i].get_last_lr()

    def restart(self) -> None:
        self.last_epoch = 0
        self._schedulers[0].restart()
        self._last_lr = self._schedulers[0].get_last_lr()


class ChainedScheduler(_Schedulers):
    """All schedulers make each step, one after another, so that their effects multiply.

    Parameters
    ----------
    schedulers : sequence of LRScheduler
        At least one, all over one optimizer.
    optimizer : Optimizer, optional
        That of the schedulers.

    Raises
    ------
    ValueError
        For no schedulers, or one of another optimizer, or one that follows a measure.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> from tiny_pytorch.optim.lr_scheduler import ChainedScheduler, ConstantLR, ExponentialLR
    >>> optimizer = tp.optim.SGD([tp.zeros(1, requires_grad=True)], lr=1.0)
    >>> warmup = ConstantLR(optimizer, factor=0.5, total_iters=2)
    >>> scheduler = ChainedScheduler([warmup, ExponentialLR(optimizer, gamma=0.5)])
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if not schedulers:
            raise ValueError("ChainedScheduler: expected at least one scheduler, got none")
        self.optimizer = schedulers[0].optimizer if optimizer is None else optimizer
        _check("ChainedScheduler", self.optimizer, schedulers)
        self._schedulers = list(schedulers)
        self._last_lr = self.present()

    @property
    def last_epoch(self) -> int:  # type: ignore[override]
        """How many steps the first scheduler made."""
        return self._schedulers[0].last_epoch

    def step(self) -> None:
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self.present()

    def restart(self) -> None:
        for scheduler in self._schedulers:
            scheduler.last_epoch = -1
        self.write(self._schedulers[0].base_lrs)
        self.step()
