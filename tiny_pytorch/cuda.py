"""NVIDIA GPUs: what scripts ask before they choose a device, waiting, TF32, and graphs of whole steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import backend
from .autograd import Variable, assign, leaf
from .backend import crossing
from .backend.crossing import get_sync_debug_mode, set_sync_debug_mode
from .backend.dtypes import as_dtype
from .random import manual_seed

__all__ = [
    "Graph",
    "allow_tf32",
    "device_count",
    "get_device_name",
    "get_sync_debug_mode",
    "graph",
    "is_available",
    "manual_seed",
    "manual_seed_all",
    "set_sync_debug_mode",
    "synchronize",
]


def is_available() -> bool:
    """Whether the backend in use has a CUDA device.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> device = tp.device("cuda" if tp.cuda.is_available() else "cpu")
    """
    return device_count() > 0


def device_count() -> int:
    """How many CUDA devices the backend in use has."""
    here = backend.current()
    if here.cuda is not None:
        return here.cuda.device_count()
    return sum(device.startswith("cuda") for device in here.devices)


def get_device_name(device: int = 0) -> str:
    """What a CUDA device calls itself, e.g. ``"NVIDIA H200"``.

    Raises
    ------
    RuntimeError
        If the backend in use has no kernels for CUDA.
    """
    return _services("get_device_name").device_name(device)


def synchronize() -> None:
    """Wait until the device has done everything that was asked of it. Timings without it measure the asking.

    Where everything is computed when it is asked for there is nothing to wait for, and this returns at once.

    Raises
    ------
    IndexError
        If a kernel met an index out of range. Calls only queue work, so this is where such an error can surface.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.cuda.synchronize()
    """
    here = backend.current()
    if here.synchronize is not None:
        crossing.report("wait", here.device)
        here.synchronize()


def allow_tf32(allow: bool = True) -> bool:
    """Let matrix products of float32 round their factors to TF32 (10 bits of mantissa), which tensor cores multiply.

    Off at start, as results then agree with the CPU's to single precision: with it they agree to about 3 digits.

    Parameters
    ----------
    allow : bool, default True
        False goes back to full single precision.

    Returns
    -------
    bool
        What it was before.

    Raises
    ------
    RuntimeError
        If the backend in use has no CUDA device.
    """
    return _services("allow_tf32").allow_tf32(bool(allow))


def _services(caller: str) -> Any:
    """The backend's CUDA module, or an error that says how to get one."""
    here = backend.current()
    if here.cuda is None:
        raise RuntimeError(
            f"cuda.{caller}: the backend in use, {here.name!r}, has no CUDA kernels; "
            "start with TINY_PYTORCH_BACKEND=cupy, on a machine with an NVIDIA GPU"
        )
    return here.cuda


manual_seed_all = manual_seed  # numbers are drawn on the host, by one generator for all devices


