"""Stretches of code with a name, and the methods that become such ranges while somebody profiles."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ..autograd import Function
from ..autograd.recording import Recorder, recording
from ..data import DataLoader
from ..nn.hooks import Hooked, Hooks
from ..optim import Optimizer

__all__ = ["Instruments", "record_function"]

F = TypeVar("F", bound=Callable[..., Any])


class record_function:
    """Name a stretch of code: a row in the table, a bar in the trace. Ranges nest.

    Outside of a profile it costs half a microsecond.

    Parameters
    ----------
    name : str

    Raises
    ------
    TypeError
        If ``name`` is not a str.

    Examples
    --------
    As a context manager, or as a decorator:

    >>> import tiny_pytorch as tp
    >>> @tp.profiler.record_function("double")
    ... def double(x):
    ...     return 2 * x
    >>> with tp.profiler.profile() as prof:
    ...     with tp.profiler.record_function("outer"):
    ...         x = double(tp.ones(3))
    >>> [(event.name, event.kind) for event in prof.events()]
    [('outer', 'range'), ('double', 'range'), ('multiply', 'forward')]
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(
                f"record_function: the name must be a str, got {type(name).__name__}; "
                'a decorator is written @record_function("name")'
            )
        self.name = name
        self._open: list[tuple[Recorder, int] | None] = []  # a stack: the same object may be entered inside itself

    def __enter__(self) -> record_function:
        recorder = recording()
        self._open.append(None if recorder is None else (recorder, recorder.begin(self.name)))
        return self

    def __exit__(self, *error: object) -> None:
        opened = self._open.pop()
        if opened is not None:
            recorder, event = opened
            recorder.end(event)

    def __call__(self, function: F) -> F:
        name = self.name

        @functools.wraps(function)
        def named(*args: Any, **kwargs: Any) -> Any:
            with record_function(name):
                return function(*args, **kwargs)

        return named  # type: ignore[return-value]


class Instruments:
    """Methods that record, in place of those that do not: so they cost nothing while nobody profiles.

    * ``Optimizer.step`` becomes the range ``Adam.step``, each batch of a ``DataLoader`` a range ``DataLoader.next``;
    * a user's ``Function`` becomes one row of forward and backward;
    * with ``modules`` each call of a module becomes a range, named by its path in the outermost one and its class.
    """

    def __init__(self, modules: bool) -> None:
        self._before: list[tuple[type, str, Any]] = []
        self._replace(Optimizer, "step", _recorded_step)
        self._replace(DataLoader, "__iter__", _recorded_batches)
        self._replace(Function, "apply", _recorded_function)
        if modules:
            ranges = _ModuleRanges()  # what runs the hooks of modules that have none, and around those that have some
            self._replace(Hooked, "_hooks", lambda none: ranges)
            self._replace(Hooks, "call", ranges.recorded)

    def _replace(self, owner: type, name: str, recorded: Callable[[Any], Any]) -> None:
        before = vars(owner)[name]
        self._before.append((owner, name, before))
        setattr(owner, name, recorded(before))

    def remove(self) -> None:
        """Put the old methods back."""
        for owner, name, before in self._before:
            setattr(owner, name, before)


def _recorded_step(step: Any) -> Any:
    @functools.wraps(step)
    def recorded(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        with record_function(f"{type(self).__name__}.step"):
            return step(self, *args, **kwargs)

    return recorded


def _recorded_batches(iterate: Any) -> Any:
    @functools.wraps(iterate)
    def recorded(self: DataLoader) -> Iterator[Any]:
        return _each(iterate(self))

    return recorded


def _each(iterator: Iterator[Any]) -> Iterator[Any]:
    end = object()
    while True:
        with record_function("DataLoader.next"):
            batch = next(iterator, end)
        if batch is end:
            return
        yield batch


def _recorded_function(apply: Any) -> Any:
    @functools.wraps(apply.__func__)
    def recorded(cls: type[Function], *args: Any, **kwargs: Any) -> Any:
        recorder = recording()
        if recorder is None:  # another thread's profile has just ended
            return apply.__func__(cls, *args, **kwargs)
        event = recorder.begin(cls.__name__, "forward")
        try:
            return apply.__func__(cls, *args, **kwargs)
        finally:
            recorder.end(event)

    return classmethod(recorded)


class _ModuleRanges:
    """Calls modules inside of ranges, in the place where their hooks would be called."""

    def __init__(self) -> None:
        self._tree = threading.local()  # .paths: of the modules below the outermost one that is being called

    def call(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with self._range(module):
            return module.forward(*args, **kwargs)

    def recorded(self, call: Any) -> Any:
        """``Hooks.call``, inside of a range."""

        @functools.wraps(call)
        def recorded(hooks: Hooks, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            with self._range(module):
                return call(hooks, module, args, kwargs)

        return recorded

    @contextlib.contextmanager
    def _range(self, module: Any) -> Iterator[None]:
        paths = getattr(self._tree, "paths", None)
        is_outermost = paths is None
        if paths is None:
            paths = self._tree.paths = {part: path for path, part in module.named_modules()}
        path, kind = paths.get(module), type(module).__name__
        try:
            with record_function(f"{path} ({kind})" if path else kind):
                yield
        finally:
            if is_outermost:
                self._tree.paths = None
