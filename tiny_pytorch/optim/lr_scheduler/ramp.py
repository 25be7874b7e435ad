"""Learning rates that go from one value to another: at once, along a line, a power or a cosine."""

from __future__ import annotations

import math

from ..optimizer import Optimizer
from .scheduler import LRScheduler

__all__ = ["ConstantLR", "CosineAnnealingLR", "LinearLR", "PolynomialLR"]


class ConstantLR(LRScheduler):
    """``lr = initial_lr * factor`` until epoch ``total_iters``, from then on ``initial_lr``.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float, default 1/3
        In (0, 1].
    total_iters : int, default 5
    last_epoch : int, default -1
        The epoch to go on from.

    Raises
    ------
    ValueError
        For a factor out of range.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> optimizer = tp.optim.SGD([tp.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = tp.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=2)
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if not 0 < factor <= 1:
            raise ValueError(f"ConstantLR: factor must be above 0 and at most 1, got {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return [lr * self.factor for lr in self.present()]
        if self.last_epoch == self.total_iters:
            return [lr / self.factor for lr in self.present()]
        return self.present()


class LinearLR(LRScheduler):
    """``lr = initial_lr * factor``, the factor a line from ``start_factor`` to ``end_factor`` and then constant.

    ``factor = start_factor + (end_factor - start_factor) * min(epoch, total_iters) / total_iters``.

    Parameters
    ----------
    optimizer : Optimizer
    start_factor : float, default 1/3
        In (0, 1].
    end_factor : float, default 1.0
        In [0, 1].
    total_iters : int, default 5
        The epoch at which ``end_factor`` is reached.
    last_epoch : int, default -1
        The epoch to go on from.

    Raises
    ------
    ValueError
        For factors out of range.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> optimizer = tp.optim.SGD([tp.zeros(1, requires_grad=True)], lr=1.0)
    >>> warmup = tp.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=4)
    >>> warmup.step()
    >>> warmup.get_last_lr()
    [0.625]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: start_factor must be above 0 and at most 1, got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor must be from 0 to 1, got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return [lr * self.start_factor for lr in self.present()]
        if self.last_epoch > self.total_iters:
            return self.present()
        # The quotient of this epoch's factor and the last one's, both times total_iters.
        slope = self.end_factor - self.start_factor
        before = self.start_factor * self.total_iters + slope * (self.last_epoch - 1)
        return [lr * (1.0 + slope / before) for lr in self.present()]


class PolynomialLR(LRScheduler):
    """``lr = initial_lr * (1 - min(epoch, total_iters) / total_iters) ** power``.

    Parameters
    ----------
    optimizer : Optimizer
    total_iters : int, default 5
        The epoch at which it is 0.
    power : float, default 1.0
    last_epoch : int, default -1
        The epoch to go on from.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> optimizer = tp.optim.SGD([tp.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = tp.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=2, power=2.0)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0 or self.last_epoch > self.total_iters:
            return self.present()
        now, before = 1.0 - self.last_epoch / self.total_iters, 1.0 - (self.last_epoch - 1) / self.total_iters
        return [lr * (now / before) ** self.power for lr in self.present()]


class CosineAnnealingLR(LRScheduler):
    """``lr = eta_min + (initial_lr - eta_min) * (1 + cos(pi * epoch / T_max)) / 2``.

    From the initial learning rate down to ``eta_min`` at epoch ``T_max``, and, if the steps go on, up again.

    Parameters
    ----------
    optimizer : Optimizer
    T_max : int
        Half the period, at least 1: the number of steps, for one way down.
    eta_min : float, default 0.0
        The lowest learning rate.
    last_epoch : int, default -1
        The epoch to go on from.

    Raises
    ------
    ValueError
        If ``T_max`` is below 1.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2016, arXiv:1608.03983
    (without the restarts).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> optimizer = tp.optim.SGD([tp.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = tp.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
    >>> scheduler.step()
    >>> round(scheduler.get_last_lr()[0], 6)
    0.5
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        if T_max < 1:
            raise ValueError(f"CosineAnnealingLR: T_max must be at least 1, got {T_max}")
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return self.present()
        now, before = self._height(self.last_epoch), self._height(self.last_epoch - 1)
        if self._step_count == 1:  # going on from an earlier run, whose learning rates are not in the groups
            return [self.eta_min + (base - self.eta_min) * now for base in self.base_lrs]
        if (self.last_epoch - 1) % (2 * self.T_max) == self.T_max:  # up from eta_min, which no factor leads away from
            pairs = zip(self.present(), self.base_lrs, strict=True)
            return [lr + (base - self.eta_min) * now for lr, base in pairs]
        return [self.eta_min + (lr - self.eta_min) * (now / before) for lr in self.present()]

    def _height(self, epoch: int) -> float:
        return (1 + math.cos(math.pi * epoch / self.T_max)) / 2
