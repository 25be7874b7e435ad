"""``GradScaler``: losses are multiplied before ``backward``, and gradients divided before the optimizer's step."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from typing import Any

import numpy

from .. import backend
from ..autograd import assign, cast
from ..backend.dtypes import DTYPES, is_low
from ..tensor import Tensor

__all__ = ["GradScaler"]

Optimizer = Any  # it stands beside this package


class Stage(enum.Enum):
    """How far an optimizer has come since the last ``update``."""

    SCALED = 0
    UNSCALED = 1
    STEPPED = 2


class GradScaler:
    """Dynamic loss scaling: gradients that float16 would round to zero, or overflow to inf, do neither.

    The loss, and with it every gradient, is multiplied by ``scale``. Before the optimizer's step the gradients are
    divided by it; if one of them is inf or NaN, the step is skipped. Then::

        scale = scale * backoff_factor      if a step was skipped
        scale = scale * growth_factor       after growth_interval steps in a row that were not

    Parameters
    ----------
    device : str, default "cuda"
        Accepted because PyTorch's scripts pass it: gradients are scaled where they are.
    init_scale : float, default 65536.0
        Above 0.
    growth_factor : float, default 2.0
        Above 1.
    backoff_factor : float, default 0.5
        Between 0 and 1.
    growth_interval : int, default 2000
        At least 1.
    enabled : bool, default True
        False makes every method pass on what it is given.

    Raises
    ------
    ValueError
        For numbers out of range.

    Notes
    -----
    Whether to skip is decided on the host: ``step`` waits for the device once, after all gradients of the optimizer
    were looked at in one pass.

    References
    ----------
    P. Micikevicius et al., "Mixed precision training", ICLR 2018, arXiv:1710.03740.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> model = tp.nn.Linear(3, 1)
    >>> optimizer, scaler = tp.optim.SGD(model.parameters(), lr=0.1), tp.amp.GradScaler()
    >>> with tp.autocast(model.weight.device.type, dtype=tp.float16):
    ...     loss = model(tp.ones(2, 3)).square().mean()
    >>> scaler.scale(loss).backward()
    >>> scaler.step(optimizer)
    >>> scaler.update()
    >>> scaler.get_scale()
    65536.0
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._enabled = bool(enabled)
        self._scale = _scale("init_scale", init_scale)
        self._growth_factor = _growth_factor(growth_factor)
        self._backoff_factor = _backoff_factor(backoff_factor)
        self._growth_interval = _growth_interval(growth_interval)
        self._growth_tracker = 0
        self._forget()

    def _forget(self) -> None:
        # Optimizers by id; each is held, so that its id stays its own.
        self._met: dict[int, tuple[Optimizer, Stage]] = {}
        self._found: dict[int, Any] = {}  # whether a gradient is not finite: on the device, then on the host

    def scale(self, outputs: Any) -> Any:
        """``outputs * scale``: a Tensor, or nested lists and tuples of Tensors. 16-bit ones become float32.

        Raises
        ------
        TypeError
            For anything else.
        """
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return (cast(outputs, dtype=DTYPES["float32"]) if is_low(outputs.dtype) else outputs) * self._scale
        if isinstance(outputs, Iterable) and not isinstance(outputs, (str, bytes, dict)):
            scaled = [self.scale(output) for output in outputs]
            return scaled if isinstance(outputs, list) else tuple(scaled)
        raise TypeError(f"GradScaler.scale: expected a Tensor or a sequence of Tensors, got {type(outputs).__name__}")

    def unscale_(self, optimizer: Optimizer) -> None:
        """Divide the gradients of the optimizer's parameters by the scale, in place, to clip or to read them.

        ``step`` does it where it was not done.

        Raises
        ------
        RuntimeError
            When called a second time since the last ``update``, or after ``step``.
        ValueError
            For gradients in float16, which the division may round to zero: keep the parameters in float32.
        """
        if not self._enabled:
            return
        stage = self._stage(optimizer)
        if stage is not Stage.SCALED:
            before = "unscale_()" if stage is Stage.UNSCALED else "step()"
            raise RuntimeError(
                f"unscale_() after {before} of this optimizer since the last update(): its gradients are divided by "
                "the scale already. Call it once between scaler.scale(loss).backward() and scaler.update()"
            )
        found = self._unscale(optimizer)
        if found is not None:
            self._found[id(optimizer)] = found
            self._met[id(optimizer)] = optimizer, Stage.UNSCALED

    def _unscale(self, optimizer: Optimizer) -> Any:
        """Divide the gradients; an array of shape () that says whether one is not finite, None if there are none."""
        every = (p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None)
        grads = list({id(grad): grad for grad in every}.values())
        if any(grad.dtype is DTYPES["float16"] for grad in grads):
            raise ValueError(
                "GradScaler: gradients in float16 cannot be unscaled, as small ones would become zero. Keep the "
                "parameters in float32 and compute under tp.autocast instead of model.half()"
            )
        if not grads:
            return None
        arrays = [grad.array for grad in grads]
        with numpy.errstate(all="ignore"):
            unscaled, found = backend.at(arrays[0]).kernels.unscale(arrays, 1.0 / self._scale)
        for grad, array in zip(grads, unscaled, strict=True):
            assign(grad, array)
        return found

    def _overflowed(self, key: int) -> bool:
        # The one place that waits for the device.
        found = self._found[key]
        if not isinstance(found, bool):
            found = self._found[key] = bool(backend.number(found))
        return found

    def step(self, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
        """``optimizer.step(*args, **kwargs)`` with gradients divided by the scale, unless one is inf or NaN.

        Returns
        -------
        object
            What the optimizer's step returned; None if it was skipped. Its parameters and its state are then unchanged.

        Raises
        ------
        RuntimeError
            When called a second time since the last ``update``; if no parameter has a gradient; for a closure.
        ValueError
            As ``unscale_``.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if args or "closure" in kwargs:
            raise RuntimeError(
                "GradScaler.step: a closure would compute gradients anew, which nobody divides by the scale; call "
                "backward() before, or leave the scaler out"
            )
        stage = self._stage(optimizer)
        if stage is Stage.STEPPED:
            raise RuntimeError("step() has already been called since the last update(); call scaler.update() after it")
        if stage is Stage.SCALED:
            self.unscale_(optimizer)
        if id(optimizer) not in self._found:
            raise RuntimeError(
                "GradScaler.step: no parameter of this optimizer has a gradient; call scaler.scale(loss).backward() "
                "before"
            )
        result = None if self._overflowed(id(optimizer)) else optimizer.step(**kwargs)
        self._met[id(optimizer)] = optimizer, Stage.STEPPED
        return result

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Adapt the scale, at the end of an iteration, after all optimizers' steps.

        Parameters
        ----------
        new_scale : float or Tensor of one element, optional
            The scale to go on with; it then does not depend on what was found.

        Raises
        ------
        RuntimeError
            If no gradients were looked at since the last ``update``.
        ValueError
            For a scale that is not above 0.
        """
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = _scale("new_scale", new_scale)
        else:
            if not self._found:
                raise RuntimeError(
                    "GradScaler.update: no gradients were looked at since the last update(); call "
                    "scaler.step(optimizer) before"
                )
            self._adapt(any(map(self._overflowed, list(self._found))))
        self._forget()

    def _adapt(self, overflowed: bool) -> None:
        if overflowed:
            self._scale = _rounded(self._scale * self._backoff_factor)
            self._growth_tracker = 0
            return
        self._growth_tracker += 1
        if self._growth_tracker >= self._growth_interval:  # above it after set_growth_interval
            grown = _rounded(self._scale * self._growth_factor)
            self._scale = grown if math.isfinite(grown) else self._scale
            self._growth_tracker = 0

    def _stage(self, optimizer: Optimizer) -> Stage:
        return self._met.get(id(optimizer), (optimizer, Stage.SCALED))[1]

    def get_scale(self) -> float:
        """The scale; 1.0 if disabled."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """What the scale is multiplied with after ``growth_interval`` good steps."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set it, above 1."""
        self._growth_factor = _growth_factor(new_factor)

    def get_backoff_factor(self) -> float:
        """What the scale is multiplied with after a skipped step."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set it, between 0 and 1."""
        self._backoff_factor = _backoff_factor(new_factor)

    def get_growth_interval(self) -> int:
        """After how many good steps in a row the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set it, at least 1."""
        self._growth_interval = _growth_interval(new_interval)

    def is_enabled(self) -> bool:
        """Whether the scaler does anything."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to go on later, with PyTorch's keys; empty if disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what ``state_dict``, or PyTorch's, returned. A disabled scaler ignores it.

        Raises
        ------
        RuntimeError
            If it is empty, as a disabled scaler's is.
        KeyError, ValueError
            If an entry is missing or out of range; nothing is changed then.
        """
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError("GradScaler.load_state_dict: the state dict is empty; was it of a disabled GradScaler?")
        scale = _scale("scale", state_dict["scale"])
        growth, backoff = _growth_factor(state_dict["growth_factor"]), _backoff_factor(state_dict["backoff_factor"])
        interval, tracker = _growth_interval(state_dict["growth_interval"]), int(state_dict["_growth_tracker"])
        self._scale, self._growth_factor, self._backoff_factor = scale, growth, backoff
        self._growth_interval, self._growth_tracker = interval, tracker

    def __repr__(self) -> str:
        return f"GradScaler({', '.join(f'{name}={value}' for name, value in self.state_dict().items()) or 'disabled'})"


def _rounded(value: float) -> float:
    """To float32, in which gradients meet it, and in which PyTorch keeps it."""
    with numpy.errstate(over="ignore"):
        return float(numpy.float32(value))


def _scale(name: str, value: Any) -> float:
    scale = _rounded(float(value))
    if not (scale > 0 and math.isfinite(scale)):
        raise ValueError(f"GradScaler: {name} must be above 0 and finite in float32, got {value!r}")
    return scale


def _growth_factor(value: Any) -> float:
    if not 1 < value < math.inf:
        raise ValueError(f"GradScaler: growth_factor must be above 1, got {value!r}")
    return float(value)


def _backoff_factor(value: Any) -> float:
    if not 0 < value < 1:
        raise ValueError(f"GradScaler: backoff_factor must lie between 0 and 1, got {value!r}")
    return float(value)


def _growth_interval(value: Any) -> int:
    if int(value) != value or value < 1:
        raise ValueError(f"GradScaler: growth_interval must be an integer, at least 1, got {value!r}")
    return int(value)
