"""Names of ``torch.jit`` that training scripts use: models are run as they are, since there is nothing to compile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

__all__ = ["export", "ignore", "is_scripting", "is_tracing", "load", "save", "script", "trace", "unused"]

T = TypeVar("T")


def script(obj: T, *args: Any, **options: Any) -> T:
    """The module or function itself; further arguments are PyTorch's and without effect.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> layer = tp.nn.Linear(2, 1)
    >>> tp.jit.script(layer) is layer
    True
    """
    if not callable(obj):
        raise TypeError(f"jit.script: expected a Module or a function, got {type(obj).__name__}")
    return obj


def trace(func: T, example_inputs: Any = None, **options: Any) -> T:
    """The module or function itself, after it was called once with the example, so that errors come here.

    Parameters
    ----------
    func : Module or callable
    example_inputs : Tensor or tuple of Tensors, optional
    **options
        Those of ``torch.jit.trace``, without effect.
    """
    if not callable(func):
        raise TypeError(f"jit.trace: expected a Module or a function, got {type(func).__name__}")
    if example_inputs is not None:
        func(*(example_inputs if isinstance(example_inputs, tuple) else (example_inputs,)))
    return func


def ignore(drop: Any = False, **options: Any) -> Any:
    """Decorator that changes nothing; with or without arguments."""
    return drop if callable(drop) else _same


def export(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator that changes nothing."""
    return fn


unused = export


def _same(fn: Callable[..., Any]) -> Callable[..., Any]:
    return fn


def is_scripting() -> bool:
    """False: code is never scripted."""
    return False


def is_tracing() -> bool:
    """False: code is never traced."""
    return False


def save(m: Any, f: Any, **options: Any) -> NoReturn:
    """Always a NotImplementedError: save ``model.state_dict()`` with ``tp.save``."""
    raise NotImplementedError("jit.save: there are no TorchScript files here; save model.state_dict() with tp.save")


def load(f: Any, **options: Any) -> NoReturn:
    """Always a NotImplementedError: TorchScript files hold a program for PyTorch's interpreter."""
    raise NotImplementedError(
        "jit.load: TorchScript files cannot be read here; in PyTorch, save model.state_dict() with torch.save, and "
        "load that with tp.load"
    )
