"""Averages of a model's weights over its training: plain ones, and exponential ones."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

from ..autograd import no_grad
from ..nn.batchnorm import _BatchNorm
from ..nn.module import Module
from ..tensor import Tensor
from .lr_scheduler.scheduler import LRScheduler
from .optimizer import Optimizer

__all__ = ["SWALR", "AveragedModel", "get_ema_avg_fn", "get_ema_multi_avg_fn", "update_bn"]


def get_ema_avg_fn(decay: float = 0.999) -> Callable[[Tensor, Tensor, Any], Tensor]:
    """``average = decay * average + (1 - decay) * weights``, for :class:`AveragedModel`.

    Raises
    ------
    ValueError
        For a decay outside 0 to 1.
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"get_ema_avg_fn: decay must be from 0 to 1, got {decay!r}")

    def average(old: Tensor, new: Tensor, count: Any) -> Tensor:
        return old * decay + new * (1 - decay)

    return average


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[list[Tensor], list[Tensor], Any], None]:
    """:func:`get_ema_avg_fn` for all weights in one call, which writes the averages."""
    one = get_ema_avg_fn(decay)

    def average(old: list[Tensor], new: list[Tensor], count: Any) -> None:
        for a, b in zip(old, new, strict=True):
            a.copy_(one(a, b, count))

    return average


class AveragedModel(Module):
    """A copy of a model that holds the average of the weights it is shown.

    ``average = average + (weights - average) / (n + 1)`` after n earlier updates; the first one copies.

    Parameters
    ----------
    model : Module
        It is copied; train the original.
    device : optional
        Where the copy is to be.
    avg_fn : callable, optional
        ``avg_fn(average, weights, n)`` returns the new average, see :func:`get_ema_avg_fn`.
    multi_avg_fn : callable, optional
        The same of lists, in place, see :func:`get_ema_multi_avg_fn`.
    use_buffers : bool, default False
        Whether floating buffers (running statistics) are averaged too; otherwise buffers are copied.

    Attributes
    ----------
    module : Module
        The average.
    n_averaged : Tensor
        How many updates there were.

    References
    ----------
    P. Izmailov et al., "Averaging weights leads to wider optima and better generalization", UAI 2018.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> model = tp.nn.Linear(2, 1, bias=False)
    >>> average = tp.optim.swa_utils.AveragedModel(model)
    >>> for value in (1.0, 3.0):
    ...     _ = tp.nn.init.constant_(model.weight, value)
    ...     average.update_parameters(model)
    >>> average.module.weight.tolist()
    [[2.0, 2.0]]
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable[[Tensor, Tensor, Any], Tensor] | None = None,
        multi_avg_fn: Callable[[list[Tensor], list[Tensor], Any], None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: give either avg_fn or multi_avg_fn, not both")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", Tensor(0))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the model's present weights into the average."""
        mine, its = list(self.module.parameters()), list(model.parameters())
        if self.use_buffers:
            mine, its = mine + list(self.module.buffers()), its + list(model.buffers())
        floating = [(a, b) for a, b in zip(mine, its, strict=True) if a.is_floating_point()]
        count = int(self.n_averaged.item())
        with no_grad():
            old, new = [a.detach() for a, _ in floating], [b.detach().to(a) for a, b in floating]
            if count == 0:
                for a, b in zip(old, new, strict=True):
                    a.copy_(b)
            elif self.multi_avg_fn is not None:
                self.multi_avg_fn(old, new, count)
            else:
                average = self.avg_fn or (lambda a, b, n: a + (b - a) / (n + 1))
                for a, b in zip(old, new, strict=True):
                    a.copy_(average(a, b, count))
            if not self.use_buffers:
                for a, b in zip(self.module.buffers(), model.buffers(), strict=True):
                    a.copy_(b.detach())
            self.n_averaged.add_(1)


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of batch normalisation anew, as plain means over a pass through ``loader``.

    Parameters
    ----------
    loader : iterable
        Batches, or tuples or lists whose first entry is the batch.
    model : Module
        It is called on each batch in training mode, without gradients; its mode is then set back.
    device : optional
        Where each batch is moved first.
    """
    layers = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    if not layers:
        return
    momenta, training = [layer.momentum for layer in layers], model.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    model.train()
    try:
        with no_grad():
            for batch in loader:
                batch = batch[0] if isinstance(batch, (list, tuple)) else batch
                model(batch if device is None else batch.to(device))
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        model.train(training)


class SWALR(LRScheduler):
    """From the present learning rate to ``swa_lr`` over ``anneal_epochs`` steps, and constant from there.

    Parameters
    ----------
    optimizer : Optimizer
    swa_lr : float or list of floats
        For all groups, or for each.
    anneal_epochs : int, default 10
    anneal_strategy : {"cos", "linear"}
    last_epoch : int, default -1

    Raises
    ------
    ValueError
        For another strategy, a negative number of epochs, or a wrong number of rates.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> optimizer = tp.optim.SGD([tp.zeros(1, requires_grad=True)], lr=1.0)
    >>> scheduler = tp.optim.swa_utils.SWALR(optimizer, 0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> rates = []
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     scheduler.step()
    ...     rates.append(scheduler.get_last_lr()[0])
    >>> rates
    [0.75, 0.5, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        groups = optimizer.param_groups
        rates = list(swa_lr) if isinstance(swa_lr, (list, tuple)) else [swa_lr] * len(groups)
        if len(rates) != len(groups):
            raise ValueError(f"SWALR: expected a rate for each of {len(groups)} groups, got {len(rates)}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"SWALR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"SWALR: anneal_epochs must be an int, at least 0, got {anneal_epochs!r}")
        for group, rate in zip(groups, rates, strict=True):
            group["swa_lr"] = rate
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _part(self, step: int) -> float:
        """How much of the way is behind us after ``step`` steps."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * t)) / 2 if self.anneal_strategy == "cos" else t

    def get_lr(self) -> list[float]:
        """From each group's present rate: another scheduler may have moved it before this one began."""
        step = self._step_count - 1
        if not self.anneal_epochs:
            step = max(1, step)
        before, now = self._part(step - 1), self._part(step)
        found = []
        for group in self.optimizer.param_groups:
            target = group["swa_lr"]
            start = target if before == 1 else (group["lr"] - target * before) / (1 - before)
            found.append(target * now + start * (1 - now))
        return found
