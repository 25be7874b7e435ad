"""What context managers that switch something for a block have in common: they are decorators too."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

__all__ = ["Mode"]


class Mode:
    """Base of the context managers ``no_grad``, ``autocast``, ...: used as a decorator, each call has its own copy."""

    __slots__ = ()

    def __enter__(self) -> Any:
        raise NotImplementedError

    def __exit__(self, *error: object) -> None:
        raise NotImplementedError

    def _copy(self) -> Mode:
        raise NotImplementedError

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        import inspect  # 5 ms

        if inspect.isgeneratorfunction(function):
            return self._decorate_generator(function)

        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self._copy():
                return function(*args, **kwargs)

        return decorated

    def _decorate_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        # The mode holds while the generator runs, not while its consumer does.
        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            resume, given = generator.send, None
            try:
                while True:
                    with self._copy():
                        value = resume(given)
                    try:
                        resume, given = generator.send, (yield value)
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        resume, given = generator.throw, error
            except StopIteration as stop:
                return stop.value
            finally:
                with self._copy():
                    generator.close()

        return decorated
