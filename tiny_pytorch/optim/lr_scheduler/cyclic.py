"""Learning rates that go up and down, once or again and again, and momentum against them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

from ..optimizer import Optimizer
from .scheduler import LRScheduler

__all__ = ["CyclicLR", "OneCycleLR"]


def _each(name: str, what: str, value: Any, groups: int) -> list[float]:
    """One number for each group."""
    found = list(value) if isinstance(value, list | tuple) else [value] * groups
    if len(found) != groups:
        raise ValueError(f"{name}: expected one {what} for each of {groups} groups, got {len(found)}")
    return [float(number) for number in found]


def _uses_betas(name: str, optimizer: Optimizer) -> bool:
    """Whether what is cycled against the learning rate is the first of betas; else it is momentum."""
    if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
        raise ValueError(
            f"{name}: {type(optimizer).__name__} has neither momentum nor betas to cycle; pass cycle_momentum=False"
        )
    return "betas" in optimizer.defaults


def _set_momentum(group: dict[str, Any], use_beta1: bool, value: float) -> None:
    if use_beta1:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


class CyclicLR(LRScheduler):
    """``lr`` from ``base_lr`` up to ``max_lr`` in ``step_size_up`` steps, down in ``step_size_down``, and so on.

    Parameters
    ----------
    optimizer : Optimizer
    base_lr, max_lr : float or sequence of floats
        The lower and the upper bound, of all groups or of each.
    step_size_up : int, default 2000
        Steps, usually batches, of the way up.
    step_size_down : int, optional
        Of the way down; ``step_size_up`` if None.
    mode : {"triangular", "triangular2", "exp_range"}, default "triangular"
        What becomes of the height: it stays; it is halved with each cycle; it is multiplied by ``gamma`` in each step.
    gamma : float, default 1.0
    scale_fn : callable, optional
        In place of ``mode``: from the cycle, an int from 1 on, or the step to a factor of the height.
    scale_mode : {"cycle", "iterations"}, default "cycle"
        What ``scale_fn`` is given.
    cycle_momentum : bool, default True
        Whether momentum, or the first of betas, goes down where the learning rate goes up.
    base_momentum, max_momentum : float or sequence of floats, default 0.8 and 0.9
    last_epoch : int, default -1
        The step to go on from.

    Raises
    ------
    ValueError
        For an unknown mode, other numbers of bounds than of groups, or an optimizer without momentum and betas.

    References
    ----------
    L. N. Smith, "Cyclical learning rates for training neural networks", WACV 2017.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> optimizer = tp.optim.SGD([tp.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = tp.optim.lr_scheduler.CyclicLR(optimizer, 0.0, 1.0, step_size_up=2, cycle_momentum=False)
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: Literal["cycle", "iterations"] = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"a scheduler works on an Optimizer, got {type(optimizer).__name__}")
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError(f"CyclicLR: mode must be 'triangular', 'triangular2' or 'exp_range', got {mode!r}")
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"CyclicLR: scale_mode must be 'cycle' or 'iterations', got {scale_mode!r}")
        down = step_size_up if step_size_down is None else step_size_down
        if not (step_size_up > 0 and down > 0):
            raise ValueError(f"CyclicLR: the steps up and down must be above 0, got {step_size_up} and {down}")
        groups = optimizer.param_groups
        lowest = _each("CyclicLR", "base_lr", base_lr, len(groups))
        self.max_lrs = _each("CyclicLR", "max_lr", max_lr, len(groups))
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = _uses_betas("CyclicLR", optimizer)
            self.base_momentums = _each("CyclicLR", "base_momentum", base_momentum, len(groups))
            self.max_momentums = _each("CyclicLR", "max_momentum", max_momentum, len(groups))
        self.total_size = float(step_size_up + down)
        self.step_ratio = float(step_size_up) / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn = scale_fn
        self.scale_mode = scale_mode
        if last_epoch == -1:
            for group, lr in zip(groups, lowest, strict=True):
                group["lr"] = group["initial_lr"] = lr
        super().__init__(optimizer, last_epoch)
        self.base_lrs = lowest

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        place = 1.0 + self.last_epoch / self.total_size - cycle
        height = place / self.step_ratio if place <= self.step_ratio else (place - 1) / (self.step_ratio - 1)
        height *= self._scale(cycle)
        if self.cycle_momentum:
            bounds = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in bounds:
                _set_momentum(group, self.use_beta1, high - (high - low) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def _scale(self, cycle: int) -> float:
        if self._scale_fn is not None:
            return self._scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.mode == "triangular2":
            return 0.5 ** (cycle - 1)
        return 1.0 if self.mode == "triangular" else self.gamma**self.last_epoch

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and functions, which may not be picklable."""
        return {name: value for name, value in super().state_dict().items() if name != "_scale_fn"}


class OneCycleLR(LRScheduler):
    """``lr`` from ``max_lr / div_factor`` up to ``max_lr``, then down to the first one's ``final_div_factor``-th part.

    One step a batch, ``total_steps`` in all.

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float or sequence of floats
        Of all groups or of each.
    total_steps : int, optional
        If None, ``epochs * steps_per_epoch``.
    epochs, steps_per_epoch : int, optional
    pct_start : float, default 0.3
        The fraction of the steps in which the learning rate goes up.
    anneal_strategy : {"cos", "linear"}, default "cos"
        Whether the ways are half cosines or lines.
    cycle_momentum : bool, default True
        Whether momentum, or the first of betas, goes down where the learning rate goes up.
    base_momentum, max_momentum : float or sequence of floats, default 0.85 and 0.95
    div_factor : float, default 25.0
    final_div_factor : float, default 1e4
    three_phase : bool, default False
        Whether the learning rate goes down to the first one as it went up, and from there on to the lowest.
    last_epoch : int, default -1
        The step to go on from.

    Raises
    ------
    ValueError
        For numbers out of range, or an optimizer without momentum and betas; also by ``step``, after ``total_steps``.

    References
    ----------
    L. N. Smith, N. Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2017,
    arXiv:1708.07120.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> optimizer = tp.optim.SGD([tp.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    >>> scheduler = tp.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    >>> for batch in range(3):
    ...     print(round(scheduler.get_last_lr()[0], 4))
    ...     scheduler.step()
    0.04
    0.52
    1.0
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"a scheduler works on an Optimizer, got {type(optimizer).__name__}")
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if not isinstance(total_steps, int) or total_steps < 1:
            raise ValueError(f"OneCycleLR: the number of steps must be an integer from 1 on, got {total_steps!r}")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start is a fraction, 0 to 1, got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        groups = optimizer.param_groups
        highest = _each("OneCycleLR", "max_lr", max_lr, len(groups))
        self.total_steps = total_steps
        self._anneal_func_type = anneal_strategy
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = _uses_betas("OneCycleLR", optimizer)
            low = _each("OneCycleLR", "base_momentum", base_momentum, len(groups))
            high = _each("OneCycleLR", "max_momentum", max_momentum, len(groups))
        self._schedule_phases = _phases(total_steps, pct_start, three_phase)
        if last_epoch == -1:  # kept in the groups, from where an optimizer's state dict takes them along
            for i, group in enumerate(groups):
                group["initial_lr"] = highest[i] / div_factor
                group["max_lr"] = highest[i]
                group["min_lr"] = group["initial_lr"] / final_div_factor
                if cycle_momentum:
                    group["max_momentum"], group["base_momentum"] = high[i], low[i]
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"OneCycleLR: step {step} of {self.total_steps}; make it with as many steps as there are")
        start = 0.0
        for i, phase in enumerate(self._schedule_phases):
            if step <= phase["end_step"] or i == len(self._schedule_phases) - 1:
                break
            start = phase["end_step"]
        done = (step - start) / (phase["end_step"] - start)
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                momentum = self._between(group[phase["start_momentum"]], group[phase["end_momentum"]], done)
                _set_momentum(group, self.use_beta1, momentum)
        groups = self.optimizer.param_groups
        return [self._between(group[phase["start_lr"]], group[phase["end_lr"]], done) for group in groups]

    def step(self) -> None:
        if self.last_epoch >= self.total_steps:
            raise ValueError(
                f"OneCycleLR: all {self.total_steps} steps have been made; make it with as many steps as there are"
            )
        super().step()

    def _between(self, start: float, end: float, done: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * done + start
        return end + (start - end) / 2.0 * (1 + math.cos(math.pi * done))


def _phases(total_steps: int, pct_start: float, three: bool) -> list[dict[str, Any]]:
    """Which of a group's numbers a phase goes from and to, and its last step, under PyTorch's names."""

    def phase(end_step: float, start_lr: str, end_lr: str, start_momentum: str, end_momentum: str) -> dict[str, Any]:
        return {
            "end_step": end_step,
            "start_lr": start_lr,
            "end_lr": end_lr,
            "start_momentum": start_momentum,
            "end_momentum": end_momentum,
        }

    up = phase(float(pct_start * total_steps) - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
    if not three:
        return [up, phase(total_steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")]
    return [
        up,
        phase(float(2 * pct_start * total_steps) - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
        phase(total_steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
    ]
