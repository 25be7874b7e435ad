"""Whether operations record a graph: context managers that are also decorators. The state is each thread's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._ext import engine
from .mode import Mode

__all__ = ["enable_grad", "inference_mode", "is_grad_enabled", "no_grad", "set_grad_enabled"]

is_grad_enabled = engine.is_grad_enabled


class _GradMode(Mode):
    """Sets the mode inside; reentrant and reusable."""

    mode: bool
    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(engine.set_grad_enabled(self.mode))

    def __exit__(self, *error: object) -> None:
        engine.set_grad_enabled(self._before.pop())

    def _copy(self) -> _GradMode:
        return type(self)()


class no_grad(_GradMode):
    """Operations inside record no graph: their results have ``requires_grad=False``.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> w = tp.ones(2, requires_grad=True)
    >>> with tp.no_grad():
    ...     (w * 2).requires_grad
    False
    """

    mode = False
    __slots__ = ()

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        self = super().__new__(cls)
        if function is None:
            return self
        if not callable(function):
            raise TypeError(
                f"{cls.__name__}: expected nothing, or a function to decorate, got {function!r}; "
                "tp.set_grad_enabled(mode) takes True or False"
            )
        self.__init__()  # type: ignore[misc]
        return self(function)  # @no_grad without parentheses

    def __init__(self, function: None = None) -> None:
        super().__init__()


class enable_grad(no_grad):
    """Operations inside record a graph, also within ``no_grad``.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> w = tp.ones(2, requires_grad=True)
    >>> with tp.no_grad(), tp.enable_grad():
    ...     (w * 2).requires_grad
    True
    """

    mode = True
    __slots__ = ()


def inference_mode(mode: Any = True) -> Any:
    """PyTorch's name for ``no_grad`` that scripts use around evaluation; with ``mode=False`` for ``enable_grad``."""
    if isinstance(mode, bool):
        return no_grad() if mode else enable_grad()
    return no_grad(mode)


class set_grad_enabled(_GradMode):
    """Set recording on or off, at once; as a context manager, until its end.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> w = tp.ones(2, requires_grad=True)
    >>> with tp.set_grad_enabled(False):
    ...     (w * 2).requires_grad
    False
    """

    __slots__ = ("_entered", "mode")

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(f"set_grad_enabled: expected True or False, got {mode!r}")
        super().__init__()
        self.mode = mode
        self._entered = False
        self._before.append(engine.set_grad_enabled(self.mode))

    def __enter__(self) -> None:
        if self._entered:
            super().__enter__()
        else:  # the first time, what was before is known already
            self._entered = True
            engine.set_grad_enabled(self.mode)

    def _copy(self) -> _GradMode:
        return type(self)(self.mode)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        engine.set_grad_enabled(self._before.pop())  # as a decorator it sets nothing now
        return super().__call__(function)