class Graph:
    """A function whose work on the GPU is recorded once, as a CUDA graph, and then replayed. Made by ``graph``.

    A replay launches everything at once: the Python code is not run, and the device does not wait for it between
    kernels. What is replayed is exactly what was recorded, so three things must hold:

    * Arguments keep their shapes and dtypes. They are copied to where the recorded kernels read; results are
      Tensors that the next call overwrites.
    * Everything else keeps its memory and its value on the host: parameters and buffers are updated in place as
      always, but the learning rate, ``train()`` and ``eval()`` are those of the recording. After a change,
      call ``reset()``.
    * Inside, the host does not look at results (``.item()``, ``print``, ``if loss < 1``) and brings no values of
      its own (dropout and all random numbers, which are drawn on the host; ``tp.tensor(...)``). This is an error
      while recording.

    Each call is one call of the function, also those that warm up and the one that records.

    Parameters
    ----------
    function : callable
        Called with Tensors that require no gradient, and with anything else that stays the same.
    warmup : int, default 3
        How many calls run as usual first: optimizers make their state, libraries their workspaces.

    Attributes
    ----------
    is_captured : bool
        Whether the next call is a replay.

    Raises
    ------
    RuntimeError
        If the backend in use has no CUDA device, or something cannot be recorded. The message says what, and
        no kernel of that call has run.
    ValueError
        If an argument's shape, dtype or value differs from the recorded one.
    """

    def __init__(self, function: Callable[..., Any], warmup: int = 3) -> None:
        if not callable(function):
            raise TypeError(f"cuda.graph: expected a function, got {type(function).__name__}")
        if isinstance(warmup, bool) or not isinstance(warmup, int) or warmup < 1:
            raise ValueError(f"cuda.graph: warmup must be an integer, at least 1, got {warmup!r}")
        self.function = function
        self.warmup = warmup
        self._calls = 0
        self._stream: Any = None
        self.reset()

    @property
    def is_captured(self) -> bool:
        """Whether the next call is a replay."""
        return self._captured is not None

    def reset(self) -> None:
        """Forget the recording: the next call records again."""
        self._captured: Any = None
        self._inputs: tuple[Any, ...] = ()
        self._result: Any = None

    def __call__(self, *args: Any) -> Any:
        services = _services("graph")
        if self._captured is None:
            _refuse_gradients(args)
            if self._stream is None:
                self._stream = services.new_stream()
            if self._calls < self.warmup:
                result = services.warm_up(lambda: self.function(*args), self._stream)
                self._calls += 1
                return result
            inputs = tuple([leaf(backend.at(a.array).kernels.copy(a.array)) if _is_tensor(a) else a for a in args])
            self._captured, self._result = services.capture(lambda: self.function(*inputs), self._stream)
            self._inputs = inputs
        else:
            self._fill(args)
        self._captured.replay()
        return self._result

    def _fill(self, args: tuple[Any, ...]) -> None:
        """Copy arguments to where the recorded kernels read them."""
        if len(args) != len(self._inputs):
            raise ValueError(f"cuda.graph: recorded with {len(self._inputs)} arguments, got {len(args)}")
        for i, (new, recorded) in enumerate(zip(args, self._inputs, strict=True)):
            if _describe(new) != _describe(recorded):
                raise ValueError(
                    f"cuda.graph: argument {i} was {_describe(recorded)} when the graph was recorded, and is now "
                    f"{_describe(new)}. A graph is one fixed sequence of kernels: pad the batch or drop the last one, "
                    "make another graph for it, or call reset() to record anew"
                )
        _refuse_gradients(args)
        for new, recorded in zip(args, self._inputs, strict=True):
            if _is_tensor(new) and new is not recorded:
                assign(recorded, new.array)


def graph(function: Callable[..., Any] | None = None, *, warmup: int = 3) -> Any:
    """Replay a function as a CUDA graph: usually a whole training step, from ``zero_grad`` to ``step``. See ``Graph``.

    Small networks are bound by the microseconds that Python and each launch cost. Replayed, both vanish.

    Parameters
    ----------
    function : callable
        The step. As a decorator, ``@tp.cuda.graph`` or ``@tp.cuda.graph(warmup=5)``.
    warmup : int, default 3
        How many calls run as usual before one is recorded.

    Returns
    -------
    Graph
        To be called in the function's place.

    Raises
    ------
    RuntimeError
        When called, if the backend in use has no CUDA device, or something in the function cannot be recorded.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> model = tp.nn.Linear(2, 1)
    >>> optimizer = tp.optim.Adam(model.parameters())
    >>> @tp.cuda.graph
    ... def step(x, y):
    ...     optimizer.zero_grad()
    ...     loss = ((model(x) - y) ** 2).mean()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> step.is_captured
    False
    """
    if function is None:
        return lambda decorated: Graph(decorated, warmup)
    return Graph(function, warmup)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Variable)


def _describe(value: Any) -> str:
    """What must not change about an argument, in words."""
    if _is_tensor(value):
        return f"a Tensor of shape {tuple(value.array.shape)} and dtype {as_dtype(value.array.dtype)}"
    return repr(value)


def _refuse_gradients(args: tuple[Any, ...]) -> None:
    for i, value in enumerate(args):
        if _is_tensor(value) and value.requires_grad:
            raise ValueError(
                f"cuda.graph: argument {i} requires a gradient, which would go to the recorded copy of it; "
                "pass it detached, or let the function reach it as a parameter"
            )
