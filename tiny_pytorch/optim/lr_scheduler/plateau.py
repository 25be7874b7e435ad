"""Learning rates that fall when a measure stops improving."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from ..optimizer import Optimizer
from .scheduler import LRScheduler

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(LRScheduler):
    """``lr = max(lr * factor, min_lr)`` after more than ``patience`` epochs in which a measure did not improve.

    Parameters
    ----------
    optimizer : Optimizer
    mode : {"min", "max"}, default "min"
        Whether lower or higher is better.
    factor : float, default 0.1
        Below 1.
    patience : int, default 10
        How many epochs without an improvement are let pass.
    threshold : float, default 1e-4
        How much better counts as an improvement.
    threshold_mode : {"rel", "abs"}, default "rel"
        Whether that is a fraction of the best so far, or a difference to it.
    cooldown : int, default 0
        For how many epochs after a fall none are counted.
    min_lr : float or sequence of floats, default 0
        The lowest learning rate, of all groups or of each.
    eps : float, default 1e-8
        A smaller fall is not made.

    Raises
    ------
    ValueError
        For a factor of 1 and more, an unknown mode, or another number of ``min_lr`` than of groups.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> optimizer = tp.optim.SGD([tp.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = tp.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (1.0, 0.9, 0.9, 0.9):
    ...     scheduler.step(loss)
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"a scheduler works on an Optimizer, got {type(optimizer).__name__}")
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1, got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: mode must be 'min' or 'max', got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"ReduceLROnPlateau: threshold_mode must be 'rel' or 'abs', got {threshold_mode!r}")
        groups = len(optimizer.param_groups)
        min_lrs: list[Any] = list(min_lr) if isinstance(min_lr, list | tuple) else [min_lr] * groups
        if len(min_lrs) != groups:
            raise ValueError(f"ReduceLROnPlateau: expected one min_lr for each of {groups} groups, got {len(min_lrs)}")
        self.optimizer = optimizer
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_lrs = min_lrs
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        self.last_epoch = 0
        self._last_lr = self.present()

    def step(self, metrics: Any = None) -> None:
        """Count an epoch whose measure, a number or a Tensor of one element, is ``metrics``.

        Raises
        ------
        TypeError
            If it is left out.
        """
        if metrics is None:
            raise TypeError("ReduceLROnPlateau.step(metrics): pass the measure to watch, such as the validation loss")
        current = float(metrics)
        self.last_epoch += 1
        if self.is_better(current, self.best):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        lrs = self.present()
        if self.num_bad_epochs > self.patience:
            lrs = self.get_lr()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self.write(lrs)

    def get_lr(self) -> list[float]:
        pairs = zip(self.present(), self.min_lrs, strict=True)
        lowered = [(lr, max(lr * self.factor, lowest)) for lr, lowest in pairs]
        return [low if lr - low > self.eps else lr for lr, low in lowered]

    def restart(self) -> None:
        raise NotImplementedError("ReduceLROnPlateau cannot be restarted: it follows a measure, not the epoch")

    @property
    def in_cooldown(self) -> bool:
        """Whether epochs are not counted at the moment."""
        return self.cooldown_counter > 0

    def is_better(self, a: float, best: float) -> bool:
        """Whether the measure ``a`` is an improvement on ``best``."""
        if self.threshold_mode == "rel":
            slack = best * (1.0 - self.threshold if self.mode == "min" else 1.0 + self.threshold)
        else:
            slack = best - self.threshold if self.mode == "min" else best + self.threshold
        return a < slack if self.mode == "min" else a > slack
